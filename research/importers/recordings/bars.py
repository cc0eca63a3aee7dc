"""Bars of spot and perpetual exchanges, and funding rates.

A bar stamped 12:00 that lasts a minute is known at 12:01. Venues of derivatives carry their margin in the
name, because it changes what a contract is: ``binance_usdm`` and ``bybit_linear`` are quoted and settled
in USDT, ``binance_coinm`` and ``bybit_inverse`` in the coin.
"""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from arena.units import SECOND
from research.importers import defects
from research.importers.instruments import pairs, unreadable
from research.importers.notes import Note
from research.importers.recording import Converted, Recording, one_table, text, to_ns

_OHLC = ("open", "high", "low", "close")
_OHLCV = (*_OHLC, "volume")
BINANCE_1M = (*_OHLCV, "quote_volume", "trades", "taker_buy_volume")
_QUOTE_OHLC = tuple(f"{side}_{what}" for side in ("bid", "ask") for what in _OHLC)

Given = pl.Expr | str
"""A column, or the same text in every row."""


def bars(
    frame: pl.DataFrame,
    source: str,
    *,
    venue: Given,
    symbol: Given,
    asset: Given,
    quote: Given,
    interval_s: pl.Expr | int,
    kind: str = "trade",
) -> pl.DataFrame:
    """``frame``, stamped with opens in ``ts_ms``, as rows of ``bars``; its price and size columns keep their names."""
    seconds = pl.lit(interval_s) if isinstance(interval_s, int) else interval_s
    said = {"venue": venue, "symbol": symbol, "asset": asset, "quote": quote, "kind": kind, "source": source}
    values = [name for name in TABLES["bars"].schema if name in frame.columns and name not in said]
    return TABLES["bars"].conform(
        frame.select(
            to_ns("ts_ms").alias("event_ns"),
            (to_ns("ts_ms") + seconds.cast(pl.Int64) * SECOND).alias("recv_ns"),
            *((pl.lit(value) if isinstance(value, str) else value).alias(name) for name, value in said.items()),
            seconds.alias("interval_s"),
            *values,
        )
    )


def _perpetual(stem: str, interval_s: int, venue: str, source: str, note: Note) -> Recording:
    """A file of USDT perpetuals of one venue, by coin."""

    def convert(frame: pl.DataFrame) -> Converted:
        coin = pl.col("asset")
        symbol = coin.str.to_lowercase() + "usdt"
        rows = bars(frame, source, venue=venue, symbol=symbol, asset=coin, quote="USDT", interval_s=interval_s)
        return one_table("bars", rows, note)

    return Recording(stem, 10, ("ts_ms",), ("asset", *_OHLCV), convert)


def binance_btcusdt_1h(frame: pl.DataFrame) -> Converted:
    """Hour bars of Binance spot."""
    rows = bars(frame, "fated", venue="binance", symbol="btcusdt", asset="BTC", quote="USDT", interval_s=3600)
    return one_table("bars", rows, defects.BINANCE_1H)


_COIN_MARGINED = {"binance_perp": "binance_coinm", "bybit_perp": "bybit_inverse"}
_CASH_MARGINED = {"binance_perp": "binance_usdm", "bybit_perp": "bybit_linear"}


def _instruments(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """``frame`` with ``venue``, lower-case ``symbol``, ``asset`` and ``quote``; and a note of rows that name none.

    Raises:
        DataError: a stream of rows names a symbol that cannot be read.
    """
    both = pairs(frame["symbol"])
    exchange = pl.col("exchange").str.to_lowercase()
    rows = frame.hstack(both).with_columns(
        pl.when(pl.col("quote") == "USD")
        .then(exchange.replace(_COIN_MARGINED))
        .otherwise(exchange.replace(_CASH_MARGINED))
        .alias("venue"),
        pl.col("symbol").str.to_lowercase(),
    )
    return rows, tuple(Note(text) for text in unreadable(frame["symbol"], both["asset"]))


def _lean_bars(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    venue, symbol, asset, quote = (pl.col(name) for name in ("venue", "symbol", "asset", "quote"))
    length = pl.col("resolution_s")
    return bars(frame, "lean", venue=venue, symbol=symbol, asset=asset, quote=quote, interval_s=length, kind=kind)


def exchange_bars_trade(frame: pl.DataFrame) -> Converted:
    """Second and minute bars of trades; where nothing traded there is no bar."""
    rows, lost = _instruments(frame)
    rows = _lean_bars(rows, "trade")
    return one_table("bars", rows, (defects.LEAN_TRADE, *lost))


def exchange_bars_quote(frame: pl.DataFrame) -> Converted:
    """Minute bars of best bids and asks, with the last sizes; the bar's own prices are mids."""
    rows, lost = _instruments(frame)
    # Only at the open and the close were bid and ask seen at one moment: a high or low has no mid.
    mids = rows.with_columns(((pl.col(f"bid_{w}") + pl.col(f"ask_{w}")) / 2).alias(w) for w in ("open", "close"))
    rows = _lean_bars(mids, "quote")
    return one_table("bars", rows, (defects.LEAN_QUOTE, *lost))


_FUNDING_HOURS = {"binance": 8, "bybit": 8, "okx": 8, "hyperliquid": 1}
_FUNDING_VENUES = {"binance": "binance_usdm", "bybit": "bybit_linear"}


def perp_funding(frame: pl.DataFrame) -> Converted:
    """Funding as charged, per interval: eight hours, on Hyperliquid one."""
    exchange = pl.col("exchange").str.to_lowercase()
    hours = exchange.replace_strict(_FUNDING_HOURS, default=None, return_dtype=pl.Int32)
    rows = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        exchange.replace(_FUNDING_VENUES).alias("venue"),
        "asset",
        pl.col("funding_rate").alias("rate"),
        (hours * 3600).alias("interval_s"),
        text("nkululeko96", "source"),
    )
    return one_table("funding", rows, defects.FUNDING)


_LEAN_KEY = ("exchange", "symbol", "resolution_s")

RECORDINGS = (
    Recording("binance_btcusdt_1h", 10, ("ts_ms",), _OHLCV, binance_btcusdt_1h),
    _perpetual("perp_bars_1m", 60, "bybit_linear", "cobra0506", defects.BYBIT_BARS),
    _perpetual("perp_bars_5m", 300, "bybit_linear", "cobra0506", defects.BYBIT_BARS),
    _perpetual("perp_bars_1h", 3600, "binance_usdm", "muthebug", defects.BINANCE_PERP_1H),
    _perpetual("perp_bars_1d", 86_400, "binance_usdm", "muthebug", defects.BINANCE_PERP_1D),
    Recording("exchange_bars_trade", 10, ("ts_ms",), (*_LEAN_KEY, *_OHLCV), exchange_bars_trade),
    Recording(
        "exchange_bars_quote", 10, ("ts_ms",), (*_LEAN_KEY, *_QUOTE_OHLC, "bid_size", "ask_size"), exchange_bars_quote
    ),
    Recording("perp_funding", 10, ("ts_ms",), ("exchange", "asset", "funding_rate"), perp_funding),
)
