from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from arena.ledger import (
    LEDGER_DTYPE,
    MAX_FAMILIES,
    MAX_STRATEGIES,
    Reject,
    balanced,
    equity,
    fill,
    headroom,
    open_ledger,
    reserve,
    settle,
)

USD = 1_000_000
CAPS = (0.35, 0.60, 0.90)


def new(usd: int = 1000) -> Any:
    ledger = np.zeros(1, dtype=LEDGER_DTYPE)[0]
    open_ledger(ledger, usd * USD)
    return ledger


def test_the_reserve_sequence_of_the_seeds_worked_figures() -> None:
    """Section 25: caps of $350, $600 and $900 on $1,000."""
    ledger = new()
    assert reserve(ledger, 0, 0, 350 * USD, *CAPS) == Reject.OK
    assert reserve(ledger, 0, 0, 1 * USD, *CAPS) == Reject.STRATEGY_CAP
    assert reserve(ledger, 1, 0, 250 * USD, *CAPS) == Reject.OK
    assert ledger["by_family"][0] == 600 * USD
    assert reserve(ledger, 2, 0, 1 * USD, *CAPS) == Reject.FAMILY_CAP
    assert reserve(ledger, 3, 1, 300 * USD, *CAPS) == Reject.OK
    assert reserve(ledger, 4, 2, 1 * USD, *CAPS) == Reject.GLOBAL_CAP


@pytest.mark.parametrize(
    ("cash", "amount", "code"),
    [(1000, 0, 0), (1000, -5, 0), (0, 5, 5), (-3, 0, 0), (-3, 5, 5), (1000, 1001, 1), (1000, 351, 2)],
)
def test_the_first_failing_check_names_the_refusal(cash: int, amount: int, code: int) -> None:
    ledger = new()
    ledger["cash"] = cash * USD
    assert reserve(ledger, 0, 0, amount * USD, *CAPS) == code
    assert ledger["reserved"] == 0


def test_codes_are_the_seeds() -> None:
    assert {r.name: int(r) for r in Reject} == {
        "OK": -1, "AMOUNT": 0, "CASH": 1, "STRATEGY_CAP": 2, "FAMILY_CAP": 3, "GLOBAL_CAP": 4, "EQUITY": 5,
    }  # fmt: skip


def test_a_reservation_leaves_equity_alone_and_a_settlement_books_the_profit() -> None:
    ledger = new()
    reserve(ledger, 0, 0, 100 * USD, *CAPS)
    assert (equity(ledger), ledger["cash"]) == (1000 * USD, 900 * USD)
    fill(ledger, 0, 0, 100 * USD, 80 * USD)
    assert (ledger["cash"], ledger["reserved"], ledger["positions"]) == (920 * USD, 0, 80 * USD)
    assert settle(ledger, 0, 0, 80 * USD, 150 * USD) == 70 * USD
    assert (equity(ledger), ledger["cash"], ledger["realized"]) == (1070 * USD, 1070 * USD, 70 * USD)
    assert balanced(ledger)


@pytest.mark.parametrize("field", ["cash", "reserved", "positions", "realized", "initial"])
def test_one_micro_dollar_out_of_place_unbalances_the_books(field: str) -> None:
    ledger = new()
    reserve(ledger, 0, 0, 100 * USD, *CAPS)
    ledger[field] += 1
    assert not balanced(ledger)


@pytest.mark.parametrize("field", ["by_strategy", "by_family"])
def test_the_splits_must_add_up(field: str) -> None:
    ledger = new()
    reserve(ledger, 0, 0, 100 * USD, *CAPS)
    ledger[field][3] += 1
    assert not balanced(ledger)


class AnyHistory(RuleBasedStateMachine):
    """Orders, fills and settlements in any order, over several strategies and families and any caps."""

    orders = Bundle("orders")
    positions = Bundle("positions")

    @initialize(cash=st.integers(1, 10**10), caps=st.tuples(st.floats(0.05, 1), st.floats(0.1, 1), st.floats(0.1, 1)))
    def start(self, cash: int, caps: tuple[float, float, float]) -> None:
        self.ledger = np.zeros(1, dtype=LEDGER_DTYPE)[0]
        open_ledger(self.ledger, cash)
        self.caps = caps

    @rule(
        target=orders,
        strategy=st.integers(0, MAX_STRATEGIES - 1),
        amount=st.integers(-5, 10**10),
        fits=st.booleans(),
    )
    def order(self, strategy: int, amount: int, fits: bool) -> tuple[int, int]:
        family = strategy % MAX_FAMILIES
        room = headroom(self.ledger, strategy, family, *self.caps)
        if fits:
            amount = min(amount, room)
        before = self.ledger.copy()
        code = reserve(self.ledger, strategy, family, amount, *self.caps)
        assert (code == Reject.OK) == (0 < amount <= room)
        if code != Reject.OK:
            assert self.ledger == before
            return strategy, 0
        total = equity(self.ledger)
        assert total == equity(before)
        assert self.ledger["by_strategy"][strategy] <= self.caps[0] * total
        assert self.ledger["by_family"][family] <= self.caps[1] * total
        assert self.ledger["reserved"] + self.ledger["positions"] <= self.caps[2] * total
        return strategy, amount

    @rule(target=positions, order=consumes(orders), part=st.floats(0, 1))
    def comes_back(self, order: tuple[int, int], part: float) -> tuple[int, int]:
        strategy, reserved = order
        spent = int(reserved * part)
        fill(self.ledger, strategy, strategy % MAX_FAMILIES, reserved, spent)
        return strategy, spent

    @rule(position=consumes(positions), pays=st.floats(0, 20))
    def ends(self, position: tuple[int, int], pays: float) -> None:
        strategy, cost = position
        before = equity(self.ledger)
        profit = settle(self.ledger, strategy, strategy % MAX_FAMILIES, cost, int(cost * pays))
        assert equity(self.ledger) == before + profit

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "ledger"):
            assert balanced(self.ledger)
            assert min(self.ledger["cash"], self.ledger["reserved"], self.ledger["positions"]) >= 0
            assert min(self.ledger["by_strategy"].min(), self.ledger["by_family"].min()) >= 0


AnyHistory.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyHistory = AnyHistory.TestCase
