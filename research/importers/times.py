"""Times in a unit they should not be in: of a row, of a whole file (rule ``time_unit``)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import Table
from arena.units import MS

RULE = "time_unit"
"""The rule's name."""
MOST = 0.5
"""Share of a column's times outside 2015-2100 above which its unit is wrong, and not its rows."""

LARGEST_MS = 9_000_000_000_000
"""What fits into nanoseconds, with room for the length of a bar: farther times are cut to it, and stay wrong."""


def in_milliseconds(frame: pl.DataFrame, columns: tuple[str, ...], path: Path) -> pl.DataFrame:
    """``frame`` with times that can be converted to nanoseconds.

    Raises:
        DataError: a column is no integer, or most of it is outside 2015-2100; names the file, the first
            offending row, column and value.
    """
    for name in columns:
        times = frame[name]
        if not times.dtype.is_integer():
            raise DataError(f"{path}: {name} is {times.dtype}, not integer milliseconds (rule {RULE}); convert it.")
        if _refused(times, EARLIEST_NS // MS, LATEST_NS // MS, "milliseconds", path):
            frame = frame.with_columns(pl.col(name).clip(-LARGEST_MS, LARGEST_MS))
    return frame


def check_nanoseconds(table: Table, frame: pl.DataFrame, path: Path) -> None:
    """Refuse a file most of whose times are not nanoseconds UTC.

    Raises:
        DataError: names the file, the first offending row, column and value.
    """
    for name in ns_columns(table):
        _refused(frame[name], EARLIEST_NS, LATEST_NS, "nanoseconds", path)


def outside(table: Table, frame: pl.DataFrame) -> pl.Series:
    """The rows that have a time outside 2015-2100, as booleans."""
    wrong = pl.Series([False]).new_from_index(0, frame.height)
    for name in ns_columns(table):
        if _span_is_wrong(frame[name], EARLIEST_NS, LATEST_NS):
            wrong = wrong | ~frame[name].is_between(EARLIEST_NS, LATEST_NS).fill_null(True)
    return wrong


def ns_columns(table: Table) -> list[str]:
    """The columns of a table that are times."""
    return [column.name for column in table.columns if column.unit == "ns UTC"]


def _span_is_wrong(times: pl.Series, earliest: int, latest: int) -> bool:
    first, last = times.min(), times.max()
    return first is not None and not (earliest <= int(first) and int(last) <= latest)  # type: ignore[arg-type]


def _refused(times: pl.Series, earliest: int, latest: int, unit: str, path: Path) -> bool:
    """Whether some of the times are wrong; refuses the file when most are."""
    if not _span_is_wrong(times, earliest, latest):
        return False
    wrong = (~times.is_between(earliest, latest)).fill_null(False)
    if wrong.sum() > MOST * (times.len() - times.null_count()):
        row = int(wrong.arg_true()[0])
        raise DataError(
            f"{path}, row {row}: {times.name} = {times[row]} breaks rule {RULE}, as most of the column does: read as "
            f"{unit} UTC it lies outside 2015-2100. Convert the column to {unit} and import again."
        )
    return True
