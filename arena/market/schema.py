"""The tables of the catalog, column by column, with units. This is the only place that defines them.

Times are UTC epoch **nanoseconds** (int64). ``event_ns`` is the venue's clock and may be null;
``recv_ns`` is ours, is never null and never decreases within a stream. Decisions see the world by
``recv_ns`` only. Binary prices are dollars per share in 0-1; a missing side of a book is null, never
0 or 1. Sizes are shares (binaries) or base coin (spot).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from polars._typing import PolarsDataType

from arena.errors import DataError

SCHEMA_VERSION = 1


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
    venue's ticker): ``recv_ns`` never decreases within it.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    time: str
    key: tuple[str, ...]
    stream: tuple[str, ...]

    @property
    def schema(self) -> dict[str, PolarsDataType]:
        """Column name to polars dtype, in order."""
        return {column.name: column.dtype for column in self.columns}

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


_NS = pl.Int64
_F8 = pl.Float64
_LEVELS = pl.List(pl.Float64)

WINDOWS = Table(
    name="windows",
    doc="One row per binary up/down market: its life, its reference prices, its rules, its outcome.",
    time="open_ns",
    key=("market_id", "source"),
    stream=("market_id", "source"),
    columns=(
        Column("market_id", pl.String, "id", "venue slug, e.g. btc-updown-5m-1776081600"),
        Column("venue", pl.String, "name", "polymarket, kalshi or lab"),
        Column("asset", pl.String, "symbol", "BTC, ETH, SOL, ..."),
        Column("interval_s", pl.Int32, "s", "length of the window"),
        Column("open_ns", _NS, "ns UTC", "start of the window"),
        Column("close_ns", _NS, "ns UTC", "end of the window"),
        Column("strike", _F8, "USD", "reference price at the open, on the settlement source", True),
        Column("strike_source", pl.String, "name", "where strike and settle_price come from", True),
        Column("settle_price", _F8, "USD", "reference price at the close, on the same source", True),
        Column("settlement_rule", pl.String, "name", "recorded rule; null = the dated venue table decides", True),
        Column("outcome", pl.String, "up|down", "official outcome; null = unknown", True),
        Column("outcome_source", pl.String, "name", "who said so", True),
        Column("resolved_ns", _NS, "ns UTC", "when the outcome was published", True),
        Column("fee_rate", _F8, "1", "recorded taker fee rate; null = the dated venue table decides", True),
        Column("fee_exponent", _F8, "1", "recorded exponent of p(1-p) in the taker fee", True),
        Column("tick_size", _F8, "USD/share", "smallest price step", True),
        Column("min_order_size", _F8, "shares", "smallest resting order", True),
        Column("volume", _F8, "USD", "traded volume, where recorded", True),
        Column("source", pl.String, "name", "who recorded the row"),
    ),
)

_BOOK = tuple(
    Column(f"{token}_{side}{what}", _F8, unit, f"best {side} of the {token.upper()} token{text}", True)
    for token in ("up", "down")
    for side in ("bid", "ask")
    for what, unit, text in (("", "USD/share", ": price"), ("_size", "shares", ": displayed size"))
)
_DEPTH = tuple(
    Column(
        f"{token}_{side}s_{what}",
        _LEVELS,
        unit,
        f"{token.upper()} {side} levels, best first: {text}; null = only the top of book was recorded",
        True,
    )
    for token in ("up", "down")
    for side in ("bid", "ask")
    for what, unit, text in (("px", "USD/share", "prices"), ("sz", "shares", "sizes"))
)

BINARY_QUOTES = Table(
    name="binary_quotes",
    doc="The book of a binary market, both tokens, whenever it changed.",
    time="recv_ns",
    key=("market_id", "source", "recv_ns", "event_ns", "up_bid", "up_ask", "up_bid_size", "up_ask_size"),
    stream=("market_id", "source"),
    columns=(
        Column("event_ns", _NS, "ns UTC", "venue time of the book", True),
        Column("recv_ns", _NS, "ns UTC", "when we could know it"),
        Column("market_id", pl.String, "id", "market of the windows table"),
        Column("asset", pl.String, "symbol", "BTC, ETH, SOL, ..."),
        *_BOOK,
        *_DEPTH,
        Column("native", pl.String, "up|down|both", "which token's book was really recorded", True),
        Column("source", pl.String, "name", "who recorded the row"),
    ),
)

SPOT = Table(
    name="spot",
    doc="Spot price updates, one stream per venue.",
    time="recv_ns",
    key=("venue", "source", "asset", "recv_ns", "event_ns", "bid", "ask", "last"),
    stream=("venue", "source", "asset"),
    columns=(
        Column("event_ns", _NS, "ns UTC", "venue time of the update; for a bar, its close", True),
        Column("recv_ns", _NS, "ns UTC", "when we could know it; for a bar, never before its close"),
        Column("venue", pl.String, "name", "coinbase, binance, okx, bybit, kraken, bitfinex, ..."),
        Column("asset", pl.String, "symbol", "BTC, ETH, SOL, ..."),
        Column("quote", pl.String, "currency", "USD or USDT: they are not the same price"),
        Column("bid", _F8, "quote/coin", "best bid", True),
        Column("ask", _F8, "quote/coin", "best ask", True),
        Column("last", _F8, "quote/coin", "last trade, or a bar's close", True),
        Column("source", pl.String, "name", "who recorded the row"),
    ),
)

ORACLE = Table(
    name="oracle",
    doc="The settlement feed: one report per second.",
    time="recv_ns",
    key=("asset", "source", "event_ns"),
    stream=("asset", "source"),
    columns=(
        Column("event_ns", _NS, "ns UTC", "the second the report is for"),
        Column("recv_ns", _NS, "ns UTC", "when we could know it"),
        Column("asset", pl.String, "symbol", "BTC, ETH, SOL, ..."),
        Column("feed", pl.String, "name", "chainlink"),
        Column("price", _F8, "USD", "reported price"),
        Column("source", pl.String, "name", "who recorded the row"),
    ),
)

GAPS = Table(
    name="gaps",
    doc="Times when a stream was silent, disconnected or known to be missing.",
    time="recv_ns",
    key=("stream", "asset", "source", "recv_ns"),
    stream=("stream", "asset", "source"),
    columns=(
        Column("recv_ns", _NS, "ns UTC", "last message before the gap"),
        Column("until_ns", _NS, "ns UTC", "first message after the gap"),
        Column("stream", pl.String, "name", "spot/coinbase, oracle/chainlink, binary_quotes/<market>, ..."),
        Column("asset", pl.String, "symbol", "BTC, ETH, SOL, ..."),
        Column("reason", pl.String, "name", "silence, outage, reconnect, ..."),
        Column("source", pl.String, "name", "who recorded the row"),
    ),
)

TABLES: dict[str, Table] = {t.name: t for t in (WINDOWS, BINARY_QUOTES, SPOT, ORACLE, GAPS)}
