"""Exchanges at full resolution: best prices, every change of the book, trades."""

from __future__ import annotations

import polars as pl

from research.importers import defects
from research.importers.instruments import pairs, unreadable
from research.importers.notes import Note
from research.importers.recording import Converted, Recording, one_table, place_among_equals, text, to_ns


def _instruments(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """``frame`` with ``venue``, ``symbol``, ``asset`` and ``quote``, taken from ``instrument``; and what was lost.

    Instruments are named ``venue:symbol``, like ``binance_usdm:btcusdt``. The spot market of a venue is the venue
    (``binance_spot`` is ``binance``), as everywhere.

    Raises:
        DataError: a stream of rows names an instrument that cannot be read.
    """
    given = frame["instrument"]
    distinct = given.unique().drop_nulls()
    parts = distinct.str.to_lowercase().str.splitn(":", 2).struct.rename_fields(["venue", "symbol"]).struct.unnest()
    said = parts.select(distinct.alias("instrument"), pl.col("venue").str.replace("_spot$", ""), "symbol").hstack(
        pairs(parts["symbol"])
    )
    rows = frame.join(said, on="instrument", how="left", maintain_order="left")
    return rows, tuple(Note(text) for text in unreadable(given, rows["asset"]))


_TIMES = (to_ns("exch_ms").alias("event_ns"), "recv_ns")
_SOURCE = text("hftbacktest", "source")


def crypto_book_ticker(frame: pl.DataFrame) -> Converted:
    """Best bid and ask whenever they changed."""
    columns = ("venue", "asset", "quote", "bid", "ask", "bid_size", "ask_size")
    rows, lost = _instruments(frame)
    return one_table("spot", rows.select(*_TIMES, *columns, _SOURCE), (defects.BINANCE_TICKER, *lost))


def crypto_depth_diffs(frame: pl.DataFrame) -> Converted:
    """Snapshots and changes of the whole book; equal rows of one message are numbered."""
    columns = ("venue", "symbol", "asset", "side", "price", "size", "is_snapshot", "first_id", "last_id")
    rows, lost = _instruments(frame)
    rows = place_among_equals(rows.select(*_TIMES, *columns, _SOURCE), "l2")
    return one_table("l2", rows, (defects.BINANCE_DEPTH, *lost))


def crypto_trades(frame: pl.DataFrame) -> Converted:
    """Trades; without the venue's trade ids, equal ones are numbered."""
    columns = ("venue", "symbol", "asset", "price", "size", "taker_side")
    rows, lost = _instruments(frame)
    rows = place_among_equals(rows.select(*_TIMES, *columns, _SOURCE), "trades")
    return one_table("trades", rows, (defects.BINANCE_TRADES, *lost))


_BOTH = ("instrument", "recv_ns", "exch_ms")

RECORDINGS = (
    Recording("crypto_book_ticker", 10, ("ts_ms",), (*_BOTH, "bid", "bid_size", "ask", "ask_size"), crypto_book_ticker),
    Recording(
        "crypto_depth_diffs",
        10,
        ("ts_ms",),
        (*_BOTH, "first_id", "last_id", "side", "price", "size", "is_snapshot"),
        crypto_depth_diffs,
    ),
    Recording("crypto_trades", 10, ("ts_ms",), (*_BOTH, "price", "size", "taker_side"), crypto_trades),
)
