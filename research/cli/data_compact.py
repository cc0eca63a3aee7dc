"""``arena-data compact``: many small files become one per day."""

from __future__ import annotations

from typing import Annotated

import typer

from research.cli.catalogs import place_of, steps_of


def compact(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog: folder, name under data/, or s3://...")],
    table: Annotated[str | None, typer.Option(help="One table; default: all.")] = None,
) -> None:
    """Merge the files of each table, asset, day and source into one.

    The same rows in the same order come out as the same bytes, in however many appends they were written; digests
    of compacted catalogs can be compared. A recorder may be running: in a folder it waits meanwhile. Merged files
    stay for an hour, so that whoever reads them can read on.

    Example: arena-data compact recorded
    """
    from arena.market.catalog import Catalog

    place = place_of(catalog)
    with Catalog.update(place) as writer, steps_of("merging files") as progress:
        before = len(writer.so_far().manifest.paths)
        writer.compact(table, progress)
    after = Catalog.open(place)
    typer.echo(f"{place}: {before:,} files are now {len(after.manifest.paths):,}; digest {after.digest()[:12]}")
