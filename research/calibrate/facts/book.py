"""Facts of the maker's book: spread, size at the touch, how often it changes, and how its mid moves."""

from __future__ import annotations

import numpy as np
import polars as pl

from arena.lab.config import EDGE_PRICES, LEFT_EDGES_S
from research.calibrate.facts.curve import Curve

LEFT_MIDDLES_S = (2.5, 10.0, 22.5, 45.0, 90.0, 150.0, 210.0, 270.0)
"""Middles of the bins of time left, s: those of the lab's own knobs."""
EDGE_MIDDLES = (0.01, 0.03, 0.07, 0.15, 0.35)
"""Middles of the bins of the distance of the mid from 0 or 1."""
SIZE_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
CONTESTED = 0.2
"""A market is contested while its mid is at least that far from 0 and 1."""
TICK = 0.01
_FEWEST_S = 20.0
_FEWEST = 50


def book_rows(quotes: pl.DataFrame, windows: pl.DataFrame, longest_wait_s: float = 10.0) -> pl.DataFrame:
    """Quotes inside their windows with what the facts of a book are made of.

    Rows of one market follow each other by venue time. ``lasts`` is the time to the next row, s, cut at
    ``longest_wait_s``: a change-only recording that is silent for longer may have been interrupted.

    Returns:
        market_id, event_ns, left_s, mid (a missing side counts as 0 or 1), edge (distance of the mid from 0 or
        1), spread (USD, null without both sides), bid_size and ask_size (shares), moved (a price changed), lasts.
    """
    life = windows.select("market_id", "open_ns", "close_ns").unique("market_id", keep="first")
    rows = quotes.select(
        "market_id", "event_ns", "up_bid", "up_ask", bid_size="up_bid_size", ask_size="up_ask_size"
    ).join(life, on="market_id")
    rows = rows.filter((pl.col("event_ns") >= pl.col("open_ns")) & (pl.col("event_ns") < pl.col("close_ns")))
    rows = rows.sort("market_id", "event_ns", maintain_order=True)
    mid = (pl.col("up_bid").fill_null(0.0) + pl.col("up_ask").fill_null(1.0)) / 2
    moved = (pl.col("up_bid").ne_missing(pl.col("up_bid").shift())) | (
        pl.col("up_ask").ne_missing(pl.col("up_ask").shift())
    )
    lasts = (pl.col("event_ns").shift(-1) - pl.col("event_ns")) / 1e9
    return rows.select(
        "market_id",
        "event_ns",
        ((pl.col("close_ns") - pl.col("event_ns")) / 1e9).alias("left_s"),
        mid.alias("mid"),
        pl.min_horizontal(mid, 1.0 - mid).alias("edge"),
        (pl.col("up_ask") - pl.col("up_bid")).alias("spread"),
        "bid_size",
        "ask_size",
        moved.over("market_id").alias("moved"),
        lasts.over("market_id").clip(0.0, longest_wait_s).fill_null(0.0).alias("lasts"),
    )


def spread_by_left(rows: pl.DataFrame) -> Curve:
    """Mean spread in ticks of one cent by time left (s), weighted by time, while the market is contested."""
    use = rows.filter((pl.col("edge") >= CONTESTED) & pl.col("spread").is_not_null())
    ticks = (pl.col("spread") / TICK * pl.col("lasts")).sum() / pl.col("lasts").sum()
    return _by_left(use, ticks, pl.col("lasts").sum() >= _FEWEST_S)


def spread_shares(rows: pl.DataFrame) -> Curve:
    """Share of contested time at a spread of 1, 2, 3, 4 and 5 ticks or more, with more than a minute left."""
    use = rows.filter((pl.col("edge") >= CONTESTED) & (pl.col("left_s") > 60.0) & pl.col("spread").is_not_null())
    ticks = np.clip(np.round(use["spread"].to_numpy() / TICK), 1, 5).astype(np.int64)
    held = np.bincount(ticks, use["lasts"].to_numpy(), minlength=6)[1:]
    whole = held.sum()
    return Curve.of(np.arange(1, 6), held / whole if whole > _FEWEST_S else np.full(5, np.nan), use.height)


def size_by_left(rows: pl.DataFrame) -> Curve:
    """Median size at the touch (shares, both sides) by time left (s), while the market is contested."""
    return _by_left(_sizes(rows.filter(pl.col("edge") >= CONTESTED)), pl.col("size").median(), pl.len() >= _FEWEST)


def size_by_edge(rows: pl.DataFrame) -> Curve:
    """Median size at the touch (shares) by distance of the mid from 0 or 1, with more than two minutes left."""
    use = _sizes(rows.filter((pl.col("left_s") > 120.0) & pl.col("spread").is_not_null()))
    place = np.searchsorted(np.array(EDGE_PRICES), use["edge"].to_numpy(), side="right")
    size = use["size"].to_numpy()
    bins = [size[place == k] for k in range(len(EDGE_MIDDLES))]
    return Curve.of(EDGE_MIDDLES, [np.median(b) if b.size >= _FEWEST else np.nan for b in bins], [b.size for b in bins])


