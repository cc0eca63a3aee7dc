"""Resampling slots: stationary bootstrap, its automatic block length, its variance, intervals.

The unit that is resampled is a slot of the common grid, never a trade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import rfft
from scipy.special import ndtr, ndtri

from arena.errors import ValidationError
from arena.validation.bootstrap_kernels import follow, influence_error, resample_moments
from arena.validation.checks import Bools, Floats, Ints, columns, finite, inside, vector, whole
from arena.validation.sharpe import moments

Statistic = Literal["mean", "sharpe"]
Method = Literal["percentile", "basic", "normal", "studentised", "bca"]
TIE = 1e-12  # resampled values this close to the estimate are equal to it
FEWEST_RUNS = 10  # mean number of runs from which a resample's own standard error can be had
CHUNK = 64  # columns transformed together


@dataclass(frozen=True, slots=True)
class BlockLength:
    """Automatic mean block lengths in slots, as computed: they can be below 1, so floor them at use."""

    stationary: float
    circular: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A bootstrap interval around ``estimate`` with nominal coverage ``level``, by ``method``.

    ``block`` is the mean block length used, in slots. ``degenerate_draws`` counts resamples without
    variance (a Sharpe of minus infinity, 0 or infinity); they stay in the distribution.
    """

    method: Method
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
    index = np.empty(length, dtype=np.int64)
    follow(*_runs(length, _mean_block(block), rng), index)
    return index


def _mean_block(block: float) -> float:
    if finite(block, "block") < 1.0:
        raise ValidationError(f"block is {block} rows; the mean block length must be at least 1.")
    return float(block)


def _runs(length: int, block: float, rng: np.random.Generator) -> tuple[Ints, Bools]:
    """Where a run would start, and whether one opens, for each row of a resample."""
    starts = rng.integers(0, length, size=length)
    fresh = np.ones(length, dtype=np.bool_) if block == 1.0 else rng.random(length) < 1.0 / block
    fresh[0] = True
    return starts, fresh


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


