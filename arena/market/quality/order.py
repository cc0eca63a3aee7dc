"""Marks that compare rows with one another: repeats, and times that go back."""

from __future__ import annotations

import polars as pl

from arena.market.quality.books import SIDES
from arena.market.quality.rule import Facts


def duplicate(facts: Facts) -> pl.Expr | None:
    """A key that an earlier row had."""
    frame, key = facts.frame, list(facts.table.key)
    if facts.table.name == "binary_quotes":
        # With both tokens recorded, DOWN may change twice in a millisecond while UP stands still: no repeat.
        key = list(dict.fromkeys([*key, *(f"down_{side}{what}" for side in SIDES for what in ("", "_size"))]))
    # Rows with one key share every part of it: compare whole keys only where an integer part repeats.
    part = next((name for name in key if frame.schema[name] == pl.Int64), key[0])
    candidates = _repeats(frame[part])
    if candidates.is_empty():
        return None
    keys = frame.select(key)
    if candidates.len() < frame.height:
        keys = keys[candidates]
    # Equal keys have equal hashes: exact comparison is left for the few rows whose hash another row has.
    alike = keys.hash_rows().is_duplicated()
    if not alike.any():
        return None
    again = keys.filter(alike).select(~pl.struct(key).is_first_distinct()).to_series()
    later = candidates.filter(alike).filter(again)
    if later.is_empty():
        return None
    mask = pl.zeros(frame.height, dtype=pl.UInt8, eager=True).scatter(later, 1)
    return pl.lit(mask.cast(pl.Boolean))


def _repeats(values: pl.Series) -> pl.Series:
    """Rows whose value another row has, by number."""
    if values.null_count() or not values.is_sorted():
        return values.is_duplicated().arg_true()
    same = values == values.shift(1)
    return (same | same.shift(-1)).fill_null(False).arg_true()


def time_back(facts: Facts) -> pl.Expr | None:
    """A receive time behind the latest of its stream."""
    time = pl.col("recv_ns")
    if facts.frame["recv_ns"].is_sorted():
        return None
    # Against the latest time so far, not the row before: after one late row the next early one is late too.
    return time < time.cum_max().over(facts.table.stream)
