"""The result on one screen, and as plain JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arena.costs import COST_MODELS
from research.provenance import checkout, versions
from research.report.figures import accounts, fold_span
from research.report.text import (
    NONE,
    execution,
    gate_figure,
    gate_needs,
    gate_note,
    headline,
    if_bet,
    number,
    percent,
    span,
    usd,
    why,
)
from research.result import FoldResult, RunResult

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
    if result.walk_forward is not None:
        console.print(_gates(result))
    console.print(_accounts(result))
    if result.walk_forward is not None:
        console.print(_folds(result))
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


def _gates(result: RunResult) -> Table:
    from rich.markup import escape

    assert result.walk_forward is not None
    table = _table("gate", "figure", "needs", "", "note, or what would change it", left=(0, 3, 4))
    for gate in result.walk_forward.verdict.gates:
        state = "[green]pass[/]" if gate.passed else "[red]FAIL[/]"
        dim = "dim" if gate.need == "reported" else ""
        name = f"({gate.name})" if gate.need == "reported" else gate.name
        table.add_row(escape(name), gate_figure(gate), gate_needs(gate), state, escape(gate_note(gate)), style=dim)
    return table


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


def _folds(result: RunResult) -> Table:
    assert result.walk_forward is not None
    scores = ("train score\n1e-4", "test score\n1e-4")
    table = _table("fold", "test from", "chosen", *scores, "test bets", "test return\nper bet", left=(0, 1))
    folds = result.walk_forward.folds
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


def to_json(result: RunResult, report_path: Path | None, run_id: str | None) -> dict[str, Any]:
    """The result in plain JSON types: no NaN or infinity (None instead), no arrays of bets."""
    walk = result.walk_forward
    code = checkout()
    document = {
        "verdict": headline(result),
        "why": why(result),
        "interrupted": result.interrupted,
        "strategy": result.strategy.id,
        "experiment": result.experiment.model_dump(mode="json"),
        "experiment_digest": result.experiment.digest,
        "data": asdict(result.data),
        "gates": [asdict(gate) for gate in walk.verdict.gates] if walk is not None else [],
        "out_of_sample": _costs_json(walk.out_of_sample.by_costs) if walk is not None else None,
        "presets": {
            preset.name: {
                "levers": preset.configuration.values(),
                "by_costs": _costs_json(preset.by_costs),
                "as_booked": asdict(preset.as_booked),
                "funnel": preset.funnel,
            }
            for preset in result.presets
        },
        "folds": [_fold_json(result, fold) for fold in walk.folds] if walk is not None else [],
        "evidence": _evidence_json(result),
        "seconds": result.seconds,
        "versions": versions(),
        "commit": asdict(code) if code is not None else None,
        "report": str(report_path) if report_path is not None else None,
        "run_id": run_id,
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def _costs_json(by_costs: dict[str, Any]) -> dict[str, Any]:
    return {name: asdict(summary) for name, summary in by_costs.items()}


def _fold_json(result: RunResult, fold: FoldResult) -> dict[str, Any]:
    assert result.walk_forward is not None
    first, last = fold_span(result, fold.test_rows)
    levers = result.walk_forward.grid[fold.chosen].values() if fold.chosen >= 0 else None
    return {**asdict(fold), "test_from": first, "test_to": last, "levers": levers}


def _evidence_json(result: RunResult) -> dict[str, Any] | None:
    """Scalars of the evidence; the arrays behind them stay in the report."""
    if result.walk_forward is None:
        return None
    fields: dict[str, Any] = asdict(result.walk_forward.evidence)
    return {
        name: {k: v for k, v in value.items() if not isinstance(v, np.ndarray)} if isinstance(value, dict) else value
        for name, value in fields.items()
    }


def _plain(value: Any) -> Any:
    """``value`` with numpy scalars, tuples and non-finite numbers replaced by what JSON knows."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
