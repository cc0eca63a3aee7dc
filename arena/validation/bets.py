"""Fixed-odds bets: did they win more often than their prices say, and how many bets would show it.

A contract bought at break-even ``b`` (price plus fee per share, dollars, 0 < b < 1) pays ``(1-b)/b`` per
dollar with probability w and loses the dollar otherwise; it is fair when w = b. The count of wins holds
all the information on the edge, so the exact test on wins is the primary test. Bets of one test must be
independent: sum or thin bets that share a slot first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincinv

from arena.errors import ValidationError
from arena.jit import jit
from arena.validation.checks import Floats, finite, inside, outcomes, probabilities, same_length, vector, whole

PRUNE = 1e-40  # states of the Poisson-binomial recursion below this mass are dropped at the two ends


@dataclass(frozen=True, slots=True)
class WinTest:
    """One-sided exact test of "more wins than the prices imply".

    ``p_value`` is ``P(wins >= observed)`` when every bet is fair, ``mid_p`` counts the observed number half.
    ``z_score`` is the normal approximation, for display. Counts in bets.
    """

    wins: int
    bets: int
    expected_wins: float
    z_score: float
    p_value: float
    mid_p: float


@dataclass(frozen=True, slots=True)
class Proportion:
    """A win rate with its Clopper-Pearson interval at confidence ``level``."""

    estimate: float
    lower: float
    upper: float
    level: float


@dataclass(frozen=True, slots=True)
class TwoPoint:
    """Closed-form moments of the return per dollar of one bet.

    ``kurtosis`` is raw and equals ``skew^2 + 1``. ``sharpe_variance`` is T times the asymptotic variance of
    the estimated Sharpe ratio; it is 1 for a fair bet.
    """

    mean: float
    deviation: float
    sharpe: float
    skew: float
    kurtosis: float
    sharpe_variance: float


@dataclass(frozen=True, slots=True)
class Kelly:
    """Growth-optimal stake as a fraction of the bankroll, and what it earns in log growth per bet (nats).

    ``critical_fraction`` is the stake at which growth is back to 0; ``bets_to_double`` is ``ln 2 / growth``.
    Without an edge: 0, 0, 0 and infinity.
    """

    fraction: float
    growth: float
    critical_fraction: float
    bets_to_double: float


def break_even(price: ArrayLike, fee_per_share: ArrayLike = 0.0) -> Floats:
    """Win probability at which a contract earns nothing: ``price + fee_per_share``, dollars per share.

    Shapes broadcast; the result is at least one-dimensional. Raises :class:`ValidationError` naming the
    first row whose sum is not strictly between 0 and 1 or whose fee is negative.
    """
    cost, fee = np.broadcast_arrays(
        np.atleast_1d(np.asarray(price, dtype=np.float64)), np.asarray(fee_per_share, dtype=np.float64)
    )
    fees = vector(fee.ravel(), "fee_per_share")
    if (fees < 0.0).any():
        row = int(np.argmax(fees < 0.0))
        raise ValidationError(f"fee_per_share is {fees[row]} in row {row}; a fee cannot be negative.")
    total = probabilities((cost + fee).ravel(), "price plus fee", open_interval=True)
    return total.reshape(cost.shape)


def _result(wins: int, bets: int, expected: float, variance: float, tail: float, point: float) -> WinTest:
    return WinTest(
        wins=wins,
        bets=bets,
        expected_wins=expected,
        z_score=(wins - expected) / math.sqrt(variance),
        p_value=min(tail, 1.0),
        mid_p=min(max(tail - 0.5 * point, 0.0), 1.0),
    )


def upper_tail(wins: ArrayLike, bets: ArrayLike, probability: float) -> Floats:
    """``P(X >= wins)`` of a binomial, through the incomplete beta function; shapes broadcast."""
    k, n = np.asarray(wins, dtype=np.float64), np.asarray(bets, dtype=np.float64)
    inner = (k > 0) & (k <= n)
    tail = betainc(np.where(inner, k, 1.0), np.where(inner, n - k + 1.0, 1.0), probability)
    return np.where(inner, tail, k <= 0)


def binomial_test(wins: int, bets: int, break_even: float) -> WinTest:
    """Exact binomial test of ``wins`` in ``bets`` at one break-even price.

    Raises :class:`ValidationError` when ``wins`` exceeds ``bets`` or ``break_even`` is not inside (0, 1).
    """
    bets, wins = whole(bets, "bets", 1), whole(wins, "wins", 0)
    if wins > bets:
        raise ValidationError(f"wins is {wins} but only {bets} bets were made.")
    p = inside(break_even, "break_even", 0.0, 1.0)
    tail, above = (float(t) for t in upper_tail([wins, wins + 1], bets, p))
    point = max(tail - above, 0.0)
    return _result(wins, bets, bets * p, bets * p * (1.0 - p), tail, point)


@jit
def _poisson_binomial(p: Floats, wins: int) -> tuple[float, float]:
    """``P(X >= wins)`` and ``P(X = wins)`` of a sum of independent 0/1 variables with probabilities ``p``.

    Forward recursion over bets on the states that hold more than PRUNE mass; every term is positive, so
    there is no cancellation. The dropped mass is below 2 PRUNE per bet.
    """
    size = p.shape[0]
    now, later = np.zeros(size + 2), np.zeros(size + 2)
    now[1] = 1.0  # state k lives at k + 1
    low, high = 0, 0
    for i in range(size):
        hit, miss = p[i], 1.0 - p[i]
        now[low] = 0.0
        now[high + 2] = 0.0
        for k in range(low + 1, high + 3):
            later[k] = now[k] * miss + now[k - 1] * hit
        high += 1
        while low < high and later[low + 1] < PRUNE:
            low += 1
        while high > low and later[high + 1] < PRUNE:
            high -= 1
        now, later = later, now
    tail = 0.0
    for k in range(high, max(low, wins) - 1, -1):
        tail += now[k + 1]
    point = now[wins + 1] if low <= wins <= high else 0.0
    return tail, point


def poisson_binomial_test(won: ArrayLike, break_even: ArrayLike) -> WinTest:
    """Exact test of wins against many break-even prices (shapes ``(bets,)``): Poisson-binomial tail.

    H0: bet i wins with probability ``break_even[i]``, independently, given which bets were made: the test does not
    hold for bets whose number was decided by their own outcomes (see :mod:`arena.validation.monitor` for those).
    ``p_value`` is exact to 1e-35 in absolute terms. 100,000 bets take a fraction of a second.
    """
    y = outcomes(won, "won")
    p = probabilities(break_even, "break_even", open_interval=True)
    same_length([("won", y), ("break_even", p)])
    wins = int(y.sum())
    tail, point = _poisson_binomial(p, wins)
    return _result(wins, int(p.size), float(p.sum()), float((p * (1.0 - p)).sum()), tail, point)


def win_rate_interval(wins: int, bets: int, level: float = 0.95) -> Proportion:
    """Clopper-Pearson (1934) interval of the win rate: coverage at least ``level`` for any true rate."""
    bets, wins = whole(bets, "bets", 1), whole(wins, "wins", 0)
    if wins > bets:
        raise ValidationError(f"wins is {wins} but only {bets} bets were made.")
    tail = 0.5 * (1.0 - inside(level, "level", 0.0, 1.0))
    lower = 0.0 if wins == 0 else float(betaincinv(wins, bets - wins + 1, tail))
    upper = 1.0 if wins == bets else float(betaincinv(wins + 1, bets - wins, 1.0 - tail))
    return Proportion(estimate=wins / bets, lower=lower, upper=upper, level=level)


def two_point(win_probability: float, break_even: float) -> TwoPoint:
    """Moments of the return per dollar of a bet won with ``win_probability`` at cost ``break_even``.

    ``sharpe = (w-b)/sqrt(w(1-w))``, ``skew = (1-2w)/sqrt(w(1-w))`` and the Mertens bracket is a square,
    ``((w+b-2wb)/(2w(1-w)))^2``. The Sharpe ratio uses the population standard deviation.
    """
    w = inside(win_probability, "win_probability", 0.0, 1.0)
    b = inside(break_even, "break_even", 0.0, 1.0)
    spread = math.sqrt(w * (1.0 - w))
    skew = (1.0 - 2.0 * w) / spread
    return TwoPoint(
        mean=w / b - 1.0,
        deviation=spread / b,
        sharpe=(w - b) / spread,
        skew=skew,
        kurtosis=skew * skew + 1.0,
        sharpe_variance=((w + b - 2.0 * w * b) / (2.0 * w * (1.0 - w))) ** 2,
    )


def growth(fraction: float, win_probability: float, break_even: float) -> float:
    """Expected log growth per bet (nats) of staking ``fraction`` of the bankroll: Kelly (1956).

    ``w ln(1 + f(1-b)/b) + (1-w) ln(1-f)``. Raises :class:`ValidationError` unless ``0 <= fraction < 1``.
    """
    w = inside(win_probability, "win_probability", 0.0, 1.0)
    b = inside(break_even, "break_even", 0.0, 1.0)
    f = finite(fraction, "fraction")
    if not 0.0 <= f < 1.0:
        raise ValidationError(f"fraction is {fraction}; a stake is at least 0 and less than the whole bankroll.")
    return w * math.log1p(f * (1.0 - b) / b) + (1.0 - w) * math.log1p(-f)


def kelly(win_probability: float, break_even: float) -> Kelly:
    """Kelly stake ``(w-b)/(1-b)`` for one bet at cost ``break_even`` and what follows from it: Kelly (1956).

    One bet at a time: contracts open together must be sized jointly.
    """
    w = inside(win_probability, "win_probability", 0.0, 1.0)
    b = inside(break_even, "break_even", 0.0, 1.0)
    fraction = (w - b) / (1.0 - b)
    best = growth(fraction, w, b) if fraction > 0.0 else 0.0
    if best <= 0.0:
        return Kelly(fraction=0.0, growth=0.0, critical_fraction=0.0, bets_to_double=math.inf)
    low, high = fraction, 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if middle < 1.0 and growth(middle, w, b) > 0.0:
            low = middle
        else:
            high = middle
    return Kelly(fraction=fraction, growth=best, critical_fraction=low, bets_to_double=math.log(2.0) / best)
