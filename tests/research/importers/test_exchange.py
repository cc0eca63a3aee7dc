"""Bars, depth, trades, funding and sampled prices of exchanges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arena.units import MINUTE, MS, SECOND
from research.importers.gaps import bar_gaps
from tests.research.importers.support import AT_MS, AT_NS, imported, read, row, save

OHLCV = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0}


@pytest.mark.parametrize(
    ("stem", "venue", "seconds"),
    [
        ("perp_bars_1m", "bybit_linear", 60),
        ("perp_bars_5m", "bybit_linear", 300),
        ("perp_bars_1h", "binance_usdm", 3_600),
        ("perp_bars_1d", "binance_usdm", 86_400),
    ],
)
def test_a_perpetual_bar_is_known_at_its_close(tmp_path: Path, stem: str, venue: str, seconds: int) -> None:
    bar = row(tmp_path, stem, "bars", {"ts_ms": AT_MS, "asset": "ETH"} | OHLCV)
    assert (bar["event_ns"], bar["recv_ns"], bar["interval_s"]) == (AT_NS, AT_NS + seconds * SECOND, seconds)
    assert (bar["venue"], bar["symbol"], bar["asset"], bar["quote"]) == (venue, "ethusdt", "ETH", "USDT")
    assert {name: bar[name] for name in OHLCV} == OHLCV
    assert (bar["kind"], bar["bid_close"], bar["trades"]) == ("trade", None, None)


@pytest.mark.parametrize(
    ("exchange", "symbol", "said"),
    [
        ("coinbase", "btceur", ("coinbase", "BTC", "EUR")),
        ("binance", "btcbusd", ("binance", "BTC", "BUSD")),
        ("binance_perp", "adausdt", ("binance_usdm", "ADA", "USDT")),
        ("binance_perp", "btcusd", ("binance_coinm", "BTC", "USD")),
        ("bybit_perp", "btcusdt", ("bybit_linear", "BTC", "USDT")),
        ("bybit_perp", "btcusd", ("bybit_inverse", "BTC", "USD")),
    ],
)
def test_a_venue_of_derivatives_says_what_margin_is_paid_in(
    tmp_path: Path, exchange: str, symbol: str, said: tuple[str, str, str]
) -> None:
    given = {"ts_ms": AT_MS, "exchange": exchange, "symbol": symbol, "resolution_s": 1} | OHLCV
    bar = row(tmp_path, "exchange_bars_trade", "bars", given)
    assert (bar["venue"], bar["asset"], bar["quote"]) == said
    assert (bar["symbol"], bar["recv_ns"]) == (symbol, AT_NS + SECOND)


def test_a_quote_bar_has_mids_only_where_bid_and_ask_were_of_one_moment(tmp_path: Path) -> None:
    sides = {f"{s}_{w}": p for s, p in (("bid", 10.0), ("ask", 12.0)) for w in ("open", "high", "low", "close")}
    given = {"ts_ms": AT_MS, "exchange": "coinbase", "symbol": "ethusd", "resolution_s": 60, **sides}
    bar = row(tmp_path, "exchange_bars_quote", "bars", given | {"bid_size": 1.0, "ask_size": 2.0})
    assert {name: bar[name] for name in sides} == sides
    assert (bar["kind"], bar["open"], bar["high"], bar["low"], bar["close"]) == ("quote", 11.0, None, None, 11.0)
    assert (bar["bid_size"], bar["ask_size"], bar["volume"]) == (1.0, 2.0, None)


def bars(*minutes: int, length: int = 60) -> pl.DataFrame:
    return pl.DataFrame({"recv_ns": [AT_NS + (m + 1) * MINUTE for m in minutes]}).with_columns(
        **{name: pl.lit(name) for name in ("venue", "symbol", "asset", "source", "kind")}, interval_s=pl.lit(length)
    )


def test_every_bar_missing_from_a_complete_stream_is_a_gap() -> None:
    minutes = [m for m in range(1_000) if m not in (500, 501)]
    found = bar_gaps(bars(*minutes))
    assert found.select("recv_ns", "until_ns").rows() == [(AT_NS + 500 * MINUTE, AT_NS + 503 * MINUTE)]
    assert found.select("stream", "reason").rows() == [("bars/venue/symbol/kind/60", "missing")]


def test_where_nothing_traded_there_is_no_gap_unless_it_lasts_an_hour() -> None:
    assert bar_gaps(bars(0, 2, 5, 6, 7, 60)).is_empty()
    assert bar_gaps(bars(0, 2, 5, 6, 7, 68)).height == 1


INSTRUMENTS = {
    "binance_spot:ethusdt": ("binance", "ethusdt", "ETH", "USDT"),
    "binance_usdm:btcusdt": ("binance_usdm", "btcusdt", "BTC", "USDT"),
    "binance_coinm:btcusd_perp": ("binance_coinm", "btcusd_perp", "BTC", "USD"),
}
BEHIND_NS = 1_270 * MS


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_times_stay_as_recorded_when_the_recorders_clock_is_behind(tmp_path: Path, instrument: str) -> None:
    head = {"ts_ms": AT_MS, "instrument": instrument, "recv_ns": AT_NS + 7, "exch_ms": AT_MS + 1_270}
    best = {"bid": 10.0, "bid_size": 1.0, "ask": 11.0, "ask_size": 2.0}
    venue, symbol, asset, quote = INSTRUMENTS[instrument]
    spot = row(tmp_path, "crypto_book_ticker", "spot", head | best)
    assert (spot["recv_ns"], spot["event_ns"]) == (AT_NS + 7, AT_NS + BEHIND_NS)
    assert (spot["venue"], spot["asset"], spot["quote"]) == (venue, asset, quote)
    assert {name: spot[name] for name in best} == best
    level = {"first_id": 5, "last_id": 6, "side": "bid", "price": 10.0, "size": 0.0, "is_snapshot": False}
    l2 = row(tmp_path, "crypto_depth_diffs", "l2", head | level)
    assert (l2["venue"], l2["symbol"], l2["asset"], l2["recv_ns"]) == (venue, symbol, asset, AT_NS + 7)
    assert {name: l2[name] for name in level} == level


def trade(**changes: Any) -> dict[str, Any]:
    head = {"ts_ms": AT_MS, "instrument": "binance_spot:btcusdt", "recv_ns": AT_NS, "exch_ms": AT_MS}
    return head | {"price": 10.0, "size": 1.0, "taker_side": "buy"} | changes


def test_equal_trades_are_numbered_and_all_survive(tmp_path: Path) -> None:
    save(tmp_path / "in", "crypto_trades", [trade(), trade(price=11.0), trade(), trade()])
    rows = imported(tmp_path / "in").scan("trades").select("price", "seq").collect().rows()
    assert rows == [(10.0, 0), (11.0, 0), (10.0, 1), (10.0, 2)]


def test_funding_is_per_the_interval_of_its_exchange(tmp_path: Path) -> None:
    given = [{"ts_ms": AT_MS + 2, "exchange": e, "asset": "BTC", "funding_rate": 1e-5} for e in ("hyperliquid", "okx")]
    rows = read(tmp_path, "perp_funding", given).tables["funding"].rows(named=True)
    assert [(r["venue"], r["interval_s"], r["rate"]) for r in rows] == [
        ("hyperliquid", 3_600, 1e-5),
        ("okx", 28_800, 1e-5),
    ]
    assert {r["event_ns"] for r in rows} == {AT_NS + 2 * MS}


def test_two_prices_side_by_side_are_a_venue_and_the_settlement_feed(tmp_path: Path) -> None:
    given = {"ts_ms": AT_MS, "binance": 70_035.0, "chainlink": 70_000.0}
    tables = read(tmp_path, "btc_binance_vs_chainlink_1s", [given]).tables
    assert tables["spot"].select("venue", "quote", "last").row(0) == ("binance", "USDT", 70_035.0)
    assert tables["oracle"].select("feed", "price", "event_ns", "recv_ns").row(0) == (
        "chainlink",
        70_000.0,
        AT_NS,
        AT_NS,
    )


def test_volumes_of_unknown_depth_are_not_called_sizes(tmp_path: Path) -> None:
    given = {"ts_ms": AT_MS, "best_bid": 10.0, "best_ask": 11.0, "bid_volume": 3.0, "ask_volume": 4.0}
    spot = row(tmp_path, "binance_btcusdt_l1_5s", "spot", given)
    assert (spot["bid"], spot["ask"], spot["bid_size"], spot["ask_size"]) == (10.0, 11.0, None, None)


def test_a_consensus_of_venues_is_no_venue(tmp_path: Path) -> None:
    spot = row(tmp_path, "multi_asset_spot_30s", "spot", {"ts_ms": AT_MS, "asset": "SOL", "price": 70.0})
    assert (spot["venue"], spot["quote"], spot["last"], spot["bid"]) == ("consensus", "USD", 70.0, None)
