"""Fair value and stake of a binary up/down share. Scalar kernels, inlined wherever they are called.

A share pays $1 if it wins. Prices and probabilities are in 0-1, volatilities are per square-root
year, times are seconds unless the name says otherwise.
"""

from __future__ import annotations

import math

from arena.jit import jit
from arena.units import YEAR_S

_SQRT_HALF = math.sqrt(0.5)


@jit
def norm_cdf(x: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-x * _SQRT_HALF)


@jit
def digital_up(spot: float, strike: float, sigma: float, seconds_left: float, rate: float) -> float:
    """Fair price of an UP share settled on the *spot* at the end (Black-Scholes cash-or-nothing call).

    ``exp(-r t) N(d2)`` with ``d2 = (ln(S/K) + (r - s^2/2) t) / (s sqrt(t))``, clamped to 0-1
    (Reiner & Rubinstein 1991). With no time or no volatility left it is the indicator ``S >= K``.

    Args:
        spot: price of the underlying, same currency and source as ``strike``.
        strike: reference price at the open.
        sigma: annualised volatility.
        seconds_left: time to the end of the window, seconds.
        rate: risk-free rate per year.
    """
    t = seconds_left / YEAR_S
    sd = sigma * math.sqrt(max(t, 0.0))
    if sd <= 0.0:
        return 1.0 if spot >= strike else 0.0
    d2 = (math.log(spot / strike) + (rate - 0.5 * sigma * sigma) * t) / sd
    return min(1.0, max(0.0, math.exp(-rate * t) * norm_cdf(d2)))


@jit
def twap_variance_s(seconds_left: float, lookback_s: float) -> float:
    """Variance of the settlement average, in seconds of spot variance.

    For a driftless log price averaged over the last ``w`` seconds: ``t - 2w/3`` while ``t >= w`` and
    ``t^3 / (3 w^2)`` once part of the average is fixed; ``t`` itself when ``w`` is 0 (spot rule).
    Both follow from integrating ``min(u, v)`` over the averaging window.
    """
    t = max(seconds_left, 0.0)
    if lookback_s <= 0.0:
        return t
    if t >= lookback_s:
        return t - 2.0 * lookback_s / 3.0
    return t * t * t / (3.0 * lookback_s * lookback_s)


@jit
def twap_digital_up(
    spot: float, strike: float, sigma: float, seconds_left: float, lookback_s: float, known_mean: float
) -> float:
    """Fair price of an UP share settled on the average over the last ``lookback_s`` seconds.

    The average is matched to a lognormal: its mean is ``spot`` before the averaging starts, and
    ``(known_mean (w - t) + spot t) / w`` inside it; its variance is :func:`twap_variance_s`. With
    ``lookback_s`` 0 this is the spot digital at zero rate. A tie pays UP.

    Args:
        spot: price of the underlying on the settlement source.
        strike: reference price at the open, by the same rule.
        sigma: annualised volatility of the underlying.
        seconds_left: time to the end of the window, seconds.
        lookback_s: length of the average, seconds; 0 for a spot rule.
        known_mean: mean of the reports already inside the averaging window, USD; ignored before it starts.
    """
    mean = spot
    if seconds_left < lookback_s:
        t = max(seconds_left, 0.0)
        mean = (known_mean * (lookback_s - t) + spot * t) / lookback_s
    variance = sigma * sigma * twap_variance_s(seconds_left, lookback_s) / YEAR_S
    if variance <= 0.0:
        return 1.0 if mean >= strike else 0.0
    return norm_cdf((math.log(mean / strike) - 0.5 * variance) / math.sqrt(variance))


@jit
def kelly_fraction(probability: float, cost: float) -> float:
    """Growth-optimal fraction of wealth to stake on a share: ``(w - c) / (1 - c)``, clamped to 0-1.

    ``cost`` is the entry price including the fee per share (Kelly 1956; Thorp 2006, section 2).
    A share that costs $1 or more is never bought.
    """
    if cost >= 1.0:
        return 0.0
    return min(1.0, max(0.0, (probability - cost) / (1.0 - cost)))


@jit
def log_growth(probability: float, cost: float, fraction: float) -> float:
    """Expected log growth per bet of staking ``fraction`` of wealth on a share that costs ``cost``.

    ``w ln(1 + f (1-c)/c) + (1-w) ln(1-f)`` (Kelly 1956). Minus infinity at ``fraction`` 1 unless the
    win is certain.
    """
    if fraction <= 0.0:
        return 0.0
    win = probability * math.log(1.0 + fraction * (1.0 - cost) / cost)
    if fraction >= 1.0:
        return win if probability >= 1.0 else -math.inf
    return win + (1.0 - probability) * math.log(1.0 - fraction)
