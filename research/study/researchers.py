"""What the researchers of one market find."""

from __future__ import annotations

import numpy as np
import polars as pl

from arena.engine.prepare import Prepared
from arena.engine.run import Sweep, sweep
from arena.engine.vary import windows_between
from arena.validation.verdict import Verdict
from research.evidence import weigh
from research.judge import judge_statistics
from research.plan import Plan
from research.presets import BOOKED_BY_SEED, settled_by_seed
from research.result import Stitched
from research.run import Progress, walk
from research.study.attempts import attempts
from research.study.fair import redraw
from research.study.market import LabMarket, enter, fresh_ledger, open_market, part_of, plan_of
from research.study.naive import naive_p, p_alone
from research.study.records import Found, MarketRecord, Researcher, SeedSays
from research.study.seed_method import seed_finding
from research.study.settings import Settings, Task
from research.walk import stitch

_ALL = slice(None)
_DISCOVERY = "beats the price"


def research(settings: Settings, task: Task, causal: bool) -> MarketRecord:
    """Open one market of a study and let its researchers loose; ``causal`` was proven once for all of them."""
    market = open_market(settings.experiment(task))
    if settings.mode == "efficient":
        found = [_efficient(market, settings, causal)]
    elif settings.mode == "lagged":
        found = [_lagged(market, settings, causal)]
    else:
        found = [_fair(market, settings, draw) for draw in range(settings.redraws)]
    return MarketRecord(task.run, task.lag_ms, tuple(found))


def _efficient(market: LabMarket, settings: Settings, causal: bool) -> Researcher:
    """The whole verdict after each number of trials, and the seed's method on its own books beside it."""
    todo = market.todo
    booked = sweep(todo.strategy, settled_by_seed(market.prepared), todo.grid, *BOOKED_BY_SEED)
    found = []
    for trials in settings.trials:
        first = slice(trials)
        seed_books = _seed_says(part_of(booked, _ALL, first))
        tried = plan_of(todo, first)
        table = part_of(market.table, _ALL, first)
        found.append(_judged(market, tried, market.windows, market.prepared, table, causal, seed_books))
    return Researcher(tuple(found))


def _lagged(market: LabMarket, settings: Settings, causal: bool) -> Researcher:
    """The whole verdict after each number of days, each time from the first window on."""
    per_day = 86_400 // market.todo.market.interval_s
    found = []
    for days in settings.at_days:
        count = min(days * per_day, market.windows.height)
        prepared = windows_between(market.prepared, 0, count)
        table = part_of(market.table, slice(count), _ALL)
        found.append(_judged(market, market.todo, market.windows.head(count), prepared, table, causal, None))
    return Researcher(tuple(found))


def _fair(market: LabMarket, settings: Settings, draw: int) -> Researcher:
    """On outcomes drawn once: every gate without a replay after each number of trials, then attempt after attempt."""
    experiment, windows = market.todo.experiment, market.prepared.windows
    rng = np.random.default_rng([experiment.seed, 7, draw])
    table = redraw(market.table, windows["outcome"], rng.random(windows.size))
    found = [_weighed(market, plan_of(market.todo, slice(n)), part_of(table, _ALL, slice(n))) for n in settings.trials]
    return Researcher(tuple(found), attempts(market, table, experiment.gates.discovery.alpha))


def _judged(
    market: LabMarket,
    todo: Plan,
    windows: pl.DataFrame,
    prepared: Prepared,
    table: Sweep,
    causal: bool,
    seed_booked: SeedSays | None,
) -> Found:
    """One researcher with a ledger of his own, walked forward and judged as any run is."""
    with fresh_ledger() as ledger:
        recorder = enter(ledger, todo, market.name, windows, table)
        walked = walk(todo, prepared, table, Progress(), 1, recorder, market.data, windows, lambda: causal)
    bets = walked.evidence.win_test is not None
    adjusted_p = walked.evidence.adjusted_p if bets else None
    return _found(todo, table, walked.out_of_sample, adjusted_p, walked.verdict, seed_booked)


def _weighed(market: LabMarket, todo: Plan, table: Sweep) -> Found:
    """The same without replays. What fails the discovery gate has no edge, so nothing else is asked of it."""
    experiment, windows = todo.experiment, market.prepared.windows
    folds, stitched = stitch(table, windows, experiment, market.stake_fraction)
    alone = p_alone(stitched.won, stitched.cost)
    if alone >= experiment.gates.discovery.alpha:
        return _found(todo, table, stitched, None, None, None)
    with fresh_ledger() as ledger:
        recorder = enter(ledger, todo, market.name, market.windows, table)
        family = recorder.family(windows, stitched.rows, np.random.default_rng([experiment.seed, 5]))
    statistics = weigh(table, stitched, folds, family, experiment, np.random.default_rng([experiment.seed, 3]), 1)
    verdict = judge_statistics(statistics, stitched, experiment)
    return _found(todo, table, stitched, statistics.adjusted_p, verdict, None)


def _found(
    todo: Plan,
    table: Sweep,
    stitched: Stitched,
    adjusted_p: float | None,
    verdict: Verdict | None,
    seed_booked: SeedSays | None,
) -> Found:
    """The record of one researcher; without a verdict he failed the discovery gate and was asked nothing else."""
    bet = stitched.won >= 0
    return Found(
        trials=len(todo.grid),
        windows=table.won.shape[0],
        tested=stitched.rows.size,
        bets=int(bet.sum()),
        wins=int((stitched.won == 1).sum()),
        break_even=float(stitched.cost[bet].mean()) if bet.any() else 0.0,
        p_value=p_alone(stitched.won, stitched.cost),
        adjusted_p=adjusted_p,
        edge=verdict is not None and verdict.edge,
        failed=verdict.failed if verdict is not None else (_DISCOVERY,),
        naive=naive_p(table) < todo.experiment.gates.discovery.alpha,
        seed_honest=_seed_says(table),
        seed_booked=seed_booked,
    )


def _seed_says(table: Sweep) -> SeedSays:
    finding = seed_finding(table)
    return SeedSays(finding.by_rule, finding.by_method)
