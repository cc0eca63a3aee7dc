"""``arena-data import``: recordings into a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from research.cli.catalogs import RECORDED
from research.cli.screen import WIDE, bar_on, console_for, table_of

if TYPE_CHECKING:
    from rich.console import Console

    from research.importers import ImportReport


def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Recordings: files, or a folder of them.")],
    to: Annotated[str, typer.Option("--to", metavar="CATALOG", help="Catalog to make or add to.")] = str(RECORDED),
) -> None:
    """Import recordings into a catalog.

    Rows that break a quality rule are quarantined under its name and counted, never dropped. Importing
    the same file again changes nothing. On an error the catalog stays as it was.

    Example: arena-data import ../shared/data --to data/recorded
    """
    from research.importers import import_path

    with bar_on(console_for(stderr=True)) as bar:
        task = bar.add_task("looking", total=None)
        report = import_path(
            paths, to, lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps)
        )
    _print_report(console_for(width=WIDE), report)


def _print_report(console: Console, report: ImportReport) -> None:
    table = table_of("table", "rows read", "repeated", "in catalog", "gaps", "quarantined", right={1, 2, 3, 4})
    for t in report.tables:
        refused = ", ".join(f"{rule} {rows:,}" for rule, rows in t.quarantined.items()) or "none"
        table.add_row(t.name, f"{t.read:,}", f"{t.repeated:,}", f"{t.rows:,}", f"{t.gaps:,}", refused)
    console.print(f"Imported {len(report.files)} recording(s) into {report.catalog}")
    console.print(table)
    if any(t.repeated for t in report.tables):
        console.print("repeated: rows that another file or the catalog already had; kept once.")
    for path, why in report.skipped.items():
        console.print(f"Skipped {Path(path).name}: {why}")
