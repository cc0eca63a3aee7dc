"""Run an experiment: read the data once, replay the presets, walk the grid forward, judge, and return it all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from arena.costs import cost_model
from arena.engine.prepare import Collector, Prepared
from arena.engine.run import Sweep, equity_curve, run_account, sweep
from arena.errors import DataError
from arena.lab.config import LabConfig
from arena.market.build import days, tapes, venue_books
from arena.market.catalog import Catalog
from arena.market.windows import Source
from arena.strategies.base import Configuration
from research.evidence import weigh
from research.experiment import LAB, Experiment
from research.judge import judge
from research.lab_store import lab_catalog
from research.plan import Plan, plan, windows_of
from research.presets import replay_preset, summaries_by_costs
from research.record import Entry, Recorder, market_of, settings, stitched_settings, world_of
from research.result import (
    DataFacts,
    Evidence,
    OutOfSample,
    PresetRun,
    RunResult,
    WalkForward,
)
from research.sensitivity import Stretch, moves_of, sensitivity
from research.standing import VERDICT, standing, verdict_note
from research.trials.ledger import TrialLedger
from research.vault import seals, without_sealed
from research.walk import stitch

T = TypeVar("T")


@dataclass
class Progress:
    """Where a run reports what it does: ``start(what, steps)`` opens a stage, ``step(label)`` advances it."""

    start: Callable[[str, int], None] = lambda what, steps: None
    step: Callable[[str], None] = lambda label: None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, what: str, steps: int) -> Iterator[None]:
        """A timed stage of ``steps`` steps."""
        self.start(what, steps)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = time.perf_counter() - began


def run(
    experiment: Experiment,
    *,
    ledger: TrialLedger,
    walk_forward: bool = True,
    jobs: int = 1,
    progress: Progress | None = None,
    data_folder: Path = Path("data"),
) -> RunResult:
    """Everything one invocation does, without printing, plotting or tracking.

    Args:
        experiment: what to run.
        ledger: every configuration evaluated here is entered before the data are touched; deflation and the
            family of the tests are read back from it, and so are the seals of holdouts, which are left out.
        walk_forward: also walk the grid forward and judge; otherwise only replay the presets.
        jobs: threads for the sweep and the null band; the result does not depend on it.
        progress: told of every stage.
        data_folder: where lab catalogs are kept.

    Raises:
        ArenaError: bad configuration or data, in one sentence. An interrupt returns what had finished.
    """
    progress = progress or Progress()
    todo = plan(experiment, walk_forward)
    catalog, truth = open_data(experiment, progress, data_folder)
    everything = windows_of(todo, catalog)
    digests = {table: catalog.digest(table) for table in catalog.manifest.tables}
    world = world_of(catalog)
    sealed = seals(ledger, todo.strategy.id, world, market_of(todo))
    windows = without_sealed(everything, sealed)
    recorder = Recorder(ledger, todo, world, digests, windows)
    # The base preset stands in the grid already: a trial is entered once.
    shown = {name: c for name, c in todo.configurations.items() if c not in todo.grid}
    finished: list[PresetRun] = []
    walked: WalkForward | None = None
    interrupted = False
    with ExitStack() as looks:
        beside = looks.enter_context(recorder.look("presets", settings(shown.values()))) if shown else None
        entry = looks.enter_context(recorder.look("walk-forward", settings(todo.grid))) if walk_forward else None
        prepared = prepare(todo, catalog, windows, progress)
        facts = _facts(todo, catalog, prepared[todo.base], truth, everything.height - windows.height)
        try:
            with progress.stage("presets", len(todo.configurations)):
                for name, configuration in todo.configurations.items():
                    finished.append(replay_preset(todo, name, configuration, prepared[name]))
                    progress.step(name)
            if beside is not None:
                _enter_shown(todo, shown, prepared, beside)
            if entry is not None:
                table = sweep_grid(todo, prepared[todo.base], progress, jobs)
                entry.finish(table.returns, table.bets, prepared[todo.base].windows["open_ns"])
                base = prepared[todo.base]

                def causal() -> bool:
                    return _causal(todo, catalog, windows, base)

                walked = walk(todo, base, table, progress, jobs, recorder, catalog, windows, causal)
        except KeyboardInterrupt:
            interrupted = True
            for one in (beside, entry):
                if one is not None:
                    one.fail("interrupted")
    return RunResult(
        experiment=experiment,
        strategy=todo.strategy,
        data=facts,
        prepared=prepared[todo.base],
        presets=tuple(finished),
        walk_forward=walked,
        seconds=dict(progress.seconds),
        interrupted=interrupted,
    )


def _enter_shown(todo: Plan, shown: dict[str, Configuration], prepared: dict[str, Prepared], entry: Entry) -> None:
    """Enter the presets as trials: at one fixed stake, as every configuration is."""
    costs = cost_model(todo.experiment.costs)
    tables = [sweep(todo.strategy, prepared[name], [c], todo.execution, costs) for name, c in shown.items()]
    returns = np.hstack([table.returns for table in tables])
    bets = np.concatenate([table.bets for table in tables])
    entry.finish(returns, bets, prepared[todo.base].windows["open_ns"])


def open_data(experiment: Experiment, progress: Progress, data_folder: Path) -> tuple[Catalog, str]:
    """The catalog an experiment names, generated if it is the lab's, and what is known to be true of it."""
    if experiment.data.catalog != LAB:
        return Catalog.open(experiment.data.catalog), ""
    lab = experiment.data.lab
    config = LabConfig(mode=lab.mode, days=lab.days, seed=lab.seed, lag_ms=lab.lag_ms)
    with progress.stage("lab", 1):
        catalog = lab_catalog(config, data_folder)
        progress.step(config.name)
    return catalog, config.truth


