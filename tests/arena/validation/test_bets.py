from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from arena.errors import ValidationError
from arena.validation.bets import (
    binomial_test,
    break_even,
    growth,
    kelly,
    poisson_binomial_test,
    two_point,
    win_rate_interval,
)
from arena.validation.planning import bets_needed
from arena.validation.sharpe import moments

prices = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=60)


def plain_poisson_binomial(p: list[float]) -> np.ndarray:
    mass = np.array([1.0])
    for one in p:
        mass = np.convolve(mass, [1.0 - one, one])
    return mass


@settings(max_examples=60, deadline=None)
@given(prices, st.integers(0, 2**60))
def test_the_poisson_binomial_tail_is_the_convolution_of_its_bets(p: list[float], bits: int) -> None:
    won = [(bits >> k) & 1 for k in range(len(p))]
    test, mass, wins = poisson_binomial_test(won, p), plain_poisson_binomial(p), sum(won)
    assert test.p_value == pytest.approx(min(mass[wins:].sum(), 1.0), rel=1e-10, abs=1e-30)
    assert test.mid_p == pytest.approx(mass[wins:].sum() - mass[wins] / 2, rel=1e-9, abs=1e-30)
    assert (test.wins, test.bets) == (wins, len(p))


@pytest.mark.parametrize("size", [500, 4000])
def test_the_poisson_binomial_tail_equals_scipy(size: int) -> None:
    rng = np.random.default_rng(size)
    p = rng.uniform(0.02, 0.98, size)
    for shift in (-0.05, 0.0, 0.05):
        won = rng.random(size) < np.clip(p + shift, 0, 1)
        expected = float(stats.poisson_binom(p).sf(won.sum() - 1))
        assert poisson_binomial_test(won, p).p_value == pytest.approx(expected, rel=1e-8, abs=1e-13)


def test_a_hundred_thousand_bets_at_one_price_are_binomial() -> None:
    won = np.zeros(100_000)
    won[:50_700] = 1
    many, one = poisson_binomial_test(won, np.full(100_000, 0.5)), binomial_test(50_700, 100_000, 0.5)
    assert many.p_value == pytest.approx(one.p_value, rel=1e-9)
    assert many.mid_p == pytest.approx(one.mid_p, rel=1e-9)
    assert many.z_score == pytest.approx(one.z_score)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(0, 300), st.floats(0.01, 0.99))
def test_the_binomial_test_equals_scipy(bets: int, wins: int, price: float) -> None:
    wins = min(wins, bets)
    expected = stats.binomtest(wins, bets, price, alternative="greater").pvalue
    test = binomial_test(wins, bets, price)
    assert test.p_value == pytest.approx(expected, rel=1e-8, abs=1e-290)
    assert 0.0 <= test.mid_p <= test.p_value <= 1.0


def test_the_exact_test_keeps_its_size_where_sharpe_tests_do_not() -> None:
    def size(price: float, bets: int) -> float:
        rejected = [k for k in range(bets + 1) if binomial_test(k, bets, price).p_value <= 0.05]
        return float(stats.binom(bets, price).sf(rejected[0] - 1))

    table = [(0.50, 1000, 0.047), (0.05, 500, 0.045), (0.80, 500, 0.039), (0.95, 500, 0.034)]
    for price, bets, rate in table:
        assert size(price, bets) == pytest.approx(rate, abs=6e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(0, 200), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_win_rate_interval_holds_the_estimate_and_widens_with_its_level(bets: int, wins: int, level: float) -> None:
    wins = min(wins, bets)
    i, wider = win_rate_interval(wins, bets, level), win_rate_interval(wins, bets, 0.999)
    assert 0.0 <= wider.lower <= i.lower <= i.estimate <= i.upper <= wider.upper <= 1.0


@pytest.mark.parametrize(
    ("price", "win", "sharpe", "single", "family", "fraction", "log_growth"),
    [
        (0.50, 0.52, 0.040, 3863, 10632, 0.04, 0.00080),
        (0.50, 0.53, 0.060, 1716, 4724, 0.06, 0.00180),
        (0.50, 0.55, 0.101, 617, 1699, 0.10, 0.00501),
        (0.50, 0.58, 0.162, 240, 662, 0.16, 0.01286),
        (0.90, 0.92, 0.074, 1303, 3681, 0.20, 0.00237),
        (0.95, 0.965, 0.082, 1171, 3367, 0.30, 0.00263),
        (0.05, 0.06, 0.042, 3118, 8381, 0.011, 0.00099),
    ],
)
def test_the_planning_table_of_the_specification_holds(
    price: float, win: float, sharpe: float, single: int, family: int, fraction: float, log_growth: float
) -> None:
    assert bets_needed(price, win) == pytest.approx(single, abs=1)
    assert bets_needed(price, win, family=100) == pytest.approx(family, abs=1)
    assert two_point(win, price).sharpe == pytest.approx(sharpe, abs=6e-4)
    assert kelly(win, price).fraction == pytest.approx(fraction, abs=6e-4)
    assert kelly(win, price).growth == pytest.approx(log_growth, abs=6e-6)


def test_more_power_less_error_and_more_trials_cost_bets() -> None:
    base = bets_needed(0.5, 0.53)
    assert bets_needed(0.5, 0.53, power=0.9) > base
    assert bets_needed(0.5, 0.53, alpha=0.01) > base
    assert bets_needed(0.5, 0.53, family=2) > base
    with pytest.raises(ValidationError, match="not above"):
        bets_needed(0.5, 0.5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 99), st.floats(0.05, 0.95))
