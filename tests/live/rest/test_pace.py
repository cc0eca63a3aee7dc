"""How often a host is asked."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.rest.pace import Bucket, Host
from tests.venues.rest import FakeTime


def send_times(host: Host, pauses: list[float], closed: dict[int, float] | None = None) -> list[float]:
    """When requests go out that come so long after one another; ``closed`` closes the bucket before the n-th."""
    time = FakeTime()
    bucket = Bucket(host, time.clock, time.sleep)

    async def run() -> list[float]:
        sent = []
        for number, pause in enumerate(pauses):
            time.now_s += pause
            if closed and number in closed:
                bucket.close_for(closed[number])
            await bucket.take()
            sent.append(time.now_s)
        return sent

    return asyncio.run(run())


@given(
    rate=st.floats(0.2, 50.0),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0.0, 3.0), min_size=2, max_size=60),
)
def test_no_span_of_time_holds_more_requests_than_the_promise(rate: float, burst: int, pauses: list[float]) -> None:
    sent = send_times(Host("http://x", rate, burst), pauses)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + rate * (sent[last] - sent[first]) + 1e-6


def test_a_rested_bucket_lets_its_burst_go_at_once() -> None:
    assert send_times(Host("http://x", 1.0, 3), [0.0] * 5) == pytest.approx([0.0, 0.0, 0.0, 1.0, 2.0])


def test_a_closed_bucket_sends_nothing_and_then_no_burst() -> None:
    sent = send_times(Host("http://x", 1.0, 3), [0.0] * 4, closed={1: 10.0})
    assert sent == pytest.approx([0.0, 10.0, 11.0, 12.0])


def test_takers_are_served_in_the_order_in_which_they_came() -> None:
    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        bucket = Bucket(Host("http://x", 200.0, 1), loop.time, asyncio.sleep)
        served: list[int] = []

        async def taker(number: int) -> None:
            await bucket.take()
            served.append(number)

        await asyncio.gather(*(taker(n) for n in range(5)))
        return served

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]
