"""Unequal stakes and bets that share a slot: the profit of fair bets, simulated.

The exact tests in ``bets`` count wins of independent bets. Here the statistic is the profit itself and the
bets of one slot may win and lose together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.jit import jit
from arena.validation.checks import Floats, Ints, integers, outcomes, probabilities, same_length, vector, whole


@dataclass(frozen=True, slots=True)
class StakeTest:
    """One-sided simulation test of "more profit than fair bets earn"; ``profit`` in the unit of the stakes.

    ``p_value`` is ``(1 + draws at or above the profit) / (draws + 1)``. ``deviation`` is the simulated standard
    deviation of the profit of fair bets, whose mean is 0. ``dependence`` is the one assumed within slots.
    """

    profit: float
    deviation: float
    p_value: float
    bets: int
    slots: int
    draws: int
    dependence: float


@jit
def _simulate(
    price: Floats, stake: Floats, start: Ints, draws: int, dependence: float, rng: np.random.Generator
) -> Floats:
    """Profits of ``draws`` rounds of fair bets; slot s holds rows ``start[s]`` to ``start[s+1]``."""
    profits = np.empty(draws)
    for draw in range(draws):
        profit = 0.0
        for s in range(start.shape[0] - 1):
            together = dependence > 0.0 and (dependence >= 1.0 or rng.random() < dependence)
            common = rng.random()
            for i in range(start[s], start[s + 1]):
                uniform = common if together or i == start[s] else rng.random()
                if uniform < price[i]:
                    profit += stake[i] / price[i]
                profit -= stake[i]
        profits[draw] = profit
    return profits


def _by_slot(slot: ArrayLike, columns: list[tuple[str, Floats]]) -> tuple[list[Floats], Ints]:
    """The columns sorted by slot, and where each slot starts (one more entry than slots)."""
    label = integers(slot, "slot")
    same_length([*columns, ("slot", label)])
    order = np.argsort(label, kind="stable")
    label = label[order]
    start = np.flatnonzero(np.concatenate(([True], label[1:] != label[:-1], [True]))).astype(np.int64)
    return [column[order] for _, column in columns], start


def slot_dependence(won: ArrayLike, break_even: ArrayLike, slot: ArrayLike) -> float:
    """Dependence of bets that share a slot, between 0 and 1, estimated from all pairs of one slot.

    ``sum (y_i - b_i)(y_j - b_j) / sum (min(b_i, b_j) - b_i b_j)``: the products over what they would be if the
    two bets were decided by one uniform. At equal prices it is the correlation of the outcomes. Wins above
    break-even inflate it, which errs on the safe side; a negative estimate counts as 0. Raises
    :class:`ValidationError` when no slot holds two bets.
    """
    y, b = outcomes(won, "won"), probabilities(break_even, "break_even", open_interval=True)
    (y, b), start = _by_slot(slot, [("won", y), ("break_even", b)])
    products = ceiling = 0.0
    for first, last in pairwise(start):
        price = np.sort(b[first:last])
        excess = float((y[first:last] - b[first:last]).sum())
        products += excess**2 - float(((y[first:last] - b[first:last]) ** 2).sum())
        minima = 2.0 * float(price @ np.arange(price.size - 1, -1, -1))
        ceiling += minima - float(price.sum()) ** 2 + float((price**2).sum())
    if int(np.diff(start).max()) < 2:
        raise ValidationError("no slot holds two bets; there is no dependence to estimate.")
    return min(max(products / ceiling, 0.0), 1.0)


def stake_weighted_test(
    won: ArrayLike,
    break_even: ArrayLike,
    stake: ArrayLike,
    slot: ArrayLike,
    rng: np.random.Generator,
    *,
    draws: int = 1000,
    dependence: float = 1.0,
) -> StakeTest:
    """Test of the profit ``sum stake_i r_i`` against fair bets, slot by slot.

    Shapes ``(bets,)``. A bet returns ``(1-b)/b`` per dollar when won and -1 when lost; the stake is in dollars,
    ``slot`` the number of the slot whose bets are decided together. Under the null bet i wins with probability
    ``break_even_i`` and slots are independent. Within a slot, with probability ``dependence`` one uniform
    number decides all bets (each wins if it lies below its price), otherwise each has its own: any two bets
    then have ``dependence`` times the largest covariance their prices allow. The default 1 gives the widest
    distribution of profits that the prices and stakes admit (comonotone, largest in convex order), which is
    conservative whatever the dependence within slots; :func:`slot_dependence` estimates a smaller one.

    Raises :class:`ValidationError` naming the row for a negative stake, and when no stake is positive.
    """
    y, b = outcomes(won, "won"), probabilities(break_even, "break_even", open_interval=True)
    size = vector(stake, "stake")
    if (size < 0.0).any():
        row = int(np.argmax(size < 0.0))
        raise ValidationError(f"stake is {size[row]} in row {row}; a stake cannot be negative.")
    if not size.any():
        raise ValidationError("every stake is 0; there is no profit to test.")
    share = float(probabilities([dependence], "dependence")[0])
    draws = whole(draws, "draws", 1)
    (y, b, size), start = _by_slot(slot, [("won", y), ("break_even", b), ("stake", size)])
    profit = float((size * (y / b - 1.0)).sum())
    simulated = _simulate(b, size, start, draws, share, rng)
    rounding = 1e-12 * float((size / b).sum())
    return StakeTest(
        profit=profit,
        deviation=math.sqrt(float((simulated**2).mean())),
        p_value=(1.0 + int((simulated >= profit - rounding).sum())) / (draws + 1.0),
        bets=int(y.size),
        slots=int(start.size - 1),
        draws=draws,
        dependence=share,
    )
