"""Rows that several files, or a file and the catalog, both describe: kept once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from arena.market.schema import Table

_QUOTE_KEY = ("market_id", "source", "recv_ns", "event_ns", "native")
"""Two files may hold one book with sizes rounded differently: a moment of one token is the same row."""


def merge(table: Table, frames: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, int]:
    """All frames as one, rows that an earlier frame has already left out; and how many those were.

    Of windows with one key, empty columns are filled from the later frame; of quotes of one moment and
    token, the row with depth stays. Repeats within one frame stay: they are for the ``duplicate`` rule to
    name.

    Args:
        table: which table the rows belong to.
        frames: one at least, each conforming to ``table``, the best first.
    """
    recorders = Counter(source for frame in frames for source in frame["source"].unique())
    several = [source for source, n in recorders.items() if n > 1]
    if not several:
        return pl.concat(frames), 0
    shared = pl.col("source").is_in(several)
    alone = [frame.filter(~shared) for frame in frames]
    merged, repeated = _merge_shared(table, [frame.filter(shared) for frame in frames])
    return pl.concat([merged, *alone]), repeated


def _merge_shared(table: Table, frames: list[pl.DataFrame]) -> tuple[pl.DataFrame, int]:
    quotes = table.name == "binary_quotes"
    key = list(_QUOTE_KEY if quotes else table.key)
    frames = [frame for frame in frames if not frame.is_empty()]
    if quotes:
        frames.sort(key=lambda frame: frame["up_bids_px"].null_count() == frame.height)
    merged, repeated = frames[0], 0
    for frame in frames[1:]:
        if table.name == "windows":
            merged = _fill(merged, frame, key)
        fresh = frame.join(merged.select(key), on=key, how="anti", nulls_equal=True, maintain_order="left")
        repeated += frame.height - fresh.height
        merged = pl.concat([merged, fresh])
    return merged, repeated


def _fill(frame: pl.DataFrame, other: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    values = [name for name in frame.columns if name not in key]
    joined = frame.join(
        other.unique(key, keep="first", maintain_order=True),
        on=key,
        how="left",
        suffix="__other",
        maintain_order="left",
    )
    return joined.select(
        pl.coalesce(name, f"{name}__other").alias(name) if name in values else pl.col(name) for name in frame.columns
    )


def in_time_order(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` by the table's time, then event time, else in the order it has.

    Where a recorder interleaved several sockets, or its file is by instrument or in event order, this
    restores the order in which rows could be known.
    """
    times = [name for name in dict.fromkeys((table.time, "event_ns")) if name in table.schema]
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
