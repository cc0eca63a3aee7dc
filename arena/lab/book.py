"""The displayed book of one coin's windows of one length: as arrays while it is made, as rows when it is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from arena.lab.tables import SOURCE
from arena.market.schema import BINARY_QUOTES
from arena.market.tape import F8, I8

BID, ASK = 0, 1


@dataclass(frozen=True, slots=True)
class Book:
    """Books of the UP token in the order the venue saw them, one row each.

    ``event_ns`` and ``recv_ns`` are ns UTC, ``window`` the row's window of the day. ``bid`` and ``ask`` are USD per
    share, 0 and 1 where nobody quotes. Level k lies k steps of ``tick`` behind the best; ``size`` has shape
    (2, levels, n): shares on the bid and the ask side, 0 where there is no such level.
    """

    event_ns: I8
    recv_ns: I8
    window: I8
    bid: F8
    ask: F8
    tick: F8
    size: F8


def best(book: Book) -> tuple[F8, F8]:
    """Best bid and ask of each row, NaN where nobody quotes."""
    bid = np.where((book.bid > 0.0005) & (book.size[BID, 0] > 0.0), book.bid, np.nan)
    ask = np.where((book.ask < 0.9995) & (book.size[ASK, 0] > 0.0), book.ask, np.nan)
    return bid, ask


def book_rows(book: Book, market_ids: pl.Series, asset: str, depth_levels: int) -> pl.DataFrame:
    """Rows of the binary_quotes table; DOWN's book is the mirror of UP's.

    Args:
        book: the books.
        market_ids: id of each window of the day.
        asset: symbol.
        depth_levels: levels in the list columns; 0 leaves them null.
    """
    bid, ask = best(book)
    columns: dict[str, F8 | I8] = {"event_ns": book.event_ns, "recv_ns": book.recv_ns, "up_bid": bid, "up_ask": ask}
    columns["up_bid_size"] = np.where(np.isnan(bid), np.nan, book.size[BID, 0])
    columns["up_ask_size"] = np.where(np.isnan(ask), np.nan, book.size[ASK, 0])
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    frame = frame.with_columns(
        market_id=market_ids.gather(book.window),
        asset=pl.lit(asset),
        native=pl.lit("both"),
        source=pl.lit(SOURCE),
        down_bid=(1.0 - pl.col("up_ask")).round(4),
        down_ask=(1.0 - pl.col("up_bid")).round(4),
        down_bid_size=pl.col("up_ask_size"),
        down_ask_size=pl.col("up_bid_size"),
    )
    if depth_levels:
        frame = frame.with_columns(_depth(book, depth_levels))
    return BINARY_QUOTES.conform(frame)


def _depth(book: Book, levels: int) -> list[pl.Series]:
    out = []
    for side, top, sign, up, down in (
        (BID, book.bid, -1.0, "up_bids", "down_asks"),
        (ASK, book.ask, 1.0, "up_asks", "down_bids"),
    ):
        steps = np.arange(levels)[None, :] * book.tick[:, None]
        price = np.round(top[:, None] + sign * steps, 4)
        size = np.ascontiguousarray(book.size[side, :levels].T)
        there = (price > 0.0005) & (price < 0.9995) & (np.minimum.accumulate(size, axis=1) > 0.0)
        offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64)
        flat_price, flat_size = price[there], size[there]
        for name, values in (
            (f"{up}_px", flat_price),
            (f"{up}_sz", flat_size),
            (f"{down}_px", np.round(1.0 - flat_price, 4)),
            (f"{down}_sz", flat_size),
        ):
            lists = pl.from_arrow(pa.LargeListArray.from_arrays(offsets, values))
            assert isinstance(lists, pl.Series)
            out.append(lists.alias(name))
    return out
