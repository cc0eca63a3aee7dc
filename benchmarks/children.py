"""What is measured in a process of its own: ``python -m benchmarks.children NAME ARGUMENTS`` prints one JSON line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from typing import Any

from benchmarks.measure import peak_growth, peak_mib


def sma_memory(bars: str, pairs: str) -> dict[str, Any]:
    """Peak growth of a moving-average sweep of that many pairs."""
    from arena.engine.bars import sweep_bars
    from benchmarks.sma import FEE, closes

    close = closes(int(bars))
    n = int(pairs)
    # Pairs are spread over the same range of windows, whatever their number.
    fast = [5 + i * 95 // max(n - 1, 1) for i in range(n)]
    slow = [110 + i * 490 // max(n - 1, 1) for i in range(n)]
    jobs = os.cpu_count() or 1
    sweep_bars(close[:1000], fast[:4], slow[:4], FEE, jobs=jobs)
    return {"mib": peak_growth(lambda: sweep_bars(close, fast, slow, FEE, jobs=jobs))}


def cscv_memory(rows: str, columns: str, blocks: str) -> dict[str, Any]:
    """Peak growth of CSCV by our kernel and by matrix products."""
    from arena.validation.cscv import overfitting
    from benchmarks.cscv import matrix, plain

    returns = matrix(int(rows), int(columns))
    jobs = os.cpu_count() or 1
    overfitting(returns[:64, :20], 4, threads=jobs)
    plain(returns[:64, :20], 4)
    ours = peak_growth(lambda: overfitting(returns, int(blocks), threads=jobs))
    return {"mib": ours, "plain_mib": peak_growth(lambda: plain(returns, int(blocks)))}


def spa_memory(rows: str, columns: str, draws: str) -> dict[str, Any]:
    """Peak growth of the tests for superior ability by our kernel and, where it is installed, by arch."""
    from benchmarks.cscv import matrix
    from benchmarks.spa import BLOCK, _ours, arch_test

    returns = matrix(int(rows), int(columns))
    _ours(returns[:64, :20], 20, BLOCK)
    grown = {"mib": peak_growth(lambda: _ours(returns, int(draws), BLOCK))}
    with suppress(ImportError):
        arch_test(returns[:64, :20], 20)
        grown["arch_mib"] = peak_growth(lambda: arch_test(returns, int(draws)))
    return grown


def tape_memory(catalog: str, days: str) -> dict[str, Any]:
    """Peak of a process that streams days of a catalog into the candidates of a 200-configuration grid.

    A catalog of fewer days is streamed over and over: its numbers then mean nothing, its memory does.
    """
    import numpy as np

    from arena.engine.execution import execution_model
    from arena.engine.prepare import Collector
    from arena.market.build import tapes
    from arena.market.catalog import Catalog
    from arena.market.windows import find_windows
    from arena.strategies import load
    from benchmarks.lab import MARKET
    from research.grid import latin_hypercube

    strategy = load("btc_5m")
    base = strategy.preset("corrected")
    grid = list(latin_hypercube(strategy, base, 200, np.random.default_rng(1)))
    data = Catalog.open(catalog)
    windows = find_windows(data, MARKET, None, None)

    collector = Collector(strategy, base.observe, strategy.loosest(grid), execution_model("latency"))
    wanted = int(days)
    while wanted > 0:
        for tape, note in tapes(data, MARKET, windows.head(wanted * 86_400 // MARKET.interval_s)):
            collector.add(tape, note)
            wanted -= 1
        collector._state = strategy.new_state()  # time starts over
    prepared = collector.prepared()
    kept = prepared.ticks.nbytes + prepared.signals.nbytes + sum(a.nbytes for a in prepared.arrivals)
    return {"mib": peak_mib(), "kept_mib": kept / 2**20}


def tape_of_coins(catalog: str, days: str) -> dict[str, Any]:
    """Seconds and peak of a process that builds the tapes of that many days of every coin of a catalog.

    A catalog of fewer days is built over and over.
    """
    import time

    from arena.market.build import tapes
    from arena.market.catalog import Catalog
    from arena.market.windows import Market, find_windows

    data = Catalog.open(catalog)
    markets = [Market(asset) for asset in data.assets("windows")]
    found = [find_windows(data, market, None, None) for market in markets]
    next(tapes(data, markets[0], found[0].head(12)))  # kernels are compiled or loaded
    ticks = 0
    began = time.perf_counter()
    for market, windows in zip(markets, found, strict=True):
        wanted = int(days)
        while wanted > 0:
            for tape, _ in tapes(data, market, windows.head(wanted * 86_400 // market.interval_s), recycle=1):
                ticks += tape.ticks.shape[0]
                wanted -= 1
    return {"seconds": time.perf_counter() - began, "mib": peak_mib(), "ticks": ticks, "coins": len(markets)}


def main_job_memory(folder: str) -> dict[str, Any]:
    """Peak of a process that runs the main job in ``folder``."""
    from research.cli.backtest import main

    os.chdir(folder)
    sys.argv = ["arena-backtest", "btc_5m", "--walk-forward", "--no-track", "--json"]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), suppress(SystemExit):
        main()
    return {"mib": peak_mib()}


_CHILDREN: dict[str, Callable[..., dict[str, Any]]] = {
    "sma_memory": sma_memory,
    "cscv_memory": cscv_memory,
    "spa_memory": spa_memory,
    "tape_memory": tape_memory,
    "tape_of_coins": tape_of_coins,
    "main_job_memory": main_job_memory,
}

if __name__ == "__main__":
    print(json.dumps(_CHILDREN[sys.argv[1]](*sys.argv[2:])))
