"""How many bets: power of the exact test of wins, and the plan that reaches it.

Prices are break-even prices, fee included, in dollars per share. ``family`` is the number of configurations
tried: the level of each test becomes Sidak's ``1 - (1-alpha)^(1/family)``. Bets must be independent: count
slots, not bets, where several bets share one outcome.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from arena.errors import ValidationError
from arena.validation.bets import upper_tail
from arena.validation.checks import Floats, finite, inside, whole

LARGEST_PLAN = 10_000_000  # bets; the staircase is searched step by step


@dataclass(frozen=True, slots=True)
class ExactPower:
    """The exact test at one size: reject when ``critical_wins`` or more of ``bets`` win.

    ``level`` is the probability of that on fair bets, at most the nominal level; ``power`` at the stated win
    probability. ``critical_wins`` is ``bets + 1`` and both are 0 when no number of wins rejects.
    """

    bets: int
    critical_wins: int
    level: float
    power: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Bets and windows after which the exact test finds a stated edge.

    ``power`` and ``level`` are exact at ``bets``, where ``critical_wins`` or more reject. ``normal_bets`` is
    the approximation of :func:`bets_needed`.
    """

    break_even: float
    win_probability: float
    bets: int
    windows: int
    critical_wins: int
    level: float
    power: float
    normal_bets: int


def family_level(alpha: float, family: int) -> float:
    """Level of each of ``family`` tests that together err with probability ``alpha``: Sidak (1967)."""
    return -math.expm1(math.log1p(-inside(alpha, "alpha", 0.0, 0.5)) / whole(family, "family", 1))


def critical_wins(bets: ArrayLike, break_even: float, level: float) -> Floats:
    """Smallest wins whose exact p-value is at most ``level``, for each number of ``bets``; bets + 1 if none is."""
    n, b = np.asarray(bets, dtype=np.float64), inside(break_even, "break_even", 0.0, 1.0)
    z = -float(ndtri(inside(level, "level", 0.0, 1.0)))
    skewed = n * b + (1.0 - 2.0 * b) * (z * z - 1.0) / 6.0
    wins: Floats = np.clip(np.ceil(skewed + z * np.sqrt(n * b * (1.0 - b))), 0.0, n)
    while (open_ := (upper_tail(wins, n, b) > level)).any():
        wins += open_
    while (spare := (upper_tail(wins - 1.0, n, b) <= level)).any():
        wins -= spare
    return wins


def power_of_test(
    bets: int, break_even: float, win_probability: float, *, alpha: float = 0.05, family: int = 1
) -> ExactPower:
    """Exact probability that the binomial test of ``bets`` bets rejects when ``win_probability`` is true.

    The test is a staircase: one more bet can raise the critical number of wins and lower the power.
    """
    n, b = whole(bets, "bets", 1), inside(break_even, "break_even", 0.0, 1.0)
    w = inside(win_probability, "win_probability", 0.0, 1.0)
    wins = float(critical_wins(n, b, family_level(alpha, family)))
    return ExactPower(
        bets=n,
        critical_wins=int(wins),
        level=float(upper_tail(wins, n, b)),
        power=float(upper_tail(wins, n, w)),
    )


def bets_needed(
    break_even: float, win_probability: float, *, alpha: float = 0.05, power: float = 0.80, family: int = 1
) -> int:
    """Bets after which a one-sided test at ``alpha`` finds the edge with probability ``power``.

    ``((z_a sqrt(b(1-b)) + z_p sqrt(w(1-w))) / (w-b))^2``, rounded up (normal approximation of the binomial).
    Raises :class:`ValidationError` when ``win_probability`` does not exceed ``break_even``.
    """
    b = inside(break_even, "break_even", 0.0, 1.0)
    w = inside(win_probability, "win_probability", 0.0, 1.0)
    if w <= b:
        raise ValidationError(f"win_probability {w:g} is not above break_even {b:g}; no number of bets shows an edge.")
    z_alpha = -float(ndtri(family_level(alpha, family)))
    z_power = float(ndtri(inside(power, "power", 0.0, 1.0)))
    root = (z_alpha * math.sqrt(b * (1.0 - b)) + z_power * math.sqrt(w * (1.0 - w))) / (w - b)
    return max(1, math.ceil(max(root, 0.0) ** 2))


def plan(
    break_even: float,
    win_probability: float,
    bets_per_window: float,
    *,
    alpha: float = 0.05,
    power: float = 0.80,
    family: int = 1,
) -> Plan:
    """Smallest number of bets from which on the exact test keeps at least ``power``.

    The power of the exact test falls at every step of its staircase, so the first size that reaches
    ``power`` is not safe: one more bet may lose it. This is the size after the last step that falls short,
    searched up to twice the answer. ``bets_per_window`` is the average number of bets per window.

    Raises :class:`ValidationError` when there is no edge, or it is so small that more than LARGEST_PLAN bets
    would be searched.
    """
    rate = finite(bets_per_window, "bets_per_window")
    if rate <= 0.0:
        raise ValidationError(f"bets_per_window is {bets_per_window}; it must be positive.")
    normal = bets_needed(break_even, win_probability, alpha=alpha, power=power, family=family)
    level = family_level(alpha, family)
    largest, bets = 2 * normal + 50, 0
    while not 0 < 2 * bets <= largest:
        if bets:
            largest *= 2
        if largest > LARGEST_PLAN:
            raise ValidationError(
                f"an edge of {win_probability - break_even:g} at {break_even:g} needs about {normal} bets; "
                f"plans stop at {LARGEST_PLAN // 2}."
            )
        size = np.arange(1.0, largest + 1.0)
        short = upper_tail(critical_wins(size, break_even, level), size, win_probability) < power
        bets = 1 + int(np.flatnonzero(np.append(True, short))[-1])
    exact = power_of_test(bets, break_even, win_probability, alpha=alpha, family=family)
    return Plan(
        break_even=float(break_even),
        win_probability=float(win_probability),
        bets=bets,
        windows=math.ceil(bets / rate),
        critical_wins=exact.critical_wins,
        level=exact.level,
        power=exact.power,
        normal_bets=normal,
    )
