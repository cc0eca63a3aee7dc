"""SQL over a catalog's tables, lazily: only what a query reads is opened."""

from __future__ import annotations

import re

import polars as pl

from arena.errors import DataError
from arena.market.catalog.view import CatalogView
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import TABLES

QUARANTINE = "quarantine_"
"""Prefix of the tables of refused rows; they have one more column, ``rule``."""


def query(view: CatalogView, sql: str) -> pl.DataFrame:
    """The answer to one SELECT of polars' SQL.

    Every table of the schema can be named, and its refused rows as ``quarantine_<table>``. Times are ns UTC as
    integers; each table has one more column, ``time``: its time column as a UTC timestamp, so that
    ``time >= '2026-03-01 12:00'`` works.

    Raises:
        DataError: a table or column is not there, or the query is not SQL that polars reads.
    """
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    frames = {}
    for name, spec in TABLES.items():
        time = pl.from_epoch(spec.time, time_unit="ns").dt.replace_time_zone("UTC").alias("time")
        if name in words:
            frames[name] = view.scan(name).with_columns(time)
        if QUARANTINE + name in words:
            frames[QUARANTINE + name] = view.quarantined(name).with_columns(time)
    try:
        with pl.SQLContext(frames, eager=False) as context:
            return context.execute(sql).collect()
    except pl.exceptions.PolarsError as error:
        said = str(error).strip().splitlines()[0]
        held = ", ".join(name for name, table in view.manifest.tables.items() if table.files)
        raise DataError(
            f"This query cannot be answered: {said}. {view.path} has {held or 'no rows'} (refused rows: "
            f"{QUARANTINE}<table>); `arena-data show {view.path} TABLE` lists columns."
        ) from error


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with its ns UTC integers (columns that end in ``_ns`` and hold times) as UTC timestamps."""
    times = [
        name
        for name, dtype in frame.schema.items()
        if dtype == pl.Int64 and name.endswith("_ns") and frame[name].is_between(EARLIEST_NS, LATEST_NS).all()
    ]
    return frame.with_columns(pl.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC") for name in times)
