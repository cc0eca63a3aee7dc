"""The tables follow the log, whoever else holds the catalog."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arena.market.catalog import Catalog
from live.recorder import pipeline, tables
from live.recorder.feeds import parsers_of
from live.recorder.normaliser import Normaliser
from live.recorder.pipeline import Pipeline
from tests.live.recorder.logs import Story, catalog_of, write_log


def patiently(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_another_writer_makes_the_tables_wait_and_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LOCK_WAIT_S", 0.05)
    monkeypatch.setattr(pipeline, "RETRY_S", 0.05)
    catalog, story = catalog_of(tmp_path / "catalog"), Story()
    ends = write_log(tmp_path / "raw", [story.began(), story.opened("okx"), story.okx()], [story.okx()])
    follower = Pipeline(Normaliser(catalog, tmp_path / "raw", parsers_of), lambda batch: None)
    with Catalog.update(catalog):
        follower.durable(ends[0])
        follower.start(story.now_ns)
        patiently(lambda: "Another process is writing" in follower.waits_for)
        follower.durable(ends[1])
    patiently(lambda: follower.caught_up)
    follower.finish()
    assert (follower.failure, follower.waits_for, dict(follower.rows)) == (None, "", {"spot": 2})


def test_the_tables_grow_on_after_old_segments_were_taken_away(tmp_path: Path) -> None:
    catalog, raw, story = catalog_of(tmp_path / "catalog"), tmp_path / "raw", Story()
    for _ in range(2):
        write_log(raw, [story.began(), story.opened("okx"), story.okx()])
    used = Normaliser(catalog, raw, parsers_of)
    for _ in used.read():
        used.commit()
    for file in raw.glob("*.frames"):
        file.unlink()
    ends = write_log(raw, [story.began(), story.opened("okx"), story.okx(), story.okx()], after=ends_at(used))
    follower = Pipeline(Normaliser(catalog, raw, parsers_of), lambda batch: None)
    follower.durable(ends[-1])
    follower.start(story.now_ns)
    follower.finish()
    assert follower.failure is None
    assert Catalog.open(catalog).manifest.tables["spot"].rows == 4


def ends_at(normaliser: Normaliser) -> int:
    assert normaliser.committed is not None
    return normaliser.committed.position.segment
