"""One change is one step: who reads, who waits, and what becomes of replaced files."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import MANIFEST, Catalog, Terms
from arena.market.manifest import Manifest
from arena.units import SECOND
from tests.support.catalogs import T0, spots

HOUR_NS = 3600 * SECOND


def parquet(path: Path) -> set[str]:
    return {p.relative_to(path).as_posix() for p in path.rglob("*.parquet")}


def test_what_another_process_committed_is_seen_by_a_process_that_remembers_its_own(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0), known_defects={"test": "Mine."})
    manifest = tmp_path / "c" / MANIFEST
    manifest.write_text(manifest.read_text().replace("Mine.", "Theirs."))
    for t in (1, 2):
        with Catalog.update(tmp_path / "c") as writer:
            writer.write("spot", spots(t))
    held = Catalog.open(tmp_path / "c").manifest
    assert held.tables["spot"].known_defects == {"test": ("Theirs.",)}
    assert (held.tables["spot"].rows, Manifest.from_json(held.to_json().encode(), "c")) == (3, held)


def test_a_reader_of_before_a_compaction_reads_on(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0))
        writer.write("spot", spots(1))
    reading = Catalog.open(tmp_path / "c").scan("spot")
    with Catalog.update(tmp_path / "c") as writer:
        writer.compact()
    assert reading.collect().height == Catalog.open(tmp_path / "c").scan("spot").collect().height == 2


def test_replaced_files_go_with_a_commit_after_the_grace(tmp_path: Path) -> None:
    now = T0
    terms = Terms(clock=lambda: now)
    with Catalog.create(tmp_path / "c", terms) as writer:
        writer.write("spot", spots(0))
        writer.write("spot", spots(1))
    old = Catalog.open(tmp_path / "c").manifest.paths
    with Catalog.update(tmp_path / "c", terms) as writer:
        writer.compact()
    for later, there in ((HOUR_NS // 2, True), (2 * HOUR_NS, False)):
        now = T0 + later
        with Catalog.update(tmp_path / "c", terms) as writer:
            pass
        assert (old <= parquet(tmp_path / "c")) is there
    assert parquet(tmp_path / "c") == Catalog.open(tmp_path / "c").manifest.paths
    assert not (tmp_path / "c/superseded").exists()


def test_a_file_that_came_back_is_not_removed(tmp_path: Path) -> None:
    now = T0
    terms = Terms(clock=lambda: now)
    for price in (1.0, 2.0, 1.0):
        now += SECOND
        with Catalog.append_or_create(tmp_path / "c", terms) as writer:
            writer.write("spot", spots(0, price=price), replace=True)
    now += 2 * HOUR_NS
    with Catalog.update(tmp_path / "c", terms):
        pass
    assert Catalog.open(tmp_path / "c").scan("spot").collect()["last"].to_list() == [1.0]


def test_cleaning_spares_what_is_young_and_what_is_not_the_catalogs(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0))
    (tmp_path / "c/notes.txt").write_text("mine")
    lost = tmp_path / "c/table=spot/asset=BTC/date=2026-03-01/test-0000000000000000.parquet"
    lost.write_bytes(b"left by a killed writer")
    assert Catalog.clean(tmp_path / "c") == {}
    assert list(Catalog.clean(tmp_path / "c", Terms(grace_s=0.0))) == [lost.relative_to(tmp_path / "c").as_posix()]
    assert (tmp_path / "c/notes.txt").exists()
    Catalog.open(tmp_path / "c").verify()


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0))
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with Catalog.update(tmp_path / "c") as late:
            late.write("spot", spots(2))

    with Catalog.update(tmp_path / "c") as first:
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        first.write("spot", spots(1))
    thread.join()
    times = Catalog.open(tmp_path / "c").scan("spot").collect()["recv_ns"] - T0
    assert times.to_list() == [0, 1, 2]


def test_many_writers_at_once_create_one_catalog(tmp_path: Path) -> None:
    def append(i: int) -> None:
        with Catalog.append_or_create(tmp_path / "c") as writer:
            writer.write("spot", spots(i, source=f"s{i}"))

    threads = [threading.Thread(target=append, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Catalog.open(tmp_path / "c").sources("spot") == tuple(f"s{i}" for i in range(8))


def test_a_create_that_was_killed_can_be_done_again(tmp_path: Path) -> None:
    left = tmp_path / "c/table=spot/asset=BTC/date=2026-03-01"
    left.mkdir(parents=True)
    (left / "test-0000000000000000.parquet").write_bytes(b"")
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0))
    assert Catalog.open(tmp_path / "c").scan("spot").select(pl.len()).collect().item() == 1


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DataError, match="is not a catalog"), Catalog.append_or_create(tmp_path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_ctrl_c_right_after_the_commit_keeps_what_was_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arena.market.catalog.local import LocalStorage

    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", spots(0))
    commit = LocalStorage.commit

    def interrupted(self: LocalStorage, manifest: bytes, version: str | None) -> bool:
        commit(self, manifest, version)
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalStorage, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt), Catalog.update(tmp_path / "c") as writer:
        writer.write("spot", spots(1))
    Catalog.open(tmp_path / "c").verify()
    assert Catalog.open(tmp_path / "c").manifest.tables["spot"].rows == 2
