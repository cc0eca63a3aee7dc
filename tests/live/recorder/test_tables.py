"""Rows into the catalog: whatever is in them, they are written or refused by name, and the next ones come."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import Catalog
from arena.market.catalog.writer import CatalogWriter
from arena.market.schema import TABLES
from arena.units import SECOND
from live.feeds.rows import Rows
from live.recorder.segments import Position
from live.recorder.tables import TIDY_AFTER_S, Batch, Tables
from tests.live.recorder.logs import START, catalog_of

DAY_NS = 86_400 * SECOND


def batch(rows: Rows, number: int = 1, at_ns: int = START) -> Batch:
    return Batch(1, at_ns, Position(1, number), rows.take(), rows.take_refused())


def spot(at_ns: int, event_ns: int | None = None, asset: str = "BTC") -> Rows:
    rows = Rows()
    rows.spot(event_ns, at_ns, "okx", asset, "USDT", 1.0, 2.0, None, 1.0, 1.0)
    return rows


def quarantined(folder: Path, table: str) -> dict[str, int]:
    return dict(Catalog.open(folder).manifest.tables[table].quarantined)


def test_a_row_with_an_impossible_time_is_quarantined_and_its_neighbours_are_not(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "catalog")
    rows = spot(START, event_ns=5)
    rows.spot(START, START + 1, "okx", "BTC", "USDT", 1.0, 2.0, None, 1.0, 1.0)
    assert Tables(folder).commit([batch(rows)], {}) == {"spot": 2}
    assert Catalog.open(folder).manifest.tables["spot"].rows == 1
    assert quarantined(folder, "spot") == {"time_unit": 1}


def test_a_coin_that_can_be_no_folder_is_quarantined(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "catalog")
    Tables(folder).commit([batch(spot(START, asset="B/TC"), 1), batch(spot(START + 1), 2)], {})
    assert Catalog.open(folder).manifest.tables["spot"].rows == 1
    assert quarantined(folder, "spot") == {"unwritable": 1}


def test_quotes_before_any_window_are_of_an_unknown_market(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "catalog")
    rows = Rows()
    quote = {"recv_ns": START, "market_id": "m", "asset": "BTC", "up_bid": 0.4, "up_ask": 0.5}
    rows.frame("binary_quotes", TABLES["binary_quotes"].conform(pl.DataFrame([{**quote, "source": ""}])).drop("source"))
    Tables(folder).commit([batch(rows)], {})
    assert quarantined(folder, "binary_quotes") == {"unknown_market": 1}


def test_a_block_that_the_catalog_refuses_is_quarantined_by_itself_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = catalog_of(tmp_path / "catalog")
    sound = CatalogWriter.write

    def write(self: CatalogWriter, table: str, frame: pl.DataFrame, **how: bool) -> dict[str, int]:
        if (frame["recv_ns"] == START + 2).any():
            raise DataError("a row nobody thought of")
        return sound(self, table, frame, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(CatalogWriter, "write", write)
    tables = Tables(folder)
    tables.commit([batch(spot(START + n), n) for n in (1, 2, 3)], {})
    assert Catalog.open(folder).manifest.tables["spot"].rows == 2
    assert quarantined(folder, "spot") == {"unwritable": 1}
    assert "the block that ends at 1:2 are in quarantine as unwritable: a row nobody thought of" in tables.trouble


def test_files_of_days_that_are_over_are_merged_as_we_go(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "catalog")
    tables, times = Tables(folder), [START + n * SECOND for n in range(3)]
    midnight = START - START % DAY_NS + DAY_NS

    def files() -> list[str]:
        return [file.date for file in Catalog.open(folder).manifest.tables["spot"].files]

    for at in times:
        tables.commit([batch(spot(at), at_ns=at)], {})
    today = files()[0]
    for at in (midnight + SECOND, midnight + 2 * SECOND):
        tables.commit([batch(spot(at), at_ns=at)], {})
    assert files().count(today) == 3
    late = midnight + (TIDY_AFTER_S + 1) * SECOND
    tables.commit([batch(spot(late), at_ns=late)], {})
    assert files().count(today) == 1
    assert Catalog.open(folder).manifest.tables["spot"].rows == 6
