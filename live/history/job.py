"""What every fetch needs: where the rows go, how to ask, what time it is, and whom to tell."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from live.history.report import Progress
from live.history.store import Store
from live.rest.http import Http
from live.rest.pace import Clock, Sleep


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one fetch.

    Attributes:
        store: where rows and raw replies go.
        http: how venues are asked.
        wall_ns: wall clock, ns UTC.
        progress: whom to tell.
    """

    store: Store
    http: Http
    wall_ns: Callable[[], int]
    progress: Progress


@asynccontextmanager
async def open_job(
    catalog: str | Path,
    name: str,
    *,
    rng: np.random.Generator,
    progress: Progress,
    sleep: Sleep,
    clock: Clock = time.monotonic,
    wall_ns: Callable[[], int] = time.time_ns,
    timeout_s: float = 20.0,
    known_defects: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Job]:
    """A job named ``name`` into ``catalog``. However the block ends, what was fetched is committed.

    Args:
        catalog: folder of the catalog, made when there is something to put into it.
        name: of the job; its raw replies lie in ``raw/rest/<name>``.
        rng: jitter of pauses.
        progress: called as the job goes on.
        sleep: how to wait.
        clock: monotonic, seconds.
        wall_ns: wall clock, ns UTC.
        timeout_s: longest wait for a piece of a reply.
        known_defects: what readers must know of the rows, by table and source.
    """
    with Store(catalog, name, clock=clock, wall_ns=wall_ns, known_defects=known_defects) as store:
        async with Http(
            rng=rng,
            clock=clock,
            wall_ns=wall_ns,
            sleep=sleep,
            timeout_s=timeout_s,
            keep=store.keep,
            held=store.journal.held,
        ) as http:
            yield Job(store, http, wall_ns, progress)
