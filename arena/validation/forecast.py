"""Scores of probability forecasts for binary outcomes, and where a score comes from.

Forecasts ``q`` and outcomes ``y`` have shape ``(contracts,)``; scores are averages per contract, lower is
better. Log scores are in nats and clip forecasts at one price tick, ``[tick, 1-tick]``, because a price can
say no more; pass the tick of the market. With a tick of 0 nothing is clipped, and a forecast that was certain
and wrong costs infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.bootstrap import order_interval, stationary_indices
from arena.validation.checks import Floats, Ints, clusters, finite, forecast_pairs, inside, whole

TICK = 0.001
Closed = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Murphy:
    """Decomposition of the Brier score over bins.

    ``brier = reliability - resolution + uncertainty + within_variance - within_covariance`` exactly, that is
    ``reliability - generalised_resolution + uncertainty``. ``corrected_*`` remove the bias of finite bins
    and are not clamped, so they can be negative. ``*_error`` are the standard errors of the uncorrected terms
    for independent contracts. Bin columns hold non-empty bins only.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float
    generalised_resolution: float
    corrected_reliability: float
    corrected_resolution: float
    corrected_uncertainty: float
    reliability_error: float
    resolution_error: float
    uncertainty_error: float
    counts: Ints
    mean_forecast: Floats
    frequency: Floats


@dataclass(frozen=True, slots=True)
class LogScoreGain:
    """Mean log-score gain of a model over the market price, nats per contract, clustered by slot.

    Without fees ``gain`` is the log growth per contract of a full-Kelly bettor who trusts the model.
    ``clipped`` counts contracts whose model or price was moved to ``tick`` or ``1 - tick``: if they are many,
    the gain depends on the tick.
    """

    gain: float
    standard_error: float
    lower: float
    upper: float
    level: float
    contracts: int
    slots: int
    clipped: int
    draws: int


def brier(q: ArrayLike, y: ArrayLike) -> float:
    """Brier score ``mean (q-y)^2``: Brier (1950)."""
    forecast, outcome = forecast_pairs(q, y)
    return float(((forecast - outcome) ** 2).mean())


def log_losses(q: ArrayLike, y: ArrayLike, tick: float = TICK) -> Floats:
    """Log loss of every contract in nats (shape ``(contracts,)``), forecasts clipped to ``[tick, 1-tick]``.

    Raises :class:`ValidationError` unless ``0 <= tick < 0.5``.
    """
    forecast, outcome = forecast_pairs(q, y)
    if not 0.0 <= finite(tick, "tick") < 0.5:
        raise ValidationError(f"tick is {tick}; it must be at least 0 and below 0.5.")
    clipped = np.clip(forecast, tick, 1.0 - tick)
    with np.errstate(divide="ignore"):
        losses: Floats = -np.where(outcome == 1.0, np.log(clipped), np.log1p(-clipped))
    return losses


def log_loss(q: ArrayLike, y: ArrayLike, tick: float = TICK) -> float:
    """Mean log loss in nats per contract, ``-mean(y ln q + (1-y) ln(1-q))``, clipped at one price tick."""
    return float(log_losses(q, y, tick).mean())


def bin_numbers(q: Floats, bins: int | ArrayLike, closed: Closed) -> Ints:
    """Bin of each forecast: ``bins`` equal bins on [0, 1], or increasing edges that cover every forecast.

    ``closed`` says which edge belongs to a bin; the outermost edges always belong to theirs.
    """
    if closed not in ("left", "right"):
        raise ValidationError(f'closed is {closed!r}; it must be "left" or "right".')
    if np.ndim(bins) == 0:
        edges = np.linspace(0.0, 1.0, whole(int(np.asarray(bins)), "bins", 1) + 1)
    else:
        edges = np.asarray(bins, dtype=np.float64)
        if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0.0).all():
            raise ValidationError("bins must be a number of bins or strictly increasing edges.")
        outside = (q < edges[0]) | (q > edges[-1])
        if outside.any():
            row = int(np.argmax(outside))
            raise ValidationError(f"forecast {q[row]} in row {row} lies outside the bins {edges[0]} to {edges[-1]}.")
    side: Literal["left", "right"] = "left" if closed == "right" else "right"
    return np.searchsorted(edges[1:-1], q, side=side).astype(np.int64)


