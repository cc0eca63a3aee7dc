"""The planner's prediction, and what is made of the difference."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from arena.validation.planning import power_of_test
from research.study.power import powers, predicted_power
from research.study.records import Found, MarketRecord, Researcher

ONE = Found(
    trials=20,
    windows=288,
    tested=200,
    bets=100,
    wins=60,
    break_even=0.5,
    p_value=0.03,
    adjusted_p=0.0375,
    edge=False,
    failed=("profit",),
    naive=True,
    seed_honest=False,
    seed_booked=None,
)


def records(*found: Found, lag_ms: int = 500) -> list[MarketRecord]:
    return [MarketRecord(run, lag_ms, (Researcher((one,)),)) for run, one in enumerate(found)]


def test_ten_bets_at_even_odds_reject_from_nine_wins_on_at_five_percent() -> None:
    # P(X >= 9) = 11/1024 and P(X >= 8) = 56/1024 on fair bets; at a win rate of 0.8: 0.8^10 + 10 0.8^9 0.2.
    assert predicted_power(np.array([10.0]), 0.5, 0.8, 0.05) == pytest.approx(0.8**10 + 2 * 0.8**9)


def test_the_prediction_is_the_mean_of_the_planner_s_power_over_the_runs() -> None:
    bets = np.array([40.0, 250.0, 901.0])
    expected = np.mean([power_of_test(int(n), 0.42, 0.47, alpha=0.04).power for n in bets])
    assert predicted_power(bets, 0.42, 0.47, 0.04) == pytest.approx(expected)


def test_a_run_without_a_bet_finds_nothing() -> None:
    assert predicted_power(np.array([0.0, 10.0]), 0.5, 0.8, 0.05) == pytest.approx(0.5 * (0.8**10 + 2 * 0.8**9))


def test_price_and_win_rate_come_from_all_bets_together() -> None:
    other = replace(ONE, bets=300, wins=150, break_even=0.4)
    (cell,) = powers(records(ONE, other), 0.05, 0.04)
    assert cell.break_even == pytest.approx((100 * 0.5 + 300 * 0.4) / 400)
    assert cell.win_rate == pytest.approx(210 / 400)
    assert cell.bets_per_window == pytest.approx(1.0)


def test_the_difference_is_what_was_observed_less_what_was_predicted() -> None:
    (cell,) = powers(records(ONE, replace(ONE, adjusted_p=0.2), ONE, ONE), 0.05, 0.04)
    assert cell.discovery.estimate == 0.75
    assert cell.predicted == pytest.approx(1.0 - binom.cdf(59, 100, 0.6))  # 59 wins have p = 0.044, 60 one of 0.028
    assert cell.difference == pytest.approx(cell.discovery.estimate - cell.predicted)


def test_runs_that_agree_have_no_error_but_one_run_alone_has_no_estimate_of_it() -> None:
    assert powers(records(ONE, ONE, ONE), 0.05, 0.04)[0].error == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(powers(records(ONE), 0.05, 0.04)[0].error)


def test_the_jackknife_of_a_mere_proportion_is_its_textbook_error() -> None:
    # Same bets and wins everywhere: only the rejections differ, and the prediction is a constant.
    found = [replace(ONE, adjusted_p=0.01 if k < 3 else 0.9) for k in range(10)]
    (cell,) = powers(records(*found), 0.05, 0.04)
    assert cell.error == pytest.approx(math.sqrt(0.3 * 0.7 / 9))


def test_runs_that_differ_in_their_edge_are_overdispersed_and_equal_ones_are_not() -> None:
    apart = records(replace(ONE, wins=40), replace(ONE, wins=80))
    assert powers(apart, 0.05, 0.04)[0].dispersion == pytest.approx(2 * 400 / 24)  # (20^2 + 20^2) / (100 0.6 0.4)
    assert powers(records(ONE, ONE), 0.05, 0.04)[0].dispersion == 0.0


def test_runs_at_different_prices_with_the_same_edge_are_not_overdispersed() -> None:
    cheap = replace(ONE, wins=30, break_even=0.2)
    assert powers(records(ONE, cheap), 0.05, 0.04)[0].dispersion == pytest.approx(0.0, abs=1e-12)


def test_cells_are_sorted_by_lag_and_then_by_windows() -> None:
    both = (ONE, replace(ONE, windows=576))
    mixed = [MarketRecord(0, lag, (Researcher(both),)) for lag in (1500, 500)]
    assert [(c.lag_ms, c.windows) for c in powers(mixed, 0.05, 0.04)] == [
        (500, 288),
        (500, 576),
        (1500, 288),
        (1500, 576),
    ]


def test_nobody_who_bets_nothing_finds_nothing() -> None:
    idle = replace(ONE, bets=0, wins=0, break_even=0.0, p_value=1.0, adjusted_p=None)
    (cell,) = powers(records(idle, idle), 0.05, 0.04)
    assert cell.predicted == 0.0
    assert cell.difference == 0.0
