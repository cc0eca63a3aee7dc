from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.ledger import LEDGER_DTYPE, headroom, open_ledger
from arena.sizing import ALLOCATOR_DTYPE, Account, allocator_multiplier, allocator_update, bet_size
from arena.units import MICRO

USD = MICRO


def memory(**fields: float) -> Any:
    state = np.zeros(1, dtype=ALLOCATOR_DTYPE)
    for name, value in fields.items():
        state[name] = value
    return state[0]


def converged(price: float, win_rate: float, trades: int = 10_000) -> Any:
    """What the averages tend to for a binary bought at ``price`` without cost that wins with ``win_rate``."""
    gain = 1.0 / price - 1.0
    mean = win_rate * gain - (1 - win_rate)
    return memory(
        trades=trades,
        wins=round(win_rate * trades),
        ema_return=mean,
        ema_downside=1 - win_rate,
        ema_variance=win_rate * (gain - mean) ** 2 + (1 - win_rate) * (1 + mean) ** 2,
    )


@pytest.mark.parametrize(
    ("price", "win_rate", "multiplier"),
    [
        (0.50, 0.50, 0.40), (0.50, 0.53, 0.50), (0.50, 0.58, 0.68), (0.50, 0.65, 0.93), (0.50, 0.668, 1.00),
        (0.50, 0.873, 2.00), (0.30, 0.38, 0.32), (0.30, 0.45, 0.56), (0.70, 0.78, 1.07),
    ],
)  # fmt: skip
def test_the_multiplier_of_a_binary_strategy(price: float, win_rate: float, multiplier: float) -> None:
    """The table of the seed's notes, section 7.3."""
    assert allocator_multiplier(converged(price, win_rate), 2.0) == pytest.approx(multiplier, abs=0.0051)


def test_a_new_strategy_is_neutral() -> None:
    assert allocator_multiplier(memory(), 2.0) == 1.0


def test_under_thirty_trades_the_multiplier_stays_within_a_fifth() -> None:
    assert allocator_multiplier(converged(0.5, 0.95, 29), 3.0) == 1.20
    assert allocator_multiplier(converged(0.5, 0.05, 29), 3.0) == 0.80


def test_a_losing_average_cuts_to_a_quarter_from_thirty_trades() -> None:
    bad = memory(trades=30, wins=20, ema_return=-0.25, ema_variance=1.0)
    assert allocator_multiplier(bad, 2.0) == 0.25
    assert allocator_multiplier(memory(trades=29, wins=20, ema_return=-0.25, ema_variance=1.0), 2.0) >= 0.8


def test_few_wins_and_a_negative_average_cut_to_a_quarter_from_forty_trades() -> None:
    def at(trades: int, wins: int, mean: float) -> float:
        return allocator_multiplier(memory(trades=trades, wins=wins, ema_return=mean, ema_variance=100.0), 2.0)

    assert at(40, 14, -0.15) == 0.25
    assert at(40, 15, -0.15) > 0.25
    assert at(39, 13, -0.15) > 0.25
    assert at(40, 14, -0.149) > 0.25


def test_the_cap_is_the_callers() -> None:
    assert allocator_multiplier(converged(0.5, 0.95), 1.65) == 1.65


def test_the_averages_follow_the_seed_by_hand() -> None:
    """Two trades, +1.0 then -0.5, alpha 0.1: the variance uses the mean already updated."""
    state = memory()
    allocator_update(state, 1.0, 0.1)
    assert (state["ema_return"], state["ema_downside"], state["ema_variance"], state["wins"]) == (1.0, 0.0, 0.0, 1)
    allocator_update(state, -0.5, 0.1)
    mean = 0.9 * 1.0 + 0.1 * -0.5
    assert state["ema_return"] == pytest.approx(mean)
    assert state["ema_downside"] == pytest.approx(0.05)
    assert state["ema_variance"] == pytest.approx(0.1 * (-0.5 - mean) ** 2)
    assert (state["trades"], state["wins"]) == (2, 1)


def test_breaking_even_counts_as_a_win() -> None:
    state = memory()
    allocator_update(state, 0.0, 0.05)
    assert state["wins"] == 1


def test_a_fair_coin_trips_the_breaker_about_six_times_in_a_hundred() -> None:
    """Seed notes, section 7.3: 6 % at alpha 0.05 and 11 % at 0.08; simulation within three points."""
    for alpha, share in ((0.05, 0.06), (0.08, 0.11)):
        rng, state, tripped = np.random.default_rng(3), memory(), 0
        for won in rng.random(30_000) < 0.5:
            allocator_update(state, 1.0 if won else -1.0, alpha)
            tripped += state["ema_return"] <= -0.25
        assert tripped / 30_000 == pytest.approx(share, abs=0.03)


# The flow of the stake, seed notes section 4.2.


def test_the_seeds_stake_is_three_and_a_half_percent_of_cash() -> None:
    assert bet_size(1000 * USD, 10**15, 1.0, Account()) == 35 * USD


@pytest.mark.parametrize(
    ("cash", "room", "multiplier", "changed", "size"),
    [
        (1000, 10**9, 0.5, {}, 17.5),
        (1000, 10**9, 0.25, {}, 0),
        (1000, 20, 1.0, {}, 20),
        (1000, 9.99, 1.0, {}, 0),
        (285, 10**9, 3.0, {}, 0),
        (286, 10**9, 1.0, {}, 10.01),
        (1000, 10**9, 5.0, {}, 105),
        (1000, 10**9, 5.0, {"multiplier_clamp": 2.0}, 70),
        (1000, 10**9, 3.0, {"max_fraction": 0.05}, 50),
        (1000, 10**9, 1.0, {"max_fraction": 0.02}, 20),
        (1000, 10**9, -1.0, {}, 0),
        (1000, 10**9, 1.0, {"min_bet_usd": 36.0}, 0),
        (1000, 10**9, 1.0, {"position_pct": 5.0}, 50),
    ],
)
def test_the_flow_of_the_stake(
    cash: float, room: float, multiplier: float, changed: dict[str, float], size: float
) -> None:
    got = bet_size(round(cash * USD), round(room * USD), multiplier, Account()._replace(**changed))
    assert got == pytest.approx(size * USD, abs=1)


@given(
    st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0, 10),
    st.floats(0.1, 5.0), st.floats(0.01, 1.0), st.floats(1, 1000),
)  # fmt: skip
def test_a_stake_is_never_beyond_cash_headroom_or_fraction_and_never_small(
    cash: int, room: int, multiplier: float, pct: float, fraction: float, least: float
) -> None:
    account = Account(position_pct=pct, max_fraction=fraction, min_bet_usd=least)
    size = bet_size(cash, room, multiplier, account)
    assert size == 0 or least * USD - 1 <= size <= min(room, cash * fraction + 1, cash)


def test_headroom_is_the_tightest_of_three_caps_and_cash() -> None:
    ledger = np.zeros(1, dtype=LEDGER_DTYPE)[0]
    open_ledger(ledger, 1000 * USD)
    assert headroom(ledger, 0, 0, 0.35, 0.60, 0.90) == 350 * USD
    assert headroom(ledger, 0, 0, 0.95, 0.60, 0.90) == 600 * USD
    assert headroom(ledger, 0, 0, 0.95, 0.95, 0.90) == 900 * USD
    ledger["cash"], ledger["positions"] = 100 * USD, 900 * USD
    assert headroom(ledger, 0, 0, 1.0, 1.0, 1.0) == 100 * USD
    assert headroom(ledger, 0, 0, 1.0, 1.0, 0.5) == 0
    assert math.isclose(Account().global_cap, 0.9)
