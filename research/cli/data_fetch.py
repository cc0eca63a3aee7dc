"""``arena-data fetch``: history from the venues' REST interfaces into a catalog.

Every command can be stopped and run again: it asks only for what the catalog lacks. Heavy imports happen inside the
commands, so that ``--help`` is instant.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import DataError
from research.cli.screen import bar_on, console_for
from research.cli.when import parse_length, parse_list, parse_span

if TYPE_CHECKING:
    from live.history.job import Job
    from live.history.report import FetchLine
    from live.history.store import Store
    from live.rest.pace import Host

HISTORY = "data/history"
"""Default catalog of what was fetched."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Fetch history from the venues into a catalog. Run a command again to go on where it stopped, or to bring the "
    "catalog up to date: only what is missing is asked for. Raw replies are kept in CATALOG/raw/rest.",
)

Assets = Annotated[str, typer.Option("--assets", metavar="A,B", help="Coins, with commas between them.")]
From = Annotated[
    str, typer.Option("--from", metavar="WHEN", help="Start: a date, a UTC time, or how long ago (7d, 4h).")
]
Until = Annotated[str, typer.Option("--until", metavar="WHEN", help="End (exclusive): the same, or now.")]
To = Annotated[str, typer.Option("--to", metavar="CATALOG", help="Catalog to make or add to.")]
Windows = Annotated[str, typer.Option("--intervals", metavar="L,M", help="Lengths of windows: 5m, 15m, 4h.")]
Again = Annotated[bool, typer.Option("--again", help="Ask also for what the venue did not have before.")]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Ask this server instead of the venue's.")]

Work = Callable[["Job", tuple[int, int]], Awaitable[Sequence["FetchLine"]]]


@app.command("candles")
def candles(
    exchanges: Annotated[
        str,
        typer.Option(
            "--exchanges", metavar="X,Y", help="coinbase, kraken, binance_us, okx, bybit, bitfinex, or several."
        ),
    ] = "coinbase",
    assets: Assets = "BTC",
    intervals: Annotated[str, typer.Option("--intervals", metavar="L,M", help="Lengths: 1m, 5m, 15m, 1h, 1d.")] = "1m",
    start: From = "7d",
    until: Until = "now",
    to: To = HISTORY,
    again: Again = False,
    url: Url = None,
) -> None:
    """Fetch bars of exchanges (table bars).

    The bar still forming is not stored; bars the venue does not have are written down as gaps.

    Example: arena-data fetch candles --exchanges coinbase,binance_us --assets BTC,ETH --from 30d
    """
    from live.history.candles import KNOWN_DEFECTS, fetch_candles
    from live.history.exchanges import exchange_named

    chosen = [exchange_named(name) for name in parse_list(exchanges)]
    lengths = [parse_length(text) for text in parse_list(intervals)]

    async def work(job: Job, span: tuple[int, int]) -> Sequence[FetchLine]:
        return await fetch_candles(job, chosen, _coins(assets), lengths, span, base_url=url, ask_again=again)

    _run("candles", "bars", work, start, until, to, KNOWN_DEFECTS)


@app.command("windows")
def windows(
    assets: Assets = "BTC",
    intervals: Windows = "5m,15m",
    start: From = "1d",
    until: Until = "now",
    to: To = HISTORY,
    source: Annotated[
        str, typer.Option("--source", help="Who records the rows; the recorder's are updated.")
    ] = "arena",
    url: Url = None,
) -> None:
    """Fetch up/down windows: ids, fees, reference prices, outcomes (table windows).

    Windows in the catalog that have no outcome yet are asked for again and updated.

    Example: arena-data fetch windows --assets BTC,ETH --intervals 5m,15m --from 7d
    """
    from live.history.windows import fetch_windows
    from live.rest.gamma import GAMMA

    lengths = [parse_length(text) for text in parse_list(intervals)]

    async def work(job: Job, span: tuple[int, int]) -> Sequence[FetchLine]:
        return await fetch_windows(job, _coins(assets), lengths, span, source=source, host=_host(GAMMA, url))

    _run("windows", "windows", work, start, until, to, {})


@app.command("prices")
def prices(
    assets: Assets = "BTC",
    intervals: Windows = "5m,15m",
    start: From = "1d",
    until: Until = "now",
    to: To = HISTORY,
    again: Again = False,
    url: Url = None,
) -> None:
    """Fetch price histories of the windows in the catalog (table marks).

    Nobody could trade at these prices: they are marks, not quotes.

    Example: arena-data fetch prices --assets BTC --intervals 5m --from 2d
    """
    from live.history.prices import KNOWN_DEFECTS, fetch_prices
    from live.rest.clob import CLOB
    from live.rest.data_api import DATA_API

    lengths = [parse_length(text) for text in parse_list(intervals)]

    async def work(job: Job, span: tuple[int, int]) -> Sequence[FetchLine]:
        hosts = {"host": _host(CLOB, url), "data_host": _host(DATA_API, url)}
        return await fetch_prices(job, _coins(assets), lengths, span, **hosts, ask_again=again)

    _run("prices", "marks", work, start, until, to, KNOWN_DEFECTS)


