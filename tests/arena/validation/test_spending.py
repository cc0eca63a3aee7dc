"""The shares of alpha over a sequence of experiments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.spending import alpha_share, spent_p_value


@given(st.floats(0.01, 0.99), st.integers(1, 400))
def test_any_number_of_experiments_spends_at_most_alpha(first: float, count: int) -> None:
    total = sum(alpha_share(k, first) for k in range(1, count + 1))
    assert total == pytest.approx(first + (1 - first) * (1 - 1 / count))
    assert total <= 1.0 + 1e-12


@given(st.floats(0.5, 0.99), st.integers(1, 400))
def test_each_experiment_may_spend_less_than_the_one_before(first: float, attempt: int) -> None:
    assert alpha_share(attempt + 1, first) < alpha_share(attempt, first)


def test_a_sequence_by_hand() -> None:
    assert [alpha_share(k, 0.8) for k in (1, 2, 3)] == pytest.approx([0.8, 0.1, 0.2 / 6])
    assert spent_p_value(0.01, 2, 0.8) == pytest.approx(0.1)
    assert spent_p_value(0.5, 3, 0.8) == 1.0


@pytest.mark.parametrize(("attempt", "first"), [(0, 0.8), (1, 0.0), (1, 1.0), (2, float("nan"))])
def test_an_impossible_share_is_refused(attempt: int, first: float) -> None:
    with pytest.raises(ValidationError):
        alpha_share(attempt, first)
