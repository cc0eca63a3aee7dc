"""Train and test sets that do not share information, in event time.

A slot's label spans the closed interval from its decision (``start_ns``) to its settlement (``end_ns``),
int64 UTC nanoseconds. A training slot whose span touches a test span is purged; an embargo drops training
slots that start soon after a test run. Row counts are never used in place of time. Lopez de Prado (2018)
ch. 7, with closed intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Ints, whole

Scheme = Literal["rolling", "anchored"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers of one fold, increasing, without overlap: fit on ``train``, judge on ``test``."""

    train: Ints
    test: Ints


def purge(start_ns: ArrayLike, end_ns: ArrayLike, test: ArrayLike, embargo_ns: int = 0) -> Ints:
    """Row numbers that may train a model judged on rows ``test``.

    A row trains when it is not in ``test``, its span touches no test span (closed intervals:
    ``start_i <= end_j and start_j <= end_i``), and it does not start within ``embargo_ns`` after the last
    settlement of a test run (closed). A run is a maximal stretch of consecutive test rows; rows between two
    runs are judged run by run, not by their hull. Rows must be sorted by ``start_ns``.

    Raises :class:`ValidationError` for unsorted starts, a settlement before its decision, an empty or
    out-of-range ``test``, or a negative embargo.
    """
    start, end = _spans(start_ns, end_ns)
    embargo = whole(embargo_ns, "embargo_ns", 0)
    rows = np.unique(_integers(test, "test"))
    if rows.size == 0:
        raise ValidationError("test is empty; name at least one test row.")
    if rows[0] < 0 or rows[-1] >= start.size:
        raise ValidationError(f"test row {rows[0] if rows[0] < 0 else rows[-1]} is not among the {start.size} rows.")
    keep = np.ones(start.size, dtype=np.bool_)
    keep[rows] = False
    cuts = np.flatnonzero(np.diff(rows) > 1) + 1
    for run in np.split(rows, cuts):
        first, last = int(run[0]), int(run[-1])
        # Sorted starts: a row before the run touches it iff it settles at or after the first test decision;
        # a row after it iff it starts at or before the last test settlement, which the embargo extends.
        keep[:first] &= end[:first] < start[first]
        keep[last + 1 :] &= start[last + 1 :] > end[run].max() + embargo
    return np.flatnonzero(keep)


def walk_forward(
    start_ns: ArrayLike,
    end_ns: ArrayLike,
    folds: int,
    *,
    scheme: Scheme = "rolling",
    train_blocks: int = 3,
    embargo_ns: int = 0,
) -> tuple[Fold, ...]:
    """``folds`` walk-forward folds over equal blocks of slots.

    The distinct decision times are cut into ``train_blocks + folds`` consecutive blocks (sizes differ by at
    most one), so slots that share a decision time stay together. Fold k tests block ``train_blocks + k`` and
    trains on the ``train_blocks`` blocks before it (``"rolling"``) or on all blocks before it
    (``"anchored"``). Training rows that do not settle more than ``embargo_ns`` before the first test
    decision are purged: set it to the decision latency or more.

    Raises :class:`ValidationError` for bad spans, too few distinct times, or a fold left without training.
    """
    start, end = _spans(start_ns, end_ns)
    folds, train_blocks = whole(folds, "folds", 1), whole(train_blocks, "train_blocks", 1)
    _known(scheme)
    times = np.unique(start)
    blocks = folds + train_blocks
    if times.size < blocks:
        raise ValidationError(f"{times.size} distinct decision times cannot be cut into {blocks} blocks; use fewer.")
    starts = np.append(times, times[-1] + 1)[np.arange(blocks + 1) * times.size // blocks]
    edges = np.searchsorted(start, starts)
    result = []
    for k in range(train_blocks, blocks):
        oldest = edges[k - train_blocks] if scheme == "rolling" else 0
        result.append(_fold(start, end, int(oldest), int(edges[k]), int(edges[k + 1]), embargo_ns))
    return tuple(result)


def walk_forward_spans(
    start_ns: ArrayLike,
    end_ns: ArrayLike,
    train_ns: int,
    test_ns: int,
    *,
    scheme: Scheme = "rolling",
    embargo_ns: int = 0,
) -> tuple[Fold, ...]:
    """Walk-forward folds by duration: test windows of ``test_ns`` follow each other without a gap.

    The first test window opens ``train_ns`` after the first decision. Training covers the ``train_ns``
    before the window (``"rolling"``) or everything before it (``"anchored"``), purged as in
    :func:`walk_forward`. A last window that reaches past the last settlement is left out, as are windows
    without a decision.
    """
    start, end = _spans(start_ns, end_ns)
    train_ns, test_ns = whole(train_ns, "train_ns", 1), whole(test_ns, "test_ns", 1)
    _known(scheme)
    result = []
    opening = int(start[0]) + train_ns
    close = max(int(start[-1]) + 1, int(end.max()))
    while opening + test_ns <= close:
        first, last = np.searchsorted(start, [opening, opening + test_ns])
        oldest = np.searchsorted(start, opening - train_ns) if scheme == "rolling" else 0
        if last > first:
            result.append(_fold(start, end, int(oldest), int(first), int(last), embargo_ns))
        opening += test_ns
    if not result:
        raise ValidationError(
            f"the decisions span {int(start[-1]) - int(start[0])} ns; {train_ns + test_ns} ns of training and test "
            "do not fit."
        )
    return tuple(result)


def _fold(start: Ints, end: Ints, oldest: int, first: int, last: int, embargo_ns: int) -> Fold:
    gap = whole(embargo_ns, "embargo_ns", 0)
    rows = np.arange(oldest, first)
    train = rows[end[rows] < start[first] - gap]
    if train.size == 0:
        raise ValidationError(
            f"no training row settles more than {gap} ns before the test that starts in row {first}; "
            "use longer training or a shorter embargo."
        )
    return Fold(train=train, test=np.arange(first, last))


def _known(scheme: str) -> None:
    if scheme not in ("rolling", "anchored"):
        raise ValidationError(f'scheme is {scheme!r}; it must be "rolling" or "anchored".')


def _integers(values: ArrayLike, name: str) -> Ints:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValidationError(f"{name} must be a vector of whole numbers, not {array.dtype} of shape {array.shape}.")
    return array.astype(np.int64)


def _spans(start_ns: ArrayLike, end_ns: ArrayLike) -> tuple[Ints, Ints]:
    start, end = _integers(start_ns, "start_ns"), _integers(end_ns, "end_ns")
    if start.size == 0 or start.size != end.size:
        raise ValidationError(f"start_ns has {start.size} rows and end_ns {end.size}; both need the same rows, not 0.")
    backwards = np.diff(start) < 0
    if backwards.any():
        raise ValidationError(f"start_ns decreases in row {int(np.argmax(backwards)) + 1}; sort the slots by start_ns.")
    early = end < start
    if early.any():
        row = int(np.argmax(early))
        raise ValidationError(f"end_ns is before start_ns in row {row}; a slot settles after its decision.")
    return start, end
