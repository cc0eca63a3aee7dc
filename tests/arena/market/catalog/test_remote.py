"""Catalogs in object stores: S3 over its real protocol on loopback, and any store that fsspec knows."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from arena.errors import DataError
from arena.market.catalog import Catalog, Terms
from arena.market.catalog.storage import storage_at
from tests.support.catalogs import DAY, spots

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
NOW = Terms(grace_s=0.0)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    import s3fs

    for name, value in (
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "loopback"),
        ("AWS_SECRET_ACCESS_KEY", "loopback"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("NO_PROXY", "127.0.0.1,localhost"),
    ):
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{uuid.uuid4().hex}"
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir(bucket)
    return f"s3://{bucket}/recorded"


@pytest.fixture(params=["s3", "memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    return f"file://{tmp_path}/c" if request.param == "file" else f"memory://{uuid.uuid4().hex}/c"


def test_rows_come_back_as_written_wherever_they_are(place: str) -> None:
    with Catalog.create(place) as writer:
        writer.write("spot", spots(0, 1, DAY))
    with Catalog.update(place) as writer:
        assert writer.write("spot", pl.concat([spots(DAY, DAY + 1), spots(DAY + 2, price=-1.0)])) == {
            "duplicate": 1,
            "price_out_of_range": 1,
        }
    with Catalog.update(place) as writer:
        writer.compact()
    catalog = Catalog.open(place)
    assert_frame_equal(catalog.scan("spot").collect(), spots(0, 1, DAY, DAY + 1))
    assert_frame_equal(catalog.scan("spot", start_ns=int(spots(DAY)["recv_ns"][0])).collect(), spots(DAY, DAY + 1))
    assert catalog.quarantined("spot").collect().height == 2
    catalog.verify()
    Catalog.clean(place, NOW)
    left = set(storage_at(place).listing()) - {"manifest.json"}
    assert left == catalog.manifest.paths


def test_bytes_do_not_depend_on_the_place(place: str, tmp_path: Path) -> None:
    for path in (place, tmp_path / "local"):
        with Catalog.create(path) as writer:
            writer.write("spot", spots(0, 1, DAY))
    assert Catalog.open(place).manifest == Catalog.open(tmp_path / "local").manifest


def test_what_is_missing_is_said(place: str) -> None:
    with pytest.raises(DataError, match="There is no catalog at"):
        Catalog.open(place)
    with Catalog.create(place) as writer:
        writer.write("spot", spots(0))
    with pytest.raises(DataError, match="already exists"), Catalog.create(place):
        pass
    storage_at(place).remove(Catalog.open(place).manifest.paths)
    with pytest.raises(DataError, match=r"\.parquet is missing, but the manifest lists it"):
        Catalog.open(place)


def test_an_interrupted_update_leaves_the_catalog_as_it_was(place: str) -> None:
    with Catalog.create(place) as writer:
        writer.write("spot", spots(0))
    before = Catalog.open(place).manifest

    def interrupted() -> None:
        with Catalog.update(place) as writer:
            writer.write("spot", spots(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Catalog.open(place).manifest == before
    Catalog.clean(place, NOW)
    assert set(storage_at(place).listing()) - {"manifest.json"} == before.paths


def test_writers_on_s3_at_once_lose_nothing(s3: str) -> None:
    failed: list[BaseException] = []

    def append(source: str) -> None:
        try:
            for i in range(3):
                with Catalog.append_or_create(s3) as writer:
                    writer.write("spot", spots(i, source=source))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=append, args=(f"recorder{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    catalog = Catalog.open(s3)
    catalog.verify()
    assert catalog.manifest.tables["spot"].sources == {f"recorder{i}": 3 for i in range(4)}


def test_two_writers_of_one_source_on_s3_cannot_both_win(s3: str) -> None:
    with Catalog.create(s3) as writer:
        writer.write("spot", spots(0))

    def overtaken() -> None:
        with Catalog.update(s3) as slow:
            slow.write("spot", spots(1))
            with Catalog.update(s3) as quick:
                quick.write("spot", spots(2))

    with pytest.raises(DataError, match="Another process changed spot of source 'test'"):
        overtaken()
    assert Catalog.open(s3).scan("spot").collect().height == 2


def test_a_commit_on_s3_whose_files_were_cleaned_away_is_refused(s3: str) -> None:
    with Catalog.create(s3) as writer:
        writer.write("spot", spots(0))
    before = Catalog.open(s3).manifest

    def cleaned() -> None:
        with Catalog.update(s3) as writer:
            writer.write("spot", spots(1))
            Catalog.clean(s3, NOW)

    with pytest.raises(DataError, match=r"spot/.*\.parquet is missing .* run it again"):
        cleaned()
    assert Catalog.open(s3).manifest == before


def test_a_replaced_file_on_s3_that_is_written_again_stays(s3: str) -> None:
    day_ago = Terms(clock=lambda: time.time_ns() - DAY)
    with Catalog.create(s3) as writer:
        writer.write("spot", spots(0))
    with Catalog.update(s3, day_ago) as writer:
        writer.write("spot", spots(1), replace=True)
    with Catalog.update(s3) as again:
        again.write("spot", spots(0), replace=True)
        with Catalog.update(s3) as other:  # takes away what was replaced more than an hour ago
            other.write("spot", spots(0, source="other"))
    catalog = Catalog.open(s3)
    assert catalog.scan("spot").collect()["recv_ns"].to_list() == spots(0, 0)["recv_ns"].to_list()
    assert catalog.sources("spot") == ("other", "test")


def test_a_file_on_s3_is_new_when_it_is_written_again(s3: str, tmp_path: Path) -> None:
    storage = storage_at(s3)
    fresh = []
    for _ in range(2):
        file = storage.scratch()
        file.write_bytes(b"rows")
        fresh.append(storage.adopt(file, "table=spot/x.parquet"))
        written = storage.listing()["table=spot/x.parquet"].written_s
        time.sleep(1.1)  # the store tells times in seconds
    assert fresh == [True, False]
    assert storage.listing()["table=spot/x.parquet"].written_s == written > time.time() - 2.2


def test_two_creators_on_s3_make_one_catalog(s3: str) -> None:
    with Catalog.create(s3) as first:
        first.write("spot", spots(0, source="a"))
        with Catalog.create(s3) as second:
            second.write("spot", spots(0, source="b"))
    assert Catalog.open(s3).sources("spot") == ("a", "b")


def test_a_reader_on_s3_sees_commits_in_whole(s3: str) -> None:
    with Catalog.create(s3) as writer:
        writer.write("spot", pl.concat([spots(0), spots(0, asset="ETH")]))
    done = threading.Event()

    def commits() -> None:
        for i in range(1, 8):
            with Catalog.update(s3) as writer:
                writer.write("spot", pl.concat([spots(i), spots(i, asset="ETH")]))
                if i % 3 == 0:
                    writer.compact()
        done.set()

    thread = threading.Thread(target=commits)
    thread.start()
    seen = [0]
    while not done.is_set():
        counts = Catalog.open(s3).scan("spot").group_by("asset").len().collect()["len"].to_list()
        assert counts == [counts[0]] * 2
        assert counts[0] >= seen[-1]
        seen.append(counts[0])
    thread.join()
    assert Catalog.open(s3).manifest.tables["spot"].rows == 16


def test_polars_reads_s3_itself_and_lazily(s3: str) -> None:
    with Catalog.create(s3) as writer:
        writer.write("spot", spots(0, 1))
    plan = Catalog.open(s3).scan("spot").select("recv_ns").explain()
    assert "Parquet SCAN [s3://" in plan
    assert "PROJECT 1/" in plan


def test_a_lock_that_a_killed_writer_left_is_named(tmp_path: Path) -> None:
    place = f"memory://{uuid.uuid4().hex}"
    with Catalog.create(place) as writer:
        writer.write("spot", spots(0))
    storage_at(place).put(".lock", b"somebody")
    with pytest.raises(DataError, match=r"delete memory://\w+/\.lock"), Catalog.update(place, Terms(wait_s=0.0)):
        pass


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(DataError, match=r"pip install 'arena\[cloud\]'"):
        Catalog.open("s3://bucket/recorded")


def test_an_unknown_scheme_is_an_error_of_one_line() -> None:
    with pytest.raises(DataError, match=r"^s4://x is no place Arena knows[^\n]*$"):
        Catalog.open("s4://x")
