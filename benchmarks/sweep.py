"""A BTC_5M sweep over shared features, in configurations times decision ticks per second, and by brute force."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from arena.costs import cost_model
from arena.engine.execution import execution_model
from arena.engine.prepare import prepare
from arena.engine.replay import SETTLED
from arena.engine.run import replay_fixed, sweep
from arena.market.tape import Records
from benchmarks.lab import LabMarket, every_tick
from benchmarks.measure import timed
from benchmarks.rows import Row, Sizes
from research.grid import latin_hypercube

BUDGET = 1e9


def _returns(trades: Records) -> Records:
    bet = trades["status"] == SETTLED
    paid = np.where(bet, trades["notional"] + trades["fee"], 1)
    return np.where(bet, trades["payout"] / paid - 1.0, 0.0)


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """The sweep alone, with its feature pass, and a subset of it without the prefilter."""
    execution, costs = execution_model("latency"), cost_model("venue")
    base = lab.strategy.preset("corrected")
    grid = list(latin_hypercube(lab.strategy, base, sizes.configurations, np.random.default_rng(1)))
    jobs = os.cpu_count() or 1
    loosest = lab.strategy.loosest(grid)
    features, prepared = timed(lambda: prepare(lab.strategy, base.observe, loosest, lab.tapes, execution), sizes.runs)
    ours, table = timed(lambda: sweep(lab.strategy, prepared, grid, execution, costs, jobs=jobs), sizes.runs)
    work = len(grid) * prepared.n_ticks

    # Spread over the grid, so that the subset is as mixed as the whole.
    picked = np.linspace(0, len(grid) - 1, sizes.brute).astype(int)
    full = every_tick(lab.strategy, base.observe, loosest, lab.tapes, execution)
    subset = [grid[k] for k in picked]

    def brute_force() -> list[Records]:
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            return list(pool.map(lambda c: replay_fixed(full, c.decide, execution, costs), subset))

    brute, plain = timed(brute_force, sizes.runs)
    agrees = all(
        np.array_equal(np.where(trades["status"] == SETTLED, trades["won"], -1), table.won[:, k])
        and np.array_equal(_returns(trades), table.returns[:, k])
        for trades, k in zip(plain, picked, strict=True)
    )
    share = prepared.ticks.shape[0] / prepared.n_ticks
    both = ours.times(1.0 + features.median / ours.median)
    peer = f"brute force, no prefilter, {len(subset)} configurations"
    same = f"returns of {len(subset)} configurations in {full.windows.shape[0]} windows equal to the bit"
    what = f"{len(grid)} configurations x {prepared.n_ticks:,} ticks, {jobs} threads"
    rate = brute.rate(len(subset) * prepared.n_ticks)
    note = f"nominal: every decision tick counts; {share:.1%} of them are candidates; {int(table.bets.sum()):,} bets"
    return [
        Row("sweep", f"BTC_5M sweep, {what}", "config·ticks/s", ours.rate(work), peer, rate, False, same,
            agrees, BUDGET, note),
        Row(
            "sweep", "the same with the feature pass and candidate search (tapes built)", "config·ticks/s",
            both.rate(work), budget=BUDGET,
            note=f"feature pass {features.median:.2f} s on 1 core, sweep {ours.median:.2f} s",
        ),
    ]  # fmt: skip
