"""The Data API, version 2: trades in pages, newest first, walked by opaque cursors."""

from __future__ import annotations

from typing import Any

from tests.venues.rest import Asked, VenueServer


def trade(condition_id: str, token_id: str, at_s: int, number: int = 0, **fields: Any) -> dict[str, Any]:
    """A row as the venue gives it."""
    return {
        "proxy_wallet": f"0xAB{number:038x}",
        "side": "BUY",
        "token_id": token_id,
        "condition_id": condition_id,
        "size": 10.0,
        "price": 0.62,
        "timestamp": at_s,
        "title": "Bitcoin Up or Down",
        "slug": "",
        "outcome": "Up" if token_id.startswith("1") else "Down",
        "outcome_index": 999,
        "transaction_hash": f"0x{number:064x}",
    } | fields


class DataApiServer(VenueServer):
    """``trades`` by condition id; ``page`` rows each.

    ``overlap`` rows of a page come again on the next; ``circle`` sends the first cursor for ever; ``stuck`` sends
    the first page under ever new cursors; ``trailing`` ends with an empty page.
    """

    def __init__(
        self,
        page: int = 3,
        overlap: int = 0,
        circle: bool = False,
        stuck: bool = False,
        trailing: bool = False,
        **kw: Any,
    ) -> None:
        super().__init__(**kw)
        self.trailing = trailing
        self.trades: dict[str, list[dict[str, Any]]] = {}
        self.page, self.overlap, self.circle, self.stuck = page, overlap, circle, stuck

    def answer(self, asked: Asked) -> Any:
        rows = self.trades.get(asked.one("condition_id"), [])
        place = int(asked.one("cursor").removeprefix("opaque-")) if "cursor" in asked.params else 0
        start = 0 if self.stuck else max(0, place - self.overlap)
        more = place + self.page < len(rows) + self.trailing or self.stuck or self.circle
        following = self.page if self.circle else place + self.page
        return {
            "data": rows[start : start + self.page + (place - start if not self.stuck else 0)],
            "pagination": {"has_more": more, "next_cursor": f"opaque-{following}" if more else None},
        }
