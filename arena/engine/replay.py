"""The event loop: candidate ticks in, trades and a balanced ledger out. One compiled function does all replays.

A replay visits decision ticks in order. Between ticks it lets orders arrive and windows settle at
their own times, so money committed to one window is not free for the next until the venue has paid.
Nothing is ever released at zero: an order either buys shares or returns its money, and every position
ends in the payout of its window.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.costs import CostModel, entry_cost_per_share
from arena.engine.execution import ExecutionModel, charge, take_levels
from arena.jit import jit
from arena.ledger import LEDGER_DTYPE, balanced, fill, headroom, open_ledger, reserve, settle
from arena.market.tape import F8, I8, Records
from arena.sizing import ALLOCATOR_DTYPE, Account, allocator_multiplier, allocator_update, bet_size
from arena.strategies.base import decide
from arena.units import MICRO

_FOREVER = np.iinfo(np.int64).max

IDLE, IN_FLIGHT, OPEN, SETTLED = 0, 1, 2, 3

TRADE_DTYPE = np.dtype(
    [
        ("status", np.int8),
        ("side", np.int8),
        ("attempts", np.int32),
        ("decision_ns", np.int64),
        ("fill_ns", np.int64),
        ("settle_ns", np.int64),
        ("decision_ask", np.float64),
        ("decision_mid", np.float64),
        ("probability", np.float64),
        ("expected_return", np.float64),
        ("wanted", np.int64),
        ("shares", np.int64),
        ("notional", np.int64),
        ("fee", np.int64),
        ("payout", np.int64),
        ("won", np.int8),
        ("multiplier", np.float64),
    ]
)
"""One record per window. ``side`` is 1 UP, 0 DOWN; ``wanted`` and ``shares`` are micro-shares; ``notional``,
``fee`` and ``payout`` micro-dollars; prices USD per share; ``attempts`` counts orders sent."""

CURSOR_DTYPE = np.dtype(
    [
        ("flight", np.int64),
        ("window", np.int64),
        ("arrival_ns", np.int64),
        ("reserved", np.int64),
        ("next_ns", np.int64),
        ("oldest", np.int64),
        ("newest", np.int64),
        ("unbalanced", np.int64),
        ("unfilled", np.int64),
        ("partial", np.int64),
        ("rejects", np.int64, (8,)),
    ]
)
"""Where a replay stands between two calls, and its counters. Nothing can happen before ``next_ns``.
``rejects[k]`` counts reject code ``k - 1``;
``rejects[7]`` counts bets under the minimum size."""

N_REASONS = 32


class Arrivals(NamedTuple):
    """The venue's book that an order sent at each candidate tick would meet.

    ``row[i]`` indexes the level arrays, -1 = no book (or the window had closed). Levels are padded
    with NaN prices: shape (n_rows, n_levels), USD per share and shares.
    """

    row: I8
    up_ask: F8
    up_ask_size: F8
    down_ask: F8
    down_ask_size: F8


class AccountBooks(NamedTuple):
    """Everything a replay changes: pass the same one to consecutive calls to continue where it stood."""

    ledger: npt.NDArray[Any]
    allocator: npt.NDArray[Any]
    cursor: npt.NDArray[Any]
    trades: npt.NDArray[Any]
    reasons: I8


def new_books(n_windows: int, bankroll_usd: float) -> AccountBooks:
    """A fresh account with ``bankroll_usd`` dollars of cash and room for ``n_windows`` trades."""
    ledger = np.zeros(1, dtype=LEDGER_DTYPE)
    open_ledger(ledger[0], round(bankroll_usd * MICRO))
    cursor = np.zeros(1, dtype=CURSOR_DTYPE)
    cursor["flight"] = -1
    cursor["next_ns"] = _FOREVER
    return AccountBooks(
        ledger=ledger,
        allocator=np.zeros(1, dtype=ALLOCATOR_DTYPE),
        cursor=cursor,
        trades=np.zeros(n_windows, dtype=TRADE_DTYPE),
        reasons=np.zeros(N_REASONS, dtype=np.int64),
    )


@jit
def _settle(
    books: AccountBooks, windows: Records, w: int, account: Account, with_ledger: bool, strategy: int, family: int
) -> None:
    """The window's outcome is out: a winning share pays one dollar, a losing one nothing."""
    trade = books.trades[w]
    trade.won = 1 if trade.side == windows[w].outcome else 0
    trade.payout = trade.shares if trade.won == 1 else 0
    trade.settle_ns = windows[w].settle_ns
    trade.status = SETTLED
    if with_ledger:
        cost = trade.notional + trade.fee
        profit = settle(books.ledger[0], strategy, family, cost, trade.payout)
        allocator_update(books.allocator[0], profit / trade.notional, account.ema_alpha)
        if not balanced(books.ledger[0]):
            books.cursor[0].unbalanced += 1


