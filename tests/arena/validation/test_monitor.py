from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.bets import growth, kelly
from arena.validation.monitor import Bankroll, half_kelly, monitor

bets = st.lists(
    st.tuples(st.floats(0.0, 0.3), st.floats(0.02, 0.98), st.integers(0, 1), st.integers(0, 12)),
    min_size=1,
    max_size=40,
).map(lambda rows: sorted(rows, key=lambda bet: bet[3]))

Rows = list[tuple[float, float, int, int]]


def columns(rows: Rows) -> tuple[np.ndarray, ...]:
    """Fraction (scaled so that no slot stakes everything), price, outcome, slot."""
    fraction, price, won, slot = (np.array(column) for column in zip(*rows, strict=True))
    return fraction * 3 / len(rows), price, won, slot


@settings(max_examples=60, deadline=None)
@given(bets)
def test_the_bankroll_is_the_product_of_the_returns_of_its_slots(rows: Rows) -> None:
    fraction, price, won, slot = columns(rows)
    path, bankroll = monitor(fraction, price, won, slot), 1.0
    for k, number in enumerate(np.unique(slot)):
        here = slot == number
        bankroll *= 1 + (fraction * np.where(won == 1, (1 - price) / price, -1.0))[here].sum()
        assert math.exp(path.log_values[k]) == pytest.approx(bankroll, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(bets)
def test_settling_live_slot_by_slot_is_the_same_as_settling_at_the_end(
    rows: Rows,
) -> None:
    fraction, price, won, slot = columns(rows)
    state, p_values = Bankroll(), [1.0]
    for number in np.unique(slot):
        here = slot == number
        state = state.settle(fraction[here], price[here], won[here])
        p_values.append(state.p_value)
    assert state == pytest.approx(monitor(fraction, price, won, slot).final, rel=1e-9, abs=1e-12)
    assert (np.diff(p_values) <= 0).all()


def test_the_bankroll_of_a_fair_bet_is_a_martingale() -> None:
    for price in (0.05, 0.5, 0.9):
        win, loss = (math.exp(Bankroll().settle([0.3], [price], [y]).log_value) for y in (1, 0))
        assert price * win + (1 - price) * loss == pytest.approx(1.0)


def simulate(win: float, paths: int, length: int, price: float, fraction: float) -> float:
    rng = np.random.default_rng(4)
    slot = np.arange(length)
    full = (np.full(length, fraction), np.full(length, price))
    return float(np.mean([monitor(*full, rng.random(length) < win, slot).crossed is not None for _ in range(paths)]))


@pytest.mark.parametrize(("price", "fraction"), [(0.5, 0.1), (0.9, 0.4), (0.1, 0.02)])
def test_fair_bets_reach_twenty_in_at_most_five_percent_of_the_paths(price: float, fraction: float) -> None:
    rate = simulate(price, 2000, 1000, price, fraction)
    assert 0.01 < rate <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_an_edge_is_found_however_often_one_looks() -> None:
    stake = float(half_kelly([0.56], [0.5])[0])
    assert simulate(0.56, 100, 3000, 0.5, stake) > 0.95


def test_the_same_path_read_as_a_fixed_test_at_every_look_errs_far_more_often() -> None:
    """What peeking costs without the martingale: a z test of 5 % looked at after every bet."""
    rng = np.random.default_rng(4)
    steps = np.where(rng.random((400, 1000)) < 0.5, 1.0, -1.0).cumsum(axis=1)
    z = steps / np.sqrt(np.arange(1, 1001))
    assert (z[:, 20:] > 1.645).any(axis=1).mean() > 0.25


def test_bets_that_share_an_outcome_stay_fair_when_they_are_settled_as_one_slot() -> None:
    mean = 0.0
    for won in (0, 1):
        mean += 0.5 * math.exp(Bankroll().settle([0.2, 0.3, 0.4], [0.5] * 3, [won] * 3).log_value)
    assert mean == pytest.approx(1.0)


def test_the_crossing_is_the_first_slot_at_one_over_alpha() -> None:
    path = monitor([0.5] * 6, [0.5] * 6, [1, 1, 1, 1, 1, 1], [3, 4, 5, 6, 9, 10], alpha=0.2)
    np.testing.assert_allclose(np.exp(path.log_values), 1.5 ** np.arange(1, 7))
    assert path.crossed == 3  # 1.5^4 = 5.06
    assert monitor([0.5], [0.5], [1], [0]).crossed is None
    assert monitor([0.5], [0.5], [1], [0]).final.p_value == pytest.approx(1 / 1.5)


def test_half_kelly_comes_from_the_stated_probability() -> None:
    stakes = half_kelly([0.6, 0.5, 0.4], [0.5, 0.5, 0.5])
    assert stakes.tolist() == [pytest.approx(0.5 * kelly(0.6, 0.5).fraction), 0.0, 0.0]
    assert growth(float(stakes[0]), 0.6, 0.5) == pytest.approx(0.75 * kelly(0.6, 0.5).growth, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, 1.0], [0.5, 0.5], [1, 0], [0, 1]), "fraction is 1.0 in row 1"),
        (([-0.1], [0.5], [1], [0]), "row 0"),
        (([0.6, 0.6], [0.5, 0.5], [1, 0], [0, 0]), "begins in row 0 add up to 1.2"),
        (([0.1, 0.1], [0.5, 0.5], [1, 0], [1, 0]), "decreases in row 1"),
        (([0.1, 0.1], [0.5, 0.5], [1, 0], [0.0, math.nan]), "whole numbers"),
        (([0.1, math.nan], [0.5, 0.5], [1, 0], [0, 1]), "row 1"),
        (([0.1], [0.0], [1], [0]), "break_even"),
        (([0.1], [0.5], [1, 0], [0]), "won has 2 rows"),
        (([], [], [], []), "at least 1"),
    ],
)
def test_a_bankroll_that_is_no_martingale_is_refused(arguments: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        monitor(*arguments)
    if len(arguments[3]) == 1:
        with pytest.raises(ValidationError, match=message):
            Bankroll().settle(*arguments[:3])
