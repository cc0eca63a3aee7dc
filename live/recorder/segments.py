"""The raw log on disk: numbered segments of compressed, checked blocks of frames.

A segment is ``<number>.frames``: a header, then blocks. All integers are little-endian::

    segment  = magic "ARENAFR1", u32 session, u32 crc of what precedes
    block    = magic "BLK1", u32 stored bytes, u32 plain bytes, u32 frames, u32 crc of what precedes and follows, bytes
    frame    = u8 kind, u8 length of the feed's name, u32 conn, i64 recv_ns, i64 mono_ns, u32 length, name, payload

Stored bytes are the frames of a block, one after the other, compressed with zstd. A block is written and
synced whole before the next one, so only the last block of a session can be torn. ``session`` is the number of
the first segment that the same process wrote: parsers begin afresh there. Segments are numbered without holes; the
oldest may be taken away.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from arena.errors import DataError
from live.feeds.frame import Frame

SUFFIX = ".frames"
MAGIC = b"ARENAFR1"
LEVEL = 3
"""zstd level: 3 packs market data about ten to one at several hundred MB/s."""

_HEADER = struct.Struct("<8sII")
_BLOCK = struct.Struct("<4sIIII")
_BLOCK_CHECKED = struct.Struct("<4sIII")
_BLOCK_MAGIC = b"BLK1"
_FRAME = struct.Struct("<BBIqqI")

HEADER_BYTES = _HEADER.size


class Position(NamedTuple):
    """A place between two blocks of the log: segment number, and bytes from the start of that segment."""

    segment: int
    offset: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read what ``str`` wrote."""
        segment, offset = text.split(":")
        return cls(int(segment), int(offset))


class Block(NamedTuple):
    """Frames that were written together, and where the block begins and ends."""

    frames: list[Frame]
    session: int
    begin: Position
    end: Position


def encode_frame(frame: Frame) -> bytes:
    """One frame as bytes; the name of a feed is at most 255 bytes."""
    name = frame.feed.encode()
    head = _FRAME.pack(frame.kind, len(name), frame.conn, frame.recv_ns, frame.mono_ns, len(frame.payload))
    return b"".join((head, name, frame.payload))


def decode_frames(plain: bytes, count: int) -> list[Frame]:
    """The frames of a block's plain bytes."""
    frames, at, unpack, size = [], 0, _FRAME.unpack_from, _FRAME.size
    names: dict[bytes, str] = {}
    for _ in range(count):
        kind, name_length, conn, recv_ns, mono_ns, length = unpack(plain, at)
        at += size
        key = plain[at : at + name_length]
        feed = names.get(key) or names.setdefault(key, key.decode())
        at += name_length
        frames.append(Frame(feed, conn, recv_ns, mono_ns, kind, plain[at : at + length]))
        at += length
    return frames


def encode_header(session: int) -> bytes:
    """The first bytes of a segment."""
    return _HEADER.pack(MAGIC, session, zlib.crc32(MAGIC + session.to_bytes(4, "little")))


def encode_block(plain: bytes, count: int) -> bytes:
    """``count`` encoded frames as one block."""
    stored: bytes = pa.Codec("zstd", compression_level=LEVEL).compress(plain, asbytes=True)
    checked = _BLOCK_CHECKED.pack(_BLOCK_MAGIC, len(stored), len(plain), count)
    return checked + zlib.crc32(stored, zlib.crc32(checked)).to_bytes(4, "little") + stored


