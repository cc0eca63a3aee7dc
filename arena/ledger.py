"""The ledger: one transition function for the backtest and the live runner.

All amounts are integer micro-dollars, all quantities integer micro-shares, so the books balance
exactly. After every event

    ``cash + reserved + positions == initial + realized``

where ``reserved`` is money set aside for orders in flight and ``positions`` what open positions cost
(fees included). Both together are *committed*; caps bind on committed money, per strategy, per family
and overall, as shares of equity at cost.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from arena.jit import Record, jit

MAX_STRATEGIES = 32
MAX_FAMILIES = 16

LEDGER_DTYPE = np.dtype(
    [
        ("initial", np.int64),
        ("cash", np.int64),
        ("reserved", np.int64),
        ("positions", np.int64),
        ("realized", np.int64),
        ("by_strategy", np.int64, (MAX_STRATEGIES,)),
        ("by_family", np.int64, (MAX_FAMILIES,)),
    ]
)
"""Account balances; ``by_strategy`` and ``by_family`` split the committed money."""


class Reject(IntEnum):
    """Why a reservation was refused; numbers as in the seed."""

    OK = -1
    AMOUNT = 0
    CASH = 1
    STRATEGY_CAP = 2
    FAMILY_CAP = 3
    GLOBAL_CAP = 4
    EQUITY = 5


_OK = int(Reject.OK)
_AMOUNT = int(Reject.AMOUNT)
_CASH = int(Reject.CASH)
_STRATEGY_CAP = int(Reject.STRATEGY_CAP)
_FAMILY_CAP = int(Reject.FAMILY_CAP)
_GLOBAL_CAP = int(Reject.GLOBAL_CAP)
_EQUITY = int(Reject.EQUITY)


@jit
def open_ledger(ledger: Record, initial: int) -> None:
    """Start with ``initial`` micro-dollars of cash and nothing else."""
    ledger.initial = initial
    ledger.cash = initial
    ledger.reserved = 0
    ledger.positions = 0
    ledger.realized = 0
    ledger.by_strategy[:] = 0
    ledger.by_family[:] = 0


@jit
def equity(ledger: Record) -> int:
    """Cash plus committed money at cost, micro-dollars."""
    total: int = ledger.cash + ledger.reserved + ledger.positions
    return total


@jit
def headroom(
    ledger: Record, strategy: int, family: int, strategy_cap: float, family_cap: float, global_cap: float
) -> int:
    """Largest amount that :func:`reserve` would accept under the caps and the cash, micro-dollars."""
    total = equity(ledger)
    room = min(
        int(strategy_cap * total) - ledger.by_strategy[strategy],
        int(family_cap * total) - ledger.by_family[family],
        int(global_cap * total) - ledger.reserved - ledger.positions,
        ledger.cash,
    )
    return int(max(room, 0))


@jit
def reserve(
    ledger: Record,
    strategy: int,
    family: int,
    amount: int,
    strategy_cap: float,
    family_cap: float,
    global_cap: float,
) -> int:
    """Set ``amount`` aside for an order. Returns a :class:`Reject` code; the first failing check wins."""
    total = equity(ledger)
    if amount <= 0:
        return _AMOUNT
    if total <= 0:
        return _EQUITY
    if ledger.cash < amount:
        return _CASH
    if ledger.by_strategy[strategy] + amount > int(strategy_cap * total):
        return _STRATEGY_CAP
    if ledger.by_family[family] + amount > int(family_cap * total):
        return _FAMILY_CAP
    if ledger.reserved + ledger.positions + amount > int(global_cap * total):
        return _GLOBAL_CAP
    ledger.cash -= amount
    ledger.reserved += amount
    ledger.by_strategy[strategy] += amount
    ledger.by_family[family] += amount
    return _OK


@jit
def fill(ledger: Record, strategy: int, family: int, reserved: int, spent: int) -> None:
    """An order came back: of its ``reserved`` money ``spent`` (fee included) bought shares, the rest is cash again.

    ``spent`` 0 is an order that filled nothing. ``spent`` may not exceed ``reserved``.
    """
    back = reserved - spent
    ledger.reserved -= reserved
    ledger.positions += spent
    ledger.cash += back
    ledger.by_strategy[strategy] -= back
    ledger.by_family[family] -= back


@jit
def settle(ledger: Record, strategy: int, family: int, cost: int, payout: int) -> int:
    """A position that cost ``cost`` ended and paid ``payout``; returns the realised profit."""
    profit = payout - cost
    ledger.positions -= cost
    ledger.cash += payout
    ledger.realized += profit
    ledger.by_strategy[strategy] -= cost
    ledger.by_family[family] -= cost
    return profit


@jit
def balanced(ledger: Record) -> bool:
    """Whether the books balance and nothing is negative."""
    identity = ledger.cash + ledger.reserved + ledger.positions == ledger.initial + ledger.realized
    split = ledger.by_strategy.sum() == ledger.by_family.sum() == ledger.reserved + ledger.positions
    return bool(identity and split and min(ledger.cash, ledger.reserved, ledger.positions) >= 0)
