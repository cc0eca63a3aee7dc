"""Marks of single rows that contradict themselves: missing parts, impossible lives, bars that are no bars."""

from __future__ import annotations

import polars as pl

from arena.market.quality.rule import FLOAT_SLACK, Facts, any_of
from arena.units import SECOND

VOCABULARIES: dict[str, dict[str, tuple[str, ...]]] = {
    "binary_quotes": {"native": ("up", "down", "both")},
    "binary_trades": {"token": ("up", "down"), "taker_side": ("buy", "sell")},
    "trades": {"taker_side": ("buy", "sell")},
    "l2": {"side": ("bid", "ask")},
    "bars": {"kind": ("trade", "quote")},
    "wallet_fills": {"side": ("buy", "sell")},
}
"""The words a column knows, by table and column; they are the units that the schema states."""

COST_SLACK = 0.005
"""How far the cost of a pair may lie from the sum of its asks, USD: half the coarsest tick, so that rounding
to a cent passes and a leg that was quoted one tick away does not."""

BAR_SLACK = 1e-9
"""Relative room for volumes that were added up in another order."""


KNOWN_WITHIN_S = 366 * 86_400
"""A bar is known when it is over, or when it is fetched; a year later it is no price of its time any more."""
AHEAD_S = 86_400
"""Clocks are wrong by seconds and time zones by hours; a venue time a day after we had the row is another mistake."""
VALUE_SLACK = 0.1
"""A share pays at most one dollar, so that no fill is worth more than its shares; a tenth is room for fees."""

_UPDOWN = r"^([a-z0-9]+)-updown-(5m|15m|4h)-(\d{1,10})$"
_LENGTHS_S = {"5m": 300, "15m": 900, "4h": 14_400}


def null_required(facts: Facts) -> pl.Expr | None:
    """A column that may not be null is null."""
    return any_of(
        pl.col(c.name).is_null() for c in facts.table.columns if not c.nullable and facts.frame[c.name].null_count()
    )


def not_finite(facts: Facts) -> pl.Expr | None:
    """A float is NaN or infinite."""
    # A sum is finite only if all its terms are: one pass without a mask says that a column needs none.
    suspects = [
        c.name
        for c in facts.table.columns
        if c.dtype == pl.Float64 and facts.has(c.name) and not _finite_sum(facts.frame[c.name])
    ]
    return any_of(~pl.col(name).is_finite() for name in suspects)


def _finite_sum(column: pl.Series) -> bool:
    total = float(column.sum())
    return total - total == 0.0


def unknown_word(facts: Facts) -> pl.Expr | None:
    """A word outside the column's vocabulary."""
    known = VOCABULARIES[facts.table.name].items()
    return any_of(~pl.col(name).is_in(words) for name, words in known if facts.has(name))


def unknown_market(facts: Facts) -> pl.Expr | None:
    """A market without a window, where the windows are known."""
    if facts.markets is None:
        return None
    return ~pl.col("market_id").is_in(facts.markets.unique().implode())


def window(facts: Facts) -> pl.Expr | None:
    """A window whose times do not fit one another."""
    interval_ns = pl.col("interval_s").cast(pl.Int64) * SECOND
    # A zero interval would make the remainder null and slip through; it is caught by the first mark.
    return any_of(
        [
            interval_ns <= 0,
            pl.col("close_ns") != pl.col("open_ns") + interval_ns,
            (pl.col("venue") == "polymarket") & (pl.col("open_ns") % interval_ns != 0),
        ]
    )


def identity(facts: Facts) -> pl.Expr | None:
    """One token for both sides, or a coin, length or open that is not the one the market is named after."""
    name = pl.when(pl.col("venue") == "polymarket").then(pl.col("market_id"))
    length = name.str.extract(_UPDOWN, 2).replace_strict(_LENGTHS_S, default=None, return_dtype=pl.Int32)
    return any_of(
        [
            pl.col("up_token_id") == pl.col("down_token_id"),
            name.str.extract(_UPDOWN, 1).str.to_uppercase() != pl.col("asset"),
            length != pl.col("interval_s"),
            name.str.extract(_UPDOWN, 3).cast(pl.Int64, strict=False) * SECOND != pl.col("open_ns"),
        ]
    )


def outcome(facts: Facts) -> pl.Expr | None:
    """An outcome that is none, or that was known before it could be."""
    return any_of([~pl.col("outcome").is_in(["up", "down"]), pl.col("resolved_ns") < pl.col("close_ns")])


def gap(facts: Facts) -> pl.Expr | None:
    """A gap that does not last."""
    return pl.col("until_ns") <= pl.col("recv_ns")


def bar(facts: Facts) -> pl.Expr | None:
    """High below a price of the bar, low above one, takers who bought more than was traded, or trades and no close."""
    marks = [mark for prefix in ("", "bid_", "ask_") if facts.has(f"{prefix}high") for mark in _ohlc(prefix)]
    marks.append((pl.col("kind") == "trade") & pl.col("close").is_null())
    if facts.has("taker_buy_volume"):
        marks.append(pl.col("taker_buy_volume") > pl.col("volume") * (1.0 + BAR_SLACK))
    return any_of(marks)


def _ohlc(prefix: str) -> list[pl.Expr]:
    first, high, low, last = (pl.col(f"{prefix}{what}") for what in ("open", "high", "low", "close"))
    return [high < first, high < last, high < low, low > first, low > last]


def bar_known_early(facts: Facts) -> pl.Expr | None:
    """A bar that is known before it has ended."""
    return pl.col("recv_ns") < pl.col("event_ns") + pl.col("interval_s").cast(pl.Int64) * SECOND


def bar_known_late(facts: Facts) -> pl.Expr | None:
    """A bar that is known over a year after it has ended."""
    end = pl.col("event_ns") + pl.col("interval_s").cast(pl.Int64) * SECOND
    return pl.col("recv_ns") > end + KNOWN_WITHIN_S * SECOND


def event_ahead(facts: Facts) -> pl.Expr | None:
    """A venue time over a day after the row was received."""
    return pl.col("event_ns") > pl.col("recv_ns") + AHEAD_S * SECOND


def update_ids(facts: Facts) -> pl.Expr | None:
    """A first update id above the last one of the same message."""
    return pl.col("first_id") > pl.col("last_id")


def fill_value(facts: Facts) -> pl.Expr | None:
    """A fill worth more than its shares can ever pay."""
    return pl.col("usd") > pl.col("size") * (1.0 + VALUE_SLACK) + COST_SLACK


def pair_cost(facts: Facts) -> pl.Expr | None:
    """A cost that is not the sum of the asks."""
    asks = pl.col("outer_ask") + pl.col("inner_ask")
    return (pl.col("cost") - asks).abs() > COST_SLACK + FLOAT_SLACK


def band(facts: Facts) -> pl.Expr | None:
    """A price band that holds no price, or a market that ends before it begins."""
    return any_of([pl.col("lower") >= pl.col("upper"), pl.col("end_ns") < pl.col("start_ns")])
