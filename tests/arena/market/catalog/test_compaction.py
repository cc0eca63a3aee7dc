"""The same rows in the same order are the same bytes, in however many appends they came: but for a clock that leaps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from arena.market.catalog import Catalog
from arena.market.catalog.tiers import FAN_IN, SMALL_ROWS, merge_from
from arena.market.schema import TABLES
from tests.support.catalogs import DAY, T0, spots, windows
from tests.support.rows import frame

PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SPOT_ROWS = st.lists(
    st.tuples(
        st.integers(0, 6).map(lambda i: i * DAY // 3),
        st.sampled_from(["coinbase", "okx"]),
        st.sampled_from(["BTC", "ETH"]),
        st.sampled_from([100.0, 101.0, -1.0]),
    ),
    max_size=24,
)
ORACLE_ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["a", "b"])), max_size=20)
QUOTE_ROWS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["m1", "m2", "m3"]), st.integers(0, 3)), max_size=20)


STRIKES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, 1.0, 2.0])), min_size=1, max_size=12)


def spot_frame(rows: list[tuple[int, str, str, float]]) -> pl.DataFrame:
    """Days in order, rows of one moment out of it by nanoseconds.

    Not by more: that a clock leapt and came back (``time_jump``) is known only to the write that holds both.
    """
    in_order = enumerate(sorted(rows, key=lambda row: row[0]))
    parts = [spots(t + 7 * k % 3, asset=a, price=p).with_columns(venue=pl.lit(v)) for k, (t, v, a, p) in in_order]
    return pl.concat([spots(), *parts])


def oracle_frame(rows: list[tuple[int, int, str]]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"event_ns": [T0 + e for e, _, _ in rows], "recv_ns": [T0 + r for _, r, _ in rows]},
        schema={"event_ns": pl.Int64, "recv_ns": pl.Int64},
    ).with_columns(asset=pl.lit("BTC"), price=pl.lit(1.0), source=pl.lit("test"))
    return TABLES["oracle"].conform(frame.with_columns(feed=pl.Series([f for _, _, f in rows], dtype=pl.String)))


def quote_frame(rows: list[tuple[int, str, int]]) -> pl.DataFrame:
    depth = [[0.4 - 0.01 * i for i in range(levels)] or None for _, _, levels in rows]
    levels = pl.List(pl.Float64)
    frame = pl.DataFrame(
        {
            "recv_ns": pl.Series([T0 + t for t, _, _ in rows], dtype=pl.Int64),
            "market_id": pl.Series([m for _, m, _ in rows], dtype=pl.String),
            "up_bids_px": pl.Series(depth, dtype=levels),
            "up_bids_sz": pl.Series([d and [1.0] * len(d) for d in depth], dtype=levels),
        }
    ).with_columns(asset=pl.lit("BTC"), up_bid=pl.lit(0.4), up_ask=pl.lit(0.5), source=pl.lit("test"))
    return TABLES["binary_quotes"].conform(frame)


def in_parts(path: Path, table: str, frame: pl.DataFrame, cuts: list[int], **how: Any) -> Catalog:
    bounds = [0, *sorted(cuts), frame.height]
    for start, end in pairwise(bounds):
        with Catalog.append_or_create(path) as writer:
            if "windows" not in writer.so_far().manifest.tables and table == "binary_quotes":
                writer.write("windows", pl.concat([windows("m1"), windows("m2")]))
            writer.write(table, frame[start:end], known_defects={"test": "made up"}, **how)
    with Catalog.update(path) as writer:
        writer.compact()
    return Catalog.open(path)


@pytest.mark.parametrize(
    ("table", "rows", "frame_of"),
    [
        ("spot", SPOT_ROWS, spot_frame),
        ("oracle", ORACLE_ROWS, oracle_frame),
        ("binary_quotes", QUOTE_ROWS, quote_frame),
    ],
)
def test_compacted_bytes_do_not_depend_on_the_appends(
    tmp_path_factory: pytest.TempPathFactory, table: str, rows: Any, frame_of: Any
) -> None:
    @PROPERTY
    @given(rows, st.data())
    def holds(drawn: list[Any], data: st.DataObject) -> None:
        frame = frame_of(drawn)
        cuts = data.draw(st.lists(st.integers(0, len(drawn)), max_size=12))
        folder = tmp_path_factory.mktemp("c")
        at_once = in_parts(folder / "once", table, frame, [])
        by_and_by = in_parts(folder / "parts", table, frame, cuts)
        assert by_and_by.digest() == at_once.digest()
        assert_frame_equal(by_and_by.scan(table).collect(), at_once.scan(table).collect())
        one, other = (c.manifest.tables[table] for c in (at_once, by_and_by))
        assert sum(one.quarantined.values()) == sum(other.quarantined.values()) == frame.height - one.rows
        assert one.known_defects == other.known_defects
        assert len({f.partition for f in other.files}) == len(other.files)

    holds()


@PROPERTY
@given(STRIKES, st.data())
def test_upserted_rows_are_the_last_of_each_key_in_however_many_calls(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float | None]], data: st.DataObject
) -> None:
    frame = pl.concat(
        [TABLES["windows"].conform(windows(m, strike=s).with_columns(pl.col("strike").cast(float))) for m, s in rows]
    )
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=6))
    folder = tmp_path_factory.mktemp("c")
    at_once = in_parts(folder / "once", "windows", frame, [], upsert=True)
    by_and_by = in_parts(folder / "parts", "windows", frame, cuts, upsert=True)
    assert by_and_by.digest() == at_once.digest()
    assert dict(by_and_by.scan("windows").select("market_id", "strike").collect().iter_rows()) == dict(rows)


UPSERTS = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.sampled_from([1.0, 2.0])),
        max_size=6,
        unique_by=lambda row: row[0],
    ),
    min_size=1,
    max_size=5,
)


@PROPERTY
@given(UPSERTS, st.sampled_from(["windows", "trades"]))
def test_the_bytes_of_an_upserted_table_depend_on_its_rows_only(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[tuple[str, int, float]]], table: str
) -> None:
    # One name is one key, with one time: a window opens once.
    times = {name: time for commit in reversed(commits) for name, time, _ in commit}

    def rows(commit: list[tuple[str, int, float]]) -> pl.DataFrame:
        named = {"windows": "market_id", "trades": "symbol"}[table]
        time = {"windows": ("open_ns", "close_ns"), "trades": ("recv_ns", "event_ns")}[table]
        value = {"windows": "strike", "trades": "seq"}[table]
        step = 300 * 10**9
        one = frame(table)
        return pl.concat(
            [
                one.clear(),
                *(
                    one.with_columns(
                        pl.lit(name).alias(named),
                        pl.lit(T0 + times[name] * step).alias(time[0]),
                        pl.lit(T0 + (times[name] + 1) * step).alias(time[1]),
                        pl.lit(number).cast(one.schema[value]).alias(value),
                    )
                    for name, _, number in commit
                ),
            ]
        )

    folder = tmp_path_factory.mktemp("c")
    last = {(name, 0 if table == "windows" else number): (name, 0, number) for c in commits for name, _, number in c}
    for path, parts in (("by-and-by", commits), ("once", [list(last.values())])):
        for commit in parts:
            with Catalog.append_or_create(folder / path) as writer:
                writer.write(table, rows(commit), upsert=True)
        with Catalog.update(folder / path) as writer:
            writer.compact()
    one, other = (Catalog.open(folder / path) for path in ("once", "by-and-by"))
    assert other.scan(table).collect().equals(one.scan(table).collect())
    assert other.digest() == one.digest()


def test_an_upsert_leaves_other_rows_and_partitions_alone(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write(
            "windows",
            pl.concat([windows("m1"), windows("m2"), windows("m3", day=1)]),
        )
    before = {f.date: f for f in Catalog.open(tmp_path / "c").manifest.tables["windows"].files}
    with Catalog.update(tmp_path / "c") as writer:
        assert writer.write("windows", windows("m1", strike=5.0), upsert=True) == {}
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.scan("windows").select("market_id", "strike").sort("market_id").collect().rows() == [
        ("m1", 5.0),
        ("m2", None),
        ("m3", None),
    ]
    after = {f.date: f for f in catalog.manifest.tables["windows"].files}
    assert after["2026-03-02"] == before["2026-03-02"]


def test_a_bad_row_is_quarantined_and_does_not_replace(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("windows", windows("m1", strike=5.0))
        assert writer.write("windows", windows("m1", strike=-5.0), upsert=True) == {"price_out_of_range": 1}
    assert Catalog.open(tmp_path / "c").scan("windows").collect()["strike"].to_list() == [5.0]


def test_compaction_keeps_gap_counts_and_refused_rows(tmp_path: Path) -> None:
    gap = {"recv_ns": T0, "until_ns": T0 + 1, "stream": "spot/coinbase", "asset": "BTC", "reason": "silence"}
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("gaps", pl.DataFrame([gap | {"source": "test"}]))
    for t in range(3):
        with Catalog.update(tmp_path / "c") as writer:
            writer.write("spot", pl.concat([spots(t), spots(t, price=-1.0)]))
    with Catalog.update(tmp_path / "c") as writer:
        writer.compact("spot")
    catalog = Catalog.open(tmp_path / "c")
    held = catalog.manifest.tables["spot"]
    assert (held.gaps, held.rows, held.quarantined) == (1, 3, {"price_out_of_range": 3})
    assert (len(held.files), len(held.quarantine)) == (1, 1)
    assert catalog.quarantined("spot").collect().height == 3
    catalog.verify()


def test_the_same_refused_row_counts_each_time_it_came(tmp_path: Path) -> None:
    for _ in range(3):
        with Catalog.append_or_create(tmp_path / "c") as writer:
            writer.write("spot", spots(0, price=-1.0))
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.manifest.tables["spot"].quarantined == {"price_out_of_range": 3}
    assert catalog.quarantined("spot").collect().height == 3


def test_compacting_twice_changes_nothing(tmp_path: Path) -> None:
    one = in_parts(tmp_path / "c", "spot", spots(0, 1, 2, DAY), [1, 2, 3])
    with Catalog.update(tmp_path / "c") as writer:
        writer.compact()
    assert Catalog.open(tmp_path / "c").manifest == one.manifest


def test_many_appends_leave_few_files(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        for t in range(100):
            writer.write("spot", spots(t))
    held = Catalog.open(tmp_path / "c").manifest.tables["spot"]
    assert held.rows == 100
    assert len(held.files) < FAN_IN


@given(st.lists(st.integers(1, 40 * SMALL_ROWS), max_size=400))
def test_files_of_a_partition_stay_few_and_rows_are_rarely_rewritten(appends: list[int]) -> None:
    files: list[int] = []
    rewritten = 0
    for rows in appends:
        files.append(rows)
        if (start := merge_from(files)) is not None:
            rewritten += sum(files[start:])
            files[start:] = [sum(files[start:])]
    levels = 1 + max(0, len(f"{sum(appends) // SMALL_ROWS:o}"))  # octal digits: fan-in eight
    assert sum(files) == sum(appends)
    assert len(files) <= (FAN_IN - 1) * levels + FAN_IN
    assert rewritten <= (levels + FAN_IN) * max(sum(appends), len(appends) * SMALL_ROWS)
