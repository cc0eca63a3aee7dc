"""Tops of books: what every spot feed turns its messages into."""

from __future__ import annotations

from dataclasses import dataclass

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


class SpotParser(FeedParser):
    """A parser of one venue's tickers.

    Venues that send quotes and trades in different messages leave the other half as it was last told on the
    same connection; a new connection starts from nothing.

    Args:
        venue: the venue's name in the tables.
        quote: the currency its prices are in.
        symbols: the venue's symbols and their coins.
    """

    def __init__(self, venue: str, quote: str, symbols: dict[str, str]) -> None:
        super().__init__([(f"spot/{venue}", asset) for asset in symbols.values()])
        self.venue = venue
        self.quote = quote
        self.symbols = symbols
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

    def quoted(self, frame: Frame, rows: Rows, asset: str, event_ns: int | None, top: Top) -> None:
        """One row of ``spot``."""
        self.seen((f"spot/{self.venue}", asset), frame, rows)
        rows.spot(
            event_ns, frame.recv_ns, self.venue, asset, self.quote,
            top.bid, top.ask, top.last, top.bid_size, top.ask_size,
        )  # fmt: skip

    def lost(self, conn: int) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        super().lost(conn)
        self._tops = {key: top for key, top in self._tops.items() if key[0] != conn}
