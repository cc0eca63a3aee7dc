"""Facts of a price series: volatility signature, tails, memory of volatility, season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena.units import SECOND, YEAR_S
from research.calibrate.facts.curve import Curve, Floats, Ints, grid_returns, known

TAIL_LEVELS = (0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Tails:
    """How heavy the tails of returns over one horizon are.

    Attributes:
        quantiles: size of a move (in root mean squares) exceeded with probability ``x``.
        kurtosis: fourth moment over squared second; 3 for a normal, NaN without returns.
        hill: tail index from the largest one per cent of moves (Hill 1975); small is heavy.
    """

    quantiles: Curve
    kurtosis: float
    hill: float


def signature(t_ns: Ints, price: Floats, intervals_s: tuple[int, ...]) -> Curve:
    """Annualised realised volatility by sampling interval (s).

    Flat for a martingale. Rising: moves continue (smoothed or stale prices); falling: noise. A grid point
    whose last price is older than a quarter of the interval (2 s at least) is left out.
    """
    vol, count = [], []
    for h in intervals_s:
        r = known(grid_returns(t_ns, price, h * SECOND, max(2, h // 4) * SECOND)[1])
        count.append(r.shape[0])
        vol.append(np.sqrt(np.mean(r**2) * YEAR_S / h) if r.shape[0] >= _FEWEST else np.nan)
    return Curve.of(intervals_s, vol, count)


def tails(returns: Floats) -> Tails:
    """Tails of ``returns`` (NaN ignored): quantiles of the size, kurtosis, Hill's index."""
    r = known(returns)
    levels = np.array(TAIL_LEVELS)
    if r.shape[0] < _FEWEST or not np.any(r):
        return Tails(Curve.of(levels, np.full(levels.shape, np.nan), r.shape[0]), np.nan, np.nan)
    size = np.abs(r) / np.sqrt(np.mean(r**2))
    # A quantile beyond the fifth largest move is an anecdote.
    y = np.where(levels * r.shape[0] >= 5.0, np.quantile(size, 1.0 - levels), np.nan)
    largest = np.sort(size)[-max(r.shape[0] // 100, 5) - 1 :]
    hill = 1.0 / float(np.mean(np.log(largest[1:] / largest[0]))) if largest[0] > 0.0 else np.nan
    return Tails(Curve.of(levels, y, r.shape[0]), float(np.mean(size**4)), hill)


def volatility_memory(returns: Floats, lags: tuple[int, ...]) -> Curve:
    """``ln E|r_t r_(t+k)| - ln (E|r|)^2`` by lag ``k`` in steps: the autocovariance of log volatility.

    For ``r = sigma e`` with independent ``e`` and lognormal volatility it *is* that autocovariance, which is why
    it stands here in place of the autocorrelation of ``|r|``: jumps and noise lower that at every lag.
    """
    size = np.abs(returns)
    level = np.nanmean(size) if np.isfinite(size).any() else np.nan
    y, n = [], []
    for k in lags:
        product = known(size[:-k] * size[k:]) if k < size.shape[0] else np.empty(0)
        n.append(product.shape[0])
        y.append(np.log(product.mean() / level**2) if product.shape[0] >= 10 * _FEWEST and level > 0.0 else np.nan)
    return Curve.of(lags, y, n)


def season(end_ns: Ints, returns: Floats) -> Curve:
    """Root mean square return by hour of the day (UTC), over that of the whole day."""
    hour = ((end_ns - 1) // (3600 * SECOND)) % 24
    use = np.isfinite(returns)
    count = np.bincount(hour[use], minlength=24)
    total = np.bincount(hour[use], returns[use] ** 2, minlength=24)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_hour = np.where(count >= _FEWEST, total / count, np.nan)
        y = np.sqrt(by_hour / np.nanmean(by_hour)) if np.isfinite(by_hour).any() else by_hour
    return Curve.of(np.arange(24), y, count)


def deseasoned(end_ns: Ints, returns: Floats, factor: Floats) -> Floats:
    """Returns over the seasonal factor of their hour; shape (24,) of factors."""
    return np.asarray(returns / factor[((end_ns - 1) // (3600 * SECOND)) % 24])


def autocorrelation(returns: Floats, lags: tuple[int, ...]) -> Curve:
    """Autocorrelation of ``returns`` by lag in steps; NaN ignored pairwise."""
    x = returns - np.nanmean(returns)
    variance = np.nanmean(x**2)
    pairs = [known(x[:-k] * x[k:]) for k in lags]
    return Curve.of(lags, [p.mean() / variance if p.shape[0] >= _FEWEST else np.nan for p in pairs], [p.size for p in pairs])
