"""Bets that depend on each other count for fewer: same-slot clusters, runs of wins, serial correlation.

Bets have shape ``(bets,)`` in time order. ``slot`` holds any sortable labels in time order; bets that share
a label are one cluster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, clusters, outcomes, vector
from arena.validation.serial import default_lags, long_run_variance

SERIAL_DEPENDENCE = 1.5  # a HAC ratio above this shortens the sample


@dataclass(frozen=True, slots=True)
class DesignEffect:
    """Loss of information from bets that share a slot.

    ``correlation`` is the intraclass correlation; ``effect`` is ``1 + (m-1) correlation`` with m the size of
    the slot of a typical bet, ``sum m_i^2 / sum m_i``. Below 1 when the bets of a slot offset each other.
    """

    correlation: float
    effect: float
    bets: int
    slots: int


@dataclass(frozen=True, slots=True)
class RunsTest:
    """Exact Wald-Wolfowitz test of independence, given the number of wins.

    ``p_clustered`` is ``P(runs <= observed)``, small when wins come in streaks; ``p_alternating`` is
    ``P(runs >= observed)``; ``p_value`` is two-sided, twice the smaller and at most 1. ``z_score`` is the
    normal approximation, for display.
    """

    runs: int
    expected_runs: float
    z_score: float
    p_clustered: float
    p_alternating: float
    p_value: float


@dataclass(frozen=True, slots=True)
class EffectiveBets:
    """Independent bets that would know the mean as well: ``bets / (design_effect hac_ratio)``.

    A design effect below 1 counts as 1, a HAC ratio up to 1.5 as 1: dependence is never used to lengthen
    the sample.
    """

    bets: int
    slots: int
    design_effect: float
    hac_ratio: float
    effective: float


def design_effect(values: ArrayLike, slot: ArrayLike) -> DesignEffect:
    """Design effect of bets that share slots, by one-way analysis of variance: Kish (1965), Donner (1986).

    ``values`` are results per bet less what the price implies (won minus break-even, or returns). The
    correlation is ``(B - W) / (B + (n0 - 1) W)`` with B, W the mean squares between and within slots and
    ``n0 = (n - sum m_i^2 / n) / (slots - 1)``. With one bet in every slot the correlation is 0 and the
    effect 1. Raises :class:`ValidationError` for one slot only, or values that are all equal.
    """
    x = vector(values, "values", minimum=2)
    group, counts = clusters(slot, x.size)
    if counts.size < 2:
        raise ValidationError("all bets share one slot; at least 2 slots are needed.")
    n, k = x.size, counts.size
    size = float(counts @ counts) / n
    if n == k:
        return DesignEffect(correlation=0.0, effect=1.0, bets=n, slots=k)
    if float(x.min()) == float(x.max()):
        raise ValidationError(f"every value is {x[0]:g}; their correlation within slots is undefined.")
    means = np.bincount(group, x) / counts
    between = float(counts @ (means - x.mean()) ** 2) / (k - 1)
    within = float(((x - means[group]) ** 2).sum()) / (n - k)
    spread = (n - size) / (k - 1)
    correlation = (between - within) / (between + (spread - 1.0) * within)
    return DesignEffect(correlation=correlation, effect=1.0 + (size - 1.0) * correlation, bets=n, slots=k)


def runs_test(won: ArrayLike) -> RunsTest:
    """Test whether wins come in streaks: Wald & Wolfowitz (1940), exact for any number of bets.

    ``won`` holds 0 and 1 in time order, one bet per slot. The win probability must not drift for reasons of
    price: for bets at different prices test one price range at a time. Raises :class:`ValidationError`
    when all bets won or all lost, or for fewer than 3 bets.
    """
    y = outcomes(won, "won")
    wins = int(y.sum())
    losses = y.size - wins
    if y.size < 3 or wins == 0 or losses == 0:
        raise ValidationError(f"{wins} of {y.size} bets won; runs need wins and losses among at least 3 bets.")
    runs = 1 + int((y[1:] != y[:-1]).sum())
    mass = _runs_mass(wins, losses)
    few, many = float(mass[: runs - 1].sum()), float(mass[runs - 2 :].sum())
    expected = 1.0 + 2.0 * wins * losses / y.size
    deviation = math.sqrt((expected - 1.0) * (expected - 2.0) / (y.size - 1))
    return RunsTest(
        runs=runs,
        expected_runs=expected,
        z_score=(runs - expected) / deviation,
        p_clustered=min(few, 1.0),
        p_alternating=min(many, 1.0),
        p_value=min(1.0, 2.0 * min(few, many)),
    )


def _runs_mass(wins: int, losses: int) -> Floats:
    """Probability of 2, 3, ... runs of an exchangeable sequence."""
    runs = np.arange(2, min(2 * min(wins, losses) + 1, wins + losses) + 1)
    shorter, longer = runs // 2 - 1, (runs + 1) // 2 - 1  # cuts inside the two kinds of outcome
    ways = np.logaddexp(
        _log_choose(wins - 1, longer) + _log_choose(losses - 1, shorter),
        _log_choose(wins - 1, shorter) + _log_choose(losses - 1, longer),
    )
    mass: Floats = np.exp(ways - _log_choose(wins + losses, np.array(wins)))
    mass /= mass.sum()
    return mass


def _log_choose(n: int, k: Ints) -> Floats:
    possible = k <= n
    inside = np.where(possible, k, 0)
    ways: Floats = np.where(possible, gammaln(n + 1) - gammaln(inside + 1) - gammaln(n - inside + 1), -np.inf)
    return ways


def hac_ratio(series: ArrayLike, lags: int | None = None) -> float:
    """Long-run variance over variance of a slot series (shape ``(T,)``); 1 without serial dependence.

    The mean of T slots is known as well as that of ``T / ratio`` independent ones. ``lags=None`` takes
    :func:`arena.validation.sharpe.default_lags`. Raises :class:`ValidationError` for a constant series.
    """
    x = vector(series, "series", minimum=2)
    if float(x.min()) == float(x.max()):
        raise ValidationError(f"every row of the series is {x[0]:g}; it has no variance.")
    lags = min(default_lags(x.size), x.size - 1) if lags is None else lags
    return long_run_variance(x, lags) / long_run_variance(x, 0)


def effective_bets(values: ArrayLike, slot: ArrayLike, lags: int | None = None) -> EffectiveBets:
    """How many independent bets the bets are worth: clusters by slot, then serial dependence of slots.

    ``values`` as in :func:`design_effect`. The HAC ratio is that of the slots' sums of deviations from the
    mean, in the order of the slot labels. Errors as :func:`design_effect` and :func:`hac_ratio`.
    """
    x = vector(values, "values", minimum=2)
    cluster = design_effect(x, slot)
    group, _ = clusters(slot, x.size)
    ratio = hac_ratio(np.bincount(group, x - x.mean()), lags)
    loss = max(cluster.effect, 1.0) * (ratio if ratio > SERIAL_DEPENDENCE else 1.0)
    return EffectiveBets(
        bets=cluster.bets,
        slots=cluster.slots,
        design_effect=cluster.effect,
        hac_ratio=ratio,
        effective=cluster.bets / loss,
    )
