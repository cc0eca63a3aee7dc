"""What the ledger holds on a strategy, as figures, as JSON and on a terminal."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.validation.deflation import expected_maximum
from arena.validation.effective import EffectiveTrials
from research.trials.family import clusters_of, distinct, measures_of, sharpe_variance, z_scores
from research.trials.ledger import TrialLedger
from research.trials.records import LedgerError, LookRecord, Note, TrialTable, Verification

LATEST = 10
"""Looks and notes shown."""


@dataclass(frozen=True, slots=True)
class Idea:
    """Trials first looked at, and looks, under one idea; times of the first and last look, ns UTC."""

    idea: str
    trials: int
    looks: int
    first_at_ns: int
    last_at_ns: int


@dataclass(frozen=True, slots=True)
class Best:
    """The trial with the largest ``sharpe sqrt(slots)``; ``sharpe`` per slot, scaled to the family's slots."""

    trial: str
    look: int
    idea: str
    sharpe: float
    bets: int


@dataclass(frozen=True, slots=True)
class Independence:
    """How many independent trials those that bet differently, ``compared`` of them, amount to."""

    compared: int
    clusters: int
    measures: EffectiveTrials


@dataclass(frozen=True, slots=True)
class World:
    """One world's trials; what needs trials that bet is None without them.

    ``variance`` is that of the trials' Sharpe ratios per slot over ``slots`` slots, the longest span looked
    at, and ``luck`` the Sharpe ratio that the best of as many trials without skill expects.
    """

    world: str
    trials: int
    finished: int
    looks: dict[str, int]
    ideas: tuple[Idea, ...]
    independence: Independence | None
    slots: int
    best: Best | None
    variance: float | None
    luck: float | None


@dataclass(frozen=True, slots=True)
class View:
    """Everything shown on a strategy."""

    strategy: str
    ledger: str
    worlds: tuple[World, ...]
    looks: tuple[LookRecord, ...]
    notes: tuple[Note, ...]
    verification: Verification


