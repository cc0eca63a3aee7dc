"""The recordings themselves: every file comes in whole, twice is once, and what two of them say agrees."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from arena.market.book_check import check_books
from arena.market.catalog import Catalog
from research.importers import RECORDINGS, ImportReport, import_path

pytestmark = [pytest.mark.recordings, pytest.mark.slow]

Everything = tuple[Catalog, ImportReport]


@pytest.fixture(scope="module")
def everything(recordings_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """All recordings, imported at once."""
    path = tmp_path_factory.mktemp("catalogs") / "all"
    report = import_path(recordings_folder, path)
    return Catalog.open(path), report


def test_every_file_is_read(recordings_folder: Path, everything: Everything) -> None:
    files = {str(path) for path in recordings_folder.glob("*.parquet")}
    raw = {str(path) for path in recordings_folder.glob("*.jsonl.gz")}
    assert set(everything[1].files) == files | raw
    skipped = {Path(path).name: why.split(":")[0] for path, why in everything[1].skipped.items()}
    assert skipped == {"small": "a folder"}
    small = {path.stem for path in (recordings_folder / "small").glob("*.parquet")}
    assert small | {Path(path).stem for path in files} == set(RECORDINGS)


def test_every_row_of_every_file_is_a_row_of_some_table(recordings_folder: Path) -> None:
    for path in recordings_folder.rglob("*.parquet"):
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        assert rows in {frame.height for frame in RECORDINGS[path.stem].read(path).tables.values()}, path.name


def test_rows_read_are_in_the_catalog_or_repeats_or_in_quarantine(everything: Everything) -> None:
    catalog, report = everything
    for table in report.tables:
        assert table.read == table.rows + table.repeated + sum(table.quarantined.values()), table.name
        assert table.rows == catalog.manifest.tables[table.name].rows
        assert table.quarantined == catalog.manifest.tables[table.name].quarantined
    catalog.verify()


def test_every_source_says_what_is_wrong_with_it(everything: Everything) -> None:
    tables = everything[0].manifest.tables.values()
    silent = [
        (t.name, s) for t in tables for s in t.sources if t.name != "gaps" and not any(t.known_defects.get(s, ()))
    ]
    assert silent == []


def test_importing_everything_again_changes_nothing(recordings_folder: Path, everything: Everything) -> None:
    before, first = everything
    again = import_path(recordings_folder, before.path)
    assert Catalog.open(before.path).digest() == before.digest()
    assert {t.name: (t.rows, t.quarantined, t.gaps) for t in again.tables} == {
        t.name: (t.rows, t.quarantined, t.gaps) for t in first.tables
    }
    assert [t.name for t in again.tables if t.read != t.repeated] == []


def test_the_small_cut_comes_in_by_its_own_path(recordings_folder: Path, tmp_path: Path) -> None:
    report = import_path(recordings_folder / "small", tmp_path / "c")
    assert {t.name: t.rows for t in report.tables} == {
        **{"windows": 95, "binary_quotes": 26_830},
        **{"spot": 4_616, "bars": 4_616},
    }
    assert [t.quarantined for t in report.tables] == [{}] * 4


def test_a_bar_is_never_known_before_it_ends(everything: Everything) -> None:
    early = pl.col("recv_ns") != pl.col("event_ns") + pl.col("interval_s").cast(pl.Int64) * 1_000_000_000
    assert everything[0].scan("bars").filter(early).collect().is_empty()


def test_missing_hours_days_and_outages_are_gaps(everything: Everything) -> None:
    gaps = everything[0].scan("gaps").collect()
    hours = gaps.filter(stream="bars/binance_usdm/btcusdt/trade/3600")
    assert hours.select((pl.col("until_ns") - pl.col("recv_ns")) / 3.6e12).to_series().to_list() == [2.0]
    days = gaps.filter(stream="universe_quotes/all").select((pl.col("until_ns") - pl.col("recv_ns")) / 3.6e12)
    assert [round(h) for h in days.to_series() if h > 20] == [113, 120, 24]
    outage = gaps.filter(stream="spot/binance", source="lukaszkazala")
    assert outage.select((pl.col("until_ns") - pl.col("recv_ns")).max() / 6e10).item() == pytest.approx(104, abs=1)


def test_only_api_outcomes_are_called_official(everything: Everything) -> None:
    known = pl.col("outcome").is_not_null().all()
    labels = everything[0].scan("universe").group_by("outcome_source").agg(known).collect()
    assert dict(labels.iter_rows()) == {"api": True, "convergence": True, None: False}


def test_replayed_books_agree_with_the_best_prices_beside_them(everything: Everything) -> None:
    checks = [check for check in check_books(everything[0]) if check.source == "hftbacktest"]
    assert {(c.venue, c.symbol) for c in checks} == {
        *(("binance", "btcusdt"), ("binance", "ethusdt"), ("binance_coinm", "btcusd_perp")),
        *(("binance_usdm", "btcusdt"), ("binance_usdm", "ethusdt")),
    }
    assert [c for c in checks if c.agreement < 0.99 or c.checks < 3_000] == []
    # Between them nothing was missed, and all that came early was older than the snapshot or applied on top of it.
    assert {name for c in checks for name in c.messages} == {"applied", "early"}


def test_ten_levels_and_the_top_of_book_are_one_book_but_for_rounded_sizes(recordings_folder: Path) -> None:
    sides = ("up_bid", "up_ask", "down_bid", "down_ask")
    key = ["market_id", "recv_ns", "event_ns", "native"]
    files = [recordings_folder / f"{stem}.parquet" for stem in ("updown_quotes", "polymarket_btc5m_book10")]
    read = [RECORDINGS[file.stem].read(file).tables["binary_quotes"] for file in files]
    top, deep = read[0].filter(source="cronosvirus00"), read[1]
    both = top.join(deep, on=key, suffix="_deep")
    assert (top.unique(key).height, deep.unique(key).height, both.height) == (top.height, deep.height, 434_976)
    differs = both.filter(pl.any_horizontal(pl.col(s).ne_missing(pl.col(f"{s}_deep")) for s in sides))
    assert differs.height == 144
    for side in sides:
        price, size = pl.col(side), pl.col(f"{side}_size")
        # Sizes of the deep file are tenths of a share: a best level below 0.05 became 0, and the next is first.
        other = both.filter(price.ne_missing(pl.col(f"{side}_deep")))
        assert other.select(size.max()).item() < 0.05
        same = both.filter(price == pl.col(f"{side}_deep"))
        rounding = 0.05 + size * 2.0**-22  # and both are 32-bit floats
        assert same.filter((size - pl.col(f"{side}_size_deep")).abs() > rounding).is_empty()
