"""The CLOB's public reading part: price histories, markets, books."""

from __future__ import annotations

from typing import Any

from tests.venues.rest import Asked, NotFound, VenueServer


class ClobServer(VenueServer):
    """``histories``: token id to points ``(second, price)``, served as listed; ``markets`` and ``books`` by id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.histories: dict[str, list[tuple[int, float]]] = {}
        self.markets: dict[str, dict[str, Any]] = {}
        self.books: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/prices-history":
            points = self.histories.get(asked.one("market"), [])
            start, end = int(asked.one("startTs")), int(asked.one("endTs"))
            return {"history": [{"t": t, "p": p} for t, p in points if start <= t <= end]}
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
