"""The thin clients against servers that speak the venues' formats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arena.errors import ConfigError, DataError
from arena.units import SECOND
from live.rest.clob import CLOB, Clob
from live.rest.data_api import DATA_API, DataApi
from live.rest.deribit import DERIBIT, Deribit
from live.rest.gamma import GAMMA, Gamma, updown_slug
from live.rest.http import Http
from tests.venues.clob import ClobServer
from tests.venues.data_api import DataApiServer, trade
from tests.venues.deribit import DeribitServer
from tests.venues.gamma import GammaServer
from tests.venues.rest import FakeTime, Fault

OPEN_S = 1_790_000_100
MARKET = "0xc0ffee"


def through(use: Callable[[Http], Awaitable[Any]]) -> Any:
    time = FakeTime()

    async def run() -> Any:
        async with Http(rng=np.random.default_rng(7), clock=time.clock, wall_ns=time.wall_ns, sleep=time.sleep) as http:
            return await use(http)

    return asyncio.run(run())


def test_a_window_is_found_by_its_name() -> None:
    with GammaServer() as server:
        server.list_windows("btc", "5m", OPEN_S, 1)
        found = through(lambda http: Gamma(http, replace(GAMMA, url=server.url)).window("BTC", 300, OPEN_S * SECOND))
    assert found["markets"][0]["slug"] == f"btc-updown-5m-{OPEN_S}"
    assert server.paths() == [f"/events/slug/btc-updown-5m-{OPEN_S}"]


def test_a_window_that_is_not_listed_yet_is_none() -> None:
    with GammaServer() as server:
        gone = through(lambda http: Gamma(http, replace(GAMMA, url=server.url)).window("BTC", 300, OPEN_S * SECOND))
    assert gone is None


@pytest.mark.parametrize(("interval_s", "open_s"), [(300, OPEN_S + 1), (3600, OPEN_S)])
def test_a_window_that_cannot_be_is_refused_without_asking(interval_s: int, open_s: int) -> None:
    with pytest.raises(ConfigError):
        updown_slug("BTC", interval_s, open_s * SECOND)


def test_many_windows_come_in_one_request() -> None:
    with GammaServer() as server:
        slugs = server.list_windows("eth", "15m", 1_790_000_100, 50)
        found = through(
            lambda http: Gamma(http, replace(GAMMA, url=server.url)).events([*slugs[:49], "eth-updown-15m-0"])
        )
    assert list(found) == slugs[:49]
    assert [asked.one("closed") for asked in server.asked] == ["true", "false"]


def test_open_and_closed_windows_are_found_whichever_list_they_are_in() -> None:
    with GammaServer(page=2) as server:
        slugs = server.list_windows("eth", "15m", 1_790_000_100, 5)
        slugs += server.list_windows("eth", "15m", 1_790_004_600, 4, resolved=None)
        found = through(lambda http: Gamma(http, replace(GAMMA, url=server.url)).events(slugs))
    assert sorted(found) == sorted(slugs)
    assert set(server.paths()) == {"/events/keyset"}


def test_a_circle_of_lists_is_refused_not_walked() -> None:
    with GammaServer(page=1, circle=True) as server:
        slugs = server.list_windows("eth", "15m", 1_790_000_100, 3)
        with pytest.raises(DataError, match="lead in a circle"):
            through(lambda http: Gamma(http, replace(GAMMA, url=server.url)).events(slugs))
    assert len(server.asked) <= 3


@pytest.mark.parametrize("instead", [{"type": "validation error"}, [1, 2], {"events": [{"id": 7}]}, {"events": 7}])
def test_anything_but_a_list_of_events_is_refused(instead: Any) -> None:
    with GammaServer() as server:
        server.faults.append(Fault(instead=instead))
        with pytest.raises(DataError, match="not answered with a list of events"):
            through(lambda http: Gamma(http, replace(GAMMA, url=server.url)).events(["btc-updown-5m-0"]))


def test_the_clob_gives_markets_parameters_and_books_or_none() -> None:
    with ClobServer() as server:
        tokens = [{"token_id": "11", "outcome": "Up", "price": 1, "winner": True}]
        server.markets[MARKET] = {"condition_id": MARKET, "tokens": tokens}
        server.books["11"] = {"asset_id": "11", "bids": [{"price": "0.46", "size": "40"}], "asks": []}

        async def use(http: Http) -> list[Any]:
            clob = Clob(http, replace(CLOB, url=server.url))
            asked = (clob.market(MARKET), clob.market_info(MARKET), clob.book("11"), clob.market("0x0"), clob.book("0"))
            return [await one for one in asked]

        market, info, book, no_market, no_book = through(use)
    assert market["tokens"][0]["winner"]
    assert (info["fd"]["r"], info["tbf"]) == (0.07, 1000)
    assert book["bids"][0]["price"] == "0.46"
    assert no_market is no_book is None


@pytest.mark.parametrize("instead", [{"error": "x"}, {"history": [{"t": 1}]}, {"history": [{"t": 1, "p": "x"}]}, [1]])
def test_a_history_of_another_form_is_refused(instead: Any) -> None:
    with ClobServer() as server:
        server.faults.append(Fault(instead=instead))
        with pytest.raises(DataError, match="prices-history"):
            through(lambda http: Clob(http, replace(CLOB, url=server.url)).prices_history("11", 0, 10))


def all_trades(server: DataApiServer) -> list[Any]:
    async def use(http: Http) -> list[Any]:
        api = DataApi(http, replace(DATA_API, url=server.url))
        return [row async for page in api.trades(MARKET) for row in page]

    return through(use)


def test_trades_are_walked_by_cursor_to_the_end() -> None:
    with DataApiServer(page=3) as server:
        server.trades[MARKET] = [trade(MARKET, "11", OPEN_S + 9 - n, n) for n in range(7)]
        assert all_trades(server) == server.trades[MARKET]
    assert [asked.params.get("cursor") for asked in server.asked] == [None, ["opaque-3"], ["opaque-6"]]
    assert server.asked[0].one("taker_only") == "true"


def test_a_market_without_trades_is_one_empty_page() -> None:
    with DataApiServer() as server:
        assert all_trades(server) == []


def test_a_circle_of_cursors_is_refused_not_walked() -> None:
    with DataApiServer(page=2, circle=True) as server:
        server.trades[MARKET] = [trade(MARKET, "11", OPEN_S, n) for n in range(5)]
        with pytest.raises(DataError, match="lead in a circle"):
            all_trades(server)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "instead",
    [
        [],
        {"data": []},
        {"data": [7], "pagination": {"has_more": False, "next_cursor": None}},
        {"data": [], "pagination": {"has_more": True, "next_cursor": None}},
        {"data": [], "pagination": {"has_more": False, "next_cursor": "x"}},
        {"data": [], "pagination": {"has_more": True, "next_cursor": ""}},
    ],
)
def test_a_page_whose_envelope_is_wrong_is_refused(instead: Any) -> None:
    with DataApiServer() as server:
        server.faults.append(Fault(instead=instead))
        with pytest.raises(DataError, match="v2/trades"):
            all_trades(server)


def index(server: DeribitServer, start_ms: int, end_ms: int) -> list[Any]:
    return through(
        lambda http: Deribit(http, replace(DERIBIT, url=server.url)).volatility_index("BTC", start_ms, end_ms, 60)
    )


def test_the_index_is_followed_back_by_its_continuation() -> None:
    with DeribitServer(page=4) as server:
        server.index = {60_000 * n: 40.0 + n for n in range(1, 11)}
        candles, _ = index(server, 60_000, 600_000)
    assert [ms for ms, *_ in candles] == [60_000 * n for n in range(1, 11)]
    assert [asked.one("end_timestamp") for asked in server.asked] == ["600000", "420000", "240000"]


def test_a_continuation_that_stands_still_is_refused_not_followed() -> None:
    with DeribitServer(stuck=True) as server:
        server.index = {60_000: 40.0}
        with pytest.raises(DataError, match="the pages would never end"):
            index(server, 0, 120_000)
    assert len(server.asked) == 1


@pytest.mark.parametrize("instead", [[], {"result": {}}, {"result": {"data": [[1, 2]]}}, {"error": {"code": 10028}}])
def test_an_index_of_another_form_is_refused(instead: Any) -> None:
    with DeribitServer() as server:
        server.faults.append(Fault(instead=instead))
        with pytest.raises(DataError, match="get_volatility_index_data"):
            index(server, 0, 1)
