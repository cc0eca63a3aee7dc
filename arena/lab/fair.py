"""What a contract is worth to somebody who knows the efficient price and the reports up to some moment.

Reports follow the price with inertia: a report is ``a x + (1 - a) e``, ``x`` the efficient log price and ``e`` its
exponential average with time constant ``u``. Volatility changes within a window, and the price jumps. All of it is
priced, or a maker who knows everything would still be wrong.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from arena.jit import jit
from arena.lab.oracle import Reports
from arena.lab.path import Path
from arena.market.tape import F8
from arena.pricing import norm_cdf
from arena.units import YEAR_S

_MOST_JUMPS = 4
_NODES = (
    (0.0694318442029737, 0.1739274225687269),
    (0.3300094782075719, 0.3260725774312731),
    (0.6699905217924281, 0.3260725774312731),
    (0.9305681557970263, 0.1739274225687269),
)
_ROOT_3 = math.sqrt(3.0)


class Knowledge(NamedTuple):
    """Everything there is to know of one coin: whoever asks for a fair value says up to when.

    ``origin_ns``, ``log_price`` (50 ms), ``sigma``, ``smoothed`` and ``quick`` (1 s) and the numbers are those of
    :class:`arena.lab.path.Path`. ``report_total[k]`` is the sum of the first ``k`` reports, one a second from
    ``report_origin_ns`` on.
    """

    origin_ns: int
    log_price: F8
    sigma: F8
    smoothed: F8
    quick: F8
    quick_sd: F8
    quick_rate: F8
    instant: float
    smooth_s: float
    jump_rate: float
    jump_sd: float
    report_origin_ns: int
    report_total: F8


def knowledge(path: Path, reports: Reports) -> Knowledge:
    """What is known of a path and its reports."""
    total = np.concatenate([[0.0], np.cumsum(reports.price)])
    return Knowledge(
        path.origin_ns, path.log_price, path.sigma, path.smoothed, path.quick, path.quick_sd, path.quick_rate,
        path.instant, path.smooth_s, path.jump_rate, path.jump_sd, int(reports.event_ns[0]), total,
    )  # fmt: skip


@jit
def fair_up(now_ns: int, close_ns: int, strike: float, lookback_s: int, known: Knowledge) -> float:
    """Fair price of UP for somebody who knows the efficient price and the reports up to ``now_ns``."""
    second = (now_ns - known.origin_ns) // 1_000_000_000
    x = known.log_price[(now_ns - known.origin_ns) // 50_000_000]
    left = (close_ns - now_ns) * 1e-9
    since = (now_ns - known.origin_ns) * 1e-9 - second
    behind = (1.0 - known.instant) * (known.smoothed[second] - x) * math.exp(-since / known.smooth_s)
    mean = math.exp(x + behind * expected_inertia(left, float(lookback_s), known.smooth_s))
    if left < lookback_s:
        # Reports for the seconds of the averaging window that lie behind us.
        a = (close_ns - lookback_s * 1_000_000_000 - known.report_origin_ns) // 1_000_000_000 + 1
        b = (now_ns - known.report_origin_ns) // 1_000_000_000 + 1
        if b > a:
            past = (known.report_total[b] - known.report_total[a]) / (b - a)
            mean = (past * (lookback_s - left) + mean * left) / lookback_s
    seconds = settlement_variance_s(left, float(lookback_s), known.instant, known.smooth_s)
    jump_variance = known.jump_rate * known.jump_sd * known.jump_sd * YEAR_S
    factor = foreseen_variance(known.quick[:, second], known.quick_sd, known.quick_rate, left)
    diffusion = max(known.sigma[second] ** 2 - jump_variance, 0.0) * factor
    log_sd = variance_log_sd(known.quick_sd, known.quick_rate, left)
    return mixed_digital_up(
        math.log(mean / strike), diffusion * seconds / YEAR_S, log_sd, known.jump_rate * seconds, known.jump_sd
    )


@jit
def foreseen_variance(state: F8, sd: F8, rate: F8, ahead_s: float) -> float:
    """Expected mean variance over ``ahead_s`` seconds, over its long-run mean, given the quick components now.

    An Ornstein-Uhlenbeck component at ``x`` is, ``u`` seconds on, normal around ``x exp(-r u)``; the mean over time is
    Gauss's rule with four points in the square root of time, because what is quick ends soon.
    """
    total = 0.0
    for node, weight in _NODES:
        u = ahead_s * node * node
        log_variance = 0.0
        for j in range(state.shape[0]):
            left = math.exp(-rate[j] * u)
            log_variance += 2.0 * left * state[j] - 2.0 * (sd[j] * left) ** 2
        total += 2.0 * node * weight * math.exp(log_variance)
    return total


@jit
def variance_log_sd(sd: F8, rate: F8, ahead_s: float) -> float:
    """How uncertain that mean variance is: standard deviation of its logarithm.

    The average of an Ornstein-Uhlenbeck process over ``T``, given its start, has the variance
    ``s^2 (2x - 3 + 4 exp(-x) - exp(-2x)) / x^2`` with ``x = r T`` (Vasicek 1977).
    """
    total = 0.0
    for j in range(sd.shape[0]):
        x = max(rate[j] * ahead_s, 1e-2)
        total += 4.0 * sd[j] ** 2 * (2.0 * x - 3.0 + 4.0 * math.exp(-x) - math.exp(-2.0 * x)) / (x * x)
    return math.sqrt(total)


@jit
def expected_inertia(left_s: float, lookback_s: float, smooth_s: float) -> float:
    """What is left, in the mean of the reports to come, of a distance between smoothed and efficient price now."""
    left = max(left_s, 0.0)
    if lookback_s <= 0.0:
        return math.exp(-left / smooth_s)
    if left < lookback_s:
        return smooth_s * (1.0 - math.exp(-left / smooth_s)) / left if left > 0.0 else 1.0
    return smooth_s * (math.exp(-(left - lookback_s) / smooth_s) - math.exp(-left / smooth_s)) / lookback_s


@jit
def settlement_variance_s(left_s: float, lookback_s: float, instant: float, smooth_s: float) -> float:
    """Variance of the settlement price, in seconds of price variance.

    The integral of the squared weight of a shock: ``s`` seconds before the end it moves the report at the end by
    ``1 - (1 - a) exp(-s/u)``, and their average over the lookback by the average of that. Without inertia
    (``instant`` 1) it is :func:`arena.pricing.twap_variance_s`.
    """
    t, u = max(left_s, 0.0), smooth_s
    if lookback_s <= 0.0:
        slow, e = 1.0 - instant, math.exp(-t / u)
        return t - 2.0 * slow * u * (1.0 - e) + 0.5 * slow * slow * u * (1.0 - e * e)
    m, w = (1.0 - instant) * u, lookback_s
    s = min(t, w)
    e = math.exp(-s / u)
    inside = s * s * s / 3.0 - 2.0 * m * (0.5 * s * s - u * u + e * (u * u + s * u))
    inside += m * m * (s - 2.0 * u * (1.0 - e) + 0.5 * u * (1.0 - e * e))
    total = inside / (w * w)
    if t > w:
        c, e = m / w * (1.0 - math.exp(-w / u)), math.exp(-(t - w) / u)
        total += t - w - 2.0 * c * u * (1.0 - e) + 0.5 * c * c * u * (1.0 - e * e)
    return total


@jit
def mixed_digital_up(log_moneyness: float, variance: float, log_sd: float, jumps: float, jump_sd: float) -> float:
    """Probability of ending at or above the strike under uncertain variance and normal jumps of mean 0.

    Merton (1976) for a digital, each number of jumps with the three-point Gauss-Hermite rule over a lognormal variance.

    Args:
        log_moneyness: ``ln(expected settlement / strike)``.
        variance: expected variance of the log settlement price without jumps.
        log_sd: standard deviation of its logarithm; 0 = it is known.
        jumps: expected number of jumps.
        jump_sd: standard deviation of their size, in logs.
    """
    if variance <= 0.0:
        return 1.0 if log_moneyness >= 0.0 else 0.0
    middle = variance * math.exp(-0.5 * log_sd * log_sd)
    step = math.exp(_ROOT_3 * log_sd)
    weight = math.exp(-jumps)
    total, covered = 0.0, 0.0
    for n in range(_MOST_JUMPS):
        for k in range(3):
            v = middle * (1.0 if k == 0 else step if k == 1 else 1.0 / step) + n * jump_sd * jump_sd
            share = weight * (2.0 / 3.0 if k == 0 else 1.0 / 6.0)
            total += share * norm_cdf((log_moneyness - 0.5 * v) / math.sqrt(v))
        covered += weight
        weight *= jumps / (n + 1)
        if weight < 1e-4:
            break
    return total / covered
