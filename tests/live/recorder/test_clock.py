"""Our clock never steps back; answers of time servers become offsets whose error is bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import DataError
from arena.units import MS, SECOND
from live.feeds.frame import Frame
from live.recorder.clock import TIME_SERVERS, ClockProbe, SteadyClock, check_wall, measured
from live.rest.http import Reply
from tests.live.recorder.loops import run_async

NOW = 1_790_000_000 * SECOND


@given(st.lists(st.tuples(st.integers(-5 * SECOND, 5 * SECOND), st.integers(0, SECOND)), min_size=1))
def test_the_clock_never_steps_back(moves: list[tuple[int, int]]) -> None:
    wall = mono = 0
    clock = SteadyClock(NOW, lambda: NOW + wall, lambda: mono)
    stamps = []
    for step, passed in moves:
        mono += passed
        wall += passed + step
        stamps.append(clock())
    assert stamps == sorted(stamps)
    assert stamps[0] >= NOW


def test_after_a_step_back_time_goes_on_from_where_it_was() -> None:
    wall, mono = (
        [NOW, NOW - 60 * SECOND, NOW - 59 * SECOND, NOW + 5 * SECOND],
        iter([0, 0, SECOND, 2 * SECOND, 9 * SECOND]),
    )
    walls = iter(wall)
    clock = SteadyClock(0, lambda: next(walls), lambda: next(mono))
    assert [clock() - NOW for _ in wall] == [0, SECOND, 2 * SECOND, 5 * SECOND]


def measure(server: str, body: Any, sent_ns: int, recv_ns: int) -> tuple[float, float]:
    return measured(TIME_SERVERS[server], Reply("http://x", 200, sent_ns, recv_ns, json.dumps(body).encode()))


ANSWERS = {
    "polymarket": NOW // SECOND,
    "coinbase": {"iso": "…", "epochSeconds": str(NOW // SECOND), "epochMillis": str(NOW // MS)},
    "binance_us": {"serverTime": NOW // MS},
    "okx": {"code": "0", "msg": "", "data": [{"ts": str(NOW // MS)}]},
    "bybit": {"retCode": 0, "result": {"timeSecond": str(NOW // SECOND), "timeNano": str(NOW)}},
}


@pytest.mark.parametrize("server", TIME_SERVERS)
def test_every_server_is_understood(server: str) -> None:
    offset_ms, round_trip_ms = measure(server, ANSWERS[server], NOW + 100 * MS, NOW + 140 * MS)
    assert offset_ms == pytest.approx(120.0, abs=500.5)
    assert round_trip_ms >= 40.0


@given(
    st.sampled_from(sorted(TIME_SERVERS)),
    st.integers(-(10**10), 10**10),
    st.integers(0, SECOND),
    st.integers(0, SECOND),
)
def test_the_true_offset_lies_within_half_the_round_trip(server: str, true_ns: int, out_ns: int, back_ns: int) -> None:
    theirs = NOW + out_ns
    step = TIME_SERVERS[server].step_ns
    said = theirs - theirs % step
    body = {
        "polymarket": said // SECOND,
        "coinbase": {"epochMillis": str(said // MS)},
        "binance_us": {"serverTime": said // MS},
        "okx": {"data": [{"ts": str(said // MS)}]},
        "bybit": {"result": {"timeNano": str(said)}},
    }[server]
    offset_ms, round_trip_ms = measure(server, body, NOW + true_ns, theirs + back_ns + true_ns)
    assert abs(offset_ms - true_ns / MS) <= round_trip_ms / 2 + 1e-3


@pytest.mark.parametrize("body", [None, [], {}, {"data": []}, {"data": [{"ts": "now"}]}])
def test_an_answer_without_a_time_is_refused(body: Any) -> None:
    with pytest.raises(DataError, match="without a time"):
        measure("okx", body, NOW, NOW)


def test_a_leap_beyond_the_century_is_not_followed() -> None:
    walls, monos = iter([NOW, 2 * NOW + 3 * NOW, NOW + 2 * SECOND]), iter([0, 0, SECOND, 2 * SECOND])
    clock = SteadyClock(9 * 10**18, lambda: next(walls), lambda: next(monos))
    assert [clock() - NOW for _ in range(3)] == [0, SECOND, 2 * SECOND]


@pytest.mark.parametrize("wall_ns", [0, 86_400 * SECOND, 5_000_000_000 * SECOND])
def test_a_clock_nobody_set_is_refused_with_a_sentence(wall_ns: int) -> None:
    with pytest.raises(DataError, match="Set the clock"):
        check_wall(wall_ns)


class OneAnswer:
    """An HTTP client whose every reply came at ``wall_ns``, from a server that has the time ``NOW``."""

    def __init__(self, wall_ns: int) -> None:
        self.reply = Reply("http://x", 200, wall_ns, wall_ns, json.dumps({"serverTime": NOW // MS}).encode())

    async def get(self, *args: Any) -> Reply:
        return self.reply


@pytest.mark.parametrize(("wrong_ns", "stands"), [(0, True), (900 * MS, True), (3_600 * SECOND, False)])
@run_async
async def test_a_clock_that_is_far_off_does_not_say_which_windows_are_open(wrong_ns: int, stands: bool) -> None:
    mono = [0]

    async def sink(frame: Frame) -> None:
        raise StopAsyncIteration

    servers = {"binance_us": TIME_SERVERS["binance_us"]}
    probe = ClockProbe(OneAnswer(NOW + wrong_ns), servers, sink, mono_ns=lambda: mono[0])  # type: ignore[arg-type]
    assert probe.corrected(NOW + wrong_ns) == NOW + wrong_ns
    with pytest.raises(StopAsyncIteration):
        await probe.run()
    mono[0] = 5 * SECOND
    wall = NOW + wrong_ns + 5 * SECOND
    expected = wall if stands else pytest.approx(NOW + 5 * SECOND, abs=MS)
    assert probe.corrected(wall) == expected