@app.command("trades")
def trades(
    assets: Assets = "BTC",
    intervals: Windows = "5m,15m",
    start: From = "1d",
    until: Until = "now",
    to: To = HISTORY,
    again: Again = False,
    url: Url = None,
) -> None:
    """Fetch trades of the windows in the catalog (tables binary_trades and wallet_fills).

    Times are whole block seconds: never order these trades against books.

    Example: arena-data fetch trades --assets BTC --intervals 5m --from 2d
    """
    from live.history.trades import KNOWN_DEFECTS, fetch_trades
    from live.rest.data_api import DATA_API

    lengths = [parse_length(text) for text in parse_list(intervals)]

    async def work(job: Job, span: tuple[int, int]) -> Sequence[FetchLine]:
        return await fetch_trades(job, _coins(assets), lengths, span, host=_host(DATA_API, url), ask_again=again)

    _run("trades", "binary_trades", work, start, until, to, KNOWN_DEFECTS)


@app.command("vol")
def vol(
    assets: Assets = "BTC,ETH",
    interval: Annotated[
        str, typer.Option("--interval", metavar="L", help="Length of candles: 1s, 1m, 1h, 12h.")
    ] = "1m",
    start: From = "7d",
    until: Until = "now",
    to: To = HISTORY,
    again: Again = False,
    url: Url = None,
) -> None:
    """Fetch Deribit's volatility index DVOL (table implied_vol), as fractions: 0.45 = 45 % a year.

    Example: arena-data fetch vol --assets BTC,ETH --interval 1h --from 90d
    """
    from live.history.vol import fetch_vol
    from live.rest.deribit import DERIBIT

    async def work(job: Job, span: tuple[int, int]) -> Sequence[FetchLine]:
        host = _host(DERIBIT, url)
        return await fetch_vol(job, _coins(assets), parse_length(interval), span, host=host, ask_again=again)

    _run("vol", "implied_vol", work, start, until, to, {})


def _coins(assets: str) -> list[str]:
    return [name.upper() for name in parse_list(assets)]


def _host(host: Host, url: str | None) -> Host:
    from dataclasses import replace

    return host if url is None else replace(host, url=url.rstrip("/"))


def _run(
    name: str, table: str, work: Work, start: str, until: str, to: str, defects: Mapping[str, Mapping[str, str]]
) -> None:
    import asyncio
    import time

    import numpy as np

    from live.history.job import open_job

    span = parse_span(start, until, time.time_ns())
    bar = bar_on(console_for())
    tasks: dict[str, int] = {}

    def progress(what: str, done: int, steps: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=steps)
        bar.update(tasks[what], completed=done, total=steps)  # type: ignore[arg-type]

    async def run() -> tuple[Sequence[FetchLine], Store]:
        rng = np.random.default_rng()
        async with open_job(to, name, rng=rng, progress=progress, sleep=asyncio.sleep, known_defects=defects) as job:
            return await work(job, span), job.store

    try:
        with bar:
            lines, store = asyncio.run(run())
    except KeyboardInterrupt:
        console_for().print(f"Stopped. What came is in {to}; run the same command to go on.", soft_wrap=True)
        raise typer.Exit(130) from None
    _print(lines, table, store)


def _print(lines: Sequence[FetchLine], table: str, store: Store) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = console_for()
    summary = Table(box=SIMPLE_HEAD)
    for header in ("fetched", "in the span", "held before", f"rows to {table}", "not at the venue", "refused"):
        summary.add_column(header, justify="left" if header == "fetched" else "right")
    for line in lines:
        numbers = (line.wanted, line.held, line.rows, line.absent, len(line.refused))
        summary.add_row(line.what, *(f"{number:,}" for number in numbers))
    console.print(summary)
    console.print(f"{store.path}  raw replies in {store.journal.folder}", soft_wrap=True)
    if store.quarantined:
        rules = ", ".join(f"{rule} {rows:,}" for rule, rows in sorted(store.quarantined.items()))
        console.print(f"quarantined: {rules}", soft_wrap=True)
    refused = [sentence for line in lines for sentence in line.refused]
    if refused:
        for sentence in refused[1:10]:
            console.print(f"refused: {sentence}", soft_wrap=True)
        rest = f" ({len(refused) - 1} more above and in the raw replies)" if len(refused) > 1 else ""
        raise DataError(f"{refused[0]}{rest}")
