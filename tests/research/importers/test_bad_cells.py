"""One bad cell costs its row, not the file; a mistake of the whole file is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import Catalog
from research.importers import import_path
from tests.research.importers.rows import MARKET, quote, save_quotes, save_windows, trade, window
from tests.research.importers.support import AT_MS, imported, save
from tests.research.importers.test_universe import OUTCOME, listed, market


def test_a_row_without_a_source_is_set_aside_and_importing_again_changes_nothing(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {}, {"source": None, "market_id": MARKET + "1"})
    save_quotes(tmp_path / "in", quote(), quote(5, source=None))
    for _ in range(2):
        held = imported(tmp_path / "in").manifest.tables
        assert [(held[t].rows, held[t].quarantined) for t in ("windows", "binary_quotes")] == [
            (1, {"null_required": 1})
        ] * 2


@pytest.mark.parametrize("wrong", [0, -5, 1_776_081_600, AT_MS * 1_000_000, 2**62])
def test_one_time_that_is_no_millisecond_costs_its_row(tmp_path: Path, wrong: int) -> None:
    save_windows(tmp_path / "in")
    save_quotes(tmp_path / "in", quote(), quote(1, ts_ms=wrong), quote(2, up_bid=0.47))
    for _ in range(2):
        held = imported(tmp_path / "in").manifest.tables["binary_quotes"]
        assert (held.rows, held.quarantined) == (2, {"time_unit": 1})


def test_the_recorded_wrong_time_is_kept_where_it_fits(tmp_path: Path) -> None:
    save_windows(tmp_path / "in")
    save_quotes(tmp_path / "in", quote(), quote(1, recv_ms=7), quote(2))
    refused = imported(tmp_path / "in").quarantined("binary_quotes").collect()
    assert refused["recv_ns"].to_list() == [7_000_000]


def test_one_wrong_time_does_not_move_the_moment_a_list_was_known(tmp_path: Path) -> None:
    given = [market(), market(slug="b"), market(slug="c", last_ms=4_200_000_000_000)]
    save(tmp_path / "in", "universe_markets", given, **OUTCOME)
    catalog = imported(tmp_path / "in")
    assert catalog.scan("universe").collect()["recv_ns"].unique().to_list() == [(AT_MS + 86_400_000) * 1_000_000]
    assert catalog.manifest.tables["universe"].quarantined == {"time_unit": 1}


def test_a_file_in_another_unit_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "in", "crypto_trades", [trade(ts_ms=AT_MS // 1000), trade(ts_ms=AT_MS // 1000), trade()])
    with pytest.raises(DataError, match=r"row 0: ts_ms = .* breaks rule time_unit"):
        imported(tmp_path / "in")


def test_nanoseconds_in_another_unit_are_refused_too(tmp_path: Path) -> None:
    save(tmp_path / "in", "crypto_trades", [trade(recv_ns=AT_MS), trade(recv_ns=AT_MS + 1)])
    with pytest.raises(DataError, match="time_unit"):
        imported(tmp_path / "in")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("new/rec", "new+2Frec"),
        ("New Rec (v2)", "New+20Rec+20+28v2+29"),
        ("_rec", "x+5Frec"),
        ("aufzeichner-ü", "aufzeichner-+C3+BC"),
    ],
)
def test_names_that_cannot_be_part_of_a_path_are_escaped(tmp_path: Path, name: str, escaped: str) -> None:
    save_windows(tmp_path / "in", {"source": name})
    save_quotes(tmp_path / "in", quote(source=name))
    catalog = imported(tmp_path / "in")
    assert catalog.sources("windows") == catalog.sources("binary_quotes") == (escaped,)
    assert list(catalog.manifest.tables["binary_quotes"].known_defects) == [escaped]


def test_an_empty_source_is_none(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {}, {"source": "", "market_id": MARKET + "1"})
    assert imported(tmp_path / "in").manifest.tables["windows"].quarantined == {"null_required": 1}


def test_assets_are_upper_case(tmp_path: Path) -> None:
    given = [{"ts_ms": AT_MS, "asset": a, "price": 70.0} for a in ("btc", "Eth/x")]
    save(tmp_path / "in", "multi_asset_spot_30s", given)
    assert imported(tmp_path / "in").assets("spot") == ("BTC", "ETH+2FX")


def test_json_that_cannot_be_read_costs_its_own_cell(tmp_path: Path) -> None:
    given = [listed(), listed(slug="b", tags="[oops", outcome_prices="[0.5"), listed(slug="c", outcome_prices=None)]
    save(tmp_path / "in", "gamma_universe_snapshot", given, best_bid=pl.Float64)
    catalog = imported(tmp_path / "in")
    rows = catalog.scan("universe").sort("market_id").collect()
    assert rows["tags"].to_list() == [None, ["esports", "dota"], ["esports", "dota"]]
    assert catalog.manifest.tables["marks"].quarantined == {"empty_book": 2}
    said = " ".join(catalog.manifest.tables["universe"].known_defects["manja316"])
    assert "1 of tags" in said


def test_an_outcome_that_is_missing_in_some_rows_of_a_market_is_taken_from_the_others(tmp_path: Path) -> None:
    minute = {"market_id": "KXBTC15M-X", "asset": "BTC", "up_bid": 0.4, "up_ask": 0.41, "window_start_ms": AT_MS}
    given = [
        minute | {"window_end_ms": AT_MS + 900_000, "ts_ms": AT_MS + i * 60_000, "outcome": o}
        for i, o in enumerate([None, "up", "up", None])
    ]
    save(tmp_path / "in", "kalshi_15m_quotes_1m", given)
    catalog = imported(tmp_path / "in")
    (row,) = catalog.scan("windows").collect().rows(named=True)
    assert (row["outcome"], row["outcome_source"]) == ("up", "recorder")
    assert catalog.manifest.tables["windows"].quarantined == {}


def test_only_contradictions_within_a_file_of_windows_are_set_aside(tmp_path: Path) -> None:
    nothing = {"outcome": None, "outcome_source": "nobody", "start_price": None, "price_source": None}
    save_windows(
        tmp_path / "in",
        *(nothing, {}, {"end_price": None}),
        *({"market_id": "m", "venue": "lab"}, {"market_id": "m", "venue": "lab", "outcome": "down"}),
    )
    catalog = imported(tmp_path / "in")
    first, second = catalog.scan("windows").sort("market_id").collect().rows(named=True)
    assert (first["outcome"], first["outcome_source"], first["strike"]) == ("up", "gamma_resolution", 70_000.0)
    assert second["outcome"] == "up"
    assert catalog.manifest.tables["windows"].quarantined == {"duplicate": 1}


def test_sides_written_as_zero_or_one_are_missing(tmp_path: Path) -> None:
    ends = [
        {"ts_ms": AT_MS, "slug": "a", "bid": 0.0, "ask": 0.4},
        {"ts_ms": AT_MS, "slug": "b", "bid": 0.9, "ask": 1.0},
    ]
    save(tmp_path / "in", "universe_quotes_2m", ends)
    spot = {"ts_ms": AT_MS, "window_start_ms": AT_MS, "window_end_ms": AT_MS + 300_000, "market_id": MARKET}
    spot |= {"up_bid": 0.0, "up_ask": 0.02, "down_bid": 0.98, "down_ask": 1.0, "btc_spot": 7e4, "outcome": "up"}
    save(tmp_path / "in", "updown_quotes_with_spot", [spot])
    save(
        tmp_path / "in", "gamma_universe_snapshot", [listed(best_bid=0.0, best_ask=0.3), listed(slug="b", best_bid=1.0)]
    )
    catalog = imported(tmp_path / "in")
    assert catalog.scan("universe_quotes").sort("market_id").select("bid", "ask").collect().rows() == [
        (None, 0.4),
        (0.9, None),
    ]
    assert catalog.scan("binary_quotes").select("up_bid", "down_ask", "up_ask").collect().rows() == [(None, None, 0.02)]
    assert catalog.scan("universe").sort("market_id").select("best_bid", "best_ask").collect().rows() == [
        (None, None),
        (None, 0.3),
    ]
    assert [t.quarantined for t in catalog.manifest.tables.values()] == [{}] * len(catalog.manifest.tables)


def test_a_market_list_in_another_cut_replaces_the_older_one(tmp_path: Path) -> None:
    later = market(slug="b", last_ms=AT_MS + 9 * 86_400_000)
    for _ in range(2):
        for given in ([market()], [market(), later], [market(outcome=1, label_source="api"), later]):
            save(tmp_path / "in", "universe_markets", given, **OUTCOME)
            report = import_path(tmp_path / "in", tmp_path / "catalog")
    rows = Catalog.open(tmp_path / "catalog").scan("universe").sort("market_id").collect()
    assert rows.select("market_id", "outcome").rows() == [("a", "yes"), ("b", None)]
    assert rows["recv_ns"].n_unique() == 1
    assert report.tables[0].rows == 2


def test_prices_of_a_list_in_another_cut_replace_the_older_ones(tmp_path: Path) -> None:
    newer = listed(slug="b", created_date="2026-04-15T06:50:06.052096Z", end_date="2026-04-16T12:00:00Z")
    for given in ([listed()], [listed(), newer]):
        save(tmp_path / "in", "gamma_universe_snapshot", given, best_bid=pl.Float64)
        import_path(tmp_path / "in", tmp_path / "catalog")
    tables = Catalog.open(tmp_path / "catalog").manifest.tables
    assert (tables["marks"].rows, tables["universe"].rows) == (2, 2)


def test_a_row_is_read_as_many_times_as_it_is_told_of(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {}, {"source": None}, {"outcome": None}, {"window_start_ms": 0}, {"market_id": None})
    (report,) = import_path(tmp_path / "in", tmp_path / "catalog").tables
    assert report.read == report.rows + report.repeated + sum(report.quarantined.values()) == 5
    assert window()["source"] == "recorder"
