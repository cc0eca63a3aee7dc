"""Labels that overlap in time: how many are open at once, and how much of each is its own.

A label is open from ``start_ns`` (inclusive) to ``end_ns`` (exclusive), int64 UTC nanoseconds, rows sorted by
``start_ns``. Averages run over time, not over rows, so irregular slots are weighted by their duration.
Lopez de Prado (2018) ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, whole
from arena.validation.splits import integers, label_spans


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Step function: ``labels[k]`` labels are open from ``edges_ns[k]`` to ``edges_ns[k+1]``."""

    edges_ns: Ints
    labels: Ints


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Stretches between consecutive edges; label i covers stretches ``first[i]`` to ``last[i] - 1``."""

    edges: Ints
    widths: Floats
    first: Ints
    last: Ints

    def open_labels(self, rows: Ints) -> Ints:
        """How many of ``rows`` (repeats count) cover each stretch."""
        size = self.edges.size
        change = np.bincount(self.first[rows], minlength=size) - np.bincount(self.last[rows], minlength=size)
        return np.cumsum(change)[:-1].astype(np.int64)

    def averages(self, values: Floats) -> Floats:
        """Time average of ``values`` (one per stretch) over each label."""
        area = np.concatenate(([0.0], np.cumsum(values * self.widths)))
        time = np.concatenate(([0.0], np.cumsum(self.widths)))
        means: Floats = (area[self.last] - area[self.first]) / (time[self.last] - time[self.first])
        return means


def concurrency(start_ns: ArrayLike, end_ns: ArrayLike) -> Concurrency:
    """Number of labels open at each moment: Lopez de Prado (2018) sec. 4.3.

    Raises :class:`ValidationError` for bad spans or a label without duration.
    """
    timeline = _timeline(start_ns, end_ns)
    return Concurrency(edges_ns=timeline.edges, labels=timeline.open_labels(np.arange(timeline.first.size)))


def average_uniqueness(start_ns: ArrayLike, end_ns: ArrayLike) -> Floats:
    """Time average of ``1 / concurrency`` over each label (shape ``(labels,)``), in (0, 1].

    1 when a label overlaps no other. The sum is the number of non-overlapping labels that carry the same
    information: use it for T where labels overlap. Lopez de Prado (2018) sec. 4.4. Errors as
    :func:`concurrency`.
    """
    timeline = _timeline(start_ns, end_ns)
    labels = timeline.open_labels(np.arange(timeline.first.size))
    return timeline.averages(1.0 / np.maximum(labels, 1))


def draw_probabilities(start_ns: ArrayLike, end_ns: ArrayLike, drawn: ArrayLike) -> Floats:
    """Probability of each label to be drawn next, given rows ``drawn`` (repeats count, may be empty).

    Proportional to the average uniqueness that a label would have among the drawn ones and itself:
    Lopez de Prado (2018) sec. 4.5.1. Errors as :func:`concurrency`, and for rows out of range.
    """
    timeline = _timeline(start_ns, end_ns)
    rows = integers(np.asarray(drawn, dtype=np.int64) if np.size(drawn) == 0 else drawn, "drawn")
    if rows.size and not 0 <= rows.min() <= rows.max() < timeline.first.size:
        raise ValidationError(f"drawn names a row that is not among the {timeline.first.size} labels.")
    return _next_draw(timeline, timeline.open_labels(rows))


def sequential_bootstrap(
    start_ns: ArrayLike, end_ns: ArrayLike, rng: np.random.Generator, draws: int | None = None
) -> Ints:
    """Row numbers of a bootstrap sample that prefers labels unlike those already drawn.

    ``draws`` rows with replacement (as many as there are labels by default), each by
    :func:`draw_probabilities`: Lopez de Prado (2018) sec. 4.5.1. Time grows with labels times draws.
    """
    timeline = _timeline(start_ns, end_ns)
    size = timeline.first.size if draws is None else whole(draws, "draws", 1)
    labels = np.zeros(timeline.widths.size, dtype=np.int64)
    sample = np.empty(size, dtype=np.int64)
    for d in range(size):
        cumulative = np.cumsum(_next_draw(timeline, labels))
        row = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
        sample[d] = row
        labels[timeline.first[row] : timeline.last[row]] += 1
    return sample


def _next_draw(timeline: _Timeline, labels: Ints) -> Floats:
    uniqueness = timeline.averages(1.0 / (1.0 + labels.astype(np.float64)))
    probabilities: Floats = uniqueness / uniqueness.sum()
    return probabilities


def _timeline(start_ns: ArrayLike, end_ns: ArrayLike) -> _Timeline:
    start, end = label_spans(start_ns, end_ns)
    instant = end == start
    if instant.any():
        raise ValidationError(f"the label in row {int(np.argmax(instant))} has no duration, so no uniqueness.")
    edges, place = np.unique(np.concatenate((start, end)), return_inverse=True)
    return _Timeline(
        edges=edges, widths=np.diff(edges).astype(np.float64), first=place[: start.size], last=place[start.size :]
    )
