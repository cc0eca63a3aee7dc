"""``arena-data clean``: files that belong to no catalog any more."""

from __future__ import annotations

from typing import Annotated

import typer

from research.cli.catalogs import place_of


def clean(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog: folder, name under data/, or s3://...")],
    grace_min: Annotated[
        float, typer.Option("--grace", min=0.0, help="Spare files written or replaced in the last so many minutes.")
    ] = 60.0,
) -> None:
    """Remove files that the manifest does not list.

    They are what killed writers left, and what commits replaced. Readers and writers that began within the grace
    are safe; files that no catalog made are left alone.

    Example: arena-data clean recorded
    """
    from arena.market.catalog import Catalog, Terms

    place = place_of(catalog)
    removed = Catalog.clean(place, Terms(grace_s=grace_min * 60.0))
    typer.echo(f"{place}: {len(removed):,} files removed, {sum(removed.values()) / 1e6:,.1f} MB.")
