"""Where parsers put their rows: cheap to append to, turned into the catalog's tables when taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from arena.market.schema import NO_COIN, TABLES

_ORDER = {
    name: tuple(column.name for column in TABLES[name].columns if column.name != "source")
    for name in ("spot", "trades", "l2", "oracle", "binary_trades", "gaps", "clock")
}
"""The tables that are filled row by row, and the order of the values in a row."""

Flush = Callable[["Rows"], None]


class Rows:
    """Rows that parsers appended, table by table, in the order in which they came.

    ``source`` names who recorded them, in every row. Values must fit the column's dtype; the parsers see to
    that. Rows that no table can take as they are go to :meth:`refuse`, with the reason.

    A parser that collects work for one batch registers it with :meth:`later`; :meth:`take` runs it first, so
    how often rows are taken never changes what they are.
    """

    def __init__(self, source: str = "arena") -> None:
        self.source = source
        self.clear()

    def clear(self) -> None:
        """Throw everything away."""
        self._tuples: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _ORDER}
        self._windows: dict[str, dict[str, Any]] = {}
        self._frames: dict[str, list[pl.DataFrame]] = {}
        self._refused: dict[str, list[dict[str, Any]]] = {}
        self._later: dict[Flush, None] = {}

    def later(self, flush: Flush) -> None:
        """Have ``flush(rows)`` called by the next :meth:`take`, once, however often it is registered."""
        self._later[flush] = None

    def spot(
        self, event_ns: int | None, recv_ns: int, venue: str, asset: str, quote: str,
        bid: float | None, ask: float | None, last: float | None, bid_size: float | None, ask_size: float | None,
    ) -> None:  # fmt: skip
        """One row of ``spot``."""
        self._tuples["spot"].append((event_ns, recv_ns, venue, asset, quote, bid, ask, last, bid_size, ask_size))

    def trade(
        self, event_ns: int | None, recv_ns: int, venue: str, symbol: str, asset: str,
        price: float, size: float, taker_side: str | None, seq: int | None,
    ) -> None:  # fmt: skip
        """One row of ``trades``; ``symbol`` in lower case."""
        self._tuples["trades"].append((event_ns, recv_ns, venue, symbol, asset, price, size, taker_side, seq))

    def levels(self, levels: Sequence[tuple[Any, ...]]) -> None:
        """Rows of ``l2``, each in the order of the table's columns without ``source``."""
        self._tuples["l2"].extend(levels)

    def oracle(self, event_ns: int, recv_ns: int, asset: str, feed: str, price: float) -> None:
        """One row of ``oracle``."""
        self._tuples["oracle"].append((event_ns, recv_ns, asset, feed, price))

    def binary_trade(
        self, event_ns: int | None, recv_ns: int, market_id: str, asset: str, token: str,
        price: float, size: float, taker_side: str | None, seq: int | None, tx_hash: str | None,
    ) -> None:  # fmt: skip
        """One row of ``binary_trades``."""
        self._tuples["binary_trades"].append(
            (event_ns, recv_ns, market_id, asset, token, price, size, taker_side, seq, tx_hash)
        )

    def gap(self, recv_ns: int, until_ns: int, stream: str, asset: str, reason: str) -> None:
        """One row of ``gaps``."""
        self._tuples["gaps"].append((recv_ns, until_ns, stream, asset, reason))

    def clock(self, recv_ns: int, server: str, offset_ms: float, round_trip_ms: float) -> None:
        """One row of ``clock``."""
        self._tuples["clock"].append((recv_ns, NO_COIN, server, offset_ms, round_trip_ms))

    def window(self, row: dict[str, Any]) -> None:
        """One row of ``windows``; absent nullable columns are null. A later row of the market replaces it."""
        self._windows[row["market_id"]] = row

    def frame(self, table: str, frame: pl.DataFrame) -> None:
        """Many rows of one table at once, without ``source``."""
        if frame.height:
            self._frames.setdefault(table, []).append(frame)

    def refuse(self, table: str, rule: str, row: dict[str, Any]) -> None:
        """Quarantine one row of ``table`` under the name of the ``rule`` it breaks."""
        self._refused.setdefault(table, []).append({**row, "rule": rule})

    def take(self) -> dict[str, pl.DataFrame]:
        """Everything appended since the last take, as frames that conform to the schema; empty tables are absent."""
        for flush in list(self._later):
            flush(self)
        self._later.clear()
        taken: dict[str, pl.DataFrame] = {}
        for name, table in TABLES.items():
            parts = self._frames.pop(name, [])
            if name == "windows" and self._windows:
                parts.append(_from_dicts(list(self._windows.values()), table.schema))
                self._windows = {}
            if self._tuples.get(name):
                parts.append(_from_tuples(self._tuples[name], _ORDER[name], table.schema))
                self._tuples[name] = []
            if parts:
                named = pl.lit(self.source, pl.String).alias("source")
                taken[name] = table.conform(pl.concat(parts, how="vertical").with_columns(named))
        return taken

    def take_refused(self) -> dict[str, pl.DataFrame]:
        """Refused rows since the last call: the table's columns and ``rule``, as the catalog's quarantine has them."""
        taken = {}
        for name, dicts in self._refused.items():
            columns = _from_dicts(dicts, {**TABLES[name].schema, "rule": pl.String})
            taken[name] = columns.with_columns(pl.lit(self.source, pl.String).alias("source"))
        self._refused = {}
        return taken


def _from_tuples(rows: list[tuple[Any, ...]], order: Sequence[str], schema: dict[str, Any]) -> pl.DataFrame:
    columns = zip(order, zip(*rows, strict=True), strict=True)
    return pl.DataFrame([pl.Series(name, values, dtype=schema[name]) for name, values in columns])


def _from_dicts(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([pl.Series(name, [row.get(name) for row in rows], dtype=t) for name, t in schema.items()])
