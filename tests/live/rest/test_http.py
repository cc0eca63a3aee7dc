"""The polite client against a server that fails by script, over real sockets."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import numpy as np
import pytest

from live.rest.http import RESTART_PATIENCE, Http, NoAnswer, Reply
from live.rest.pace import Host
from tests.venues.rest import (
    BROKEN,
    CUT_OFF,
    HUNG_UP,
    NOT_JSON,
    RESTARTING,
    Asked,
    FakeTime,
    Fault,
    VenueServer,
    too_many,
)


class Echo(VenueServer):
    def answer(self, asked: Asked) -> Any:
        return {"path": asked.path, "long": "x" * 2000}


def ask(faults: list[Fault | None], times: int = 1, rate: float = 10.0, **how: Any) -> tuple[list[Any], Echo, FakeTime]:
    time = FakeTime()
    with Echo(clock=time.clock) as server:
        server.faults.extend(faults)

        async def run() -> list[Any]:
            given = {"rng": np.random.default_rng(7), "clock": time.clock, "wall_ns": time.wall_ns, "sleep": time.sleep}
            async with Http(**(given | how)) as http:
                return [(await http.get(Host(server.url, rate), f"/{n}")).json() for n in range(times)]

        return asyncio.run(run()), server, time  # type: ignore[return-value]


@pytest.mark.parametrize("fault", [BROKEN, Fault(503), Fault(408), CUT_OFF, HUNG_UP, NOT_JSON, too_many(), RESTARTING])
def test_a_passing_fault_is_asked_again(fault: Fault) -> None:
    answers, server, _ = ask([fault, fault, None])
    assert answers[0]["path"] == "/0"
    assert len(server.asked) == 3


def test_silence_is_given_up_and_asked_again() -> None:
    answers, server, _ = ask([Fault(silence_s=5.0), None], timeout_s=0.2)
    assert answers[0]["path"] == "/0"
    assert len(server.asked) == 2


def test_too_many_requests_waits_as_long_as_told() -> None:
    _, server, _ = ask([too_many("7"), None])
    assert 7.0 <= server.asked[1].at_s - server.asked[0].at_s < 7.5


def test_an_http_date_says_how_long_to_wait_too() -> None:
    # The wall clock stands at 2026-09-21 14:13:20.
    _, server, _ = ask([too_many("Mon, 21 Sep 2026 14:13:50 GMT"), None])
    assert 30.0 <= server.asked[1].at_s - server.asked[0].at_s < 31.0


def test_one_told_to_stay_away_for_long_gives_up_and_says_so() -> None:
    with pytest.raises(NoAnswer, match=r"stay away for 3600 s\. What came before is kept"):
        ask([too_many("3600")])


def test_whoever_asks_next_waits_as_long_as_the_venue_said() -> None:
    time = FakeTime()
    with Echo(clock=time.clock) as server:
        server.faults.append(too_many("600"))

        async def run() -> None:
            given = {"rng": np.random.default_rng(7), "clock": time.clock, "wall_ns": time.wall_ns, "sleep": time.sleep}
            async with Http(**given) as http:  # type: ignore[arg-type]
                with pytest.raises(NoAnswer):
                    await http.get(Host(server.url, 10.0), "/a")
                await http.get(Host(server.url, 10.0), "/b")

        asyncio.run(run())
        assert server.asked[1].at_s - server.asked[0].at_s >= 600.0


def test_a_refused_burst_holds_back_every_request_to_that_host() -> None:
    time = FakeTime()
    with Echo(clock=time.clock) as server:
        server.faults.extend([too_many("20"), None, None])

        async def run() -> None:
            async with Http(
                rng=np.random.default_rng(7), clock=time.clock, wall_ns=time.wall_ns, sleep=time.sleep
            ) as http:
                await http.get(Host(server.url, 1.0), "/a")
                await http.get(Host(server.url, 1.0), "/b")

        asyncio.run(run())
        assert [asked.path for asked in server.asked] == ["/a", "/a", "/b"]
        assert all(asked.at_s >= 20.0 for asked in server.asked[1:])


def test_a_restarting_engine_is_waited_for_in_long_pauses() -> None:
    # A restart answers 425 for about 90 s: more attempts than any other fault is granted.
    answers, server, time = ask([RESTARTING] * 8, attempts=3)
    assert answers[0]["path"] == "/0"
    pauses = np.diff([asked.at_s for asked in server.asked])
    assert (pauses >= 15.0).all()
    assert time.now_s >= 120.0


def test_an_engine_that_never_comes_back_is_given_up() -> None:
    with pytest.raises(NoAnswer, match="HTTP 425"):
        ask([RESTARTING] * (RESTART_PATIENCE + 1))


def test_giving_up_names_the_address_the_failure_and_what_to_do() -> None:
    with pytest.raises(NoAnswer) as error:
        ask([BROKEN] * 9, attempts=4)
    text = str(error.value)
    assert "/0 failed 4 times, the last time with: HTTP 500" in text
    assert "run the same command again" in text


def test_pauses_grow_and_are_jittered() -> None:
    _, server, time = ask([BROKEN] * 4, attempts=5)
    pauses = np.diff([asked.at_s for asked in server.asked])
    for pause, first in zip(pauses, (0.5, 1.0, 2.0, 4.0), strict=True):
        assert first <= pause <= 1.5 * first
    assert len({pause % 0.25 for pause in time.slept}) > 1


def test_our_own_mistake_is_not_repeated() -> None:
    time = FakeTime()
    with Echo(clock=time.clock) as server:
        server.faults.append(Fault(400, body=b'{"error":"bad slug"}'))

        async def run() -> None:
            async with Http(rng=np.random.default_rng(7), sleep=time.sleep) as http:
                await http.get(Host(server.url, 10.0), "/a", {"slug": ["x", "y"], "closed": True})

        with pytest.raises(NoAnswer, match=r"/a\?slug=x&slug=y&closed=true was refused: HTTP 400 .*bad slug"):
            asyncio.run(run())
        assert len(server.asked) == 1


def test_not_found_is_an_answer() -> None:
    time = FakeTime()
    with VenueServer() as server:

        async def run() -> Reply:
            async with Http(rng=np.random.default_rng(7), sleep=time.sleep) as http:
                return await http.get(Host(server.url, 10.0), "/a")

        assert not asyncio.run(run()).found


def test_a_host_is_never_asked_faster_than_promised_whatever_fails() -> None:
    faults = [BROKEN, None, NOT_JSON, None, None, too_many(), None, CUT_OFF] * 3
    _, server, _ = ask(faults, times=12, rate=2.0)
    assert (np.diff([asked.at_s for asked in server.asked]) >= 0.5 - 1e-9).all()


def test_every_reply_is_kept_with_its_bytes_and_times() -> None:
    kept: list[Reply] = []
    ask([BROKEN, NOT_JSON, HUNG_UP, None], keep=kept.append)
    assert [reply.status for reply in kept] == [500, 200, 200]
    assert kept[1].body == b"<html>maintenance</html>"
    assert all(reply.recv_ns >= reply.sent_ns > 0 for reply in kept)


def test_a_check_can_call_an_answer_wrong_and_is_asked_again() -> None:
    wrong = Fault(instead={"error": ["EGeneral:Internal error"]})
    time = FakeTime()
    with Echo(clock=time.clock) as server:
        server.faults.extend([wrong, None])

        async def run() -> Any:
            async with Http(rng=np.random.default_rng(7), sleep=time.sleep) as http:
                check = lambda reply: "an error inside" if b"error" in reply.body else None  # noqa: E731
                return (await http.get(Host(server.url, 10.0), "/a", check=check)).json()

        assert asyncio.run(run())["path"] == "/a"
        assert len(server.asked) == 2


def test_held_replies_are_given_once_more_and_then_the_venue_is_asked() -> None:
    time = FakeTime()
    with Echo(clock=time.clock) as server:
        url = f"{server.url}/a"
        held = {url: deque([Reply(url, 200, 1, 2, b'{"path":"before"}'), Reply(url, 200, 3, 4, b'{"path":"later"}')])}

        async def run() -> list[str]:
            async with Http(rng=np.random.default_rng(7), sleep=time.sleep, held=held) as http:
                return [(await http.get(Host(server.url, 10.0), "/a")).json()["path"] for _ in range(3)]

        assert asyncio.run(run()) == ["before", "later", "/a"]
        assert len(server.asked) == 1
