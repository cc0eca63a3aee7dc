"""Frames from the loop to the disk: flushed in time, in order, with patience instead of loss."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from live.feeds.frame import Frame, Kind
from live.recorder import log as log_module
from live.recorder.log import RawLog
from live.recorder.segments import Position, read_blocks
from live.recorder.writer import Disk, DiskFull, SegmentWriter
from tests.live.recorder.loops import run_async

NOW = 1_790_000_000_000_000_000


def a_frame(number: int, size: int = 0) -> Frame:
    return Frame("okx", 0, NOW + number, number, Kind.DATA, b"x" * size)


def kept(folder: Path) -> list[int]:
    return [frame.mono_ns for block in read_blocks(folder) for frame in block.frames]


async def patiently(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.001)


@run_async
async def test_what_came_is_written_when_the_interval_is_over_and_not_before(tmp_path: Path) -> None:
    ends: list[Position] = []
    slow = RawLog(SegmentWriter(tmp_path / "slow", reserve_bytes=0), lambda end: None, flush_s=3_600.0)
    log = RawLog(SegmentWriter(tmp_path / "fast", reserve_bytes=0), ends.append, flush_s=0.1)
    for number in (1, 2):
        await slow.put(a_frame(number))
        await log.put(a_frame(number))
    await patiently(lambda: bool(ends))
    assert kept(tmp_path / "fast") == [1, 2]
    assert log.frames_kept == 2
    assert kept(tmp_path / "slow") == []
    await log.close()
    await slow.close()


@run_async
async def test_neither_a_busy_loop_nor_a_busy_thread_makes_a_flush_late(tmp_path: Path) -> None:
    log = RawLog(SegmentWriter(tmp_path, reserve_bytes=0), lambda end: None, flush_s=0.05)
    idle = threading.Event()

    def work() -> None:
        while not idle.is_set():
            sum(range(10_000))

    busy = threading.Thread(target=work)
    busy.start()
    await log.put(a_frame(1))
    deadline = time.monotonic() + 30.0
    while not kept(tmp_path) and time.monotonic() < deadline:  # the loop stands still meanwhile
        time.sleep(0.01)
    assert kept(tmp_path) == [1]
    idle.set()
    busy.join()
    await log.close()


@run_async
async def test_closing_flushes(tmp_path: Path) -> None:
    log = RawLog(SegmentWriter(tmp_path, reserve_bytes=0), lambda end: None)
    await log.put(a_frame(7))
    await log.close()
    assert kept(tmp_path) == [7]


@run_async
async def test_a_full_block_does_not_wait_for_the_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "BLOCK_BYTES", 1_000)
    log = RawLog(SegmentWriter(tmp_path, reserve_bytes=0), lambda end: None, flush_s=3_600.0)
    for number in range(30):
        await log.put(a_frame(number, 100))
    await patiently(lambda: log.frames_kept >= 10)
    await log.close()
    assert kept(tmp_path) == list(range(30))


@run_async
async def test_givers_wait_while_the_disk_is_behind_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(log_module, "HELD_BYTES", 5_000)
    disk_works = threading.Event()

    def slow_sync(fd: int) -> None:
        disk_works.wait()

    log = RawLog(SegmentWriter(tmp_path, reserve_bytes=0, disk=Disk(sync=slow_sync)), lambda end: None)

    async def give() -> None:
        for number in range(500):
            await log.put(a_frame(number, 100))

    giving = asyncio.create_task(give())
    await asyncio.sleep(0.1)
    assert not giving.done()
    assert log.frames < 100
    disk_works.set()
    await giving
    await log.close()
    assert kept(tmp_path) == list(range(500))


@run_async
async def test_a_full_disk_ends_the_flushing_with_its_reason(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=10, disk=Disk(free=lambda _: 5))
    log = RawLog(writer, lambda end: None, flush_s=0.001)
    await log.put(a_frame(1))
    with pytest.raises(DiskFull):
        await log.run()
    assert log.frames_kept == 0
    with pytest.raises(DiskFull):
        await log.close()


@run_async
async def test_closing_after_a_refusal_writes_no_smaller_block_behind_the_hole(tmp_path: Path) -> None:
    free = [5]
    writer = SegmentWriter(tmp_path, reserve_bytes=10, disk=Disk(free=lambda _: free[0]))
    log = RawLog(writer, lambda end: None, flush_s=0.001)
    await log.put(a_frame(1))
    with pytest.raises(DiskFull):
        await log.run()
    free[0] = 10_000
    await log.put(a_frame(2))
    with pytest.raises(DiskFull):
        await log.close()
    assert kept(tmp_path) == []