def long_run_deviation(series: ArrayLike, block: float) -> Floats:
    """Standard deviation of ``sqrt(T)`` times the stationary-bootstrap mean of each column, shape ``(N,)``.

    ``series`` has shape ``(T, N)``. Exact, without resampling: the square is ``g_0 + 2 sum_i k_i g_i`` with
    autocovariances ``g_i`` (over T) and ``k_i = (1-i/T)(1-q)^i + (i/T)(1-q)^(T-i)``, ``q = 1/block``: Politis &
    Romano (1994), Hansen (2005). It estimates the long-run standard deviation of a slot. Raises
    :class:`ValidationError` for a non-finite value or a ``block`` below 1 or above T.
    """
    x = columns(series, "series", minimum=2)
    length = x.shape[0]
    if _mean_block(block) > length:
        raise ValidationError(f"block is {block} rows but the series has {length}; a block cannot be longer.")
    lags = np.arange(length)
    with np.errstate(under="ignore"):
        stay = (1.0 - 1.0 / block) ** lags
        away = (1.0 - 1.0 / block) ** (length - lags)
    kernel = (1.0 - lags / length) * stay + lags / length * away
    # k_i = k_(T-i), so the sum runs over circular autocovariances, whose transform is the power spectrum.
    weights = rfft(kernel).real
    weights[1 : (length + 1) // 2] *= 2.0
    deviation = np.empty(x.shape[1])
    for first in range(0, x.shape[1], CHUNK):
        part = x[:, first : first + CHUNK]
        spectrum = rfft(np.ascontiguousarray((part - part.mean(axis=0)).T), axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        deviation[first : first + CHUNK] = np.sqrt(np.maximum(power @ weights, 0.0)) / length
    return deviation


def order_interval(draws: Floats, level: float) -> tuple[float, float]:
    """Lower and upper order statistics that hold ``level`` of ``draws`` between them (infinities allowed)."""
    tail = 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    lower, upper = np.quantile(draws, [tail, 1.0 - tail], method="inverted_cdf")
    return float(lower), float(upper)


def bootstrap_interval(
    returns: ArrayLike,
    rng: np.random.Generator,
    *,
    method: Method = "percentile",
    statistic: Statistic = "sharpe",
    block: float | None = None,
    draws: int = 5_000,
    level: float = 0.95,
) -> Interval:
    """Stationary-bootstrap interval of the mean or the Sharpe ratio (ddof 1) of a slot series.

    ``returns`` has shape ``(T,)``. ``block`` is the mean block length in slots; ``None`` takes
    :func:`optimal_block_length`, at least 1. Give at least the label overlap. ``method``:

    ``percentile``   quantiles q of the resampled statistic.
    ``basic``        ``2 estimate - q``.
    ``normal``       estimate plus and minus the normal quantile times the resampled standard deviation.
    ``studentised``  quantiles of (resampled - estimate) / its standard error, which comes from the influence
                     function, run by run: Goetze & Kuensch (1996).
    ``bca``          bias-corrected and accelerated, Efron (1987). Independent slots only: ``block=1``.

    Raises :class:`ValidationError` for a non-finite row, a constant series, fewer than 10 rows or 20 draws,
    ``bca`` with a longer block, ``studentised`` with fewer than 10 blocks, and where resamples are too uneven:
    ``normal`` needs a variance in each, ``bca`` some on both sides of the estimate.
    """
    x = vector(returns, "returns", minimum=10)
    draws = whole(draws, "draws", 20)
    tail = 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    if statistic not in ("mean", "sharpe"):
        raise ValidationError(f'statistic is {statistic!r}; it must be "mean" or "sharpe".')
    if method not in get_args(Method):
        raise ValidationError(f"method is {method!r}; it must be one of {', '.join(get_args(Method))}.")
    m = moments(x)
    length = max(1.0, optimal_block_length(x).stationary) if block is None else _mean_block(block)
    if method == "bca" and length != 1.0:
        raise ValidationError(
            f"block is {length:g} rows; BCa is for independent slots, so pass block=1 or another method."
        )
    if method == "studentised" and length * FEWEST_RUNS > x.size:
        raise ValidationError(
            f"block is {length:g} rows of {x.size}; a studentised interval needs {FEWEST_RUNS} runs, so use percentile."
        )
    deviations = (x - m.mean) / m.deviation
    # The mean is resampled in units of the standard deviation, about 0.
    centre = m.sharpe if statistic == "sharpe" else 0.0
    values, errors, degenerate = _resample(deviations, centre, statistic, length, draws, rng, method == "studentised")
    if method == "percentile":
        bounds = order_interval(values, level)
    elif method == "basic":
        low, high = order_interval(values, level)
        bounds = 2.0 * centre - high, 2.0 * centre - low
    elif method == "normal":
        if not np.isfinite(values).all():
            raise ValidationError(f"{degenerate} of {draws} resamples have no variance; use the percentile method.")
        half = -float(ndtri(tail)) * float(values.std(ddof=1))
        bounds = centre - half, centre + half
    elif method == "studentised":
        low, high = order_interval(errors, level)
        error = _influence_deviation(deviations, centre, length) / math.sqrt(x.size)
        bounds = centre - high * error, centre - low * error
    else:
        bounds = _accelerated(values, deviations, centre, statistic, tail)
    scale, shift = (1.0, 0.0) if statistic == "sharpe" else (m.deviation, m.mean)
    return Interval(
        method=method,
        estimate=m.sharpe if statistic == "sharpe" else m.mean,
        lower=shift + scale * bounds[0],
        upper=shift + scale * bounds[1],
        level=level,
        draws=draws,
        block=length,
        degenerate_draws=degenerate,
    )


def _resample(
    deviations: Floats, centre: float, statistic: str, block: float, draws: int, rng: np.random.Generator, pivot: bool
) -> tuple[Floats, Floats, int]:
    """Resampled statistic, its studentised distance from ``centre`` if ``pivot``, and draws without variance."""
    size = deviations.size
    values, pivots = np.empty(draws), np.empty(draws if pivot else 0)
    index, z = np.empty(size, dtype=np.int64), np.empty(size)
    degenerate = 0
    for d in range(draws):
        starts, fresh = _runs(size, block, rng)
        follow(starts, fresh, index)
        mean, deviation, constant = resample_moments(deviations, index, z)
        degenerate += constant
        if statistic == "mean":
            values[d] = mean
        elif not constant:
            values[d] = (mean + centre) / deviation
        else:
            value = float(z[0]) + centre
            values[d] = 0.0 if abs(value) < 1e-15 else math.copysign(math.inf, value)
        if pivot:
            scale, sharpe = (1.0, 0.0) if statistic == "mean" else (deviation, float(values[d]))
            error = 0.0 if constant else influence_error(z, mean, scale, sharpe, fresh)
            pivots[d] = _pivot(float(values[d]) - centre, error)
    return values, pivots, degenerate


def _pivot(gap: float, error: float) -> float:
    """``gap / error``; 0 or infinite where a resample has no error because it is constant or a single run."""
    if error > TIE:
        return gap / error
    return 0.0 if abs(gap) <= TIE else math.copysign(math.inf, gap)


def _influence_deviation(deviations: Floats, sharpe: float, block: float) -> float:
    """Long-run standard deviation of the influences on the Sharpe ratio (on the mean where it is 0)."""
    u = deviations * math.sqrt(deviations.size / (deviations.size - 1))
    influence = u - 0.5 * sharpe * (u * u - 1.0)
    return float(long_run_deviation(influence[:, None], block)[0])


def _accelerated(values: Floats, deviations: Floats, centre: float, statistic: str, tail: float) -> tuple[float, float]:
    """BCa bounds; the acceleration comes from leaving out one slot at a time."""
    slack = TIE * max(1.0, abs(centre))
    below = 0.5 * float((values < centre - slack).mean() + (values <= centre + slack).mean())
    n = deviations.size
    left_out = -deviations / (n - 1)
    if statistic == "sharpe":
        variance = (n - 1 - deviations**2 * n / (n - 1)) / (n - 2)
        if float(variance.min()) <= TIE:
            raise ValidationError(
                f"without row {int(variance.argmin())} the series is constant; use the percentile method."
            )
        left_out = (left_out + centre) / np.sqrt(variance)
    spread = left_out.mean() - left_out
    acceleration = float((spread**3).sum()) / (6.0 * float((spread**2).sum()) ** 1.5)
    bias = float(ndtri(below))
    shares = []
    for z in (float(ndtri(tail)), -float(ndtri(tail))):
        room = 1.0 - acceleration * (bias + z)
        if not 0.0 < below < 1.0 or room <= 0.0:
            raise ValidationError(
                "too few resamples lie on one side of the estimate for BCa; use the percentile method."
            )
        shares.append(float(ndtr(bias + (bias + z) / room)))
    low, high = np.quantile(values, shares, method="inverted_cdf")
    return float(low), float(high)
