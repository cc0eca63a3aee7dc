"""Kraken version 2: JSON numbers, a heartbeat when idle, timestamps that may be absent."""

from __future__ import annotations

import json
from typing import Any

from tests.venues.server import Session, Venue

NOW = "2026-09-21T14:13:20.123456Z"


class Kraken(Venue):
    """``timed`` says whether tickers carry a timestamp."""

    def __init__(self, *, speed: float = 100.0, every_s: float = 0.01, timed: bool = True) -> None:
        super().__init__(speed=speed, every_s=every_s)
        self.timed = timed
        self.unlisted: set[str] = set()
        self.mute: set[str] = set()
        """Symbols that say nothing but their answer to a subscription."""

    async def welcome(self, session: Session) -> None:
        """The state of the exchange."""
        state = {"version": "2.0.0", "system": "online", "api_version": "v2", "connection_id": 1}
        await session.send({"channel": "status", "type": "update", "data": [state]})

    async def heard(self, session: Session, message: str) -> None:
        """Pings and subscriptions."""
        asked = json.loads(message)
        if asked["method"] == "ping":
            self.pings += 1
            await session.send({"method": "pong", "time_in": NOW, "time_out": NOW})
            return
        wanted = asked["params"]
        if asked["method"] == "unsubscribe":
            session.subscriptions = [s for s in session.subscriptions if s not in wanted["symbol"]]
            return
        for symbol in wanted["symbol"]:
            if wanted["channel"] != "ticker" or symbol in self.unlisted:
                error = f"Currency pair not supported {symbol}"
                await session.send({"error": error, "method": "subscribe", "success": False, "symbol": symbol})
                continue
            session.subscriptions.append(symbol)
            result = {"channel": "ticker", "event_trigger": wanted["event_trigger"], "snapshot": True, "symbol": symbol}
            await session.send({"method": "subscribe", "result": result, "success": True})
            if not self.silent:
                await self._ticker(session, symbol, "snapshot")

    async def tick(self, session: Session) -> None:
        """A heartbeat, and a ticker per coin."""
        await session.send({"channel": "heartbeat"})
        for symbol in session.subscriptions:
            if symbol not in self.mute:
                await self._ticker(session, symbol, "update")

    async def _ticker(self, session: Session, symbol: str, kind: str) -> None:
        ticker: dict[str, Any] = {
            "symbol": symbol, "bid": 0.10025, "bid_qty": 740.0, "ask": 0.10036, "ask_qty": 1361.44813783,
            "last": 0.10035, "volume": 997038.98383185, "vwap": 0.10148, "low": 0.0979, "high": 0.10285,
        }  # fmt: skip
        if self.timed:
            ticker["timestamp"] = NOW
        await session.send({"channel": "ticker", "type": kind, "data": [ticker]})
