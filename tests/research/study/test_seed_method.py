"""The seed's rules, number by number, and why its overfitting test says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kurtosis, norm, skew

from arena.engine.run import Sweep
from research.study.seed_method import (
    deflated,
    overfitting,
    per_trade_sharpe,
    promotion_rule,
    seed_finding,
    slices_passed,
)

RETURNS = st.floats(-1.0, 5.0, allow_nan=False)


def table(columns: list[np.ndarray]) -> Sweep:
    """A sweep in which configuration c bets in every window of its column that is not NaN."""
    matrix = np.column_stack(columns)
    bet = ~np.isnan(matrix)
    won = np.where(bet, matrix > 0.0, -1).astype(np.int8)
    half = np.where(bet, 0.5, np.nan)
    return Sweep(np.where(bet, matrix, 0.0), half, half, half, won)


@given(arrays(np.float64, (48, 2), elements=RETURNS))
def test_pbo_of_two_variants_is_always_0(returns: np.ndarray) -> None:
    assert overfitting([returns[:, 0], returns[:, 1]]) == 0.0


def test_pbo_of_three_variants_can_be_positive() -> None:
    rng = np.random.default_rng(3)
    assert any((overfitting(list(rng.standard_normal((3, 80)))) or 0.0) > 0.0 for _ in range(20))


def test_pbo_needs_forty_trades_in_common() -> None:
    noise = np.random.default_rng(1).standard_normal(100)
    assert overfitting([noise, noise[:39]]) is None
    assert overfitting([noise, noise[:40]]) == 0.0


def test_trades_that_all_return_the_same_have_sharpe_0() -> None:
    assert per_trade_sharpe(np.full(30, 0.5)) == 0.0
    assert per_trade_sharpe(np.array([1.0])) == 0.0


def test_per_trade_sharpe_divides_by_the_sample_deviation() -> None:
    assert per_trade_sharpe(np.array([1.0, 0.0, 2.0])) == pytest.approx(1.0)


GOOD = np.tile([1.0, 1.0, -1.0], 20)
"""60 trades, two of three win: mean 1/3, Sharpe 0.35, every slice alike."""


def test_steady_profit_is_promoted() -> None:
    assert promotion_rule(GOOD)


@pytest.mark.parametrize(
    "returns",
    [
        pytest.param(GOOD[:23], id="23 trades"),
        pytest.param(-GOOD, id="a loss"),
        pytest.param(np.tile([3.0, -1.0], 30)[::-1] * np.tile([1.0, 1.0], 30) - 0.9, id="Sharpe at most 0.12"),
        pytest.param(np.tile([3.0, -1.0], 30), id="50 % wins"),
        pytest.param(np.concatenate([np.full(15, 9.0) + np.arange(15), -GOOD[:45]]), id="one slice earned it all"),
    ],
)
def test_what_misses_one_rule_is_not_promoted(returns: np.ndarray) -> None:
    assert not promotion_rule(returns)


def test_only_the_last_2000_trades_count() -> None:
    assert promotion_rule(np.concatenate([np.full(100, -9.0), np.tile(GOOD, 34)[:2000]]))
    assert not promotion_rule(np.concatenate([np.full(100, -90.0), np.tile(GOOD, 34)[:1900]]))


def test_three_slices_follow_an_unused_first_one() -> None:
    quarter = np.array([0.5, 1.5] * 10)
    assert slices_passed(np.concatenate([-quarter, quarter, quarter, -quarter])) == pytest.approx(2 / 3)
    assert slices_passed(np.concatenate([quarter, -quarter, -quarter, -quarter])) == 0.0


def test_a_short_record_has_fewer_slices_of_eight_and_a_shorter_one_none() -> None:
    eight = np.array([0.5, 1.5] * 4)
    assert slices_passed(np.concatenate([eight, eight, -eight])) == 0.5
    assert slices_passed(np.ones(19)) is None


def test_the_deflated_sharpe_is_that_of_the_written_formula() -> None:
    rng = np.random.default_rng(8)
    returns = rng.exponential(1.0, 120) - 0.8
    n, variants, euler = 120, 50, 0.5772156649015329
    sr = returns.mean() / returns.std(ddof=1)
    z = (1 - euler) * norm.ppf(1 - 1 / variants) + euler * norm.ppf(1 - 1 / (variants * math.e))
    fat = kurtosis(returns, bias=False) + 3.0
    spread = 1.0 - skew(returns, bias=False) * sr + (fat - 1.0) / 4.0 * sr**2
    expected = norm.cdf((sr - z / math.sqrt(n - 1)) * math.sqrt(n - 1) / math.sqrt(spread))
    assert deflated(returns, variants) == pytest.approx(expected, abs=1e-12)


def test_more_variants_deflate_more() -> None:
    few, many = deflated(GOOD, 2), deflated(GOOD, 200)
    assert few is not None
    assert many is not None
    assert many < few


def test_the_best_is_picked_among_those_with_24_trades() -> None:
    rare = np.full(60, np.nan)
    rare[:23] = np.tile([2.0, 1.0], 12)[:23]
    dull = np.tile([1.0, -1.0], 30)
    assert seed_finding(table([dull, rare, GOOD])).best == 2


def test_a_good_variant_beside_a_dull_baseline_is_promoted() -> None:
    finding = seed_finding(table([np.tile([1.0, -1.0], 60), np.tile(GOOD, 2)]))
    assert finding.passing == (1,)
    assert finding.by_rule
    assert finding.by_method


def test_a_good_baseline_has_nothing_to_be_compared_with_so_only_the_rule_promotes_it() -> None:
    finding = seed_finding(table([np.tile(GOOD, 2), np.tile([1.0, -1.0], 60)]))
    assert finding.best == 0
    assert finding.pbo is None
    assert finding.by_rule
    assert not finding.by_method


def test_the_rule_promotes_every_variant_that_passes_but_the_script_looks_at_the_best_one_alone() -> None:
    lucky = np.full(60, np.nan)
    lucky[:26] = np.array([4.0] * 12 + [-0.1] * 14)  # the best Sharpe ratio, but under 51 % wins
    finding = seed_finding(table([np.tile([1.0, -1.0], 30), GOOD, lucky]))
    assert finding.passing == (1,)
    assert finding.best == 2
    assert finding.by_rule
    assert not finding.by_method


def test_nothing_is_found_among_variants_that_hardly_trade() -> None:
    rare = np.full(60, np.nan)
    rare[:5] = 1.0
    finding = seed_finding(table([rare, rare]))
    assert not finding.by_rule
    assert not finding.by_method
