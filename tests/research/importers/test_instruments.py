"""Instruments of venues and coins that were in no recording yet."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from arena.errors import DataError
from tests.research.importers.rows import trade
from tests.research.importers.support import imported, read, save

KNOWN = [
    ("binance_spot:btcusdt", "binance", "btcusdt", "BTC", "USDT"),
    ("binance_spot:btcfdusd", "binance", "btcfdusd", "BTC", "FDUSD"),
    ("binance_spot:btcusdc", "binance", "btcusdc", "BTC", "USDC"),
    ("binance_spot:BTCTUSD", "binance", "btctusd", "BTC", "TUSD"),
    ("binance_spot:ethbtc", "binance", "ethbtc", "ETH", "BTC"),
    ("binance_spot:dogetry", "binance", "dogetry", "DOGE", "TRY"),
    ("binance_usdm:btcusdt_240927", "binance_usdm", "btcusdt_240927", "BTC", "USDT"),
    ("binance_usdm:1000pepeusdt", "binance_usdm", "1000pepeusdt", "1000PEPE", "USDT"),
    ("binance_coinm:ethusd_240927", "binance_coinm", "ethusd_240927", "ETH", "USD"),
    ("binance_coinm:btcusd_perp", "binance_coinm", "btcusd_perp", "BTC", "USD"),
    ("bybit_linear:solusdt", "bybit_linear", "solusdt", "SOL", "USDT"),
    ("coinbase:btcusd", "coinbase", "btcusd", "BTC", "USD"),
    ("coinbase:BTC-USD", "coinbase", "btc-usd", "BTC", "USD"),
    ("okx_spot:btcusdt", "okx", "btcusdt", "BTC", "USDT"),
    ("okx_swap:BTC-USDT-SWAP", "okx_swap", "btc-usdt-swap", "BTC", "USDT"),
    ("kraken:xbt/eur", "kraken", "xbt/eur", "BTC", "EUR"),
    ("bitstamp:solgbp", "bitstamp", "solgbp", "SOL", "GBP"),
    ("newvenue:zzzqusdt", "newvenue", "zzzqusdt", "ZZZQ", "USDT"),
]


@pytest.mark.parametrize(("instrument", "venue", "symbol", "asset", "quote"), KNOWN)
def test_any_venue_and_pair_is_read(
    tmp_path: Path, instrument: str, venue: str, symbol: str, asset: str, quote: str
) -> None:
    head = {"ts_ms": 1_776_081_600_000, "instrument": instrument, "recv_ns": 1_776_081_600 * 10**9, "exch_ms": None}
    best = {"bid": 10.0, "bid_size": 1.0, "ask": 11.0, "ask_size": 2.0}
    spot = read(tmp_path, "crypto_book_ticker", [head | best], exch_ms=pl.Int64).tables["spot"].row(0, named=True)
    assert (spot["venue"], spot["asset"], spot["quote"]) == (venue, asset, quote)
    found = read(tmp_path, "crypto_trades", [trade(instrument=instrument)]).tables["trades"].row(0, named=True)
    assert (found["venue"], found["symbol"], found["asset"]) == (venue, symbol, asset)


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("dotusd", ("DOT", "USD")),
        ("bnbusd", ("BNB", "USD")),
        ("shibusd", ("SHIB", "USD")),
        ("aptusd", ("APT", "USD")),
        ("ltcbtc", ("LTC", "BTC")),
        ("btcbusd", ("BTC", "BUSD")),
        ("bnbbusd", ("BNB", "BUSD")),
    ],
)
def test_a_coin_that_ends_in_the_letters_of_a_longer_currency_keeps_them(
    tmp_path: Path, symbol: str, pair: tuple[str, str]
) -> None:
    bar = {"ts_ms": 1_776_081_600_000, "exchange": "binance", "symbol": symbol, "resolution_s": 1}
    bar |= {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0}
    found = read(tmp_path, "exchange_bars_trade", [bar]).tables["bars"].row(0, named=True)
    assert (found["asset"], found["quote"]) == pair


def test_an_instrument_that_cannot_be_read_is_named_and_not_quietly_set_aside(tmp_path: Path) -> None:
    save(tmp_path / "in", "crypto_trades", [trade(), *[trade(instrument="somewhere:???")] * 2])
    with pytest.raises(DataError, match=r"crypto_trades.parquet: .*'somewhere:\?\?\?'"):
        imported(tmp_path / "in")


def test_one_broken_cell_in_hundreds_is_set_aside_and_named_in_the_manifest(tmp_path: Path) -> None:
    save(tmp_path / "in", "crypto_trades", [trade(instrument="x"), *(trade(price=p + 1.0) for p in range(200))])
    held = imported(tmp_path / "in").manifest.tables["trades"]
    assert (held.rows, held.quarantined) == (200, {"null_required": 1})
    assert "'x'" in " ".join(text for texts in held.known_defects.values() for text in texts)
