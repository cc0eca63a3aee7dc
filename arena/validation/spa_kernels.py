"""Compiled loops of the tests for superior predictive ability: maxima over columns, one draw per row."""

from __future__ import annotations

import numpy as np

from arena.jit import jit
from arena.validation.checks import Floats, Ints


@jit
def exceedances(
    scores: Floats, deviation: Floats, lower: Floats, consistent: Floats, best: float, best_raw: float, counts: Ints
) -> None:
    """Add to ``counts`` the draws whose maximum reaches the statistic: lower, consistent, upper, White's.

    ``scores`` (shape ``(draws, N)``) holds ``sqrt(T) (mean* - mean) / w``; ``lower`` and ``consistent`` are
    what their recentring adds, ``deviation`` is w. The studentised maxima are at least 0.
    """
    for d in range(scores.shape[0]):
        row = scores[d]
        low, middle, high, raw = 0.0, 0.0, 0.0, -np.inf
        for k in range(row.shape[0]):
            score = row[k]
            low = max(low, score + lower[k])
            middle = max(middle, score + consistent[k])
            high = max(high, score)
            raw = max(raw, score * deviation[k])
        counts[0] += low >= best
        counts[1] += middle >= best
        counts[2] += high >= best
        counts[3] += raw >= best_raw


@jit
def step_exceedances(scores: Floats, order: Ints, statistics: Floats, counts: Ints) -> None:
    """Add to ``counts[j]`` the draws whose maximum over columns ``order[j:]`` reaches ``statistics[j]``."""
    for d in range(scores.shape[0]):
        row = scores[d]
        top = -np.inf
        for j in range(order.shape[0] - 1, -1, -1):
            top = max(top, row[order[j]])
            counts[j] += top >= statistics[j]
