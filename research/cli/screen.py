"""What the commands show while they work: one console, one set of progress bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.table import Table

    from research.run import Progress


PAGE, WIDE = 120, 200
"""Columns of text where nobody's terminal says how many there are: of prose, and of tables."""


def console_for(quiet: bool = False, stderr: bool = False, width: int = PAGE) -> Console:
    """A console; ``width`` columns wide where it is not a terminal, so that tables in files are not folded."""
    from rich.console import Console

    console = Console(quiet=quiet, stderr=stderr, highlight=False)
    if not console.is_terminal:
        console = Console(quiet=quiet, stderr=stderr, highlight=False, width=width)
    return console


def bar_on(console: Console) -> RichProgress:
    """Progress bars, silent where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def table_of(*headers: str, right: set[int] | None = None) -> Table:
    """An empty table; the columns numbered in ``right`` hold figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for i, header in enumerate(headers):
        table.add_column(header, justify="right" if i in (right or set()) else "left", overflow="fold")
    return table


def progress_on(bar: RichProgress) -> Progress:
    """The stages of a run as bars."""
    from research.run import Progress

    current: list[tuple[Any, str]] = []

    def start(what: str, steps: int) -> None:
        current[:] = [(bar.add_task(what, total=steps), what)]

    def step(label: str) -> None:
        task, what = current[0]
        bar.update(task, advance=1, description=f"{what}: {label}" if label else what)

    return Progress(start=start, step=step)
