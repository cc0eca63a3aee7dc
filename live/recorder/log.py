"""Frames from the event loop into blocks of the raw log, without making the loop wait for the disk."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from arena.errors import DataError
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
    """Collects frames and has them written when the oldest is ``flush_s`` seconds old, or when a block is full.

    One thread keeps the time, compresses, writes and syncs: neither a busy event loop nor the tables can make a
    flush late. Blocks stay in order. A process that is killed loses what came after the last flush, and nothing else.

    Args:
        writer: where blocks go.
        durable: called in that thread with the end of every block on the disk.
        flush_s: longest time that a frame waits for its block to be written, seconds.
    """

    def __init__(self, writer: SegmentWriter, durable: Callable[[Position], None], *, flush_s: float = FLUSH_S) -> None:
        self._writer, self._durable, self._flush_s = writer, durable, flush_s
        self._changed = threading.Condition(threading.Lock())
        self._parts: list[bytes] = []
        self._first_ns, self._due_s = 0, 0.0
        self._bytes = self._writing = 0
        self._ending = False
        self._room, self._failed = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="raw-log", daemon=True)
        self.failure: DataError | OSError | None = None
        """Why nothing is written any more, if so."""
        self.frames = 0
        """Frames taken."""
        self.frames_kept = 0
        """Frames on the disk."""

    async def put(self, frame: Frame) -> None:
        """Take a frame. Waits while the disk is too far behind; frames are never dropped."""
        while not self._room.is_set():
            await self._room.wait()
        part = encode_frame(frame)
        with self._changed:
            if not self._parts:
                self._first_ns, self._due_s = frame.recv_ns, time.monotonic() + self._flush_s
                self._changed.notify()
            self._parts.append(part)
            self._bytes += len(part)
            if self._bytes >= BLOCK_BYTES:
                self._changed.notify()
                if self._bytes + self._writing >= HELD_BYTES and self.failure is None:
                    self._room.clear()
        self.frames += 1
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread.start()

    async def run(self) -> None:
        """Wait until nothing can be written any more.

        Raises:
            DiskFull: there is no room for a block.
            OSError: the disk refused it.
        """
        await self._failed.wait()
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        """Flush, and let go of the segment and the thread.

        Raises:
            DiskFull: there is no room for a block.
            OSError: the disk refused it.
        """
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join)
        self._writer.close()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        while self.failure is None:
            with self._changed:
                while (left_s := self._left_s()) is None or left_s > 0.0:
                    self._changed.wait(left_s)
                parts, first_ns = self._parts, self._first_ns
                self._parts, self._bytes, self._writing = [], 0, self._bytes
            if not parts:
                return
            try:
                end = self._writer.append(b"".join(parts), len(parts), first_ns)
            except (DataError, OSError) as error:
                self.failure = error
                self._tell(self._failed.set)
            else:
                self.frames_kept += len(parts)
                self._durable(end)
            with self._changed:
                self._writing = 0
            self._tell(self._room.set)

    def _left_s(self) -> float | None:
        """Seconds until there is something to write, or to end; None = until something changes."""
        if self._ending or self._bytes >= BLOCK_BYTES:
            return 0.0
        return self._due_s - time.monotonic() if self._parts else None

    def _tell(self, act: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act)
