"""What a run will do, with every default filled in and every name resolved, before any data is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from arena.engine.execution import ExecutionModel, execution_model
from arena.market.catalog import Catalog
from arena.market.windows import Market, Source, find_windows
from arena.strategies import load
from arena.strategies.base import Configuration, Strategy
from research.experiment import LAB, Experiment
from research.grid import latin_hypercube


@dataclass(frozen=True, slots=True)
class Plan:
    """The experiment with every default filled in and every name resolved."""

    experiment: Experiment
    strategy: Strategy
    base: str
    configurations: dict[str, Configuration]
    market: Market
    execution: ExecutionModel
    grid: tuple[Configuration, ...]


def plan(experiment: Experiment, walk_forward: bool) -> Plan:
    """Resolve names and levers, and draw the grid, before any data is read.

    Raises:
        ConfigError: an unknown strategy, preset or lever, or a value out of bounds.
        DataError: there is no such catalog.
    """
    if experiment.data.catalog != LAB:
        Catalog.open(experiment.data.catalog)
    strategy = load(experiment.strategy)
    base = experiment.preset or strategy.default_preset
    names = list(dict.fromkeys([base, *experiment.compare]))
    configurations = {name: strategy.configure(strategy.preset(name), experiment.levers_for_all) for name in names}
    configurations[base] = strategy.configure(configurations[base], experiment.levers)
    data = experiment.data
    market = Market(
        asset=(data.asset or strategy.asset).upper(),
        interval_s=data.interval_s or strategy.interval_s,
        venue=data.venue or strategy.venue,
        source=data.source,
        spot_source=data.spot_source,
        step_ms=data.step_ms,
        reference_venue=data.reference_venue,
        delay_ms=experiment.execution.delay_ms,
    )
    grid: tuple[Configuration, ...] = ()
    if walk_forward:
        rng = np.random.default_rng([experiment.seed, 1])
        grid = latin_hypercube(strategy, configurations[base], experiment.grid.size, rng, experiment.grid.levers)
    execution = execution_model(experiment.execution.model, experiment.execution.network_ms)
    return Plan(experiment, strategy, base, configurations, market, execution, grid)


def windows_of(todo: Plan, source: Source) -> pl.DataFrame:
    """The windows the experiment names, ordered by open. Errors as :func:`arena.market.windows.find_windows`."""
    data = todo.experiment.data
    return find_windows(source, todo.market, _ns(data.start), _ns(data.end))


def _ns(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp()) * 1_000_000_000
