"""When there is data, and when there is none."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from arena.units import SECOND
from research.audit.exchange import bar_holes
from research.audit.feeds import silent_spans
from research.audit.view import View
from research.audit.windows import holes

HOUR_NS = 3600 * SECOND
_RECORDERS_OWN = ("gaps", "clock")


def hours(view: View) -> pl.DataFrame:
    """Every hour that holds a row: ``stream`` (table and source), ``hour`` (ns UTC of its start), ``rows``.

    Streams come in the order of the tables, then by source.
    """
    found = [pl.DataFrame(schema={"stream": pl.String, "hour": pl.Int64, "rows": pl.UInt32})]
    for name, table in TABLES.items():
        if name in _RECORDERS_OWN:
            continue
        counted = (
            view.source.scan(name)
            .group_by("source", (pl.col(table.time) // HOUR_NS * HOUR_NS).alias("hour"))
            .agg(pl.len().alias("rows"))
            .sort("source", "hour")
            .collect()
        )
        found.append(counted.select(pl.format(f"{name} · {{}}", "source").alias("stream"), "hour", "rows"))
    return pl.concat(found)


def days(view: View) -> pl.DataFrame:
    """Covered hours of every day: ``stream, day`` (date UTC), ``hours`` (1-24), ``rows``; in the order of streams."""
    return (
        view.once(hours)
        .group_by("stream", pl.from_epoch("hour", time_unit="ns").dt.date().alias("day"), maintain_order=True)
        .agg(pl.len().alias("hours"), pl.col("rows").sum())
    )


def day_hours(view: View) -> pl.DataFrame:
    """Share of a stream's days that hold rows in an hour of the day: ``stream, of_day`` (0-23 UTC), ``share``."""
    when = pl.from_epoch("hour", time_unit="ns")
    rows = view.once(hours).with_columns(when.dt.hour().alias("of_day"), when.dt.date().alias("day"))
    return (
        rows.with_columns(pl.col("day").n_unique().over("stream").alias("days"))
        .group_by("stream", "of_day", maintain_order=True)
        .agg((pl.len() / pl.col("days").first()).alias("share"))
    )


def missing(view: View) -> pl.DataFrame:
    """Everything that is known to be missing, longest first: ``what, stream, begin_ns, end_ns, declared``.

    Declared are the rows of the gaps table. The others were found: silences of streams, windows and bars
    between the first and the last of their kind.
    """
    columns = ["what", "stream", "begin_ns", "end_ns", "declared"]
    said = view.gaps.select(
        pl.col("reason").alias("what"),
        pl.format("{} {} ({})", "stream", "asset", "source").alias("stream"),
        pl.col("recv_ns").alias("begin_ns"),
        pl.col("until_ns").alias("end_ns"),
        pl.lit(True).alias("declared"),
    )
    silences = view.once(silent_spans).filter(pl.col("undeclared_ns") > SECOND)
    found = [said.select(columns)]
    for what, rows in (
        (pl.lit("silence"), silences.with_columns(pl.col("subject").cast(pl.String))),
        (pl.format("{} windows", "lost"), view.once(holes)),
        (pl.format("{} bars", "lost"), view.once(bar_holes)),
    ):
        spans = rows.select(
            what.alias("what"), pl.col("subject").alias("stream"), "begin_ns", "end_ns", pl.lit(False).alias("declared")
        )
        found.append(spans.select(columns))
    return pl.concat(found).sort(pl.col("end_ns") - pl.col("begin_ns"), descending=True, maintain_order=True)
