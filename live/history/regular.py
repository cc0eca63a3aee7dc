"""Series with one row per step of a clock: ask for what is missing, write down what the venue does not have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.units import SECOND
from live.history.job import Job
from live.history.report import Tally
from live.history.spans import I8, Span, missing, pages

FINAL_AFTER_S = 10
"""Venues count late trades into a bar for a moment after its end; until then it is not stored."""
ABSENT_AFTER_S = 600
"""A bar that is not there so long after its end will not come."""


@dataclass(frozen=True, slots=True)
class Regular:
    """One such series.

    Attributes:
        name: what to call it in bars and tables.
        table: where its rows go.
        stream: its name in ``gaps``.
        asset: whose it is.
        source: who records it.
        step_s: from one bar to the next, seconds; bars open on multiples of it.
        page: bars that one request yields at most.
        keeps: bars back from now that the venue serves at all; None = all of them.
    """

    name: str
    table: str
    stream: str
    asset: str
    source: str
    step_s: int
    page: int
    keeps: int | None = None

    @property
    def step_ns(self) -> int:
        """``step_s`` in nanoseconds."""
        return self.step_s * SECOND

    def count(self, spans: Sequence[Span]) -> int:
        """Bars that open in ``spans``."""
        return sum(hi - lo for lo, hi in spans) // self.step_ns

    def last_final_ns(self, now_ns: int) -> int:
        """Bars that open before this are over for :data:`FINAL_AFTER_S`; ns UTC."""
        return (now_ns - FINAL_AFTER_S * SECOND) // self.step_ns * self.step_ns


Fetch = Callable[[Span, int], Awaitable[tuple[pl.DataFrame, int]]]
"""Rows of the table, and in ``open_ns`` when their bars open, for bars that open in a span; and when the venue was
asked for them, not before the given time (ns UTC). An answer kept from a killed run tells of that time, not of now."""


async def fill(job: Job, series: Regular, span: Span, held_ns: I8, fetch: Fetch, tally: Tally, ask_again: bool) -> None:
    """Fetch the bars of ``series`` that open in ``span``, are over and are not held.

    Args:
        job: where to, and how.
        series: which.
        span: ns UTC.
        held_ns: opens of the bars that the catalog has.
        fetch: how one page is asked for; rows outside the page, and of bars not over yet, are left out here.
        tally: is filled in.
        ask_again: ask also for bars that the venue did not have before.

    Raises:
        DataError: from ``fetch``.
    """
    now_ns = job.wall_ns()
    wanted = (span[0], min(span[1], series.last_final_ns(now_ns)))
    tally.wanted = series.count(missing(wanted, series.step_s, np.empty(0, np.int64)))
    if ask_again:
        named = (pl.col("stream") == series.stream) & (pl.col("asset") == series.asset)
        inside = (pl.col("recv_ns") < wanted[1]) & (pl.col("until_ns") > wanted[0])
        job.store.forget_gaps(series.source, named & inside)
    known = job.store.not_served(series.stream, series.asset, series.source)
    lacking = missing(wanted, series.step_s, held_ns, known)
    tally.held = tally.wanted - series.count(lacking)
    if series.keeps is not None:
        oldest_ns = -(-(now_ns - series.keeps * series.step_ns) // series.step_ns) * series.step_ns
        _note_absent(job, series, [(lo, min(hi, oldest_ns)) for lo, hi in lacking if lo < oldest_ns], tally)
        lacking = [(max(lo, oldest_ns), hi) for lo, hi in lacking if hi > oldest_ns]
    todo = list(pages(lacking, series.step_s, series.page))
    for done, page in enumerate(todo):
        job.progress(series.name, done, len(todo))
        parts = [(max(lo, page[0]), min(hi, page[1])) for lo, hi in lacking if lo < page[1] and hi > page[0]]
        # An older answer, from a run that was killed, would say of the last bars what they looked like half made.
        fresh_ns = page[1] + FINAL_AFTER_S * SECOND
        rows, asked_ns = await fetch(page, fresh_ns)
        if rows.is_empty():  # nothing at all in so many bars: believe it when it is said twice
            rows, asked_ns = await fetch(page, fresh_ns)
        asked = pl.any_horizontal((pl.col("open_ns") >= lo) & (pl.col("open_ns") < hi) for lo, hi in parts)
        rows = rows.filter(asked & (pl.col("open_ns") < series.last_final_ns(asked_ns)))
        job.store.add(series.table, rows.drop("open_ns"))
        tally.rows += rows.height
        settled_ns = asked_ns - ABSENT_AFTER_S * SECOND
        for lo, hi in parts:
            looked = (lo, min(hi, settled_ns // series.step_ns * series.step_ns))
            _note_absent(job, series, missing(looked, series.step_s, rows["open_ns"].to_numpy()), tally)
        job.store.breathe()
    job.progress(series.name, len(todo), len(todo))


def _note_absent(job: Job, series: Regular, spans: Sequence[Span], tally: Tally) -> None:
    for span in spans:
        job.store.add_gap(series.stream, series.asset, series.source, span)
    tally.absent += series.count(spans)
