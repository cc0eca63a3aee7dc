"""Is the best of many configurations better than the benchmark, and which ones are: data-snooping tests.

White's (2000) reality check, Hansen's (2005) test for superior predictive ability and the step-down of Romano &
Wolf (2005) ask how large the largest mean would be if no configuration beat the benchmark. They resample whole
slots, so the dependence between configurations is kept. Performance is in profit form: larger is better.

Hansen's statistic divides each mean by its own long-run deviation; White's does not, and a few noisy losers
take all of its power. In finite samples the studentised test is somewhat liberal: at 5 % it rejects 6-7 % of
independent noise at T = 300, and 11 % of noise with autocorrelation 0.3. Read White's p-value beside it when
T < 500 and the first autocorrelation is above 0.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.bootstrap import long_run_deviation, optimal_block_length, stationary_indices
from arena.validation.checks import Bools, Floats, Ints, columns, finite, inside, same_length, vector, whole
from arena.validation.spa_kernels import exceedances, step_exceedances

TIE = 1e-12  # relative: a resampled maximum this close to the statistic reaches it, as exact arithmetic would say
CHUNK = 512  # resamples held at a time


@dataclass(frozen=True, slots=True)
class SuperiorAbility:
    """p-values of "no configuration beats the benchmark", with what they rest on.

    consistent: Hansen's p-value, the one to report. lower, upper: his liberal and conservative bounds.
    white: p-value of White's reality check, whose statistic ``white_statistic`` is not studentised.
    statistic: ``max(0, max_k t_k)``. best: column of the largest ``t_k``, as numbered in the input.
    columns: input columns that were tested; the arrays below run over them. Columns without a bet (always equal
        to the benchmark) are left out and counted in ``idle_configurations``.
    means, deviations: per slot; the deviation is the long-run one. t_statistics: ``sqrt(T) mean / deviation``.
    competitive: whether a mean is large enough to be recentred in the consistent test.
    block: mean block length of the resamples, slots.
    """

    lower: float
    consistent: float
    upper: float
    white: float
    statistic: float
    white_statistic: float
    best: int
    columns: Ints
    means: Floats
    deviations: Floats
    t_statistics: Floats
    competitive: Bools
    block: float
    draws: int
    rows: int
    idle_configurations: int


@dataclass(frozen=True, slots=True)
class StepDown:
    """Which configurations beat the benchmark with family-wise error ``level``.

    superior: their columns as numbered in the input, best first. p_values: adjusted p-value of every tested
    column (``columns``), superior when at most ``level``. Others as :class:`SuperiorAbility`.
    """

    superior: Ints
    p_values: Floats
    t_statistics: Floats
    columns: Ints
    level: float
    block: float
    draws: int
    rows: int
    idle_configurations: int


@dataclass(frozen=True, slots=True)
class _Family:
    """Centred columns divided by ``sqrt(T) w``, so that a sum over a resample is a studentised score."""

    columns: Ints
    means: Floats
    deviations: Floats
    scaled: Floats
    idle: int
    block: float

    @property
    def t_statistics(self) -> Floats:
        return math.sqrt(self.scaled.shape[0]) * self.means / self.deviations


def superior_ability(
    returns: ArrayLike,
    rng: np.random.Generator,
    *,
    relative_to: ArrayLike | None = None,
    block: float | None = None,
    overlap: float = 1.0,
    draws: int = 5_000,
) -> SuperiorAbility:
    """Hansen's studentised test and White's reality check of ``returns`` (shape ``(T, N)``, slots by configurations).

    ``relative_to`` (shape ``(T,)``) is the benchmark's return per slot, 0 when None. ``block`` is the mean block
    length of the stationary bootstrap in slots; None takes the largest of :func:`optimal_block_length` over the
    columns, of ``overlap`` (slots that a label spans) and of 1. The null is recentred by ``max(mean, 0)`` (lower),
    by the mean where ``mean >= -w sqrt(2 ln ln T / T)`` (consistent), or by the mean (upper). A p-value is
    ``(1 + #{resampled >= observed}) / (draws + 1)``; it is 1 when every configuration loses.

    Raises :class:`ValidationError` for fewer than 10 rows, a NaN or infinity (row and column), a column that is
    a constant other than 0 (column), columns that are all 0, fewer than 20 draws, or a block below 1 or above T.
    """
    family = _family(returns, relative_to, block, overlap)
    draws = whole(draws, "draws", 20)
    rows = family.scaled.shape[0]
    t = family.t_statistics
    competitive = t >= -math.sqrt(2.0 * math.log(math.log(rows)))
    statistic = max(0.0, float(t.max()))
    white = math.sqrt(rows) * float(family.means.max())
    counts = np.zeros(4, dtype=np.int64)
    for scores in _scores(family, draws, rng):
        exceedances(
            scores,
            family.deviations,
            np.minimum(t, 0.0),
            np.where(competitive, 0.0, t),
            _reached(statistic),
            _reached(white),
            counts,
        )
    lower, consistent, upper, raw = ((1.0 + counts) / (draws + 1.0)).tolist()
    return SuperiorAbility(
        lower=lower,
        consistent=consistent,
        upper=upper,
        white=raw,
        statistic=statistic,
        white_statistic=white,
        best=int(family.columns[t.argmax()]),
        columns=family.columns,
        means=family.means,
        deviations=family.deviations,
        t_statistics=t,
        competitive=competitive,
        block=family.block,
        draws=draws,
        rows=rows,
        idle_configurations=family.idle,
    )


def step_down(
    returns: ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.05,
    relative_to: ArrayLike | None = None,
    block: float | None = None,
    overlap: float = 1.0,
    draws: int = 5_000,
) -> StepDown:
    """Configurations of ``returns`` (shape ``(T, N)``) that beat the benchmark: studentised StepM.

    Romano & Wolf (2005), with the adjusted p-values of their (2016) algorithm: columns in order of their
    t-statistics, each against the resampled maximum over itself and all below it. The first equals ``upper`` of
    :func:`superior_ability` from the same ``rng`` state. Arguments and errors as there.
    """
    level = inside(level, "level", 0.0, 1.0)
    family = _family(returns, relative_to, block, overlap)
    draws = whole(draws, "draws", 20)
    t = family.t_statistics
    order = np.argsort(-t, kind="stable")
    limits = np.array([_reached(float(value)) for value in t[order]])
    counts = np.zeros(order.size, dtype=np.int64)
    for scores in _scores(family, draws, rng):
        step_exceedances(scores, order, limits, counts)
    p_values = np.empty(order.size)
    p_values[order] = np.maximum.accumulate((1.0 + counts) / (draws + 1.0))
    return StepDown(
        superior=family.columns[order[p_values[order] <= level]],
        p_values=p_values,
        t_statistics=t,
        columns=family.columns,
        level=level,
        block=family.block,
        draws=draws,
        rows=family.scaled.shape[0],
        idle_configurations=family.idle,
    )


def _family(returns: ArrayLike, relative_to: ArrayLike | None, block: float | None, overlap: float) -> _Family:
    gain = columns(returns, "returns", minimum=10)
    if relative_to is not None:
        benchmark = vector(relative_to, "relative_to", minimum=10)
        same_length([("returns", gain), ("relative_to", benchmark)])
        rounding = TIE * (np.abs(gain).max(axis=0) + float(np.abs(benchmark).max()))
        gain = gain - benchmark[:, None]
    else:
        rounding = TIE * np.abs(gain).max(axis=0)
    constant = np.ptp(gain, axis=0) <= rounding
    stuck = constant & (np.abs(gain).max(axis=0) > rounding)
    if stuck.any():
        column = int(np.argmax(stuck))
        raise ValidationError(
            f"column {column} earns {gain[0, column]:g} over the benchmark in every row; a constant has no variance."
        )
    kept = np.flatnonzero(~constant)
    if kept.size == 0:
        raise ValidationError("no configuration ever differs from the benchmark; there is nothing to test.")
    gain = gain[:, kept]
    if block is None:
        automatic = max(optimal_block_length(gain[:, k]).stationary for k in range(kept.size))
        block = max(automatic, finite(overlap, "overlap"), 1.0)
    deviations = long_run_deviation(gain, block)
    means = gain.mean(axis=0)
    scaled = (gain - means) / (math.sqrt(gain.shape[0]) * deviations)
    return _Family(kept, means, deviations, scaled, int(constant.sum()), float(block))


def _scores(family: _Family, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """``sqrt(T) (mean* - mean) / w`` of every draw and column, some draws at a time."""
    rows = family.scaled.shape[0]
    for first in range(0, draws, CHUNK):
        counts = np.empty((min(CHUNK, draws - first), rows))
        for drawn in counts:
            drawn[:] = np.bincount(stationary_indices(rows, family.block, rng), minlength=rows)
        yield counts @ family.scaled


def _reached(statistic: float) -> float:
    return statistic - TIE * abs(statistic)
