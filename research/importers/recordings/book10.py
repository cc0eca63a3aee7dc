"""Ten levels of a Polymarket book, of the recorded token and of its complement.

A bid for DOWN at p is an offer of UP at 1 - p: level k of one side is level k of the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arena.market.schema import TABLES
from research.importers import defects
from research.importers.coins import updown_asset
from research.importers.recording import Converted, Recording, text, to_ns

NOBODY = "polymarket_btc5m_book10"
"""Source of books whose file does not say who recorded them, until quotes or windows of their markets do."""

_TICKS = 10_000
"""Prices are whole numbers of 1/10,000 dollar: divided once, each is the double nearest to its decimal."""
_LEVELS = 10
_PX, _SZ = (
    {side: [f"{side}_{what}_{k}" for k in range(_LEVELS)] for side in ("bid", "ask")} for what in ("px_e4", "sz")
)

Matrix = NDArray[Any]


def polymarket_btc5m_book10(frame: pl.DataFrame) -> Converted:
    """Ten levels of the recorded token, and of the other one as its exact complement."""
    bid_ticks, bid_sizes, n_bids = _ladder(frame, "bid")
    ask_ticks, ask_sizes, n_asks = _ladder(frame, "ask")
    up = (frame["side"] == "up").fill_null(False).to_numpy()
    # Of a row that names no token nothing can be said: an empty book, for the quality rules to name.
    known = frame["side"].is_in(["up", "down"]).fill_null(False).to_numpy()
    level = up[:, None]
    up_bids = np.where(level, bid_ticks, _TICKS - ask_ticks)
    up_asks = np.where(level, ask_ticks, _TICKS - bid_ticks)
    n_up_bids, n_up_asks = np.where(up, n_bids, n_asks) * known, np.where(up, n_asks, n_bids) * known
    sizes = {
        "bid": _lists(np.where(level, bid_sizes, ask_sizes), n_up_bids),
        "ask": _lists(np.where(level, ask_sizes, bid_sizes), n_up_asks),
    }
    ladders = {
        "up_bids_px": _lists(up_bids / _TICKS, n_up_bids),
        "up_bids_sz": sizes["bid"],
        "up_asks_px": _lists(up_asks / _TICKS, n_up_asks),
        "up_asks_sz": sizes["ask"],
        "down_bids_px": _lists((_TICKS - up_asks) / _TICKS, n_up_asks),
        "down_bids_sz": sizes["ask"],
        "down_asks_px": _lists((_TICKS - up_bids) / _TICKS, n_up_bids),
        "down_asks_sz": sizes["bid"],
    }
    tops = {
        f"{token}_{side}{suffix}": ladders[f"{token}_{side}s_{what}"].list.first()
        for token in ("up", "down")
        for side in ("bid", "ask")
        for what, suffix in (("px", ""), ("sz", "_size"))
    }
    quotes = frame.select(
        to_ns("event_ms").alias("event_ns"),
        to_ns("recv_ms").alias("recv_ns"),
        "market_id",
        updown_asset(frame["market_id"]),
        pl.col("side").alias("native"),
        text(NOBODY, "source"),
    ).with_columns(**tops, **ladders)
    return Converted(
        {"binary_quotes": TABLES["binary_quotes"].conform(quotes)},
        {"binary_quotes": {NOBODY: defects.BOOK10}},
    )


def _ladder(frame: pl.DataFrame, side: str) -> tuple[Matrix, Matrix, Matrix]:
    """Ticks and sizes of one side, shape (rows, levels), levels that are there first; and how many those are."""
    # A level of size zero is no level; a negative or NaN size stays, for the quality rules to name.
    sizes = frame.select(
        pl.when(pl.col(px).is_not_null()).then(pl.col(sz).cast(pl.Float64)).fill_null(0.0).alias(sz)
        for px, sz in zip(_PX[side], _SZ[side], strict=True)
    ).to_numpy(order="c")
    ticks = frame.select(pl.col(px).fill_null(0) for px in _PX[side]).to_numpy(order="c")
    there = sizes != 0.0
    count = there.sum(axis=1)
    holes = np.flatnonzero((there[:, 1:] & ~there[:, :-1]).any(axis=1))
    if len(holes):
        order = np.argsort(~there[holes], axis=1, kind="stable")
        sizes[holes] = np.take_along_axis(sizes[holes], order, axis=1)
        ticks[holes] = np.take_along_axis(ticks[holes], order, axis=1)
    return ticks, sizes, count


def _lists(matrix: Matrix, count: Matrix) -> pl.Series:
    """The first ``count`` values of each row, as lists."""
    rows = pl.DataFrame({"levels": matrix, "count": count})
    return rows.select(pl.col("levels").arr.to_list().list.head(pl.col("count"))).to_series()


RECORDINGS = (
    Recording(
        "polymarket_btc5m_book10",
        2,
        ("event_ms", "recv_ms"),
        ("market_id", "side", *(name for columns in (_PX, _SZ) for side in columns for name in columns[side])),
        polymarket_btc5m_book10,
    ),
)
