"""Sharpe inference with the variance at the hypothesis: Lopez de Prado, Lipton & Zoonekynd (2025).

The standard error belongs to the Sharpe ratio that is supposed true, not to the estimate, divides by T, and
knows AR(1) returns. Every name starts with ``null_variance``: these figures differ from those of the 2012
papers in ``sharpe_inference``. Lighter on negative skew, but oversized for favourites (8.7 % instead of 5 %
on fair bets at 0.95): not the default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from arena.validation.checks import finite, inside
from arena.validation.sharpe import sharpe_variance, standard_error_ar1


@dataclass(frozen=True, slots=True)
class NullVarianceTest:
    """One-sided test of a Sharpe ratio against ``benchmark``; ``standard_error`` is the one at the benchmark."""

    benchmark: float
    standard_error: float
    z_score: float
    p_value: float


def null_variance_test(
    sr: float, count: int, skew: float, kurtosis: float, *, benchmark: float = 0.0, rho: float = 0.0
) -> NullVarianceTest:
    """Probability of an estimate of at least ``sr`` when the Sharpe ratio is ``benchmark``.

    ``1 - p_value`` is what the 2025 paper calls PSR. Errors as :func:`arena.validation.sharpe.sharpe_variance`.
    """
    error = standard_error_ar1(benchmark, count, skew, kurtosis, rho)
    z = (finite(sr, "sr") - benchmark) / error
    return NullVarianceTest(benchmark=benchmark, standard_error=error, z_score=z, p_value=float(ndtr(-z)))


def null_variance_critical(
    count: int, skew: float, kurtosis: float, *, benchmark: float = 0.0, alpha: float = 0.05, rho: float = 0.0
) -> float:
    """Smallest estimate that rejects ``benchmark`` at one-sided level ``alpha``."""
    z = -float(ndtri(inside(alpha, "alpha", 0.0, 1.0)))
    return benchmark + z * standard_error_ar1(benchmark, count, skew, kurtosis, rho)


def null_variance_power(
    alternative: float,
    count: int,
    skew: float,
    kurtosis: float,
    *,
    benchmark: float = 0.0,
    alpha: float = 0.05,
    rho: float = 0.0,
) -> float:
    """Probability that the level-``alpha`` test rejects ``benchmark`` when the Sharpe ratio is ``alternative``."""
    critical = null_variance_critical(count, skew, kurtosis, benchmark=benchmark, alpha=alpha, rho=rho)
    return null_variance_test(critical, count, skew, kurtosis, benchmark=alternative, rho=rho).p_value


def null_variance_track_record(
    sr: float, skew: float, kurtosis: float, *, benchmark: float = 0.0, confidence: float = 0.95, rho: float = 0.0
) -> float:
    """Observations after which ``sr`` rejects ``benchmark`` at ``1 - confidence``; ``inf`` if ``sr <= benchmark``.

    ``bracket(benchmark) (z / (sr - benchmark))^2``, without the 1 of the 2012 formula.
    """
    bracket = sharpe_variance(benchmark, skew, kurtosis, rho)
    z = float(ndtri(inside(confidence, "confidence", 0.5, 1.0)))
    gap = finite(sr, "sr") - benchmark
    return bracket * (z / gap) ** 2 if gap > 0.0 else math.inf
