"""Register an experiment before any result, and open its sealed stretch once it has earned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arena.costs import cost_model
from arena.engine.run import sweep
from arena.engine.vary import windows_between
from arena.errors import ConfigError
from arena.market.catalog import Catalog
from arena.strategies.base import Configuration
from arena.validation.bets import WinTest, poisson_binomial_test
from arena.validation.bootstrap import Interval, bootstrap_interval
from arena.validation.multiple import sidak
from arena.validation.planning import power_of_test
from arena.validation.spending import alpha_share, spent_p_value
from research.experiment import Experiment
from research.plan import Plan, plan, windows_of
from research.provenance import code_digest
from research.record import Recorder, market_of, settings, world_of
from research.result import F8
from research.run import Progress, open_data, prepare
from research.standing import REGISTERED, RESULT, VERDICT, digests
from research.trials.family import family_of
from research.trials.ledger import TrialLedger
from research.vault import (
    OPENED,
    Seal,
    asset_of,
    last_share,
    openings,
    overlapping,
    seal,
    sealed_windows,
    seals,
    without_sealed,
)
from research.walk import choose_on


@dataclass(frozen=True, slots=True)
class Registered:
    """A declaration: its ledger entry, the digests it pins down, and the seal (None = nothing was sealed)."""

    entry: str
    digests: Mapping[str, str]
    looks_before: int
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a sealed stretch showed.

    The configuration is the one that the experiment's own rule chooses on the windows before the stretch.
    ``openings`` counts every look of this strategy into this stretch, this one included; ``p_value`` is that of
    the wins after what was seen of the stretch before it was sealed and what earlier openings have spent, None
    without a bet. ``claimed_edge`` (dollars per share)
    is what the strategy claimed when it bet and ``power`` the chance that this many bets would have shown it; None
    without a claim. ``interval`` is of the return per window.
    """

    seal: Seal
    configuration: Configuration
    windows: int
    wins: WinTest | None
    p_value: float | None
    claimed_edge: float | None
    power: float | None
    interval: Interval | None
    mean_return: float
    openings: int


def register(
    experiment: Experiment, ledger: TrialLedger, data_folder: Path, progress: Progress | None = None
) -> Registered:
    """Declare ``experiment``: note the digest of everything that decides its result, and seal its holdout.

    Raises:
        ConfigError: it is registered already, or its share of the windows is none or all of them.
    """
    todo, catalog = _load(experiment, data_folder, progress or Progress())
    everything = windows_of(todo, catalog)
    world, market = world_of(catalog), market_of(todo)
    windows = without_sealed(everything, seals(ledger, todo.strategy.id, world, market))
    recorder = _recorder(ledger, todo, catalog, windows)
    pinned = digests(recorder, experiment)
    for note in ledger.notes(todo.strategy.id, REGISTERED):
        if note.body["experiment"] == experiment.digest and note.body["data"] == pinned["data"]:
            raise ConfigError(f"this experiment on these data is registered already, as entry {note.digest[:16]}.")
    to_seal = last_share(windows, experiment.holdout.share) if experiment.holdout.share > 0.0 else None
    if to_seal is not None:
        inside = everything["open_ns"].is_between(to_seal["open_ns"][0], to_seal["open_ns"][-1]).sum()
        if inside != to_seal.height:
            raise ConfigError("the last share reaches over a stretch that is sealed already; choose a smaller one.")
    first, last = int(windows["open_ns"][0]), int(windows["close_ns"].max())  # type: ignore[arg-type]
    looks = sum(
        held.look.world == world
        and asset_of(held.look.market) == asset_of(market)
        and held.look.first_ns < last
        and held.look.last_ns > first
        for held in ledger.looks(todo.strategy.id)
    )
    body = {**pinned, "world": world, "market": market, "looks_before": looks, "file": experiment.name}
    entry = ledger.note(REGISTERED, todo.strategy.id, experiment.idea_name, body)
    sealed = None
    if to_seal is not None:
        sealed = seal(
            ledger, catalog, to_seal, strategy=todo.strategy.id, idea=experiment.idea_name,
            experiment=experiment.digest, world=world, market=market,
        )  # fmt: skip
    return Registered(entry, pinned, looks, sealed)


