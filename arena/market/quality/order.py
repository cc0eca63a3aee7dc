"""Marks that compare rows with one another: repeats, and times that go back."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

from arena.market.quality.books import SIDES, TOKENS
from arena.market.quality.rule import Facts, any_of
from arena.market.schema import Table


def duplicate_key(table: Table) -> list[str]:
    """The columns by which ``duplicate`` knows a row again."""
    if table.name != "binary_quotes":
        return list(table.key)
    # DOWN, or a level below the best, may change twice in a millisecond while UP's best prices stand still.
    down = [f"down_{side}{what}" for side in SIDES for what in ("", "_size")]
    depth = [f"{token}_{side}s_{what}" for token in TOKENS for side in SIDES for what in ("px", "sz")]
    return [*table.key, *down, *depth]


def duplicate(facts: Facts) -> pl.Expr | None:
    """A key that an earlier row had, in the frame or among the rows kept before."""
    key = duplicate_key(facts.table)
    frame, held = facts.frame.select(key), 0
    if facts.seam is not None and facts.seam.keys.height:
        held = facts.seam.keys.height
        frame = pl.concat([facts.seam.keys.select(key), frame])
    # Rows with one key share every part of it: compare whole keys only where an integer part repeats.
    part = next((name for name in key if frame.schema[name] == pl.Int64), key[0])
    candidates = _repeats(frame[part])
    if candidates.is_empty():
        return None
    keys = frame[candidates] if candidates.len() < frame.height else frame
    # Equal keys have equal hashes: exact comparison, depth included, is left for the few rows whose hash another has.
    alike = keys.select(~cs.list()).hash_rows().is_duplicated()
    if not alike.any():
        return None
    again = keys.filter(alike).select(~pl.struct(key).is_first_distinct()).to_series()
    later = candidates.filter(alike).filter(again)
    later = later.filter(later >= held) - held
    if later.is_empty():
        return None
    mask = pl.zeros(facts.frame.height, dtype=pl.UInt8, eager=True).scatter(later, 1)
    return pl.lit(mask.cast(pl.Boolean))


def _repeats(values: pl.Series) -> pl.Series:
    """Rows whose value another row has, by number."""
    if values.null_count() or not values.is_sorted():
        return values.is_duplicated().arg_true()
    same = values == values.shift(1)
    return (same | same.shift(-1)).fill_null(False).arg_true()


def time_back(facts: Facts) -> pl.Expr | None:
    """A receive time behind the latest of its stream."""
    time, stream = pl.col("recv_ns"), list(facts.table.stream)
    marks = []
    if not facts.frame["recv_ns"].is_sorted():
        # Against the latest time so far, not the row before: after one late row the next early one is late too.
        marks.append(time < time.cum_max().over(stream))
    if facts.seam is not None and facts.seam.latest.height:
        latest = facts.seam.latest.select(*stream, pl.col("recv_ns").alias("__latest"))
        known = facts.frame.select(stream).join(latest, on=stream, how="left", maintain_order="left", nulls_equal=True)
        marks.append(time < pl.lit(known["__latest"]))
    return any_of(marks)
