"""Do forecasts mean what they say: reliability curve and its error, logistic recalibration, Spiegelhalter's test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtr

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, forecast_pairs, inside, probabilities, whole
from arena.validation.forecast import TICK, Closed, bin_numbers


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """Observed frequency against mean forecast per non-empty bin.

    ``lower`` and ``upper`` bound the frequency that a perfectly calibrated forecaster shows in that bin with
    probability ``level``: a point outside its band is miscalibrated.
    """

    counts: Ints
    mean_forecast: Floats
    frequency: Floats
    lower: Floats
    upper: Floats
    level: float


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error (ECE) and what it is for a perfectly calibrated forecaster who says the same.

    ``error`` is never 0 by luck alone: compare it with ``null_mean`` and with ``null_upper``, the ``level``
    quantile under calibration. ``p_value`` is ``(1 + #{simulated >= error}) / (draws + 1)``.
    """

    error: float
    null_mean: float
    null_upper: float
    p_value: float
    level: float
    draws: int


@dataclass(frozen=True, slots=True)
class CalibrationFit:
    """Logistic fit ``logit P(y=1) = intercept + slope logit(q)``; perfect calibration is 0 and 1.

    ``slope < 1`` means over-confident forecasts. ``intercept_in_large`` is the intercept with slope fixed at
    1: its sign says whether forecasts are too low (+) or too high (-).
    """

    intercept: float
    slope: float
    intercept_error: float
    slope_error: float
    intercept_in_large: float


@dataclass(frozen=True, slots=True)
class Spiegelhalter:
    """``z`` is standard normal when forecasts are calibrated; ``p_value`` is two-sided."""

    z: float
    p_value: float


def quantile_edges(q: ArrayLike, bins: int = 10) -> Floats:
    """Edges of ``bins`` bins with about equally many forecasts, for :func:`reliability_curve`."""
    forecast = probabilities(q, "forecast")
    edges: Floats = np.unique(np.quantile(forecast, np.linspace(0.0, 1.0, whole(bins, "bins", 1) + 1)))
    if edges.size < 2:
        raise ValidationError(f"every forecast is {forecast[0]}; quantile bins need at least two values.")
    return edges


def reliability_curve(
    q: ArrayLike,
    y: ArrayLike,
    rng: np.random.Generator,
    *,
    bins: int | ArrayLike = 10,
    closed: Closed = "right",
    draws: int = 1_000,
    level: float = 0.90,
) -> ReliabilityCurve:
    """Reliability curve with the consistency band of Brocker & Smith (2007).

    ``bins`` is a number of equal bins on [0, 1] or edges (see :func:`quantile_edges`). The band resamples
    outcomes ``y ~ Bernoulli(q)`` with the forecasts as they are, bin by bin.
    """
    forecast, outcome = forecast_pairs(q, y)
    draws, tail = whole(draws, "draws", 20), 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    _, number, counts = np.unique(bin_numbers(forecast, bins, closed), return_inverse=True, return_counts=True)
    simulated = np.empty((draws, counts.size))
    for d in range(draws):
        simulated[d] = np.bincount(number, rng.random(forecast.size) < forecast, minlength=counts.size) / counts
    lower, upper = np.quantile(simulated, [tail, 1.0 - tail], axis=0)
    return ReliabilityCurve(
        counts=counts.astype(np.int64),
        mean_forecast=np.bincount(number, forecast) / counts,
        frequency=np.bincount(number, outcome) / counts,
        lower=lower,
        upper=upper,
        level=level,
    )


def calibration_error(
    q: ArrayLike,
    y: ArrayLike,
    rng: np.random.Generator,
    *,
    bins: int | ArrayLike = 10,
    closed: Closed = "right",
    draws: int = 1_000,
    level: float = 0.95,
) -> CalibrationError:
    """Mean over contracts of ``|frequency - mean forecast|`` of their bin: Naeini, Cooper & Hauskrecht (2015).

    It depends on ``bins`` (as in :func:`reliability_curve`) and is biased upward, so it comes with its
    distribution when outcomes are resampled ``y ~ Bernoulli(q)``.
    """
    forecast, outcome = forecast_pairs(q, y)
    draws, level = whole(draws, "draws", 20), inside(level, "level", 0.0, 1.0)
    number = bin_numbers(forecast, bins, closed)

    def error(won: Floats) -> float:
        return float(np.abs(np.bincount(number, won - forecast)).sum()) / forecast.size

    found = error(outcome)
    null = np.array([error((rng.random(forecast.size) < forecast).astype(np.float64)) for _ in range(draws)])
    reached = int((null >= found * (1.0 - 1e-12)).sum())
    return CalibrationError(
        error=found,
        null_mean=float(null.mean()),
        null_upper=float(np.quantile(null, level, method="inverted_cdf")),
        p_value=(1 + reached) / (draws + 1),
        level=level,
        draws=draws,
    )


