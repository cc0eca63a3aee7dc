"""Does a recorded book agree with the best prices that were recorded beside it?

Two recordings of one instrument, made over two connections, vouch for each other: the book rebuilt from
snapshots and changes, and the venue's own best bid and ask.

**A check** is made after every depth message that was applied to a trusted book: its best bid and best ask
must be, both and exactly, those of the last best-price update received at or before the message. The venue
sends best prices at once and depth in batches, so a batch may arrive while a newer best price is still on
its way: full agreement is not to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.errors import DataError
from arena.market.book_replay import replay
from arena.market.catalog import Catalog

IDS_SKIP = ("binance_usdm", "binance_coinm")
"""Venues whose ``first_id`` does not join on to the last id of the message before: gaps cannot be seen there."""


@dataclass(frozen=True, slots=True)
class BookCheck:
    """One instrument: its depth messages by what became of them, the checks made, and how many agreed."""

    venue: str
    symbol: str
    source: str
    rows: int
    messages: dict[str, int]
    checks: int
    agreed: int

    @property
    def agreement(self) -> float:
        """Share of checks that agreed; NaN without checks."""
        return self.agreed / self.checks if self.checks else float("nan")


def check_book(depth: pl.DataFrame, best: pl.DataFrame) -> BookCheck:
    """Replay one book against its best prices.

    Args:
        depth: ``l2`` rows of one venue, symbol and source, in time order.
        best: ``spot`` rows of the same instrument, in time order.

    Raises:
        DataError: no depth, rows of several books, or rows that are not in time order.
    """
    if depth.is_empty():
        raise DataError("There are no l2 rows to replay.")
    if not best["recv_ns"].is_sorted():
        raise DataError("The best prices are not in time order; sort them by recv_ns.")
    venue, symbol, source = depth.select("venue", "symbol", "source").row(0)
    found = replay(depth, contiguous=venue not in IDS_SKIP)
    last = np.searchsorted(best["recv_ns"].to_numpy(), found.at_ns, side="right") - 1
    checked = found.trusted & (last >= 0)
    told = best.select("bid", "ask")[last[checked]]
    agreed = (found.bid_px[checked, 0] == told["bid"].to_numpy()) & (found.ask_px[checked, 0] == told["ask"].to_numpy())
    return BookCheck(venue, symbol, source, depth.height, found.messages, int(checked.sum()), int(agreed.sum()))


def check_books(catalog: Catalog) -> tuple[BookCheck, ...]:
    """:func:`check_book` for every book of a catalog, by venue, symbol and source.

    Best prices are those of the same venue, coin and source; where there are none, no checks are made.

    Raises:
        DataError: no l2 rows, or several instruments whose best prices cannot be told apart.
    """
    depth = catalog.scan("l2").collect()
    if depth.is_empty():
        raise DataError(f"{catalog.path} has no l2 rows; import crypto_depth_diffs.parquet, or record depth.")
    checks = []
    names = ["venue", "symbol", "source"]
    for (venue, _, source), rows in depth.partition_by(names, as_dict=True, maintain_order=True).items():
        asset = rows["asset"][0]
        alike = depth.filter(venue=venue, asset=asset, source=source)["symbol"].n_unique()
        best = catalog.scan("spot", asset=asset).filter(venue=venue, source=source).sort("recv_ns").collect()
        if alike > 1 and best.height:
            raise DataError(
                f"{catalog.path}: {venue} {source} has {alike} books of {asset}, and spot does not say which its best "
                "prices are of; replay a catalog with one of them."
            )
        checks.append(check_book(rows.sort("recv_ns", maintain_order=True), best))
    return tuple(sorted(checks, key=lambda check: (check.venue, check.symbol, check.source)))
