"""Exact Sharpe inference for iid normal returns: ``sqrt(T) sr`` is noncentral t with T-1 degrees of freedom.

``sr`` is the estimate with ddof 1, per observation; ``truth`` the Sharpe ratio of the returns. Johnson &
Welch (1940). Exact for normal returns only: for binary payoffs use the exact tests in ``bets``.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammainccinv, gammaincinv, ndtr, stdtrit

from arena.validation.checks import finite, inside, whole
from arena.validation.sharpe_inference import SharpeInterval

NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)


def _below(statistic: float, freedom: int, noncentrality: float) -> float:
    """``P(T <= statistic)``: the mean of ``Phi(statistic S - noncentrality)`` over ``S^2 = chi^2 / freedom``.

    Gauss-Legendre sums of positive terms, so that small tails keep their digits. The range of S is cut around
    the point where Phi steps.
    """
    low = math.sqrt(2.0 * float(gammaincinv(0.5 * freedom, 1e-60)) / freedom)
    high = math.sqrt(2.0 * float(gammainccinv(0.5 * freedom, 1e-60)) / freedom)
    cuts = [low, 0.5 * (low + high), high]
    # Nearer to 0 than this Phi does not step inside the range at all.
    if abs(statistic) > 1e-9:
        step, width = noncentrality / statistic, 9.0 / abs(statistic)
        cuts += [step - width, step, step + width]
    edges = np.unique(np.clip(cuts, low, high))
    half = 0.5 * np.diff(edges)[:, None]
    s = half * NODES + 0.5 * (edges[1:] + edges[:-1])[:, None]
    mass = half * WEIGHTS * np.exp((freedom - 1.0) * np.log(s) - 0.5 * freedom * (s * s - 1.0))
    return float((mass * ndtr(statistic * s - noncentrality)).sum() / mass.sum())


def exact_cdf(sr: float, count: int, truth: float = 0.0) -> float:
    """Probability of an estimate of at most ``sr`` over ``count`` rows."""
    root = math.sqrt(whole(count, "count", 2))
    return _below(root * finite(sr, "sr"), count - 1, root * finite(truth, "truth"))


def exact_p_value(sr: float, count: int, benchmark: float = 0.0) -> float:
    """Probability of an estimate of at least ``sr`` when the Sharpe ratio is ``benchmark``.

    With ``benchmark = 0`` it is the one-sided p-value of Student's t-test on the mean.
    """
    return exact_cdf(-sr, count, -benchmark)  # the mirrored lower tail keeps its digits


def exact_power(truth: float, count: int, alpha: float = 0.05) -> float:
    """Probability that the one-sided t-test at ``alpha`` rejects a Sharpe ratio of 0 when it is ``truth``."""
    freedom = whole(count, "count", 2) - 1
    critical = -float(stdtrit(freedom, inside(alpha, "alpha", 0.0, 1.0))) / math.sqrt(count)
    return exact_p_value(critical, count, truth)


def exact_interval(sr: float, count: int, level: float = 0.95) -> SharpeInterval:
    """Two-sided interval: the Sharpe ratios that give either tail of the estimate ``(1 - level) / 2``."""
    from scipy.optimize import brentq

    tail = 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    count = whole(count, "count", 2)
    guess = math.sqrt((1.0 + 0.5 * sr * sr) / count)

    def edge(probability: float, side: float) -> float:
        def gap(truth: float) -> float:
            return exact_cdf(sr, count, truth) - probability

        step = guess
        while side * gap(sr + side * step) > 0.0:
            step *= 2.0
        return float(brentq(gap, sr, sr + side * step, xtol=1e-14, rtol=1e-13))

    return SharpeInterval(estimate=sr, lower=edge(1.0 - tail, -1.0), upper=edge(tail, 1.0), level=level)
