"""Train and test sets that do not share information, in event time.

A slot's label spans the closed interval from its decision (``start_ns``) to its settlement (``end_ns``),
int64 UTC nanoseconds. A training slot whose span touches a test span is purged. A gap drops training slots
that settle shortly before a test run, an embargo those that start soon after one. Row counts are never used
in place of time. Lopez de Prado (2018) ch. 7 and 12, with closed intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, vector, whole

Scheme = Literal["rolling", "anchored"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers of one fold, increasing, without overlap: fit on ``train``, judge on ``test``."""

    train: Ints
    test: Ints


@dataclass(frozen=True, slots=True)
class CombinatorialCounts:
    """Number of splits, ``C(N,k)``, and of backtest paths, ``k/N C(N,k)``."""

    splits: int
    paths: int


def purge(start_ns: ArrayLike, end_ns: ArrayLike, test: ArrayLike, embargo_ns: int = 0, *, gap_ns: int = 0) -> Ints:
    """Row numbers that may train a model judged on rows ``test``.

    A row trains when it is not in ``test``, its span touches no test span (closed intervals:
    ``start_i <= end_j and start_j <= end_i``), it does not start within ``embargo_ns`` after the last
    settlement of a test run, and it does not settle within ``gap_ns`` before the first decision of one (both
    closed). A run is a maximal stretch of consecutive test rows; rows between two runs are judged run by
    run, not by their hull. Rows must be sorted by ``start_ns``.

    Set the embargo to the look-back of the features or more, the gap to the decision latency or more.
    Raises :class:`ValidationError` for unsorted starts, a settlement before its decision, an empty or
    out-of-range ``test``, or a negative embargo or gap.
    """
    start, end = label_spans(start_ns, end_ns)
    embargo, gap = whole(embargo_ns, "embargo_ns", 0), whole(gap_ns, "gap_ns", 0)
    rows = np.unique(integers(test, "test"))
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
        # a row after it iff it starts at or before the last test settlement. Gap and embargo widen the two.
        keep[:first] &= end[:first] < start[first] - gap
        keep[last + 1 :] &= start[last + 1 :] > end[run].max() + embargo
    return np.flatnonzero(keep)


def walk_forward(
    start_ns: ArrayLike,
    end_ns: ArrayLike,
    folds: int,
    *,
    scheme: Scheme = "rolling",
    train_blocks: int = 3,
    gap_ns: int = 0,
) -> tuple[Fold, ...]:
    """``folds`` walk-forward folds over equal blocks of slots.

    The distinct decision times are cut into ``train_blocks + folds`` consecutive blocks (sizes differ by at
    most one), so slots that share a decision time stay together. Fold k tests block ``train_blocks + k`` and
    trains on the ``train_blocks`` blocks before it (``"rolling"``) or on all blocks before it
    (``"anchored"``). Training rows that do not settle more than ``gap_ns`` before the first test
    decision are purged: set it to the decision latency or more.

    Raises :class:`ValidationError` for bad spans, too few distinct times, or a fold left without training.
    """
    start, end = label_spans(start_ns, end_ns)
    folds, train_blocks = whole(folds, "folds", 1), whole(train_blocks, "train_blocks", 1)
    _known(scheme)
    blocks = folds + train_blocks
    edges = _edges(start, blocks)
    result = []
    for k in range(train_blocks, blocks):
        oldest = edges[k - train_blocks] if scheme == "rolling" else 0
        result.append(_fold(start, end, int(oldest), int(edges[k]), int(edges[k + 1]), gap_ns))
    return tuple(result)


def walk_forward_spans(
    start_ns: ArrayLike,
    end_ns: ArrayLike,
    train_ns: int,
    test_ns: int,
    *,
    scheme: Scheme = "rolling",
    gap_ns: int = 0,
) -> tuple[Fold, ...]:
    """Walk-forward folds by duration: test windows of ``test_ns`` follow each other without a gap.

    The first test window opens ``train_ns`` after the first decision. Training covers the ``train_ns``
    before the window (``"rolling"``) or everything before it (``"anchored"``), purged as in
    :func:`walk_forward`. A last window that reaches past the last settlement is left out, as are windows
    without a decision.
    """
    start, end = label_spans(start_ns, end_ns)
    train_ns, test_ns = whole(train_ns, "train_ns", 1), whole(test_ns, "test_ns", 1)
    _known(scheme)
    result = []
    opening = int(start[0]) + train_ns
    close = max(int(start[-1]) + 1, int(end.max()))
    while opening + test_ns <= close:
        first, last = np.searchsorted(start, [opening, opening + test_ns])
        oldest = np.searchsorted(start, opening - train_ns) if scheme == "rolling" else 0
        if last > first:
            result.append(_fold(start, end, int(oldest), int(first), int(last), gap_ns))
        opening += test_ns
    if not result:
        raise ValidationError(
            f"the decisions span {int(start[-1]) - int(start[0])} ns; {train_ns + test_ns} ns of training and test "
            "do not fit."
        )
    return tuple(result)


def combinatorial_counts(groups: int, test_groups: int) -> CombinatorialCounts:
    """Splits and paths of :func:`combinatorial`, in closed form: Lopez de Prado (2018) sec. 12.4.

    Raises :class:`ValidationError` unless ``1 <= test_groups < groups``.
    """
    groups, test_groups = whole(groups, "groups", 2), whole(test_groups, "test_groups", 1)
    if test_groups >= groups:
        raise ValidationError(f"test_groups is {test_groups} of {groups} groups; at least one group must train.")
    return CombinatorialCounts(splits=math.comb(groups, test_groups), paths=math.comb(groups - 1, test_groups - 1))


