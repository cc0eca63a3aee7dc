"""Is picking the in-sample winner better than picking at random: stochastic dominance out of sample.

Bailey, Borwein, Lopez de Prado & Zhu (2017): over the splits of CSCV, compare the out-of-sample Sharpe of
the in-sample winner with that of a configuration picked at random. Dominance says more than PBO: a winner
below the median can still never do badly, and one above it can hide ruin.

Distributions are compared through their quantiles. With N columns and C splits, the ``i/C`` quantile of the
pool of C N Sharpes is its ``i N``-th value, so blocks of N sorted values line up with the C winners. First
order: every quantile of the winner is at least the pool's. Second order: the same for the mean of the worst
``i/C`` (generalised Lorenz curves), which is equivalent to comparing the integrals of the two distribution
functions: Shorrocks (1983).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats
from arena.validation.cscv import overfitting
from arena.validation.cscv_blocks import cut, returns_matrix, split_count
from arena.validation.cscv_kernels import half_sharpes

ROUNDING = 1e-12  # Sharpes closer than this are equal, as in CSCV


@dataclass(frozen=True, slots=True)
class Dominance:
    """Out-of-sample Sharpes of the in-sample winner against those of a random pick.

    first_order, second_order: whether the winner dominates. Nobody who likes more return prefers the random
        pick under the first, nobody who dislikes risk as well under the second.
    probability: that the winner of one split beats the random pick of another, ties counted half.
    area: mean Sharpe of the winner less that of the pool, the area between the distribution functions.
    first_order_gap: smallest difference of quantiles, winner less pool (negative: where dominance fails).
    second_order_gap: smallest difference of the integrals of the quantiles.
    winner, pool: ``i/C`` quantiles of the two, i = 1..C, for a plot of the distribution functions.
    """

    first_order: bool
    second_order: bool
    probability: float
    area: float
    first_order_gap: float
    second_order_gap: float
    winner: Floats
    pool: Floats


def stochastic_dominance(
    returns: ArrayLike,
    blocks: int = 16,
    *,
    gap: int = 0,
    minimum_bets: int = 0,
    minimum_configurations: int = 10,
    threads: int = 1,
) -> Dominance:
    """Dominance of the winner over a random pick; arguments and errors as in ``cscv.overfitting``.

    Holds all C(S, S/2) N Sharpes at once: 51 MB at S=16, N=500. Also raises :class:`ValidationError` when a
    configuration has a half whose slots all pay the same, since its Sharpe there is infinite.
    """
    found = overfitting(
        returns,
        blocks,
        gap=gap,
        minimum_bets=minimum_bets,
        minimum_configurations=minimum_configurations,
        threads=threads,
    )
    part = cut(returns_matrix(returns), blocks, gap, minimum_bets, minimum_configurations)
    splits, count = split_count(blocks), part.columns.size
    sharpes = np.empty((splits, count))
    half_sharpes(part.sums, part.squares, part.half_rows, sharpes)
    endless = np.isinf(sharpes).any(axis=0)
    if endless.any():
        column = int(part.columns[np.argmax(endless)])
        raise ValidationError(
            f"configuration {column} pays the same in every slot of some half, so its Sharpe is infinite there; "
            "use fewer blocks or leave it out."
        )
    every = sharpes.reshape(-1)
    every.sort()
    winner = np.sort(found.out_of_sample)
    lower = np.searchsorted(every, winner - ROUNDING, side="left")
    upper = np.searchsorted(every, winner + ROUNDING, side="right")
    pool = sharpes[:, -1].copy()
    integral = np.cumsum(winner - sharpes.mean(axis=1)) / splits
    first_gap, second_gap, area = float((winner - pool).min()), float(integral.min()), float(integral[-1])
    return Dominance(
        first_order=first_gap >= -ROUNDING and area > ROUNDING,
        second_order=second_gap >= -ROUNDING and bool((integral > ROUNDING).any()),
        probability=float((lower + upper).mean()) / (2.0 * every.size),
        area=area,
        first_order_gap=first_gap,
        second_order_gap=second_gap,
        winner=winner,
        pool=pool,
    )
