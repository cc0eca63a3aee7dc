"""The causality check as a command: every preset of a strategy, on an hour of a fresh lab market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arena.causality import check
from arena.lab.config import LabConfig
from arena.market.windows import Market, find_windows
from arena.strategies import load
from research.lab_store import lab_catalog

if TYPE_CHECKING:
    from rich.console import Console

_SPAN_S = 3600


def run_check(strategy_name: str, preset: str | None, seed: int, cuts: int, console: Console) -> bool:
    """Check the presets, print what was compared and what was found; whether all passed.

    Raises:
        ConfigError: unknown strategy or preset.
    """
    from rich.table import Table

    strategy = load(strategy_name)
    names = [preset] if preset else list(strategy.presets)
    configurations = {name: strategy.preset(name) for name in names}
    catalog = lab_catalog(LabConfig(days=1, seed=seed), Path("data"))
    market = Market(asset=strategy.asset, interval_s=strategy.interval_s, venue=strategy.venue)
    windows = find_windows(catalog, market, None, None).head(max(2, _SPAN_S // strategy.interval_s))
    table = Table(box=None, pad_edge=False, title=f"{strategy.id}: can it see the future?", title_justify="left")
    for column in ("preset", "experiment", "cuts", "ticks compared", "result"):
        table.add_column(column, justify="right" if column in ("cuts", "ticks compared") else "left")
    passed = True
    for name, configuration in configurations.items():
        with console.status(f"{name}: cutting and scrambling the future at {cuts} moments"):
            report = check(
                strategy, catalog, market, windows, configuration, cuts=cuts, rng=np.random.default_rng(seed)
            )
        for finding in report.findings:
            result = "[green]identical[/]" if finding.passed else f"[red]{finding.mismatch}[/]"
            table.add_row(name, finding.name, str(finding.cuts), f"{finding.ticks:,}", result)
        passed = passed and report.passed
    console.print(table)
    console.print("Causal: no decision depends on the future." if passed else "NOT CAUSAL: see the differences above.")
    return passed
