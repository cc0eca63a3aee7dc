"""``arena-data record``: what the venues say, kept raw and as catalog tables, for days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from live.recorder.plan import Plan
    from live.recorder.session import Show
    from live.recorder.status import Status

RECORDED = Path("data/recorded-live")
"""Default catalog of what the recorder records."""


def record(
    assets: Annotated[str, typer.Option(help="Coins, separated by commas.")] = "BTC,ETH,SOL",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long, like 24h, 90m, 2d. Default: until Ctrl-C.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", metavar="CATALOG", help="Catalog to make or add to.")] = RECORDED,
    intervals: Annotated[str, typer.Option(help="Lengths of the up/down windows to follow.")] = "5m,15m",
    feeds: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Feeds, separated by commas. Default: every one of them.")
    ] = None,
    flush_s: Annotated[
        float, typer.Option("--flush", min=0.1, max=5.0, help="Seconds between flushes: what a power cut may cost.")
    ] = 2.0,
    reserve_gb: Annotated[float, typer.Option("--reserve", min=0.0, help="Stop when less GB are free on disk.")] = 1.0,
    renew: Annotated[
        str,
        typer.Option(metavar="TIME", help="How often each feed is connected anew: all a restart re-reads."),
    ] = "3h",
    url: Annotated[
        list[str] | None, typer.Option(metavar="NAME=URL", help="Another address for a feed; may be repeated.")
    ] = None,
) -> None:
    """Record live market data into a catalog: prices, books, trades, windows and outcomes, oracle, clocks.

    Everything that comes over the wire is kept in CATALOG/raw, flushed every two seconds, and turned into the
    catalog's tables as it comes. Start it again after a crash: it reads on where the tables end. Ctrl-C ends it
    cleanly.

    Example: arena-data record --assets BTC,ETH,SOL --for 24h
    """
    import asyncio
    import os

    os.environ.setdefault("POLARS_MAX_THREADS", "2")  # each holds buffers, and two keep up with every venue
    # What a commit has used is given back at once: days of recording must not grow by what lies unused.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0,narenas:2")
    from live.recorder.durations import seconds_of
    from live.recorder.feeds import feed_names
    from live.recorder.plan import Plan
    from research.cli.screen import console_for

    console = console_for()
    plan = Plan(
        assets=_names(assets.upper()),
        intervals_s=tuple(int(seconds_of(text)) for text in _names(intervals)),
        feeds=feed_names(None if feeds is None else _names(feeds), os.environ),
        to=to,
        for_s=None if duration is None else seconds_of(duration),
        flush_s=flush_s,
        reserve_bytes=int(reserve_gb * 1e9),
        urls=dict(_pairs(url or ())),
        renew_s=seconds_of(renew),
        show_every_s=1.0 if console.is_terminal else 10.0,
    )
    with _lean(), _shown(console, plan, intervals) as show:
        last = asyncio.run(_record(plan, show))
    _summary(console, plan, last)


async def _record(plan: Plan, show: Show) -> Status:
    """Record until Ctrl-C or SIGTERM; a second one does not wait."""
    import asyncio
    import os
    import signal

    import numpy as np

    from live.recorder.session import record as run

    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def ask(number: int) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    return await run(plan, show, stop, environment=os.environ, rng=np.random.default_rng())


class _NoPandas:
    """Finds no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """See :class:`importlib.abc.MetaPathFinder`."""
        if name == "pandas":
            raise ModuleNotFoundError("The recorder does without pandas.", name=name)


@contextmanager
def _lean() -> Iterator[None]:
    """Keep pandas out, which pyarrow loads as soon as it sees an array, where it is installed: 40 MB for nothing."""
    import sys

    import polars  # noqa: F401  # looks for pandas when it is loaded, and would not look again

    sys.meta_path.insert(0, _NoPandas)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoPandas)


@contextmanager
def _shown(console: Console, plan: Plan, intervals: str) -> Iterator[Show]:
    """How statuses are shown: a view that is redrawn on a terminal, a line each elsewhere."""
    from live.recorder.view import line, render, title

    if not console.is_terminal:
        yield lambda status: console.print(line(status), soft_wrap=True, markup=False)
        return
    from rich.live import Live

    heading = title(plan.assets, intervals.split(","), str(plan.to))
    with Live(console=console, auto_refresh=False) as live:
        yield lambda status: live.update(render(status, heading), refresh=True)


def _summary(console: Console, plan: Plan, last: Status) -> None:
    from live.recorder.view import span

    console.print(
        f"{plan.to}: {last.frames_kept:,} frames in {span(last.elapsed_s)}, {last.raw_bytes / 1e6:,.1f} MB raw, "
        f"{sum(last.rows.values()):,} rows, worst stall {last.worst_stall_ms:,.0f} ms, "
        f"{last.peak_rss_bytes / 1e6:,.0f} MB memory",
        soft_wrap=True,
    )
    for name, rows in sorted(last.rows.items()):
        console.print(f"  {name:<16}{rows:>14,} rows")
    for notice in last.notices:
        console.print(f"  ! {notice}", soft_wrap=True, markup=False)
    if last.unresolved:
        console.print(f"  {last.unresolved} windows have no outcome yet: start the recorder again to ask for them.")


def _names(text: str) -> tuple[str, ...]:
    """Names separated by commas, in order, once each."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise ConfigError(f"{text!r} names nothing; write names separated by commas.")
    return names


def _pairs(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, found, url = text.partition("=")
        if not found or not url:
            raise ConfigError(f"{text!r} is not NAME=URL, like okx=ws://127.0.0.1:9000.")
        yield name, url