def murphy(q: ArrayLike, y: ArrayLike, bins: int | ArrayLike = 10, *, closed: Closed = "right") -> Murphy:
    """Murphy (1973) decomposition with the within-bin terms of Stephenson, Coelho & Jolliffe (2008).

    ``corrected_*`` subtract the bias ``(1/n) sum o(1-o) n_k/(n_k-1)`` of Ferro & Fricker (2012); bins with
    one forecast contribute nothing. Standard errors propagate the sampling error of the bin sums: Siegert
    (2014). Edges matter when forecasts sit on them: see ``closed``.
    """
    forecast, outcome = forecast_pairs(q, y)
    n = forecast.size
    number = bin_numbers(forecast, bins, closed)
    _, number, counts = np.unique(number, return_inverse=True, return_counts=True)
    mean_forecast = np.bincount(number, forecast) / counts
    frequency = np.bincount(number, outcome) / counts
    base = float(outcome.mean())
    reliability = float(counts @ (mean_forecast - frequency) ** 2) / n
    resolution = float(counts @ (frequency - base) ** 2) / n
    within_q, within_y = forecast - mean_forecast[number], outcome - frequency[number]
    variance = float(within_q @ within_q) / n
    covariance = 2.0 * float(within_q @ within_y) / n
    uncertainty = base * (1.0 - base)
    many = counts > 1
    bias = float((frequency * (1.0 - frequency) * counts)[many] @ (1.0 / (counts[many] - 1.0))) / n
    spare = uncertainty / (n - 1) if n > 1 else 0.0
    tilt = mean_forecast - frequency
    influence_rel = tilt[number] ** 2 + 2.0 * tilt[number] * (within_q - within_y)
    influence_res = (frequency[number] - base) ** 2 + 2.0 * (frequency[number] - base) * within_y
    influence_unc = (1.0 - 2.0 * base) * (outcome - base)
    return Murphy(
        brier=float(((forecast - outcome) ** 2).mean()),
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within_variance=variance,
        within_covariance=covariance,
        generalised_resolution=resolution - variance + covariance,
        corrected_reliability=reliability - bias,
        corrected_resolution=resolution - bias + spare,
        corrected_uncertainty=uncertainty + spare,
        reliability_error=float(influence_rel.std()) / math.sqrt(n),
        resolution_error=float(influence_res.std()) / math.sqrt(n),
        uncertainty_error=float(influence_unc.std()) / math.sqrt(n),
        counts=counts.astype(np.int64),
        mean_forecast=mean_forecast,
        frequency=frequency,
    )


def log_score_gain(
    model: ArrayLike,
    price: ArrayLike,
    y: ArrayLike,
    slot: ArrayLike,
    rng: np.random.Generator,
    *,
    tick: float = TICK,
    block: float = 1.0,
    draws: int = 2_000,
    level: float = 0.95,
) -> LogScoreGain:
    """Mean of ``logloss(price) - logloss(model)`` per contract, with slots as clusters.

    ``slot`` (any sortable labels, in time order) says which contracts share a slot. The interval is the
    percentile interval of a stationary bootstrap of whole slots, mean block ``block`` slots; the standard
    error is cluster-robust by slot. Raises :class:`ValidationError` for fewer than 2 slots.
    """
    tick = inside(tick, "tick", 0.0, 0.5)
    difference = log_losses(price, y, tick) - log_losses(model, y, tick)
    group, counts = clusters(slot, difference.size)
    draws = whole(draws, "draws", 20)
    if counts.size < 2:
        raise ValidationError("all contracts share one slot; at least 2 slots are needed for an interval.")
    sums = np.bincount(group, difference)
    gain = float(difference.mean())
    residual = sums - counts * gain
    both = np.stack((np.asarray(model, dtype=np.float64), np.asarray(price, dtype=np.float64)))
    clipped = ((both < tick) | (both > 1.0 - tick)).any(axis=0)
    means = np.empty(draws)
    for d in range(draws):
        index = stationary_indices(counts.size, block, rng)
        means[d] = sums[index].sum() / counts[index].sum()
    lower, upper = order_interval(means, level)
    return LogScoreGain(
        gain=gain,
        standard_error=float(np.sqrt(residual @ residual)) / difference.size,
        lower=lower,
        upper=upper,
        level=level,
        contracts=int(difference.size),
        slots=int(counts.size),
        clipped=int(clipped.sum()),
        draws=draws,
    )
