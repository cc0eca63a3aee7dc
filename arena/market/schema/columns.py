"""What a table of the catalog is: columns with units, a time, a key and a stream."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from polars._typing import PolarsDataType

from arena.errors import DataError

NS = pl.Int64
I8 = pl.Int64
I4 = pl.Int32
F8 = pl.Float64
STR = pl.String

NO_COIN = "OTHER"
"""``asset`` of rows that belong to no coin: elections, sports, a venue's whole universe."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, polars dtype, unit, whether null is allowed, and what it means."""

    name: str
    dtype: PolarsDataType
    unit: str
    doc: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, the column that carries its time, and the key that must be unique.

    ``stream`` names the columns that identify one ordered stream of rows (one market's book, one
    venue's ticker): ``recv_ns`` never decreases within it. ``partition`` is how much time a file of the
    catalog holds, in polars' words: a year of daily bars would otherwise be 365 files of one row.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    time: str
    key: tuple[str, ...]
    stream: tuple[str, ...]
    partition: str = "1d"

    @property
    def schema(self) -> dict[str, PolarsDataType]:
        """Column name to polars dtype, in order."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def first_day(self) -> pl.Expr:
        """The first UTC day of the partition that a row belongs to, by the table's time."""
        day = pl.from_epoch(pl.col(self.time), time_unit="ns").dt.date()
        return day if self.partition == "1d" else day.dt.truncate(self.partition)

    def empty(self) -> pl.DataFrame:
        """A frame with this table's columns and no rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with exactly this table's columns, in order and cast.

        Absent nullable columns are filled with null.

        Raises:
            DataError: a required column is absent, or an unknown one is present.
        """
        known = self.schema
        unknown = [name for name in frame.columns if name not in known]
        if unknown:
            raise DataError(f"table {self.name!r} has no column {unknown[0]!r}; it has {', '.join(known)}.")
        absent = [c.name for c in self.columns if not c.nullable and c.name not in frame.columns]
        if absent:
            raise DataError(f"table {self.name!r} needs column {absent[0]!r}, which the input does not have.")
        return frame.select(
            (pl.col(c.name) if c.name in frame.columns else pl.lit(None)).cast(c.dtype).alias(c.name)
            for c in self.columns
        )


EVENT = Column("event_ns", NS, "ns UTC", "venue time of the row", True)
RECV = Column("recv_ns", NS, "ns UTC", "when we could know it")
MARKET = Column("market_id", STR, "id", "market: the venue's slug or ticker")
ASSET = Column("asset", STR, "symbol", f"BTC, ETH, SOL, ...; {NO_COIN} where the row belongs to no coin")
SOURCE = Column("source", STR, "name", "who recorded the row")
