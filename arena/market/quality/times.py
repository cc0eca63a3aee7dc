"""Times that cannot be UTC nanoseconds: a mistake of a whole file where most rows have it, else of single rows."""

from __future__ import annotations

import polars as pl

from arena.errors import DataError
from arena.market.quality.rule import Facts, any_of
from arena.market.schema import Table
from arena.units import SECOND

EARLIEST_NS = 1_420_070_400 * SECOND
"""2015-01-01 UTC. A time before it is a unit mistake: milliseconds read as nanoseconds are in 1970."""
LATEST_NS = 4_102_444_800 * SECOND
"""2100-01-01 UTC."""
MOST = 0.5
"""From this share of rows on, impossible times are a mistake of the whole file."""


def check_times(table: Table, frame: pl.DataFrame, where: str, tolerated: float = 0.0) -> None:
    """Refuse times that cannot be UTC nanoseconds between 2015 and 2100 (rule ``time_unit``).

    A file read in another unit (milliseconds, seconds, local dates) has them in most rows, and no row of it may
    be believed. Fewer than :data:`MOST` are for :func:`time_unit` to name, row by row.

    Args:
        table: the table ``frame`` conforms to.
        frame: its rows; null times are not looked at.
        where: the file or writer to name in the error.
        tolerated: the share of rows, 0 to 1, below which impossible times are left alone.

    Raises:
        DataError: names the first offending row, column and value, and how many rows there are like it.
    """
    wrong = impossible(table, frame)
    rows = int(wrong.sum()) if wrong is not None else 0
    if wrong is None or rows < tolerated * frame.height:
        return
    row = int(wrong.arg_true()[0])
    column, value = next((c, v) for c in _times(table) if (v := frame[c][row]) is not None and not _possible(v))
    raise DataError(
        f"{where}, row {row}: {column} = {value} breaks rule time_unit: read as nanoseconds UTC it lies outside "
        f"2015-2100; {rows:,} of {frame.height:,} rows have such times. Convert the recording's times "
        "(milliseconds × 1,000,000) before importing."
    )


def time_unit(facts: Facts) -> pl.Expr | None:
    """A time outside 2015-2100."""
    wrong = impossible(facts.table, facts.frame)
    return None if wrong is None else pl.lit(wrong)


def impossible(table: Table, frame: pl.DataFrame) -> pl.Series | None:
    """Which rows have a time that cannot be UTC nanoseconds between 2015 and 2100; None when no row has."""
    names = _times(table)
    ends = frame.select(pl.col(names).min().name.prefix("min_"), pl.col(names).max().name.prefix("max_"))
    if all(end is None or _possible(end) for end in ends.row(0)):
        return None
    outside = any_of(~pl.col(name).is_between(EARLIEST_NS, LATEST_NS) for name in names)
    return frame.select(outside).to_series() if outside is not None else None


def _times(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.unit == "ns UTC"]


def _possible(time_ns: int) -> bool:
    return EARLIEST_NS <= time_ns <= LATEST_NS
