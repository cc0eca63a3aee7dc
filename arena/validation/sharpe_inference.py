"""Inference on one Sharpe ratio with the variance at the estimate: Bailey & Lopez de Prado (2012).

The default for a single test. The family that puts the variance at the null is in ``sharpe_null``, exact
inference for normal returns in ``sharpe_exact``. Sharpe ratios are per observation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from arena.errors import ValidationError
from arena.validation.checks import finite, inside
from arena.validation.sharpe import sharpe_variance, standard_error


@dataclass(frozen=True, slots=True)
class SharpeInterval:
    """Two-sided confidence interval of a Sharpe ratio at confidence ``level``, per observation."""

    estimate: float
    lower: float
    upper: float
    level: float


def probabilistic_sharpe(sr: float, count: int, skew: float, kurtosis: float, benchmark: float = 0.0) -> float:
    """Probabilistic Sharpe ratio: one minus the one-sided p-value of ``sr`` against ``benchmark``.

    ``Phi((sr - benchmark) sqrt(T-1) / sqrt(1 - skew sr + (kurtosis-1)/4 sr^2))``, Bailey & Lopez de Prado
    (2012). Both Sharpes per observation. It is not a posterior probability of skill.
    """
    error = standard_error(sr, count, skew, kurtosis, denominator="T-1")
    return float(ndtr((sr - finite(benchmark, "benchmark")) / error))


def minimum_track_record(
    sr: float, skew: float, kurtosis: float, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """Observations needed before PSR exceeds ``confidence``; ``inf`` when ``sr <= benchmark``.

    ``1 + bracket (z / (sr - benchmark))^2``, Bailey & Lopez de Prado (2012) eq. 13.
    """
    bracket = sharpe_variance(sr, skew, kurtosis)
    confidence = inside(confidence, "confidence", 0.5, 1.0)
    gap = sr - finite(benchmark, "benchmark")
    if gap <= 0.0:
        return math.inf
    ratio = float(ndtri(confidence)) / gap
    return 1.0 + bracket * ratio * ratio


def normal_interval(sr: float, error: float, level: float = 0.95) -> SharpeInterval:
    """``sr`` plus and minus the normal quantile times ``error``, one of the standard errors in ``sharpe``."""
    width = -float(ndtri(0.5 * (1.0 - inside(level, "level", 0.0, 1.0)))) * finite(error, "error")
    if width < 0.0:
        raise ValidationError(f"error is {error}; a standard error cannot be negative.")
    return SharpeInterval(estimate=finite(sr, "sr"), lower=sr - width, upper=sr + width, level=level)
