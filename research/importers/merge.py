"""Rows that several files, or a file and the catalog, both describe: kept once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import Table

_QUOTE_KEY = ("market_id", "source", "recv_ns", "event_ns", "native")
"""Two files may hold one book with sizes rounded differently: a moment of one token is the same row."""

_ROW, _OTHER = "__row", "__other"


_SAID_OF = {"outcome_source": "outcome", "strike_source": "strike"}
"""Columns that say where another one is from: they are filled from the row that fills the other."""

_LISTS = {"universe": pl.lit(True), "marks": pl.col("event_ns").is_null()}
"""Tables with rows of a venue's list of markets, and which rows those are: a later list replaces an earlier one."""


def merge(table: Table, frames: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, int]:
    """All frames as one, rows that an earlier frame has already left out; and how many those were.

    Of windows with one key, empty columns are filled from the other rows and the later frames; of quotes of one
    moment and token, the row with depth stays; of a market in several lists of one source, the latest. Other
    repeats within one frame stay: they are for the ``duplicate`` rule to name.

    Args:
        table: which table the rows belong to.
        frames: one at least, each conforming to ``table``, the best first.
    """
    read = sum(frame.height for frame in frames)
    if table.name == "windows":
        frames = [_completed(frame, list(table.key)) for frame in frames]
    recorders = Counter(source for frame in frames for source in frame["source"].unique())
    several = [source for source, n in recorders.items() if n > 1]
    rows = frames[0] if len(frames) == 1 else _merged(table, frames, several)
    if table.name in _LISTS:
        rows = _latest(rows, _LISTS[table.name])
    return rows, read - rows.height


def _merged(table: Table, frames: Sequence[pl.DataFrame], several: list[str | None]) -> pl.DataFrame:
    if not several:
        return pl.concat(frames)
    shared = pl.col("source").is_in(several, nulls_equal=True)
    alone = [frame.filter(~shared) for frame in frames]
    return pl.concat([_merge_shared(table, [frame.filter(shared) for frame in frames]), *alone])


def _merge_shared(table: Table, frames: list[pl.DataFrame]) -> pl.DataFrame:
    quotes = table.name == "binary_quotes"
    key = list(_QUOTE_KEY if quotes else table.key)
    frames = [frame for frame in frames if not frame.is_empty()]
    if quotes:
        frames.sort(key=lambda frame: frame["up_bids_px"].null_count() == frame.height)
    merged = frames[0]
    for frame in frames[1:]:
        if table.name == "windows":
            merged = _fill(merged, frame, key)
        fresh = frame.join(merged.select(key), on=key, how="anti", nulls_equal=True, maintain_order="left")
        merged = pl.concat([merged, fresh])
    return merged


def _completed(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """``frame`` with the empty columns of rows of one key filled from one another; those that then agree are one."""
    again = frame.select(pl.struct(key).is_duplicated()).to_series()
    if not again.any():
        return frame
    filled = {name: pl.coalesce(name, pl.col(name).drop_nulls().first().over(key)) for name in frame.columns}
    for name, of in _SAID_OF.items():
        theirs = pl.col(name).filter(pl.col(of).is_not_null()).first().over(key)
        filled[name] = pl.when(pl.col(of).is_null()).then(pl.coalesce(theirs, name)).otherwise(filled[name])
    numbered = frame.with_row_index(_ROW)
    several = numbered.filter(again)
    several = several.with_columns(filled[name].alias(name) for name in frame.columns if name not in key)
    one_each = several.unique(frame.columns, keep="first", maintain_order=True)
    return pl.concat([numbered.filter(~again), one_each]).sort(_ROW).drop(_ROW)


def _fill(frame: pl.DataFrame, other: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    joined = frame.join(
        other.unique(key, keep="first", maintain_order=True),
        on=key,
        how="left",
        suffix=_OTHER,
        maintain_order="left",
    )
    filled = {name: pl.coalesce(name, name + _OTHER) for name in frame.columns if name not in key}
    for name, of in _SAID_OF.items():
        theirs = pl.col(of).is_null() & pl.col(of + _OTHER).is_not_null()
        filled[name] = pl.when(theirs).then(name + _OTHER).otherwise(filled[name])
    return joined.select(filled.get(name, pl.col(name)).alias(name) for name in frame.columns)


def _latest(rows: pl.DataFrame, listed: pl.Expr) -> pl.DataFrame:
    """``rows`` without those of lists that a later list of the same source names the market of too."""
    of_lists = rows.select(listed.alias("listed") & pl.col("market_id").is_not_null()).to_series()
    lists = rows.filter(of_lists)
    if lists["recv_ns"].n_unique() <= 1:
        return rows
    known = pl.col("recv_ns").filter(pl.col("recv_ns").is_between(EARLIEST_NS, LATEST_NS))
    old = pl.col("recv_ns") < known.max().over("market_id", "source")
    superseded = pl.Series([False]).new_from_index(0, rows.height)
    return rows.filter(~superseded.scatter(of_lists.arg_true(), lists.select(old.fill_null(False)).to_series()))


def in_time_order(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` by the table's time, then event time (of books: the id of the message), else in the order it has.

    Where a recorder interleaved several sockets, or its file is by instrument or in event order, this
    restores the order in which rows could be known.
    """
    # A venue may stamp a message later than the one it sends after it: books depend on the order of sending.
    second = "last_id" if table.name == "l2" else "event_ns"
    times = [name for name in dict.fromkeys((table.time, second)) if name in table.schema]
    return frame if _ordered(frame, times) else frame.sort(times, maintain_order=True)


def _ordered(frame: pl.DataFrame, times: list[str]) -> bool:
    if not frame[times[0]].is_sorted():
        return False
    if len(times) == 1:
        return True
    tied = pl.col(times[0]) == pl.col(times[0]).shift(1)
    event = pl.col(times[1])
    # Nulls go first.
    late = (event < event.shift(1)) | (event.is_null() & event.shift(1).is_not_null())
    return not frame.select((tied & late).any()).item()
