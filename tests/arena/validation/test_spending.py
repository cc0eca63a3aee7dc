"""The shares of alpha over a sequence of experiments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.spending import FIRST_SHARE, alpha_share, spent_p_value


@given(st.integers(1, 2000))
def test_any_number_of_experiments_spends_at_most_alpha(count: int) -> None:
    total = sum(alpha_share(k) for k in range(1, count + 1))
    assert total == pytest.approx(FIRST_SHARE + (1 - FIRST_SHARE) * (1 - 1 / count))
    assert total <= 1.0 + 1e-12


@given(st.integers(1, 2000))
def test_each_experiment_may_spend_less_than_the_one_before(attempt: int) -> None:
    assert alpha_share(attempt + 1) < alpha_share(attempt)


def test_a_sequence_by_hand() -> None:
    assert [alpha_share(k) for k in (1, 2, 3)] == pytest.approx([0.8, 0.1, 0.2 / 6])
    assert spent_p_value(0.01, 2) == pytest.approx(0.1)
    assert spent_p_value(0.5, 3) == 1.0


@pytest.mark.parametrize("attempt", [0, -1, 1.5])
def test_an_impossible_attempt_is_refused(attempt: int) -> None:
    with pytest.raises(ValidationError):
        alpha_share(attempt)
