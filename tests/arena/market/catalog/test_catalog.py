"""The catalog: what is written is what is read, or nothing is there at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from arena.errors import DataError
from arena.market.catalog import MANIFEST, Catalog, Terms
from tests.support.catalogs import DAY, SPOT, T0, quotes, spots, windows


def made(path: Path, frame: pl.DataFrame, **kwargs: Any) -> Catalog:
    with Catalog.create(path) as writer:
        writer.write("spot", frame, **kwargs)
    return Catalog.open(path)


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    catalog = made(tmp_path / "c", spots(0, 1, DAY, DAY + 1))
    assert_frame_equal(catalog.scan("spot").collect(), spots(0, 1, DAY, DAY + 1))
    assert (catalog.sources("spot"), catalog.assets("spot")) == (("test",), ("BTC",))
    held = catalog.manifest.tables["spot"]
    assert (held.rows, held.span) == (4, (T0, T0 + DAY + 1))
    assert [f.path.split("/")[:3] for f in held.files] == [
        ["table=spot", "asset=BTC", "date=2026-03-01"],
        ["table=spot", "asset=BTC", "date=2026-03-02"],
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3 * DAY), st.sampled_from(["a", "b"])), unique=True, max_size=12), st.data())
def test_any_span_and_source_read_back_are_the_rows_of_that_span(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]], data: st.DataObject
) -> None:
    frame = pl.concat([spots(), *(spots(t, source=s) for t, s in sorted(rows))])
    catalog = made(tmp_path_factory.mktemp("c") / "c", frame)
    start, end = (T0 + data.draw(st.integers(0, 3 * DAY)) for _ in range(2))
    expected = frame.filter((pl.col("recv_ns") >= start) & (pl.col("recv_ns") < end))
    assert_frame_equal(catalog.scan("spot", start_ns=start, end_ns=end).collect(), expected, check_row_order=False)
    for source in catalog.sources("spot"):
        assert_frame_equal(catalog.scan("spot", source=source).collect(), frame.filter(pl.col("source") == source))


def test_rows_are_sorted_by_time_within_a_file_when_streams_interleave(tmp_path: Path) -> None:
    frame = pl.concat([spots(5), spots(3).with_columns(venue=pl.lit("binance"))])
    assert made(tmp_path / "c", frame).scan("spot").collect()["recv_ns"].to_list() == [T0 + 3, T0 + 5]


def test_scan_narrows_by_asset_and_market(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", pl.concat([spots(0), spots(0, asset="ETH")]))
        writer.write("windows", pl.concat([windows("m1"), windows("m2")]))
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.scan("spot", asset="ETH").collect()["asset"].to_list() == ["ETH"]
    assert catalog.scan("spot", asset="SOL").collect().schema == SPOT.schema
    assert catalog.scan("windows", markets=["m2"]).collect()["market_id"].to_list() == ["m2"]
    assert catalog.scan("oracle").collect().is_empty()


def test_scan_refuses_names_that_are_a_mistake(tmp_path: Path) -> None:
    catalog = made(tmp_path / "c", spots(0))
    with pytest.raises(DataError, match="no table 'sopt'; the tables are windows"):
        catalog.scan("sopt")
    with pytest.raises(DataError, match="has no source 'tset'; it has test"):
        catalog.scan("spot", source="tset")
    with pytest.raises(DataError, match="no market_id"):
        catalog.scan("spot", markets=["m1"])


def test_bad_rows_are_quarantined_and_counted(tmp_path: Path) -> None:
    frame = pl.concat([spots(0, 1), spots(2, price=-1.0), spots(1)])
    catalog = made(tmp_path / "c", frame)
    assert catalog.manifest.tables["spot"].quarantined == {"duplicate": 1, "price_out_of_range": 1}
    assert catalog.scan("spot").collect().height == 2
    assert sorted(catalog.quarantined("spot").collect()["rule"]) == ["duplicate", "price_out_of_range"]
    folder = tmp_path / "c/quarantine/table=spot"
    assert sorted(p.name for p in folder.iterdir()) == ["rule=duplicate", "rule=price_out_of_range"]


def test_screening_can_be_left_out(tmp_path: Path) -> None:
    assert made(tmp_path / "c", spots(0, price=-1.0), screen=False).scan("spot").collect().height == 1


def test_quotes_of_unknown_markets_are_quarantined_whether_there_are_windows_or_not(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        assert writer.write("binary_quotes", quotes()) == {"unknown_market": 1}
        assert writer.write("windows", windows("m1", close_ns=T0)) == {"bad_window": 1}
        assert writer.write("binary_quotes", quotes()) == {"unknown_market": 1}
        writer.write("windows", windows("m1"))
        assert writer.write("binary_quotes", pl.concat([quotes("m1"), quotes("m2")])) == {"unknown_market": 1}


def test_known_defects_and_gaps_are_in_the_manifest(tmp_path: Path) -> None:
    gap = {"recv_ns": T0, "until_ns": T0 + 1, "stream": "spot/coinbase", "asset": "BTC", "reason": "silence"}
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0), known_defects={"test": "Made up."})
        writer.write("gaps", pl.DataFrame([gap | {"source": "test"}]))
    tables = Catalog.open(tmp_path / "c").manifest.tables
    assert tables["spot"].known_defects == {"test": ("Made up.",)}
    assert (tables["spot"].gaps, tables["gaps"].gaps) == (1, 0)


def test_equal_rows_have_equal_digests_and_one_byte_more_has_another(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1", spots(0, 1)), made(tmp_path / "2", spots(0, 1))
    other = made(tmp_path / "3", spots(0, 2))
    assert one.digest() == two.digest() != other.digest()
    assert one.digest("spot") != other.digest("spot")
    assert one.digest("oracle") == other.digest("oracle")


def test_verify_names_a_file_whose_bytes_changed(tmp_path: Path) -> None:
    catalog = made(tmp_path / "c", spots(0))
    catalog.verify()
    file = tmp_path / "c" / catalog.manifest.tables["spot"].files[0].path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"{file.name} was changed"):
        Catalog.open(tmp_path / "c").verify()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_create_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with Catalog.create(tmp_path / "c") as writer:
            writer.write("spot", spots(0))
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_update_leaves_the_catalog_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    catalog = made(tmp_path / "c", spots(0))
    before = sorted(tmp_path.rglob("*"))

    def interrupted() -> None:
        with Catalog.update(tmp_path / "c") as writer:
            writer.write("spot", spots(DAY, source="other"))
            writer.write("spot", spots(0), replace=True)  # the same bytes as the file that is there
            raise error

    with pytest.raises(error):
        interrupted()
    assert sorted(tmp_path.rglob("*")) == before
    assert Catalog.open(tmp_path / "c").manifest == catalog.manifest


def test_an_update_adds_sources_and_can_replace_one(tmp_path: Path) -> None:
    made(tmp_path / "c", spots(0))
    with Catalog.update(tmp_path / "c") as writer:
        writer.write("spot", spots(1, source="other"))
        writer.write("spot", spots(7, DAY), replace=True)
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.manifest.tables["spot"].sources == {"other": 1, "test": 2}


def test_the_same_rows_are_added_once(tmp_path: Path) -> None:
    made(tmp_path / "c", spots(0))
    with Catalog.update(tmp_path / "c") as writer:
        assert writer.write("spot", spots(0)) == {"duplicate": 1}
    assert Catalog.open(tmp_path / "c").manifest.tables["spot"].rows == 1
    with pytest.raises(DataError, match="already in the catalog"), Catalog.update(tmp_path / "c") as writer:
        writer.write("spot", spots(0), screen=False)


def test_two_updates_at_once_cannot_lose_one(tmp_path: Path) -> None:
    made(tmp_path / "c", spots(0))

    def overtaken() -> None:
        with Catalog.update(tmp_path / "c") as slow:
            slow.write("spot", spots(1, source="slow"))
            with Catalog.update(tmp_path / "c", Terms(wait_s=0.0)) as quick:
                quick.write("spot", spots(1, source="quick"))

    with pytest.raises(DataError, match="Another process is writing"):
        overtaken()
    assert Catalog.open(tmp_path / "c").sources("spot") == ("test",)


def test_create_does_not_overwrite(tmp_path: Path) -> None:
    made(tmp_path / "c", spots(0))
    with pytest.raises(DataError, match="already exists"), Catalog.create(tmp_path / "c"):
        pass


def test_open_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no catalog at"):
        Catalog.open(tmp_path / "none")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"has no manifest\.json, so it is not a catalog"):
        Catalog.open(tmp_path)
    catalog = made(tmp_path / "c", spots(0))
    (tmp_path / "c" / catalog.manifest.tables["spot"].files[0].path).unlink()
    with pytest.raises(DataError, match=r"\.parquet is missing, but the manifest"):
        Catalog.open(tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not a catalog manifest"), ('{"tables": {}}', "not a catalog manifest"), ("[]", "not a catalog manifest")],
)
def test_open_refuses_a_manifest_it_cannot_read(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DataError, match=message):
        Catalog.open(tmp_path)


def test_open_refuses_another_schema_version(tmp_path: Path) -> None:
    made(tmp_path / "c", spots(0))
    raw = json.loads((tmp_path / "c" / MANIFEST).read_text())
    (tmp_path / "c" / MANIFEST).write_text(json.dumps(raw | {"schema_version": 99}))
    with pytest.raises(DataError, match="schema version 99"):
        Catalog.open(tmp_path / "c")


def test_a_few_impossible_times_are_quarantined_and_the_rest_is_written(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0, 1))
        far = pl.concat([spots(2, 3, 4), spots(-T0), spots(10**18 * 5)])
        assert writer.write("spot", far) == {"time_unit": 2}
        known = [windows(m, resolved_ns=t) for m, t in (("a", 0), ("b", T0 + DAY), ("c", T0 + DAY))]
        assert writer.write("windows", pl.concat(known), upsert=True) == {"time_unit": 1}
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.scan("spot").collect()["recv_ns"].to_list() == [T0 + t for t in range(5)]
    assert catalog.quarantined("spot").collect()["recv_ns"].to_list() == [0, T0 + 10**18 * 5]


def test_one_row_with_an_impossible_time_never_stops_a_writer_that_takes_rows_one_by_one(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        assert writer.write("spot", spots(-T0), row_by_row=True) == {"time_unit": 1}
        assert writer.write("windows", windows(resolved_ns=0), upsert=True, row_by_row=True) == {"time_unit": 1}
    assert Catalog.open(tmp_path / "c").manifest.tables["spot"].rows == 0


def test_unscreened_rows_need_possible_times(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2: recv_ns = 0 breaks rule time_unit"):
        made(tmp_path / "c", pl.concat([spots(0, 1), spots(-T0)]), screen=False)


def test_write_refuses_unit_mistakes_and_names_that_are_no_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 of 4 rows have such times"):
        made(tmp_path / "c", pl.concat([spots(0, 1), spots(0, 1).with_columns(pl.col("recv_ns") // 1_000_000)]))
    with pytest.raises(DataError, match="cannot be part of a file name"):
        made(tmp_path / "c", spots(0, source="../x"))
    assert list(tmp_path.iterdir()) == []
