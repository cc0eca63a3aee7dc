"""Fixed configurations over the whole span, and what the seed would have booked for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arena.costs import COST_MODELS, cost_model
from arena.engine.execution import execution_model
from arena.engine.prepare import Prepared
from arena.engine.run import equity_curve, run_account
from arena.strategies.base import Configuration
from research.plan import Plan
from research.result import PresetRun, Summary
from research.summary import calibrate, summarise

BOOKED_BY_SEED = (execution_model("touch"), COST_MODELS["seed-tuned"])
"""How the seed filled and charged its paper trades: at the touch at once, 2 bps of the stake."""


def settled_by_seed(prepared: Prepared) -> Prepared:
    """The same candidates with every window settled on the seed's own price instead of the official one."""
    windows = prepared.windows.copy()
    windows["outcome"] = windows["venue_outcome"]
    return replace(prepared, windows=windows)


def replay_preset(todo: Plan, name: str, configuration: Configuration, prepared: Prepared) -> PresetRun:
    """One account of ``configuration`` over every window, at the run's costs, at all others, and as the seed booked."""
    whole: list[tuple[int, int, Configuration | None]] = [(0, prepared.windows.shape[0], configuration)]
    chosen = run_account(prepared, whole, todo.execution, cost_model(todo.experiment.costs), configuration.account)
    fantasy = settled_by_seed(prepared)
    booked = run_account(fantasy, whole, *BOOKED_BY_SEED, configuration.account)
    funnel = {reason.name: int(prepared.funnel[name][reason]) for reason in todo.strategy.reasons}
    return PresetRun(
        name=name,
        configuration=configuration,
        run=chosen,
        curve=equity_curve(prepared, chosen),
        by_costs=summaries_by_costs(todo, prepared, whole),
        as_booked=summarise(fantasy, booked),
        funnel=funnel,
        calibration=calibrate(prepared, np.random.default_rng([todo.experiment.seed, 2])),
    )


def summaries_by_costs(
    todo: Plan, prepared: Prepared, schedule: list[tuple[int, int, Configuration | None]]
) -> dict[str, Summary]:
    """The same schedule (first window, end window, configuration) charged by every cost model; money in USD."""
    account = todo.configurations[todo.base].account
    first = next((c for _, _, c in schedule if c is not None), None)
    if first is not None:
        account = first.account
    return {
        name: summarise(prepared, run_account(prepared, schedule, todo.execution, costs, account))
        for name, costs in COST_MODELS.items()
    }
