"""``arena-data reparse``: a catalog from a raw log alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def reparse(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="A raw log, or the recorded catalog that has it.")],
    to: Annotated[Path, typer.Option("--to", metavar="CATALOG", help="Catalog to make.")],
) -> None:
    """Rebuild a recorded catalog from its raw log.

    The tables are a function of the log: the result is the recorder's own, byte for byte (compare the digests
    of `arena-data ls`), unless the parsers have learned something since.

    Example: arena-data reparse data/recorded-live --to data/rebuilt
    """
    from arena.market.catalog import Catalog
    from live.recorder.feeds import parsers_of
    from live.recorder.reparse import raw_folder
    from live.recorder.reparse import reparse as rebuild
    from research.cli.screen import console_for

    console = console_for()
    with console.status("reading the log") as spinner:
        done = rebuild(raw_folder(raw), to, parsers_of, lambda frames: spinner.update(f"{frames:,} frames"))
    console.print(f"{to}: {done.frames:,} frames, digest {Catalog.open(to).digest()[:12]}", soft_wrap=True)
    for name, rows in sorted(done.rows.items()):
        console.print(f"  {name:<16}{rows:>14,} rows")
    for feed, counts in done.refused.items():
        said = ", ".join(f"{why} {count:,}" for why, count in counts.items())
        console.print(f"  {feed}: {said}", soft_wrap=True)