def open_holdout(
    experiment: Experiment, ledger: TrialLedger, data_folder: Path, progress: Progress | None = None, jobs: int = 1
) -> Opened:
    """Look into the stretch that was sealed for ``experiment``. The look is noted before it happens.

    Raises:
        ConfigError: nothing was sealed for it, or its last verdict since then was not an edge.
        DataError: the sealed data are no longer what was sealed.
    """
    progress = progress or Progress()
    todo, catalog = _load(experiment, data_folder, progress)
    strategy, everything = todo.strategy.id, windows_of(todo, catalog)
    world, market = world_of(catalog), market_of(todo)
    held = seals(ledger, strategy, world, market)
    mine = [one for one in held if one.experiment == experiment.digest]
    if not mine:
        raise ConfigError(
            "nothing was sealed for this experiment: set holdout.share in its file and run `arena-backtest register` "
            "before its first run."
        )
    opened = mine[-1]
    _require_candidate(ledger, opened)
    inside = sealed_windows(opened, catalog, everything)
    before = without_sealed(everything.filter(everything["open_ns"] < opened.from_ns), held)
    windows = before.vstack(inside)
    recorder = _recorder(ledger, todo, catalog, inside)
    body = {"experiment": experiment.digest, "world": world, "market": market}
    seen, tested = _seen_before(ledger, opened, experiment)
    ledger.note(OPENED, strategy, experiment.idea_name, {**body, "seal": _plain(opened)})

    prepared = prepare(todo, catalog, windows, progress)[todo.base]
    costs, stake = cost_model(experiment.costs), todo.configurations[todo.base].account.position_pct / 100.0
    train = windows_between(prepared, 0, before.height)
    with progress.stage("sweep", len(todo.grid)):
        table = sweep(
            todo.strategy, train, todo.grid, todo.execution, costs, jobs=jobs, on_done=lambda: progress.step("")
        )
    chosen = todo.grid[choose_on(table, train.windows, int(inside["open_ns"][0]), experiment, stake)]
    with recorder.look("holdout", settings([chosen])) as entry:
        sealed = windows_between(prepared, before.height, windows.height)
        found = sweep(todo.strategy, sealed, [chosen], todo.execution, costs)
        entry.finish(found.returns, found.bets, sealed.windows["open_ns"])

    bet = found.won[:, 0] >= 0
    looks = [o for o in openings(ledger, strategy) if overlapping(o.seal, opened)]
    attempt = len(looks) + tested
    wins = poisson_binomial_test(found.won[bet, 0] == 1, found.cost[bet, 0]) if bet.any() else None
    returns = found.returns[:, 0]
    alpha = experiment.gates.discovery.alpha * alpha_share(attempt)
    edge, power = _power(found.probability[bet, 0], found.cost[bet, 0], alpha, 1 + seen)
    interval = None
    if returns.size >= 10 and np.ptp(returns) > 0.0:
        interval = bootstrap_interval(returns, np.random.default_rng([experiment.seed, 6]), statistic="mean")
    result = Opened(
        seal=opened,
        configuration=chosen,
        windows=inside.height,
        wins=wins,
        p_value=_spent(wins, seen, attempt),
        claimed_edge=edge,
        power=power,
        interval=interval,
        mean_return=float(returns.mean()),
        openings=len(looks),
    )
    figures = {
        "bets": int(bet.sum()),
        "wins": wins.wins if wins is not None else 0,
        "p_value": result.p_value,
        "mean_return": result.mean_return,
        "openings": result.openings,
    }
    ledger.note(RESULT, strategy, experiment.idea_name, {**body, **figures})
    return result


def _seen_before(ledger: TrialLedger, opened: Seal, experiment: Experiment) -> tuple[int, int]:
    """Effective number of trials on these windows from before they were sealed, and walk-forwards among them."""
    looks = [
        held
        for held in ledger.looks(opened.strategy)
        if held.at_ns < opened.at_ns
        and (held.look.world, asset_of(held.look.market)) == (opened.world, asset_of(opened.market))
        and held.look.first_ns < opened.to_ns
        and held.look.last_ns > opened.from_ns
    ]
    if not looks:
        return 0, 0
    trials = ledger.trials(opened.strategy, opened.world)
    family = family_of(
        trials.only(np.isin(trials.look, [held.number for held in looks])),
        [],
        evaluation="",
        market=opened.market,
        first_ns=opened.from_ns,
        last_ns=opened.to_ns,
        slots=opened.windows,
        rng=np.random.default_rng([experiment.seed, 8]),
    )
    return family.effective, len({held.look.evaluation for held in looks if held.look.kind == "walk-forward"})


def _spent(wins: WinTest | None, seen: int, attempt: int) -> float | None:
    if wins is None:
        return None
    return spent_p_value(float(sidak([wins.p_value], family=1 + seen)[0]), attempt)


def _power(claimed: F8, cost: F8, alpha: float, family: int) -> tuple[float | None, float | None]:
    """What the strategy claimed, and the chance that so many bets show it."""
    if claimed.size == 0 or not (claimed - cost).mean() > 0.0:
        return None, None
    price, edge = float(cost.mean()), float((claimed - cost).mean())
    return edge, power_of_test(cost.size, price, price + edge, alpha=alpha, family=family).power


def _load(experiment: Experiment, data_folder: Path, progress: Progress) -> tuple[Plan, Catalog]:
    todo = plan(experiment, walk_forward=True)
    return todo, open_data(experiment, progress, data_folder)[0]


def _recorder(ledger: TrialLedger, todo: Plan, catalog: Catalog, windows: Any) -> Recorder:
    tables = {table: catalog.digest(table) for table in catalog.manifest.tables}
    return Recorder(ledger, todo, world_of(catalog), tables, windows)


def _require_candidate(ledger: TrialLedger, held: Seal) -> None:
    """A verdict from before the sealing is no pass: it has seen what was sealed afterwards."""
    verdicts = [
        note.body
        for note in ledger.notes(held.strategy, VERDICT)
        if note.body["experiment"] == held.experiment
        and (note.body["world"], note.body["market"]) == (held.world, held.market)
        and note.at_ns > held.at_ns
    ]
    if not verdicts:
        raise ConfigError(
            "this experiment has had no verdict since its holdout was sealed; run it with --walk-forward first."
        )
    if verdicts[-1]["code"] != code_digest():
        raise ConfigError("the program has changed since the last verdict; run it again before the holdout is opened.")
    if not verdicts[-1]["edge"]:
        failed = ", ".join(verdicts[-1]["failed"])
        raise ConfigError(f"the last verdict of this experiment was NO EDGE ({failed}); its holdout stays sealed.")


def _plain(held: Seal) -> dict[str, Any]:
    return {name: getattr(held, name) for name in Seal.__dataclass_fields__ if name != "strategy"}
