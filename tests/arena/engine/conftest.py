"""A slice of the lab small enough for plain Python, with and without depth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from arena.causality import Frames, run_strategy
from arena.engine.execution import ExecutionModel, execution_model
from arena.engine.prepare import Collector, Prepared, prepare
from arena.lab.tables import LabTables
from arena.market.build import build_tape, tapes
from arena.market.tape import Tape
from arena.market.windows import Market, TapeNotes, find_windows
from arena.strategies import load
from arena.strategies.base import Configuration, Strategy

LATENCY = execution_model("latency")
TOUCH = execution_model("touch")


class Slice(NamedTuple):
    """One tape, what the tape says about itself, and the decisions of each preset at every tick."""

    tape: Tape
    notes: TapeNotes
    strategy: Strategy
    decisions: dict[str, Any]
    signals: dict[str, Any]

    def prepared(self, configurations: list[Configuration], execution: ExecutionModel) -> Prepared:
        """Prepared for the given configurations, which share their features."""
        loosest = self.strategy.loosest(configurations)
        return prepare(self.strategy, configurations[0].observe, loosest, [(self.tape, self.notes)], execution)

    def decide(self, configuration: Configuration) -> Any:
        """Flat decisions of any configuration at every tick."""
        return run_strategy(self.strategy, configuration, [self.tape.ticks])[1]


def cut(lab: LabTables, first: int, n: int) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Some windows of the lab and the rows around them."""
    rows = lab.windows.sort("open_ns")[first : first + n]
    begin, end = int(rows["open_ns"][0]) - 700 * 10**9, int(rows["close_ns"][-1]) + 60 * 10**9
    near = pl.col("recv_ns").is_between(begin, end)
    return {k: f.filter(near) for k, f in lab.items() if k in ("binary_quotes", "spot", "oracle")}, rows


def with_depth(quotes: pl.DataFrame, seed: int = 4) -> pl.DataFrame:
    """Three ask levels per side, a few shares each, so that orders walk the book and often end half filled."""
    rng = np.random.default_rng(seed)
    columns = []
    for side in ("up", "down"):
        ask = pl.col(f"{side}_ask")
        sizes = [pl.Series(np.round(rng.lognormal(3.0, 1.0, quotes.height), 2)) for _ in range(3)]
        missing = ask.is_null()
        px = pl.concat_list(ask, (ask + 0.01).round(4), (ask + 0.02).round(4))
        columns += [
            pl.when(missing).then(None).otherwise(px).alias(f"{side}_asks_px"),
            pl.when(missing).then(None).otherwise(pl.concat_list(*sizes)).alias(f"{side}_asks_sz"),
            pl.when(missing).then(None).otherwise(sizes[0]).alias(f"{side}_ask_size"),
        ]
    return quotes.with_columns(*columns)


def make_slice(frames: dict[str, pl.DataFrame], rows: pl.DataFrame) -> Slice:
    """Build the tape and run every preset over it."""
    tape, notes = build_tape(Frames(frames), Market(), rows)
    strategy = load("BTC_5M")
    ran = {name: run_strategy(strategy, strategy.preset(name), [tape.ticks]) for name in strategy.presets}
    return Slice(tape, notes, strategy, {k: v[1] for k, v in ran.items()}, {k: v[0] for k, v in ran.items()})


@pytest.fixture(scope="session")
def some_hours(lab: LabTables) -> Slice:
    """Four hours of the lab, top of book."""
    return make_slice(*cut(lab, 160, 48))


@pytest.fixture(scope="session")
def deep_hours(lab: LabTables) -> Slice:
    """The same hours with three thin ask levels."""
    frames, rows = cut(lab, 160, 48)
    return make_slice(frames | {"binary_quotes": with_depth(frames["binary_quotes"])}, rows)


@pytest.fixture(scope="session")
def two_days(lab: LabTables) -> dict[str, Prepared]:
    """Both days, one prepared set per preset, latency."""
    data = Frames(dict(lab.items()))
    strategy = load("BTC_5M")
    rows = find_windows(data, Market(), None, None)
    collectors = {name: Collector(strategy, c.observe, c.decide, LATENCY) for name, c in strategy.presets.items()}
    for tape, notes in tapes(data, Market(), rows):
        for collector in collectors.values():
            collector.add(tape, notes)
    return {name: collector.prepared() for name, collector in collectors.items()}
