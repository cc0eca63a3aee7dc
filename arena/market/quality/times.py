"""Times that cannot be UTC nanoseconds: a mistake of a whole file."""

from __future__ import annotations

import polars as pl

from arena.errors import DataError
from arena.market.schema import Table
from arena.units import SECOND

EARLIEST_NS = 1_420_070_400 * SECOND
"""2015-01-01 UTC. A time before it is a unit mistake: milliseconds read as nanoseconds are in 1970."""
LATEST_NS = 4_102_444_800 * SECOND
"""2100-01-01 UTC."""


def check_times(table: Table, frame: pl.DataFrame, where: str) -> None:
    """Refuse times that cannot be UTC nanoseconds between 2015 and 2100 (rule ``time_unit``).

    This is a unit mistake of a whole file (milliseconds, seconds, local dates), not a bad row: it is
    refused, never quarantined.

    Args:
        table: the table ``frame`` conforms to.
        frame: its rows; null times are not looked at.
        where: the file or writer to name in the error.

    Raises:
        DataError: names the first offending row, column and value.
    """
    for column in table.columns:
        if column.unit != "ns UTC" or column.name not in frame.columns:
            continue
        times = frame[column.name]
        wrong = (times < EARLIEST_NS) | (times > LATEST_NS)
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise DataError(
                f"{where}, row {row}: {column.name} = {times[row]} breaks rule time_unit: read as nanoseconds UTC "
                "it lies outside 2015-2100. Convert the recording's times (milliseconds × 1,000,000) before importing."
            )
