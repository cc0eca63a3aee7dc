"""RTDS with its habits: silence after a blank in a filter, one bad topic fails all, mislabelled backfill."""

from __future__ import annotations

import json
from typing import Any

from tests.venues.server import Session, Venue

WINDOWS = {"crypto_prices_chainlink": None, "crypto_prices_twap_thirty": 30, "crypto_prices_twap_sixty": 60}


class Rtds(Venue):
    """``PING`` gets no answer, and so do subscriptions: the first thing to come is data."""

    async def heard(self, session: Session, message: str) -> None:
        """Subscribe; the backfill of three earlier reports comes as type ``subscribe``, labelled as something else."""
        if message == "PING":
            self.pings += 1
            return
        asked = json.loads(message)["subscriptions"]
        if any(s["topic"] not in WINDOWS for s in asked):
            await session.send({"message": "unauthorized", "statusCode": 401})
            return
        for subscription in asked:
            if " " in subscription["filters"]:
                continue
            topic, symbol = subscription["topic"], json.loads(subscription["filters"])["symbol"]
            session.subscriptions.append((topic, symbol))
            label = "crypto_prices" if WINDOWS[topic] is None else topic
            points = [{"timestamp": self.time_ms(session) - 1000 * back, "value": 3119.0} for back in (2, 1, 0)]
            payload: dict[str, Any] = {"symbol": symbol, "data": points}
            sent = {"topic": label, "type": "subscribe", "timestamp": self.time_ms(session)}
            await session.send({**sent, "payload": payload})

    async def tick(self, session: Session) -> None:
        """One report per subscription."""
        ms = self.time_ms(session)
        for topic, symbol in session.subscriptions:
            payload = {
                "symbol": symbol, "timestamp": ms, "value": 3120.55, "full_accuracy_value": "3120550000000000000000",
            }  # fmt: skip
            if (window := WINDOWS[topic]) is not None:
                payload["window_s"] = window
            await session.send({"topic": topic, "type": "update", "timestamp": ms + 410, "payload": payload})