def calibration_fit(q: ArrayLike, y: ArrayLike, tick: float = TICK) -> CalibrationFit:
    """Calibration intercept and slope by logistic regression: Cox (1958).

    Forecasts are clipped to ``[tick, 1-tick]`` before the logit. Raises :class:`ValidationError` when all
    outcomes are equal, all forecasts are equal, or a threshold on the forecast separates wins from losses
    (the fit has no finite maximum).
    """
    forecast, outcome = forecast_pairs(q, y)
    tick = inside(tick, "tick", 0.0, 0.5)
    x = logit(np.clip(forecast, tick, 1.0 - tick))
    if outcome.min() == outcome.max():
        raise ValidationError(f"every outcome is {outcome[0]:g}; calibration needs wins and losses.")
    if x.min() == x.max():
        raise ValidationError(f"every forecast is {forecast[0]:g}; a calibration slope needs at least two values.")
    won, lost = x[outcome == 1.0], x[outcome == 0.0]
    if won.min() >= lost.max() or lost.min() >= won.max():
        raise ValidationError("a threshold on the forecast separates wins from losses; the calibration slope diverges.")
    centre, scale = float(x.mean()), float(x.std())
    design = np.column_stack((np.ones_like(x), (x - centre) / scale))
    beta, information = _newton(design, outcome, np.zeros_like(x))
    covariance = np.linalg.inv(information)
    slope = float(beta[1]) / scale
    to_intercept = np.array([1.0, -centre / scale])
    offset_only, _ = _newton(np.ones((x.size, 1)), outcome, x)
    return CalibrationFit(
        intercept=float(beta @ to_intercept),
        slope=slope,
        intercept_error=math.sqrt(float(to_intercept @ covariance @ to_intercept)),
        slope_error=math.sqrt(float(covariance[1, 1])) / scale,
        intercept_in_large=float(offset_only[0]),
    )


def _newton(design: Floats, outcome: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """Maximum-likelihood logistic coefficients and their information matrix, with step halving."""

    def loss(b: Floats) -> float:
        eta = design @ b + offset
        return float((np.logaddexp(0.0, eta) - outcome * eta).sum())

    beta = np.zeros(design.shape[1])
    current = loss(beta)
    for _ in range(100):
        fitted = expit(design @ beta + offset)
        information: Floats = (design * (fitted * (1.0 - fitted))[:, None]).T @ design
        try:
            step = np.linalg.solve(information, design.T @ (outcome - fitted))
        except np.linalg.LinAlgError:
            break
        size = 1.0
        while loss(beta + size * step) > current * (1.0 + 1e-14) and size > 1e-6:
            size *= 0.5
        beta = beta + size * step
        current = loss(beta)
        if float(np.abs(step).max()) < 1e-12 * (1.0 + float(np.abs(beta).max())):
            return beta, information
    raise ValidationError("the logistic calibration fit does not settle; the forecasts nearly separate the outcomes.")


def spiegelhalter(q: ArrayLike, y: ArrayLike) -> Spiegelhalter:
    """Spiegelhalter (1986): ``sum (y-q)(1-2q) / sqrt(sum (1-2q)^2 q(1-q))``.

    Raises :class:`ValidationError` when every forecast is 0, 0.5 or 1: the statistic then has no variance.
    """
    forecast, outcome = forecast_pairs(q, y)
    tilt = 1.0 - 2.0 * forecast
    variance = float((tilt**2 * forecast * (1.0 - forecast)).sum())
    if variance <= 0.0:
        raise ValidationError("every forecast is 0, 0.5 or 1; Spiegelhalter's test has no variance.")
    z = float(((outcome - forecast) * tilt).sum()) / math.sqrt(variance)
    return Spiegelhalter(z=z, p_value=2.0 * float(ndtr(-abs(z))))
