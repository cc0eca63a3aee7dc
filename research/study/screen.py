"""A study on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from research.study.summary import Summary
from research.study.tables import tables

if TYPE_CHECKING:
    from rich.console import Console


def show(summary: Summary, console: Console) -> None:
    """Print every table of rates, then what was to be shown."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    for found in tables(summary):
        table = Table(title=found.title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for name in found.head:
            table.add_column(name, justify="right", no_wrap=True)
        for row in found.rows:
            table.add_row(*row)
        console.print(table)
    for claim in summary.claims:
        console.print(claim.text if claim.holds else f"[bold red]BROKEN:[/] {claim.text}")
