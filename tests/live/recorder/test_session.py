"""One run from beginning to end, against venues on the loopback."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from arena.errors import ConfigError, DataError
from arena.market.catalog import Catalog
from live.feeds.frame import Frame, Kind
from live.recorder.feeds import feed_names, parsers_of
from live.recorder.origin import Origin, Word
from live.recorder.plan import Plan
from live.recorder.reparse import reparse
from live.recorder.segments import read_blocks
from live.recorder.session import record
from live.recorder.status import Status
from live.recorder.writer import Disk, DiskFull
from tests.live.recorder.logs import digest_of
from tests.live.recorder.loops import run_async
from tests.live.recorder.town import Recorder, Town


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with Town(every_s=0.02) as opened:
        yield opened


def plan_for(town: Town, to: Path, *feeds: str, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "assets": ("BTC", "ETH"), "intervals_s": (300, 900), "feeds": feeds or feed_names(None, {}), "to": to,
        "flush_s": 0.1, "reserve_bytes": 0, "urls": town.urls, "show_every_s": 0.05,
    }  # fmt: skip
    return Plan(**settings | changes)


class Shown:
    """Statuses as they come; asks the run to stop when one of them satisfies."""

    def __init__(self, stop: asyncio.Event, enough: Any) -> None:
        self.statuses: list[Status] = []
        self._stop, self._enough = stop, enough

    def __call__(self, status: Status) -> None:
        self.statuses.append(status)
        if self._enough(status):
            self._stop.set()


async def run(plan: Plan, enough: Any = lambda status: False, disk: Disk | None = None) -> tuple[Status, list[Status]]:
    """Record until a status satisfies."""
    stop = asyncio.Event()
    shown = Shown(stop, enough)
    async with asyncio.timeout(90):
        last = await record(plan, shown, stop, environment={}, rng=np.random.default_rng(1), disk=disk)
    return last, shown.statuses


def has_everything(status: Status) -> bool:
    wanted = {"spot", "l2", "trades", "oracle", "binary_quotes", "windows", "clock"}
    return wanted <= set(status.rows) and all(f.messages > 5 for f in status.feeds if f.name not in ("gamma", "clock"))


@run_async
async def test_every_feed_ends_up_in_its_table(town: Town, tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    last, statuses = await run(plan_for(town, to), has_everything)
    opened = Catalog.open(to)
    opened.verify()
    venues = opened.scan("spot").select(pl.col("venue").unique()).collect().to_series().to_list()
    assert sorted(venues) == ["binance_us", "bitfinex", "bybit", "coinbase", "kraken", "okx"]
    assert opened.scan("windows").select("interval_s", "asset").unique().collect().height == 4
    assert last.frames == last.frames_kept
    assert all(f.is_open for f in statuses[-1].feeds if f.name not in ("gamma", "clock"))
    assert last.clock is not None
    assert abs(last.clock.offset_ms) <= last.clock.error_ms
    reparse(to / "raw", tmp_path / "again", parsers_of)
    assert digest_of(tmp_path / "again") == digest_of(to)


@run_async
async def test_a_second_run_goes_on_where_the_first_ended(town: Town, tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    for _ in range(2):
        await run(plan_for(town, to, "okx"), lambda status: status.rows.get("spot", 0) > 5)
    gaps = Catalog.open(to).scan("gaps").filter(pl.col("stream") == "spot/okx").collect()
    assert gaps.select("stream", "asset", "reason").sort("asset").rows() == [
        ("spot/okx", "BTC", "recorder_stopped"),
        ("spot/okx", "ETH", "recorder_stopped"),
    ]
    reparse(to / "raw", tmp_path / "again", parsers_of)
    assert digest_of(tmp_path / "again") == digest_of(to)


@run_async
async def test_a_run_ends_when_its_time_is_over(town: Town, tmp_path: Path) -> None:
    last, _ = await run(plan_for(town, tmp_path / "recorded", "okx", for_s=1.0))
    assert last.left_s == 0.0
    assert last.rows["spot"] > 0


@run_async
async def test_a_dropped_connection_is_a_gap_and_is_seen(town: Town, tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    dropped = []

    def drop_once(status: Status) -> bool:
        if not dropped and status.rows.get("spot", 0) > 5:
            dropped.append(asyncio.run_coroutine_threadsafe(town.okx.hang_up(), town.loop))
        return any(f.gaps for f in status.feeds)

    last, _ = await run(plan_for(town, to, "okx"), drop_once)
    okx = next(f for f in last.feeds if f.name == "okx")
    assert okx.reconnects == 1
    gaps = Catalog.open(to).scan("gaps").collect()
    assert set(gaps["stream"]) == {"spot/okx", "trades/okx"}
    assert okx.gaps == gaps.height
    kinds = [frame.kind for block in read_blocks(to / "raw") for frame in block.frames if frame.feed == "okx"]
    assert kinds.count(Kind.OPENED) == 2


@run_async
async def test_windows_are_followed_and_metadata_asked_for_before_the_open(town: Town, tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    last, _ = await run(plan_for(town, to, "polymarket", "gamma"), lambda s: s.rows.get("binary_quotes", 0) > 20)
    assert last.markets >= 8
    assert last.next_window is not None
    assert last.next_open_s > 0
    windows = Catalog.open(to).scan("windows").collect()
    assert windows["up_token_id"].null_count() == 0


@run_async
async def test_a_full_disk_ends_the_run_and_spoils_nothing(town: Town, tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    room = [20_000]

    def write(fd: int, data: memoryview) -> int:
        if len(data) > room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= len(data)
        return os.write(fd, data)

    with pytest.raises(DiskFull, match=r"is full \(No space left on device\): recording stopped.*after the last flush"):
        await run(plan_for(town, to), disk=Disk(write=write))
    Catalog.open(to).verify()
    again = tmp_path / "again"
    reparse(to / "raw", again, parsers_of)
    assert digest_of(again) == digest_of(to)


@run_async
async def test_a_disk_too_full_for_the_tables_ends_the_run_and_the_next_makes_them_whole(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "recorded"
    await run(plan_for(town, to, "okx"), lambda status: status.rows.get("spot", 0) > 5)

    def no_room(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("arena.market.catalog.local.LocalStorage.commit", no_room)
        with pytest.raises(DiskFull, match="The raw log is whole"):
            await run(plan_for(town, to, "okx"))
    Catalog.open(to).verify()
    await run(plan_for(town, to, "okx"), lambda status: status.rows.get("spot", 0) > 5)
    reparse(to / "raw", tmp_path / "again", parsers_of)
    assert digest_of(tmp_path / "again") == digest_of(to)


@run_async
async def test_the_user_is_warned_before_the_disk_is_full(town: Town, tmp_path: Path) -> None:
    disk = Disk(free=lambda path: 3_000_000_000)
    plan = plan_for(town, tmp_path / "recorded", "okx", reserve_bytes=1_000_000_000)
    _, statuses = await run(plan, lambda status: True, disk)
    assert statuses[0].notices == ("3.0 GB are left on the disk; recording stops at 1.0 GB.",)


@run_async
async def test_two_recorders_do_not_share_a_catalog(town: Town, tmp_path: Path) -> None:
    plan = plan_for(town, tmp_path / "recorded", "okx")
    stop, began = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(
        record(plan, lambda status: began.set(), stop, environment={}, rng=np.random.default_rng(1))
    )
    await began.wait()
    with pytest.raises(DataError, match="Another recorder writes to"):
        await run(plan)
    stop.set()
    await first


@run_async
async def test_a_venue_that_does_not_answer_does_not_stop_the_others(town: Town, tmp_path: Path) -> None:
    urls = town.urls | {"kraken": "ws://127.0.0.1:9", "gamma": "http://127.0.0.1:9"}
    plan = plan_for(town, tmp_path / "recorded", "okx", "kraken", "gamma", urls=urls)
    last, _ = await run(plan, lambda s: s.rows.get("spot", 0) > 20 and any("waited for" in n for n in s.notices))
    assert not next(f for f in last.feeds if f.name == "kraken").is_open
    assert last.notices[0].startswith("Feed 'kraken' is not connected: ConnectionRefusedError")
    assert "127.0.0.1:9/events/slug" in last.notices[1]
    assert "windows are waited for" in last.notices[1]


@run_async
async def test_a_run_to_which_nothing_came_does_not_look_like_a_success(town: Town, tmp_path: Path) -> None:
    urls = town.urls | {"kraken": "ws://127.0.0.1:9", "okx": "ws://127.0.0.1:9"}
    with pytest.raises(DataError, match=r"Nothing came from any feed\. Feed 'okx' is not connected: Conn.*'kraken'"):
        await run(plan_for(town, tmp_path / "recorded", "okx", "kraken", urls=urls, for_s=1.0))


@run_async
async def test_a_venue_that_redirects_us_does_not_end_the_recording(town: Town, tmp_path: Path) -> None:
    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/no\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(elsewhere, "127.0.0.1", 0) as server:
        urls = town.urls | {"kraken": f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
        plan = plan_for(town, tmp_path / "recorded", "okx", "kraken", urls=urls)
        last, _ = await run(plan, lambda s: s.rows.get("spot", 0) > 20 and bool(s.notices))
    assert "kraken" in last.notices[0]


@pytest.mark.parametrize(("name", "url"), [("okx", "http://x"), ("gamma", "ws://x"), ("okx", "ws://[x"), ("okx", "x")])
@run_async
async def test_an_address_that_is_none_is_refused_at_once(town: Town, tmp_path: Path, name: str, url: str) -> None:
    with pytest.raises(ConfigError, match="is no address of feed"):
        await run(plan_for(town, tmp_path / "recorded", urls={name: url}))


@run_async
async def test_nothing_is_recorded_by_a_clock_nobody_set(town: Town, tmp_path: Path) -> None:
    stop = asyncio.Event()
    plan = plan_for(town, tmp_path / "recorded", "okx")
    with pytest.raises(DataError, match="Set the clock"):
        await record(plan, print, stop, environment={}, rng=np.random.default_rng(1), wall_ns=lambda: 86_400 * 10**9)
    assert not plan.to.exists()


@run_async
async def test_feeds_are_renewed_one_after_the_other_and_the_tables_do_not_care(town: Town, tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    plan = plan_for(town, to, "okx", "polymarket", "gamma", "clock", renew_s=2.0)
    await run(plan, lambda s: min(f.reconnects for f in s.feeds if f.is_open is not None) >= 2)
    words = [
        Word.of(frame).renewed
        for block in read_blocks(to / "raw")
        for frame in block.frames
        if frame.feed == "recorder"
    ]
    assert {"okx", "polymarket", "clock"} <= set(words)
    opened = Catalog.open(to)
    assert set(opened.scan("gaps").collect()["reason"]) == {"planned"}
    quotes, renewed = opened.scan("binary_quotes").collect(), last_renewal(to / "raw", "polymarket")
    assert quotes.filter(pl.col("recv_ns") > renewed).height > 0
    reparse(to / "raw", tmp_path / "again", parsers_of)
    assert digest_of(tmp_path / "again") == digest_of(to)


def last_renewal(raw: Path, feed: str) -> int:
    frames = [frame for block in read_blocks(raw) for frame in block.frames if frame.feed == "recorder"]
    return max(frame.recv_ns for frame in frames[:-1] if Word.of(frame).renewed == feed)


@run_async
async def test_a_feed_whose_parser_failed_is_connected_anew(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(parsers_of(Origin((), (), (), ""))["okx"])
    sound, failed = kind.data, []

    def data(self: Any, frame: Frame, rows: Any) -> None:
        if threading.current_thread().name == "tables" and not failed:
            failed.append(frame)
            raise ZeroDivisionError
        sound(self, frame, rows)

    monkeypatch.setattr(kind, "data", data)
    last, _ = await run(plan_for(town, tmp_path / "recorded", "okx"), lambda s: s.feeds[0].reconnects > 0)
    assert last.feeds[0].bad == 1
    assert any("made its parser fail (ZeroDivisionError" in notice for notice in last.notices)
    assert last.rows["spot"] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_cleanly(town: Town, tmp_path: Path, number: int) -> None:
    to = tmp_path / "recorded"
    recorder = Recorder(town, to, feeds=["okx", "polymarket"])
    while not list((to / "raw").glob("*.frames")):
        assert recorder.process.poll() is None, recorder.wait()
    code, out, err = recorder.stop(number)
    assert (code, err) == (0, "")
    assert "rows" in out
    reparse(to / "raw", tmp_path / "again", parsers_of)
    assert digest_of(tmp_path / "again") == digest_of(to)
