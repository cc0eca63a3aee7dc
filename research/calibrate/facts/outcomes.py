"""Facts of outcomes: does the mid mean what it says, and does one outcome tell of the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.validation.bets import win_rate_interval
from research.calibrate.facts.curve import Curve, Floats
from research.calibrate.facts.returns import autocorrelation

LIFE_LEFT = (0.8, 0.5, 0.2)
"""Shares of a window's life left at which mids are compared with outcomes."""
_BINS = 10
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Reliability:
    """Mids against outcomes in ten bins of the mid.

    Attributes:
        life_left: share of the window's life left.
        curve: frequency of UP by mean mid of the bin.
        lower, upper: exact 95 % interval of the frequency.
    """

    life_left: float
    curve: Curve
    lower: Floats
    upper: Floats

    @property
    def excess(self) -> Curve:
        """Frequency minus mean mid, by middle of the bin; NaN for a bin with fewer than 20 windows."""
        enough = self.curve.n >= _FEWEST
        return Curve(
            (np.arange(_BINS) + 0.5) / _BINS, np.where(enough, self.curve.y - self.curve.x, np.nan), self.curve.n
        )


def reliability(quotes: pl.DataFrame, windows: pl.DataFrame, life_left: float, oldest: float = 0.1) -> Reliability:
    """How often UP won, by the mid at one moment of the window's life.

    Args:
        quotes: ``binary_quotes`` rows; a missing side counts as 0 or 1.
        windows: ``windows`` rows; those without an outcome are left out.
        life_left: share of the life left at that moment.
        oldest: a mid that was last seen longer ago than this share of the life is unknown.
    """
    life = pl.col("close_ns") - pl.col("open_ns")
    moments = (
        windows.filter(pl.col("outcome").is_not_null())
        .unique("market_id", keep="first")
        .select("market_id", "outcome", at=(pl.col("close_ns") - life * life_left).cast(pl.Int64), life=life)
        .sort("at")
    )
    mids = quotes.select(
        "market_id", "recv_ns", mid=(pl.col("up_bid").fill_null(0.0) + pl.col("up_ask").fill_null(1.0)) / 2
    ).sort("recv_ns")
    seen = moments.join_asof(
        mids, left_on="at", right_on="recv_ns", by="market_id", check_sortedness=False, coalesce=False
    ).filter(pl.col("at") - pl.col("recv_ns") <= oldest * pl.col("life"))
    p = seen["mid"].to_numpy()
    up = (seen["outcome"] == "up").to_numpy()
    place = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    n = np.bincount(place, minlength=_BINS)
    wins = np.bincount(place, up.astype(np.float64), minlength=_BINS)
    with np.errstate(invalid="ignore"):
        mean, frequency = np.bincount(place, p, minlength=_BINS) / n, wins / n
    bounds = [win_rate_interval(int(w), int(c)) if c else None for w, c in zip(wins, n, strict=True)]
    lower = np.array([b.lower if b else np.nan for b in bounds])
    upper = np.array([b.upper if b else np.nan for b in bounds])
    return Reliability(life_left, Curve(mean, frequency, n.astype(np.int64)), lower, upper)


def outcome_memory(windows: pl.DataFrame, lags: tuple[int, ...]) -> Curve:
    """Autocorrelation of outcomes (UP or not) by number of windows, over windows of one length in a row."""
    known = windows.filter(pl.col("outcome").is_not_null()).unique("open_ns", keep="first").sort("open_ns")
    if known.height < 2:
        return Curve.of(lags, np.full(len(lags), np.nan), 0)
    step = int((known["close_ns"] - known["open_ns"])[0])
    place = ((known["open_ns"] - known["open_ns"][0]) // step).to_numpy()
    series = np.full(int(place[-1]) + 1, np.nan)
    series[place] = (known["outcome"] == "up").to_numpy()
    return autocorrelation(series, lags)
