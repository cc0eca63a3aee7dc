"""Probability of skill, in the two senses that are not one minus a p-value.

``false_discovery_rate``  share of discoveries without skill, given the share of skilled ideas
``win_rate_posterior``    belief that the win rate is above one break-even price
``edge_posterior``        belief that bets at varied prices have an edge

The third number that goes by that name, PSR or DSR, is one minus a p-value (``sharpe_inference``,
``deflation``). The three are not comparable and must not share a label. Every figure here depends on a
stated prior: print it next to the figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, expit, logit

from arena.errors import ValidationError
from arena.validation.checks import Floats, finite, inside, outcomes, probabilities, same_length, whole

PRIOR_SKILLED = 0.05  # share of skilled ideas until 20 of ours are live-tested
PRIOR_BETS = 200.0  # weight of the sceptic's belief that a price is fair
PRIOR_EDGE = 0.05  # standard deviation of the sceptic's belief about the edge, in log-odds


@dataclass(frozen=True, slots=True)
class FalseDiscoveryRate:
    """Probability ``rate`` that a discovery has no skill when a share ``prior`` of all ideas has it."""

    rate: float
    prior: float

    @property
    def probability_of_skill(self) -> float:
        """One minus the rate."""
        return 1.0 - self.rate


@dataclass(frozen=True, slots=True)
class Posterior:
    """``probability`` that the edge is positive, and the ``mean`` and ``deviation`` of the belief about it.

    The edge is in probability units (win rate minus break-even) or in log-odds, as the function says.
    """

    probability: float
    mean: float
    deviation: float


def false_discovery_rate(under_null: float, under_skill: float, prior: float = PRIOR_SKILLED) -> FalseDiscoveryRate:
    """Posterior odds of a discovery: ``p0 (1-pi) / (p0 (1-pi) + p1 pi)``, L. de Prado, Lipton & Zoonekynd (2025).

    ``under_null`` and ``under_skill`` are the probabilities p0 and p1 of the finding without and with skill.
    Size and power of the test give the planned rate (the paper's pFDR); the two p-values of the observed
    figure, at the null and at a stated alternative, give the observed rate (oFDR): e.g. ``binomial_test`` at
    the break-even and at the hoped-for win rate, or ``null_variance_test`` at both Sharpe ratios.
    """
    p0, p1 = probabilities([under_null, under_skill], "probability of the finding")
    pi = inside(prior, "prior", 0.0, 1.0)
    unskilled, skilled = float(p0) * (1.0 - pi), float(p1) * pi
    if unskilled + skilled == 0.0:
        raise ValidationError("the finding is impossible with and without skill; no share of discoveries follows.")
    return FalseDiscoveryRate(rate=unskilled / (unskilled + skilled), prior=pi)


def win_rate_posterior(wins: int, bets: int, break_even: float, weight: float = PRIOR_BETS) -> Posterior:
    """Belief about the edge ``w - break_even`` after ``wins`` in ``bets``: Beta prior centred on the price.

    ``P(w > p) = 1 - I_p(weight p + wins, weight (1-p) + bets - wins)``. ``weight`` is how many bets the prior
    is worth; ``bets`` may be 0. Bets must be independent.
    """
    bets, wins = whole(bets, "bets", 0), whole(wins, "wins", 0)
    if wins > bets:
        raise ValidationError(f"wins is {wins} but only {bets} bets were made.")
    p = inside(break_even, "break_even", 0.0, 1.0)
    if finite(weight, "weight") <= 0.0:
        raise ValidationError(f"weight is {weight} bets; the prior must have a positive weight.")
    won, lost = weight * p + wins, weight * (1.0 - p) + bets - wins
    total = won + lost
    return Posterior(
        probability=float(betainc(lost, won, 1.0 - p)),
        mean=won / total - p,
        deviation=math.sqrt(won * lost / (total + 1.0)) / total,
    )


def edge_posterior(won: ArrayLike, break_even: ArrayLike, deviation: float = PRIOR_EDGE) -> Posterior:
    """Belief about a common edge d in log-odds when bet i wins with ``logit(w_i) = logit(break_even_i) + d``.

    Shapes ``(bets,)``. Prior ``d ~ N(0, deviation^2)``. The likelihood is
    ``wins d - sum log(1 + break_even_i (e^d - 1))``, so the wins are all it takes from the outcomes. The
    integrals are Gauss-Legendre sums on either side of 0, exact to 1e-8. Bets must be independent.
    """
    from scipy.optimize import brentq

    y = outcomes(won, "won")
    p = probabilities(break_even, "break_even", open_interval=True)
    same_length([("won", y), ("break_even", p)])
    if finite(deviation, "deviation") <= 0.0:
        raise ValidationError(f"deviation is {deviation}; the prior must have a positive standard deviation.")
    wins = float(y.sum())
    prices, counts = np.unique(p, return_counts=True)
    odds = logit(prices)

    def log_density(edge: float) -> float:
        lost = float(counts @ np.logaddexp(0.0, odds + edge))
        return wins * edge - lost - 0.5 * (edge / deviation) ** 2

    def slope(edge: float) -> float:
        return wins - float(counts @ expit(odds + edge)) - edge / deviation**2

    reach = deviation
    while slope(reach) > 0.0 or slope(-reach) < 0.0:
        reach *= 2.0
    mode = float(brentq(slope, -reach, reach))
    win = expit(odds + mode)
    spread = (float(counts @ (win * (1.0 - win))) + deviation**-2) ** -0.5
    top = log_density(mode)
    ends = []
    for side in (-1.0, 1.0):
        end = mode + 4.0 * side * spread
        while log_density(end) > top - 45.0:
            end += side * spread
        ends.append(end)
    cuts = np.array(sorted({*ends, mode, min(max(0.0, ends[0]), ends[1])}))
    half = 0.5 * np.diff(cuts)[:, None]
    nodes, weights = np.polynomial.legendre.leggauss(64)
    edges = (half * nodes + 0.5 * (cuts[1:] + cuts[:-1])[:, None]).ravel()
    measure = (half * weights).ravel()
    mass: Floats = measure * np.exp(np.array([log_density(edge) for edge in edges]) - top)
    mass /= mass.sum()
    mean = float(mass @ edges)
    return Posterior(
        probability=min(float(mass[edges > 0.0].sum()), 1.0),
        mean=mean,
        deviation=math.sqrt(float(mass @ (edges - mean) ** 2)),
    )
