"""``arena-data calibrate``: fit the lab to recordings, and show how far it is from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from research.cli.screen import bar_on, console_for


def calibrate(
    catalog: Annotated[Path, typer.Argument(metavar="[CATALOG]", help="Recordings.")] = Path("data/recorded"),
    out: Annotated[Path, typer.Option("--out", metavar="FILE.html", help="The page.")] = Path(
        "reports/calibration.html"
    ),
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE.toml", help="Fitted settings, for arena-data lab --config.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Fit the lab to recordings, and show how far it is from them.

    Measures stylised facts of the recordings and of the lab with the same functions: volatility signature, tails,
    memory and season of volatility, basis and delay of the oracle, spread, size and pace of the book by time left,
    calibration of its mid, memory of outcomes.

    Fits what a recording tells, in this order: price path from spot minutes (season and memory of volatility in closed
    form, jumps by simulated tails), inertia and delay of the oracle from its reports, basis from common minutes, size
    and pace of the book read off, patience of the maker and spread by simulated markets. Fixed seeds: the same
    recordings give the same numbers. What no recording tells keeps its documented value and is listed.

    Every distance stands beside the default lab's, that of a lab fitted to the first half and held against the second
    (held out), and that between the halves of the recording (noise floor). Takes five minutes.

    Example: arena-data calibrate data/recorded --write experiments/lab_fitted.toml
    """
    import json
    import sys

    from arena.market.catalog import Catalog
    from research.calibrate.report import write_report
    from research.calibrate.run import STEPS, calibrate
    from research.calibrate.sample import recorded
    from research.calibrate.screen import show
    from research.calibrate.settings_file import write_settings
    from research.calibrate.summary import to_json

    console = console_for(quiet=json_)
    sample = recorded(Catalog.open(catalog))
    with bar_on(console) as bar:
        task = bar.add_task("recordings", total=STEPS)
        found = calibrate(sample, lambda what: bar.update(task, advance=1, description=what))
    page = write_report(found, out)
    if write is not None:
        write_settings(found.config, found.numbers, write)
    if json_:
        sys.stdout.write(json.dumps(to_json(found), indent=2) + "\n")
        return
    show(found, console)
    console.print(f"Report: {page}", soft_wrap=True)
    if write is not None:
        console.print(f"Settings: {write}", soft_wrap=True)
