"""``arena-data ls`` and ``show``: what catalogs hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import DataError
from research.cli.catalogs import DATA, open_catalog
from research.cli.screen import WIDE, console_for, table_of

if TYPE_CHECKING:
    from rich.console import Console

    from arena.market.catalog import Catalog
    from arena.market.manifest import TableManifest


def ls(
    catalogs: Annotated[
        list[str] | None, typer.Argument(metavar="[CATALOG...]", help="Catalogs; default: all under data/.")
    ] = None,
) -> None:
    """List catalogs: what each table holds.

    Per table: rows, span, sources, gaps, quarantined rows and the start of its digest.

    Example: arena-data ls data/recorded
    """
    from arena.market.catalog import MANIFEST

    console = console_for(width=WIDE)
    folders = catalogs or sorted(str(p.parent) for p in DATA.glob(f"*/{MANIFEST}"))
    if not folders:
        raise DataError(f"There is no catalog under {DATA}/; make one with `arena-data import PATH`.")
    for folder in folders:
        catalog = open_catalog(folder)
        table = table_of(
            "table", "rows", "first (UTC)", "last (UTC)", "sources", "gaps", "quarantined", "digest", right={1, 5, 6}
        )
        for name, held in sorted(catalog.manifest.tables.items()):
            first, last = _span(held)
            refused = sum(held.quarantined.values())
            table.add_row(
                *(name, f"{held.rows:,}", first, last, ", ".join(held.sources)),
                *(f"{held.gaps:,}", f"{refused:,}", held.digest()[:12]),
            )
        console.print(f"{catalog.path}  digest {catalog.digest()[:12]}")
        console.print(table)


def show(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog folder, or its name under data/.")],
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="One table; default: all.")] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Rows to print from the start of the table.")] = 5,
) -> None:
    """Show a table in full, defects included.

    Columns with units, span, rows per source, known defects, gaps, hash, rows quarantined by rule, first rows.

    Example: arena-data show recorded binary_quotes
    """
    from arena.market.schema import TABLES

    opened = open_catalog(catalog)
    if table is not None and table not in TABLES:
        raise DataError(f"There is no table {table!r}; the tables are {', '.join(TABLES)}.")
    if table is not None and table not in opened.manifest.tables:
        raise DataError(f"{opened.path} has no {table}; it has {', '.join(opened.manifest.tables)}.")
    for name in sorted(opened.manifest.tables) if table is None else [table]:
        _print_table(console_for(width=WIDE), opened, name, rows)


def _print_table(console: Console, catalog: Catalog, name: str, rows: int) -> None:
    import polars as pl

    from arena.market.quality import RULES
    from arena.market.schema import TABLES

    spec, held = TABLES[name], catalog.manifest.tables[name]
    first, last = _span(held)
    console.rule(name)
    console.print(
        f"{spec.doc}\n{held.rows:,} rows, {first} to {last} UTC, {held.gaps:,} gaps, {len(held.files)} files, "
        f"sha256 {held.digest()}",
        highlight=False,
        soft_wrap=True,
    )
    columns = table_of("column", "type", "unit", "null", "meaning")
    for c in spec.columns:
        columns.add_row(c.name, str(c.dtype), c.unit, "yes" if c.nullable else "", c.doc)
    console.print(columns)

    sources = table_of("source", "rows", "first (UTC)", "last (UTC)", "assets", "known defects", right={1})
    for source, count in held.sources.items():
        files = [f for f in held.files if f.source == source]
        sources.add_row(
            source,
            f"{count:,}",
            _utc(min(f.first_ns for f in files)),
            _utc(max(f.last_ns for f in files)),
            ", ".join(sorted({f.asset for f in files})),
            " ".join(held.known_defects.get(source, ())),
        )
    console.print(sources)

    if held.quarantined:
        why = {rule.name: rule.doc for rule in RULES}
        refused = table_of("quarantined by rule", "rows", "sources", "why", right={1})
        for rule, count in held.quarantined.items():
            names = ", ".join(sorted({q.source for q in held.quarantine if q.rule == rule}))
            refused.add_row(rule, f"{count:,}", names, why.get(rule, ""))
        console.print(refused)

    if rows:
        with pl.Config(tbl_cols=-1, tbl_rows=rows, tbl_width_chars=console.width, tbl_hide_dataframe_shape=True):
            console.print(str(catalog.scan(name).head(rows).collect()), soft_wrap=True)


def _span(held: TableManifest) -> tuple[str, str]:
    return (_utc(held.span[0]), _utc(held.span[1])) if held.span else ("", "")


def _utc(ns: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
