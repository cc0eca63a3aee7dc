"""What a reader of a recording is, and the steps that readers share.

Rules every reader follows:

* Times are milliseconds in the recordings and nanoseconds in the catalog; a time outside 2015-2100 costs its
  row (rule ``time_unit``), and where most are, the file has another unit and is refused.
* ``recv_ns`` is when a row could be known: a bar at its close, a snapshot when the latest thing it mentions
  had happened. Where only one clock was recorded it stands for both. ``event_ns`` may be later than
  ``recv_ns``: clocks disagree, and both are kept as recorded.
* A missing side of a book is null. Recorders that write it as price 0 or 1, or with size 0, are put right.
* A row that cannot be used is not left out: the quality rules name it, and the catalog keeps it aside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.quality import check_times
from arena.market.quality.times import MOST
from arena.market.schema import TABLES
from arena.units import MS
from research.importers.known import was_looked_at
from research.importers.names import tidy
from research.importers.notes import Notes, Said, said
from research.importers.times import in_milliseconds

Tables = Mapping[str, pl.DataFrame]
"""Frames by table name."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a reader makes of a file: frames, and what is known to be wrong, both by table name."""

    tables: Tables
    notes: Mapping[str, Notes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file gave: frames by table name, and sentences on what is wrong, by table and source."""

    tables: Tables
    known_defects: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording we can read.

    ``stem`` is the file name without ``.parquet``; ``priority`` orders files that describe the same rows
    (lowest wins); ``times`` are its millisecond columns and ``needs`` the other columns the reader uses.
    """

    stem: str
    priority: int
    times: tuple[str, ...]
    needs: tuple[str, ...]
    convert: Callable[[pl.DataFrame], Converted]

    def read(self, path: Path) -> Imported:
        """Read a file.

        Raises:
            DataError: not a Parquet file, a column is missing or has another type, times are not in
                milliseconds, or an instrument cannot be read.
        """
        wanted = [*self.times, *self.needs]
        try:
            present = pl.read_parquet_schema(path)
            absent = [name for name in wanted if name not in present]
            frame = pl.DataFrame() if absent else pl.read_parquet(path, columns=wanted)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path} cannot be read as Parquet ({_reason(error)}); fetch the file again.") from error
        if absent:
            raise DataError(
                f"{path} has no column {absent[0]!r}, so it is not the recording {self.stem!r}; rename or leave it out."
            )
        frame = in_milliseconds(frame, self.times, path)
        try:
            converted = self.convert(frame)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{path} has other column types than the recording {self.stem!r} ({_reason(error)}); rename or leave "
                "it out."
            ) from error
        return finished(converted, path)


def finished(converted: Converted, path: Path) -> Imported:
    """What a reader made of ``path``, with names that fit into a catalog and what can be said of this very file.

    Raises:
        DataError: half the rows or more have times that are not nanoseconds UTC.
    """
    tables, names = tidy(converted.tables)
    looked_at = was_looked_at(path)
    defects = {}
    for name, frame in tables.items():
        check_times(TABLES[name], frame, str(path), tolerated=MOST)
        notes = {names.get(source, source): listed for source, listed in converted.notes.get(name, {}).items()}
        defects[name] = said(TABLES[name], frame, notes, path.name, looked_at)
    return Imported(tables, defects)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def one_table(table: str, frame: pl.DataFrame, note: Said) -> Converted:
    """The usual result: rows of one table, whose sources share one description of what is wrong."""
    return Converted({table: TABLES[table].conform(frame)}, {table: noted(frame, note)})


def noted(frame: pl.DataFrame, note: Said) -> Notes:
    """The same note for every source of ``frame``."""
    return dict.fromkeys(frame["source"].drop_nulls().unique().sort(), note)


def known_of(frame: pl.DataFrame, notes: Notes) -> Notes:
    """The notes of the sources that ``frame`` has."""
    present = set(frame["source"].drop_nulls().unique())
    return {source: note for source, note in notes.items() if source in present}


def to_ns(name: str) -> pl.Expr:
    """A millisecond column as nanoseconds."""
    return pl.col(name).cast(pl.Int64) * MS


def text(value: str, name: str) -> pl.Expr:
    """A constant column of text."""
    return pl.lit(value).alias(name)


def decimal(price: pl.Expr) -> pl.Expr:
    """The double nearest to the decimal that a price is.

    Prices are multiples of 1/10,000. polars divides by a constant by multiplying with its reciprocal, which
    is off by one bit for a third of them (4900 / 10000 gives 0.49000000000000005), and 32-bit floats are off
    by more; rounding makes prices of two files, and a price and its complement, compare equal.
    """
    return price.cast(pl.Float64).round(4)


def missing_side(price: str, size: str | None = None) -> pl.Expr:
    """Whether a side of a book is one of the exact encodings of "nothing there".

    Only those become null: -0.1 or 1.2 stay, for the quality rules to name.
    """
    empty = (pl.col(price) == 0.0) | (pl.col(price) == 1.0)
    return (empty | (pl.col(size) == 0.0) if size else empty).fill_null(False)


def present(price: str) -> pl.Expr:
    """The price of a side of a book, under its name; null where the recorder wrote 0 or 1 for "nothing there"."""
    return pl.when(~missing_side(price)).then(decimal(pl.col(price))).alias(price)


def place_among_equals(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """``frame`` with ``seq``: 0, 1, … within rows that are equal in every other column of the table's key.

    Two equal trades are two trades; numbered, both survive and importing them again changes nothing.
    """
    key = [name for name in TABLES[table].key if name != "seq" and name in frame.columns]
    alike = frame.select(key).hash_rows().is_duplicated()
    seq = pl.Series("seq", [0], dtype=pl.Int64).new_from_index(0, frame.height)
    if alike.any():
        numbers = frame.select(key).filter(alike).select(pl.int_range(pl.len()).over(key)).to_series()
        seq = seq.scatter(alike.arg_true(), numbers)
    return frame.with_columns(seq)
