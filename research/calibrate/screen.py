"""A calibration on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from research.calibrate import tables
from research.calibrate.run import Calibration

if TYPE_CHECKING:
    from rich.console import Console


def show(found: Calibration, console: Console) -> None:
    """Print distances and fitted numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def grid(head: tuple[str, ...], rows: list[tuple[str, ...]], right: set[int]) -> Table:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for k, name in enumerate(head):
            table.add_column(name, justify="right" if k in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        return table

    console.print(grid(tables.DISTANCES, tables.distances(found), {2, 3, 4, 5, 6}))
    console.print(grid(tables.NUMBERS[:5], [row[:5] for row in tables.numbers(found)], set()))
    console.print(f"Book after spot: {found.recorded.reaction.says}; lab: {found.lab.reaction.says}.")
    console.print(tables.headline(found))
