"""One researcher's market: generated in memory, prepared in one pass, swept once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from arena.causality import Frames, check
from arena.engine.prepare import Prepared
from arena.engine.run import Sweep
from arena.lab.config import LabConfig
from arena.lab.generate import generate
from research.experiment import Experiment
from research.plan import Plan, plan, windows_of
from research.record import Recorder, settings
from research.run import Progress, prepare, sweep_grid
from research.study.settings import Settings
from research.trials.ledger import TrialLedger


@dataclass(frozen=True, slots=True)
class LabMarket:
    """A generated market with the whole grid swept over it.

    ``name`` says what it is, ``windows`` are its rows as read, and ``table`` holds the outcome of every
    configuration of ``todo.grid`` in every window.
    """

    name: str
    todo: Plan
    data: Frames
    windows: pl.DataFrame
    prepared: Prepared
    table: Sweep

    @property
    def stake_fraction(self) -> float:
        """Share of the account per bet of the base configuration."""
        fraction: float = self.todo.configurations[self.todo.base].account.position_pct / 100.0
        return fraction


def open_market(experiment: Experiment) -> LabMarket:
    """Generate, prepare and sweep the lab market that an experiment names."""
    name, data = _generate(experiment)
    todo = plan(experiment, walk_forward=True)
    windows = windows_of(todo, data)
    prepared = prepare(todo, data, windows, Progress())[todo.base]
    return LabMarket(name, todo, data, windows, prepared, sweep_grid(todo, prepared, Progress(), 1))


def part_of(table: Sweep, rows: slice, columns: slice) -> Sweep:
    """Some windows and configurations of a sweep."""
    at = rows, columns
    return Sweep(table.returns[at], table.cost[at], table.probability[at], table.mid[at], table.won[at])


def plan_of(todo: Plan, numbers: slice, **changes: object) -> Plan:
    """The plan of a researcher who tries those configurations of the grid alone; ``changes`` are to the experiment."""
    grid = todo.grid[numbers]
    size = todo.experiment.grid.model_copy(update={"size": len(grid)})
    return replace(todo, grid=grid, experiment=todo.experiment.model_copy(update={"grid": size, **changes}))


def enter(ledger: TrialLedger, todo: Plan, name: str, windows: pl.DataFrame, table: Sweep) -> Recorder:
    """Enter the grid of ``todo`` and its outcomes in ``windows`` of market ``name``."""
    recorder = Recorder(ledger, todo, name, {"lab": name}, windows)
    with recorder.look("walk-forward", settings(todo.grid)) as entry:
        entry.finish(table.returns, table.bets, windows["open_ns"].to_numpy())
    return recorder


@contextmanager
def fresh_ledger() -> Iterator[TrialLedger]:
    """A ledger of one researcher, gone with him."""
    with tempfile.TemporaryDirectory(prefix="arena-study-") as folder:
        yield TrialLedger(Path(folder) / "trials.db")


def proven_causal(study: Settings) -> bool:
    """Truncation and scramble check of the base configuration on an hour of the study's first market.

    Once per study: whether decisions can depend on the future is a property of the strategy, not of a market.
    """
    task = study.tasks(1)[0]
    experiment = study.experiment(task)
    lab = experiment.data.lab.model_copy(update={"days": 1})
    experiment = experiment.model_copy(update={"data": experiment.data.model_copy(update={"lab": lab})})
    _, data = _generate(experiment)
    todo = plan(experiment, walk_forward=False)
    hour = windows_of(todo, data).head(max(2, 3600 // todo.market.interval_s))
    rng = np.random.default_rng([experiment.seed, 4])
    return check(todo.strategy, data, todo.market, hour, todo.configurations[todo.base], rng=rng, cuts=4).passed


def _generate(experiment: Experiment) -> tuple[str, Frames]:
    lab = experiment.data.lab
    config = LabConfig(mode=lab.mode, days=lab.days, seed=lab.seed, lag_ms=lab.lag_ms)
    return config.name, Frames(dict(generate(config).items()))
