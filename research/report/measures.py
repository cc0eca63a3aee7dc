"""The arithmetic behind the figures, on arrays: thinning curves, binning bets, ranking levers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.engine.run import AccountRun, Sweep
from arena.strategies.base import Configuration
from arena.validation.bets import win_rate_interval

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]


def thin(y: F8, points: int) -> I8:
    """Row numbers, ascending, that draw ``y`` (shape ``(n,)``) with about ``points`` rows and lose no extreme.

    Each of ``points / 2`` equal stretches keeps its smallest and its largest row; both ends are kept.
    """
    n = y.shape[0]
    if n <= points:
        return np.arange(n, dtype=np.int64)
    starts = np.arange(points // 2) * n // (points // 2)
    keep = {0, n - 1}
    for begin, end in zip(starts, [*starts[1:], n], strict=True):
        piece = y[begin:end]
        keep.update((int(begin + np.argmin(piece)), int(begin + np.argmax(piece))))
    return np.array(sorted(keep), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class PriceBins:
    """Return per dollar at risk by entry price, one row per non-empty bin.

    ``low`` and ``high`` bound the bin and ``price`` is its mean fill, USD per share. ``lower`` and ``upper``
    hold the mean return with 95 % confidence.
    """

    low: F8
    high: F8
    price: F8
    mean: F8
    lower: F8
    upper: F8
    bets: I8


def price_bins(run: AccountRun, width: float = 0.05) -> PriceBins:
    """Settled bets of an account by mean fill price, in bins of ``width`` dollars.

    Inside a narrow bin a bet pays ``1 / cost`` or nothing, so the exact (Clopper-Pearson) interval of the win
    rate, scaled by the mean of ``1 / cost``, is one for the mean return: it stays honest for a handful of bets.
    """
    trades = run.trades
    paid = trades["notional"] + trades["fee"]
    price = trades["notional"] / trades["shares"]
    returns = run.pnl / paid
    payoff = trades["shares"] / paid
    number = np.floor(price / width + 1e-9).astype(np.int64)
    rows = []
    for b in np.unique(number):
        inside = number == b
        count, scale = int(inside.sum()), float(payoff[inside].mean())
        rate = win_rate_interval(int(trades["won"][inside].sum()), count)
        centre = float(returns[inside].mean())
        # Winners may have been cheaper than losers: the interval never excludes the mean it belongs to.
        least, most = min(rate.lower * scale - 1.0, centre), max(rate.upper * scale - 1.0, centre)
        rows.append((b * width, (b + 1) * width, float(price[inside].mean()), centre, least, most, count))
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    low, high, price, mean, lower, upper, bets = table.T
    return PriceBins(low, high, price, mean, lower, upper, bets.astype(np.int64))


@dataclass(frozen=True, slots=True)
class LeverShare:
    """How much of the spread of mean return over the grid goes with one lever, 0-1."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Return per bet over the grid by two levers; arrays of shape (n_y, n_x), NaN where nothing bet.

    ``x_edges`` and ``y_edges`` bound the bins, both ends included.
    """

    x: str
    y: str
    x_edges: F8
    y_edges: F8
    mean_return: F8
    bets: I8
    configurations: I8


def varied(grid: Sequence[Configuration]) -> tuple[str, ...]:
    """Levers that differ between configurations, in the order of the strategy's groups."""
    if not grid:
        return ()
    values = [configuration.values() for configuration in grid]
    return tuple(name for name in values[0] if len({row[name] for row in values}) > 1)


def _edges(values: F8, bins: int) -> F8:
    edges: F8 = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)))
    return edges


def _bin(values: F8, edges: F8) -> npt.NDArray[Any]:
    return np.searchsorted(edges[1:-1], values, side="right")


def lever_shares(grid: Sequence[Configuration], sweep: Sweep, bins: int = 6) -> tuple[LeverShare, ...]:
    """Every varied lever with its share of the spread of return per bet, largest first.

    The share is the variance between ``bins`` equally filled bins of the lever over the whole variance, both
    weighted by bets: a configuration that bet twice says little.
    """
    weight = sweep.bets.astype(np.float64)
    used = weight > 0
    if used.sum() < 2:
        return ()
    weight = weight[used]
    mean = sweep.returns.sum(axis=0)[used] / weight
    centre = float(np.average(mean, weights=weight))
    total = float(weight @ (mean - centre) ** 2)
    shares = []
    for name in varied(grid):
        values = np.array([configuration.values()[name] for configuration in grid])[used]
        if np.ptp(values) == 0.0:
            continue
        number = _bin(values, _edges(values, bins))
        held = np.bincount(number, weight)
        held_mean = np.divide(np.bincount(number, weight * mean), held, out=np.full(held.shape, centre), where=held > 0)
        between = float(held @ (held_mean - centre) ** 2)
        shares.append(LeverShare(name, between / total if total > 0.0 else 0.0))
    return tuple(sorted(shares, key=lambda s: -s.share))


def heat_map(grid: Sequence[Configuration], sweep: Sweep, x: str, y: str, bins: int = 6) -> HeatMap:
    """Pooled return per bet of the configurations in each cell of levers ``x`` and ``y``."""
    columns = {name: np.array([configuration.values()[name] for configuration in grid]) for name in (x, y)}
    x_edges, y_edges = _edges(columns[x], bins), _edges(columns[y], bins)
    shape = (y_edges.size - 1, x_edges.size - 1)
    cell = _bin(columns[y], y_edges) * shape[1] + _bin(columns[x], x_edges)
    size = shape[0] * shape[1]
    bets = np.bincount(cell, sweep.bets, minlength=size)
    profit = np.bincount(cell, sweep.returns.sum(axis=0), minlength=size)
    mean = np.divide(profit, bets, out=np.full(size, np.nan), where=bets > 0)
    configurations = np.bincount(cell, minlength=size)
    return HeatMap(
        x=x,
        y=y,
        x_edges=x_edges,
        y_edges=y_edges,
        mean_return=mean.reshape(shape),
        bets=bets.astype(np.int64).reshape(shape),
        configurations=configurations.astype(np.int64).reshape(shape),
    )
