"""The Sharpe ratio per slot: how large, how uncertain, and how much selection explains.

Conventions of this module. ``sr`` is mean / standard deviation with ddof 1, per observation, never
annualised. ``skew`` and ``kurtosis`` use biased central moments (divide by T) and ``kurtosis`` is raw:
3 for a normal, 1 for a fair +-1 bet. The variance of the estimate is taken at the estimate, not at the
null.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr, ndtri

from arena.errors import ValidationError
from arena.validation.checks import Floats, finite, inside, vector, whole

EULER_MASCHERONI = 0.5772156649015329
Denominator = Literal["T", "T-1"]
Maximum = Literal["exact", "approximate"]


@dataclass(frozen=True, slots=True)
class Moments:
    """Sample moments of a return series.

    ``deviation`` uses ddof 1; ``skew`` and raw ``kurtosis`` use biased central moments; ``sharpe`` is
    ``mean / deviation`` per observation.
    """

    count: int
    mean: float
    deviation: float
    skew: float
    kurtosis: float
    sharpe: float


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


def moments(returns: ArrayLike) -> Moments:
    """Moments of ``returns`` (shape ``(T,)``, return per unit of stake per slot).

    Raises :class:`ValidationError` for fewer than 2 rows, a non-finite row or a constant series.
    """
    x = vector(returns, "returns", minimum=2)
    if float(x.min()) == float(x.max()):
        raise ValidationError(f"returns are {x[0]} in every row; a constant series has no Sharpe ratio.")
    mean = float(x.mean())
    centred = x - mean
    scale = float(np.abs(centred).max())
    if scale == 0.0:
        raise ValidationError("returns vary by less than their rounding error; they have no Sharpe ratio.")
    z = centred / scale
    second = float((z**2).mean())
    deviation = scale * math.sqrt(second * x.size / (x.size - 1))
    return Moments(
        count=int(x.size),
        mean=mean,
        deviation=deviation,
        skew=float((z**3).mean()) / second**1.5,
        kurtosis=float((z**4).mean()) / second**2,
        sharpe=mean / deviation,
    )


def sharpe(returns: ArrayLike) -> float:
    """Sharpe ratio per slot, mean / standard deviation (ddof 1). Errors as :func:`moments`."""
    return moments(returns).sharpe


def standard_error_normal(sr: float, count: int) -> float:
    """Standard error of ``sr`` for iid normal returns, ``sqrt((1 + sr^2/2) / T)``: Lo (2002) eq. 9."""
    return math.sqrt((1.0 + 0.5 * finite(sr, "sr") ** 2) / whole(count, "count", 2))


def _bracket(sr: float, skew: float, kurtosis: float) -> float:
    """``1 - skew sr + (kurtosis-1)/4 sr^2``, T times the variance of the estimate: Mertens (2002)."""
    sr, skew, kurtosis = finite(sr, "sr"), finite(skew, "skew"), finite(kurtosis, "kurtosis")
    if kurtosis < (skew * skew + 1.0) * (1.0 - 1e-9):
        raise ValidationError(
            f"kurtosis {kurtosis:g} with skew {skew:g} belongs to no distribution: raw kurtosis is at least "
            "skew^2 + 1. Pass raw kurtosis (3 for a normal), not excess kurtosis."
        )
    value = 1.0 - skew * sr + 0.25 * (kurtosis - 1.0) * sr * sr
    if value <= 0.0:
        raise ValidationError(
            f"the variance of a Sharpe ratio of {sr:g} with skew {skew:g} and kurtosis {kurtosis:g} is not positive."
        )
    return value


def standard_error(sr: float, count: int, skew: float, kurtosis: float, *, denominator: Denominator) -> float:
    """Standard error of ``sr`` for iid returns of any shape: Mertens (2002), Opdyke (2007).

    ``denominator`` says what the variance is divided by: ``"T-1"`` as Bailey & Lopez de Prado (2012) do,
    or ``"T"``. Raises :class:`ValidationError` when the moments contradict each other.
    """
    count = whole(count, "count", 2)
    if denominator not in ("T", "T-1"):
        raise ValidationError(f'denominator is {denominator!r}; it must be "T" or "T-1".')
    return math.sqrt(_bracket(sr, skew, kurtosis) / (count if denominator == "T" else count - 1))


def default_lags(count: int, overlap: int = 0) -> int:
    """Newey-West lags in slots: the larger of the label overlap and ``floor(4 (T/100)^(2/9))``.

    Chosen from the length of the series alone, before any p-value is seen: Newey & West (1994).
    """
    return max(whole(overlap, "overlap", 0), int(4.0 * (whole(count, "count", 2) / 100.0) ** (2.0 / 9.0)))


def long_run_variance(series: ArrayLike, lags: int) -> float:
    """Bartlett-weighted variance ``g_0 + 2 sum (1 - k/(L+1)) g_k`` of a series of T rows: Newey & West (1987).

    Autocovariances divide by T; no prewhitening, no small-sample factor. Never negative. Raises
    :class:`ValidationError` when ``lags`` is negative or not smaller than T.
    """
    x = vector(series, "series", minimum=2)
    lags = whole(lags, "lags", 0)
    if lags >= x.size:
        raise ValidationError(f"lags is {lags}; it must be smaller than the {x.size} rows of the series.")
    e = x - x.mean()
    total = float(e @ e)
    for k in range(1, lags + 1):
        total += 2.0 * (1.0 - k / (lags + 1.0)) * float(e[k:] @ e[:-k])
    return max(total / x.size, 0.0)


def standard_error_mean_hac(series: ArrayLike, lags: int) -> float:
    """Newey-West standard error of the mean, ``sqrt(LRV / T)``, in the units of the series."""
    x = vector(series, "series", minimum=2)
    return math.sqrt(long_run_variance(x, lags) / x.size)


def standard_error_hac(returns: ArrayLike, lags: int | None = None) -> float:
    """Standard error of the Sharpe ratio of dependent returns: Lo (2002) app. A.

    The influence of slot t is ``z_t - sr/2 (z_t^2 - 1)`` with ``z`` standardised by ddof 0; its long-run
    variance over T is the variance of the estimate. With 0 lags this is Mertens with denominator T.
    ``lags=None`` takes :func:`default_lags`.
    """
    x = vector(returns, "returns", minimum=2)
    m = moments(x)
    z = (x - m.mean) / (m.deviation * math.sqrt((m.count - 1) / m.count))
    sr = m.sharpe * math.sqrt(m.count / (m.count - 1))
    influence = z - 0.5 * sr * (z * z - 1.0)
    lags = min(default_lags(m.count), m.count - 1) if lags is None else lags
    return standard_error_mean_hac(influence, lags)


def autocorrelations(series: ArrayLike, lags: int) -> Floats:
    """Sample autocorrelations at lags 1..``lags`` (shape ``(lags,)``), autocovariances divided by T."""
    x = vector(series, "series", minimum=2)
    lags = whole(lags, "lags", 1)
    if lags >= x.size:
        raise ValidationError(f"lags is {lags}; it must be smaller than the {x.size} rows of the series.")
    e = x - x.mean()
    power = float(e @ e)
    if power <= 0.0:
        raise ValidationError("the series is constant; it has no autocorrelation.")
    return np.array([float(e[k:] @ e[:-k]) / power for k in range(1, lags + 1)])


def aggregation_factor(periods: int, correlations: ArrayLike) -> float:
    """Lo's eta: the Sharpe of ``periods`` summed slots divided by the Sharpe of one slot.

    ``q / sqrt(q + 2 sum_{k<q} (q-k) rho_k)``, Lo (2002) eq. 20. ``correlations`` holds rho_1, rho_2, ...
    (missing ones count as 0; those beyond lag q-1 are ignored). ``sqrt(q)`` only when all are 0. Raises
    :class:`ValidationError` when the estimated variance of the sum is not positive.
    """
    q = whole(periods, "periods", 1)
    rho = vector(correlations, "correlations", minimum=0)[: q - 1]
    if rho.size and float(np.abs(rho).max()) > 1.0:
        raise ValidationError(f"correlation {float(rho[np.abs(rho).argmax()]):g} lies outside -1 to 1.")
    variance = q + 2.0 * float((q - np.arange(1, rho.size + 1)) @ rho)
    if variance <= 0.0:
        raise ValidationError(
            f"the autocorrelations give the sum of {q} slots a variance of {variance:g} slots; use fewer lags."
        )
    return q / math.sqrt(variance)


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
    bracket = _bracket(sr, skew, kurtosis)
    confidence = inside(confidence, "confidence", 0.5, 1.0)
    gap = sr - finite(benchmark, "benchmark")
    if gap <= 0.0:
        return math.inf
    ratio = float(ndtri(confidence)) / gap
    return 1.0 + bracket * ratio * ratio


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


def minimum_backtest_length(trials: int, target: float, method: Maximum = "exact") -> float:
    """Length below which the best of ``trials`` skill-less configurations expects a Sharpe of ``target``.

    ``(E_N / target)^2`` in the periods ``target`` refers to: slots for a Sharpe per slot, years for an
    annual one. Bailey, Borwein, Lopez de Prado & Zhu (2014). Necessary, not sufficient.
    """
    if finite(target, "target") <= 0.0:
        raise ValidationError(f"target is {target}; the target Sharpe ratio must be positive.")
    return (expected_maximum(trials, method) / target) ** 2
