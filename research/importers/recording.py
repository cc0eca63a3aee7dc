"""What a reader of a recording is, and the steps that readers share.

Rules every reader follows:

* Times are milliseconds in the recordings and nanoseconds in the catalog; a time outside 2015-2100 is
  refused before it is converted, because it means the file has another unit.
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
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import NO_COIN, TABLES
from arena.units import MS


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file gave: frames by table name, and sentences on what is wrong, by table and source."""

    tables: Mapping[str, pl.DataFrame]
    known_defects: Mapping[str, Mapping[str, str | tuple[str, ...]]] = field(default_factory=dict)


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
    convert: Callable[[pl.DataFrame], Imported]

    def read(self, path: Path) -> Imported:
        """Read a file.

        Raises:
            DataError: not a Parquet file, a column is missing or has another type, or a time is not in
                milliseconds.
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
        check_milliseconds(frame, self.times, path)
        try:
            return self.convert(frame)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{path} has other column types than the recording {self.stem!r} ({_reason(error)}); rename or leave "
                "it out."
            ) from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def check_milliseconds(frame: pl.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    """Refuse times that are not integer milliseconds UTC between 2015 and 2100 (rule ``time_unit``).

    Raises:
        DataError: names the file, the first offending row, column and value.
    """
    for name in columns:
        times = frame[name]
        if not times.dtype.is_integer():
            raise DataError(f"{path}: {name} is {times.dtype}, not integer milliseconds (rule time_unit); convert it.")
        wrong = ((times < EARLIEST_NS // MS) | (times > LATEST_NS // MS)).arg_true()
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{path}, row {row}: {name} = {times[row]} breaks rule time_unit: read as milliseconds UTC it lies "
                "outside 2015-2100. Convert the column to milliseconds and import again."
            )


def one_table(table: str, frame: pl.DataFrame, defect: str | tuple[str, ...]) -> Imported:
    """The usual result: rows of one table, whose sources share one description of what is wrong."""
    sources = frame["source"].unique().sort().to_list()
    return Imported({table: TABLES[table].conform(frame)}, {table: dict.fromkeys(sources, defect)})


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


_COINS = {
    "bitcoin": "BTC",
    "ethereum": "ETH",
    "solana": "SOL",
    "xrp": "XRP",
    "dogecoin": "DOGE",
    "hyperliquid": "HYPE",
    "bnb": "BNB",
}
_UPDOWN_SLUG = r"^([a-z0-9]+)-updown-(?:5m|15m|1h|4h)-\d+$"
_NAMED_SLUG = rf"^({'|'.join(_COINS)})-up-or-down-"


def updown_asset(slugs: pl.Series) -> pl.Series:
    """The coin of each Polymarket up/down slug, as ``asset``; ``NO_COIN`` for every other market.

    Slugs are ``btc-updown-5m-1776081600`` or ``bitcoin-up-or-down-july-2-2026-2am-et``; shares have
    up/down markets too (``pltr-up-or-down-on-february-27``) and are no coin.
    """
    distinct = slugs.unique()  # patterns are slow, and a market has thousands of rows
    short = distinct.str.extract(_UPDOWN_SLUG).str.to_uppercase()
    named = distinct.str.extract(_NAMED_SLUG).replace_strict(_COINS, default=None, return_dtype=pl.String)
    coins = pl.DataFrame({"slug": distinct, "short": short, "named": named}).select(
        pl.coalesce("short", "named", pl.lit(NO_COIN))
    )
    return slugs.replace_strict(distinct, coins.to_series(), return_dtype=pl.String).alias("asset")
