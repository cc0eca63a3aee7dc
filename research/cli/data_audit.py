"""``arena-data audit``: what is wrong with a catalog, and what it would do to a backtest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def audit(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog: folder, name under data/, or s3://...")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page.")] = Path("reports/audit.html"),
    json_: Annotated[bool, typer.Option("--json", help="Print the audit as JSON and nothing else.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if a check fails.")] = False,
) -> None:
    """Judge a catalog: coverage, gaps, feeds, books, clocks, outcomes, and what ingest refused.

    Every check says what it measures, where its limits come from and what the fault would do to a backtest.

    Example: arena-data audit recorded --out reports/audit.html
    """
    import json

    from research.audit import View
    from research.audit import audit as run
    from research.audit.document import to_json
    from research.audit.finding import Status
    from research.audit.page import write_page
    from research.audit.terminal import print_audit
    from research.cli.catalogs import open_catalog
    from research.cli.screen import bar_on, console_for

    opened = open_catalog(catalog)
    view = View(opened, opened)
    with bar_on(console_for(quiet=json_)) as bar:
        task = bar.add_task("looking")
        found = run(view, lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps + 1))
        bar.update(task, description="writing the page", advance=1)
        page = write_page(found, view, opened, out)
        bar.update(task, description="done", advance=1)
    if json_:
        sys.stdout.write(json.dumps(to_json(found, view, opened, page), indent=2) + "\n")
    else:
        print_audit(found, console_for(), page)
    if strict and found.status is Status.FAIL:
        raise typer.Exit(1)
