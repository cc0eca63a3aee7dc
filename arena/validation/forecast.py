"""Scores of probability forecasts for binary outcomes, and where a score comes from.

Forecasts ``q`` and outcomes ``y`` have shape ``(contracts,)``; scores are averages per contract, lower is
better. Log scores are in nats and clip forecasts at one price tick, ``[tick, 1-tick]``, because a price can
say no more; pass the tick of the market.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.bootstrap import order_interval, stationary_indices
from arena.validation.checks import Bools, Floats, Ints, inside, outcomes, probabilities, same_length, whole

TICK = 0.001
Score = Literal["brier", "log"]
Closed = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Murphy:
    """Decomposition of the Brier score over bins.

    ``brier = reliability - resolution + uncertainty + within_variance - within_covariance`` exactly, that is
    ``reliability - generalised_resolution + uncertainty``. ``corrected_*`` remove the bias of finite bins
    and are not clamped, so they can be negative. Bin columns hold non-empty bins only.
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
    counts: Ints
    mean_forecast: Floats
    frequency: Floats


@dataclass(frozen=True, slots=True)
class Corp:
    """``score = miscalibration - discrimination + uncertainty``; ``recalibrated`` is the PAV fit per contract."""

    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    recalibrated: Floats


@dataclass(frozen=True, slots=True)
class LogScoreGain:
    """Mean log-score gain of a model over the market price, nats per contract, clustered by slot.

    Without fees ``gain`` is the log growth per contract of a full-Kelly bettor who trusts the model.
    """

    gain: float
    standard_error: float
    lower: float
    upper: float
    level: float
    contracts: int
    slots: int
    draws: int


def _pair(q: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    forecast, outcome = probabilities(q, "forecast"), outcomes(y)
    same_length([("forecast", forecast), ("outcome", outcome)])
    return forecast, outcome


def brier(q: ArrayLike, y: ArrayLike) -> float:
    """Brier score ``mean (q-y)^2``: Brier (1950)."""
    forecast, outcome = _pair(q, y)
    return float(((forecast - outcome) ** 2).mean())


def log_losses(q: ArrayLike, y: ArrayLike, tick: float = TICK) -> Floats:
    """Log loss of every contract in nats (shape ``(contracts,)``), forecasts clipped to ``[tick, 1-tick]``."""
    forecast, outcome = _pair(q, y)
    tick = inside(tick, "tick", 0.0, 0.5)
    clipped = np.clip(forecast, tick, 1.0 - tick)
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
    one forecast contribute nothing. Edges matter when forecasts sit on them: see ``closed``.
    """
    forecast, outcome = _pair(q, y)
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
        counts=counts.astype(np.int64),
        mean_forecast=mean_forecast,
        frequency=frequency,
    )


def recalibrate(q: ArrayLike, y: ArrayLike) -> Floats:
    """Isotonic (pool-adjacent-violators) fit of outcomes on forecasts, per contract.

    Equal forecasts are pooled before the fit.
    """
    from scipy.optimize import isotonic_regression

    forecast, outcome = _pair(q, y)
    _, group, counts = np.unique(forecast, return_inverse=True, return_counts=True)
    fit = isotonic_regression(np.bincount(group, outcome) / counts, weights=counts.astype(np.float64)).x
    fitted: Floats = np.clip(np.asarray(fit, dtype=np.float64), 0.0, 1.0)[group]
    return fitted


def corp(q: ArrayLike, y: ArrayLike, score: Score = "brier", tick: float = TICK) -> Corp:
    """CORP decomposition without bins: Dimitriadis, Gneiting & Jordan (2021).

    ``score`` is ``"brier"`` or ``"log"`` (nats, ``q`` clipped at ``tick``). The recalibrated forecast and the
    base rate are not clipped: where they say 0 or 1 every outcome agrees.
    """
    forecast, outcome = _pair(q, y)
    if score not in ("brier", "log"):
        raise ValidationError(f'score is {score!r}; it must be "brier" or "log".')
    recalibrated = recalibrate(forecast, outcome)
    base = np.full_like(forecast, outcome.mean())
    if score == "brier":
        own, fitted, climate = (float(((p - outcome) ** 2).mean()) for p in (forecast, recalibrated, base))
    else:
        own = log_loss(forecast, outcome, tick)
        fitted, climate = _unclipped(recalibrated, outcome), _unclipped(base, outcome)
    return Corp(
        score=own,
        miscalibration=own - fitted,
        discrimination=climate - fitted,
        uncertainty=climate,
        recalibrated=recalibrated,
    )


def _unclipped(p: Floats, outcome: Floats) -> float:
    """Mean log loss of forecasts that are 0 or 1 only where every outcome agrees."""
    said = np.where(outcome == 1.0, p, 1.0 - p)
    return float(-np.log(said).mean())


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
    difference = log_losses(price, y, tick) - log_losses(model, y, tick)
    labels = np.asarray(slot)
    if labels.ndim != 1:
        raise ValidationError(f"slot must have one dimension, but its shape is {labels.shape}.")
    same_length([("forecast", difference), ("slot", labels)])
    missing: Bools = labels != labels
    if missing.any():
        raise ValidationError(f"slot is missing in row {int(np.argmax(missing))}; every contract belongs to a slot.")
    _, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    draws = whole(draws, "draws", 20)
    if counts.size < 2:
        raise ValidationError("all contracts share one slot; at least 2 slots are needed for an interval.")
    sums = np.bincount(group, difference)
    gain = float(difference.mean())
    residual = sums - counts * gain
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
        draws=draws,
    )
