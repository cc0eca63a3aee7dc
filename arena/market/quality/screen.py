"""Splitting rows into clean and bad ones."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from arena.market.quality.order import duplicate_key
from arena.market.quality.rule import Facts, Rule, Seam
from arena.market.quality.rules import rules_for
from arena.market.schema import Table

_ROW = "__row"


def screen(
    table: Table,
    frame: pl.DataFrame,
    markets: pl.Series | Iterable[str] | None = None,
    seam: Seam | None = None,
    compare: bool = True,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into clean and bad rows.

    Args:
        table: which table the rows belong to.
        frame: rows of that table in file order; absent nullable columns are filled with null.
        markets: market ids that have a windows row; None leaves ``unknown_market`` out.
        seam: rows that were kept before these; None when there are none.
        compare: run the rules that compare rows with one another.

    Returns:
        ``(clean, bad)``: both keep the order of ``frame``; ``bad`` has one more column, ``rule``, with the
        name of the first rule the row breaks. Screening ``clean`` again finds nothing.

    Raises:
        DataError: a required column is absent or an unknown one is present.
    """
    frame = table.conform(frame)
    if markets is not None and not isinstance(markets, pl.Series):
        markets = pl.Series("market_id", list(markets), dtype=pl.String)
    rules = rules_for(table.name)
    refused = [_verdicts(Facts(table, frame, markets, seam), [r for r in rules if not r.relational])]
    # Columns that no comparison looks at would only be carried along, several times: ladders, where no key has them.
    key = set(duplicate_key(table))
    compared = [name for name, dtype in frame.schema.items() if name in key or not dtype.is_nested()]
    plain = frame.select(compared).with_row_index(_ROW)
    for rule in rules:
        if rule.relational and compare:
            plain = _without(plain, refused[-1])
            refused.append(_verdicts(Facts(table, plain, markets, seam), [rule]))
    bad = pl.concat(refused).sort(_ROW)
    if bad.is_empty():
        return frame, frame.clear().with_columns(bad["rule"])
    return _without(frame.with_row_index(_ROW), bad).drop(_ROW), frame[bad[_ROW]].with_columns(bad["rule"])


def _verdicts(facts: Facts, rules: list[Rule]) -> pl.DataFrame:
    """The rows that break one of the rules, by number, and the first rule that each of them breaks."""
    marks = [(rule.name, mark) for rule in rules if (mark := rule.mark(facts)) is not None]
    flags = facts.frame.select(mark.fill_null(False).alias(name) for name, mark in marks)
    # Most frames are clean: names are made for the rows that break a rule, not for all.
    flags = flags.select(name for name in flags.columns if flags[name].any())
    if not flags.width:
        return pl.DataFrame(schema={_ROW: pl.UInt32, "rule": pl.String})
    broken = flags.select(pl.any_horizontal(pl.all())).to_series()
    named = pl.coalesce(pl.when(name).then(pl.lit(name)) for name in flags.columns)
    rows = facts.frame[_ROW].filter(broken) if _ROW in facts.frame.columns else broken.arg_true().alias(_ROW)
    return flags.filter(broken).select(rows.cast(pl.UInt32), named.alias("rule"))


def _without(frame: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    if refused.is_empty():
        return frame
    return frame.filter(~pl.col(_ROW).is_in(refused[_ROW].implode()))
