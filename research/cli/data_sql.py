"""``arena-data sql``: a question to a catalog, in SQL."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from research.cli.catalogs import RECORDED, open_catalog


class Format(StrEnum):
    """How an answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, in quotes.")],
    catalog: Annotated[
        str, typer.Option("--catalog", metavar="CATALOG", help="A catalog: folder, name under data/, or s3://...")
    ] = str(RECORDED),
    form: Annotated[Format, typer.Option("--format", help="table: times as dates; csv, json: times as ns UTC.")] = (
        Format.table
    ),
    limit: Annotated[
        int | None, typer.Option(min=1, help="Rows to print at most; default: 40 in a table, else all.")
    ] = None,
) -> None:
    """Ask a catalog in SQL.

    Tables are those of `arena-data ls`, and quarantine_TABLE for refused rows with the rule each broke. Each has a
    column `time` (UTC timestamp) beside its integer times (ns UTC). Only what the query needs is read.

    Example: arena-data sql "select asset, source, count(*) as n from spot group by 1, 2 order by n desc"

    Example: arena-data sql "select date_trunc('hour', time) as hour, min(bid), max(ask) from spot where asset = 'BTC'
    and time >= '2026-03-01' group by 1 order by 1" --format csv

    Example: arena-data sql "select rule, count(*) as n from quarantine_binary_quotes group by 1" --catalog s3://b/rec
    """
    import polars as pl

    from arena.market.catalog.sql import readable

    answer = open_catalog(catalog).sql(query)
    shown = answer.head(limit or (40 if form is Format.table else answer.height))
    if form is Format.csv:
        typer.echo(shown.write_csv(), nl=False)
    elif form is Format.json:
        typer.echo(shown.write_json())
    else:
        from research.cli.screen import console_for

        console = console_for()
        width = console.width if console.is_terminal else 10_000  # a file is not folded
        with pl.Config(
            tbl_cols=-1,
            tbl_rows=shown.height,
            tbl_width_chars=width,
            tbl_hide_dataframe_shape=True,
            tbl_hide_column_data_types=True,
            fmt_str_lengths=100,
        ):
            typer.echo(str(readable(shown)))
        if shown.height < answer.height:
            typer.echo(f"{shown.height:,} of {answer.height:,} rows; --limit shows more.")
