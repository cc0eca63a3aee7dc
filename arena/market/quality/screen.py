"""Splitting rows into clean and bad ones."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

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
    clean, broken = _split(table, frame.with_row_index(_ROW), [r for r in rules if not r.relational], markets, seam)
    bad = [broken]
    for rule in rules:
        if rule.relational and compare:
            clean, broken = _split(table, clean, [rule], markets, seam)
            bad.append(broken)
    return clean.drop(_ROW), pl.concat(bad).sort(_ROW).drop(_ROW)


def _split(
    table: Table, frame: pl.DataFrame, rules: list[Rule], markets: pl.Series | None, seam: Seam | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    facts = Facts(table, frame, markets, seam)
    marks = [(rule.name, mark) for rule in rules if (mark := rule.mark(facts)) is not None]
    flags = frame.select(mark.fill_null(False).alias(name) for name, mark in marks)
    # Most frames are clean: names are made for the rows that break a rule, not for all.
    flags = flags.select(name for name in flags.columns if flags[name].any())
    if not flags.width:
        return frame, frame.clear().with_columns(pl.lit(None, pl.String).alias("rule"))
    broken = flags.select(pl.any_horizontal(pl.all())).to_series()
    named = pl.coalesce(pl.when(name).then(pl.lit(name)) for name in flags.columns)
    verdict = flags.filter(broken).select(named.alias("rule"))
    return frame.filter(~broken), frame.filter(broken).hstack(verdict)
