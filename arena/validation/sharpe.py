"""The Sharpe ratio per slot: how large, and its standard errors.

Conventions of this module. ``sr`` is mean / standard deviation with ddof 1, per observation, never
annualised. ``skew`` and ``kurtosis`` use biased central moments (divide by T) and ``kurtosis`` is raw:
3 for a normal, 1 for a fair +-1 bet. The variance of the estimate is taken at the Sharpe that is passed:
the estimate here and in ``sharpe_inference``, the null in ``sharpe_null``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import finite, inside, vector, whole
from arena.validation.serial import default_lags, standard_error_mean_hac

Denominator = Literal["T", "T-1"]


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
class Cumulants:
    """Standardised cumulants of orders 3 to 6, all 0 for a normal: the kurtosis here is excess, not raw."""

    skew: float
    excess_kurtosis: float
    fifth: float
    sixth: float


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


def cumulants(returns: ArrayLike) -> Cumulants:
    """Unbiased k-statistics of ``returns`` (shape ``(T,)``), each over a power of the unbiased variance.

    Fisher (1929). Raises :class:`ValidationError` for fewer than 6 rows; other errors as :func:`moments`.
    """
    x = vector(returns, "returns", minimum=6)
    m = moments(x)
    n = float(m.count)
    z = (x - m.mean) / m.deviation
    z -= z.mean()
    s2, s3, s4, s5, s6 = (float((z**power).sum()) for power in range(2, 7))
    third = n * (n - 1.0) * (n - 2.0)
    fourth = third * (n - 3.0)
    fifth = fourth * (n - 4.0)
    sixth = fifth * (n - 5.0)
    return Cumulants(
        skew=n * n * s3 / third,
        excess_kurtosis=((n**3 + n**2) * s4 - 3.0 * (n**2 - n) * s2**2) / fourth,
        fifth=((n**4 + 5.0 * n**3) * s5 - 10.0 * (n**3 - n**2) * s3 * s2) / fifth,
        sixth=(
            (n**5 + 16.0 * n**4 + 11.0 * n**3 - 4.0 * n**2) * s6
            - 15.0 * n * (n - 1.0) ** 2 * (n + 4.0) * s4 * s2
            - 10.0 * (n**4 - 2.0 * n**3 + 5.0 * n**2 - 4.0 * n) * s3**2
            + 30.0 * (n**3 - 3.0 * n**2 + 2.0 * n) * s2**3
        )
        / sixth,
    )


def standard_error_normal(sr: float, count: int) -> float:
    """Standard error of ``sr`` for iid normal returns, ``sqrt((1 + sr^2/2) / T)``: Lo (2002) eq. 9."""
    return math.sqrt((1.0 + 0.5 * finite(sr, "sr") ** 2) / whole(count, "count", 2))


def sharpe_variance(sr: float, skew: float, kurtosis: float, rho: float = 0.0) -> float:
    """T times the variance of the estimate when the Sharpe ratio is ``sr``.

    ``a - b skew sr + c (kurtosis-1)/4 sr^2`` with ``a = (1+rho)/(1-rho)``,
    ``b = 1 + rho/(1-rho) + rho^2/(1-rho^2)`` and ``c = (1+rho^2)/(1-rho^2)``, where ``rho`` is the lag-1
    autocorrelation with its sign: Lopez de Prado, Lipton & Zoonekynd (2025). With ``rho = 0`` the bracket is
    that of Mertens (2002). Raises :class:`ValidationError` when the moments contradict each other, ``rho``
    is not inside (-1, 1), or the bracket is not positive.
    """
    sr, skew, kurtosis = finite(sr, "sr"), finite(skew, "skew"), finite(kurtosis, "kurtosis")
    rho = inside(rho, "rho", -1.0, 1.0)
    if kurtosis < (skew * skew + 1.0) * (1.0 - 1e-9):
        raise ValidationError(
            f"kurtosis {kurtosis:g} with skew {skew:g} belongs to no distribution: raw kurtosis is at least "
            "skew^2 + 1. Pass raw kurtosis (3 for a normal), not excess kurtosis."
        )
    square = rho * rho
    mean = (1.0 + rho) / (1.0 - rho)
    cross = 1.0 + rho / (1.0 - rho) + square / (1.0 - square)
    spread = (1.0 + square) / (1.0 - square)
    value = mean - cross * skew * sr + spread * 0.25 * (kurtosis - 1.0) * sr * sr
    if value <= 0.0:
        raise ValidationError(
            f"the variance of a Sharpe ratio of {sr:g} with skew {skew:g}, kurtosis {kurtosis:g} and "
            f"autocorrelation {rho:g} is not positive."
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
    return math.sqrt(sharpe_variance(sr, skew, kurtosis) / (count if denominator == "T" else count - 1))


def standard_error_ar1(sr: float, count: int, skew: float, kurtosis: float, rho: float) -> float:
    """Standard error of ``sr`` for AR(1) returns, ``sqrt(sharpe_variance / T)``: L. de Prado et al. (2025)."""
    return math.sqrt(sharpe_variance(sr, skew, kurtosis, rho) / whole(count, "count", 2))


def standard_error_bao(sr: float, count: int, cumulants: Cumulants) -> float:
    """Standard error of ``sr`` for iid returns to order ``T^-2``: Bao (2009) eq. 4.

    Raises :class:`ValidationError` when the expansion is not positive, which happens for a few rows with a
    large sixth cumulant.
    """
    s, n = finite(sr, "sr"), whole(count, "count", 2)
    g1, g2, g3, g4 = cumulants.skew, cumulants.excess_kurtosis, cumulants.fifth, cumulants.sixth
    first = 1.0 + s * s / 2.0 - g1 * s + g2 * s * s / 4.0
    second = (
        2.0
        + 19.0 * s * s / 8.0
        - 2.5 * g1 * s
        + 3.0 * g2 * s * s / 8.0
        + 5.0 * g3 * s / 4.0
        - 3.0 * g4 * s * s / 8.0
        + g1 * g1 * (7.0 / 4.0 - 3.0 * s * s / 2.0)
        - 15.0 * g1 * g2 * s / 4.0
        + 39.0 * g2 * g2 * s * s / 32.0
    )
    variance = (first + second / n) / n
    if variance <= 0.0:
        raise ValidationError(f"Bao's variance of a Sharpe ratio of {s:g} over {n} rows is {variance:g}; use Mertens.")
    return math.sqrt(variance)


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


def poisson_annual_sharpe(sr: float, bets_per_year: float) -> float:
    """Annual Sharpe ratio when bets arrive at random at rate L per year: ``sqrt(L) sr / sqrt(1 + sr^2)``.

    The variance of a Poisson sum is L times the second moment of a bet, not its variance. For +-1 bets this
    is ``sqrt(L) (2w - 1)``. ``sr`` is per bet.
    """
    rate = finite(bets_per_year, "bets_per_year")
    if rate <= 0.0:
        raise ValidationError(f"bets_per_year is {bets_per_year}; it must be positive.")
    return math.sqrt(rate) * finite(sr, "sr") / math.hypot(1.0, sr)
