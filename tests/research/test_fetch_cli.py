"""``arena-data fetch``, as a user runs it, against loopback venues."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.market.catalog import Catalog
from research.cli.data import app
from tests.venues.clob import ClobServer
from tests.venues.data_api import DataApiServer, trade
from tests.venues.deribit import DeribitServer
from tests.venues.exchanges import MINUTE, ExchangeServer
from tests.venues.gamma import GammaServer
from tests.venues.rest import BROKEN, Fault, VenueServer

FIRST_S = 1_790_010_000
DAY = ("--from", "2026-09-21", "--until", "2026-09-22")


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["fetch", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output


def exchange() -> ExchangeServer:
    return ExchangeServer(now_ms=lambda: time.time_ns() // 1_000_000)


def test_a_whole_history_in_five_commands(tmp_path: Path) -> None:
    to = tmp_path / "history"
    with GammaServer() as gamma:
        slugs = gamma.list_windows("btc", "5m", FIRST_S, 3)
        out = run("windows", "--intervals", "5m", *DAY, "--to", to, "--url", gamma.url)
    assert "polymarket BTC 5m" in out
    with ClobServer() as clob:
        clob.histories = {f"1{FIRST_S}": [(FIRST_S + 60, 0.55)]}
        run("prices", "--intervals", "5m", *DAY, "--to", to, "--url", clob.url)
    with DataApiServer() as api:
        market = f"0x{FIRST_S:064x}"
        api.trades = {market: [trade(market, f"1{FIRST_S}", FIRST_S + 5, n) for n in range(4)]}
        run("trades", "--intervals", "5m", *DAY, "--to", to, "--url", api.url)
    with DeribitServer() as deribit:
        deribit.index = {FIRST_S * 1000 + n * MINUTE: 45.0 for n in range(5)}
        run("vol", "--assets", "BTC", *DAY, "--to", to, "--url", deribit.url)
    with exchange() as server:
        out = run(
            "candles", "--from", "2026-09-21T12:00", "--until", "2026-09-21T13:00", "--to", to, "--url", server.url
        )
    assert "coinbase BTC 1m" in out
    held = Catalog.open(to).manifest.tables
    assert {name: table.rows for name, table in held.items() if name != "gaps"} == {
        "windows": len(slugs),
        "marks": 1,
        "binary_trades": 4,
        "wallet_fills": 4,
        "implied_vol": 5,
        "bars": 60,
    }
    assert sorted(p.name for p in (to / "raw" / "rest").iterdir()) == ["candles", "prices", "trades", "vol", "windows"]
    assert "whole seconds" in held["binary_trades"].known_defects["polymarket_data_api"][0]


def test_the_table_at_the_end_says_what_was_there_and_what_came(tmp_path: Path) -> None:
    with exchange() as server:
        words = ("candles", "--from", "2026-09-21T12:00", "--to", tmp_path / "h", "--url", server.url)
        run(*words, "--until", "2026-09-21T13:00")
        out = run(*words, "--until", "2026-09-21T14:00")
    line = next(line for line in out.splitlines() if "coinbase BTC 1m" in line)
    assert line.split()[3:] == ["120", "60", "60", "0", "0"]


def failing(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fetch", *map(str, words)])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("candles", "--exchanges", "mtgox"), "exchanges are coinbase"),
        (("candles", "--from", "yesterday"), "is no moment"),
        (("candles", "--intervals", "7m"), "bars of 420 s"),
        (("windows", "--intervals", "1h"), "no up/down windows of 3600 s"),
        (("vol", "--assets", "SOL"), "no volatility index of SOL"),
        (("trades",), "run `arena-data fetch windows`"),
        (("candles", "--to", "s3://bucket/x"), "is not on this machine"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out = failing(*words)
    assert code == 2
    assert sentence in " ".join(out.split())
    assert "Traceback" not in out
    assert list(tmp_path.iterdir()) == []


def test_refused_markets_are_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    with GammaServer() as gamma:
        gamma.list_windows("btc", "5m", FIRST_S, 3, version="v7")
        code, out = failing("windows", "--intervals", "5m", *DAY, "--to", tmp_path / "h", "--url", gamma.url)
    assert code == 2
    assert f"btc-updown-5m-{FIRST_S} is of protocol version 'v7'" in " ".join(out.split())


def test_a_venue_that_refuses_this_country_is_told_from_our_own_mistake(tmp_path: Path) -> None:
    with VenueServer() as server:
        server.faults.append(Fault(451, body=b'{"msg":"Service unavailable from a restricted location"}'))
        code, out = failing("windows", *DAY, "--to", tmp_path / "h", "--url", server.url)
    assert code == 2
    assert "may not serve this country" in " ".join(out.split())


def start(to: Path, url: str) -> subprocess.Popen[str]:
    words = ["candles", "--from", "2026-09-18", "--until", "2026-09-21", "--to", str(to), "--url", url]
    return subprocess.Popen(
        [sys.executable, "-m", "research.cli.data", "fetch", *words],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_pages(server: ExchangeServer, pages: int) -> None:
    deadline = time.monotonic() + 60
    while sum("candles" in path for path in server.paths()) < pages:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_fetch_goes_on_and_asks_again_for_one_page_at_most(tmp_path: Path, how: signal.Signals) -> None:
    with exchange() as server:
        process = start(tmp_path / "h", server.url)
        wait_for_pages(server, 6)
        process.send_signal(how)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == (-9 if how == signal.SIGKILL else 130)
        if how == signal.SIGINT:
            assert "run the same command to go on" in " ".join(out.split())
            assert Catalog.open(tmp_path / "h").manifest.tables["bars"].rows >= 4 * 300  # the first page is a short one
        process = start(tmp_path / "h", server.url)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out
    asked = [tuple(a.params["start"]) for a in server.asked if "candles" in a.path]
    assert len(asked) - len(set(asked)) <= 1
    assert Catalog.open(tmp_path / "h").manifest.tables["bars"].rows == 3 * 1440
    assert not list((tmp_path / "h").rglob("*.part"))


def test_a_venue_that_is_down_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.rest.http.FIRST_PAUSE_S", 0.001)
    with GammaServer() as gamma:
        gamma.faults.extend([BROKEN] * 6)
        code, out = failing("windows", *DAY, "--to", tmp_path / "h", "--url", gamma.url)
    assert code == 2
    assert "run the same command again when the venue answers" in " ".join(out.split())
