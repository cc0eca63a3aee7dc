"""The audit on one screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from research.audit.audit import Audit
from research.audit.finding import Status
from research.audit.text import counted, figure, leading
from research.report.text import NONE

if TYPE_CHECKING:
    from rich.console import Console

_COLOUR = {Status.PASS: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.NONE: "dim"}


def print_audit(audit: Audit, console: Console, page: Path) -> None:
    """Print one line per check that had something to measure, then where the page is."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for name in ("check", "result", "worst", "where", "streams"):
        table.add_column(name, overflow="fold", justify="right" if name == "worst" else "left")
    for finding in audit.findings:
        if finding.status is Status.NONE:
            continue
        worst = leading(finding)
        table.add_row(
            finding.check.name,
            f"[{_COLOUR[finding.status]}]{finding.status}[/]",
            figure(worst.figure, finding.check.limits.unit) if worst is not None else NONE,
            escape(worst.name) if worst is not None and finding.status is not Status.PASS else "",
            counted(finding),
        )
    console.print(table)
    silent = [f.check.name for f in audit.findings if f.status is Status.NONE]
    if silent:
        console.print(f"Nothing to measure for {', '.join(silent)}.", highlight=False)
    console.print(
        f"{audit.count(Status.PASS)} passed, {audit.count(Status.WARN)} warned, {audit.count(Status.FAIL)} failed. "
        f"Page: {page}",
        highlight=False,
        soft_wrap=True,
    )
