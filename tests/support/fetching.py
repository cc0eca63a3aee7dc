"""One run of a fetch against a loopback venue, on a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from arena.market.catalog import Catalog
from live.history.job import Job, open_job
from live.history.report import FetchLine
from tests.venues.rest import FakeTime

Work = Callable[[Job], Awaitable[Sequence[FetchLine]]]


def run_job(catalog: Path, name: str, work: Work, time: FakeTime) -> list[FetchLine]:
    """What the command does, without the command."""

    async def run() -> list[FetchLine]:
        async with open_job(
            catalog,
            name,
            rng=np.random.default_rng(7),
            progress=lambda what, done, steps: None,
            sleep=time.sleep,
            clock=time.clock,
            wall_ns=time.wall_ns,
            timeout_s=2.0,
        ) as job:
            return list(await work(job))

    return asyncio.run(run())


def rows(catalog: Path, table: str) -> pl.DataFrame:
    """A table of the catalog, whole."""
    return Catalog.open(catalog).scan(table).collect()
