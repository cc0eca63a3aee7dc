"""Kalshi's up/down markets: minute quotes and trades."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from research.importers import defects
from research.importers.recording import (
    Converted,
    Recording,
    decimal,
    one_table,
    place_among_equals,
    present,
    text,
    to_ns,
)
from research.importers.recordings.windows import LIFE, windows_beside


def kalshi_15m_quotes_1m(frame: pl.DataFrame) -> Converted:
    """Minute quotes of Kalshi windows: the UP book, and DOWN as its exact complement.

    A row holds the values at the end of its minute, which is its time stamp: it is known then.
    """
    source = text("unityefucd", "source")
    up_bid, up_ask = present("up_bid"), present("up_ask")
    quotes = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        "market_id",
        "asset",
        up_bid,
        up_ask,
        decimal(1.0 - up_ask).alias("down_bid"),
        decimal(1.0 - up_bid).alias("down_ask"),
        text("up", "native"),
        source,
    )
    return Converted(
        {
            "windows": windows_beside(frame, "kalshi", frame["asset"], source, "index_avg60"),
            "binary_quotes": TABLES["binary_quotes"].conform(quotes),
        },
        {"binary_quotes": {"unityefucd": defects.KALSHI_QUOTES}},
    )


def kalshi_15m_trades(frame: pl.DataFrame) -> Converted:
    """Every public trade: the taker bought the token that ``taker_side`` names, at that token's price.

    A Kalshi trade joins a buyer of UP with a buyer of DOWN, so "the taker sold UP at 0.40" and "bought DOWN
    at 0.60" are one thing; the venue names the side bought, and so does the row. ``up_price`` is the price
    of UP whichever side was bought.
    """
    up = decimal(pl.col("up_price"))
    trades = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        "market_id",
        "asset",
        pl.col("taker_side").alias("token"),
        pl.when(pl.col("taker_side") == "down").then(decimal(1.0 - up)).otherwise(up).alias("price"),
        pl.col("contracts").cast(pl.Float64).round(2).alias("size"),  # hundredths of a contract, kept in 32 bits
        text("buy", "taker_side"),
        text("artyomderkach", "source"),
    )
    return one_table("binary_trades", place_among_equals(trades, "binary_trades"), defects.KALSHI_TRADES)


RECORDINGS = (
    Recording(
        "kalshi_15m_quotes_1m",
        5,
        ("ts_ms", *LIFE),
        ("market_id", "asset", "up_bid", "up_ask", "outcome"),
        kalshi_15m_quotes_1m,
    ),
    Recording(
        "kalshi_15m_trades",
        10,
        ("ts_ms",),
        ("market_id", "asset", "up_price", "contracts", "taker_side"),
        kalshi_15m_trades,
    ),
)