def size_quantiles(rows: pl.DataFrame) -> Curve:
    """Quantiles of the size at the touch over its median, contested and with more than two minutes left."""
    use = _sizes(rows.filter((pl.col("edge") >= CONTESTED) & (pl.col("left_s") > 120.0)))["size"].to_numpy()
    if use.shape[0] < _FEWEST:
        return Curve.of(SIZE_LEVELS, np.full(len(SIZE_LEVELS), np.nan), use.shape[0])
    return Curve.of(SIZE_LEVELS, np.quantile(use, SIZE_LEVELS) / np.median(use), use.shape[0])


def update_rate(rows: pl.DataFrame) -> Curve:
    """Rows per second by time left (s), while the market is contested."""
    return _rate(rows.filter(pl.col("edge") >= CONTESTED), pl.len())


def move_rate(rows: pl.DataFrame) -> Curve:
    """Price changes per second by time left (s), while the market is contested."""
    return _rate(rows.filter(pl.col("edge") >= CONTESTED), pl.col("moved").sum())


def quiet_rate(rows: pl.DataFrame) -> float:
    """Rows per second while one side of the book is empty; NaN without such time."""
    use = rows.filter(pl.col("spread").is_null())
    held = float(use["lasts"].sum())
    return use.height / held if held > _FEWEST_S else float("nan")


def mid_signature(rows: pl.DataFrame, steps_s: tuple[float, ...], least_left_s: float = 120.0) -> Curve:
    """Root mean square change of the mid per square root of a second, ticks, by sampling step (s).

    Of the part of each window with more than ``least_left_s`` left, on a grid of last known mids. Flat for a
    martingale; rising where the book follows in steps or late. A market that was silent for longer than
    :func:`book_rows` allows is cut there.
    """
    y, n = [], []
    frame = rows.filter(pl.col("left_s") > least_left_s)
    market = frame["market_id"].rle_id().to_numpy().astype(np.int64)
    at = frame["event_ns"].to_numpy() / 1e9
    mid = frame["mid"].to_numpy()
    last = np.concatenate([market[1:] != market[:-1], [True]]) if market.size else np.empty(0, np.bool_)
    for step in steps_s:
        # The last mid of each grid cell; cells without news repeat the one before, which changes nothing.
        cell = np.floor(at / step).astype(np.int64)
        ends = last | np.concatenate([cell[1:] != cell[:-1], [True]]) if market.size else last
        m, c, x = market[ends], cell[ends], mid[ends]
        same = m[1:] == m[:-1]
        moves = np.diff(x)[same] / TICK
        spans = float((np.diff(c)[same]).sum()) * step
        n.append(moves.shape[0])
        y.append(np.sqrt(np.sum(moves**2) / spans) if spans > _FEWEST_S else np.nan)
    return Curve.of(steps_s, y, n)


def _sizes(rows: pl.DataFrame) -> pl.DataFrame:
    sides = [rows.select("left_s", "edge", size=side) for side in ("bid_size", "ask_size")]
    return pl.concat(sides).drop_nulls("size")


def _rate(rows: pl.DataFrame, count: pl.Expr) -> Curve:
    return _by_left(rows, count / pl.col("lasts").sum(), pl.col("lasts").sum() >= _FEWEST_S)


def _by_left(rows: pl.DataFrame, value: pl.Expr, enough: pl.Expr) -> Curve:
    """``value`` per bin of time left; NaN where there is not enough."""
    place = np.searchsorted(np.array(LEFT_EDGES_S), rows["left_s"].to_numpy(), side="left")
    found = (
        rows.with_columns(place=pl.Series(place, dtype=pl.Int64))
        .group_by("place")
        .agg(value.alias("y"), enough.alias("enough"), pl.len().alias("n"))
    )
    y, n = np.full(len(LEFT_MIDDLES_S), np.nan), np.zeros(len(LEFT_MIDDLES_S), np.int64)
    for k, value_, fine, count in found.iter_rows():
        n[k] = count
        if fine and value_ is not None:
            y[k] = value_
    return Curve.of(LEFT_MIDDLES_S, y, n)


def fine_below(rows: pl.DataFrame, prices: tuple[float, ...] = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05)) -> float:
    """Distance of the mid from 0 or 1 below which most rows show a price between two cents; 0 where none does."""
    cents = pl.concat_list(pl.col("mid") + pl.col("spread") / 2, pl.col("mid") - pl.col("spread") / 2) / TICK
    between = ((cents.list.eval((pl.element() - pl.element().round()).abs())).list.max() > 0.05).alias("between")
    use = rows.filter(pl.col("spread").is_not_null()).select("edge", between)
    below = 0.0
    for low, high in zip((0.0, *prices), prices, strict=False):
        share = use.filter((pl.col("edge") > low) & (pl.col("edge") <= high))["between"].mean()
        if share is None or float(share) < 0.5:  # type: ignore[arg-type]
            break
        below = high
    return below
