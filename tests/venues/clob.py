"""The CLOB's public reading part: price histories, markets, books; and the histories that the Data API keeps."""

from __future__ import annotations

from typing import Any

from tests.venues.rest import Asked, NotFound, VenueServer


class ClobServer(VenueServer):
    """``histories``: token id to points ``(second, price)``, served as listed; ``markets`` and ``books`` by id.

    ``kept``: what the Data API has of them, ``(second, price, seconds it stands for)``, ``kept_page`` points a page.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.histories: dict[str, list[tuple[int, float]]] = {}
        self.kept: dict[str, list[tuple[int, float, int]]] = {}
        self.kept_page = 100
        self.markets: dict[str, dict[str, Any]] = {}
        self.books: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/prices-history":
            points = self.histories.get(asked.one("market"), [])
            start, end = int(asked.one("startTs")), int(asked.one("endTs"))
            return {"history": [{"t": t, "p": p} for t, p in points if start <= t <= end]}
        if asked.path == "/v2/prices-history":
            return self._kept(asked)
        kind, _, name = asked.path.removeprefix("/").partition("/")
        found = self.books.get(asked.one("token_id")) if kind == "book" else self.markets.get(name)
        if found is None:
            raise NotFound
        if kind != "clob-markets":
            return found
        return {
            "t": [{"t": token["token_id"], "o": token["outcome"]} for token in found["tokens"]],
            "mts": 0.01,
            "mos": 5,
            "mbf": 1000,
            "tbf": 1000,
            "itode": True,
            "fd": {"r": 0.07, "e": 1, "to": True},
        }

    def _kept(self, asked: Asked) -> Any:
        start, end = int(asked.one("start")), int(asked.one("end"))
        points = [p for p in self.kept.get(asked.one("token_id"), []) if start <= p[0] <= end]
        place = int(asked.one("cursor")) if "cursor" in asked.params else 0
        page = points[place : place + self.kept_page]
        more = place + self.kept_page < len(points)
        return {
            "data": [{"timestamp": t, "price": p, "resolution_seconds": s} for t, p, s in page] or None,
            "pagination": {"has_more": more, "next_cursor": str(place + self.kept_page) if more else None},
        }
