"""From fetched rows to a catalog, whatever interrupts it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from arena.errors import ConfigError
from arena.market.catalog import Catalog
from arena.market.schema import MARKS
from live.history.journal import PART
from live.history.store import COMMIT_EVERY_S, Store
from live.rest.http import Reply
from tests.venues.rest import FakeTime

SECOND = 1_000_000_000
FIRST = 1_790_000_100 * SECOND


def marks(first: int, count: int) -> pl.DataFrame:
    at = [FIRST + n * SECOND for n in range(first, first + count)]
    return MARKS.conform(
        pl.DataFrame({"recv_ns": at, "yes_price": [0.5] * count}).with_columns(
            pl.col("recv_ns").alias("event_ns"),
            pl.lit("btc-updown-5m-1790000100").alias("market_id"),
            pl.lit("BTC").alias("asset"),
            pl.lit("history").alias("price_kind"),
            pl.lit("x").alias("source"),
        )
    )


def store(catalog: Path, time: FakeTime) -> Store:
    return Store(catalog, "prices", clock=time.clock, wall_ns=time.wall_ns)


def test_a_store_that_got_nothing_makes_no_catalog(tmp_path: Path) -> None:
    with store(tmp_path / "c", FakeTime()):
        pass
    assert not (tmp_path / "c").exists()


def test_the_first_reply_makes_a_catalog_to_keep_it_beside(tmp_path: Path) -> None:
    with store(tmp_path / "c", FakeTime()) as opened:
        opened.keep(Reply("http://x", 200, 1, 2, b"{}"))
    assert Catalog.open(tmp_path / "c").manifest.tables == {}
    assert len(list((tmp_path / "c" / "raw" / "rest" / "prices").glob("*.jsonl.gz"))) == 1


def test_rows_wait_for_the_next_commit_and_no_longer(tmp_path: Path) -> None:
    time = FakeTime()
    with store(tmp_path / "c", time) as opened:
        opened.add("marks", marks(0, 2))
        opened.breathe()
        assert opened.scan("marks").collect().is_empty()
        time.now_s += COMMIT_EVERY_S
        opened.breathe()
        assert opened.scan("marks").collect().height == 2


def test_an_error_leaves_what_came_before_it_in_the_catalog(tmp_path: Path) -> None:
    def interrupted() -> None:
        with store(tmp_path / "c", FakeTime()) as opened:
            opened.add("marks", marks(0, 3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Catalog.open(tmp_path / "c").scan("marks").collect().height == 3


def test_a_kill_between_commit_and_seal_doubles_nothing(tmp_path: Path) -> None:
    time = FakeTime()
    with store(tmp_path / "c", time) as opened:
        opened.keep(Reply("http://x", 200, 1, 2, b"{}"))
        opened.add("marks", marks(0, 3))
    digest = Catalog.open(tmp_path / "c").digest()
    (sealed,) = (tmp_path / "c" / "raw" / "rest" / "prices").glob("*.jsonl.gz")
    sealed.rename(sealed.with_name(sealed.name + PART))
    with store(tmp_path / "c", time) as again:
        assert list(again.journal.held) == ["http://x"]
        again.add("marks", marks(0, 3))
    assert Catalog.open(tmp_path / "c").digest() == digest


def test_older_rows_may_come_after_newer_ones(tmp_path: Path) -> None:
    with store(tmp_path / "c", FakeTime()) as opened:
        opened.add("marks", marks(10, 5))
        opened.commit()
        opened.add("marks", marks(0, 5))
    assert Catalog.open(tmp_path / "c").scan("marks").collect()["recv_ns"].is_sorted()
    assert Catalog.open(tmp_path / "c").manifest.tables["marks"].quarantined == {}


def test_rows_that_break_a_quality_rule_are_counted_by_its_name(tmp_path: Path) -> None:
    with store(tmp_path / "c", FakeTime()) as opened:
        opened.add("marks", marks(0, 2).with_columns(pl.lit(None, pl.String).alias("price_kind")))
        opened.commit()
    assert opened.quarantined == {"null_required": 2}


def test_a_catalog_in_an_object_store_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match="fetch into a folder"):
        Store("s3://bucket/x", "prices", clock=FakeTime().clock, wall_ns=FakeTime().wall_ns)
