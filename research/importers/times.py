"""Times in a unit they should not be in: of a row, of a whole file (rule ``time_unit``)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.quality.times import MOST
from arena.units import MS

LARGEST_MS = 9_000_000_000_000
"""What fits into nanoseconds, with room for the length of a bar: farther times are cut to it, and stay wrong."""


def in_milliseconds(frame: pl.DataFrame, columns: tuple[str, ...], path: Path) -> pl.DataFrame:
    """``frame`` with times that can be converted to nanoseconds.

    Raises:
        DataError: a column is no integer, or half of it or more is outside 2015-2100; names the file, the first
            offending row, column and value.
    """
    for name in columns:
        times = frame[name]
        if not times.dtype.is_integer():
            raise DataError(f"{path}: {name} is {times.dtype}, not integer milliseconds (rule time_unit); convert it.")
        wrong = (~times.is_between(EARLIEST_NS // MS, LATEST_NS // MS)).fill_null(False)
        if not wrong.any():
            continue
        if wrong.sum() >= MOST * frame.height:
            row = int(wrong.arg_true()[0])
            raise DataError(
                f"{path}, row {row}: {name} = {times[row]} breaks rule time_unit, as half the column or more does: "
                "read as milliseconds UTC it lies outside 2015-2100. Convert it to milliseconds and import again."
            )
        frame = frame.with_columns(pl.col(name).clip(-LARGEST_MS, LARGEST_MS))
    return frame
