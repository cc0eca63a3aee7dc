"""Price histories and trades, market by market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import Catalog
from arena.units import SECOND
from live.history.prices import fetch_prices
from live.history.report import FetchLine
from live.history.trades import fetch_trades
from live.history.windows import fetch_windows
from live.rest.clob import CLOB
from live.rest.data_api import DATA_API
from live.rest.gamma import GAMMA
from tests.support.fetching import rows, run_job
from tests.venues.clob import ClobServer
from tests.venues.data_api import DataApiServer, trade
from tests.venues.gamma import GammaServer
from tests.venues.rest import BROKEN, FakeTime, Fault, VenueServer

FIRST_S = 1_790_000_100
SPAN = (FIRST_S * SECOND, (FIRST_S + 4 * 300) * SECOND)
LATER_S = FIRST_S + 86_400


def condition(window: int) -> str:
    return f"0x{FIRST_S + 300 * window:064x}"


def token(window: int, side: str) -> str:
    return f"{'1' if side == 'up' else '2'}{FIRST_S + 300 * window}"


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalog with four windows."""
    with GammaServer() as server:
        server.list_windows("btc", "5m", FIRST_S, 4)

        async def work(job: Any) -> Sequence[FetchLine]:
            return await fetch_windows(job, ["BTC"], [300], SPAN, host=replace(GAMMA, url=server.url))

        run_job(tmp_path / "c", "windows", work, FakeTime(LATER_S))
    return tmp_path / "c"


def fetch(catalog: Path, job_name: str, server: VenueServer, wall_s: float = LATER_S, **how: Any) -> FetchLine:
    async def work(job: Any) -> Sequence[FetchLine]:
        if job_name == "prices":
            hosts = {"host": replace(CLOB, url=server.url), "data_host": replace(DATA_API, url=server.url)}
            return await fetch_prices(job, ["BTC"], [300], SPAN, **hosts, **how)
        return await fetch_trades(job, ["BTC"], [300], SPAN, host=replace(DATA_API, url=server.url), **how)

    return run_job(catalog, job_name, work, FakeTime(wall_s))[0]


def price_server() -> ClobServer:
    server = ClobServer()
    for window in range(4):
        opened = FIRST_S + 300 * window
        server.histories[token(window, "up")] = [(opened + 60 * n, 0.5 + n / 100) for n in range(6)]
        server.histories[token(window, "down")] = [(opened + 60 * n, 0.5 - n / 100) for n in range(1, 6)]
    return server


def trade_server(**how: Any) -> DataApiServer:
    server = DataApiServer(**how)
    for window in range(4):
        opened = FIRST_S + 300 * window
        server.trades[condition(window)] = [
            trade(condition(window), token(window, "up" if n % 2 else "down"), opened + 290 - n, n) for n in range(10)
        ]
    return server


def test_both_tokens_prices_stand_in_one_row_of_their_second(catalog: Path) -> None:
    with price_server() as server:
        line = fetch(catalog, "prices", server)
    assert (line.wanted, line.rows) == (4, 24)
    marks = rows(catalog, "marks").sort("market_id", "recv_ns")
    assert marks.select("yes_price", "no_price").rows()[:3] == [(0.5, None), (0.51, 0.49), (0.52, 0.48)]
    assert marks["event_ns"][0] == FIRST_S * SECOND
    assert set(marks["price_kind"]) == {"history"}


def test_a_price_that_stands_for_its_minute_is_known_when_the_minute_is_over(catalog: Path) -> None:
    with price_server() as server:
        fetch(catalog, "prices", server)
    marks = rows(catalog, "marks")
    assert (marks["recv_ns"] - marks["event_ns"]).unique().to_list() == [60 * SECOND]


def test_what_the_clob_has_forgotten_is_asked_of_the_data_api(catalog: Path) -> None:
    with price_server() as server:
        for side in ("up", "down"):
            del server.histories[token(0, side)]
        server.kept[token(0, "up")] = [(FIRST_S, 0.52, 300), (FIRST_S + 290, 0.9, 0)]
        line = fetch(catalog, "prices", server)
    assert (line.rows, line.absent) == (20, 0)
    first = rows(catalog, "marks").filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}").sort("event_ns")
    assert first.select("yes_price", "no_price").rows() == [(0.52, None), (0.9, None)]
    assert ((first["recv_ns"] - first["event_ns"]) // SECOND).to_list() == [300, 60]


def test_a_history_of_the_data_api_is_followed_page_by_page(catalog: Path) -> None:
    with price_server() as server:
        del server.histories[token(0, "up")]
        server.kept[token(0, "up")] = [(FIRST_S + 60 * n, 0.3 + n / 100, 60) for n in range(5)]
        server.kept_page = 2
        fetch(catalog, "prices", server)
    first = rows(catalog, "marks").filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}").sort("event_ns")
    assert first["yes_price"].drop_nulls().to_list() == pytest.approx([0.3, 0.31, 0.32, 0.33, 0.34])


