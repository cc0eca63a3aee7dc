"""Outcomes drawn again: every contract is worth what it costs, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.engine.run import Sweep
from arena.market.tape import DOWN, UP
from research.study.fair import redraw
from research.study.market import LabMarket


def bets(won: list[list[int]], cost: list[list[float]]) -> Sweep:
    y, b = np.array(won, dtype=np.int8), np.array(cost)
    returns = np.where(y < 0, 0.0, np.where(y == 1, 1.0 / b - 1.0, -1.0))
    return Sweep(np.nan_to_num(returns), b, np.full(b.shape, 0.6), np.full(b.shape, 0.5), y)


@given(cost=st.floats(0.01, 0.99), really_won=st.booleans(), outcome=st.sampled_from([UP, DOWN]))
def test_a_contract_returns_nothing_on_average_over_the_draw(cost: float, really_won: bool, outcome: int) -> None:
    cells = 20_000
    table = bets([[int(really_won)]] * cells, [[cost]] * cells)
    drawn = redraw(table, np.full(cells, outcome, dtype=np.int8), (np.arange(cells) + 0.5) / cells)
    # The mean over a fine grid of U is the expectation, up to the one cell in which the outcome turns.
    assert abs(drawn.returns.mean()) <= 1.0 / cost / cells + 1e-12


@pytest.mark.parametrize("u", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_two_sides_of_a_window_at_fair_prices_never_win_together(u: float) -> None:
    # The first bet was on UP (it won and UP came), the second on DOWN, at prices that add up to one.
    table = bets([[1, 0]], [[0.4, 0.6]])
    drawn = redraw(table, np.array([UP], dtype=np.int8), np.array([u]))
    assert drawn.won.sum() == 1


def test_bets_on_the_same_side_win_in_the_order_of_their_cost() -> None:
    table = bets([[1, 1, 1]], [[0.2, 0.5, 0.8]])
    for u, wins in ((0.1, [1, 1, 1]), (0.3, [0, 1, 1]), (0.6, [0, 0, 1]), (0.9, [0, 0, 0])):
        assert redraw(table, np.array([UP], dtype=np.int8), np.array([u])).won.tolist() == [wins]


def test_a_window_without_a_bet_stays_without_one() -> None:
    drawn = redraw(bets([[-1]], [[np.nan]]), np.array([UP], dtype=np.int8), np.array([0.2]))
    assert drawn.won[0, 0] == -1
    assert drawn.returns[0, 0] == 0.0


def test_a_draw_that_repeats_what_happened_gives_the_returns_of_the_engine(market: LabMarket) -> None:
    outcome = market.prepared.windows["outcome"]
    # U near 0 makes UP win at any price, U near 1 makes DOWN win.
    u = np.where(outcome == UP, 1e-9, 1.0 - 1e-9)
    drawn = redraw(market.table, outcome, u)
    assert np.array_equal(drawn.won, market.table.won)
    # The ledger counts micro-dollars, so returns agree to what rounding a stake of 35 dollars leaves.
    assert np.allclose(drawn.returns, market.table.returns, atol=1e-6)


def test_drawn_returns_of_a_whole_market_have_mean_zero_over_many_draws(market: LabMarket) -> None:
    rng = np.random.default_rng(5)
    windows = market.prepared.windows
    column = int(market.table.bets.argmax())
    table = Sweep(*(getattr(market.table, f)[:, [column]] for f in ("returns", "cost", "probability", "mid", "won")))
    totals = [redraw(table, windows["outcome"], rng.random(windows.size)).returns.sum() for _ in range(400)]
    assert abs(np.mean(totals)) < 4 * np.std(totals) / np.sqrt(len(totals))
