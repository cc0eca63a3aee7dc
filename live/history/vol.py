"""Implied volatility: Deribit's DVOL index."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from arena.errors import ConfigError, DataError
from arena.market.schema import IMPLIED_VOL
from arena.units import MS, SECOND
from live.history.job import Job
from live.history.regular import Regular, fill
from live.history.report import FetchLine, Tally
from live.history.spans import Span
from live.rest.deribit import DERIBIT, PAGE, Deribit, IndexCandle
from live.rest.pace import Host

SOURCE = "deribit"
VENUE = "deribit"
INDEX = "dvol"
ASSETS = ("BTC", "ETH")
RESOLUTIONS_S = (1, 60, 3600, 43_200)
_PLAUSIBLE = (5.0, 1000.0)
"""Per cent a year. An index of 0.45 is a fraction already, and a hundred times too small."""


async def fetch_vol(
    job: Job,
    assets: Sequence[str],
    resolution_s: int,
    span: Span,
    *,
    host: Host = DERIBIT,
    ask_again: bool = False,
) -> list[FetchLine]:
    """Fetch what the catalog lacks of the index candles that open in ``span``; their closes are stored.

    Args:
        job: where to, and how.
        assets: BTC, ETH.
        resolution_s: length of a candle, seconds.
        span: ns UTC.
        host: which server.
        ask_again: ask also for candles that the venue did not have before.

    Returns:
        One line per asset.

    Raises:
        ConfigError: a coin without an index, or a length that is not served.
        DataError: the venue does not answer.
    """
    for asset in assets:
        if asset not in ASSETS:
            raise ConfigError(f"Deribit has no volatility index of {asset}; it has {', '.join(ASSETS)}.")
    if resolution_s not in RESOLUTIONS_S:
        known = ", ".join(map(str, RESOLUTIONS_S))
        raise ConfigError(f"The index has no candles of {resolution_s} s; lengths are {known}.")
    deribit = Deribit(job.http, host)
    return [await _fetch_index(job, deribit, asset, resolution_s, span, ask_again) for asset in assets]


async def _fetch_index(
    job: Job, deribit: Deribit, asset: str, resolution_s: int, span: Span, ask_again: bool
) -> FetchLine:
    series = Regular(
        name=f"{VENUE} {asset} {INDEX} {resolution_s} s",
        table="implied_vol",
        stream=f"implied_vol/{VENUE}/{INDEX}/{resolution_s}",
        asset=asset,
        source=SOURCE,
        step_s=resolution_s,
        page=PAGE,
    )
    tally = Tally(series.name)

    async def fetch(page: Span, fresh_ns: int) -> tuple[pl.DataFrame, int]:
        last_ms = (page[1] - series.step_ns) // MS
        candles, asked_ns = await deribit.volatility_index(asset, page[0] // MS, last_ms, resolution_s, fresh_ns)
        return rows_of(candles, asset, resolution_s), asked_ns

    # The table holds the moments of closes, of candles of every length.
    held = job.store.scan("implied_vol", SOURCE).filter((pl.col("asset") == asset) & (pl.col("index") == INDEX))
    opens = held.select(pl.col("event_ns") - series.step_ns).filter(pl.col("event_ns") % series.step_ns == 0)
    await fill(job, series, span, opens.collect().to_series().to_numpy(), fetch, tally, ask_again)
    return tally.line()


def rows_of(candles: Sequence[IndexCandle], asset: str, resolution_s: int) -> pl.DataFrame:
    """Index candles (per cent) as rows of ``implied_vol`` (fractions) at their closes, and their opens as ``open_ns``.

    Raises:
        DataError: a value is no percentage of volatility.
    """
    schema = {"ms": pl.Int64, **dict.fromkeys(("open", "high", "low", "close"), pl.Float64)}
    frame = pl.DataFrame(candles, schema=schema, orient="row")
    odd = frame.filter(~pl.col("close").is_between(*_PLAUSIBLE))
    if odd.height:
        raise DataError(
            f"{VENUE} gives {asset} a volatility index of {odd['close'][0]} at {odd['ms'][0]} ms UTC, which is no "
            "percentage; has the venue changed its unit?"
        )
    close_ns = pl.col("ms") * MS + resolution_s * SECOND
    rows = IMPLIED_VOL.conform(
        frame.select(
            close_ns.alias("event_ns"),
            close_ns.alias("recv_ns"),
            pl.lit(VENUE).alias("venue"),
            pl.lit(asset).alias("asset"),
            pl.lit(INDEX).alias("index"),
            (pl.col("close") / 100.0).alias("value"),
            pl.lit(SOURCE).alias("source"),
        )
    )
    return rows.with_columns((pl.col("event_ns") - resolution_s * SECOND).alias("open_ns"))
