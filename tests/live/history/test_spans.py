"""Spans of time on a grid."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arena.units import SECOND
from live.history.spans import missing, pages

MINUTE = 60 * SECOND
SPANS = st.tuples(st.integers(0, 200 * 60), st.integers(0, 200 * 60)).map(lambda s: (min(s) * SECOND, max(s) * SECOND))
POINTS = st.sets(st.integers(0, 200)).map(lambda s: np.array(sorted(s), dtype=np.int64) * MINUTE)


def points(span: tuple[int, int]) -> set[int]:
    return {ns for ns in range(0, 201 * MINUTE, MINUTE) if span[0] <= ns < span[1]}


@given(span=SPANS, have=POINTS, gaps=st.lists(SPANS, max_size=4))
def test_what_is_missing_is_what_was_wanted_less_what_is_there(
    span: tuple[int, int], have: np.ndarray, gaps: list
) -> None:
    absent = missing(span, 60, have, gaps)
    expected = points(span) - set(have.tolist()) - set().union(*(points(gap) for gap in gaps))
    found = [ns for part in absent for ns in sorted(points(part))]
    assert found == sorted(expected)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(absent))


@given(span=SPANS, have=POINTS, most=st.integers(1, 50))
def test_pages_cover_everything_in_order_and_none_is_too_long(
    span: tuple[int, int], have: np.ndarray, most: int
) -> None:
    absent = missing(span, 60, have)
    cut = list(pages(absent, 60, most))
    covered = [ns for page in cut for ns in sorted(points(page))]
    assert covered == sorted(set(covered))
    assert {ns for part in absent for ns in points(part)} <= set(covered)
    assert all(0 < page[1] - page[0] <= most * MINUTE for page in cut)


def test_holes_close_together_are_one_request() -> None:
    have = np.array([n for n in range(100) if n not in (3, 7, 90)], dtype=np.int64) * MINUTE
    holes = missing((0, 100 * MINUTE), 60, have)
    assert len(holes) == 3
    assert list(pages(holes, 60, 10)) == [(3 * MINUTE, 8 * MINUTE), (90 * MINUTE, 91 * MINUTE)]


@given(later=st.integers(1, 120), most=st.integers(1, 30))
def test_a_run_that_begins_later_asks_for_the_same_pages_after_its_first(later: int, most: int) -> None:
    first = list(pages([(0, 200 * MINUTE)], 60, most))
    second = list(pages([(later * MINUTE, 200 * MINUTE)], 60, most))
    assert set(second[1:]) <= set(first)


def test_nothing_is_missing_of_nothing() -> None:
    assert missing((10, 5), 60, np.empty(0, np.int64)) == []