@pytest.mark.parametrize("job_name", ["prices", "trades"])
def test_a_market_is_fetched_once(catalog: Path, job_name: str) -> None:
    with price_server() if job_name == "prices" else trade_server() as server:
        first = fetch(catalog, job_name, server)
        asked, digest = len(server.asked), Catalog.open(catalog).digest()
        again = fetch(catalog, job_name, server)
        assert (again.held, again.rows, len(server.asked)) == (4, 0, asked)
    assert first.rows > 0
    assert Catalog.open(catalog).digest() == digest


@pytest.mark.parametrize("job_name", ["prices", "trades"])
def test_a_market_without_data_is_a_gap_and_asked_again_only_when_told(catalog: Path, job_name: str) -> None:
    with price_server() if job_name == "prices" else trade_server() as server:
        kept = dict(server.histories if job_name == "prices" else server.trades)  # type: ignore[attr-defined]
        (server.histories if job_name == "prices" else server.trades).clear()  # type: ignore[attr-defined]
        assert fetch(catalog, job_name, server).absent == 4
        asked = len(server.asked)
        assert fetch(catalog, job_name, server).held == 4
        assert len(server.asked) == asked
        (server.histories if job_name == "prices" else server.trades).update(kept)  # type: ignore[attr-defined]
        assert fetch(catalog, job_name, server, ask_again=True).rows > 0
    assert rows(catalog, "gaps").is_empty()


@pytest.mark.parametrize("job_name", ["prices", "trades"])
def test_a_market_that_is_hardly_over_is_left_for_later(catalog: Path, job_name: str) -> None:
    with price_server() if job_name == "prices" else trade_server() as server:
        line = fetch(catalog, job_name, server, wall_s=FIRST_S + 600 + 901)
    assert line.wanted == 2


def test_one_unreadable_history_does_not_stop_the_others(catalog: Path) -> None:
    with price_server() as server:
        server.histories[token(1, "up")] = [(FIRST_S + 301, 1.7)]
        server.histories[token(2, "up")] = [(FIRST_S + 601, 0.5), (FIRST_S + 601, 0.6)]
        line = fetch(catalog, "prices", server)
    assert line.rows == 12
    assert "no price of a share" in line.refused[0]
    assert "two prices at second" in line.refused[1]


def test_points_out_of_order_repeated_or_outside_the_window_are_sorted_out(catalog: Path) -> None:
    with price_server() as server:
        points = server.histories[token(0, "up")]
        server.histories[token(0, "up")] = [*points[::-1], points[2]]
        instead = {"history": [{"t": FIRST_S - 60, "p": 0.1}, {"t": FIRST_S, "p": 0.5}, {"t": FIRST_S + 999, "p": 0.9}]}
        server.faults.append(None)
        server.faults.append(Fault(instead=instead))
        fetch(catalog, "prices", server)
    first = rows(catalog, "marks").filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}").sort("recv_ns")
    assert first["yes_price"].to_list() == [0.5 + n / 100 for n in range(6)]
    assert first["no_price"].to_list() == [0.5, None, None, None, None, None]


def test_a_venue_that_stops_answering_leaves_whole_markets(catalog: Path) -> None:
    with trade_server(page=3) as server:
        server.faults.extend([*[None] * 5, *[BROKEN] * 6])
        with pytest.raises(DataError, match="failed 6 times"):
            fetch(catalog, "trades", server)
        assert rows(catalog, "binary_trades").group_by("market_id").len()["len"].to_list() == [10]
        assert fetch(catalog, "trades", server).rows == 30


def test_trades_become_prints_and_fills_of_the_takers(catalog: Path) -> None:
    with trade_server() as server:
        fetch(catalog, "trades", server)
    prints = rows(catalog, "binary_trades").sort("market_id", "recv_ns")
    fills = rows(catalog, "wallet_fills")
    assert prints.height == fills.height == 40
    newest = prints.filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}").row(-1, named=True)
    assert (newest["token"], newest["price"], newest["size"], newest["taker_side"]) == ("down", 0.62, 10.0, "buy")
    assert newest["event_ns"] == (FIRST_S + 290) * SECOND
    fill = fills.filter(pl.col("tx_hash") == newest["tx_hash"]).row(0, named=True)
    assert (fill["wallet"], fill["side"], fill["usd"]) == ("0xab" + "0" * 38, "buy", pytest.approx(6.2))


def test_a_block_second_is_known_when_it_is_over(catalog: Path) -> None:
    with trade_server() as server:
        fetch(catalog, "trades", server)
    prints = rows(catalog, "binary_trades")
    assert (prints["recv_ns"] - prints["event_ns"]).unique().to_list() == [SECOND]


