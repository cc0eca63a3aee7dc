"""What a person sees."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from arena.errors import ConfigError
from live.recorder.durations import seconds_of
from live.recorder.health import ClockHealth
from live.recorder.status import FeedStatus, Status
from live.recorder.view import line, render, span, title

OKX = FeedStatus("okx", True, 116.5, 3_324, 0.02, 3.0, 3, 1, 0, 0)
GAMMA = FeedStatus("gamma", None, 0.0, 18, 26.2, None, 0, 0, 0, 0)
STATUS = Status(
    elapsed_s=3_725.0, left_s=60.0, feeds=(OKX, GAMMA), frames=31_800, frames_kept=31_751, raw_bytes=512_000,
    rows={"spot": 13_884, "gaps": 3}, behind_s=0.4, disk_free_bytes=74_500_000_000, reserve_bytes=10**9,
    clock=ClockHealth("coinbase", -1.2, 3.0), markets=12, unresolved=6, next_window="btc-updown-5m-1795692900",
    next_open_s=273.0, resolution_s=54.0, worst_stall_ms=12.0, peak_rss_bytes=352_000_000,
)  # fmt: skip


def seen(**changes: Any) -> str:
    console = Console(width=120, record=True, file=StringIO())
    console.print(render(replace(STATUS, **changes), title(["BTC"], ["5m"], "data/x")))
    return console.export_text()


@pytest.mark.parametrize(
    "text",
    ["BTC · 5m windows · data/x", "okx", "116.5", "3,324", "3 ms", "btc-updown-5m-1795692900 in 0:04:33",
     "6 unresolved", "54 s after the close", "spot 13,884", "31,751 frames", "0.4 s behind",
     "1 ms behind coinbase (±3 ms)", "74.5 GB free", "1:02:05", "0:01:00 left"],
)  # fmt: skip
def test_the_view_shows(text: str) -> None:
    assert text in seen()


def test_notices_and_the_last_bad_frame_are_shown_as_they_are() -> None:
    text = seen(notices=("[red]disk[/red] is nearly full",), last_refusal="kraken: [1] is no JSON")
    assert "! [red]disk[/red] is nearly full" in text
    assert "kraken: [1] is no JSON" in text


def test_before_anything_came_nothing_is_invented() -> None:
    text = seen(clock=None, rows={}, next_window=None, resolution_s=None, left_s=None)
    assert "not measured yet" in text
    assert "nothing yet" in text
    assert "until stopped" in text


def test_a_log_gets_one_line() -> None:
    text = line(replace(STATUS, notices=("low disk",)))
    assert "\n" not in text
    for part in ("1/1 feeds up", "31,751 frames", "13,887 rows", "3 gaps", "1 reconnects", "| low disk"):
        assert part in text


def test_times_are_hours_minutes_seconds() -> None:
    assert [span(s) for s in (0.0, 59.9, 3_600.0, 90_061.0)] == ["0:00:00", "0:00:59", "1:00:00", "25:01:01"]


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("90m", 5_400), ("2d", 172_800), ("1h30m", 5_400)])
def test_durations_are_understood(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "24 h", "-1h", "0s", "1y", "1h x"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no duration"):
        seconds_of(text)
