"""Importers: tiny files with the recordings' columns, and what the catalog makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import Catalog
from arena.units import MS, SECOND
from research.importers import import_path
from research.importers.gaps import oracle_gaps, quote_gaps, spot_gaps

OPEN_MS = 1_776_081_600_000
OPEN_NS = OPEN_MS * MS
MARKET = f"btc-updown-5m-{OPEN_MS // 1000}"
SIDES = ("up_bid", "up_ask", "down_bid", "down_ask")


def save(folder: Path, stem: str, rows: list[dict[str, Any]], **overrides: Any) -> Path:
    folder.mkdir(exist_ok=True)
    pl.DataFrame(rows, schema_overrides=overrides).write_parquet(folder / f"{stem}.parquet")
    return folder / f"{stem}.parquet"


def window(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "market_id": MARKET,
        "venue": "polymarket",
        "asset": "BTC",
        "interval_s": 300,
        "window_start_ms": OPEN_MS,
        "window_end_ms": OPEN_MS + 300_000,
        "start_price": 70_000.0,
        "end_price": 70_010.0,
        "price_source": "binance_spot",
        "outcome": "up",
        "outcome_source": "gamma_resolution",
        "volume": None,
        "source": "cronosvirus00",
    }
    return row | changes


def save_windows(folder: Path, *changes: dict[str, Any]) -> Path:
    rows = [window(**c) for c in changes or ({},)]
    return save(folder, "updown_windows", rows, volume=pl.Float64)


def quote(at_ms: int = 0, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"ts_ms": OPEN_MS + at_ms, "recv_ms": OPEN_MS + at_ms, "market_id": MARKET}
    row |= dict(zip(SIDES, (0.48, 0.50, 0.50, 0.52), strict=True)) | {f"{s}_size": 5.0 for s in SIDES}
    return row | {"native": "both", "source": "cronosvirus00"} | changes


def save_quotes(folder: Path, *rows: dict[str, Any]) -> Path:
    return save(folder, "updown_quotes", list(rows), **dict.fromkeys(SIDES, pl.Float64))


def book10(at_ms: int = 0, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"event_ms": OPEN_MS + at_ms, "recv_ms": OPEN_MS + at_ms, "market_id": MARKET}
    row["side"] = "down"
    for side, best, step in (("bid", 5000, -100), ("ask", 5200, 100)):
        for k in range(10):
            row[f"{side}_px_e4_{k}"] = best + k * step if k < 3 else None
            row[f"{side}_sz_{k}"] = 1.0 + k if k < 3 else None
    return row | changes


def save_book(folder: Path, *rows: dict[str, Any]) -> Path:
    px = {f"{s}_px_e4_{k}": pl.Int16 for s in ("bid", "ask") for k in range(10)}
    sz = {f"{s}_sz_{k}": pl.Float32 for s in ("bid", "ask") for k in range(10)}
    return save(folder, "polymarket_btc5m_book10", list(rows), **px, **sz)


def imported(folder: Path) -> Catalog:
    import_path(folder, folder.parent / "catalog")
    return Catalog.open(folder.parent / "catalog")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "in"


def test_windows_keep_prices_with_their_source_and_leave_polymarket_rules_to_the_dated_table(folder: Path) -> None:
    kalshi = {"market_id": "KXBTC15M-X", "venue": "kalshi", "source": "unityefucd", "outcome": None}
    save_windows(folder, {}, kalshi | {"interval_s": 900, "window_end_ms": OPEN_MS + 900_000})
    rows = imported(folder).scan("windows").collect().sort("venue").rows(named=True)
    assert (rows[0]["settlement_rule"], rows[0]["outcome"]) == ("index_avg60", None)
    assert (rows[1]["settlement_rule"], rows[1]["fee_rate"]) == (None, None)
    assert (rows[1]["open_ns"], rows[1]["close_ns"]) == (OPEN_NS, OPEN_NS + 300 * SECOND)
    assert (rows[1]["strike"], rows[1]["settle_price"], rows[1]["strike_source"]) == (70_000, 70_010, "binance_spot")


def test_quotes_are_put_in_order_of_arrival_and_may_be_received_before_their_event(folder: Path) -> None:
    save_windows(folder)
    save_quotes(folder, quote(100, recv_ms=OPEN_MS + 90), quote(150, recv_ms=OPEN_MS + 80, up_bid=0.47))
    rows = imported(folder).scan("binary_quotes").collect()
    assert rows["recv_ns"].to_list() == [OPEN_NS + 80 * MS, OPEN_NS + 90 * MS]
    assert rows["event_ns"].to_list() == [OPEN_NS + 150 * MS, OPEN_NS + 100 * MS]


def test_a_side_with_no_size_or_a_price_of_zero_or_one_is_missing(folder: Path) -> None:
    save_windows(folder)
    gone = {"up_bid": 0.0, "up_bid_size": 0.0, "down_ask": 1.0, "down_ask_size": None}
    save_quotes(folder, quote(**gone), quote(1, up_ask_size=0.0), quote(2, up_bid=1.2))
    catalog = imported(folder)
    rows = catalog.scan("binary_quotes").collect().rows(named=True)
    assert (rows[0]["up_bid"], rows[0]["up_bid_size"], rows[0]["down_ask"]) == (None, None, None)
    assert (rows[1]["up_ask"], rows[1]["up_ask_size"]) == (None, None)
    assert catalog.manifest.tables["binary_quotes"].quarantined == {"price_out_of_range": 1}


def test_the_unrecorded_token_is_the_exact_complement_level_by_level(folder: Path) -> None:
    save_windows(folder)
    save_book(folder, book10(0), book10(1, side="up"))
    down, up = imported(folder).scan("binary_quotes").collect().rows(named=True)
    assert (down["native"], up["native"]) == ("down", "up")
    for token, other in (("up", "down"), ("down", "up")):
        for what in ("bids_px", "bids_sz", "asks_px", "asks_sz"):
            assert down[f"{token}_{what}"] == up[f"{other}_{what}"]
    assert up["up_bids_px"] == [0.50, 0.49, 0.48]
    assert up["up_bid"] == 0.50
    assert up["down_asks_px"] == [0.50, 0.51, 0.52]
    assert up["down_bids_px"] == [0.48, 0.47, 0.46]
    assert up["up_asks_px"] == [0.52, 0.53, 0.54]
    assert up["down_asks_sz"] == up["up_bids_sz"] == [1.0, 2.0, 3.0]
    assert (up["down_ask"], up["down_ask_size"]) == (0.50, 1.0)


def test_levels_of_size_zero_are_dropped_and_an_empty_side_is_an_empty_list(folder: Path) -> None:
    save_windows(folder)
    nothing = {f"ask_px_e4_{k}": None for k in range(10)} | {f"ask_sz_{k}": None for k in range(10)}
    save_book(folder, book10(0, bid_sz_0=0.0, **nothing))
    row = imported(folder).scan("binary_quotes").collect().row(0, named=True)
    assert (row["down_bids_px"], row["down_bid"]) == ([0.49, 0.48], 0.49)
    assert (row["down_asks_px"], row["down_ask"], row["up_bids_sz"], row["up_bid"]) == ([], None, [], None)


def test_a_moment_in_both_files_is_kept_once_with_its_depth_in_either_order_of_import(folder: Path) -> None:
    save_windows(folder)
    save_quotes(folder, quote(0, native="down", up_ask_size=1.04), quote(7))
    save_book(folder, book10(0))
    together = imported(folder)
    depth = together.scan("binary_quotes").collect()["up_bids_px"]
    assert (depth.len(), depth.null_count()) == (2, 1)
    for stem in ("updown_windows", "updown_quotes", "polymarket_btc5m_book10"):
        import_path(folder / f"{stem}.parquet", folder.parent / "one_by_one")
    assert Catalog.open(folder.parent / "one_by_one").digest() == together.digest()


def test_every_price_is_the_double_nearest_to_its_decimal(folder: Path) -> None:
    save_windows(folder)
    ticks = range(10, 9_981)
    book = [book10(t) | dict.fromkeys([k for k in book10() if k[3:5] in ("_p", "_s")]) for t in ticks]
    for t, row in zip(ticks, book, strict=True):
        row |= {"bid_px_e4_0": t, "bid_sz_0": 1.0, "ask_px_e4_0": t + 10, "ask_sz_0": 1.0}
    save_book(folder, *book)
    rows = imported(folder).scan("binary_quotes").collect()
    assert rows["down_bid"].to_list() == [t / 10_000 for t in ticks]
    assert rows["up_ask"].to_list() == [(10_000 - t) / 10_000 for t in ticks]


def meta(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"market_id": MARKET, "window_start_ms": OPEN_MS, "window_end_ms": OPEN_MS + 300_000}
    row |= {"outcome": "up", "strike": 70_000.5, "tick_size": 0.001, "min_order_size": 5, "fee_rate": 0.07}
    row |= {"fee_exponent": 1, "volume": 12.0, "closed_time": "2026-04-13 12:05:16+00", "fee_rebate_rate": 0.2}
    return row | {"condition_id": "0xc", "up_token_id": "1", "down_token_id": "2"} | changes


def test_recorded_fees_join_the_window_of_the_other_file(folder: Path) -> None:
    save_windows(folder, {"source": "ligengxin96", "price_source": "chainlink_stream", "start_price": 70_000.5})
    save(folder, "polymarket_btc5m_market_meta", [meta()])
    row = imported(folder).scan("windows").collect().row(0, named=True)
    assert (row["fee_rate"], row["fee_exponent"], row["tick_size"], row["min_order_size"]) == (0.07, 1.0, 0.001, 5.0)
    assert (row["strike"], row["settle_price"], row["strike_source"]) == (70_000.5, 70_010.0, "chainlink_stream")
    assert row["resolved_ns"] == OPEN_NS + 316 * SECOND
    assert (row["rebate_rate"], row["condition_id"], row["up_token_id"]) == (0.2, "0xc", "1")


def test_a_minute_bar_is_known_at_its_close(folder: Path) -> None:
    prices = {"open": 69_990.0, "high": 70_010.0, "low": 69_980.0, "close": 70_000.0}
    more = {"volume": 2.0, "quote_volume": 140_000.0, "trades": 9, "taker_buy_volume": 1.0}
    save(folder, "binance_btcusdt_1m", [{"ts_ms": OPEN_MS} | prices | more])
    catalog = imported(folder)
    bar = catalog.scan("bars").collect().row(0, named=True)
    assert (bar["event_ns"], bar["recv_ns"], bar["interval_s"]) == (OPEN_NS, OPEN_NS + 60 * SECOND, 60)
    assert {name: bar[name] for name in prices | more} == prices | more
    row = catalog.scan("spot").collect().row(0, named=True)
    assert row["event_ns"] == row["recv_ns"] == OPEN_NS + 60 * SECOND
    assert (row["venue"], row["quote"], row["last"], row["bid"]) == ("binance", "USDT", 70_000.0, None)


def test_oracle_reports_are_known_when_received(folder: Path) -> None:
    reports = [(0, 1_200), (1_000, 1_900), (2_000, 63_000)]
    rows = [{"ts_ms": OPEN_MS + e, "recv_ms": OPEN_MS + r, "price": 70_000.0} for e, r in reports]
    save(folder, "chainlink_btcusd_1s", rows)
    catalog = imported(folder)
    assert catalog.scan("oracle").collect()["recv_ns"].to_list() == [OPEN_NS + r * MS for _, r in reports]
    assert catalog.manifest.tables["oracle"].gaps == 1


def test_kalshi_down_is_the_complement_and_its_windows_come_from_the_file(folder: Path) -> None:
    life = {"window_start_ms": OPEN_MS, "window_end_ms": OPEN_MS + 900_000, "market_id": "KXETH15M-X", "asset": "ETH"}
    row = life | {"ts_ms": OPEN_MS + 60_000, "up_bid": 0.59, "up_ask": 0.6, "outcome": "up"}
    end = row | {"ts_ms": OPEN_MS + 120_000, "up_bid": 0.0, "up_ask": 0.001}
    save(folder, "kalshi_15m_quotes_1m", [row, end])
    catalog = imported(folder)
    first, last = catalog.scan("binary_quotes").collect().rows(named=True)
    assert (first["recv_ns"], first["down_bid"], first["down_ask"]) == (OPEN_NS + 60 * SECOND, 0.4, 0.41)
    assert (last["up_bid"], last["down_ask"], last["down_bid"]) == (None, None, 0.999)
    held = catalog.scan("windows").collect().row(0, named=True)
    assert (held["venue"], held["settlement_rule"], held["interval_s"]) == ("kalshi", "index_avg60", 900)


def test_spot_seen_beside_the_quotes_becomes_a_stream_and_bot_prices_no_strike(folder: Path) -> None:
    row = {"ts_ms": OPEN_MS, "window_start_ms": OPEN_MS, "window_end_ms": OPEN_MS + 300_000, "market_id": MARKET}
    row |= dict(zip(SIDES, (0.48, 0.50, 0.50, 0.52), strict=True)) | {"btc_spot": 70_001.0, "outcome": "up"}
    save(folder, "updown_quotes_with_spot", [row | {"up_bid_depth": 9_000.0, "start_price": 70_000.0}])
    catalog = imported(folder)
    assert catalog.scan("spot").collect()["last"].to_list() == [70_001.0]
    assert catalog.scan("binary_quotes").collect()["up_bid_size"].to_list() == [None]
    assert catalog.scan("windows").collect()["strike"].to_list() == [None]


def test_gaps_of_spot_need_three_typical_intervals_and_ten_seconds() -> None:
    def stream(step_s: float, gap_s: float) -> pl.DataFrame:
        times = [OPEN_NS + int(i * step_s * SECOND) for i in range(10)]
        times.append(times[-1] + int(gap_s * SECOND))
        return pl.DataFrame({"recv_ns": times}).with_columns(
            asset=pl.lit("BTC"), source=pl.lit("test"), venue=pl.lit("binance")
        )

    assert spot_gaps(stream(1, 10)).is_empty()
    assert spot_gaps(stream(1, 10.1))["stream"].to_list() == ["spot/binance"]
    assert spot_gaps(stream(60, 180)).is_empty()
    assert spot_gaps(stream(60, 181)).height == 1


def test_gaps_of_the_oracle_are_of_each_stream() -> None:
    both = pl.concat(
        pl.DataFrame({"recv_ns": [OPEN_NS + t * SECOND for t in times]}).with_columns(
            asset=pl.lit(asset), source=pl.lit("test"), feed=pl.lit("chainlink")
        )
        for asset, times in (("BTC", [0, 5, 10]), ("ETH", [0, 11]))
    )
    assert oracle_gaps(both).select("asset", "recv_ns", "until_ns").rows() == [("ETH", OPEN_NS, OPEN_NS + 11 * SECOND)]


def test_gaps_of_quotes_are_within_the_window_and_count_its_edges() -> None:
    life = pl.DataFrame({"market_id": ["m"], "open_ns": [OPEN_NS], "close_ns": [OPEN_NS + 300 * SECOND]})
    times = [-100, 31, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 265, 400]
    rows = pl.DataFrame({"recv_ns": [OPEN_NS + t * SECOND for t in times]}).with_columns(
        market_id=pl.lit("m"), asset=pl.lit("BTC"), source=pl.lit("test")
    )
    found = [
        ((a - OPEN_NS) // SECOND, (b - OPEN_NS) // SECOND)
        for a, b in quote_gaps(rows, life)["recv_ns", "until_ns"].rows()
    ]
    assert found == [(0, 31), (220, 265), (265, 300)]


def test_importing_twice_changes_nothing(folder: Path) -> None:
    save_windows(folder, {}, {"outcome": "maybe", "source": "thevalerka"})
    save_quotes(folder, quote(0), quote(0), quote(60_000, up_bid=0.6))
    digest = imported(folder).digest()
    report = import_path(folder, folder.parent / "catalog")
    assert imported(folder).digest() == digest
    assert [(t.name, t.read, t.repeated) for t in report.tables] == [("windows", 2, 2), ("binary_quotes", 3, 3)]
    assert [t.quarantined for t in report.tables] == [{"bad_outcome": 1}, {"crossed_book": 1, "duplicate": 1}]


def test_a_folder_names_what_it_skipped_and_progress_reaches_its_end(folder: Path) -> None:
    save_windows(folder)
    (folder / "holiday.csv").write_text("x")
    (folder / "README.md").write_text("x")
    (folder / "small").mkdir()
    (folder / "frames.jsonl.gz").write_bytes(b"x")
    told: list[tuple[str, int, int]] = []
    report = import_path(folder, folder.parent / "c", lambda *step: told.append(step))
    assert {Path(path).name: why for path, why in report.skipped.items()} == {
        "frames.jsonl.gz": "raw frames: use arena-data reparse",
        "holiday.csv": "not recognised",
        "small": "a folder: import it by its own path",
    }
    assert told[0][0] == "reading updown_windows.parquet"
    assert told[-1][1] == told[-1][2]


def test_files_that_cannot_be_imported_are_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "holiday.csv").write_text("x")
    with pytest.raises(DataError, match=r"holiday.csv is not a recording Arena can read; .*updown_windows"):
        import_path(folder / "holiday.csv", folder.parent / "c")
    with pytest.raises(DataError, match="Nothing in"):
        import_path(folder, folder.parent / "c")
    (folder / "frames.jsonl.gz").write_bytes(b"x")
    with pytest.raises(DataError, match="holds raw frames, not rows; bring them in with arena-data reparse"):
        import_path(folder / "frames.jsonl.gz", folder.parent / "c")
    with pytest.raises(DataError, match="There is no file or folder"):
        import_path(folder / "none.parquet", folder.parent / "c")
    (folder / "updown_windows.parquet").write_text("x")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        import_path(folder, folder.parent / "c")
    save(folder, "updown_windows", [{"market_id": "m"}])
    with pytest.raises(DataError, match="has no column 'window_start_ms'"):
        import_path(folder, folder.parent / "c")
    save_windows(folder, {"interval_s": "five minutes"})
    with pytest.raises(DataError, match="has other column types than the recording 'updown_windows'"):
        import_path(folder, folder.parent / "c")
    assert not (folder.parent / "c").exists()


def test_quotes_without_any_windows_say_which_file_to_bring(folder: Path) -> None:
    save_quotes(folder, quote())
    with pytest.raises(DataError, match=r"updown_quotes.parquet: these quotes have no windows yet"):
        imported(folder)


@pytest.mark.parametrize("factor", [1_000_000, 0.001])
def test_times_in_another_unit_are_refused_with_row_and_rule(folder: Path, factor: float) -> None:
    wrong = {"window_start_ms": int(OPEN_MS * factor)}
    save_windows(folder, {}, wrong, wrong | {"source": "thevalerka"})
    with pytest.raises(DataError, match=r"updown_windows.parquet, row 1: window_start_ms = .* breaks rule time_unit"):
        imported(folder)


def test_defects_of_the_sources_present_travel_with_the_data(folder: Path) -> None:
    save_windows(folder)
    assert list(imported(folder).manifest.tables["windows"].known_defects) == ["cronosvirus00"]


@pytest.mark.recordings
def test_the_small_recordings_import_as_their_readme_says(recordings_folder: Path, tmp_path: Path) -> None:
    stems = ("updown_quotes_with_spot", "chainlink_btcusd_1s", "polymarket_btc5m_market_meta")
    report = import_path([recordings_folder / f"{stem}.parquet" for stem in stems], tmp_path / "c")
    assert {t.name: t.rows for t in report.tables} == {
        "windows": 299,
        "binary_quotes": 405,
        "spot": 409,
        "oracle": 84_558,
    }
    assert {t.name: t.quarantined for t in report.tables if t.quarantined} == {"binary_quotes": {"parity_break": 4}}
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.scan("windows", source="ligengxin96").collect()["fee_rate"].unique().to_list() == [0.07]
    catalog.verify()
