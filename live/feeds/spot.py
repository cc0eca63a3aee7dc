"""Tops of books: what every spot feed turns its messages into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from arena.units import SECOND
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows


@dataclass(slots=True)
class Top:
    """Best bid and ask with sizes, and the last trade, as far as the connection has told."""

    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    quoted_ns: int = 0
    """When bid and ask were told last (ns UTC)."""


class SpotParser(FeedParser):
    """A parser of one venue's tickers.

    Venues that send quotes and trades in different messages leave the other half as it was last told on the
    same connection; a new connection starts from nothing.

    Args:
        venue: the venue's name in the tables.
        quote: the currency its prices are in.
        symbols: the venue's symbols and their coins.
        kinds: its channels, as the first part of their streams' names: ``spot`` brings quotes, ``trades`` last prices.
        stale_s: seconds after which a quote is left out of rows that another channel makes.
    """

    def __init__(
        self,
        venue: str,
        quote: str,
        symbols: dict[str, str],
        kinds: Sequence[str] = ("spot",),
        stale_s: float = math.inf,
    ) -> None:
        super().__init__([(f"{kind}/{venue}", asset) for kind in kinds for asset in symbols.values()], symbols)
        self.venue = venue
        self.quote = quote
        self._stale_s = stale_s
        self._tops: dict[tuple[int, str], Top] = {}

    def asset(self, symbol: str) -> str | None:
        """The coin of a symbol; symbols that nobody asked for are counted."""
        asset = self.symbols.get(symbol)
        if asset is None:
            self.counts["unknown_symbol"] += 1
        return asset

    def top(self, frame: Frame, asset: str) -> Top:
        """What the connection has told of the coin so far; changed in place."""
        return self._tops.setdefault((frame.conn, asset), Top())

    def quoted(self, frame: Frame, rows: Rows, asset: str, event_ns: int | None, top: Top, kind: str = "spot") -> None:
        """One row of ``spot``, from the channel ``kind``; a quote that is too old is null."""
        self.seen((f"{kind}/{self.venue}", asset), frame, rows)
        if kind == "spot":
            top.quoted_ns = frame.recv_ns
        if (frame.recv_ns - top.quoted_ns) / SECOND > self._stale_s:
            top = Top(last=top.last)
        rows.spot(
            event_ns, frame.recv_ns, self.venue, asset, self.quote,
            top.bid, top.ask, top.last, top.bid_size, top.ask_size,
        )  # fmt: skip

    def lost(self, conn: int) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        super().lost(conn)
        self._tops = {key: top for key, top in self._tops.items() if key[0] != conn}
