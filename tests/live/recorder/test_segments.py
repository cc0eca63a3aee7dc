"""The raw log: what is written is read, torn ends are forgiven, damage is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import DataError
from live.feeds.frame import Frame, Kind
from live.recorder.segments import (
    HEADER_BYTES,
    Position,
    decode_frames,
    encode_frame,
    last_block,
    read_blocks,
    segment_path,
)  # fmt: skip
from live.recorder.writer import HOUR_NS, Disk, DiskFull, SegmentWriter

NOON = 1_790_000_000_000_000_000

frames = st.builds(
    Frame,
    feed=st.sampled_from(["coinbase", "polymarket", "käse"]),
    conn=st.integers(0, 2**32 - 1),
    recv_ns=st.integers(0, 2**63 - 1),
    mono_ns=st.integers(0, 2**63 - 1),
    kind=st.sampled_from([int(k) for k in Kind]),
    payload=st.binary(max_size=300),
)


def a_frame(number: int, at_ns: int = NOON) -> Frame:
    return Frame("okx", 0, at_ns + number, number, Kind.DATA, b'{"n":%d}' % number)


def write(writer: SegmentWriter, *numbers: int, at_ns: int = NOON) -> Position:
    return writer.append(b"".join(encode_frame(a_frame(n, at_ns)) for n in numbers), len(numbers), at_ns)


def numbers(folder: Path, start: Position | None = None, end: Position | None = None) -> list[int]:
    return [frame.mono_ns for block in read_blocks(folder, start, end) for frame in block.frames]


@given(st.lists(frames, max_size=20))
def test_decoding_undoes_encoding(some: list[Frame]) -> None:
    assert decode_frames(b"".join(encode_frame(f) for f in some), len(some)) == some


def test_blocks_come_back_in_order_with_their_positions(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=0)
    ends = [write(writer, 1, 2), write(writer, 3)]
    assert [(len(b.frames), b.end) for b in read_blocks(tmp_path)] == [(2, ends[0]), (1, ends[1])]
    assert numbers(tmp_path, start=ends[0]) == [3]
    assert numbers(tmp_path, end=ends[0]) == [1, 2]
    assert last_block(tmp_path).end == ends[1]


def test_every_process_writes_segments_of_its_own(tmp_path: Path) -> None:
    for session in (1, 2):
        writer = SegmentWriter(tmp_path, reserve_bytes=0)
        write(writer, session)
        writer.close()
    assert [(b.session, b.end.segment) for b in read_blocks(tmp_path)] == [(1, 1), (2, 2)]


def test_a_segment_ends_with_its_hour_and_with_its_size(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=0, segment_bytes=130)
    for number in range(4):
        write(writer, number)
    write(writer, 4, at_ns=NOON + HOUR_NS)
    blocks = list(read_blocks(tmp_path))
    assert {b.session for b in blocks} == {1}
    assert [b.end.segment for b in blocks] == [1, 1, 2, 2, 3]
    assert numbers(tmp_path) == [0, 1, 2, 3, 4]


@given(cut=st.integers(0, 10_000))
def test_whatever_the_kill_leaves_of_the_last_block_the_others_are_read(tmp_path_factory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = SegmentWriter(folder, reserve_bytes=0)
    whole = write(writer, 1, 2)
    end = write(writer, 3, 4)
    path = segment_path(folder, 1)
    os.truncate(path, whole.offset + cut % (end.offset - whole.offset))
    assert numbers(folder) == [1, 2]
    assert last_block(folder).end == whole


def test_a_power_cut_that_leaves_zeros_is_a_torn_end_too(tmp_path: Path) -> None:
    whole = write(SegmentWriter(tmp_path, reserve_bytes=0), 1)
    with segment_path(tmp_path, 1).open("ab") as stream:
        stream.write(bytes(5_000))
    assert numbers(tmp_path) == [1]
    assert last_block(tmp_path).end == whole


def test_a_segment_without_a_whole_header_is_empty(tmp_path: Path) -> None:
    write(SegmentWriter(tmp_path, reserve_bytes=0), 1)
    segment_path(tmp_path, 2).write_bytes(b"ARENAF")
    assert numbers(tmp_path) == [1]
    write(SegmentWriter(tmp_path, reserve_bytes=0), 2)
    assert numbers(tmp_path) == [1, 2]


def test_damage_before_whole_blocks_is_refused_with_its_place(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=0)
    write(writer, 1)
    write(writer, 2)
    path = segment_path(tmp_path, 1)
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 25] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"00000001\.frames is damaged between byte 16 and byte"):
        numbers(tmp_path)


def test_a_file_that_is_no_segment_is_refused(tmp_path: Path) -> None:
    segment_path(tmp_path, 1).write_bytes(b"x" * 100)
    with pytest.raises(DataError, match="does not begin like a segment"):
        numbers(tmp_path)


def test_no_block_is_written_into_the_reserve(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=1_000, disk=Disk(free=lambda _: 1_010))
    with pytest.raises(DiskFull, match="is full"):
        write(writer, 1)
    assert numbers(tmp_path) == []


def test_a_full_disk_leaves_the_blocks_before_it_whole(tmp_path: Path) -> None:
    room = [10_000]

    def write_until_full(fd: int, data: bytes) -> int:
        taken = os.write(fd, bytes(data)[: room[0]])
        room[0] -= taken
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return taken

    writer = SegmentWriter(tmp_path, reserve_bytes=0, disk=Disk(write=write_until_full))
    end = write(writer, 1)
    room[0] = 30
    with pytest.raises(DiskFull, match="No space left on device"):
        write(writer, 2)
    assert numbers(tmp_path) == [1]
    assert segment_path(tmp_path, 1).stat().st_size == end.offset


def test_after_a_refused_block_no_smaller_one_is_written(tmp_path: Path) -> None:
    free = [10_000]
    writer = SegmentWriter(tmp_path, reserve_bytes=0, disk=Disk(free=lambda _: free[0]))
    write(writer, 1)
    for free[0] in (10, 10_000):
        with pytest.raises(DiskFull):
            write(writer, 2)
    assert numbers(tmp_path) == [1]


def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_them_all(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=0, disk=Disk(write=lambda fd, data: os.write(fd, bytes(data)[:7])))
    write(writer, 1, 2, 3)
    assert numbers(tmp_path) == [1, 2, 3]


@given(chunks=st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), max_size=8), size=st.integers(20, 400))
def test_the_log_is_the_frames_whatever_the_segments(tmp_path_factory, chunks: list[list[int]], size: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = SegmentWriter(folder, reserve_bytes=0, segment_bytes=size)
    for chunk in chunks:
        write(writer, *chunk)
    assert numbers(folder) == [n for chunk in chunks for n in chunk]


def segments_of_one_session(folder: Path, count: int) -> None:
    writer = SegmentWriter(folder, reserve_bytes=0, segment_bytes=1)
    for number in range(1, count + 1):
        write(writer, number)


def test_a_missing_segment_in_the_middle_is_refused_by_name(tmp_path: Path) -> None:
    segments_of_one_session(tmp_path, 4)
    segment_path(tmp_path, 3).unlink()
    with pytest.raises(DataError, match=r"00000003\.frames is missing"):
        numbers(tmp_path)


@pytest.mark.parametrize("left", [8, 40])
def test_a_torn_segment_in_the_middle_of_a_session_is_damage(tmp_path: Path, left: int) -> None:
    segments_of_one_session(tmp_path, 3)
    os.truncate(segment_path(tmp_path, 2), left)
    with pytest.raises(DataError, match=r"00000002\.frames is damaged from byte 16 on"):
        numbers(tmp_path)


def test_old_segments_may_be_taken_away(tmp_path: Path) -> None:
    segments_of_one_session(tmp_path, 4)
    segment_path(tmp_path, 1).unlink()
    assert numbers(tmp_path) == [2, 3, 4]


def test_numbers_go_on_after_the_highest_ever_used(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, reserve_bytes=0, after=7)
    assert write(writer, 1).segment == 8
    assert numbers(tmp_path, start=Position(7, 1_000)) == [1]


@pytest.mark.parametrize("start", [Position(1, 10_000), Position(5, 16)])
def test_a_log_that_ends_before_the_tables_is_refused(tmp_path: Path, start: Position) -> None:
    write(SegmentWriter(tmp_path, reserve_bytes=0), 1)
    with pytest.raises(DataError, match="ends before segment"):
        numbers(tmp_path, start=start)


def test_what_was_taken_away_behind_the_tables_is_not_skipped_within_a_session(tmp_path: Path) -> None:
    segments_of_one_session(tmp_path, 3)
    segment_path(tmp_path, 1).unlink()
    with pytest.raises(DataError, match=r"00000001\.frames is missing"):
        numbers(tmp_path, start=Position(1, 50))
