from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.splits import (
    Fold,
    combinatorial,
    combinatorial_counts,
    path_series,
    paths,
    purge,
    walk_forward,
)

spans = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)), min_size=8, max_size=50).map(
    lambda rows: (np.array(sorted(s for s, _ in rows)), np.array([d for _, d in rows]))
)
shapes = st.tuples(st.integers(2, 6), st.integers(1, 5)).filter(lambda pair: pair[1] < pair[0])


def made(
    both: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], **options: int
) -> tuple[np.ndarray, np.ndarray, tuple[Fold, ...]]:
    start, end = both[0], both[0] + both[1]
    try:
        return start, end, combinatorial(start, end, *shape, **options)
    except ValidationError:
        return start, end, ()


@settings(max_examples=100, deadline=None)
@given(spans, shapes, st.integers(0, 5), st.integers(0, 5))
def test_no_training_span_touches_a_test_span(
    both: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], embargo: int, gap: int
) -> None:
    start, end, folds = made(both, shape, embargo_ns=embargo, gap_ns=gap)
    for fold in folds:
        a, b = fold.train[:, None], fold.test[None, :]
        assert not ((start[a] <= end[b]) & (start[b] <= end[a])).any()
        after, before = start[a] > end[b], end[a] < start[b]
        assert (start[a] - end[b] > embargo)[after & (fold.test[-1] < a)].all()
        assert (start[b] - end[a] > gap)[before & (fold.test[0] > a)].all()


@settings(max_examples=100, deadline=None)
@given(spans, shapes)
def test_slots_that_share_a_decision_time_share_their_side(
    both: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]
) -> None:
    start, _, folds = made(both, shape)
    for fold in folds:
        assert not set(start[fold.train]) & set(start[fold.test])


@settings(max_examples=100, deadline=None)
@given(spans, shapes)
def test_every_path_covers_every_row_exactly_once(both: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]) -> None:
    start, _, folds = made(both, shape)
    if not folds:
        return
    said = path_series(folds, [1_000.0 * k + fold.test for k, fold in enumerate(folds)])
    assert said.shape == (combinatorial_counts(*shape).paths, start.size)
    assert (said % 1_000 == np.arange(start.size)).all()
    for split, count in Counter((said // 1_000).ravel().tolist()).items():
        assert count == folds[int(split)].test.size


@settings(max_examples=50, deadline=None)
@given(shapes)
def test_paths_use_each_split_once_for_each_group_it_tests(shape: tuple[int, int]) -> None:
    groups, tested = shape
    start = 10 * np.arange(groups)
    folds = combinatorial(start, start, groups, tested)
    supply = paths(groups, tested)
    counts = combinatorial_counts(groups, tested)
    assert counts.splits == len(folds) == math.comb(groups, tested)
    assert supply.shape == (counts.paths, groups)
    assert counts.paths * groups == tested * counts.splits
    assert Counter(supply.ravel().tolist()) == dict.fromkeys(range(counts.splits), tested)
    for group in range(groups):
        assert all(group in folds[split].test for split in supply[:, group])
    assembled = path_series(folds, [np.full(fold.test.size, k) for k, fold in enumerate(folds)])
    assert (assembled == supply).all()


def test_purged_k_fold_is_one_path_of_k_splits() -> None:
    start = np.arange(10)
    folds = combinatorial(start, start, 5)
    assert [fold.test.tolist() for fold in folds] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert (path_series(folds, [fold.test**2 for fold in folds]) == start**2).all()


def test_the_spans_of_the_known_leak_are_purged_by_the_start_of_the_test_label() -> None:
    # mlfinlab issue 295 in small: labels of three steps; rows 3 and 4 settle inside the test block 5 to 9.
    start = np.arange(15)
    assert purge(start, start + 2, np.arange(5, 10)).tolist() == [0, 1, 2, 12, 13, 14]


def test_the_embargo_is_kept_in_every_combinatorial_split() -> None:
    start = np.arange(30)
    for plain, embargoed in zip(
        combinatorial(start, start, 6, 2), combinatorial(start, start, 6, 2, embargo_ns=2), strict=True
    ):
        ends = [row for row in plain.test if row + 1 in plain.train]
        lost = {row + step for row in ends for step in (1, 2)} & set(plain.train.tolist())
        assert set(plain.train.tolist()) - set(embargoed.train.tolist()) == lost


def test_a_test_run_is_found_by_its_rows_wherever_it_lies() -> None:
    start = 100 + 10 * np.arange(20)
    assert purge(start, start + 1, [15, 16], embargo_ns=10).tolist() == [*range(15), 18, 19]


def test_training_between_two_test_folds_stays() -> None:
    start = np.arange(30)
    fold = next(f for f in combinatorial(start, start, 6, 2, embargo_ns=1) if {0, 29} <= set(f.test))
    assert fold.train.tolist() == list(range(6, 25))


def test_a_label_that_ends_when_the_test_begins_does_not_train() -> None:
    start = np.arange(0, 40, 2)
    for fold in combinatorial(start, start + 2, 4):
        assert fold.test[0] - 1 not in fold.train
        assert fold.test[-1] + 1 not in fold.train


def test_the_embargo_is_not_symmetric_and_the_gap_lies_before() -> None:
    start = np.arange(20)
    assert purge(start, start, [10], embargo_ns=3).tolist() == [*range(10), *range(14, 20)]
    assert purge(start, start, [10], gap_ns=3).tolist() == [*range(7), *range(11, 20)]


def test_the_embargo_counts_time_and_not_rows() -> None:
    start = np.array([0, 10, 20, 21, 22, 23, 40, 50])
    assert purge(start, start, [2], embargo_ns=5).tolist() == [0, 1, 6, 7]


@pytest.mark.parametrize(
    ("groups", "test_groups", "message"),
    [(5, 5, "at least one group"), (5, 0, "test_groups"), (1, 1, "groups"), (11, 2, "10 distinct")],
)
def test_impossible_groups_are_refused(groups: int, test_groups: int, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        combinatorial(np.arange(10), np.arange(10), groups, test_groups)


def test_a_fold_without_training_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"groups \(0, 1\)"):
        combinatorial(np.arange(9), np.arange(9) + 4, 3, 2)


def test_paths_refuse_predictions_that_do_not_fit_their_folds() -> None:
    start = np.arange(12)
    folds = combinatorial(start, start, 3)
    good = [np.zeros(4)] * 3
    with pytest.raises(ValidationError, match="2 sets"):
        path_series(folds, good[:2])
    with pytest.raises(ValidationError, match="fold 1 tests 4 rows"):
        path_series(folds, [good[0], np.zeros(5), good[2]])
    with pytest.raises(ValidationError, match="fold 2 is nan in row 3"):
        path_series(folds, [*good[:2], np.array([0, 0, 0, np.nan])])
    with pytest.raises(ValidationError, match="row 0 is tested 0 times"):
        path_series(walk_forward(start, start, 3, train_blocks=1), good)
