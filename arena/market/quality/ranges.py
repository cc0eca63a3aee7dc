"""Where each number of each table may lie. A bound is one that no real market can break, not an unlikely value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from arena.market.quality.rule import Facts, Mark, any_of


@dataclass(frozen=True, slots=True)
class Range:
    """An interval of good values; infinite ends bound nothing."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def outside(self, column: str) -> list[pl.Expr]:
        """Expressions, one per finite end, that mark values beyond it; null stays null."""
        value, marks = pl.col(column), []
        if math.isfinite(self.low):
            marks.append(value <= self.low if self.low_open else value < self.low)
        if math.isfinite(self.high):
            marks.append(value >= self.high if self.high_open else value > self.high)
        return marks


Ranges = Mapping[str, Mapping[str, Range]]
"""Table name to column name to range."""

POSITIVE = Range(low=0.0, low_open=True)
NOT_NEGATIVE = Range(low=0.0)
SHARE = Range(0.0, 1.0, low_open=True, high_open=True)
"""A price somebody can trade a binary at: the finest tick is 0.001, so 0 and 1 are no prices but empty sides."""
LISTED_SHARE = Range(0.0, 1.0)
"""A price somebody wrote down: a listing or a history may say 0 or 1 of a market that is decided."""

_TOKEN_SIDES = tuple(f"{token}_{side}" for token in ("up", "down") for side in ("bid", "ask"))
_OHLC = ("open", "high", "low", "close")
_QUOTE_OHLC = tuple(f"{side}_{what}" for side in ("bid", "ask") for what in _OHLC)

PRICES: Ranges = {
    "windows": dict.fromkeys(("strike", "settle_price"), POSITIVE),
    "binary_quotes": dict.fromkeys(_TOKEN_SIDES, SHARE),
    "binary_trades": {"price": SHARE},
    "marks": dict.fromkeys(("yes_price", "no_price"), LISTED_SHARE),
    "spot": dict.fromkeys(("bid", "ask", "last"), POSITIVE),
    "trades": {"price": POSITIVE},
    "l2": {"price": POSITIVE},
    "bars": dict.fromkeys((*_OHLC, *_QUOTE_OHLC), POSITIVE),
    "oracle": {"price": POSITIVE},
    "wallet_fills": {"price": SHARE},
    "universe": {
        **dict.fromkeys(("best_bid", "best_ask", "last_price"), LISTED_SHARE),
        **dict.fromkeys(("lower", "upper"), NOT_NEGATIVE),  # the lowest band begins at nothing
    },
    "universe_quotes": dict.fromkeys(("bid", "ask"), SHARE),
    "pairs": {
        **dict.fromkeys(("outer_ask", "inner_ask"), SHARE),
        **dict.fromkeys(("cost", "outer_open", "inner_open"), POSITIVE),
    },
}

SIZES: Ranges = {
    "windows": {"volume": NOT_NEGATIVE},
    "binary_quotes": dict.fromkeys((f"{price}_size" for price in _TOKEN_SIDES), NOT_NEGATIVE),
    "binary_trades": {"size": NOT_NEGATIVE},
    "spot": dict.fromkeys(("bid_size", "ask_size"), NOT_NEGATIVE),
    "trades": {"size": NOT_NEGATIVE},
    "l2": {"size": NOT_NEGATIVE},
    "bars": dict.fromkeys(
        ("volume", "quote_volume", "trades", "taker_buy_volume", "bid_size", "ask_size"), NOT_NEGATIVE
    ),
    "wallet_fills": dict.fromkeys(("size", "usd", "wallet_age_hours", "wallet_open_positions"), NOT_NEGATIVE),
    "wallet_ranks": {"volume_usd": NOT_NEGATIVE},
    "universe": dict.fromkeys(("volume", "liquidity"), NOT_NEGATIVE),
    "universe_quotes": dict.fromkeys(("bid_size", "ask_size"), NOT_NEGATIVE),
    "pairs": {"depth_usd": NOT_NEGATIVE},
}

TRADED: Ranges = {name: {"size": POSITIVE} for name in ("binary_trades", "trades", "wallet_fills")}

TERMS: Ranges = {
    "windows": {
        "fee_rate": Range(0.0, 1.0, high_open=True),  # 7 instead of 0.07
        "fee_exponent": Range(0.0, 8.0),  # p(1-p) to a power; the venue has used 1 and 2
        "rebate_rate": LISTED_SHARE,
        "tick_size": Range(0.0, 0.5, low_open=True),  # a coarser tick leaves no price between 0 and 1
        "min_order_size": NOT_NEGATIVE,
    }
}

INTERVALS: Ranges = {name: {"interval_s": POSITIVE} for name in ("bars", "funding")}

FUNDING_LIMIT = 0.05
"""Largest funding per charge, as a fraction. The widest cap in use is Hyperliquid's 4 % an hour; a percent
written as a fraction passes it as soon as the rate leaves a few basis points."""
FUNDING: Ranges = {"funding": {"rate": Range(-FUNDING_LIMIT, FUNDING_LIMIT)}}

VOL: Ranges = {"implied_vol": {"value": Range(0.02, 5.0)}}
"""Annualised. The lowest index of a coin ever published is near 0.3 and the highest near 2, so 45 (percent for
0.45) and 0.0045 (twice divided) are unit slips, while a coin wilder or calmer than any so far still passes."""

RANKS: Ranges = {"wallet_ranks": dict.fromkeys(("rank_combined", "rank_pnl", "rank_volume"), Range(low=1.0))}
ROUND_TRIPS: Ranges = {"clock": {"round_trip_ms": NOT_NEGATIVE}}

UNBOUNDED: Mapping[str, tuple[str, ...]] = {
    "wallet_ranks": ("pnl_usd", "score"),
    "clock": ("offset_ms",),
}
"""Numbers that may be anything finite: losses, and a clock that was never set."""


def outside(ranges: Ranges) -> Mark:
    """The mark of a rule that refuses values outside ``ranges``."""

    def mark(facts: Facts) -> pl.Expr | None:
        columns = ranges[facts.table.name].items()
        return any_of(e for name, held in columns if facts.has(name) for e in held.outside(name))

    return mark
