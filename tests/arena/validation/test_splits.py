from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.splits import Fold, purge, walk_forward, walk_forward_spans

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), min_size=4, max_size=40).map(
    lambda rows: (np.array(sorted(s for s, _ in rows)), np.array([d for _, d in rows]))
)


def brute_force_purge(start: np.ndarray, end: np.ndarray, test: list[int], embargo: int, gap: int) -> list[int]:
    runs: list[list[int]] = []
    for row in sorted(set(test)):
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    kept = []
    for i in range(len(start)):
        touches = any(start[i] <= end[j] and start[j] <= end[i] for j in test)
        decided = [min(start[j] for j in run) for run in runs]
        close = any(first - gap <= end[i] < first for first in decided)
        settled = [max(end[j] for j in run) for run in runs]
        embargoed = any(last <= start[i] <= last + embargo for last in settled)
        if i not in test and not touches and not embargoed and not close:
            kept.append(i)
    return kept


@settings(max_examples=200, deadline=None)
@given(spans, st.data(), st.integers(0, 15), st.integers(0, 15))
def test_purge_equals_the_rule_applied_pair_by_pair(
    both: tuple[np.ndarray, np.ndarray], data: st.DataObject, embargo: int, gap: int
) -> None:
    start, length = both
    end = start + length
    test = data.draw(st.lists(st.integers(0, start.size - 1), min_size=1, max_size=start.size))
    assert purge(start, end, test, embargo, gap_ns=gap).tolist() == brute_force_purge(start, end, test, embargo, gap)


def test_a_label_that_ends_when_a_test_label_starts_is_purged() -> None:
    assert purge([0, 1, 2, 6], [1, 2, 3, 7], [2]).tolist() == [0, 3]


def test_the_embargo_falls_only_after_the_test_run() -> None:
    start = np.arange(0, 100, 10)
    assert purge(start, start + 1, [4, 5], embargo_ns=19).tolist() == [0, 1, 2, 3, 8, 9]
    assert purge(start, start + 1, [4, 5], embargo_ns=18).tolist() == [0, 1, 2, 3, 7, 8, 9]


def test_rows_between_two_test_runs_train() -> None:
    start = np.arange(0, 100, 10)
    assert purge(start, start + 1, [1, 8]).tolist() == [0, 2, 3, 4, 5, 6, 7, 9]


@settings(max_examples=100, deadline=None)
@given(spans, st.integers(1, 3), st.integers(1, 3), st.sampled_from(["rolling", "anchored"]), st.integers(0, 5))
def test_training_is_settled_before_the_test_begins(
    both: tuple[np.ndarray, np.ndarray], folds: int, train_blocks: int, scheme: str, gap: int
) -> None:
    start, end = both[0], both[0] + both[1]
    try:
        made = walk_forward(
            start, end, folds, scheme=scheme, train_blocks=train_blocks, gap_ns=gap  # type: ignore[arg-type]
        )  # fmt: skip
    except ValidationError:
        return
    assert len(made) == folds
    for fold in made:
        assert end[fold.train].max() + gap < start[fold.test].min()
        assert fold.train.max() < fold.test.min()
    tested = np.concatenate([fold.test for fold in made])
    assert tested.tolist() == list(range(tested[0], start.size))
    for one, two in pairwise(made):
        assert start[one.test].max() < start[two.test].min()


def rows(fold: Fold) -> tuple[tuple[int, int], tuple[int, int]]:
    return (int(fold.train[0]), int(fold.train[-1])), (int(fold.test[0]), int(fold.test[-1]))


def test_rolling_folds_move_their_training_and_anchored_folds_extend_it() -> None:
    start = np.arange(100)
    rolling = [rows(f) for f in walk_forward(start, start, 2, train_blocks=3)]
    anchored = [rows(f) for f in walk_forward(start, start, 2, train_blocks=3, scheme="anchored")]
    assert rolling == [((0, 59), (60, 79)), ((20, 79), (80, 99))]
    assert anchored == [((0, 59), (60, 79)), ((0, 79), (80, 99))]


def test_longer_training_and_a_longer_gap_change_the_folds() -> None:
    start = np.arange(100)
    assert rows(walk_forward(start, start, 1, train_blocks=4)[0]) == ((0, 79), (80, 99))
    assert rows(walk_forward(start, start, 1, train_blocks=4, gap_ns=5)[0]) == ((0, 74), (80, 99))
    assert rows(walk_forward(start, start + 2, 1, train_blocks=4)[0]) == ((0, 77), (80, 99))


def test_slots_that_share_a_decision_time_stay_in_one_block() -> None:
    start = np.repeat(np.arange(10), [1, 5, 1, 1, 7, 1, 1, 1, 9, 1])
    for fold in walk_forward(start, start, 4, train_blocks=1):
        assert not set(start[fold.train]) & set(start[fold.test])


def test_folds_by_duration_follow_the_clock_and_not_the_row_count() -> None:
    start = np.concatenate([np.arange(0, 100, 1), np.arange(100, 200, 10)])
    rolling = walk_forward_spans(start, start, 100, 45)
    anchored = walk_forward_spans(start, start, 100, 45, scheme="anchored")
    assert [f.test.size for f in rolling] == [f.test.size for f in anchored] == [5, 4]
    assert [f.train.size for f in rolling] == [100, 60]
    assert [f.train.size for f in anchored] == [100, 105]
    assert walk_forward_spans(start, start, 100, 45, gap_ns=7)[0].train.size == 93


def test_a_last_window_counts_when_its_last_slot_settles_at_its_end() -> None:
    start = np.arange(0, 200, 10)
    assert len(walk_forward_spans(start, start + 9, 100, 50)) == 1
    assert len(walk_forward_spans(start, start + 10, 100, 50)) == 2


@pytest.mark.parametrize(
    ("start", "end", "folds", "message"),
    [
        ([0, 2, 1], [3, 3, 3], 1, "row 2"),
        ([0, 1, 2], [3, 0, 3], 1, "row 1"),
        ([0, 1, 2], [3, 3], 1, "3 rows"),
        ([0, 1, 2], [0, 1, 2], 1, "3 distinct"),
        (np.arange(10), np.arange(10) + 50, 2, "no training row"),
        (np.arange(10) * 0.5, np.arange(10), 2, "whole numbers"),
        ([], [], 1, "not 0"),
    ],
)
def test_folds_that_would_leak_or_be_empty_are_refused(start: object, end: object, folds: int, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        walk_forward(start, end, folds)  # type: ignore[arg-type]


@pytest.mark.parametrize(("test", "embargo"), [([], 0), ([9], 0), ([-1], 0), ([0.5], 0), ([1], -1)])
def test_a_test_set_outside_the_rows_is_refused(test: list[int], embargo: int) -> None:
    with pytest.raises(ValidationError):
        purge(np.arange(5), np.arange(5), test, embargo)


def test_an_unknown_scheme_and_a_window_that_does_not_fit_are_refused() -> None:
    start = np.arange(20)
    with pytest.raises(ValidationError, match="scheme"):
        walk_forward(start, start, 2, scheme="expanding")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="do not fit"):
        walk_forward_spans(start, start, 15, 6)
