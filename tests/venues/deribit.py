"""Deribit's volatility index: candles newest part first, with a continuation to the part before."""

from __future__ import annotations

from typing import Any

from tests.venues.rest import Asked, VenueServer


class DeribitServer(VenueServer):
    """``index`` maps the open of a candle (ms UTC) to its close in per cent; ``page`` candles a reply."""

    def __init__(self, page: int = 1000, stuck: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index: dict[int, float] = {}
        self.page, self.stuck = page, stuck

    def answer(self, asked: Asked) -> Any:
        start, end = int(asked.one("start_timestamp")), int(asked.one("end_timestamp"))
        inside = sorted(ms for ms in self.index if start <= ms <= end)
        page = inside[-self.page :]
        going_on = page[0] if len(inside) > self.page else None
        if self.stuck:
            going_on = end
        data = [[ms, v, v + 1, v - 1, v] for ms, v in ((ms, self.index[ms]) for ms in page)]
        return {
            "jsonrpc": "2.0",
            "result": {"data": data, "continuation": going_on},
            "usIn": 1,
            "usOut": 2,
            "testnet": False,
        }
