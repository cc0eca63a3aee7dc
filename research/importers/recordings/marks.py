"""Prices of binary markets that were no quotes: observations of bots, and a venue's price history."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from arena.units import MINUTE
from research.importers import defects
from research.importers.recording import Converted, Recording, decimal, known_of, one_table, text, to_ns
from research.importers.recordings.windows import LIFE, windows_beside


def updown_marks(frame: pl.DataFrame) -> Converted:
    """One price or a few per window, and the windows they belong to."""
    marks = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        "market_id",
        "asset",
        decimal(pl.col("up_price")).alias("yes_price"),
        decimal(pl.col("down_price")).alias("no_price"),
        "price_kind",
        "source",
    )
    return Converted(
        {
            "windows": windows_beside(frame, "polymarket", frame["asset"], pl.col("source")),
            "marks": TABLES["marks"].conform(marks),
        },
        {"marks": known_of(frame, defects.MARKS)},
    )


def btc_price_bands_1m(frame: pl.DataFrame) -> Converted:
    """The venue's minute price history of band markets.

    Whether a minute's stamp is its beginning or its end is not recorded; taken as its beginning, so that
    its price is known a minute later and never too early.
    """
    marks = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        (to_ns("ts_ms") + MINUTE).alias("recv_ns"),
        pl.col("market_slug").alias("market_id"),
        text("BTC", "asset"),
        decimal(pl.col("yes_price")).alias("yes_price"),
        decimal(pl.col("no_price")).alias("no_price"),
        text("history", "price_kind"),
        text("fated", "source"),
    )
    return one_table("marks", marks, defects.BANDS)


RECORDINGS = (
    Recording(
        "updown_marks",
        7,
        ("ts_ms", *LIFE),
        ("market_id", "asset", "up_price", "down_price", "price_kind", "outcome", "source"),
        updown_marks,
    ),
    Recording("btc_price_bands_1m", 10, ("ts_ms",), ("market_slug", "yes_price", "no_price"), btc_price_bands_1m),
)