def prepare(todo: Plan, data: Source, windows: pl.DataFrame, progress: Progress) -> dict[str, Prepared]:
    """One pass over the tapes for every distinct set of features among the presets."""
    collectors: dict[str, Collector] = {}
    for name, configuration in todo.configurations.items():
        family = [configuration, *(todo.grid if name == todo.base else ())]
        collectors[name] = Collector(
            todo.strategy,
            configuration.observe,
            todo.strategy.loosest(family),
            todo.execution,
            funnels={name: configuration.decide},
            assumed_size_usd=todo.experiment.data.assumed_size_usd,
        )
    with progress.stage("features", len(days(windows))):
        for tape, note in _ahead(tapes(data, todo.market, windows, recycle=2)):
            for collector in collectors.values():
                collector.add(tape, note)
            moment = datetime.fromtimestamp(int(tape.ticks["ts_ns"][0]) // 1_000_000_000, tz=UTC)
            progress.step(f"{moment:%Y-%m-%d}")
    prepared = {name: collector.prepared() for name, collector in collectors.items()}
    if not any(note.quotes for note in prepared[todo.base].notes):
        raise DataError(f"none of the {windows.height} windows was quoted by source {windows['source'][0]!r}.")
    return prepared


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """``items``, the next one being built on another thread while this one is used."""
    end = object()
    with ThreadPoolExecutor(max_workers=1) as pool:
        upcoming = pool.submit(next, items, end)
        while (item := upcoming.result()) is not end:
            upcoming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]


def _facts(todo: Plan, catalog: Catalog, prepared: Prepared, truth: str, sealed: int) -> DataFacts:
    notes = prepared.notes
    sources = {str(todo.market.source or "")}
    said = [todo.experiment.data.note] if todo.experiment.data.note else []
    for name, table in catalog.manifest.tables.items():
        for source, texts in table.known_defects.items():
            if truth or name not in ("windows", "binary_quotes") or not (sources == {""} or source in sources):
                continue
            said += [f"{name} ({source}): {text}" for text in texts]
    if todo.experiment.levers_for_all:
        changes = ", ".join(f"{k}={v:g}" for k, v in todo.experiment.levers_for_all.items())
        said.append(f"levers overridden for every preset because of this data: {changes}")
    said += [f"the gates are not Arena's: {change}" for change in todo.experiment.gates.changes]
    if sealed:
        said.append(f"{sealed} windows are sealed as holdout and were left out")
    silent = sum(n.quotes == 0 for n in notes)
    if silent:
        said.append(f"{silent} of {len(notes)} days have windows but not one quote")
    unknown = sum(n.unknown_outcomes for n in notes)
    if unknown:
        said.append(f"{unknown} windows have no known outcome; they are shown to the strategy but never traded")
    return DataFacts(
        name=catalog.name,
        path=catalog.path,
        digests={table: catalog.digest(table) for table in catalog.manifest.tables},
        windows=prepared.windows.shape[0],
        ticks=prepared.n_ticks,
        first_ns=int(prepared.windows["open_ns"][0]),
        last_ns=int(prepared.windows["close_ns"][-1]),
        venues=tuple(dict.fromkeys(v for n in notes for v in n.venues)),
        strike_sources=tuple(sorted({s for n in notes for s in n.strike_sources})),
        settlement_rules=tuple(sorted({s for n in notes for s in n.settlement_rules})),
        unknown_outcomes=unknown,
        missing_strikes=sum(n.missing_strikes for n in notes),
        truth=truth,
        notes=tuple(said),
    )


