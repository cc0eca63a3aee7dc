"""One account simulated through every tick of a day: latency, displayed size, fees, ledger; nothing prefiltered."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from arena.costs import cost_model
from arena.engine.execution import execution_model
from arena.engine.prepare import prepare
from arena.engine.replay import finish, new_books, replay
from arena.engine.run import run_account
from benchmarks.lab import LabMarket, every_tick
from benchmarks.measure import Figure, timed
from benchmarks.rows import Row, Sizes

BUDGET = 50e6
_STATED_HFTBACKTEST = Figure(13.5e6, 10.9e6, 16.1e6)
_COMPARED = ("side", "decision_ns", "fill_ns", "settle_ns", "wanted", "shares", "notional", "fee", "payout")


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Ticks per second of the simulation alone, and with the feature pass before it."""
    execution, costs = execution_model("latency"), cost_model("venue")
    configuration = lab.strategy.preset("corrected")
    day = lab.tapes[:1]
    full = every_tick(lab.strategy, configuration.observe, configuration.decide, day, execution)
    n = full.ticks.shape[0]

    def simulate(gates_always: bool) -> Any:
        books = new_books(full.windows.shape[0], configuration.account.bankroll_usd)
        replay(
            full.ticks, full.windows, full.signals, full.arrivals, full.first, 0, n,
            configuration.decide, execution, costs, configuration.account, 0, gates_always, 0, 0, books,
        )  # fmt: skip
        finish(books, full.windows, full.arrivals, execution, costs, configuration.account, True, 0, 0)
        return books

    ours, books = timed(lambda: simulate(True), sizes.runs + 4)
    skipping, skipped = timed(lambda: simulate(False), sizes.runs + 4)
    usual = prepare(lab.strategy, configuration.observe, configuration.decide, day, execution)
    account = run_account(usual, [(0, usual.windows.shape[0], configuration)], execution, costs, configuration.account)
    settled = [b.trades[account.window] for b in (books, skipped)]
    agrees = all(np.array_equal(trades[f], account.trades[f]) for trades in settled for f in _COMPARED)
    agrees &= all(int((b.trades["shares"] > 0).sum()) == account.trades.shape[0] > 0 for b in (books, skipped))
    same = f"{account.trades.shape[0]} trades, every field equal to those from the candidate ticks alone"
    peer = "hftbacktest (L2 rows with queue model)"
    return [
        Row(
            "replay", f"replay of every tick, gates asked at each, {n:,} ticks, 1 core", "ticks/s", ours.rate(n),
            peer, _STATED_HFTBACKTEST, True, same, agrees, BUDGET,
            "not the same work: the peer keeps a full book and queues, we take from the top of recorded books",
        ),
        Row(
            "replay", "the same, leaving a window once it holds a position", "ticks/s", skipping.rate(n),
            peer, _STATED_HFTBACKTEST, True, same, agrees, note=f"{os.cpu_count()} cores, one used",
        ),
    ]  # fmt: skip
