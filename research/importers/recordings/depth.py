"""Six minutes of Binance at full resolution: best prices, every change of the book, trades."""

from __future__ import annotations

import polars as pl

from research.importers import defects
from research.importers.recording import Imported, Recording, one_table, place_among_equals, text, to_ns

_INSTRUMENT = r"^(binance)_(spot|usdm|coinm):((.+?)(usdt|usd)(?:_perp)?)$"


def _instruments(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with ``venue``, ``symbol``, ``asset`` and ``quote``, taken from ``instrument``.

    Instruments are named like ``binance_usdm:btcusdt``; Binance spot is the venue ``binance``, as everywhere.
    """
    name = pl.col("instrument")
    part = [name.str.extract(_INSTRUMENT, group) for group in range(1, 6)]
    said = frame.select(name.unique()).with_columns(
        pl.when(part[1] == "spot").then(part[0]).otherwise(part[0] + "_" + part[1]).alias("venue"),
        part[2].alias("symbol"),
        part[3].str.to_uppercase().alias("asset"),
        part[4].str.to_uppercase().alias("quote"),
    )
    return frame.join(said, on="instrument", how="left", maintain_order="left")


_TIMES = (to_ns("exch_ms").alias("event_ns"), "recv_ns")
_SOURCE = text("hftbacktest", "source")


def crypto_book_ticker(frame: pl.DataFrame) -> Imported:
    """Best bid and ask whenever they changed."""
    columns = ("venue", "asset", "quote", "bid", "ask", "bid_size", "ask_size")
    return one_table("spot", _instruments(frame).select(*_TIMES, *columns, _SOURCE), defects.BINANCE_TICKER)


def crypto_depth_diffs(frame: pl.DataFrame) -> Imported:
    """Snapshots and changes of the whole book; equal rows of one message are numbered."""
    columns = ("venue", "symbol", "asset", "side", "price", "size", "is_snapshot", "first_id", "last_id")
    rows = _instruments(frame).select(*_TIMES, *columns, _SOURCE)
    return one_table("l2", place_among_equals(rows, "l2"), defects.BINANCE_DEPTH)


def crypto_trades(frame: pl.DataFrame) -> Imported:
    """Trades; without the venue's trade ids, equal ones are numbered."""
    columns = ("venue", "symbol", "asset", "price", "size", "taker_side")
    rows = _instruments(frame).select(*_TIMES, *columns, _SOURCE)
    return one_table("trades", place_among_equals(rows, "trades"), defects.BINANCE_TRADES)


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
