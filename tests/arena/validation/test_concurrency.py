from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.concurrency import average_uniqueness, concurrency, draw_probabilities, sequential_bootstrap

AFML = (np.array([0, 2, 4]), np.array([3, 4, 6]))  # Lopez de Prado (2018) sec. 4.5.3

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), min_size=1, max_size=25).map(
    lambda rows: (np.array(sorted(s for s, _ in rows)), np.array([d for _, d in rows]))
)


def plain_uniqueness(start: np.ndarray, end: np.ndarray, drawn: list[int]) -> np.ndarray:
    """Average of one over the number of drawn labels and the label itself, one unit of time after another."""
    found = []
    for first, last in zip(start, end, strict=True):
        shares = [1 / (1 + sum(start[j] <= t < end[j] for j in drawn)) for t in range(first, last)]
        found.append(sum(shares) / len(shares))
    return np.array(found)


def test_the_labels_of_the_book_are_open_together_for_one_bar() -> None:
    step = concurrency(*AFML)
    assert step.edges_ns.tolist() == [0, 2, 3, 4, 6]
    assert step.labels.tolist() == [1, 2, 1, 1]
    assert average_uniqueness(*AFML) == pytest.approx([5 / 6, 3 / 4, 1])


def test_the_second_and_third_draw_of_the_book_have_its_probabilities() -> None:
    assert draw_probabilities(*AFML, []) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert draw_probabilities(*AFML, [1]) == pytest.approx([5 / 14, 3 / 14, 6 / 14])
    assert draw_probabilities(*AFML, [1, 2]) == pytest.approx([5 / 11, 3 / 11, 3 / 11])


@settings(max_examples=60, deadline=None)
@given(spans, st.data())
def test_uniqueness_is_the_average_over_units_of_time(both: tuple[np.ndarray, np.ndarray], data: st.DataObject) -> None:
    start, end = both[0], both[0] + both[1]
    drawn = data.draw(st.lists(st.integers(0, start.size - 1), max_size=8))
    expected = plain_uniqueness(start, end, drawn)
    np.testing.assert_allclose(draw_probabilities(start, end, drawn), expected / expected.sum(), rtol=1e-9)
    others = [plain_uniqueness(start, end, [j for j in range(start.size) if j != i])[i] for i in range(start.size)]
    unique = average_uniqueness(start, end)
    np.testing.assert_allclose(unique, others, rtol=1e-9)
    assert (unique <= 1 + 1e-12).all()
    step = concurrency(start, end)
    assert step.labels @ np.diff(step.edges_ns) == (end - start).sum()


def test_labels_side_by_side_are_unique_and_copies_share_one_label() -> None:
    start = 10 * np.arange(7)
    assert average_uniqueness(start, start + 10).tolist() == [1.0] * 7
    assert average_uniqueness(np.zeros(7, int), np.full(7, 9)).sum() == pytest.approx(1.0)


def test_uniqueness_weighs_time_and_not_rows_in_nanoseconds() -> None:
    minute = 60 * 10**9
    start = 1_700_000_000 * 10**9 + minute * np.array([0, 1, 8])
    assert average_uniqueness(start, start + minute * np.array([10, 1, 1])) == pytest.approx([0.9, 0.5, 0.5])


def test_the_sequential_bootstrap_draws_with_its_probabilities() -> None:
    rng = np.random.default_rng(0)
    samples = np.array([sequential_bootstrap(*AFML, rng, 2) for _ in range(6_000)])
    assert np.bincount(samples[:, 0]) / 6_000 == pytest.approx([1 / 3] * 3, abs=0.025)
    second = samples[samples[:, 0] == 1, 1]
    assert np.bincount(second) / second.size == pytest.approx([5 / 14, 3 / 14, 6 / 14], abs=0.04)


def test_the_monte_carlo_of_the_book_has_its_medians() -> None:
    # Lopez de Prado (2018) sec. 4.5.4: ten labels of 2 to 5 bars on 100 bars; medians 0.6 (plain) and 0.7.
    rng = np.random.default_rng(1)
    sequential, plain = [], []
    for _ in range(600):
        start = np.sort(rng.integers(0, 100, 10))
        end = start + rng.integers(2, 6, 10)
        for found, rows in ((sequential, sequential_bootstrap(start, end, rng)), (plain, rng.integers(0, 10, 10))):
            rows = np.sort(rows)
            found.append(average_uniqueness(start[rows], end[rows]).mean())
    assert np.median(plain) == pytest.approx(0.6, abs=0.05)
    assert np.median(sequential) == pytest.approx(0.7, abs=0.05)
    assert np.mean(sequential) > np.mean(plain) + 0.05


def test_a_seed_fixes_the_sequential_bootstrap() -> None:
    one, two, three = (sequential_bootstrap(*AFML, np.random.default_rng(seed), 40) for seed in (4, 4, 5))
    assert (one == two).all()
    assert (one != three).any()


def test_labels_without_duration_and_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError, match="row 1"):
        average_uniqueness([0, 1], [1, 1])
    with pytest.raises(ValidationError, match="3 labels"):
        draw_probabilities(*AFML, [3])
    with pytest.raises(ValidationError, match="draws"):
        sequential_bootstrap(*AFML, np.random.default_rng(0), 0)
