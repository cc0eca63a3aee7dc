"""PolyBolt: credentials first, then numbered reports; speaks in close codes."""

from __future__ import annotations

import json

from tests.venues.server import Session, Venue

API_KEY = "key"


class PolyBolt(Venue):
    """``skip`` loses reports, ``dropped`` admits that the server did; close codes 4001, 4002, 4003 and 4008."""

    def __init__(self, *, speed: float = 100.0, every_s: float = 0.01) -> None:
        super().__init__(speed=speed, every_s=every_s)
        self.skip = 0
        self.dropped = 0

    async def heard(self, session: Session, message: str) -> None:
        """Authorise, subscribe (acknowledged one by one), answer pings."""
        asked = json.loads(message)
        if asked["op"] == "ping":
            self.pings += 1
            await session.send({"op": "pong"})
        elif asked["op"] == "auth":
            if asked["auth"]["apiKey"] != API_KEY:
                await session.socket.close(4001, "unauthorized")
            else:
                session.sequence = 1
                await session.send({"op": "authed", "rid": asked["rid"]})
        elif session.sequence == 0:
            await session.socket.close(4008, "subscribe before auth")
        else:
            for wanted in asked["subscriptions"]:
                session.subscriptions.append(wanted["filter"])
                await session.send({"op": "subscribed", "rid": asked["rid"], "channel": wanted["channel"]})

    async def tick(self, session: Session) -> None:
        """One report per subscription, numbered by channel."""
        ms = self.time_ms(session)
        for wanted in session.subscriptions:
            number = session.sequence
            session.sequence += 1
            if self.skip:
                self.skip -= 1
                continue
            payload = {
                "symbol": wanted["symbol"], "source": "chainlink", "value": 3120.55,
                "full_accuracy_value": "3120.5500001", "timestamp": ms, "window_seconds": wanted["window_seconds"],
            }  # fmt: skip
            frame = {"v": 1, "channel": "price.crypto.twap", "seq": number, "ts": ms + 90, "payload": payload}
            if self.dropped:
                frame["dropped"], self.dropped = self.dropped, 0
            await session.send(frame)
