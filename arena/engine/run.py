"""Replays as a caller wants them: one account through a schedule of configurations, or a sweep of many.

A sweep bets the same stake at every entry and returns one row per window; an account compounds,
respects its caps, and waits for the venue to pay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.costs import CostModel
from arena.engine.execution import ExecutionModel
from arena.engine.narrow import branches
from arena.engine.prepare import MARK_STEP_NS, Prepared
from arena.engine.replay import SETTLED, AccountBooks, finish, new_books, replay
from arena.market.tape import F8, I1, I8
from arena.sizing import Account
from arena.strategies.base import Configuration, Strategy
from arena.units import MICRO

_AHEAD = 16

SWEEP_STAKE_USD = 35.0
"""Stake of every bet in a sweep: 3.5 % of the seed's $1,000 bankroll."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Outcomes of every configuration in every window; arrays of shape (n_windows, n_configurations).

    Attributes:
        returns: net profit per dollar at risk (price plus cost), 0 where no bet was made.
        cost: what a share cost, fee included, USD; NaN where no bet was made. It is the break-even
            win probability.
        probability: the model's probability for the side bought; NaN where no bet was made.
        mid: mid of the side bought when the order was decided, USD; NaN where no bet was made.
        won: 1 won, 0 lost, -1 no bet.
    """

    returns: F8
    cost: F8
    probability: F8
    mid: F8
    won: I1

    @property
    def bets(self) -> npt.NDArray[np.int64]:
        """Number of bets per configuration."""
        count: npt.NDArray[np.int64] = (self.won >= 0).sum(axis=0)
        return count


@dataclass(frozen=True, slots=True)
class AccountRun:
    """One account replayed over a span.

    ``trades`` are the settled records of :data:`arena.engine.replay.TRADE_DTYPE`, one per window that
    was bet on, with their window in ``window``. ``rejects[k]`` counts reject code ``k - 1`` and
    ``rejects[7]`` bets under the minimum size. ``unbalanced`` counts events after which the books did
    not balance: anything but 0 is a defect.
    """

    trades: npt.NDArray[Any]
    window: I8
    initial: int
    ledger: npt.NDArray[Any]
    unfilled: int
    partial: int
    rejects: I8
    unbalanced: int

    @property
    def pnl(self) -> I8:
        """Net profit of each trade, micro-dollars."""
        profit: I8 = self.trades["payout"] - self.trades["notional"] - self.trades["fee"]
        return profit


def run_account(
    prepared: Prepared,
    schedule: Sequence[tuple[int, int, Configuration | None]],
    execution: ExecutionModel,
    costs: CostModel,
    account: Account,
) -> AccountRun:
    """Replay one account through ``schedule``: (first window, end window, configuration or None to sit out)."""
    books = new_books(prepared.windows.shape[0], account.bankroll_usd)
    p = prepared
    for begin, end, configuration in schedule:
        if configuration is None:
            continue
        replay(
            p.ticks, p.windows, p.signals, p.arrivals, p.first, p.first[begin], p.first[end],
            configuration.decide, execution, costs, account, 0, False, 0, 0, books,
        )  # fmt: skip
    finish(books, p.windows, p.arrivals, execution, costs, account, True, 0, 0)
    return _account_run(books)


def _account_run(books: AccountBooks) -> AccountRun:
    window = np.flatnonzero(books.trades["status"] == SETTLED)
    cursor = books.cursor[0]
    return AccountRun(
        trades=books.trades[window],
        window=window,
        initial=int(books.ledger[0]["initial"]),
        ledger=books.ledger,
        unfilled=int(cursor["unfilled"]),
        partial=int(cursor["partial"]),
        rejects=cursor["rejects"].copy(),
        unbalanced=int(cursor["unbalanced"]),
    )


def replay_fixed(
    prepared: Prepared,
    params: Any,
    execution: ExecutionModel,
    costs: CostModel,
    stake_usd: float = SWEEP_STAKE_USD,
) -> npt.NDArray[Any]:
    """One trade record per window, betting ``stake_usd`` at every entry."""
    p = prepared
    books = new_books(p.windows.shape[0], stake_usd)
    account = Account()
    replay(
        p.ticks, p.windows, p.signals, p.arrivals, p.first, 0, p.first[-1],
        params, execution, costs, account, round(stake_usd * MICRO), False, 0, 0, books,
    )  # fmt: skip
    finish(books, p.windows, p.arrivals, execution, costs, account, False, 0, 0)
    return books.trades


def sweep(
    strategy: Strategy,
    prepared: Prepared,
    configurations: Sequence[Configuration],
    execution: ExecutionModel,
    costs: CostModel,
    *,
    jobs: int = 1,
    on_done: Callable[[], None] | None = None,
) -> Sweep:
    """Replay every configuration over the same candidates. The result does not depend on ``jobs``, the threads used."""
    shape = (prepared.windows.shape[0], len(configurations))
    returns = np.zeros(shape)
    cost = np.full(shape, np.nan)
    probability = np.full(shape, np.nan)
    mid = np.full(shape, np.nan)
    won = np.full(shape, -1, dtype=np.int8)

    def one(part: Prepared, c: int) -> None:
        trades = replay_fixed(part, configurations[c].decide, execution, costs)
        bet = trades["status"] == SETTLED
        paid = (trades["notional"] + trades["fee"])[bet]
        returns[bet, c] = trades["payout"][bet] / paid - 1.0
        cost[bet, c] = paid / trades["shares"][bet]
        probability[bet, c] = trades["probability"][bet]
        mid[bet, c] = trades["decision_mid"][bet]
        won[bet, c] = trades["won"][bet]
        if on_done is not None:
            on_done()

    pool = ThreadPoolExecutor(max_workers=max(1, jobs))
    try:
        waiting: list[Future[None]] = []
        for part, group in branches(strategy, prepared, configurations):
            # A few groups ahead keep every thread busy without holding all their candidates at once.
            while len(waiting) > _AHEAD * max(1, jobs):
                waiting.pop(0).result()
            waiting += [pool.submit(one, part, int(c)) for c in group]
        for future in waiting:
            future.result()
    finally:
        # An interrupt must not wait for the configurations that have not begun.
        pool.shutdown(cancel_futures=True)
    return Sweep(returns, cost, probability, mid, won)


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """Marked equity on a 10 s grid (only where it can change), and its drawdown.

    ``ts_ns`` ns UTC, ``equity_usd`` cash + reserved + positions at the executable bid, USD;
    ``drawdown`` fraction below the running peak, 0 or negative.
    """

    ts_ns: I8
    equity_usd: F8
    drawdown: F8


def equity_curve(prepared: Prepared, run: AccountRun) -> EquityCurve:
    """Mark the account through time: at the executable bid while a window lives, at the last such bid until it pays."""
    windows = prepared.windows
    start = int(windows["open_ns"][0])
    stop = int(windows["settle_ns"].max())
    grid = np.arange(start, stop + 2 * MARK_STEP_NS, MARK_STEP_NS, dtype=np.int64)
    equity = np.zeros(grid.shape[0])
    cash = np.zeros(grid.shape[0] + 1)
    trades = run.trades
    paid = (trades["notional"] + trades["fee"]) / MICRO
    bought_at = np.searchsorted(grid, trades["fill_ns"], side="left")
    paid_at = np.searchsorted(grid, trades["settle_ns"], side="left")
    np.add.at(cash, bought_at, -paid)
    np.add.at(cash, paid_at, trades["payout"] / MICRO)
    for k in range(trades.shape[0]):
        w = run.window[k]
        cells = np.arange(bought_at[k], paid_at[k])
        step = np.clip((grid[cells] - windows["open_ns"][w]) // MARK_STEP_NS, 0, _last_mark(windows, w))
        bid = prepared.marks[w, step, trades["side"][k]]
        equity[cells] += bid * (trades["shares"][k] / MICRO)
    equity += run.initial / MICRO + np.cumsum(cash[:-1])
    peak = np.maximum.accumulate(equity)
    drawdown = equity / peak - 1.0
    changed = np.ones(grid.shape[0], dtype=np.bool_)
    changed[1:-1] = (np.diff(equity)[:-1] != 0.0) | (np.diff(equity)[1:] != 0.0)
    return EquityCurve(grid[changed], equity[changed], drawdown[changed])


def _last_mark(windows: Any, w: int) -> int:
    return int((windows["close_ns"][w] - windows["open_ns"][w]) // MARK_STEP_NS) - 1
