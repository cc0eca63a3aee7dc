"""Coinbase Advanced Trade market data: numbered envelopes, heartbeats, tickers, order books."""

from __future__ import annotations

import json
from typing import Any

from tests.venues.server import Session, Venue

CHANNELS = ("ticker", "level2", "heartbeats")


def stamp(ms: int) -> str:
    """A time the way Coinbase writes it: RFC 3339 with nanoseconds."""
    seconds, rest = divmod(ms, 1000)
    day, of_day = divmod(seconds, 86_400)
    if day != 20_717:
        raise ValueError("these tests live on one day")
    return f"2026-09-21T{of_day // 3600:02}:{of_day % 3600 // 60:02}:{of_day % 60:02}.{rest:03}456789Z"


class Coinbase(Venue):
    """The first subscription must come within 5 s. ``skip`` loses that many messages, the way a network does."""

    first_message_s = 5.0
    idle_limit_s = None

    def __init__(self, *, speed: float = 1.0, every_s: float = 0.01) -> None:
        super().__init__(speed=speed, every_s=every_s)
        self.skip = 0

    async def heard(self, session: Session, message: str) -> None:
        """Subscriptions are acknowledged with the whole list; an order book begins with a snapshot."""
        asked = json.loads(message)
        channel = asked.get("channel")
        if channel not in CHANNELS:
            await session.send({"type": "error", "message": f"channel {channel} is not supported"})
            return
        entries = [(channel, product) for product in asked["product_ids"]]
        if asked["type"] == "unsubscribe":
            session.subscriptions = [entry for entry in session.subscriptions if entry not in entries]
            return
        session.subscriptions += entries
        await self._send(session, "subscriptions", [{"subscriptions": {channel: asked["product_ids"]}}])
        if channel == "level2":
            for product in asked["product_ids"]:
                await self._send(session, "l2_data", [_book("snapshot", product, [(99.0, 1.0), (98.0, 2.0)], 101.0)])

    async def tick(self, session: Session) -> None:
        """One heartbeat, and one message per subscription."""
        n = session.published
        await self._send(session, "heartbeats", [{"current_time": "now", "heartbeat_counter": str(n)}])
        for channel, product in list(session.subscriptions):
            if channel == "ticker":
                await self._send(session, "ticker", [{"type": "update", "tickers": [_ticker(product, n)]}])
            elif channel == "level2":
                update = _book("update", product, [(99.5, float(n % 3))], 101.0, stamp(self.time_ms(session)))
                await self._send(session, "l2_data", [update])

    async def _send(self, session: Session, channel: str, events: list[Any]) -> None:
        number = session.sequence
        session.sequence += 1
        if self.skip:
            self.skip -= 1
            return
        envelope = {"channel": channel, "client_id": "", "timestamp": stamp(self.time_ms(session))}
        await session.send({**envelope, "sequence_num": number, "events": events})


def _ticker(product: str, n: int) -> dict[str, str]:
    return {
        "type": "ticker", "product_id": product, "price": f"{3120.5 + n % 7:.1f}", "volume_24_h": "91000",
        "best_bid": "3120.4", "best_bid_quantity": "1.2", "best_ask": "3130.6", "best_ask_quantity": "0.7",
    }  # fmt: skip


def _book(
    kind: str, product: str, bids: list[tuple[float, float]], ask: float, at: str = "1970-01-01T00:00:00Z"
) -> dict[str, Any]:
    levels = [("bid", price, size) for price, size in bids] + [("offer", ask, 3.0)]
    updates = [
        {"side": side, "event_time": at, "price_level": str(price), "new_quantity": str(size)}
        for side, price, size in levels
    ]
    return {"type": kind, "product_id": product, "updates": updates}
