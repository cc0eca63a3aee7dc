"""Rows of the recordings' columns, to be changed by a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tests.research.importers.support import AT_MS, save

MARKET = f"btc-updown-5m-{AT_MS // 1000}"
SIDES = ("up_bid", "up_ask", "down_bid", "down_ask")
LIFE = {"window_start_ms": AT_MS, "window_end_ms": AT_MS + 300_000}


def window(**changes: Any) -> dict[str, Any]:
    """A row of ``updown_windows``."""
    given: dict[str, Any] = {"market_id": MARKET, "venue": "polymarket", "asset": "BTC", "interval_s": 300, **LIFE}
    given |= {"start_price": 70_000.0, "end_price": 70_010.0, "price_source": "binance_spot", "outcome": "up"}
    return given | {"outcome_source": "gamma_resolution", "volume": None, "source": "recorder"} | changes


def save_windows(folder: Path, *changes: dict[str, Any]) -> Path:
    """``updown_windows`` with a row for each of ``changes``."""
    text = dict.fromkeys(("outcome", "outcome_source", "price_source", "source", "asset"), pl.String)
    return save(folder, "updown_windows", [window(**c) for c in changes or ({},)], volume=pl.Float64, **text)


def quote(at_ms: int = 0, **changes: Any) -> dict[str, Any]:
    """A row of ``updown_quotes``, ``at_ms`` after the open."""
    given: dict[str, Any] = {"ts_ms": AT_MS + at_ms, "recv_ms": AT_MS + at_ms, "market_id": MARKET}
    given |= dict(zip(SIDES, (0.48, 0.50, 0.50, 0.52), strict=True)) | {f"{s}_size": 5.0 for s in SIDES}
    return given | {"native": "both", "source": "recorder"} | changes


def save_quotes(folder: Path, *rows: dict[str, Any]) -> Path:
    """``updown_quotes``."""
    return save(folder, "updown_quotes", list(rows), **dict.fromkeys(SIDES, pl.Float64), source=pl.String)


def book10(at_ms: int = 0, **changes: Any) -> dict[str, Any]:
    """A row of ``polymarket_btc5m_book10``: three levels a side of the DOWN token."""
    given: dict[str, Any] = {"event_ms": AT_MS + at_ms, "recv_ms": AT_MS + at_ms, "market_id": MARKET, "side": "down"}
    for side, best, step in (("bid", 5000, -100), ("ask", 5200, 100)):
        for k in range(10):
            given[f"{side}_px_e4_{k}"] = best + k * step if k < 3 else None
            given[f"{side}_sz_{k}"] = 1.0 + k if k < 3 else None
    return given | changes


def save_book(folder: Path, *rows: dict[str, Any]) -> Path:
    """``polymarket_btc5m_book10``."""
    px = {f"{s}_px_e4_{k}": pl.Int16 for s in ("bid", "ask") for k in range(10)}
    sz = {f"{s}_sz_{k}": pl.Float32 for s in ("bid", "ask") for k in range(10)}
    return save(folder, "polymarket_btc5m_book10", list(rows), **px, **sz)


def trade(**changes: Any) -> dict[str, Any]:
    """A row of ``crypto_trades``."""
    head = {"ts_ms": AT_MS, "instrument": "binance_spot:btcusdt", "recv_ns": AT_MS * 1_000_000, "exch_ms": AT_MS}
    return head | {"price": 10.0, "size": 1.0, "taker_side": "buy"} | changes