def segment_path(folder: Path, number: int) -> Path:
    """Where segment ``number`` of the log in ``folder`` lives."""
    return folder / f"{number:08d}{SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """Numbers of the segments in ``folder``, ascending; files that are no segments are not looked at."""
    return sorted(int(p.stem) for p in folder.glob(f"*{SUFFIX}") if p.stem.isdigit())


def session_of(folder: Path, number: int) -> int | None:
    """Session of a segment; None when the process died before the header was whole.

    Raises:
        DataError: the file is no segment.
    """
    path = segment_path(folder, number)
    with path.open("rb") as stream:
        head = stream.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES:
        return None
    magic, session, crc = _HEADER.unpack(head)
    if magic != MAGIC or crc != zlib.crc32(head[:-4]):
        raise DataError(f"{path} does not begin like a segment of a raw log; move it away, or restore it from a copy.")
    return int(session)


def check_from(folder: Path, start: Position | None) -> list[int]:
    """Numbers of the segments that hold what follows ``start`` (None = everything), ascending.

    Raises:
        DataError: a segment is missing, or the log ends before ``start``: it is not the log that ``start`` is of.
    """
    numbers = segment_numbers(folder)
    if start is not None:
        earlier, numbers = numbers, [n for n in numbers if n >= start.segment]
        if not numbers and earlier:
            raise _another_log(folder, start)
        if start.segment in numbers:
            if segment_path(folder, start.segment).stat().st_size < start.offset:
                raise _another_log(folder, start)
        elif numbers and (numbers[0] != start.segment + 1 or session_of(folder, numbers[0]) not in (None, numbers[0])):
            raise _missing(folder, start.segment)
    for number, following in pairwise(numbers):
        if following != number + 1:
            raise _missing(folder, number + 1)
    return numbers


def read_blocks(folder: Path, start: Position | None = None, end: Position | None = None) -> Iterator[Block]:
    """Blocks of the log in ``folder`` from ``start`` up to ``end``, in the order they were written.

    A torn block at the end of a session (the process was killed while writing it) ends that session.

    Raises:
        DataError: a segment is missing, has another beginning, or is damaged.
    """
    numbers = [n for n in check_from(folder, start) if end is None or n <= end.segment]
    for number in numbers:
        session = session_of(folder, number)
        if session is None:
            _refuse_middle(folder, number, HEADER_BYTES)
            continue
        first = start.offset if start is not None and number == start.segment else HEADER_BYTES
        last = end.offset if end is not None and number == end.segment else None
        read = at = max(first, HEADER_BYTES)
        for packed in _packed(segment_path(folder, number), at, last):
            begin, read = read, packed.end
            yield Block(packed.frames(), session, Position(number, begin), Position(number, read))
        if last is None and read < segment_path(folder, number).stat().st_size:
            _refuse_middle(folder, number, read)


def last_block(folder: Path) -> Block | None:
    """The last whole block of the log; None when it has none."""
    for number in reversed(segment_numbers(folder)):
        session = session_of(folder, number)
        if session is not None:
            last = deque(_packed(segment_path(folder, number), HEADER_BYTES, None), maxlen=1)
            if last:
                begin = last[0].end - _BLOCK.size - len(last[0].stored)
                return Block(last[0].frames(), session, Position(number, begin), Position(number, last[0].end))
    return None


class _Packed(NamedTuple):
    stored: bytes
    plain_bytes: int
    frame_count: int
    end: int

    def frames(self) -> list[Frame]:
        plain = pa.Codec("zstd").decompress(self.stored, self.plain_bytes, asbytes=True)
        return decode_frames(plain, self.frame_count)


def _packed(path: Path, at: int, last: int | None) -> Iterator[_Packed]:
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size if last is None else last
        stream.seek(at)
        while at < size:
            packed = _next_block(stream, at, size)
            if packed is None:
                _refuse_damage(path, stream, at, size)
                return
            yield packed
            at = packed.end


def _next_block(stream: BinaryIO, at: int, size: int) -> _Packed | None:
    """The block at ``at``, where the stream stands; None when it is not whole."""
    head = stream.read(_BLOCK.size)
    if len(head) < _BLOCK.size:
        return None
    magic, stored_bytes, plain_bytes, count, crc = _BLOCK.unpack(head)
    end = at + _BLOCK.size + stored_bytes
    if magic != _BLOCK_MAGIC or end > size:
        return None
    stored = stream.read(stored_bytes)
    if zlib.crc32(stored, zlib.crc32(head[:-4])) != crc:
        return None
    return _Packed(stored, plain_bytes, count, end)


def _refuse_middle(folder: Path, number: int, at: int) -> None:
    """A segment that is torn at ``at`` is the last of its session: the process died there."""
    if segment_path(folder, number + 1).is_file() and session_of(folder, number + 1) not in (None, number + 1):
        raise DataError(
            f"{segment_path(folder, number)} is damaged from byte {at:,} on: the same session goes on after it. "
            "Restore it from a copy, or move it and all before it away and lose what they hold."
        )


def _missing(folder: Path, number: int) -> DataError:
    return DataError(
        f"{segment_path(folder, number)} is missing, and later segments are there: restore it from a copy, or begin "
        "another catalog."
    )


def _another_log(folder: Path, start: Position) -> DataError:
    return DataError(
        f"The raw log in {folder} ends before segment {start.segment}, byte {start.offset:,}, up to where the tables "
        "go: it is not the log they were made of, or its end was taken away. Restore it, or record to another catalog."
    )


def _refuse_damage(path: Path, stream: BinaryIO, at: int, size: int) -> None:
    """A block that is not whole is the torn end of a segment, unless a whole one follows it."""
    stream.seek(at)
    rest = stream.read(size - at)
    found = rest.find(_BLOCK_MAGIC, 1)
    while found >= 0:
        stream.seek(at + found)
        if _next_block(stream, at + found, size) is not None:
            raise DataError(
                f"{path} is damaged between byte {at:,} and byte {at + found:,}; restore it from a copy, or move it "
                "away and lose what it holds."
            )
        found = rest.find(_BLOCK_MAGIC, found + 1)
