"""Resampling slots: stationary bootstrap, its automatic block length, percentile intervals.

The unit that is resampled is a slot of the common grid, never a trade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, finite, inside, vector, whole
from arena.validation.sharpe import moments

Statistic = Literal["mean", "sharpe"]


@dataclass(frozen=True, slots=True)
class BlockLength:
    """Automatic mean block lengths in slots, as computed: they can be below 1, so floor them at use."""

    stationary: float
    circular: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A bootstrap interval around ``estimate`` with nominal coverage ``level``.

    ``block`` is the mean block length used, in slots. ``degenerate_draws`` counts resamples without
    variance (a Sharpe of minus infinity, 0 or infinity); they stay in the distribution.
    """

    estimate: float
    lower: float
    upper: float
    level: float
    draws: int
    block: float
    degenerate_draws: int


def stationary_indices(length: int, block: float, rng: np.random.Generator) -> Ints:
    """One stationary-bootstrap resample: ``length`` row numbers in runs of geometric length.

    Runs start anywhere, wrap around the end, and have mean length ``block`` rows (1 = independent draws).
    Politis & Romano (1994). Raises :class:`ValidationError` when ``block`` is below 1.
    """
    length = whole(length, "length", 1)
    if finite(block, "block") < 1.0:
        raise ValidationError(f"block is {block} rows; the mean block length must be at least 1.")
    starts = rng.integers(0, length, size=length)
    if block == 1.0:
        return starts
    fresh = rng.random(length) < 1.0 / block
    position = np.arange(length)  # row 0 opens a run in any case
    run = np.maximum.accumulate(np.where(fresh, position, 0))
    return (starts[run] + position - run) % length


def optimal_block_length(series: ArrayLike) -> BlockLength:
    """Automatic mean block length for the mean of ``series`` (shape ``(T,)``), in rows.

    Politis & White (2004) with the 2009 correction of Patton, Politis & White, flat-top kernel, capped at
    ``ceil(min(3 sqrt(T), T/3))``. The bandwidth is twice the first lag of the first run of
    ``max(5, log10 T)`` negligible autocorrelations (the software convention; the paper says the lag before).
    Raises :class:`ValidationError` for fewer than 10 rows or a constant series.
    """
    x = vector(series, "series", minimum=10)
    n = x.size
    e = x - x.mean()
    if float(x.min()) == float(x.max()) or float(e @ e) <= 0.0:
        raise ValidationError("the series is constant; it has no block length.")
    run = max(5, int(math.log10(n)))
    longest = min(math.ceil(math.sqrt(n)) + run, n - 1)
    covariance = np.array([float(e[k:] @ e[: n - k]) for k in range(longest + 1)]) / n
    small = np.abs(covariance / covariance[0]) < 2.0 * math.sqrt(math.log10(n) / n)
    bandwidth = longest
    for lag in range(1, longest - run + 1):
        if small[lag : lag + run].all():
            bandwidth = min(2 * lag, longest)
            break
    lags = np.arange(1, bandwidth + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth))
    slope = 2.0 * float((weights * lags) @ covariance[1 : bandwidth + 1])
    spectrum = float(covariance[0] + 2.0 * weights @ covariance[1 : bandwidth + 1])
    cap = float(math.ceil(min(3.0 * math.sqrt(n), n / 3.0)))
    if spectrum == 0.0:
        return BlockLength(cap, cap)
    ratio = (slope / spectrum) ** 2 * n
    return BlockLength(stationary=min(ratio ** (1.0 / 3.0), cap), circular=min((1.5 * ratio) ** (1.0 / 3.0), cap))


def order_interval(draws: Floats, level: float) -> tuple[float, float]:
    """Lower and upper order statistics that hold ``level`` of ``draws`` between them (infinities allowed)."""
    tail = 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    lower, upper = np.quantile(draws, [tail, 1.0 - tail], method="inverted_cdf")
    return float(lower), float(upper)


def percentile_interval(
    returns: ArrayLike,
    rng: np.random.Generator,
    *,
    statistic: Statistic = "sharpe",
    block: float | None = None,
    draws: int = 5_000,
    level: float = 0.95,
) -> Interval:
    """Stationary-bootstrap percentile interval of the mean or the Sharpe ratio (ddof 1) of a slot series.

    ``returns`` has shape ``(T,)``. ``block`` is the mean block length in slots; ``None`` takes
    :func:`optimal_block_length`, at least 1. Give at least the label overlap. Raises
    :class:`ValidationError` for a non-finite row, a constant series, fewer than 10 rows or 20 draws.
    """
    x = vector(returns, "returns", minimum=10)
    draws = whole(draws, "draws", 20)
    if statistic not in ("mean", "sharpe"):
        raise ValidationError(f'statistic is {statistic!r}; it must be "mean" or "sharpe".')
    whole_sample = moments(x)
    length = max(1.0, optimal_block_length(x).stationary) if block is None else float(block)
    centre = whole_sample.mean
    deviations = (x - centre) / whole_sample.deviation
    level_shift = centre / whole_sample.deviation
    values = np.empty(draws)
    degenerate = 0
    for d in range(draws):
        z = deviations[stationary_indices(x.size, length, rng)]
        mean = float(z.mean())
        if statistic == "mean":
            values[d] = centre + whole_sample.deviation * mean
            continue
        if float(z.min()) == float(z.max()):
            degenerate += 1
            value = float(z[0]) + level_shift
            values[d] = 0.0 if abs(value) < 1e-15 else math.copysign(math.inf, value)
            continue
        values[d] = (mean + level_shift) / float(z.std(ddof=1))
    lower, upper = order_interval(values, level)
    return Interval(
        estimate=centre if statistic == "mean" else whole_sample.sharpe,
        lower=lower,
        upper=upper,
        level=level,
        draws=draws,
        block=length,
        degenerate_draws=degenerate,
    )