@jit
def _arrive(
    books: AccountBooks,
    windows: Records,
    arrivals: Arrivals,
    execution: ExecutionModel,
    costs: CostModel,
    account: Account,
    with_ledger: bool,
    strategy: int,
    family: int,
) -> None:
    """The order in flight reaches the venue: buy what is there, return the rest of the money."""
    cursor = books.cursor[0]
    w = cursor.window
    trade = books.trades[w]
    rate, exponent = windows[w].fee_rate, windows[w].fee_exponent
    filled, notional, fee = 0, 0, 0
    if execution.meets_book == 0:
        filled = trade.wanted
        notional, fee = charge(filled, trade.decision_ask, rate, exponent, costs)
    else:
        row = arrivals.row[cursor.flight]
        if row >= 0:
            if trade.side == 1:
                px, size = arrivals.up_ask[row], arrivals.up_ask_size[row]
            else:
                px, size = arrivals.down_ask[row], arrivals.down_ask_size[row]
            filled, notional, fee = take_levels(px, size, trade.decision_ask, trade.wanted, rate, exponent, costs)
    trade.shares = filled
    trade.notional = notional
    trade.fee = fee
    trade.fill_ns = cursor.arrival_ns
    trade.status = OPEN if filled > 0 else IDLE
    if filled == 0:
        cursor.unfilled += 1
    elif filled < trade.wanted:
        cursor.partial += 1
    if with_ledger:
        fill(books.ledger[0], strategy, family, cursor.reserved, notional + fee)
        if not balanced(books.ledger[0]):
            cursor.unbalanced += 1
    elif filled > 0:
        # Without a ledger no money is shared between windows, so the payout need not wait its turn.
        _settle(books, windows, w, account, with_ledger, strategy, family)
    cursor.flight = -1


@jit
def _advance(
    until_ns: int,
    books: AccountBooks,
    windows: Records,
    arrivals: Arrivals,
    execution: ExecutionModel,
    costs: CostModel,
    account: Account,
    with_ledger: bool,
    strategy: int,
    family: int,
) -> None:
    """Let every arrival and settlement up to ``until_ns`` happen, in order of time."""
    cursor = books.cursor[0]
    while True:
        due = -1
        when = until_ns
        for w in range(cursor.oldest, cursor.newest):
            if (
                books.trades[w].status == OPEN
                and windows[w].settle_ns <= when
                and (due < 0 or windows[w].settle_ns < when)
            ):
                due = w
                when = windows[w].settle_ns
        if cursor.flight >= 0 and cursor.arrival_ns <= when:
            _arrive(books, windows, arrivals, execution, costs, account, with_ledger, strategy, family)
        elif due >= 0:
            _settle(books, windows, due, account, with_ledger, strategy, family)
            while cursor.oldest < cursor.newest and books.trades[cursor.oldest].status in (IDLE, SETTLED):
                cursor.oldest += 1
        else:
            break
    cursor.next_ns = cursor.arrival_ns if cursor.flight >= 0 else _FOREVER
    for w in range(cursor.oldest, cursor.newest):
        if books.trades[w].status == OPEN:
            cursor.next_ns = min(cursor.next_ns, windows[w].settle_ns)


