"""Killed at any moment, the recorder loses what came after its last flush, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from arena.market.catalog import Catalog
from live.recorder.feeds import parsers_of
from live.recorder.reparse import reparse
from live.recorder.segments import read_blocks
from tests.live.recorder.logs import digest_of
from tests.live.recorder.town import Firehose, Recorder, Town

RATE_PER_S = 500
FLUSH_S = 0.5
SLACK_S = 1.0
"""What a busy machine may add to the flush interval before the kill counts as a loss of more than it."""

_NUMBER = re.compile(rb'"seqId":(\d+)')


def numbers(raw: Path) -> Iterator[int]:
    """Numbers of the firehose's messages in a log, in its order."""
    for block in read_blocks(raw):
        for frame in block.frames:
            if frame.feed == "okx" and (found := _NUMBER.search(frame.payload)):
                yield int(found[1])


def kill_again_and_again(to: Path, kills: int, rng: np.random.Generator) -> list[int]:
    """Kill recorders at random moments; messages lost per kill. The catalog is opened and checked every time."""
    hose = Firehose(RATE_PER_S)
    sent = []
    with Town(every_s=0.2, firehose=hose) as town:
        for _ in range(kills):
            recorder = Recorder(town, to, "--flush", str(FLUSH_S))
            deadline = time.monotonic() + 60
            first = hose.sent
            while hose.sent < first + 50 and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(float(rng.uniform(0.0, 2.5)))
            sent.append((first, hose.sent))
            recorder.kill()
            Catalog.open(to).verify()
        recorder = Recorder(town, to, "--for", "2s", "--flush", str(FLUSH_S))
        code, out, err = recorder.wait()
        assert code == 0, out + err
    kept = list(numbers(to / "raw"))
    assert kept == sorted(set(kept))
    held = set(kept)
    return [sum(number not in held for number in range(*span)) for span in sent]


def check(to: Path, lost: list[int]) -> None:
    """What is in the log is in the tables, once; they can be made of it again; and not much was lost."""
    assert max(lost) <= RATE_PER_S * (FLUSH_S + SLACK_S), lost
    ours = Catalog.open(to).scan("spot").filter(pl.col("venue") == "okx")
    assert ours.select(pl.len()).collect().item() == len(list(numbers(to / "raw")))
    again = to.parent / "again"
    reparse(to / "raw", again, parsers_of)
    assert digest_of(again) == digest_of(to)


def test_five_kills(tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    check(to, kill_again_and_again(to, 5, np.random.default_rng(5)))
    reasons = Catalog.open(to).scan("gaps").select("reason").unique().collect().to_series().to_list()
    assert "recorder_stopped" in reasons


@pytest.mark.slow
def test_a_hundred_kills(tmp_path: Path) -> None:
    to = tmp_path / "recorded"
    lost = kill_again_and_again(to, 100, np.random.default_rng(100))
    print(f"lost per kill: median {np.median(lost):.0f}, worst {max(lost)} of {RATE_PER_S} messages per second")
    check(to, lost)
