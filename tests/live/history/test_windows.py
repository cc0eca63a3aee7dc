"""Up/down windows into a catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arena.errors import ConfigError, DataError
from arena.market.catalog import Catalog
from arena.market.schema import WINDOWS
from arena.units import SECOND
from live.history.report import FetchLine
from live.history.windows import fetch_windows
from live.rest.gamma import GAMMA
from tests.support.fetching import rows, run_job
from tests.venues.gamma import GammaServer, event
from tests.venues.rest import BROKEN, CUT_OFF, FakeTime, Fault

FIRST_S = 1_790_010_000
"""Where a request's worth of windows begins."""
SPAN = (FIRST_S * SECOND, (FIRST_S + 120 * 300) * SECOND)


def fetch(
    catalog: Path, server: GammaServer, span: tuple[int, int] = SPAN, wall_s: float = FIRST_S + 86_400 * 3, **how: Any
) -> FetchLine:
    async def work(job: Any) -> Sequence[FetchLine]:
        return await fetch_windows(job, ["BTC"], [300], span, host=replace(GAMMA, url=server.url), **how)

    return run_job(catalog, "windows", work, FakeTime(wall_s))[0]


def test_windows_come_in_batches_with_their_outcomes(tmp_path: Path) -> None:
    with GammaServer() as server:
        slugs = server.list_windows("btc", "5m", FIRST_S, 120)
        line = fetch(tmp_path / "c", server)
    assert (line.wanted, line.held, line.rows, line.absent, line.refused) == (120, 0, 120, 0, ())
    assert len(server.asked) == 3
    found = rows(tmp_path / "c", "windows").sort("open_ns")
    assert found["market_id"].to_list() == slugs
    assert found["outcome"].unique().to_list() == ["up"]


def test_running_again_asks_only_for_windows_that_are_not_complete(tmp_path: Path) -> None:
    with GammaServer() as server:
        slugs = server.list_windows("btc", "5m", FIRST_S, 120)
        server.events[slugs[7]] = event(slugs[7], resolved=None)
        fetch(tmp_path / "c", server)
        asked = len(server.asked)
        server.events[slugs[7]] = event(slugs[7], resolved="Down")
        line = fetch(tmp_path / "c", server)
        assert (line.held, line.rows) == (119, 1)
        assert all(a.params["slug"] == [slugs[7]] for a in server.asked[asked:])
        digest = Catalog.open(tmp_path / "c").digest()
        assert fetch(tmp_path / "c", server).rows == 0
    outcomes = rows(tmp_path / "c", "windows").sort("open_ns")["outcome"].to_list()
    assert (outcomes[7], set(outcomes[:7] + outcomes[8:])) == ("down", {"up"})
    assert len(outcomes) == 120
    assert Catalog.open(tmp_path / "c").digest() == digest


def test_a_final_price_that_is_late_is_waited_for_a_day(tmp_path: Path) -> None:
    span = (FIRST_S * SECOND, (FIRST_S + 300) * SECOND)
    with GammaServer() as server:
        (slug,) = server.list_windows("btc", "5m", FIRST_S, 1)
        server.events[slug]["eventMetadata"].pop("finalPrice")
        fetch(tmp_path / "c", server, span, wall_s=FIRST_S + 600)
        assert fetch(tmp_path / "c", server, span, wall_s=FIRST_S + 3600).rows == 1
        assert fetch(tmp_path / "c", server, span, wall_s=FIRST_S + 90_000).held == 1
        server.list_windows("btc", "5m", FIRST_S, 1)
        assert fetch(tmp_path / "c", server, span, wall_s=FIRST_S + 7200).rows == 1
    assert rows(tmp_path / "c", "windows")["settle_price"].to_list() == [100_000.5]


def test_what_the_recorder_saw_and_the_venue_no_longer_says_stays(tmp_path: Path) -> None:
    with GammaServer() as server:
        (slug,) = server.list_windows("btc", "5m", FIRST_S, 1, resolved=None)
        span = (FIRST_S * SECOND, (FIRST_S + 300) * SECOND)
        fetch(tmp_path / "c", server, span)
        server.events[slug] = event(slug, resolved="Up", feeSchedule=None)
        fetch(tmp_path / "c", server, span)
    row = rows(tmp_path / "c", "windows").row(0, named=True)
    assert (row["tick_size"], row["fee_rate"], row["outcome"]) == (0.01, 0.07, "up")


def test_windows_the_venue_does_not_list_are_counted(tmp_path: Path) -> None:
    with GammaServer() as server:
        server.list_windows("btc", "5m", FIRST_S, 50)
        line = fetch(tmp_path / "c", server)
    assert (line.wanted, line.rows, line.absent) == (120, 50, 70)


def test_one_market_that_contradicts_itself_does_not_stop_the_others(tmp_path: Path) -> None:
    with GammaServer() as server:
        slugs = server.list_windows("btc", "5m", FIRST_S, 120)
        server.events[slugs[3]] = event(slugs[3], version="v9")
        line = fetch(tmp_path / "c", server)
    assert line.rows == 119
    assert len(line.refused) == 1
    assert slugs[3] in line.refused[0]
    assert "v9" in line.refused[0]


@pytest.mark.parametrize("fault", [BROKEN, CUT_OFF])
def test_passing_faults_cost_time_and_no_window(tmp_path: Path, fault: Fault) -> None:
    with GammaServer() as server:
        server.list_windows("btc", "5m", FIRST_S, 120)
        server.faults.extend([fault, None, fault, fault])
        assert fetch(tmp_path / "c", server).rows == 120


def test_a_venue_that_stops_answering_leaves_what_came_before(tmp_path: Path) -> None:
    with GammaServer() as server:
        server.list_windows("btc", "5m", FIRST_S, 120)
        server.faults.extend([None, None, *[BROKEN] * 6])  # two batches of closed windows, then nothing
        with pytest.raises(DataError, match="run the same command again"):
            fetch(tmp_path / "c", server)
        assert rows(tmp_path / "c", "windows").height == 100
        assert fetch(tmp_path / "c", server).rows == 20


def test_a_window_of_a_length_the_venue_does_not_have_is_refused(tmp_path: Path) -> None:
    async def work(job: Any) -> Sequence[FetchLine]:
        return await fetch_windows(job, ["BTC"], [60], SPAN)

    with pytest.raises(ConfigError, match="no up/down windows of 60 s"):
        run_job(tmp_path / "c", "windows", work, FakeTime())


def test_what_a_killed_run_was_told_of_a_living_window_is_asked_again(tmp_path: Path) -> None:
    span = (FIRST_S * SECOND, (FIRST_S + 300) * SECOND)
    with GammaServer() as server:
        (slug,) = server.list_windows("btc", "5m", FIRST_S, 1, resolved=None)

        async def killed(job: Any) -> Sequence[FetchLine]:
            job.store.commit = lambda: None
            return await fetch_windows(job, ["BTC"], [300], span, host=replace(GAMMA, url=server.url))

        run_job(tmp_path / "c", "windows", killed, FakeTime(FIRST_S + 100))
        server.events[slug] = event(slug, resolved="Up")
        fetch(tmp_path / "c", server, span)
    assert rows(tmp_path / "c", "windows")["outcome"].to_list() == ["up"]


def test_rows_are_of_the_table(tmp_path: Path) -> None:
    with GammaServer() as server:
        server.list_windows("btc", "5m", FIRST_S, 1)
        fetch(tmp_path / "c", server)
    assert rows(tmp_path / "c", "windows").schema == WINDOWS.schema
