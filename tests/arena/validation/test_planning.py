from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from arena.errors import ValidationError
from arena.validation.bets import binomial_test
from arena.validation.planning import bets_needed, critical_wins, family_level, plan, power_of_test


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2000), st.floats(0.01, 0.99), st.floats(1e-7, 0.5))
def test_the_critical_number_of_wins_is_the_first_that_rejects(bets: int, price: float, level: float) -> None:
    wins = int(critical_wins(bets, price, level))
    assert wins == bets + 1 or binomial_test(wins, bets, price).p_value <= level
    assert wins == 0 or binomial_test(wins - 1, bets, price).p_value > level


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 1500), st.floats(0.02, 0.9), st.floats(0.01, 0.09), st.integers(1, 100))
def test_the_exact_power_is_the_tail_beyond_the_critical_wins(
    bets: int, price: float, edge: float, family: int
) -> None:
    ours = power_of_test(bets, price, price + edge, family=family)
    assert ours.level == pytest.approx(stats.binom.sf(ours.critical_wins - 1, bets, price), rel=1e-7, abs=1e-14)
    assert ours.power == pytest.approx(stats.binom.sf(ours.critical_wins - 1, bets, price + edge), rel=1e-7, abs=1e-14)
    assert ours.level <= family_level(0.05, family) <= 0.05
    assert 1 - (1 - family_level(0.05, family)) ** family == pytest.approx(0.05)


def test_too_few_bets_have_no_power_at_all() -> None:
    assert power_of_test(4, 0.5, 0.9).critical_wins == 5
    assert (power_of_test(4, 0.5, 0.9).power, power_of_test(4, 0.5, 0.9).level) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("price", "win", "single", "family"),
    [(0.50, 0.52, 3863, 10632), (0.50, 0.53, 1716, 4724), (0.50, 0.55, 617, 1699), (0.50, 0.58, 240, 662),
     (0.90, 0.92, 1303, 3681), (0.95, 0.965, 1171, 3367), (0.05, 0.06, 3118, 8381)],
)  # fmt: skip
def test_the_exact_plan_lies_near_the_normal_table_of_the_specification(
    price: float, win: float, single: int, family: int
) -> None:
    for trials, bets in ((1, single), (100, family)):
        exact = plan(price, win, 1.0, family=trials)
        assert exact.normal_bets == pytest.approx(bets, abs=1)
        assert exact.bets == pytest.approx(bets, rel=0.12)
        assert power_of_test(bets, price, win, family=trials).power == pytest.approx(0.80, abs=0.05)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.9), st.floats(0.04, 0.09), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from([1, 20]))
def test_no_size_beyond_the_plan_falls_short_and_the_one_before_does(
    price: float, edge: float, power: float, family: int
) -> None:
    ours = plan(price, price + edge, 1.0, power=power, family=family)
    assert ours.power >= power
    beyond = [power_of_test(ours.bets + k, price, price + edge, family=family).power for k in range(200)]
    assert min(beyond) >= power
    if ours.bets > 1:
        assert power_of_test(ours.bets - 1, price, price + edge, family=family).power < power


def test_the_power_falls_at_a_step_of_the_staircase() -> None:
    power = np.array([power_of_test(n, 0.5, 0.58).power for n in range(200, 320)])
    reached = np.flatnonzero(power >= 0.8)
    assert (power[reached[0] :] < 0.8).any()
    assert plan(0.5, 0.58, 1.0).bets > 200 + reached[0]


def test_the_simulated_test_finds_the_edge_as_often_as_planned() -> None:
    ours = plan(0.6, 0.68, 2.0)
    wins = np.random.default_rng(3).binomial(ours.bets, 0.68, size=40_000)
    assert (wins >= ours.critical_wins).mean() == pytest.approx(ours.power, abs=0.008)


def test_windows_follow_from_the_bets_per_window() -> None:
    assert plan(0.5, 0.55, 0.25).windows == 4 * plan(0.5, 0.55, 1.0).windows
    assert plan(0.5, 0.55, 400.0).windows == 2


def test_more_is_asked_of_a_smaller_edge_a_larger_family_and_a_higher_power() -> None:
    base = plan(0.5, 0.55, 1.0).bets
    assert plan(0.5, 0.54, 1.0).bets > base
    assert plan(0.5, 0.55, 1.0, family=10).bets > base
    assert plan(0.5, 0.55, 1.0, power=0.9).bets > base
    assert plan(0.5, 0.55, 1.0, alpha=0.01).bets > base


def test_plans_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(ValidationError, match="not above"):
        plan(0.5, 0.5, 1.0)
    with pytest.raises(ValidationError, match="bets_per_window"):
        plan(0.5, 0.55, 0.0)
    with pytest.raises(ValidationError, match="plans stop"):
        plan(0.5, 0.5001, 1.0)
    with pytest.raises(ValidationError, match="level"):
        critical_wins(10, 0.5, 0.0)
    with pytest.raises(ValidationError, match="family"):
        bets_needed(0.5, 0.55, family=0)
