"""Frames from the event loop into blocks of the raw log, without making the loop wait for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from live.feeds.frame import Frame
from live.recorder.segments import Position, encode_frame
from live.recorder.writer import SegmentWriter

FLUSH_S = 2.0
BLOCK_BYTES = 4 * 1024 * 1024
"""A block is written as soon as it holds this many plain bytes, however young it is."""
HELD_BYTES = 16 * 1024 * 1024
"""Sockets wait while more than this is not on the disk yet."""

Sink = Callable[[Frame], Awaitable[None]]
"""Takes a frame; the giver waits as long as it must."""
Sleep = Callable[[float], Coroutine[Any, Any, None]]


class RawLog:
    """Collects frames and has them written every ``flush_s`` seconds, or when a block is full.

    One thread compresses, writes and syncs; blocks stay in order. A process that is killed loses what came
    after the last flush, and nothing else.

    Args:
        writer: where blocks go.
        durable: called in the loop with the end of every block on the disk.
        flush_s: longest time that a frame waits for its block to be written, seconds.
        sleep: waits, seconds.
    """

    def __init__(
        self,
        writer: SegmentWriter,
        durable: Callable[[Position], None],
        *,
        flush_s: float = FLUSH_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._writer, self._durable, self._flush_s, self._sleep = writer, durable, flush_s, sleep
        self._parts: list[bytes] = []
        self._first_ns = 0
        self._bytes = self._writing = 0
        self._full, self._room = asyncio.Event(), asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="raw-log")
        self._room.set()
        self.frames = 0
        """Frames taken."""
        self.frames_kept = 0
        """Frames on the disk."""

    async def put(self, frame: Frame) -> None:
        """Take a frame. Waits while the disk is too far behind; frames are never dropped."""
        while not self._room.is_set():
            await self._room.wait()
        part = encode_frame(frame)
        if not self._parts:
            self._first_ns = frame.recv_ns
        self._parts.append(part)
        self._bytes += len(part)
        self.frames += 1
        if self._bytes >= BLOCK_BYTES:
            self._full.set()
            if self._bytes + self._writing >= HELD_BYTES:
                self._room.clear()

    async def run(self) -> None:
        """Flush until cancelled.

        Raises:
            DiskFull: there is no room for a block.
            OSError: the disk refused it.
        """
        while True:
            waiting = [asyncio.ensure_future(self._sleep(self._flush_s)), asyncio.ensure_future(self._full.wait())]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
            await self.flush()

    async def flush(self) -> None:
        """Write what was taken so far, and return when it is on the disk.

        Raises:
            DiskFull: there is no room for a block.
            OSError: the disk refused it.
        """
        async with self._one_at_a_time:
            parts, first_ns = self._parts, self._first_ns
            if not parts:
                return
            self._parts, self._bytes, size = [], 0, self._bytes
            self._writing += size
            self._full.clear()
            write = asyncio.get_running_loop().run_in_executor(self._thread, self._append, parts, first_ns)
            write.add_done_callback(partial(self._written, size, len(parts)))
            await asyncio.shield(write)  # a cancelled flush still ends, and is still reported

    async def close(self) -> None:
        """Flush, and let go of the segment and the thread.

        Raises:
            DiskFull: there is no room for the last block.
            OSError: the disk refused it.
        """
        try:
            await self.flush()
        finally:
            self._thread.shutdown(wait=True)
            self._writer.close()

    def _written(self, size: int, count: int, write: asyncio.Future[Position]) -> None:
        self._writing -= size
        self._room.set()
        if not write.cancelled() and write.exception() is None:
            self.frames_kept += count
            self._durable(write.result())

    def _append(self, parts: list[bytes], first_ns: int) -> Position:
        return self._writer.append(b"".join(parts), len(parts), first_ns)
