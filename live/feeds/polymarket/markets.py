"""Up/down markets by condition and by token, as far as Gamma has named them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from arena.units import SECOND
from live.feeds.base import StreamKey

UP, DOWN = 0, 1
TOKENS = ("up", "down")

KEPT_S = 3600
"""How long after its close a market is remembered: late trades and its resolution still find it."""


@dataclass(slots=True)
class Market:
    """One window. ``tokens`` are (UP, DOWN); ``slot`` is its place among the pairs of books.

    ``awaiting`` holds the tokens whose book is unknown until a snapshot; ``conn`` is the connection that spoke
    of it last; ``row`` is its row of ``windows`` as last told.
    """

    market_id: str
    asset: str
    condition_id: str
    tokens: tuple[str, str]
    close_ns: int
    slot: int
    row: dict[str, Any]
    stream: StreamKey
    conn: int = -1
    awaiting: set[int] = field(default_factory=lambda: {UP, DOWN})


class Markets:
    """The markets a parser knows. Slots of forgotten markets are used again."""

    def __init__(self) -> None:
        self.by_condition: dict[str, Market] = {}
        self.books: dict[str, int] = {}
        """Token id to the number of its book: ``2 slot`` for UP, ``2 slot + 1`` for DOWN."""
        self.slots: list[Market | None] = []

    def add(self, row: dict[str, Any]) -> Market:
        """Remember the market of a windows row."""
        free = next((slot for slot, market in enumerate(self.slots) if market is None), len(self.slots))
        market = Market(
            market_id=row["market_id"],
            asset=row["asset"],
            condition_id=row["condition_id"],
            tokens=(row["up_token_id"], row["down_token_id"]),
            close_ns=row["close_ns"],
            slot=free,
            row=row,
            stream=(f"binary_quotes/{row['market_id']}", row["asset"]),
        )
        self.slots[free : free + 1] = [market]
        self.by_condition[market.condition_id] = market
        for token, token_id in enumerate(market.tokens):
            self.books[token_id] = 2 * free + token
        return market

    def past(self, now_ns: int) -> list[Market]:
        """Markets that closed long before ``now_ns``."""
        return [m for m in self.by_condition.values() if m.close_ns + KEPT_S * SECOND < now_ns]

    def drop(self, market: Market) -> None:
        """Forget a market."""
        del self.by_condition[market.condition_id]
        for token_id in market.tokens:
            del self.books[token_id]
        self.slots[market.slot] = None
