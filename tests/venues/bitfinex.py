"""Bitfinex: arrays by channel number, numbered and timed only where the flags asked for it."""

from __future__ import annotations

import json
from typing import Any

from tests.venues.server import Session, Venue

TIMESTAMP, SEQUENCE = 32768, 65536
TICKER = [7616.5, 31.89, 7617.5, 43.35, -550.8, -0.0674, 7617.1, 8314.71, 8257.8, 7500]


class Bitfinex(Venue):
    """``skip`` loses that many messages; :meth:`inform` sends an info code."""

    def __init__(self, *, speed: float = 100.0, every_s: float = 0.01) -> None:
        super().__init__(speed=speed, every_s=every_s)
        self.skip = 0
        self.flags = 0

    async def welcome(self, session: Session) -> None:
        """Version and state of the platform."""
        await session.send({"event": "info", "version": 2, "serverId": "a1", "platform": {"status": 1}})

    async def heard(self, session: Session, message: str) -> None:
        """Flags and subscriptions; channels are numbered from 100."""
        asked = json.loads(message)
        if asked["event"] == "conf":
            self.flags = asked["flags"]
            await session.send({"event": "conf", "status": "OK", "flags": self.flags})
        elif asked["event"] == "subscribe" and asked["symbol"].startswith("t"):
            chan = 100 + len(session.subscriptions)
            session.subscriptions.append(chan)
            answer = {"event": "subscribed", "channel": "ticker", "chanId": chan, "symbol": asked["symbol"]}
            await session.send({**answer, "pair": asked["symbol"][1:]})
        else:
            await session.send({"event": "error", "msg": "symbol: invalid", "code": 10300})

    async def tick(self, session: Session) -> None:
        """A ticker and a heartbeat per channel."""
        for chan in session.subscriptions:
            await self._send(session, chan, TICKER)
            await self._send(session, chan, "hb")

    async def _send(self, session: Session, chan: int, body: Any) -> None:
        session.sequence += 1
        if self.skip:
            self.skip -= 1
            return
        tail = [session.sequence] if self.flags & SEQUENCE else []
        tail += [self.time_ms(session)] if self.flags & TIMESTAMP else []
        await session.send([chan, body, *tail])

    async def inform(self, code: int) -> None:
        """20051 asks to reconnect, 20060 begins maintenance, 20061 ends it."""
        await self.tell({"event": "info", "code": code, "msg": "told so"})
