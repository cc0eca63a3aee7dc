"""Rows as one table on the terminal, and as JSON."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Figure
from benchmarks.rows import Row

_PACKAGES = (
    "arena",
    "numba",
    "numpy",
    "scipy",
    "polars",
    "vectorbt",
    "backtesting",
    "phacker",
    "arch",
    "holdout-backtest",
    "purgedcv",
)


def machine() -> dict[str, str]:
    """What the figures depend on."""
    facts = {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "cpu": _from_proc("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "memory": _from_proc("/proc/meminfo", "MemTotal") or "unknown",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }
    for name in _PACKAGES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "absent"
    return facts


def _from_proc(path: str, field: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def show(rows: list[Row], busy: dict[str, float], full: bool, console: Console) -> None:
    """Print the machine, the table, and the notes that its rows need."""
    facts = machine()
    console.print(
        f"{facts['cores']} cores, {facts['cpu']}, {facts['memory']}, Python {facts['python']}, {facts['system']}\n"
        + ", ".join(f"{name} {facts[name]}" for name in _PACKAGES)
    )
    if not full:
        console.print("[bold]Tiny sizes: these figures only show that everything runs; budgets are not judged.[/bold]")
    table = Table(show_lines=True, pad_edge=False)
    for name in ("benchmark", "what"):
        table.add_column(name, overflow="fold")
    for name in ("Arena: median (range)", "peer", "better by"):
        table.add_column(name)
    table.add_column("same answer?")
    table.add_column("budget")
    for row in rows:
        table.add_row(
            row.benchmark,
            _what(row),
            _figure(row.ours, row.unit),
            _peer(row),
            _ratio(row),
            _same(row),
            _budget(row, full),
        )
    console.print(table)
    load = ", ".join(f"{name} {cores:.2f}" for name, cores in busy.items())
    console.print(f"Cores kept busy by other processes meanwhile: {load}.")
    missed = [row for row in rows if full and row.met is False]
    for row in missed:
        reached, asked = _value(row.ours.median, row.unit), _value(row.budget or 0.0, row.unit)
        console.print(f"[red]MISSED[/red] {row.benchmark}: {row.what}: {reached}, budget {asked}")
    wrong = [row for row in rows if row.agrees is False]
    for row in wrong:
        console.print(f"[red]DIFFERENT ANSWER[/red] {row.benchmark}: {row.what}: {row.same}")


def to_json(rows: list[Row], busy: dict[str, float], full: bool) -> dict[str, Any]:
    """Everything the table shows, in plain values."""
    return {
        "machine": machine(),
        "full_size": full,
        "others_busy_cores": busy,
        "rows": [asdict(row) | {"ratio": row.ratio, "met": row.met if full else None} for row in rows],
    }


def _value(value: float, unit: str) -> str:
    if unit.endswith("/s"):
        for scale, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= scale:
                return f"{value / scale:.3g} {prefix} {unit}"
    if unit == "s" and value < 0.1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:,.0f} {unit}" if value >= 1000.0 else f"{value:.3g} {unit}"


def _figure(figure: Figure, unit: str) -> str:
    middle = _value(figure.median, unit)
    if figure.low == figure.high:
        return middle
    return f"{middle}\n({_value(figure.low, unit)} – {_value(figure.high, unit)})"


def _what(row: Row) -> str:
    return f"{row.what}\n[dim]{row.note}[/dim]" if row.note else row.what


def _peer(row: Row) -> str:
    if not row.peer:
        return "none"
    if row.theirs is None:
        return f"{row.peer}: absent"
    figure = _figure(row.theirs, row.unit)
    return f"{row.peer}\n{figure}" + ("\n[dim]stated, not measured here[/dim]" if row.stated else "")


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:,.0f}×" if row.ratio >= 20 else f"{row.ratio:.2g}×"


def _same(row: Row) -> str:
    if row.agrees is None:
        return row.same or "nothing to compare"
    return ("[green]yes[/green]: " if row.agrees else "[red]NO[/red]: ") + row.same


def _budget(row: Row, full: bool) -> str:
    if row.budget is None:
        return "none"
    limit = ("≥ " if row.is_rate else "≤ ") + _value(row.budget, row.unit)
    if not full:
        return limit
    return limit + ("\n[green]met[/green]" if row.met else "\n[red]missed[/red]")
