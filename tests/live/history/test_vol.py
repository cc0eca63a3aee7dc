"""Deribit's volatility index into a catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arena.errors import ConfigError, DataError
from arena.market.catalog import Catalog
from arena.units import MS, SECOND
from live.history.report import FetchLine
from live.history.vol import fetch_vol
from live.rest.deribit import DERIBIT
from tests.support.fetching import rows, run_job
from tests.venues.deribit import DeribitServer
from tests.venues.rest import BROKEN, NOT_JSON, FakeTime

MINUTE = 60_000
NOW_S = 1_790_000_137.0
FORMING = int(NOW_S * 1000) // MINUTE * MINUTE


def serve(**how: Any) -> DeribitServer:
    server = DeribitServer(**how)
    server.index = {ms: 40.0 + ms // MINUTE % 30 for ms in range(FORMING - 3000 * MINUTE, FORMING + MINUTE, MINUTE)}
    return server


def fetch(catalog: Path, server: DeribitServer, minutes: int = 2500, step_s: int = 60, **how: Any) -> FetchLine:
    async def work(job: Any) -> Sequence[FetchLine]:
        span = ((FORMING - minutes * MINUTE) * MS, (FORMING + 10 * MINUTE) * MS)
        return await fetch_vol(job, ["BTC"], step_s, span, host=replace(DERIBIT, url=server.url), **how)

    return run_job(catalog, "vol", work, FakeTime(NOW_S))[0]


def test_per_cent_become_fractions_at_the_close_of_their_minute(tmp_path: Path) -> None:
    with serve() as server:
        line = fetch(tmp_path / "c", server)
    assert (line.wanted, line.rows, line.absent) == (2500, 2500, 0)
    first = rows(tmp_path / "c", "implied_vol").sort("event_ns").row(0, named=True)
    opened = FORMING - 2500 * MINUTE
    assert first == {
        "event_ns": (opened + MINUTE) * MS,
        "recv_ns": (opened + MINUTE) * MS,
        "venue": "deribit",
        "asset": "BTC",
        "index": "dvol",
        "value": pytest.approx((40.0 + opened // MINUTE % 30) / 100),
        "source": "deribit",
    }


def test_the_candle_that_still_forms_is_not_stored(tmp_path: Path) -> None:
    with serve() as server:
        fetch(tmp_path / "c", server, minutes=3)
    assert (rows(tmp_path / "c", "implied_vol")["event_ns"].sort() // MS).to_list() == [
        FORMING - 2 * MINUTE,
        FORMING - MINUTE,
        FORMING,
    ]


def test_short_replies_are_followed_by_their_continuation(tmp_path: Path) -> None:
    with serve(page=300) as server:
        assert fetch(tmp_path / "c", server).rows == 2500
    assert len(server.asked) > 8


def test_running_again_asks_for_nothing(tmp_path: Path) -> None:
    with serve() as server:
        fetch(tmp_path / "c", server)
        asked, digest = len(server.asked), Catalog.open(tmp_path / "c").digest()
        line = fetch(tmp_path / "c", server)
    assert (line.held, line.rows, len(server.asked)) == (2500, 0, asked)
    assert Catalog.open(tmp_path / "c").digest() == digest


def test_candles_the_venue_does_not_have_are_gaps(tmp_path: Path) -> None:
    with serve() as server:
        for n in (100, 101, 102):
            del server.index[FORMING - n * MINUTE]
        line = fetch(tmp_path / "c", server)
    assert (line.rows, line.absent) == (2497, 3)
    gap = rows(tmp_path / "c", "gaps").row(0, named=True)
    assert (gap["recv_ns"], gap["until_ns"]) == ((FORMING - 102 * MINUTE) * MS, (FORMING - 99 * MINUTE) * MS)
    assert gap["stream"] == "implied_vol/deribit/dvol/60"


def test_passing_faults_cost_time_and_no_candle(tmp_path: Path) -> None:
    with serve() as server:
        server.faults.extend([BROKEN, None, NOT_JSON, NOT_JSON])
        assert fetch(tmp_path / "c", server).rows == 2500


def test_a_fraction_where_per_cent_were_due_is_refused(tmp_path: Path) -> None:
    with serve() as server:
        server.index = {ms: value / 100 for ms, value in server.index.items()}
        with pytest.raises(DataError, match=r"volatility index of 0\.\d+ .* has the venue changed its unit"):
            fetch(tmp_path / "c", server)


@pytest.mark.parametrize(
    ("asset", "step_s", "sentence"), [("SOL", 60, "index of SOL"), ("BTC", 300, "candles of 300 s")]
)
def test_what_the_venue_does_not_serve_is_refused_at_once(
    tmp_path: Path, asset: str, step_s: int, sentence: str
) -> None:
    async def work(job: Any) -> Sequence[FetchLine]:
        return await fetch_vol(job, [asset], step_s, (0, SECOND))

    with pytest.raises(ConfigError, match=sentence):
        run_job(tmp_path / "c", "vol", work, FakeTime())
