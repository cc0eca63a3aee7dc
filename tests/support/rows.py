"""One good row of every table of the catalog, and the same with changes."""

from __future__ import annotations

from typing import Any

import polars as pl

from arena.market.schema import TABLES
from arena.units import SECOND

T0 = 1_776_081_600 * SECOND
"""2026-04-13 12:00 UTC, the open of a window."""
MARKET = "btc-updown-5m-1776081600"

_HERE: dict[str, Any] = {"recv_ns": T0, "asset": "BTC", "source": "test"}
_EVENT: dict[str, Any] = {"event_ns": T0, **_HERE}
_EXCHANGE: dict[str, Any] = {**_EVENT, "venue": "binance", "symbol": "btcusdt"}

GOOD: dict[str, dict[str, Any]] = {
    "windows": {
        "market_id": MARKET, "venue": "polymarket", "asset": "BTC", "interval_s": 300,
        "open_ns": T0, "close_ns": T0 + 300 * SECOND, "outcome": "up", "source": "test",
    },
    "binary_quotes": {
        **_EVENT, "market_id": MARKET, "up_bid": 0.48, "up_ask": 0.50, "down_bid": 0.50, "down_ask": 0.52,
        "native": "both",
    },
    "binary_trades": {
        **_EVENT, "market_id": MARKET, "token": "up", "price": 0.49, "size": 5.0, "taker_side": "buy",
    },
    "marks": {**_EVENT, "market_id": MARKET, "yes_price": 0.5, "no_price": 0.5, "price_kind": "mid"},
    "spot": {**_HERE, "venue": "coinbase", "quote": "USD", "bid": 99.0, "ask": 101.0, "last": 100.0},
    "trades": {**_EXCHANGE, "price": 100.0, "size": 0.5, "taker_side": "sell", "seq": 7},
    "l2": {
        **_EXCHANGE, "side": "bid", "price": 99.0, "size": 2.0, "is_snapshot": False, "first_id": 1, "last_id": 2,
    },
    "bars": {
        **_EXCHANGE, "recv_ns": T0 + 60 * SECOND, "quote": "USDT", "kind": "trade", "interval_s": 60,
        "open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 5.0, "taker_buy_volume": 2.0,
    },
    "funding": {**_EVENT, "venue": "bybit", "rate": 0.0001, "interval_s": 28_800},
    "implied_vol": {**_EVENT, "venue": "deribit", "index": "dvol", "value": 0.45},
    "oracle": {**_EVENT, "feed": "chainlink", "price": 100.0},
    "wallet_fills": {
        **_EVENT, "wallet": "0xabc", "market_id": MARKET, "token": "up", "side": "buy", "price": 0.5, "size": 10.0,
        "usd": 5.0,
    },
    "wallet_ranks": {
        **_HERE, "wallet": "0xabc", "timeframe": "week", "rank_combined": 1, "rank_pnl": 1, "rank_volume": 2,
        "pnl_usd": -5.0, "volume_usd": 100.0, "score": 0.5,
    },
    "universe": {
        **_HERE, "market_id": "band-1", "start_ns": T0, "end_ns": T0 + SECOND, "lower": 100.0, "upper": 200.0,
        "best_bid": 0.4, "best_ask": 0.5,
    },
    "universe_quotes": {**_EVENT, "market_id": "band-1", "bid": 0.4, "ask": 0.5},
    "pairs": {
        **_HERE, "nesting": "5min15m", "combo": "YESout+NOin", "outer_id": "o", "inner_id": "i", "outer_ask": 0.4,
        "inner_ask": 0.5, "cost": 0.9,
    },
    "gaps": {**_HERE, "until_ns": T0 + SECOND, "stream": "spot/coinbase", "reason": "silence"},
    "clock": {**_HERE, "server": "coinbase", "offset_ms": -1270.0, "round_trip_ms": 20.0},
}  # fmt: skip


def row(table: str, **changes: Any) -> dict[str, Any]:
    """A good row of ``table`` with ``changes``."""
    return GOOD[table] | changes


def frame(table: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as a frame of ``table``; a good one without any."""
    spec = TABLES[table]
    return spec.conform(pl.DataFrame(list(rows) or [GOOD[table]], schema_overrides=spec.schema))
