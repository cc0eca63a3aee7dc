"""The archive of raw replies."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import DataError
from live.history.journal import Journal, read_journal
from live.rest.http import Reply

REPLIES = st.builds(
    Reply,
    st.text(max_size=30),
    st.integers(100, 599),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.binary(max_size=80),
)


def journal(folder: Path) -> Journal:
    return Journal(folder, "candles", lambda: 1_790_000_000 * 10**9)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "raw" / "rest" / "candles").glob("*.gz*"))


@given(replies=st.lists(REPLIES, min_size=1, max_size=5))
def test_what_was_kept_is_read_back_to_the_byte(tmp_path_factory: pytest.TempPathFactory, replies: list[Reply]) -> None:
    folder = tmp_path_factory.mktemp("j")
    writer = journal(folder)
    for reply in replies:
        writer.keep(reply)
    writer.seal()
    assert list(read_journal(files(folder)[0])) == replies


def test_a_sealed_file_is_gzipped_json_lines_that_any_tool_reads(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    for n in range(3):
        writer.keep(Reply(f"http://x/{n}?a=1", 200, 1, 2, b'{"p":0.5}'))
    writer.seal()
    assert files(tmp_path)[0].name == "20260921T141320Z-0000.jsonl.gz"
    with gzip.open(files(tmp_path)[0], "rt") as stream:
        lines = [json.loads(line) for line in stream]
    assert lines[2] == {"url": "http://x/2?a=1", "status": 200, "sent_ns": 1, "recv_ns": 2, "body": '{"p":0.5}'}


def test_replies_of_a_killed_run_are_held_for_the_next_and_bad_ones_are_not(tmp_path: Path) -> None:
    killed = journal(tmp_path)
    killed.keep(Reply("http://x/a", 200, 1, 2, b"1"))
    killed.keep(Reply("http://x/a", 500, 3, 4, b"no"))
    killed.keep(Reply("http://x/a", 200, 5, 6, b"2"))
    killed.close()
    following = journal(tmp_path)
    assert [reply.body for reply in following.held["http://x/a"]] == [b"1", b"2"]
    following.seal()
    following.close()
    assert journal(tmp_path).held == {}
    assert [path.name for path in files(tmp_path)] == ["20260921T141320Z-0000.jsonl.gz"]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_cut_off_by_a_kill_is_left_out_and_those_before_are_there(tmp_path: Path, cut: int) -> None:
    writer = journal(tmp_path)
    writer.keep(Reply("http://x/a", 200, 1, 2, b"whole"))
    writer.keep(Reply("http://x/b", 200, 3, 4, b"cut off"))
    writer.close()
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-cut])
    assert [reply.body for reply in read_journal(path)] == [b"whole"]


def test_a_file_damaged_before_its_end_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(b"not gzip at all")
    with pytest.raises(DataError, match=r"x\.jsonl\.gz is damaged"):
        list(read_journal(path))


def test_two_files_of_one_second_have_two_names(tmp_path: Path) -> None:
    for _ in range(2):
        writer = journal(tmp_path)
        writer.keep(Reply("http://x/a", 200, 1, 2, b"1"))
        writer.seal()
        writer.close()
    assert len(files(tmp_path)) == 2


def test_two_runs_of_one_job_do_not_take_each_others_files(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.keep(Reply("http://x/a", 200, 1, 2, b"1"))
    with pytest.raises(DataError, match="Another run of this fetch"):
        journal(tmp_path)
    first.close()
    assert journal(tmp_path).held