def view(ledger: TrialLedger, strategy: str) -> View:
    """What the ledger holds on a strategy.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    verification = ledger.verify()
    try:
        looks = ledger.looks(strategy)
        worlds = {
            world: (ledger.trials(strategy, world), [record for record in looks if record.look.world == world])
            for world in dict.fromkeys(record.look.world for record in looks)
        }
        notes = ledger.notes(strategy)
    except LedgerError as error:
        if verification.broken:
            raise LedgerError(f"{error} Here: {verification.why}.") from error
        raise
    return View(
        strategy=strategy,
        ledger=str(ledger.path),
        worlds=tuple(_world(*held) for held in worlds.values()),
        looks=tuple(looks[-LATEST:]),
        notes=tuple(notes[-LATEST:]),
        verification=verification,
    )


def _world(table: TrialTable, looks: Sequence[LookRecord]) -> World:
    rows = distinct(table, table.varies)
    slots = int(table.slots.max(initial=0))
    variance = sharpe_variance(table, slots)
    independence = best = None
    if rows.size:
        clusters = clusters_of(table, rows, np.random.default_rng(0)).count
        independence = Independence(int(rows.size), clusters, measures_of(table, rows))
        z = z_scores(table)
        row = int(np.flatnonzero(table.varies)[z.argmax()])
        best = Best(
            trial=str(table.trial[row]),
            look=int(table.look[row]),
            idea=str(table.idea[row]),
            sharpe=float(z.max()) / math.sqrt(slots),
            bets=int(table.bets[row]),
        )
    return World(
        world=table.world,
        trials=len(table),
        finished=int(table.finished.sum()),
        looks=dict(Counter(record.state for record in looks)),
        ideas=_ideas(table, looks),
        independence=independence,
        slots=slots,
        best=best,
        variance=variance,
        luck=None if variance is None else math.sqrt(variance) * expected_maximum(len(table)),
    )


def _ideas(table: TrialTable, looks: Sequence[LookRecord]) -> tuple[Idea, ...]:
    trials = Counter(table.idea)
    at: dict[str, list[int]] = {}
    for record in looks:
        at.setdefault(record.look.idea, []).append(record.at_ns)
    return tuple(Idea(idea, trials[idea], len(times), min(times), max(times)) for idea, times in at.items())


def to_json(shown: View) -> dict[str, Any]:
    """The view as plain JSON values; times in ns UTC."""
    return asdict(shown)


def show(shown: View, console: Console) -> None:
    """Print the view."""
    console.print(Text.assemble((shown.strategy, "bold"), f"  {shown.ledger}"))
    for world in shown.worlds:
        _show_world(world, console)
    table = _table("look", "begun (UTC)", "world", "kind", "configurations", "state", "idea", right={0, 4})
    for record in shown.looks:
        state = _short(f"failed: {record.why}" if record.state == "failed" else record.state)
        table.add_row(
            *(str(record.number), _date(record.at_ns), Text(record.look.world), record.look.kind),
            *(f"{record.configurations:,}", Text(state), Text(_short(record.look.idea))),
        )
    _section("latest looks", console)
    console.print(table)
    if shown.notes:
        table = _table("entry", "noted (UTC)", "kind", "idea", "what", right={0})
        for note in shown.notes:
            said = ", ".join(f"{name} {_short(value)}" for name, value in note.body.items())
            table.add_row(str(note.number), _date(note.at_ns), Text(note.kind), Text(_short(note.idea)), Text(said))
        _section("notes", console)
        console.print(table)
    console.print()
    found = shown.verification
    if found.broken:
        console.print(
            Text(f"BROKEN: {found.why}. Restore {shown.ledger} from a copy; figures above may be wrong.", style="red")
        )
    else:
        console.print(Text(f"chain intact: {found.entries:,} entries, head {found.head[:16]}", style="green"))


def show_strategies(ledger: TrialLedger, console: Console) -> None:
    """Print the strategies that the ledger knows."""
    table = _table("strategy", "looks", "last look (UTC)", "worlds", right={1})
    for strategy in ledger.strategies():
        looks = ledger.looks(strategy)
        last = _date(max(record.at_ns for record in looks)) if looks else ""
        worlds = ", ".join(dict.fromkeys(record.look.world for record in looks))
        table.add_row(Text(strategy), f"{len(looks):,}", last, Text(worlds))
    console.print(table)


def _show_world(world: World, console: Console) -> None:
    _section(world.world, console)
    states = ", ".join(f"{count:,} {state}" for state, count in world.looks.items())
    facts = Table.grid(padding=(0, 2))
    without = f"{world.trials - world.finished:,} without; all count. Looks: {states}"
    facts.add_row(
        "trials", Text.assemble((f"{world.trials:,}", "bold"), f", {world.finished:,} with an outcome, {without}")
    )
    if world.independence is not None:
        facts.add_row("independent", _measures(world.independence))
    if world.best is not None:
        where = f"{world.best.bets:,} bets, look {world.best.look}"
        facts.add_row("best Sharpe", f"{world.best.sharpe:+.4f} per slot over {world.slots:,} slots, {where}")
    if world.luck is not None:
        said = f"{world.luck:+.4f} is what luck alone expects of the best of {world.trials:,} (V {world.variance:.3g})"
        facts.add_row("luck", said)
    console.print(facts)
    table = _table("trials", "looks", "first look (UTC)", "last look (UTC)", "idea", right={0, 1})
    for idea in world.ideas:
        table.add_row(
            *(f"{idea.trials:,}", f"{idea.looks:,}", _date(idea.first_at_ns), _date(idea.last_at_ns)),
            Text(idea.idea or "(none stated)"),
        )
    console.print(table)


def _measures(found: Independence) -> Text:
    m = found.measures
    return Text.assemble(
        f"of {found.compared:,} that bet differently: clusters ",
        (f"{found.clusters}", "bold"),
        ", effective rank ",
        (f"{m.effective_rank:.1f}", "bold"),
        f", participation {m.participation:.1f}, Li-Ji {m.li_ji:.1f}, Galwey {m.galwey:.1f}, "
        f"Nyholt {m.nyholt:.1f}, mean correlation {m.mean_correlation:.1f}",
    )


def _section(title: str, console: Console) -> None:
    console.print()
    console.print(Text(title, style="bold underline"))


def _table(*columns: str, right: set[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for k, column in enumerate(columns):
        table.add_column(column, justify="right" if k in right else "left", no_wrap=k < len(columns) - 1)
    return table


def _date(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC):%Y-%m-%d %H:%M}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
