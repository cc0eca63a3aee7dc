"""Up/down windows from Gamma: what they are, what they cost, how they ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import polars as pl

from arena.errors import ConfigError, DataError
from arena.market.schema import WINDOWS
from arena.units import SECOND
from live.history.job import Job
from live.history.report import FetchLine, Tally
from live.history.spans import Span
from live.rest.gamma import GAMMA, INTERVAL_NAMES, SLUGS_PER_REQUEST, Gamma, updown_slug
from live.rest.gamma_rows import event_row
from live.rest.pace import Host

SOURCE = "arena"
"""The recorder's own name: its windows get their outcomes from here."""
LATE_NS = 86_400 * SECOND
"""The final price may follow the outcome; after a day it will not come any more."""


async def fetch_windows(
    job: Job, assets: Sequence[str], intervals_s: Sequence[int], span: Span, *, source: str = SOURCE, host: Host = GAMMA
) -> list[FetchLine]:
    """Fetch the windows that open in ``span`` and are not complete in the catalog; rows are updated in place.

    Complete means: the outcome is there, and the final price too or the window is a day old. What the venue no
    longer says (a tick, once the market is closed) stays as it was recorded.

    Args:
        job: where to, and how.
        assets: coins, upper case.
        intervals_s: lengths, seconds.
        span: ns UTC; windows exist about a day ahead.
        source: who records the rows.
        host: which server.

    Returns:
        One line per asset and length; a market that contradicts itself is a refusal, the others go on.

    Raises:
        ConfigError: no windows of that length.
        NoAnswer: the venue does not answer.
        DataError: it answers with something that is no list of events.
    """
    check_intervals(intervals_s)
    gamma = Gamma(job.http, host)
    return [
        await _fetch_kind(job, gamma, asset, interval_s, span, source) for asset in assets for interval_s in intervals_s
    ]


def check_intervals(intervals_s: Sequence[int]) -> None:
    """Refuse lengths of windows that the venue does not have.

    Raises:
        ConfigError: names the first.
    """
    for interval_s in intervals_s:
        if interval_s not in INTERVAL_NAMES:
            known = ", ".join(f"{s} ({name})" for s, name in INTERVAL_NAMES.items())
            raise ConfigError(f"There are no up/down windows of {interval_s} s; lengths are {known}.")


async def _fetch_kind(job: Job, gamma: Gamma, asset: str, interval_s: int, span: Span, source: str) -> FetchLine:
    name = f"polymarket {asset} {INTERVAL_NAMES[interval_s]}"
    tally = Tally(name)
    step_ns = interval_s * SECOND
    opens = range(-(-span[0] // step_ns) * step_ns, span[1], step_ns)
    held = job.store.scan("windows", source).filter(
        (pl.col("asset") == asset) & (pl.col("interval_s") == interval_s) & (pl.col("venue") == "polymarket")
    )
    old = {row["market_id"]: row for row in held.collect().iter_rows(named=True)}
    wanted = [updown_slug(asset, interval_s, open_ns) for open_ns in opens]
    lacking = [slug for slug in wanted if not _complete(old.get(slug), job.wall_ns())]
    tally.wanted, tally.held = len(wanted), len(wanted) - len(lacking)
    done = 0
    for batch in _batches(lacking, interval_s):
        job.progress(name, done, len(lacking))
        done += len(batch)
        # What a killed run was told of windows that were not complete then is asked again.
        settled_ns = int(batch[-1].rpartition("-")[2]) * SECOND + step_ns + LATE_NS
        events = await gamma.events(batch, fresh_ns=settled_ns)
        rows = []
        for slug in batch:
            if slug not in events:
                tally.absent += 1
                continue
            try:
                rows.append(_filled(event_row(events[slug], source), old.get(slug)))
            except DataError as error:
                tally.refused.append(str(error))
        job.store.add("windows", pl.DataFrame(rows, schema=WINDOWS.schema))
        tally.rows += len(rows)
        job.store.breathe()
    job.progress(name, len(lacking), len(lacking))
    return tally.line()


def _complete(row: dict[str, Any] | None, now_ns: int) -> bool:
    if row is None or row["outcome"] is None:
        return False
    return row["settle_price"] is not None or now_ns - row["close_ns"] > LATE_NS


def _filled(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    if old is None:
        return new
    return {name: old.get(name) if value is None else value for name, value in new.items()}


def _batches(slugs: Sequence[str], interval_s: int) -> Iterator[list[str]]:
    """Names that go into one request: the same ones, whenever a run begins."""
    for _, batch in groupby(slugs, key=lambda slug: int(slug.rpartition("-")[2]) // (interval_s * SLUGS_PER_REQUEST)):
        yield list(batch)