def combinatorial(
    start_ns: ArrayLike,
    end_ns: ArrayLike,
    groups: int,
    test_groups: int = 1,
    *,
    embargo_ns: int = 0,
    gap_ns: int = 0,
) -> tuple[Fold, ...]:
    """Combinatorial purged cross-validation: one fold per choice of ``test_groups`` out of ``groups``.

    The distinct decision times are cut into ``groups`` consecutive groups (sizes differ by at most one), so
    slots that share a decision time stay together. Folds come in lexicographic order of their test groups;
    adjacent test groups form one run for :func:`purge`. With one test group this is purged k-fold.

    The paths share data: their spread is a stress range, not a standard error. Raises
    :class:`ValidationError` for bad spans, too few distinct times, or a fold left without training.
    """
    start, end = label_spans(start_ns, end_ns)
    combinatorial_counts(groups, test_groups)
    edges = _edges(start, groups)
    members = [np.arange(first, last) for first, last in pairwise(edges)]
    result = []
    for chosen in combinations(range(groups), test_groups):
        test = np.concatenate([members[group] for group in chosen])
        train = purge(start, end, test, embargo_ns, gap_ns=gap_ns)
        if train.size == 0:
            raise ValidationError(
                f"no training row is left when groups {chosen} are tested; use more groups or a shorter embargo."
            )
        result.append(Fold(train=train, test=test))
    return tuple(result)


def paths(groups: int, test_groups: int) -> Ints:
    """Which split supplies the test predictions of each group on each path (shape ``(paths, groups)``).

    Splits are numbered as in :func:`combinatorial`. Path p takes every group from the p-th split that tests
    it, so each pair of a split and a group it tests is used exactly once.
    """
    supply = np.empty((combinatorial_counts(groups, test_groups).paths, groups), dtype=np.int64)
    used = np.zeros(groups, dtype=np.int64)
    for split, chosen in enumerate(combinations(range(groups), test_groups)):
        for group in chosen:
            supply[used[group], group] = split
            used[group] += 1
    return supply


def path_series(folds: Sequence[Fold], predictions: Sequence[ArrayLike]) -> Floats:
    """Backtest paths assembled from what each fold predicts (or earns) on its test rows.

    ``predictions[k]`` is aligned with ``folds[k].test``. The result has shape ``(paths, rows)``; path p
    takes every row from the p-th fold that tests it, as :func:`paths` says. Raises :class:`ValidationError`
    for predictions that do not match their fold, or folds that do not test every row equally often
    (walk-forward folds leave out their first training rows).
    """
    if len(folds) == 0 or len(folds) != len(predictions):
        raise ValidationError(f"{len(predictions)} sets of predictions were given for {len(folds)} folds.")
    rows = 1 + max(int(fold.test.max()) for fold in folds)
    tested = np.zeros(rows, dtype=np.int64)
    for fold in folds:
        tested[fold.test] += 1
    if tested.min() != tested.max():
        raise ValidationError(
            f"row {int(tested.argmin())} is tested {tested.min()} times and row {int(tested.argmax())} "
            f"{tested.max()} times; paths need folds that test every row equally often."
        )
    series = np.empty((int(tested[0]), rows))
    filled = np.zeros(rows, dtype=np.int64)
    for k, fold in enumerate(folds):
        values = vector(predictions[k], f"predictions of fold {k}")
        if values.size != fold.test.size:
            raise ValidationError(f"fold {k} tests {fold.test.size} rows but has {values.size} predictions.")
        series[filled[fold.test], fold.test] = values
        filled[fold.test] += 1
    return series


def _edges(start: Ints, blocks: int) -> Ints:
    """First row of each of ``blocks`` consecutive blocks of distinct decision times, and the row count."""
    times = np.unique(start)
    if times.size < blocks:
        raise ValidationError(f"{times.size} distinct decision times cannot be cut into {blocks} blocks; use fewer.")
    starts = np.append(times, times[-1] + 1)[np.arange(blocks + 1) * times.size // blocks]
    return np.searchsorted(start, starts)


def _fold(start: Ints, end: Ints, oldest: int, first: int, last: int, gap_ns: int) -> Fold:
    gap = whole(gap_ns, "gap_ns", 0)
    rows = np.arange(oldest, first)
    train = rows[end[rows] < start[first] - gap]
    if train.size == 0:
        raise ValidationError(
            f"no training row settles more than {gap} ns before the test that starts in row {first}; "
            "use longer training or a shorter gap."
        )
    return Fold(train=train, test=np.arange(first, last))


def _known(scheme: str) -> None:
    if scheme not in ("rolling", "anchored"):
        raise ValidationError(f'scheme is {scheme!r}; it must be "rolling" or "anchored".')


def integers(values: ArrayLike, name: str) -> Ints:
    """``values`` as a vector of int64."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValidationError(f"{name} must be a vector of whole numbers, not {array.dtype} of shape {array.shape}.")
    return array.astype(np.int64)


def label_spans(start_ns: ArrayLike, end_ns: ArrayLike) -> tuple[Ints, Ints]:
    """Both columns as int64, checked: same rows, sorted by ``start_ns``, no settlement before its decision."""
    start, end = integers(start_ns, "start_ns"), integers(end_ns, "end_ns")
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