def test_equal_fills_of_one_page_are_all_kept(catalog: Path) -> None:
    with trade_server(page=10) as server:
        server.trades[condition(0)] = [trade(condition(0), token(0, "up"), FIRST_S + 5, 1) for _ in range(3)]
        fetch(catalog, "trades", server)
    first = rows(catalog, "binary_trades").filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}")
    assert first["seq"].sort().to_list() == [0, 1, 2]


@pytest.mark.parametrize("overlap", [2, 3])
def test_a_run_of_rows_that_a_page_repeats_is_kept_once(catalog: Path, overlap: int) -> None:
    with trade_server(page=4, overlap=overlap) as server:
        assert fetch(catalog, "trades", server).rows == 40


@pytest.mark.parametrize("equal", [1, 2, 3])
def test_equal_fills_on_both_sides_of_a_page_edge_are_all_kept(catalog: Path, equal: int) -> None:
    fills = [trade(condition(0), token(0, "up"), FIRST_S + 250, n) for n in range(12)]
    again = [trade(condition(0), token(0, "up"), FIRST_S + 250, 99)] * equal
    with trade_server(page=6) as server:
        server.trades[condition(0)] = [*fills[: 6 - equal], *again, *again, *fills[6:]]
        fetch(catalog, "trades", server)
    first = rows(catalog, "binary_trades").filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}")
    assert first.height == 12 + equal
    assert first.filter(pl.col("tx_hash") == again[0]["transaction_hash"]).height == 2 * equal


def test_an_empty_last_page_is_the_end_of_the_trades(catalog: Path) -> None:
    with trade_server(page=5, trailing=True) as server:
        line = fetch(catalog, "trades", server)
    assert (line.rows, line.refused) == (40, ())


def test_rows_out_of_order_are_stored_in_order(catalog: Path) -> None:
    with trade_server(page=4) as server:
        server.trades[condition(0)] = [server.trades[condition(0)][n] for n in (3, 9, 1, 0, 8, 2, 7, 4, 6, 5)]
        fetch(catalog, "trades", server)
    first = rows(catalog, "binary_trades").filter(pl.col("market_id") == f"btc-updown-5m-{FIRST_S}")
    assert first["recv_ns"].is_sorted()
    assert first.height == 10


@pytest.mark.parametrize("how", [{"stuck": True}, {"circle": True}])
def test_pages_that_never_end_are_refused_and_the_walk_stops(catalog: Path, how: dict[str, bool]) -> None:
    with trade_server(page=3, **how) as server:
        line = fetch(catalog, "trades", server)
    assert line.rows == 0
    assert len(line.refused) == 4
    assert len(server.asked) == 8
    assert rows(catalog, "binary_trades").is_empty()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"token_id": "999"}, "none of the market's"),
        ({"condition_id": "0xother"}, "of another market"),
        ({"outcome": "Down"}, "names an outcome that is not its token's"),
        ({"side": "HOLD"}, "neither buy nor sell"),
        ({"price": 1.2}, "no price of a share"),
        ({"size": 0.0}, "has no size"),
        ({"timestamp": 1_790_000_000_000}, "a time outside 2015-2100"),
        ({"transaction_hash": None}, "a field missing"),
        ({"size": "ten"}, "not of the documented form"),
    ],
)
def test_a_trade_that_cannot_be_refuses_its_market_by_name(catalog: Path, changes: Any, sentence: str) -> None:
    with trade_server(page=10) as server:
        server.trades[condition(2)][4] = trade(condition(2), token(2, "up"), FIRST_S, 4) | changes
        line = fetch(catalog, "trades", server)
    assert line.rows == 30
    assert sentence in line.refused[0]
    assert f"btc-updown-5m-{FIRST_S + 600}" in line.refused[0]


def test_without_windows_one_is_told_to_fetch_them(tmp_path: Path) -> None:
    with trade_server() as server, pytest.raises(DataError, match="arena-data fetch windows"):
        fetch(tmp_path / "none", "trades", server)
    assert not (tmp_path / "none").exists()


def test_a_window_without_ids_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with GammaServer() as gamma, trade_server() as server:
        gamma.list_windows("btc", "5m", FIRST_S, 1, resolved=None, clobTokenIds="")

        async def work(job: Any) -> Sequence[FetchLine]:
            return await fetch_windows(job, ["BTC"], [300], SPAN, host=replace(GAMMA, url=gamma.url))

        run_job(tmp_path / "c", "windows", work, FakeTime(LATER_S))
        line = fetch(tmp_path / "c", "trades", server)
    assert "has no up_token_id in the catalog; run `arena-data fetch windows` again" in line.refused[0]
