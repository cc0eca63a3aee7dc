from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from arena.errors import ValidationError
from arena.validation.bets import poisson_binomial_test
from arena.validation.stakes import StakeTest, slot_dependence, stake_weighted_test


def together(rng: np.random.Generator, price: np.ndarray, slot: np.ndarray, correlation: float) -> np.ndarray:
    """Outcomes of fair bets whose slots share a normal factor."""
    common = rng.normal(size=int(slot.max()) + 1)[slot]
    latent = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.normal(size=price.size)
    return ndtr(latent) < price


def rejections(correlation: float, dependence: Callable[..., float], runs: int = 600) -> float:
    rng, slot = np.random.default_rng(11), np.repeat(np.arange(60), 4)
    found = 0
    for _ in range(runs):
        price = rng.uniform(0.2, 0.8, slot.size)
        won = together(rng, price, slot, correlation)
        share = dependence(won, price, slot)
        stake = rng.exponential(size=slot.size)
        found += stake_weighted_test(won, price, stake, slot, rng, draws=199, dependence=share).p_value <= 0.05
    return found / runs


def test_the_p_value_of_independent_bets_is_uniform() -> None:
    rng, ranks = np.random.default_rng(7), []
    for _ in range(1500):
        price = rng.uniform(0.05, 0.95, 30)
        won, stake = rng.random(30) < price, rng.exponential(size=30)
        test = stake_weighted_test(won, price, stake, np.arange(30), rng, draws=99)
        ranks.append(test.p_value - rng.random() / 100)
    assert stats.kstest(ranks, "uniform").pvalue > 0.01


def test_equal_payoffs_give_the_p_value_of_the_exact_test() -> None:
    """With stakes equal to the prices the profit is the number of wins less its expectation."""
    rng = np.random.default_rng(5)
    price = rng.uniform(0.1, 0.9, 150)
    won = rng.random(150) < np.minimum(price + 0.05, 1.0)
    exact = poisson_binomial_test(won, price).p_value
    simulated = stake_weighted_test(won, price, price, np.arange(150), rng, draws=40_000)
    assert simulated.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 40_000))
    assert simulated.deviation == pytest.approx(np.sqrt((price * (1 - price)).sum()), rel=0.02)


def test_the_default_is_conservative_for_bets_that_win_together() -> None:
    assert rejections(0.6, lambda *_: 1.0) <= 0.05
    assert rejections(0.6, lambda *_: 0.0) > 0.08


def test_the_estimated_dependence_keeps_the_size() -> None:
    assert rejections(0.6, slot_dependence) == pytest.approx(0.05, abs=0.025)


def test_bets_of_one_slot_decided_by_one_uniform_move_together() -> None:
    rng = np.random.default_rng(6)
    slot = np.repeat(np.arange(50), 2)
    won = np.tile([1.0, 0.0], 50)

    def deviation(share: float) -> float:
        return stake_weighted_test(
            won, np.full(100, 0.5), np.ones(100), slot, rng, draws=20_000, dependence=share
        ).deviation

    # Even money: each bet has variance 1, and a pair covariance `share`.
    for share in (0.0, 0.4, 1.0):
        assert deviation(share) == pytest.approx(np.sqrt(100 * (1 + share)), rel=0.03)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 40))
def test_the_dependence_of_copied_bets_is_one_and_slots_may_come_in_any_order(seed: int, slots: int) -> None:
    rng = np.random.default_rng(seed)
    won = np.repeat(rng.random(slots) < 0.5, 2)
    slot, price = np.repeat(np.arange(slots), 2), np.full(2 * slots, 0.5)
    assert slot_dependence(won, price, slot) == pytest.approx(1.0)
    order = rng.permutation(2 * slots)
    assert slot_dependence(won[order], price, slot[order]) == pytest.approx(1.0)


def test_the_estimated_dependence_is_the_correlation_of_outcomes_at_one_price() -> None:
    rng = np.random.default_rng(8)
    slot = np.repeat(np.arange(30_000), 3)
    won = together(rng, np.full(slot.size, 0.5), slot, 0.5)
    assert slot_dependence(won, np.full(slot.size, 0.5), slot) == pytest.approx(2 / np.pi * np.arcsin(0.5), abs=0.01)


def test_opposite_sides_of_one_event_count_as_independent() -> None:
    up = np.random.default_rng(9).random(500) < 0.5
    won = np.column_stack([up, ~up]).ravel()
    assert slot_dependence(won, np.full(1000, 0.5), np.repeat(np.arange(500), 2)) == 0.0


def run(won: object, price: object, stake: object, slot: object, **options: object) -> StakeTest:
    return stake_weighted_test(won, price, stake, slot, np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_the_p_value_is_never_zero_and_one_draw_can_say_one_half() -> None:
    sure = run([1] * 30, [0.1] * 30, [1.0] * 30, range(30), draws=50)
    assert sure.p_value == pytest.approx(1 / 51)
    assert sure.profit == pytest.approx(30 * 9.0)
    assert run([0], [0.5], [1.0], [0], draws=20).p_value == 1.0


def test_the_unit_of_the_stakes_does_not_matter() -> None:
    rng = np.random.default_rng(10)
    price, stake = rng.uniform(0.1, 0.9, 80), rng.exponential(size=80)
    won = rng.random(80) < price
    small, large = (run(won, price, scale * stake, np.arange(80)) for scale in (1.0, 1e6))
    assert small.p_value == large.p_value
    assert large.profit == pytest.approx(1e6 * small.profit)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], [0.5, 0.5], [1.0, -1.0], [0, 1]), "row 1"),
        (([1, 0], [0.5, 0.5], [0.0, 0.0], [0, 1]), "every stake is 0"),
        (([1, 0], [0.5, 0.5], [1.0, np.nan], [0, 1]), "row 1"),
        (([1, 0], [0.5, 1.0], [1.0, 1.0], [0, 1]), "row 1"),
        (([1, 0], [0.5, 0.5], [1.0, 1.0], [0]), "slot has 1 rows"),
        (([1, 0], [0.5, 0.5], [1.0, 1.0], [0.0, 1.5]), "whole numbers"),
        (([], [], [], np.array([], dtype=int)), "at least 1"),
    ],
)
def test_stakes_that_cannot_be_tested_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        run(*arguments)


def test_dependence_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValidationError, match="dependence"):
        run([1], [0.5], [1.0], [0], dependence=1.5)
    with pytest.raises(ValidationError, match="no slot holds two"):
        slot_dependence([1, 0], [0.5, 0.5], [0, 1])
