"""Questions in SQL: answers from the catalog, errors that say what there is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import Catalog
from arena.market.catalog.sql import readable
from tests.support.catalogs import DAY, T0, spots, windows


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("windows", windows())
        writer.write("spot", pl.concat([spots(0, DAY), spots(1, asset="ETH"), spots(2, price=-1.0)]))
    return Catalog.open(tmp_path / "c")


def test_rows_are_counted_by_group(catalog: Catalog) -> None:
    answer = catalog.sql("SELECT asset, count(*) AS n FROM spot GROUP BY 1 ORDER BY 1")
    assert answer.rows() == [("BTC", 2), ("ETH", 1)]


def test_time_can_be_written_as_a_date(catalog: Catalog) -> None:
    assert catalog.sql("select recv_ns from spot where time >= '2026-03-02'")["recv_ns"].to_list() == [T0 + DAY]


def test_refused_rows_are_a_table(catalog: Catalog) -> None:
    assert catalog.sql("select rule, last from quarantine_spot").rows() == [("price_out_of_range", -1.0)]


def test_tables_join(catalog: Catalog) -> None:
    answer = catalog.sql("select w.market_id, s.last from windows w join spot s on s.recv_ns = w.open_ns")
    assert answer.rows() == [("m1", 100.0)]


def test_a_table_of_the_schema_without_rows_is_empty(catalog: Catalog) -> None:
    assert catalog.sql("select count(*) as n from trades")["n"].to_list() == [0]


def test_only_tables_of_the_query_are_opened(catalog: Catalog) -> None:
    for file in Path(catalog.path).rglob("table=windows/**/*.parquet"):
        file.unlink()
    assert catalog.sql("select count(*) as n from spot")["n"].to_list() == [3]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from sopt", r"relation 'sopt' was not found.*has spot, windows"),
        ("select bod from spot", r"bod.*arena-data show"),
        ("selct 1", r"cannot be answered"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_there_is(catalog: Catalog, query: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        catalog.sql(query)
    assert "\n" not in str(caught.value)


def test_times_are_made_readable_and_durations_are_not() -> None:
    frame = readable(pl.DataFrame({"recv_ns": [T0], "length_ns": [300], "last": [1.0]}))
    assert [str(v) for v in frame.row(0)] == ["2026-03-01 00:00:00+00:00", "300", "1.0"]
