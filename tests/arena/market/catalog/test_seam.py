"""Rows are screened against what the catalog holds, as if all had been written together."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from arena.market.catalog import Catalog
from arena.market.catalog.seam import seam_of
from tests.support.catalogs import DAY, SPOT, quotes, spots, windows
from tests.support.rows import frame


def test_a_row_that_is_held_already_is_a_duplicate(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0, 1, 2))
    with Catalog.update(tmp_path / "c") as writer:
        assert writer.write("spot", spots(2, 3)) == {"duplicate": 1}


def test_a_row_before_the_latest_of_its_stream_is_time_back(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0, 10))
    with Catalog.update(tmp_path / "c") as writer:
        other = spots(5).with_columns(venue=pl.lit("okx"))
        assert writer.write("spot", pl.concat([spots(5, 11), other])) == {"time_back": 1}


def test_a_bar_is_known_again_by_its_open_whenever_it_was_received(tmp_path: Path) -> None:
    bar = frame("bars")
    with Catalog.create(tmp_path / "c") as writer:
        assert writer.write("bars", bar) == {}
        assert writer.write("bars", bar.with_columns(pl.col("recv_ns") + 9 * DAY)) == {"duplicate": 1}


def test_quotes_of_a_window_of_another_day_are_known(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("windows", pl.concat([windows("m1"), windows("m2", day=1)]))
        assert writer.write("binary_quotes", pl.concat([quotes("m1"), quotes("m2"), quotes("m3")])) == {
            "unknown_market": 1
        }


def test_a_held_quote_is_repeated_only_by_one_with_its_depth(tmp_path: Path) -> None:
    def deep(size: float) -> pl.DataFrame:
        return quotes(up_bids_px=[0.4, 0.3], up_bids_sz=[1.0, size])

    with Catalog.create(tmp_path / "c") as writer:
        writer.write("windows", windows("m1"))
        writer.write("binary_quotes", deep(2.0))
    with Catalog.update(tmp_path / "c") as writer:
        assert writer.write("binary_quotes", pl.concat([deep(3.0), deep(2.0)])) == {"duplicate": 1}
        assert writer.write("binary_quotes", quotes()) == {}


def test_rows_that_go_on_where_the_catalog_ends_need_nothing_of_it(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0, 1))
        view = writer.so_far()
    for file in (tmp_path / "c").rglob("*.parquet"):
        file.unlink()  # reading any would fail
    assert seam_of(view, SPOT, spots(2, 3)) is None
