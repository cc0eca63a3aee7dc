"""Serial dependence of a series: autocorrelations, Newey-West long-run variance, and its bandwidths."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, vector, whole


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


def bandwidth_newey_west(series: ArrayLike) -> float:
    """Automatic Bartlett bandwidth for the mean of ``series``, in rows: Newey & West (1994), no prewhitening.

    ``1.1447 ((s1/s0)^2 T)^(1/3)`` with ``s_q`` the sum of ``|k|^q g_k`` over lags up to
    :func:`default_lags`. The weights are ``1 - k/bandwidth``, so ``lags`` elsewhere is the bandwidth minus 1.
    It looks at the data: fix it before any p-value is seen. Raises :class:`ValidationError` for a constant
    series or autocovariances that sum to 0.
    """
    x = vector(series, "series", minimum=2)
    weights = np.arange(1.0, min(default_lags(x.size), x.size - 1) + 1.0)
    rho = autocorrelations(x, weights.size)
    level = 1.0 + 2.0 * float(rho.sum())
    if level == 0.0:
        raise ValidationError("the autocovariances of the series sum to 0; choose the lags yourself.")
    slope = 2.0 * float(weights @ rho)
    return float(1.1447 * ((slope / level) ** 2 * x.size) ** (1.0 / 3.0))


def bandwidth_andrews(series: ArrayLike) -> float:
    """Automatic Bartlett bandwidth for the mean of ``series``, in rows: Andrews (1991) with an AR(1) plug-in.

    ``1.1447 (4 rho^2 T / ((1-rho)^2 (1+rho)^2))^(1/3)``, rho from the regression of a row on the one before.
    Use and errors as :func:`bandwidth_newey_west`.
    """
    x = vector(series, "series", minimum=3)
    before, after = x[:-1] - x[:-1].mean(), x[1:] - x[1:].mean()
    power = float(before @ before)
    rho = float(before @ after) / power if power > 0.0 else math.inf
    if abs(rho) >= 1.0:
        raise ValidationError("the series is constant or its autoregression explodes; it has no bandwidth.")
    return float(1.1447 * (4.0 * rho * rho / (1.0 - rho * rho) ** 2 * x.size) ** (1.0 / 3.0))
