"""``arena-data migrate``: a catalog of an older schema version becomes one of this version."""

from __future__ import annotations

from typing import Annotated

import typer

from research.cli.catalogs import place_of, steps_of


def migrate(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog: folder, name under data/, or s3://...")],
) -> None:
    """Bring a catalog to the schema version of this Arena.

    All or nothing, and nothing is lost: rows, refused rows, known defects and gap counts come along.

    Example: arena-data migrate data/recorded
    """
    from arena.market.migrate import migrate as run

    place = place_of(catalog)
    with steps_of("writing files anew") as progress:
        done = run(place, progress)
    if done.before == done.after:
        typer.echo(f"{place} has schema version {done.after} already; nothing to do.")
    else:
        typer.echo(
            f"{place}: schema version {done.before} is now {done.after}; {done.rewritten:,} files written anew, "
            f"{done.kept:,} left as they were."
        )
