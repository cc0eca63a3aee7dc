"""``arena-data verify``: are the bytes of a catalog those that were written?"""

from __future__ import annotations

from typing import Annotated

import typer

from research.cli.catalogs import open_catalog, steps_of


def verify(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog: folder, name under data/, or s3://...")],
) -> None:
    """Read every file of a catalog and compare its SHA-256 with the manifest.

    Exit code 2 and the file's name when one was changed.

    Example: arena-data verify recorded
    """
    opened = open_catalog(catalog)
    with steps_of("checking files") as progress:
        opened.verify(progress)
    tables = opened.manifest.tables.values()
    size = sum(entry.size for table in tables for entry in table.entries)
    typer.echo(f"{opened.path}: {len(opened.manifest.paths):,} files, {size / 1e6:,.1f} MB, all as written.")
