"""Spot prices and the settlement feed, sampled."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from research.importers import defects
from research.importers.recording import Converted, Recording, one_table, text, to_ns
from research.importers.recordings.bars import BINANCE_1M, bars

_BTC = text("BTC", "asset")


def binance_btcusdt_1m(frame: pl.DataFrame) -> Converted:
    """Minute bars, and their closes as spot updates: the close of a bar stamped 12:00 is known at 12:01.

    Two recorders supplied the file, one after the other, and agree on every common minute: it is one
    stream with one ``source``, so that a volatility does not restart where they meet.
    """
    source = "aegis+wookie"
    rows = bars(frame, source, venue="binance", symbol="btcusdt", asset="BTC", quote="USDT", interval_s=60)
    closes = (pl.col("recv_ns").alias("event_ns"), pl.col("close").alias("last"))
    spot = rows.select(*closes, "recv_ns", "venue", "asset", "quote", "source")
    return Converted(
        {"spot": TABLES["spot"].conform(spot), "bars": rows},
        {"spot": {source: defects.BINANCE_1M}, "bars": {source: defects.BINANCE_1M}},
    )


def binance_btcusdt_l1_5s(frame: pl.DataFrame) -> Converted:
    """Best bid and ask every few seconds; the recorded volumes are of unknown depth and are left out."""
    spot = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        text("binance", "venue"),
        _BTC,
        text("USDT", "quote"),
        pl.col("best_bid").alias("bid"),
        pl.col("best_ask").alias("ask"),
        text("lukaszkazala", "source"),
    )
    return one_table("spot", spot, defects.BINANCE_L1)


def multi_asset_spot_30s(frame: pl.DataFrame) -> Converted:
    """Prices of four coins, each the median of several venues, filed under the venue ``consensus``."""
    spot = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        text("consensus", "venue"),
        "asset",
        text("USD", "quote"),
        pl.col("price").alias("last"),
        text("thesaddestlandscape", "source"),
    )
    return one_table("spot", spot, defects.CONSENSUS)


def btc_binance_vs_chainlink_1s(frame: pl.DataFrame) -> Converted:
    """Binance and Chainlink as one process saw them, side by side; one clock, the recorder's."""
    source = text("herbalclaw", "source")
    now = (to_ns("ts_ms").alias("event_ns"), to_ns("ts_ms").alias("recv_ns"), _BTC, source)
    spot = frame.select(*now, text("binance", "venue"), text("USDT", "quote"), pl.col("binance").alias("last"))
    oracle = frame.select(*now, text("chainlink", "feed"), pl.col("chainlink").alias("price"))
    return Converted(
        {"spot": TABLES["spot"].conform(spot), "oracle": TABLES["oracle"].conform(oracle)},
        {"spot": {"herbalclaw": defects.SIDE_BY_SIDE}, "oracle": {"herbalclaw": defects.SIDE_BY_SIDE}},
    )


def chainlink_btcusd_1s(frame: pl.DataFrame) -> Converted:
    """The settlement feed: one report per second, known when it was received."""
    oracle = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("recv_ms").alias("recv_ns"),
        _BTC,
        text("chainlink", "feed"),
        "price",
        text("ligengxin96", "source"),
    )
    return one_table("oracle", oracle, defects.CHAINLINK)


RECORDINGS = (
    Recording("chainlink_btcusd_1s", 6, ("ts_ms", "recv_ms"), ("price",), chainlink_btcusd_1s),
    Recording("binance_btcusdt_1m", 7, ("ts_ms",), BINANCE_1M, binance_btcusdt_1m),
    Recording("binance_btcusdt_l1_5s", 10, ("ts_ms",), ("best_bid", "best_ask"), binance_btcusdt_l1_5s),
    Recording("multi_asset_spot_30s", 10, ("ts_ms",), ("asset", "price"), multi_asset_spot_30s),
    Recording("btc_binance_vs_chainlink_1s", 10, ("ts_ms",), ("binance", "chainlink"), btc_binance_vs_chainlink_1s),
)
