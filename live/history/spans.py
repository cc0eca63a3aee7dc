"""Spans of time on a grid: what was asked for, less what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from arena.units import SECOND

I8 = np.ndarray[Any, np.dtype[np.int64]]
Span = tuple[int, int]
"""From (inclusive) and to (exclusive), ns UTC."""


def missing(span: Span, step_s: int, have_ns: I8, known_gaps: Sequence[Span] = ()) -> list[Span]:
    """The parts of ``span`` in which grid points are absent, in order.

    Args:
        span: what is wanted; trimmed to grid points inside.
        step_s: distance of grid points, seconds; they lie on multiples of it.
        have_ns: grid points that are there, any order, ns UTC.
        known_gaps: spans that count as there: the venue has nothing in them.

    Returns:
        Spans whose ends are grid points; consecutive absent points are one span.
    """
    step = step_s * SECOND
    first, end = -(-span[0] // step), -(-span[1] // step)
    if end <= first:
        return []
    absent = np.ones(end - first, dtype=bool)
    index = np.asarray(have_ns, dtype=np.int64) // step - first
    absent[index[(index >= 0) & (index < absent.size)]] = False
    for lo, hi in known_gaps:
        absent[max(0, -(-lo // step) - first) : max(0, -(-hi // step) - first)] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([False], absent, [False])).astype(np.int8)))
    return [((first + int(a)) * step, (first + int(b)) * step) for a, b in edges.reshape(-1, 2)]


def pages(spans: Sequence[Span], step_s: int, most: int) -> Iterator[Span]:
    """What to ask for, so that every point of ``spans`` is covered: pieces of at most ``most`` grid points, in order.

    Pieces never cross a multiple of their greatest length. So a run that begins a little later asks for the same
    pieces as the one before, and holes that lie close together are one piece.
    """
    step = step_s * SECOND * most
    start = end = 0
    for lo, hi in spans:
        while lo < hi:
            upto = min(hi, (lo // step + 1) * step)
            if end and lo // step != start // step:
                yield start, end
                end = 0
            start, end = (start if end else lo), upto
            lo = upto
    if end:
        yield start, end
