"""Books of binary markets, as their recorders sampled them."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from research.importers import defects
from research.importers.coins import updown_asset
from research.importers.recording import Converted, Recording, decimal, known_of, missing_side, present, text, to_ns
from research.importers.recordings.windows import CUT, LIFE, windows_beside

SIDES = ("up_bid", "up_ask", "down_bid", "down_ask")
_SIZES = tuple(f"{side}_size" for side in SIDES)


def _tops() -> list[pl.Expr]:
    """Prices and sizes of the four sides, null where there is nothing."""
    empty = {side: missing_side(side, f"{side}_size") for side in SIDES}
    prices = [pl.when(~empty[side]).then(decimal(pl.col(side))).alias(side) for side in SIDES]
    sizes = [
        pl.when(~empty[side]).then(pl.col(f"{side}_size").cast(pl.Float64)).alias(f"{side}_size") for side in SIDES
    ]
    return [*prices, *sizes]


def updown_quotes(frame: pl.DataFrame) -> Converted:
    """Top of book of Polymarket BTC windows from three recorders; sizes are null where not recorded."""
    quotes = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("recv_ms").alias("recv_ns"),
        "market_id",
        updown_asset(frame["market_id"]),
        *_tops(),
        "native",
        "source",
    )
    return Converted(
        {"binary_quotes": TABLES["binary_quotes"].conform(quotes)},
        {"binary_quotes": known_of(frame, defects.QUOTES)},
    )


def quotes_1s(frame: pl.DataFrame) -> Converted:
    """The small cut: one row a second of the recorder's DOWN book, its receive times left away."""
    quotes = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        "market_id",
        updown_asset(frame["market_id"]),
        *_tops(),
        text("down", "native"),
        text(f"cronosvirus00{CUT}", "source"),
    )
    said = (defects.QUOTES["cronosvirus00"], defects.QUOTES_1S)
    return Converted(
        {"binary_quotes": TABLES["binary_quotes"].conform(quotes)}, {"binary_quotes": {f"cronosvirus00{CUT}": said}}
    )


def updown_quotes_with_spot(frame: pl.DataFrame) -> Converted:
    """Both tokens' best prices, the spot price beside them, and the windows they belong to.

    The recorded depth is the total of a side, not the size at the best price, so sizes stay null; the
    recorded start and end prices are what the bot saw first and last, so strike and settlement stay null.
    """
    source = text("leafuryk", "source")
    now = (to_ns("ts_ms").alias("event_ns"), to_ns("ts_ms").alias("recv_ns"))
    asset = updown_asset(frame["market_id"])
    quotes = frame.select(
        *now,
        "market_id",
        asset,
        *(present(side) for side in SIDES),
        text("both", "native"),
        source,
    )
    spot = frame.select(
        *now,
        text("binance", "venue"),
        text("BTC", "asset"),
        text("USDT", "quote"),
        pl.col("btc_spot").alias("last"),
        source,
    )
    return Converted(
        {
            "windows": windows_beside(frame, "polymarket", asset, source),
            "binary_quotes": TABLES["binary_quotes"].conform(quotes),
            "spot": TABLES["spot"].conform(spot),
        },
        {name: {"leafuryk": said} for name, said in defects.LEAFURYK.items()},
    )


RECORDINGS = (
    Recording(
        "updown_quotes", 3, ("ts_ms", "recv_ms"), ("market_id", "native", "source", *SIDES, *_SIZES), updown_quotes
    ),
    Recording(
        "updown_quotes_with_spot",
        4,
        ("ts_ms", *LIFE),
        ("market_id", "outcome", "btc_spot", *SIDES),
        updown_quotes_with_spot,
    ),
    Recording("quotes_1s", 6, ("ts_ms",), ("market_id", *SIDES, *_SIZES), quotes_1s),
)
