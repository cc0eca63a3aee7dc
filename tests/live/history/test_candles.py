"""Bars of exchanges into a catalog, through the real ccxt classes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arena.errors import ConfigError
from arena.market.catalog import Catalog
from arena.units import MS, SECOND
from live.history.candles import fetch_candles
from live.history.exchanges import EXCHANGES, exchange_named
from live.history.report import FetchLine
from tests.support.fetching import rows, run_job
from tests.venues.exchanges import MINUTE, ExchangeServer, true_bar
from tests.venues.rest import BROKEN, CUT_OFF, NOT_JSON, FakeTime, Fault, too_many

NOW_S = 1_790_000_137.0
NOW_MS = int(NOW_S * 1000)
FORMING = NOW_MS // MINUTE * MINUTE
HOUR = 60 * MINUTE


@pytest.fixture
def time() -> FakeTime:
    return FakeTime(NOW_S)


@pytest.fixture
def server(time: FakeTime) -> Iterator[ExchangeServer]:
    with ExchangeServer(now_ms=lambda: time.wall_ns() // MS, clock=time.clock) as server:
        yield server  # type: ignore[misc]


def fetch(
    catalog: Path, server: ExchangeServer, time: FakeTime, start: int, end: int, venue: str = "coinbase", **how: Any
) -> FetchLine:
    async def work(job: Any) -> Sequence[FetchLine]:
        span = (start * MS, end * MS)
        return await fetch_candles(job, [exchange_named(venue)], ["BTC"], [60], span, base_url=server.url, **how)

    return run_job(catalog, "candles", work, time)[0]


def opens(catalog: Path) -> list[int]:
    return (rows(catalog, "bars").sort("event_ns")["event_ns"] // MS).to_list()


def pages_asked(server: ExchangeServer) -> int:
    return sum("candles" in path or "OHLC" in path or "line" in path for path in server.paths())


@pytest.mark.parametrize("venue", EXCHANGES)
def test_each_exchange_gives_every_minute_once_and_true(
    tmp_path: Path, server: ExchangeServer, time: FakeTime, venue: str
) -> None:
    start, end = FORMING - 11 * HOUR, FORMING - HOUR
    line = fetch(tmp_path / "c", server, time, start, end, venue)
    assert line.refused == ()
    assert (line.wanted, line.held, line.rows, line.absent) == (600, 0, 600, 0)
    bars = rows(tmp_path / "c", "bars").sort("event_ns")
    assert opens(tmp_path / "c") == list(range(start, end, MINUTE))
    first = bars.row(0, named=True)
    assert tuple(first[name] for name in ("open", "high", "low", "close", "volume")) == true_bar(start)
    assert first["recv_ns"] == first["event_ns"] + 60 * SECOND
    exchange = EXCHANGES[venue]
    assert (first["venue"], first["asset"], first["quote"], first["kind"]) == (venue, "BTC", exchange.quote, "trade")


@pytest.mark.parametrize("venue", EXCHANGES)
def test_the_bar_that_still_forms_is_never_stored(
    tmp_path: Path, server: ExchangeServer, time: FakeTime, venue: str
) -> None:
    fetch(tmp_path / "c", server, time, FORMING - 5 * MINUTE, FORMING + HOUR, venue)
    assert opens(tmp_path / "c") == [FORMING - n * MINUTE for n in (5, 4, 3, 2, 1)]


def test_a_bar_is_left_alone_for_some_seconds_after_its_end(tmp_path: Path) -> None:
    time = FakeTime(FORMING / 1000 + 4.0)
    with ExchangeServer(now_ms=lambda: time.wall_ns() // MS) as server:
        fetch(tmp_path / "c", server, time, FORMING - 3 * MINUTE, FORMING)  # type: ignore[arg-type]
    assert opens(tmp_path / "c") == [FORMING - 3 * MINUTE, FORMING - 2 * MINUTE]


def test_running_again_asks_only_for_what_is_new(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    start = FORMING - 4 * HOUR
    fetch(tmp_path / "c", server, time, start, FORMING - HOUR)
    before, asked = Catalog.open(tmp_path / "c").digest("bars"), pages_asked(server)
    line = fetch(tmp_path / "c", server, time, start, FORMING - HOUR)
    assert (line.held, line.rows, pages_asked(server)) == (180, 0, asked)
    assert Catalog.open(tmp_path / "c").digest("bars") == before
    line = fetch(tmp_path / "c", server, time, start, FORMING)
    assert (line.held, line.rows, pages_asked(server)) == (180, 60, asked + 1)


def test_piece_by_piece_is_the_same_catalog_as_at_once(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    start = FORMING - 6 * HOUR
    for lo, hi in ((4, 3), (6, 5), (2, 1), (6, 1)):
        fetch(tmp_path / "pieces", server, time, FORMING - lo * HOUR, FORMING - hi * HOUR)
    fetch(tmp_path / "once", server, time, start, FORMING - HOUR)
    assert Catalog.open(tmp_path / "pieces").digest("bars") == Catalog.open(tmp_path / "once").digest("bars")


def test_minutes_without_a_trade_are_gaps_and_not_bars(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    start = FORMING - 3 * HOUR
    server.absent = {start + n * MINUTE for n in (10, 11, 12, 90)}
    line = fetch(tmp_path / "c", server, time, start, FORMING - HOUR)
    assert (line.rows, line.absent) == (116, 4)
    gaps = rows(tmp_path / "c", "gaps").sort("recv_ns")
    found = gaps.select(pl.col("recv_ns") // MS, pl.col("until_ns") // MS, "stream", "asset", "reason").rows()
    what = ("bars/coinbase/1m", "BTC", "not_served")
    assert found == [
        (start + 10 * MINUTE, start + 13 * MINUTE, *what),
        (start + 90 * MINUTE, start + 91 * MINUTE, *what),
    ]


def test_known_gaps_are_not_asked_for_again_unless_told_to(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    start = FORMING - 3 * HOUR
    server.absent = {start + 10 * MINUTE, start + 11 * MINUTE}
    fetch(tmp_path / "c", server, time, start, FORMING - HOUR)
    asked = pages_asked(server)
    fetch(tmp_path / "c", server, time, start, FORMING - HOUR)
    assert pages_asked(server) == asked
    server.absent = {start + 11 * MINUTE}
    line = fetch(tmp_path / "c", server, time, start, FORMING - HOUR, ask_again=True)
    assert (line.rows, line.absent) == (1, 1)
    assert (rows(tmp_path / "c", "gaps")["recv_ns"] // MS).to_list() == [start + 11 * MINUTE]


def test_a_minute_that_is_only_just_over_may_still_come(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    server.absent = {FORMING - 3 * MINUTE}
    fetch(tmp_path / "c", server, time, FORMING - 5 * MINUTE, FORMING)
    assert rows(tmp_path / "c", "gaps").is_empty()
    server.absent = set()
    line = fetch(tmp_path / "c", server, time, FORMING - 5 * MINUTE, FORMING)
    assert line.rows == 1


def test_an_empty_page_is_believed_when_it_is_said_twice(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    fetch(tmp_path / "c", server, time, FORMING - 3 * HOUR, FORMING - 2 * HOUR)
    server.faults.extend([None, None, None, Fault(instead={"candles": []}), None])
    line = fetch(tmp_path / "c", server, time, FORMING - 3 * HOUR, FORMING - HOUR)
    assert (line.rows, line.absent) == (60, 0)


@pytest.mark.parametrize("fault", [BROKEN, CUT_OFF, NOT_JSON, too_many("3"), too_many()])
def test_passing_faults_cost_time_and_no_bar(
    tmp_path: Path, server: ExchangeServer, time: FakeTime, fault: Fault
) -> None:
    server.faults.extend([fault, None, None, fault, fault, None, fault])
    line = fetch(tmp_path / "c", server, time, FORMING - 11 * HOUR, FORMING - HOUR)
    assert (line.rows, line.refused) == (600, ())


def test_an_error_inside_a_good_reply_is_asked_again(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    server.faults.extend([None, Fault(instead={"error": ["EGeneral:Too many requests"]}), None])
    line = fetch(tmp_path / "c", server, time, FORMING - 2 * HOUR, FORMING - HOUR, "kraken")
    assert (line.rows, line.refused) == (60, ())


@pytest.mark.parametrize("later_s", [0, 600])
def test_a_killed_run_goes_on_from_the_page_in_flight(
    tmp_path: Path, server: ExchangeServer, time: FakeTime, later_s: int
) -> None:
    """Killed after the replies came and before anything was committed: they are not asked for again.

    Nor are they when the following run begins later, as one does that was told "from 21 hours ago".
    """
    start, end = FORMING - 21 * HOUR, FORMING - HOUR

    class Killed(BaseException):
        pass

    async def work(job: Any) -> Sequence[FetchLine]:
        def kill(what: str, done: int, steps: int) -> None:
            if done == 3:
                raise Killed

        object.__setattr__(job, "progress", kill)
        job.store.commit = lambda: None  # nothing reaches the catalog any more, as after kill -9
        await fetch_candles(
            job, [exchange_named("coinbase")], ["BTC"], [60], (start * MS, end * MS), base_url=server.url
        )
        return []

    with pytest.raises(BaseExceptionGroup):
        run_job(tmp_path / "c", "candles", work, time)
    assert rows(tmp_path / "c", "bars").is_empty()
    assert pages_asked(server) == 3
    time.now_s += later_s
    line = fetch(tmp_path / "c", server, time, start + later_s * 1000, end)
    assert line.rows == 1200 - later_s // 60
    assert pages_asked(server) == (5 if later_s == 0 else 6)  # of five; the first one begins elsewhere
    assert not list((tmp_path / "c").rglob("*.part"))


@pytest.mark.parametrize("venue", EXCHANGES)
def test_what_a_killed_run_saw_of_the_forming_bar_is_not_taken_for_the_whole_of_it(
    tmp_path: Path, server: ExchangeServer, time: FakeTime, venue: str
) -> None:
    """Its replies say what was so when they came: bars that ended since then are asked for, and are no gaps."""
    start, end = FORMING - HOUR, FORMING + 3 * HOUR

    async def work(job: Any) -> Sequence[FetchLine]:
        job.store.commit = lambda: None  # killed before anything reached the catalog
        span = (start * MS, end * MS)
        return await fetch_candles(job, [exchange_named(venue)], ["BTC"], [60], span, base_url=server.url)

    run_job(tmp_path / "c", "candles", work, time)
    assert list((tmp_path / "c").rglob("*.part"))
    time.now_s += 7200
    line = fetch(tmp_path / "c", server, time, start, end, venue)
    assert (line.rows, line.absent) == (180, 0)
    assert opens(tmp_path / "c") == list(range(start, start + 3 * HOUR, MINUTE))
    bar = rows(tmp_path / "c", "bars").filter(pl.col("event_ns") == FORMING * MS).row(0, named=True)
    assert tuple(bar[name] for name in ("open", "high", "low", "close", "volume")) == true_bar(FORMING)


def test_an_answer_kept_from_a_killed_run_says_nothing_of_bars_that_came_after_it(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    """A bar that was not there a minute after its end may have come since: it is no gap for ever."""
    start, late = FORMING - HOUR, FORMING - 2 * MINUTE
    server.absent = {late}

    async def work(job: Any) -> Sequence[FetchLine]:
        job.store.commit = lambda: None
        span = (start * MS, FORMING * MS)
        return await fetch_candles(job, [exchange_named("coinbase")], ["BTC"], [60], span, base_url=server.url)

    run_job(tmp_path / "c", "candles", work, time)
    server.absent = set()
    time.now_s += 3600
    assert fetch(tmp_path / "c", server, time, start, FORMING).absent == 0
    assert fetch(tmp_path / "c", server, time, start, FORMING).rows == 1
    assert len(opens(tmp_path / "c")) == 60


def test_a_venue_that_is_down_does_not_stop_the_others(tmp_path: Path, time: FakeTime) -> None:
    with ExchangeServer(now_ms=lambda: time.wall_ns() // MS) as server:
        answer = server.answer
        server.answer = lambda asked: answer(asked) if "brokerage" in asked.path else answer_nothing()  # type: ignore

        async def work(job: Any) -> Sequence[FetchLine]:
            span = ((FORMING - 2 * HOUR) * MS, (FORMING - HOUR) * MS)
            both = [exchange_named("coinbase"), exchange_named("kraken")]
            return await fetch_candles(job, both, ["BTC"], [60], span, base_url=server.url)

        coinbase, kraken = run_job(tmp_path / "c", "candles", work, time)
    assert (coinbase.rows, coinbase.refused) == (60, ())
    assert "404" in kraken.refused[0]


def answer_nothing() -> Any:
    from tests.venues.rest import NotFound

    raise NotFound


def test_a_coin_the_venue_does_not_list_is_refused_by_name(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    async def work(job: Any) -> Sequence[FetchLine]:
        span = ((FORMING - 2 * HOUR) * MS, (FORMING - HOUR) * MS)
        return await fetch_candles(job, [exchange_named("coinbase")], ["HYPE"], [60], span, base_url=server.url)

    assert "does not list HYPE/USD" in run_job(tmp_path / "c", "candles", work, time)[0].refused[0]


def test_kraken_serves_720_bars_and_what_is_older_is_a_gap(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    line = fetch(tmp_path / "c", server, time, FORMING - 20 * HOUR, FORMING, "kraken")
    assert line.wanted == 1200
    assert (line.rows, line.absent) == (719, 481)
    assert pages_asked(server) == 2


def test_no_exchange_is_asked_faster_than_promised(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    fetch(tmp_path / "c", server, time, FORMING - 100 * HOUR, FORMING - HOUR, "coinbase")
    # The three lists of products are asked for at once: how they are spaced is seen in test_pace.
    times = [asked.at_s for asked in server.asked[2:]]
    assert len(times) > 20
    assert min(b - a for a, b in itertools.pairwise(times)) >= 1 / EXCHANGES["coinbase"].rate_per_s - 1e-9


def test_two_different_bars_of_one_minute_are_refused(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    at = str((FORMING - 90 * MINUTE) // 1000)
    bar = {"start": at, "open": "1", "high": "2", "low": "1", "close": "1", "volume": "1"}
    server.faults.extend([None, None, None, Fault(instead={"candles": [bar, bar | {"close": "2"}]})])
    line = fetch(tmp_path / "c", server, time, FORMING - 2 * HOUR, FORMING - HOUR)
    assert "differ" in line.refused[0]


def test_repeated_and_shuffled_bars_of_one_page_are_sorted_out(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    start = FORMING - 2 * HOUR
    names = ("open", "high", "low", "close", "volume")
    page = [
        {"start": str(ms // 1000)} | {n: str(v) for n, v in zip(names, true_bar(ms), strict=True)}
        for ms in [*range(start, start + HOUR, 2 * MINUTE), *range(start, start + HOUR, MINUTE)]
    ]
    server.faults.extend([None, None, None, Fault(instead={"candles": page})])
    assert fetch(tmp_path / "c", server, time, start, start + HOUR).rows == 60
    assert opens(tmp_path / "c") == list(range(start, start + HOUR, MINUTE))


def test_a_bar_off_its_minute_is_refused(tmp_path: Path, server: ExchangeServer, time: FakeTime) -> None:
    bar = {"start": str(FORMING // 1000 - 4007), "open": "1", "high": "2", "low": "1", "close": "1", "volume": "1"}
    server.faults.extend([None, None, None, Fault(instead={"candles": [bar]})])
    assert "no multiple of its length" in fetch(tmp_path / "c", server, time, FORMING - 2 * HOUR, FORMING).refused[0]


def test_every_bar_can_be_traced_to_the_bytes_it_came_from(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    from live.history.journal import read_journal

    fetch(tmp_path / "c", server, time, FORMING - 2 * HOUR, FORMING - HOUR)
    files = list((tmp_path / "c" / "raw" / "rest" / "candles").glob("*.jsonl.gz"))
    replies = [reply for file in files for reply in read_journal(file)]
    candles = [c for reply in replies if "/candles?" in reply.url for c in reply.json()["candles"]]
    closes = {int(c["start"]) * 1000: float(c["close"]) for c in candles}
    for event_ns, close in rows(tmp_path / "c", "bars").select("event_ns", "close").iter_rows():
        assert closes[event_ns // MS] == close


def test_an_unknown_exchange_or_length_is_refused_at_once(
    tmp_path: Path, server: ExchangeServer, time: FakeTime
) -> None:
    with pytest.raises(ConfigError, match="exchanges are coinbase, kraken"):
        exchange_named("mtgox")

    async def work(job: Any) -> Sequence[FetchLine]:
        return await fetch_candles(job, [exchange_named("coinbase")], ["BTC"], [77], (0, 1), base_url=server.url)

    with pytest.raises(ConfigError, match="bars of 77 s"):
        run_job(tmp_path / "c", "candles", work, time)
