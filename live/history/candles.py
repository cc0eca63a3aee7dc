"""Bars of exchanges, without holes that nobody knows of.

Only bars that are over are stored. A bar that the venue does not have is no bar: it becomes a row of ``gaps``, and
is not asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import polars as pl

from arena.errors import ConfigError, DataError
from arena.market.schema import BARS
from arena.units import MS
from live.history.exchanges import TIMEFRAMES, Candle, CandleReader, Exchange
from live.history.job import Job
from live.history.regular import Regular, fill
from live.history.report import FetchLine, Tally
from live.history.spans import Span

SOURCE = "ccxt"
KNOWN_DEFECTS = {
    "bars": {SOURCE: "Without quote volume, number of trades and taker volume: ccxt passes on six columns."}
}
_COLUMNS = {"ms": pl.Int64, **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64)}


async def fetch_candles(
    job: Job,
    exchanges: Sequence[Exchange],
    assets: Sequence[str],
    intervals_s: Sequence[int],
    span: Span,
    *,
    base_url: str | None = None,
    ask_again: bool = False,
) -> list[FetchLine]:
    """Fetch what the catalog lacks of the bars that open in ``span``; exchanges at the same time, each in order.

    Args:
        job: where to, and how.
        exchanges: where from.
        assets: coins, upper case.
        intervals_s: lengths of bars, seconds.
        span: ns UTC.
        base_url: a server to ask instead of the exchanges.
        ask_again: ask also for bars that the venue did not have before.

    Returns:
        One line per series. A series that the venue does not serve is a line with a refusal; the others go on.

    Raises:
        ConfigError: a length that no exchange serves.
    """
    for interval_s in intervals_s:
        if interval_s not in TIMEFRAMES:
            known = ", ".join(f"{s} ({name})" for s, name in TIMEFRAMES.items())
            raise ConfigError(f"No exchange is asked for bars of {interval_s} s; lengths are {known}.")

    async def one_exchange(exchange: Exchange) -> list[FetchLine]:
        reader = CandleReader(exchange, job.http, job.wall_ns, base_url)
        kinds = [(asset, interval_s) for asset in assets for interval_s in intervals_s]
        return [await _fetch_series(job, reader, *kind, span, ask_again) for kind in kinds]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_exchange(exchange)) for exchange in exchanges]
    return [line for task in tasks for line in task.result()]


async def _fetch_series(
    job: Job, reader: CandleReader, asset: str, interval_s: int, span: Span, ask_again: bool
) -> FetchLine:
    exchange, length = reader.exchange, TIMEFRAMES[interval_s]
    series = Regular(
        name=f"{exchange.venue} {asset} {length}",
        table="bars",
        stream=f"bars/{exchange.venue}/{length}",
        asset=asset,
        source=SOURCE,
        step_s=interval_s,
        page=exchange.page,
        keeps=exchange.keeps,
    )
    tally = Tally(series.name)
    try:
        symbol, market_id = await reader.symbol(asset)

        async def fetch(page: Span, fresh_ns: int) -> tuple[pl.DataFrame, int]:
            candles, asked_ns = await reader.page(symbol, interval_s, page, fresh_ns)
            return bars_of(candles, exchange, market_id, asset, interval_s), asked_ns

        held = job.store.scan("bars", SOURCE).filter(
            (pl.col("venue") == exchange.venue)
            & (pl.col("symbol") == market_id)
            & (pl.col("interval_s") == interval_s)
            & (pl.col("kind") == "trade")
        )
        held_ns = held.select("event_ns").collect().to_series().to_numpy()
        await fill(job, series, span, held_ns, fetch, tally, ask_again)
    except DataError as error:
        tally.refused.append(str(error))
    return tally.line()


def bars_of(candles: Sequence[Candle], exchange: Exchange, market_id: str, asset: str, interval_s: int) -> pl.DataFrame:
    """Candles as rows of ``bars``, in order, with the open of each bar once more as ``open_ns``.

    Raises:
        DataError: one does not open on a multiple of its length, or two of one moment differ.
    """
    name, step_ms = f"{exchange.venue} {asset} {TIMEFRAMES[interval_s]}", interval_s * 1000
    frame = pl.DataFrame(candles, schema=_COLUMNS, orient="row").unique(maintain_order=True).sort("ms")
    off = frame.filter(pl.col("ms") % step_ms != 0)
    if off.height:
        raise DataError(f"{name}: a bar opens at {off['ms'][0]} ms UTC, which is no multiple of its length.")
    if frame["ms"].n_unique() != frame.height:
        twice = frame.filter(pl.col("ms").is_duplicated())["ms"][0]
        raise DataError(f"{name}: two bars of {twice} ms UTC differ; the raw reply is kept beside the catalog.")
    bars = BARS.conform(
        frame.select(
            (pl.col("ms") * MS).alias("event_ns"),
            ((pl.col("ms") + step_ms) * MS).alias("recv_ns"),
            pl.lit(exchange.venue).alias("venue"),
            pl.lit(market_id).alias("symbol"),
            pl.lit(asset).alias("asset"),
            pl.lit(exchange.quote).alias("quote"),
            pl.lit("trade").alias("kind"),
            pl.lit(interval_s).alias("interval_s"),
            *("open", "high", "low", "close", "volume"),
            pl.lit(SOURCE).alias("source"),
        )
    )
    return bars.with_columns(pl.col("event_ns").alias("open_ns"))
