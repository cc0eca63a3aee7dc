"""Gamma as it answers: events with one market each, lists as JSON texts, prices in ``eventMetadata``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.venues.rest import Asked, NotFound, VenueServer

LENGTHS = {"5m": 300, "15m": 900, "4h": 14_400}


def utc(epoch_s: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return datetime.fromtimestamp(epoch_s, tz=UTC).strftime(form)


def event(slug: str, /, *, resolved: str | None = "Up", version: str | None = "v1", **market: Any) -> dict[str, Any]:
    """An event as Gamma gives it; ``resolved`` is the winner, ``market`` replaces fields of its market."""
    _, _, length, epoch = slug.split("-")
    start, end = int(epoch), int(epoch) + LENGTHS[length]
    fields: dict[str, Any] = {
        "id": epoch,
        "slug": slug,
        "question": f"Up or Down - {utc(start)}",
        "conditionId": f"0x{int(epoch):064x}",
        "outcomes": '["Up", "Down"]',
        "outcomePrices": '["0.505", "0.495"]'
        if resolved is None
        else json.dumps(["01"[resolved == o] for o in ("Up", "Down")]),
        "clobTokenIds": json.dumps([f"1{epoch}", f"2{epoch}"]),
        "startDate": utc(start - 86_100),
        "eventStartTime": utc(start),
        "endDate": utc(end),
        "active": True,
        "closed": resolved is not None,
        "acceptingOrders": resolved is None,
        "orderMinSize": 5,
        "orderPriceMinTickSize": 0.01,
        "negRisk": False,
        "volume": "1234.5",
        "volumeNum": 1234.5,
        "feesEnabled": True,
        "feeType": "crypto_fees_v2",
        "feeSchedule": {"exponent": 1, "rate": 0.07, "takerOnly": True, "rebateRate": 0.2},
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "resolutionSource": "https://data.chain.link/streams/btc-usd-twap-60s-streams",
        "cryptoMarketConfig": {"id": "btc-5m-twap-60", "asset": "btc", "twapEnabled": True, "twapLookbackSeconds": 60},
    }
    if resolved is not None:
        fields |= {"umaResolutionStatus": "resolved", "closedTime": utc(end + 54, "%Y-%m-%d %H:%M:%S+00")}
    if version is not None:
        fields["version"] = version
    final = 100_000.5 if resolved == "Up" else 99_999.25
    prices = {"priceToBeat": 100_000.25} | ({"finalPrice": final} if resolved else {})
    return {"id": epoch, "slug": slug, "eventMetadata": prices, "markets": [fields | market]}


class GammaServer(VenueServer):
    """Serves ``events``: by slug, or in lists of open or of closed ones, ``page`` at a time.

    ``circle`` sends one cursor for ever. The old list (``/events``) is gone.
    """

    def __init__(self, page: int = 100, circle: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.events: dict[str, dict[str, Any]] = {}
        self.page, self.circle = page, circle

    def list_windows(self, asset: str, length: str, first_s: int, count: int, **changes: Any) -> list[str]:
        slugs = [f"{asset}-updown-{length}-{first_s + i * LENGTHS[length]}" for i in range(count)]
        self.events |= {slug: event(slug, **changes) for slug in slugs}
        return slugs

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/events/keyset":
            closed = asked.one("closed") == "true"
            wanted = [self.events[slug] for slug in asked.params["slug"] if slug in self.events]
            wanted = [found for found in wanted if found["markets"][0]["closed"] is closed]
            start = int(asked.params.get("after_cursor", ["0"])[0])
            end = start + min(self.page, int(asked.one("limit")))
            more = end < len(wanted) or self.circle
            return {"events": wanted[start:end]} | (
                {"next_cursor": str(self.page if self.circle else end)} if more else {}
            )
        kind, _, slug = asked.path.removeprefix("/").partition("/slug/")
        if slug not in self.events:
            raise NotFound
        if kind == "markets":
            found = self.events[slug]
            return found["markets"][0] | {"events": [{k: v for k, v in found.items() if k != "markets"}]}
        return self.events[slug]