def sweep_grid(todo: Plan, prepared: Prepared, progress: Progress, jobs: int) -> Sweep:
    """Replay every configuration of the grid over the candidates."""
    costs = cost_model(todo.experiment.costs)
    with progress.stage("sweep", len(todo.grid)):
        return sweep(
            todo.strategy, prepared, todo.grid, todo.execution, costs, jobs=jobs, on_done=lambda: progress.step("")
        )


def walk(
    todo: Plan,
    prepared: Prepared,
    table: Sweep,
    progress: Progress,
    jobs: int,
    recorder: Recorder,
    data: Source,
    windows: pl.DataFrame,
    causal: Callable[[], bool],
) -> WalkForward:
    """Walk a swept grid forward, weigh what the test folds show, and judge it.

    Args:
        todo: the run, with the grid that was swept.
        prepared: the candidates of its windows.
        table: outcomes of every configuration of the grid, already in the ledger.
        progress: told of every stage.
        jobs: threads.
        recorder: enters the neighbours that are tried on the way, and the verdict.
        data: where the venue's books come from.
        windows: the windows of ``prepared``, as read.
        causal: proves that no decision depends on the future.

    Raises:
        DataError: the folds do not fit the data.
    """
    experiment = todo.experiment
    costs = cost_model(experiment.costs)
    account = todo.configurations[todo.base].account
    with progress.stage("walk-forward", 1):
        results, stitched = stitch(table, prepared.windows, experiment, account.position_pct / 100.0)
        progress.step(f"{len(results)} folds")
    schedule: list[tuple[int, int, Configuration | None]] = [
        (*r.test_rows, todo.grid[r.chosen] if r.chosen >= 0 else None) for r in results
    ]
    account_run = run_account(prepared, schedule, todo.execution, costs, account)
    rows = stitched.rows
    oos = OutOfSample(
        rows=rows,
        returns=stitched.returns,
        cost=stitched.cost,
        probability=stitched.probability,
        mid=stitched.mid,
        won=stitched.won,
        run=account_run,
        curve=equity_curve(prepared, account_run),
        by_costs=summaries_by_costs(todo, prepared, schedule),
    )
    stretches = [Stretch(*r.test_rows, todo.grid[r.chosen] if r.chosen >= 0 else None) for r in results]
    levers = [lever.name for lever in todo.strategy.levers]
    near = stitched_settings([s.chosen for s in stretches], levers, moves_of(todo.grid))
    with recorder.look("sensitivity", near) as look, progress.stage("sensitivity", len(stretches)):
        curves = sensitivity(
            todo.strategy,
            prepared,
            stretches,
            todo.grid,
            todo.execution,
            costs,
            experiment.execution.network_ms,
            experiment.gates.latency.margin_ms,
            experiment.gates.costs.multiple,
            lambda begin, end: venue_books(data, todo.market, windows.slice(begin, end - begin)),
            assumed_size_usd=experiment.data.assumed_size_usd,
            jobs=jobs,
            step=progress.step,
        )
        series = np.column_stack([oos.returns, curves.neighbours])
        look.finish(series, (series != 0.0).sum(axis=0), prepared.windows["open_ns"][rows])
    with progress.stage("verdict", 2):
        rng = np.random.default_rng([experiment.seed, 3])
        family = recorder.family(prepared.windows, rows, np.random.default_rng([experiment.seed, 5]))
        evidence = Evidence.of(weigh(table, oos, results, family, experiment, rng, jobs), curves)
        progress.step("statistics")
        proven = causal()
        progress.step("causality")
    stands = standing(recorder, experiment)
    verdict = judge(evidence, oos, experiment, proven, stands)
    body = verdict_note(recorder, experiment, verdict)
    entry = recorder.ledger.note(VERDICT, todo.strategy.id, experiment.idea_name, body)
    return WalkForward(
        grid=todo.grid,
        sweep=table,
        folds=results,
        out_of_sample=oos,
        evidence=evidence,
        standing=stands,
        verdict=verdict,
        ledger_entry=entry,
    )


def _causal(todo: Plan, catalog: Catalog, windows: pl.DataFrame, prepared: Prepared) -> bool:
    """Truncation and scramble check of the base configuration on an hour of the run's own data.

    The hour starts with the first window that was ever worth an entry: recordings often begin with windows
    that nobody quoted, and there is nothing to check in those.
    """
    from arena.causality import check

    entered = np.flatnonzero(np.diff(prepared.first))
    begin = int(entered[0]) if entered.size else 0
    length = max(2, 3600 // todo.market.interval_s)
    return check(
        todo.strategy,
        catalog,
        todo.market,
        windows.slice(begin, length),
        todo.configurations[todo.base],
        rng=np.random.default_rng([todo.experiment.seed, 4]),
        cuts=4,
    ).passed
