"""The lab market all benchmarks share, generated once per run in a temporary folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from arena.engine.execution import ExecutionModel
from arena.engine.prepare import Prepared, arrival_rows, met, observe_tape, prepare
from arena.lab.config import LabConfig
from arena.market.build import tapes
from arena.market.catalog import Catalog
from arena.market.tape import CANDIDATE_DTYPE, Books, Tape
from arena.market.windows import Market, TapeNotes, find_windows
from arena.strategies import load
from arena.strategies.base import Strategy
from research.lab_store import lab_catalog

MARKET = Market()


class LabMarket:
    """Lab catalogs, and the tapes of the shared one, under ``folder``."""

    def __init__(self, folder: Path, days: int) -> None:
        self.folder = folder
        self.days = days

    def catalog(self, days: int) -> Catalog:
        """The lab catalog of ``days`` days."""
        return lab_catalog(LabConfig(days=days), self.folder)

    @cached_property
    def tapes(self) -> list[tuple[Tape, TapeNotes]]:
        """All tapes of the shared market, held in memory."""
        catalog = self.catalog(self.days)
        return list(tapes(catalog, MARKET, find_windows(catalog, MARKET, None, None)))

    @cached_property
    def strategy(self) -> Strategy:
        """BTC_5M."""
        return load("btc_5m")


def every_tick(
    strategy: Strategy, observe_params: Any, loosest: Any, days: list[tuple[Tape, TapeNotes]], execution: ExecutionModel
) -> Prepared:
    """Like :func:`arena.engine.prepare.prepare`, but every tick of a window is a candidate: nothing is skipped."""
    usual = prepare(strategy, observe_params, loosest, days, execution)
    state = strategy.new_state()
    ticks, signals, rows, shift_window, shift_row = [], [], [], 0, 0
    for tape, _ in days:
        seen = np.zeros(tape.ticks.shape[0], dtype=strategy.signal_dtype)
        observe_tape(tape.ticks, state, observe_params, seen)
        inside = tape.ticks["window"] >= 0
        part = np.empty(int(inside.sum()), dtype=CANDIDATE_DTYPE)
        for name in CANDIDATE_DTYPE.names or ():
            part[name] = tape.ticks[name][inside]
        row = arrival_rows(part, tape.windows, tape.books, execution)
        part["window"] += shift_window
        rows.append(np.where(row >= 0, row + shift_row, -1))
        ticks.append(part)
        signals.append(seen[inside])
        shift_window += tape.windows.shape[0]
        shift_row += tape.books.event_ns.shape[0]
    books = Books(*(np.concatenate([getattr(tape.books, name) for tape, _ in days]) for name in Books._fields))
    joined = np.concatenate(ticks)
    return Prepared(
        ticks=joined,
        signals=np.concatenate(signals),
        arrivals=met(books, np.concatenate(rows)),
        first=np.searchsorted(joined["window"], np.arange(usual.windows.shape[0] + 1)).astype(np.int64),
        windows=usual.windows,
        market_ids=usual.market_ids,
        marks=usual.marks,
        sample=usual.sample,
        funnel={},
        n_ticks=usual.n_ticks,
        notes=usual.notes,
    )
