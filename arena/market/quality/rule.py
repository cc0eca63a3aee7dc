"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from arena.market.schema import Table

FLOAT_SLACK = 1e-9
"""Sums of prices are compared with this much room: 0.49 + 0.49 is not exactly 0.98 in binary floating point."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where new rows meet rows that were kept before: what ``duplicate`` and ``time_back`` need of those.

    ``keys`` are held rows with the columns of :func:`~arena.market.quality.order.duplicate_key`, at least those
    that a new row could repeat; ``latest`` has the table's stream columns and ``recv_ns``, the latest of each
    stream (ns UTC), at least of the streams in which a new row could be late. What was kept stays kept: a new row
    behind it is late even if the kept one was ahead of its time (``time_jump`` judges the rows of one write).
    """

    keys: pl.DataFrame
    latest: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may look at.

    ``frame`` conforms to ``table``; ``markets`` are the market ids that have a windows row, or None when
    that is not known (``unknown_market`` is then silent); ``seam`` is None when nothing was kept before.
    """

    table: Table
    frame: pl.DataFrame
    markets: pl.Series | None = None
    seam: Seam | None = None

    def has(self, *columns: str) -> bool:
        """Whether each of the columns holds at least one value: an empty one needs no work."""
        return all(self.frame[name].null_count() < self.frame.height for name in columns)


Mark = Callable[[Facts], pl.Expr | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One quality rule.

    ``doc`` says what it catches and what it would do to a backtest. ``mark`` returns a boolean
    expression over the frame (null counts as good), or None when the rule has nothing to say.
    ``relational`` rules compare rows and see only the rows that all earlier rules passed.
    """

    name: str
    tables: tuple[str, ...]
    doc: str
    mark: Mark
    relational: bool = False


def any_of(marks: Iterable[pl.Expr]) -> pl.Expr | None:
    """Rows that one of ``marks`` marks, null counting as not marked; None without marks."""
    listed = list(marks)
    return pl.any_horizontal(*(m.fill_null(False) for m in listed)) if listed else None
