"""What selection explains: the maximum of N trials, the deflated Sharpe ratio, the minimum backtest length.

Every Sharpe ratio and variance here is per observation, never annualised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr, ndtri

from arena.errors import ValidationError
from arena.validation.checks import finite, vector, whole
from arena.validation.sharpe import standard_error_ar1
from arena.validation.sharpe_inference import probabilistic_sharpe

EULER_MASCHERONI = 0.5772156649015329
Maximum = Literal["exact", "approximate"]


@dataclass(frozen=True, slots=True)
class Trials:
    """The family a winner was picked from: number of trials and variance of their Sharpe ratios.

    The two belong together: variance over the raw trials with the raw count, or variance over cluster
    portfolios with the cluster count. Mixing them under-deflates. ``variance`` is per observation squared.
    """

    variance: float
    count: int

    def __post_init__(self) -> None:
        whole(self.count, "number of trials", 1)
        if finite(self.variance, "variance of the trial Sharpe ratios") < 0.0:
            raise ValidationError(f"variance of the trial Sharpe ratios is {self.variance}; it cannot be negative.")

    @classmethod
    def of(cls, sharpes: ArrayLike) -> Trials:
        """The consistent pair of a family: variance (ddof 1) and count of the trials' Sharpe ratios."""
        values = vector(sharpes, "trial Sharpe ratios", minimum=2)
        return cls(variance=float(values.var(ddof=1)), count=int(values.size))


@dataclass(frozen=True, slots=True)
class DeflatedSharpe:
    """``probability`` is PSR against ``threshold``, the Sharpe that the best of N skill-less trials expects."""

    probability: float
    threshold: float


@lru_cache(maxsize=1024)
def _maximum_moment(count: int, power: int) -> float:
    """E[max^power] of ``count`` standard normals by quadrature over the density of the maximum."""
    from scipy.integrate import quad

    low = float(ndtri(math.exp(-48.0 / count)))
    high = -float(ndtri(1e-21 / count))

    def integrand(z: float) -> float:
        density = math.exp(-0.5 * z * z + (count - 1) * float(log_ndtr(z))) / math.sqrt(2.0 * math.pi)
        return count * z**power * density

    value, _ = quad(integrand, low, high, limit=200, epsabs=1e-13, epsrel=1e-12)
    return float(value)


def expected_maximum(trials: int, method: Maximum = "exact") -> float:
    """Expected maximum of ``trials`` independent standard normals; 0 for one trial.

    ``"exact"`` integrates ``N z phi(z) Phi(z)^(N-1)`` (Tippett 1925). ``"approximate"`` is the two-quantile
    formula of Bailey & Lopez de Prado (2014), 2.3 % high at N=10 and 7.9 % low at N=2, kept to reproduce papers.
    """
    n = whole(trials, "trials", 1)
    if method not in ("exact", "approximate"):
        raise ValidationError(f'method is {method!r}; it must be "exact" or "approximate".')
    if n == 1:
        return 0.0
    if method == "exact":
        return _maximum_moment(n, 1)
    return float(-(1.0 - EULER_MASCHERONI) * ndtri(1.0 / n) - EULER_MASCHERONI * ndtri(1.0 / (n * math.e)))


def variance_of_maximum(trials: int) -> float:
    """Variance of the maximum of ``trials`` independent standard normals (exact); it shrinks with N."""
    n = whole(trials, "trials", 1)
    if n == 1:
        return 1.0
    return _maximum_moment(n, 2) - _maximum_moment(n, 1) ** 2


def deflated_sharpe(
    sr: float, count: int, skew: float, kurtosis: float, trials: Trials, method: Maximum = "exact"
) -> DeflatedSharpe:
    """Deflated Sharpe ratio: PSR against ``sqrt(V) E_N``, Bailey & Lopez de Prado (2014).

    ``sr`` and ``trials.variance`` are per observation. ``probability > 0.95`` is far stricter than a 5 % test
    (0.15 % false positives at N=100): report it, do not gate on it.
    """
    threshold = math.sqrt(trials.variance) * expected_maximum(trials.count, method)
    return DeflatedSharpe(probabilistic_sharpe(sr, count, skew, kurtosis, threshold), threshold)


def deflated_sharpe_null_variance(
    sr: float,
    count: int,
    skew: float,
    kurtosis: float,
    trials: Trials,
    method: Maximum = "exact",
    *,
    of_maximum: bool,
    rho: float = 0.0,
) -> DeflatedSharpe:
    """Deflated Sharpe ratio with the variance at the threshold: Lopez de Prado, Lipton & Zoonekynd (2025).

    ``of_maximum`` says whose spread the winner has: that of one Sharpe ratio, or that of the maximum of N
    (smaller by :func:`variance_of_maximum`), whose false-positive rate is 6-7 % at ``probability > 0.95``
    because the maximum is skewed.
    """
    threshold = math.sqrt(trials.variance) * expected_maximum(trials.count, method)
    error = standard_error_ar1(threshold, count, skew, kurtosis, rho)
    if of_maximum:
        error *= math.sqrt(variance_of_maximum(trials.count))
    return DeflatedSharpe(float(ndtr((finite(sr, "sr") - threshold) / error)), threshold)


def minimum_backtest_length(trials: int, target: float, method: Maximum = "exact") -> float:
    """Length below which the best of ``trials`` skill-less configurations expects a Sharpe of ``target``.

    ``(E_N / target)^2`` in the periods ``target`` refers to: slots for a Sharpe per slot, years for an
    annual one. Bailey, Borwein, Lopez de Prado & Zhu (2014). Necessary, not sufficient.
    """
    if finite(target, "target") <= 0.0:
        raise ValidationError(f"target is {target}; the target Sharpe ratio must be positive.")
    return (expected_maximum(trials, method) / target) ** 2
