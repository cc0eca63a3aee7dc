"""Blocks onto the disk: appended, synced, rotated, and stopped before the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arena.errors import DataError
from live.recorder.segments import (
    HEADER_BYTES,
    Position,
    encode_block,
    encode_header,
    segment_numbers,
    segment_path,
)  # fmt: skip

SEGMENT_BYTES = 64 * 1024 * 1024
HOUR_NS = 3_600 * 1_000_000_000


class DiskFull(DataError):
    """The disk has no room for another block; what was written before it is whole."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The system calls of the writer.

    Attributes:
        write: ``os.write``.
        sync: ``os.fsync``.
        free: bytes left on the file system of a path.
    """

    write: Callable[[int, memoryview], int] = os.write
    sync: Callable[[int], None] = os.fsync
    free: Callable[[Path], int] = field(default=lambda path: shutil.disk_usage(path).free)


class SegmentWriter:
    """Appends blocks to the log in ``folder``, as one session.

    Every block is on the disk when :meth:`append` returns. A segment ends when it is larger than
    ``segment_bytes``, or when a block begins in another hour (UTC) than the segment did. After a block was refused,
    all that follow are: a log with a hole in it would pass for a whole one.

    Args:
        folder: the log; made when absent.
        after: highest segment number ever used here, should it not be on the disk any more.
        reserve_bytes: space that has to stay free: a block that would leave less is refused.
        segment_bytes: size at which a segment ends.
        disk: the system calls.
    """

    def __init__(
        self, folder: Path, *, reserve_bytes: int, after: int = 0, segment_bytes: int = SEGMENT_BYTES,
        disk: Disk | None = None,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._reserve_bytes, self._segment_bytes = folder, reserve_bytes, segment_bytes
        self._disk = disk or Disk()
        self.session = max([*segment_numbers(folder), after]) + 1
        self._number, self._fd, self._size, self._hour = self.session - 1, -1, 0, -1
        self._refused: DataError | OSError | None = None
        self.bytes_written = 0
        """Bytes on the disk, headers included."""

    @property
    def position(self) -> Position:
        """End of the last block on the disk."""
        return Position(max(self._number, self.session), max(self._size, HEADER_BYTES))

    def append(self, plain: bytes, count: int, recv_ns: int) -> Position:
        """Write ``count`` encoded frames as one block and sync it.

        Args:
            plain: the frames, encoded.
            count: how many.
            recv_ns: when the first of them came, ns UTC.

        Returns:
            The end of the block.

        Raises:
            DiskFull: there is no room; the segment ends with the block before.
            OSError: the disk refused it.
        """
        if self._refused is not None:
            raise self._refused
        try:
            return self._append(encode_block(plain, count), recv_ns)
        except (DiskFull, OSError) as error:
            self._refused = error
            raise

    def close(self) -> None:
        """Close the segment."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, block: bytes, recv_ns: int) -> Position:
        free = self._disk.free(self._folder)
        if free - len(block) < self._reserve_bytes:
            raise DiskFull(
                self._no_room(f"{free / 1e9:.2f} GB are free and {self._reserve_bytes / 1e9:.2f} GB reserved")
            )
        hour = recv_ns // HOUR_NS
        if self._fd < 0 or self._size >= self._segment_bytes or hour != self._hour:
            self._open_next(hour)
        data = block if self._size else encode_header(self.session) + block
        try:
            self._write(data)
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(self._no_room(error.strerror or "no space left")) from error
            raise
        self._size += len(data)
        self.bytes_written += len(data)
        return self.position

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._disk.write(self._fd, rest) :]
        self._disk.sync(self._fd)

    def _open_next(self, hour: int) -> None:
        self.close()
        path = segment_path(self._folder, self._number + 1)
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._number, self._size, self._hour = self._number + 1, 0, hour
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a power cut may lose the file, however well its bytes are synced
        finally:
            os.close(folder)

    def _no_room(self, why: str) -> str:
        return (
            f"The disk of {self._folder} is full ({why}): recording stopped, and what was written is whole. "
            "Make room and start it again."
        )
