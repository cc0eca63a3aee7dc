"""Fetches that go market by market: over the windows the catalog holds, each once, and never while it lives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from arena.errors import DataError
from arena.units import SECOND
from live.history.job import Job
from live.history.report import FetchLine, Tally
from live.history.spans import Span
from live.history.store import NOT_SERVED
from live.history.windows import check_intervals
from live.rest.gamma import INTERVAL_NAMES
from live.rest.http import NoAnswer

OVER_AFTER_S = 900
"""A market is asked about so long after its end: resolved, settled and indexed by then."""


@dataclass(frozen=True, slots=True)
class MarketKey:
    """A window, by the venue's ids; times in ns UTC."""

    market_id: str
    asset: str
    open_ns: int
    close_ns: int
    condition_id: str
    up_token_id: str
    down_token_id: str


Fetched = Mapping[str, pl.DataFrame]
"""Rows by table."""


async def fetch_by_market(
    job: Job,
    table: str,
    source: str,
    assets: Sequence[str],
    intervals_s: Sequence[int],
    span: Span,
    fetch: Callable[[MarketKey], Awaitable[Fetched]],
    ask_again: bool,
) -> list[FetchLine]:
    """Call ``fetch`` for each window of the catalog that opens in ``span``, is over, and has no rows yet.

    A market for which the venue has nothing is written down as a gap of ``<table>/<market>`` and not asked for
    again; one whose rows cannot be read is a refusal.

    Raises:
        DataError: the catalog has no such windows.
        NoAnswer: the venue does not answer.
    """
    check_intervals(intervals_s)
    windows = _windows(job, assets, intervals_s, span)
    if ask_again:
        streams = pl.Series([f"{table}/{name}" for name in windows["market_id"]], dtype=pl.String)
        job.store.forget_gaps(source, pl.col("stream").is_in(streams.implode()))
    done = _with_rows(job, table, source)
    lines = []
    for (asset, interval_s), group in windows.partition_by(["asset", "interval_s"], as_dict=True).items():
        tally = Tally(f"polymarket {asset} {INTERVAL_NAMES[interval_s]}")
        over = group.filter(pl.col("close_ns") <= job.wall_ns() - OVER_AFTER_S * SECOND)
        lacking = over.filter(~pl.col("market_id").is_in(done.implode())).sort("open_ns")
        tally.wanted, tally.held = over.height, over.height - lacking.height
        for place, row in enumerate(lacking.iter_rows(named=True)):
            job.progress(tally.what, place, lacking.height)
            try:
                await _fetch_one(job, table, source, row, fetch, tally)
            except NoAnswer:
                raise
            except DataError as error:
                tally.refused.append(str(error))
            job.store.breathe()
        job.progress(tally.what, lacking.height, lacking.height)
        lines.append(tally.line())
    return lines


async def _fetch_one(
    job: Job,
    table: str,
    source: str,
    row: Mapping[str, str | int | None],
    fetch: Callable[[MarketKey], Awaitable[Fetched]],
    tally: Tally,
) -> None:
    ids = ("condition_id", "up_token_id", "down_token_id")
    if unknown := [name for name in ids if row[name] is None]:
        raise DataError(f"{row['market_id']} has no {unknown[0]} in the catalog; run `arena-data fetch windows` again.")
    key = MarketKey(
        market_id=str(row["market_id"]),
        asset=str(row["asset"]),
        open_ns=int(row["open_ns"] or 0),
        close_ns=int(row["close_ns"] or 0),
        condition_id=str(row["condition_id"]),
        up_token_id=str(row["up_token_id"]),
        down_token_id=str(row["down_token_id"]),
    )
    fetched = await fetch(key)
    if not fetched[table].height:
        job.store.add_gap(f"{table}/{key.market_id}", key.asset, source, (key.open_ns, key.close_ns))
        tally.absent += 1
    for name, frame in fetched.items():
        job.store.add(name, frame)
    tally.rows += fetched[table].height


def _windows(job: Job, assets: Sequence[str], intervals_s: Sequence[int], span: Span) -> pl.DataFrame:
    ids = ("condition_id", "up_token_id", "down_token_id")
    rows = (
        job.store.scan("windows")
        .filter(
            (pl.col("venue") == "polymarket")
            & pl.col("asset").is_in(list(assets))
            & pl.col("interval_s").is_in(list(intervals_s))
            & (pl.col("open_ns") >= span[0])
            & (pl.col("open_ns") < span[1])
        )
        # Several recorders may know one market, and not all of them its ids.
        .group_by("market_id", "asset", "interval_s", "open_ns", "close_ns")
        .agg(*(pl.col(name).drop_nulls().first() for name in ids))
        .sort("asset", "interval_s", "open_ns")
        .collect()
    )
    if rows.is_empty():
        raise DataError(
            f"{job.store.path} has no windows of {', '.join(assets)} in that span; "
            "run `arena-data fetch windows` for it first."
        )
    return rows


def _with_rows(job: Job, table: str, source: str) -> pl.Series:
    have = job.store.scan(table, source).select("market_id").unique().collect().to_series()
    empty = (
        job.store.scan("gaps", source)
        .filter((pl.col("reason") == NOT_SERVED) & pl.col("stream").str.starts_with(f"{table}/"))
        .select(pl.col("stream").str.strip_prefix(f"{table}/"))
        .collect()
        .to_series()
    )
    return pl.concat([have, empty.rename("market_id")])
