"""``arena-data``: import recordings into a catalog, and see what a catalog holds.

Polars and rich are imported inside the commands, so that ``--help`` is instant.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import DataError
from research.cli import (
    data_audit,
    data_clean,
    data_compact,
    data_fetch,
    data_lab,
    data_migrate,
    data_record,
    data_reparse,
    data_replay_l2,
    data_sql,
    data_verify,
    data_window,
)
from research.cli.catalogs import DATA, RECORDED, open_catalog
from research.cli.group import OneLineErrors

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from arena.market.catalog import Catalog
    from arena.market.manifest import TableManifest
    from research.importers import ImportReport

app = typer.Typer(
    name="arena-data",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Market data: import recordings into a catalog, and see what a catalog holds and what is wrong with it.",
)


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Recordings: files, or a folder of them.")],
    to: Annotated[str, typer.Option("--to", metavar="CATALOG", help="Catalog to make or add to.")] = str(RECORDED),
) -> None:
    """Import recordings into a catalog.

    Rows that break a quality rule are quarantined under its name and counted, never dropped. Importing
    the same file again changes nothing. On an error the catalog stays as it was.

    Example: arena-data import ../shared/data --to data/recorded
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from research.importers import import_path

    progress_to = _console(stderr=True)
    bar = Progress(
        TextColumn("{task.description:<50}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_to,
        transient=True,
        disable=not progress_to.is_terminal,  # a log file wants the result, not the movement
    )
    with bar:
        task = bar.add_task("looking", total=None)
        report = import_path(
            paths, to, lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps)
        )
    _print_report(_console(), report)


@app.command("ls")
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

    console = _console()
    folders = catalogs or sorted(str(p.parent) for p in DATA.glob(f"*/{MANIFEST}"))
    if not folders:
        raise DataError(f"There is no catalog under {DATA}/; make one with `arena-data import PATH`.")
    for folder in folders:
        catalog = open_catalog(folder)
        table = _rich_table(
            "table", "rows", "first (UTC)", "last (UTC)", "sources", "gaps", "quarantined", "digest", right={1, 5, 6}
        )
        for name, held in sorted(catalog.manifest.tables.items()):
            first, last = _span(held)
            refused = sum(held.quarantined.values())
            table.add_row(
                *(name, f"{held.rows:,}", first, last, ", ".join(held.sources)),
                *(f"{held.gaps:,}", f"{refused:,}", held.digest()[:12]),
            )
        console.print(f"{catalog.path}  digest {catalog.digest()[:12]}", highlight=False)
        console.print(table)


@app.command("show")
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
        _print_table(_console(), opened, name, rows)


app.add_typer(data_fetch.app, name="fetch")
app.command("lab")(data_lab.lab)
app.command("audit")(data_audit.audit)
app.command("window")(data_window.window)
app.command("sql")(data_sql.sql)
app.command("verify")(data_verify.verify)
app.command("compact")(data_compact.compact)
app.command("migrate")(data_migrate.migrate)
app.command("clean")(data_clean.clean)
app.command("replay-l2")(data_replay_l2.replay_l2)
app.command("record")(data_record.record)
app.command("reparse")(data_reparse.reparse)


def main() -> None:
    """Entry point of the ``arena-data`` command."""
    app()


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    # A pipe has no width: leave tables whole there instead of folding them at 80 columns.
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=200)


def _rich_table(*headers: str, right: set[int] | None = None) -> RichTable:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for i, header in enumerate(headers):
        table.add_column(header, justify="right" if i in (right or set()) else "left", overflow="fold")
    return table


def _utc(ns: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(held: TableManifest) -> tuple[str, str]:
    return (_utc(held.span[0]), _utc(held.span[1])) if held.span else ("", "")


def _print_report(console: Console, report: ImportReport) -> None:
    table = _rich_table("table", "rows read", "repeated", "in catalog", "gaps", "quarantined", right={1, 2, 3, 4})
    for t in report.tables:
        refused = ", ".join(f"{rule} {rows:,}" for rule, rows in t.quarantined.items()) or "none"
        table.add_row(t.name, f"{t.read:,}", f"{t.repeated:,}", f"{t.rows:,}", f"{t.gaps:,}", refused)
    console.print(f"Imported {len(report.files)} recording(s) into {report.catalog}", highlight=False)
    console.print(table)
    if any(t.repeated for t in report.tables):
        console.print("repeated: rows that another file or the catalog already had; kept once.", highlight=False)
    for path, why in report.skipped.items():
        console.print(f"Skipped {Path(path).name}: {why}", highlight=False)


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
    columns = _rich_table("column", "type", "unit", "null", "meaning")
    for c in spec.columns:
        columns.add_row(c.name, str(c.dtype), c.unit, "yes" if c.nullable else "", c.doc)
    console.print(columns)

    sources = _rich_table("source", "rows", "first (UTC)", "last (UTC)", "assets", "known defects", right={1})
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
        refused = _rich_table("quarantined by rule", "rows", "sources", "why", right={1})
        for rule, count in held.quarantined.items():
            names = ", ".join(sorted({q.source for q in held.quarantine if q.rule == rule}))
            refused.add_row(rule, f"{count:,}", names, why.get(rule, ""))
        console.print(refused)

    if rows:
        with pl.Config(tbl_cols=-1, tbl_rows=rows, tbl_width_chars=console.width, tbl_hide_dataframe_shape=True):
            console.print(str(catalog.scan(name).head(rows).collect()), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