@jit
def _stake(books: AccountBooks, account: Account, strategy: int, family: int) -> tuple[int, float]:
    """Size and reserve the next bet: micro-dollars (0 = refused, and counted why) and the multiplier behind it."""
    ledger = books.ledger[0]
    cursor = books.cursor[0]
    multiplier = 1.0
    if account.allocator > 0.0:
        multiplier = allocator_multiplier(books.allocator[0], account.multiplier_cap)
    room = headroom(ledger, strategy, family, account.strategy_cap, account.family_cap, account.global_cap)
    stake = bet_size(ledger.cash, room, multiplier, account)
    if stake == 0:
        cursor.rejects[7] += 1
        return 0, multiplier
    code = reserve(ledger, strategy, family, stake, account.strategy_cap, account.family_cap, account.global_cap)
    if code >= 0:
        cursor.rejects[code + 1] += 1
        return 0, multiplier
    if not balanced(ledger):
        cursor.unbalanced += 1
    return stake, multiplier


@jit
def replay(
    ticks: Records,
    windows: Records,
    signals: Records,
    arrivals: Arrivals,
    first: I8,
    begin: int,
    end: int,
    params: Any,
    execution: ExecutionModel,
    costs: CostModel,
    account: Account,
    fixed_stake: int,
    every_tick: bool,
    strategy: int,
    family: int,
    books: AccountBooks,
) -> None:
    """Replay ticks ``begin:end`` into ``books``.

    Args:
        ticks, signals, arrivals: candidate ticks, their signals, and the book an order from each would meet.
        windows: the markets; ``first[w]:first[w + 1]`` are the candidate ticks of window ``w``.
        params: gate parameters; their type chooses the strategy.
        fixed_stake: micro-dollars per bet; 0 sizes bets from the ledger by ``account``.
        every_tick: ask the gates at every tick (for the funnel), also while a position is open.
        strategy, family: rows of the ledger's split.
        books: state; trades are written at their window's index.
    """
    cursor = books.cursor[0]
    with_ledger = fixed_stake == 0
    i = begin
    while i < end:
        tick = ticks[i]
        ts = tick.ts_ns
        w = tick.window
        if ts >= cursor.next_ns:
            _advance(ts, books, windows, arrivals, execution, costs, account, with_ledger, strategy, family)
        held = 0
        if w >= 0 and (cursor.flight >= 0 or books.trades[w].status != IDLE):
            held = 1
            if not every_tick and books.trades[w].status >= OPEN:
                i = max(first[w + 1], i + 1)
                continue
        intent = decide(signals[i], tick, held, params)
        if every_tick:
            books.reasons[intent.reason] += 1
        if intent.action != 0 and w >= 0 and windows[w].outcome >= 0:
            stake = fixed_stake
            multiplier = 1.0
            if with_ledger:
                stake, multiplier = _stake(books, account, strategy, family)
            if stake > 0:
                worst = entry_cost_per_share(intent.limit_price, windows[w].fee_rate, windows[w].fee_exponent, costs)
                trade = books.trades[w]
                # Every level it may buy rounds its charge up by less than ten micro-dollars.
                trade.wanted = int((stake - 10 * (1 + arrivals.up_ask.shape[1])) / worst)
                trade.status = IN_FLIGHT
                trade.side = 1 if intent.action == 1 else 0
                trade.attempts += 1
                trade.decision_ns = ts
                trade.decision_ask = intent.limit_price
                trade.decision_mid = 0.5 * (
                    tick.up_bid + tick.up_ask if intent.action == 1 else tick.down_bid + tick.down_ask
                )
                trade.probability = intent.probability
                trade.expected_return = intent.expected_return
                trade.multiplier = multiplier
                cursor.flight = i
                cursor.window = w
                cursor.reserved = stake
                cursor.arrival_ns = ts + execution.network_ns + execution.delay_weight * windows[w].delay_ns
                cursor.oldest = min(cursor.oldest, w) if with_ledger else w
                cursor.newest = max(cursor.newest, w + 1)
                cursor.next_ns = min(cursor.next_ns, cursor.arrival_ns)
                if execution.meets_book == 0:
                    # A naive fill is immediate: the next tick may already not order again.
                    _advance(ts, books, windows, arrivals, execution, costs, account, with_ledger, strategy, family)
        i += 1


@jit
def finish(
    books: AccountBooks,
    windows: Records,
    arrivals: Arrivals,
    execution: ExecutionModel,
    costs: CostModel,
    account: Account,
    with_ledger: bool,
    strategy: int,
    family: int,
) -> None:
    """Let everything still open arrive and settle at its own time."""
    _advance(_FOREVER, books, windows, arrivals, execution, costs, account, with_ledger, strategy, family)
