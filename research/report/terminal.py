"""The result on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arena.costs import COST_MODELS
from arena.validation.verdict import Gate, Verdict
from research.report.figures import accounts, fold_span
from research.report.needs import needs
from research.report.text import (
    NONE,
    execution,
    gate_figure,
    gate_needs,
    headline,
    holdout,
    if_bet,
    number,
    percent,
    registration,
    span,
    trials,
    usd,
    why,
)
from research.result import FoldResult, RunResult, WalkForward

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_FOLDS_SHOWN = 8
_NOTES_SHOWN = 4
_COLOUR = {"EDGE": "bold green", "NO EDGE": "bold red", "NO VERDICT": "bold yellow"}


def print_summary(result: RunResult, console: Console, report_path: Path | None, run_url: str) -> None:
    """Print verdict, accounts, folds and data on one screen; the last lines say where the rest is.

    ``report_path`` None or an empty ``run_url`` leaves out its line.
    """
    from rich.markup import escape

    def say(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, highlight=False)

    data = result.data
    console.print(
        f"[{_COLOUR[headline(result)]}]{headline(result)}[/]  {escape(f'{result.strategy.id} on {data.name}')}",
        highlight=False,
    )
    say(why(result))
    if result.interrupted:
        say("Interrupted: this is what had finished.", "yellow")
    walk = result.walk_forward
    if walk is not None:
        console.print(_gates(walk.verdict))
        # The levers' sentence is in the report; their gate says enough here.
        say(f"Needs: {' '.join(needs(result)[:2])}")
        say(f"Trials: {trials(walk.evidence.family)}")
        say(f"Standing: {registration(walk.standing)}; {holdout(walk.standing)}")
    console.print(_accounts(result))
    if walk is not None:
        console.print(_folds(walk, result))
    ticks = f"{data.windows:,} windows, {data.ticks:,} ticks, {span(data.first_ns, data.last_ns)}"
    say(f"Data: {ticks}")
    say(f"Costs: {result.experiment.costs}. Execution: {execution(result)}.")
    if data.truth:
        say(f"True of this market: {data.truth}")
    for note in data.notes[:_NOTES_SHOWN]:
        say(f"Note: {note}", "yellow")
    if len(data.notes) > _NOTES_SHOWN:
        say(f"Note: {len(data.notes) - _NOTES_SHOWN} more in the report", "yellow")
    # A path that is folded at the width of the screen can be neither copied nor clicked.
    if report_path is not None:
        console.print(f"Report: {escape(str(report_path))}", highlight=False, soft_wrap=True)
    if run_url:
        console.print(f"Run:    {escape(run_url)}", highlight=False, soft_wrap=True)


def _table(*columns: str, left: Sequence[int] = (0,)) -> Table:
    """A table whose figures are never cut; ``left`` lists the columns of text."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for k, name in enumerate(columns):
        table.add_column(name, justify="left" if k in left else "right", no_wrap=k not in left)
    return table


def _gates(verdict: Verdict) -> Table:
    from rich.markup import escape

    table = _table("gate", "figure", "needs", "", "rests on, → what would change it", left=(0, 3, 4))
    for gate in verdict.gates:
        state = "[green]pass[/]" if gate.passed else "[red]FAIL[/]"
        name, dim = (f"({gate.name})", "dim") if gate.need == "reported" else (gate.name, "")
        table.add_row(escape(name), gate_figure(gate), gate_needs(gate), state, escape(_said(gate)), style=dim)
    return table


def _said(gate: Gate) -> str:
    """What a gate rests on; where it failed, also what would change it."""
    change = f"→ {gate.change}" if gate.change and not gate.passed else ""
    return "\n".join(text for text in (gate.note, change) if text)


def _accounts(result: RunResult) -> Table:
    costs = result.experiment.costs
    models = [f"PnL\n{name}" for name in COST_MODELS]
    table = _table(
        "account", "bets", "win\nrate", "break\neven", "return\nper bet", *models, "draw-\ndown", "as\nbooked"
    )
    booked = {preset.name: preset.as_booked for preset in result.presets}
    for view in accounts(result):
        s = view.by_costs[costs]
        row = [view.name, f"{s.bets:,}", if_bet(s, percent(s.win_rate)), if_bet(s, percent(s.break_even))]
        row += [if_bet(s, percent(s.return_per_bet, 1, True))]
        row += [usd(view.by_costs[name].pnl_usd) for name in COST_MODELS]
        row += [if_bet(s, percent(s.max_drawdown))]
        row += [usd(booked[view.name].pnl_usd) if view.name in booked else NONE]
        table.add_row(*row, style="bold" if view.main else "")
    return table


def _folds(walk: WalkForward, result: RunResult) -> Table:
    scores = ("train score\n1e-4", "test score\n1e-4")
    table = _table("fold", "test from", "chosen", *scores, "test bets", "test return\nper bet", left=(0, 1))
    folds = walk.folds
    for k, fold in enumerate(folds[:_FOLDS_SHOWN], 1):
        table.add_row(str(k), fold_span(result, fold.test_rows)[0], *_fold_cells(fold))
    if len(folds) > _FOLDS_SHOWN:
        table.add_row("…", f"{len(folds) - _FOLDS_SHOWN} more in the report")
    return table


def _fold_cells(fold: FoldResult) -> list[str]:
    if fold.chosen < 0:
        return ["none", NONE, NONE, "0", NONE]
    mean = percent(fold.test_return_per_bet, 2, True) if fold.test_bets else NONE
    scores = [number(1e4 * fold.train_score, 3), number(1e4 * fold.test_score, 3)]
    return [f"#{fold.chosen}", *scores, f"{fold.test_bets:,}", mean]