def test_two_point_moments_are_those_of_a_sample_with_that_win_rate(wins: int, price: float) -> None:
    returns = np.where(np.arange(100) < wins, (1 - price) / price, -1.0)
    sample, closed = moments(returns), two_point(wins / 100, price)
    assert closed.mean == pytest.approx(sample.mean, abs=1e-9)
    assert closed.skew == pytest.approx(sample.skew, abs=1e-7)
    assert closed.kurtosis == pytest.approx(sample.kurtosis, rel=1e-7)
    assert closed.sharpe == pytest.approx(sample.sharpe * math.sqrt(100 / 99), abs=1e-9)


def test_a_fair_bet_has_unit_sharpe_variance_and_no_kelly_stake() -> None:
    assert two_point(0.3, 0.3).sharpe_variance == pytest.approx(1.0)
    nothing = kelly(0.3, 0.3)
    assert (nothing.fraction, nothing.growth, nothing.critical_fraction) == (0.0, 0.0, 0.0)
    assert nothing.bets_to_double == math.inf


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 0.9), st.floats(0.01, 0.08))
def test_no_other_stake_grows_faster_than_kelly(price: float, edge: float) -> None:
    k = kelly(price + edge, price)
    for other in (0.9 * k.fraction, min(1.1 * k.fraction, 0.999)):
        assert growth(other, price + edge, price) <= k.growth + 1e-15
    assert abs(growth(k.critical_fraction, price + edge, price)) < 1e-9
    assert k.critical_fraction > k.fraction


def test_the_break_even_includes_the_fee() -> None:
    assert break_even([0.5, 0.9], 0.01).tolist() == [0.51, 0.91]
    with pytest.raises(ValidationError, match="row 1"):
        break_even([0.5, 0.995], 0.01)
    with pytest.raises(ValidationError, match="negative"):
        break_even([0.5], [-0.01])


@pytest.mark.parametrize(
    ("won", "price", "message"),
    [
        ([1, 0], [0.5], "1 rows"),
        ([1, 2], [0.5, 0.5], "row 1"),
        ([1, 0], [0.5, 1.0], "strictly"),
        ([], [], "at least 1"),
    ],
)
def test_bets_that_cannot_be_tested_are_refused(won: list[int], price: list[float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        poisson_binomial_test(won, price)


def test_more_wins_than_bets_are_refused() -> None:
    with pytest.raises(ValidationError, match="only 3"):
        binomial_test(4, 3, 0.5)
    with pytest.raises(ValidationError, match="only 3"):
        win_rate_interval(4, 3)
    with pytest.raises(ValidationError, match="bankroll"):
        growth(1.0, 0.5, 0.5)


def test_randomised_p_values_of_fair_bets_are_uniform() -> None:
    """The p-value less a random share of the observed point's mass is uniform; mid-p takes half of it."""
    rng, found = np.random.default_rng(14), []
    for _ in range(3000):
        price = rng.uniform(0.05, 0.95, 20)
        test = poisson_binomial_test(rng.random(20) < price, price)
        found.append(test.p_value - 2 * (test.p_value - test.mid_p) * rng.random())
    assert stats.kstest(found, "uniform").pvalue > 0.01


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_the_exact_test_errs_no_more_often_than_its_level(alpha: float) -> None:
    rng = np.random.default_rng(15)
    price = rng.uniform(0.7, 0.99, 40)
    rejected = np.mean([poisson_binomial_test(rng.random(40) < price, price).p_value <= alpha for _ in range(4000)])
    assert rejected <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / 4000)
