"""Calibration without bins: isotonic recalibration, the CORP decomposition, its band, and model against market.

CORP ("consistent, optimally binned, reproducible, pool-adjacent-violators"): Dimitriadis, Gneiting & Jordan
(2021). Forecasts ``q`` and outcomes ``y`` have shape ``(contracts,)``; equal forecasts are pooled before the
isotonic fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py, xlogy

from arena.errors import ValidationError
from arena.validation.bootstrap import order_interval, stationary_indices
from arena.validation.checks import Floats, Ints, clusters, forecast_pairs, inside, whole
from arena.validation.forecast import TICK, log_losses

Score = Literal["brier", "log"]


@dataclass(frozen=True, slots=True)
class Corp:
    """``score = miscalibration - discrimination + uncertainty``; ``recalibrated`` is the PAV fit per contract."""

    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    recalibrated: Floats


@dataclass(frozen=True, slots=True)
class CorpCurve:
    """Recalibrated probability of each distinct forecast, increasing.

    ``lower`` and ``upper`` bound the fit of a perfectly calibrated forecaster who says the same, each with
    probability ``level``: a fit outside its band is miscalibrated.
    """

    forecast: Floats
    counts: Ints
    recalibrated: Floats
    lower: Floats
    upper: Floats
    level: float


@dataclass(frozen=True, slots=True)
class MiscalibrationGap:
    """CORP miscalibration of the model less that of the market, per contract, clustered by slot.

    Negative: the model is the better calibrated. ``lower`` and ``upper`` enclose the gap with nominal
    coverage ``level``; when they enclose 0 neither is shown to be better. ``model`` and ``market`` are the
    miscalibrations as measured, ``model_bias`` and ``market_bias`` what a perfectly calibrated forecaster
    who says the same would show, and ``gap = (model - model_bias) - (market - market_bias)``.
    """

    gap: float
    lower: float
    upper: float
    level: float
    model: float
    market: float
    model_bias: float
    market_bias: float
    contracts: int
    slots: int
    draws: int


def recalibrate(q: ArrayLike, y: ArrayLike) -> Floats:
    """Isotonic (pool-adjacent-violators) fit of outcomes on forecasts, per contract."""
    forecast, outcome = forecast_pairs(q, y)
    _, group = np.unique(forecast, return_inverse=True)
    return _isotonic(_sums(group, outcome), _sums(group))[group]


def corp(q: ArrayLike, y: ArrayLike, score: Score = "brier", tick: float = TICK) -> Corp:
    """CORP decomposition of the Brier or the log score (nats, ``q`` clipped at ``tick``).

    The recalibrated forecast and the base rate are not clipped: where they say 0 or 1 every outcome agrees.
    """
    forecast, outcome = forecast_pairs(q, y)
    own = float(_losses(forecast, outcome, score, tick).mean())
    _, group = np.unique(forecast, return_inverse=True)
    wins, counts = _sums(group, outcome), _sums(group)
    fit = _isotonic(wins, counts)
    fitted = _mean_score(fit, wins, counts, score)
    climate = _mean_score(np.full_like(fit, outcome.mean()), wins, counts, score)
    return Corp(
        score=own,
        miscalibration=own - fitted,
        discrimination=climate - fitted,
        uncertainty=climate,
        recalibrated=fit[group],
    )


def corp_curve(
    q: ArrayLike, y: ArrayLike, rng: np.random.Generator, *, draws: int = 500, level: float = 0.90
) -> CorpCurve:
    """CORP reliability curve with its consistency band.

    The band resamples outcomes ``y ~ Bernoulli(q)`` with the forecasts as they are and fits each resample
    again; it is pointwise. Holds draws times distinct forecasts at once.
    """
    forecast, outcome = forecast_pairs(q, y)
    draws, tail = whole(draws, "draws", 20), 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    said, group = np.unique(forecast, return_inverse=True)
    counts = _sums(group)
    simulated = np.empty((draws, said.size))
    for d in range(draws):
        simulated[d] = _isotonic(_sums(group, (rng.random(forecast.size) < forecast).astype(np.float64)), counts)
    lower, upper = np.quantile(simulated, [tail, 1.0 - tail], axis=0)
    return CorpCurve(
        forecast=said,
        counts=counts.astype(np.int64),
        recalibrated=_isotonic(_sums(group, outcome), counts),
        lower=lower,
        upper=upper,
        level=level,
    )


def miscalibration_gap(
    q_model: ArrayLike,
    q_market: ArrayLike,
    y: ArrayLike,
    slots: ArrayLike,
    rng: np.random.Generator,
    *,
    score: Score = "brier",
    tick: float = TICK,
    block: float = 1.0,
    draws: int = 2_000,
    level: float = 0.95,
) -> MiscalibrationGap:
    """Is the model worse calibrated than the market price: paired bootstrap of the CORP miscalibrations.

    ``slots`` (any sortable labels, in time order) says which contracts share a slot; whole slots are
    resampled (stationary bootstrap, mean block ``block`` slots) and both forecasts are recalibrated on every
    resample.

    The isotonic fit follows noise, more so the more distinct values a forecaster says, so a calibrated model
    with many values measures worse than a calibrated price on a grid. The expected measure under calibration
    (outcomes resampled ``y ~ Bernoulli(q)``, once per draw) is therefore taken off each side, and the
    resampled gaps are centred on their mean for the interval. Raises :class:`ValidationError` for fewer than
    2 slots.
    """
    tick, draws = inside(tick, "tick", 0.0, 0.5), whole(draws, "draws", 20)
    model, outcome = forecast_pairs(q_model, y)
    market, _ = forecast_pairs(q_market, y)
    slot, counts = clusters(slots, outcome.size)
    if counts.size < 2:
        raise ValidationError("all contracts share one slot; at least 2 slots are needed for an interval.")
    forecasts = (model, market)
    groups = [np.unique(forecast, return_inverse=True)[1] for forecast in forecasts]

    def miscalibration(k: int, won: Floats, weights: Floats) -> float:
        return _miscalibration(groups[k], _losses(forecasts[k], won, score, tick), won, weights, score)

    once = np.ones_like(outcome)
    found = [miscalibration(k, outcome, once) for k in (0, 1)]
    drawn, calibrated = np.empty((draws, 2)), np.empty((draws, 2))
    for d in range(draws):
        index = stationary_indices(counts.size, block, rng)
        weights = np.bincount(index, minlength=counts.size)[slot].astype(np.float64)
        luck = rng.random(outcome.size)
        for k in (0, 1):
            drawn[d, k] = miscalibration(k, outcome, weights)
            calibrated[d, k] = miscalibration(k, (luck < forecasts[k]).astype(np.float64), once)
    bias = calibrated.mean(axis=0)
    gap = float((found[0] - bias[0]) - (found[1] - bias[1]))
    gaps = drawn[:, 0] - drawn[:, 1]
    lower, upper = order_interval(gaps - gaps.mean() + gap, level)
    return MiscalibrationGap(
        gap=gap,
        lower=lower,
        upper=upper,
        level=level,
        model=found[0],
        market=found[1],
        model_bias=float(bias[0]),
        market_bias=float(bias[1]),
        contracts=int(outcome.size),
        slots=int(counts.size),
        draws=draws,
    )


def _miscalibration(group: Ints, losses: Floats, outcome: Floats, weights: Floats, score: Score) -> float:
    """Miscalibration of contracts that count ``weights`` times each."""
    counts, wins = _sums(group, weights), _sums(group, weights * outcome)
    drawn = counts > 0.0
    counts, wins = counts[drawn], wins[drawn]
    own = float(weights @ losses) / float(weights.sum())
    return own - _mean_score(_isotonic(wins, counts), wins, counts, score)


def _sums(group: Ints, weights: Floats | None = None) -> Floats:
    """Total weight (number of rows without weights) of each group."""
    return np.bincount(group, weights).astype(np.float64)


def _isotonic(wins: Floats, counts: Floats) -> Floats:
    """Increasing fit of win rates, one per distinct forecast in increasing order."""
    from scipy.optimize import isotonic_regression

    fit = isotonic_regression(wins / counts, weights=counts).x
    fitted: Floats = np.clip(np.asarray(fit, dtype=np.float64), 0.0, 1.0)
    return fitted


def _losses(forecast: Floats, outcome: Floats, score: Score, tick: float) -> Floats:
    if score not in ("brier", "log"):
        raise ValidationError(f'score is {score!r}; it must be "brier" or "log".')
    if score == "log":
        return log_losses(forecast, outcome, tick)
    losses: Floats = (forecast - outcome) ** 2
    return losses


def _mean_score(p: Floats, wins: Floats, counts: Floats, score: Score) -> float:
    """Mean score of saying ``p`` to groups of contracts, unclipped."""
    lost = counts - wins
    terms = wins * (1.0 - p) ** 2 + lost * p**2 if score == "brier" else -xlogy(wins, p) - xlog1py(lost, -p)
    return float(terms.sum()) / float(counts.sum())
