"""Under load no frame is lost: what a venue sent is in the log and in the tables, in order, once."""

from __future__ import annotations

import re
import time
from pathlib import Path

import polars as pl
import pytest

from arena.market.catalog import Catalog
from tests.live.recorder.test_kill import numbers
from tests.live.recorder.town import Firehose, Recorder, Town

PAD_BYTES = 200


def soak(to: Path, rate_per_s: float, seconds: float) -> tuple[int, float, str]:
    """Record a venue in a hurry among ordinary ones; messages it sent, peak memory in MB, and what was printed.

    The peak is that of the whole process, its end included, when the tables are merged.
    """
    hose = Firehose(rate_per_s, PAD_BYTES)
    with Town(every_s=0.2, firehose=hose) as town:
        recorder = Recorder(town, to)
        while not hose.sent:
            assert recorder.process.poll() is None, recorder.wait()
            time.sleep(0.05)
        time.sleep(seconds)
        hose.silent = True
        time.sleep(5.0)  # what is under way arrives
        code, out, err = recorder.stop()
        assert code == 0, out + err
        peak_mb = float(re.search(r"([\d,]+) MB memory", out)[1].replace(",", ""))
    return hose.sent, peak_mb, out


def check(to: Path, sent: int) -> None:
    assert list(numbers(to / "raw")) == list(range(sent))
    spot = Catalog.open(to).scan("spot").filter(pl.col("venue") == "okx")
    assert spot.select(pl.len()).collect().item() == sent


def test_ten_seconds_of_a_thousand_messages(tmp_path: Path) -> None:
    sent, _, _ = soak(tmp_path / "recorded", 1_000, 10)
    check(tmp_path / "recorded", sent)


@pytest.mark.slow
def test_two_minutes_of_five_thousand_messages(tmp_path: Path) -> None:
    sent, peak_mb, out = soak(tmp_path / "recorded", 5_000, 120)
    print(f"sent {sent:,}, peak memory {peak_mb:.0f} MB\n{out}")
    check(tmp_path / "recorded", sent)
    assert peak_mb < 400
