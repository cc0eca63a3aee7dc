"""Trades, marks and small cuts of binary markets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arena.units import MINUTE
from research.importers import import_path
from tests.research.importers.support import AT_MS, AT_NS, imported, read, row, save

LIFE = {"window_start_ms": AT_MS, "window_end_ms": AT_MS + 300_000}
MARKET = f"btc-updown-5m-{AT_MS // 1000}"


def kalshi(**changes: Any) -> dict[str, Any]:
    given = {"ts_ms": AT_MS, "market_id": "KXBTC15M-X", "asset": "BTC", "up_price": 0.4, "contracts": 30.0}
    return given | {"taker_side": "up"} | changes


FLOATS = {"up_price": pl.Float32, "contracts": pl.Float32}


def test_the_taker_of_a_kalshi_trade_bought_the_token_named_at_that_tokens_price(tmp_path: Path) -> None:
    given = [kalshi(), kalshi(taker_side="down"), kalshi(contracts=0.01)]
    rows = read(tmp_path, "kalshi_15m_trades", given, **FLOATS).tables["binary_trades"]
    said = rows.select("token", "price", "taker_side", "size", "seq").rows()
    assert said == [("up", 0.4, "buy", 30.0, 0), ("down", 0.6, "buy", 30.0, 0), ("up", 0.4, "buy", 0.01, 0)]


def test_true_repeats_of_a_trade_survive_and_importing_again_changes_nothing(tmp_path: Path) -> None:
    save(tmp_path / "in", "kalshi_15m_trades", [kalshi(), kalshi(), kalshi(asset="ETH"), kalshi()], **FLOATS)
    catalog = imported(tmp_path / "in")
    assert sorted(catalog.scan("binary_trades").collect()["seq"]) == [0, 1, 2, 3]
    (report,) = import_path(tmp_path / "in", tmp_path / "catalog").tables
    assert (report.read, report.repeated, report.rows, report.quarantined) == (4, 4, 4, {})
    assert imported(tmp_path / "in").digest() == catalog.digest()


def mark(**changes: Any) -> dict[str, Any]:
    given = {"ts_ms": AT_MS + 60_000, "market_id": MARKET, "asset": "BTC", "interval_s": 300, "up_price": 0.525}
    given |= LIFE | {"down_price": 0.475, "price_kind": "gamma_outcome_price", "outcome": "up"}
    return given | {"source": "mariomerinom"} | changes


def test_prices_nobody_could_trade_at_are_marks_and_bring_their_windows(tmp_path: Path) -> None:
    save(tmp_path / "in", "updown_marks", [mark(), mark(ts_ms=AT_MS + 61_000)])
    catalog = imported(tmp_path / "in")
    assert "binary_quotes" not in catalog.manifest.tables
    first = catalog.scan("marks").collect().row(0, named=True)
    assert (first["yes_price"], first["no_price"], first["price_kind"]) == (0.525, 0.475, "gamma_outcome_price")
    (window,) = catalog.scan("windows").collect().rows(named=True)
    assert (window["market_id"], window["interval_s"], window["outcome"]) == (MARKET, 300, "up")
    assert (window["strike"], window["outcome_source"]) == (None, "recorder")


def band(**changes: Any) -> dict[str, Any]:
    given = {"ts_ms": AT_MS, "market_slug": "will-bitcoin-be-between", "yes_price": 0.0225, "no_price": 0.9775}
    return given | changes


def test_a_minute_of_price_history_is_known_a_minute_later(tmp_path: Path) -> None:
    floats = {"yes_price": pl.Float32, "no_price": pl.Float32}
    found = row(tmp_path, "btc_price_bands_1m", "marks", band(), **floats)
    assert (found["event_ns"], found["recv_ns"], found["price_kind"]) == (AT_NS, AT_NS + MINUTE, "history")
    assert (found["yes_price"], found["no_price"], found["asset"]) == (0.0225, 0.9775, "BTC")


def test_minutes_without_any_price_are_set_aside(tmp_path: Path) -> None:
    save(tmp_path / "in", "btc_price_bands_1m", [band(), band(ts_ms=AT_MS + 60_000, yes_price=None, no_price=None)])
    held = imported(tmp_path / "in").manifest.tables["marks"]
    assert (held.rows, held.quarantined) == (1, {"empty_book": 1})


SIDES = ("up_bid", "up_ask", "down_bid", "down_ask")


def test_the_small_cut_is_a_recorder_of_its_own(tmp_path: Path) -> None:
    window = {"market_id": MARKET, "venue": "polymarket", "asset": "BTC", "interval_s": 300, **LIFE}
    window |= {"start_price": 70_000.0, "end_price": 70_010.0, "price_source": "binance_spot", "outcome": "up"}
    window |= {"outcome_source": "inferred_from_terminal_book", "volume": None, "source": "cronosvirus00"}
    quote = {"ts_ms": AT_MS + 457, "market_id": MARKET} | dict(zip(SIDES, (0.48, 0.50, 0.50, 0.52), strict=True))
    save(tmp_path / "in", "windows", [window], volume=pl.Float64)
    save(tmp_path / "in", "quotes_1s", [quote | {f"{side}_size": 5.0 for side in SIDES}])
    catalog = imported(tmp_path / "in")
    assert catalog.sources("windows") == catalog.sources("binary_quotes") == ("cronosvirus00-1s",)
    (found,) = catalog.scan("binary_quotes").collect().rows(named=True)
    assert (found["event_ns"], found["recv_ns"], found["native"], found["up_bid"]) == (
        *(AT_NS + 457_000_000, AT_NS + 457_000_000),
        *("down", 0.48),
    )
    assert "small cut" in " ".join(catalog.manifest.tables["binary_quotes"].known_defects["cronosvirus00-1s"])


@pytest.mark.parametrize("side", ["left", None])
def test_a_book_of_no_token_is_set_aside_and_not_lost(tmp_path: Path, side: str | None) -> None:
    given: dict[str, Any] = {"event_ms": AT_MS, "recv_ms": AT_MS, "market_id": MARKET, "side": side}
    for name, best, step in (("bid", 5000, -100), ("ask", 5200, 100)):
        given |= {f"{name}_px_e4_{k}": best + k * step for k in range(10)}
        given |= {f"{name}_sz_{k}": 1.0 for k in range(10)}
    found = row(tmp_path, "polymarket_btc5m_book10", "binary_quotes", given, side=pl.String)
    assert (found["native"], found["up_bid"], found["down_ask"], found["up_bids_px"]) == (side, None, None, [])
