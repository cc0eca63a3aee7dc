"""``python -m benchmarks [NAME ...]``: run all benchmarks, or the named ones, and print one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from rich.console import Console

from benchmarks.lab import LabMarket
from benchmarks.measure import Others
from benchmarks.rows import Row, Sizes
from benchmarks.table import show, to_json

NAMES = (
    "sma", "features", "replay", "sweep", "cscv", "spa", "bets", "start", "step", "tape", "catalog", "ingest",
    "feeds", "screen",
)  # fmt: skip


def main() -> int:
    """Exit code 1 when an answer differs from a peer's; a missed budget is printed, not an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; default: all")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: does everything run?")
    options = parser.parse_args()
    names = options.names or list(NAMES)
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(NAMES)}.")
    sizes = Sizes.tiny() if options.tiny else Sizes.complete()
    progress = Console(stderr=True)
    rows: list[Row] = []
    busy: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as folder:
        lab = LabMarket(Path(folder), sizes.days)
        for name in names:
            progress.print(f"{name} ...", style="dim")
            others = Others()
            rows += import_module(f"benchmarks.{name}").run(sizes, lab)
            busy[name] = round(others.cores(), 2)
    if options.json:
        print(json.dumps(to_json(rows, busy, sizes.full), indent=1))
    else:
        console = Console(highlight=False)
        show(rows, busy, sizes.full, console if console.is_terminal else Console(highlight=False, width=190))
    return int(any(row.agrees is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
