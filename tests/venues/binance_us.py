"""Binance.US: quotes without a time, trades, and an announced end of every connection."""

from __future__ import annotations

import json

from tests.venues.server import Session, Venue


class BinanceUs(Venue):
    """Pings by the protocol; :meth:`shut_down` announces that the server goes."""

    async def heard(self, session: Session, message: str) -> None:
        """Subscriptions are acknowledged with ``result`` null."""
        asked = json.loads(message)
        if asked.get("method") != "SUBSCRIBE" or not all("@" in stream for stream in asked["params"]):
            await session.send({"error": {"code": 2, "msg": "Invalid request"}, "id": asked.get("id")})
            return
        session.subscriptions += asked["params"]
        await session.send({"result": None, "id": asked["id"]})

    async def tick(self, session: Session) -> None:
        """A protocol ping that must be answered, a quote or a trade per stream."""
        pong = await session.socket.ping()
        n, ms = session.published, self.time_ms(session)
        for stream in session.subscriptions:
            symbol, kind = stream.upper().split("@")
            if kind == "BOOKTICKER":
                await session.send({"u": n, "s": symbol, "b": "99.10", "B": "1.5", "a": "99.20", "A": "2.5"})
            else:
                await session.send(
                    {
                        "e": "trade", "E": ms + 3, "s": symbol, "t": n, "p": "99.15", "q": "0.010", "T": ms,
                        "m": n % 2 == 0, "M": True,
                    }
                )  # fmt: skip
        await pong
        self.pings += 1

    async def shut_down(self) -> None:
        """Announce the end, as the venue does ten minutes before."""
        await self.tell({"e": "serverShutdown", "E": 1_790_000_000_000})
