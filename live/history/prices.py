"""Price histories of windows from the CLOB, or where it has none any more, from the Data API.

Nobody could trade at them: they become ``marks``.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from arena.errors import DataError
from arena.market.schema import MARKS
from arena.units import SECOND
from live.history.job import Job
from live.history.markets import Fetched, MarketKey, fetch_by_market
from live.history.report import FetchLine
from live.history.spans import Span
from live.rest.clob import CLOB, Clob
from live.rest.data_api import DATA_API, DataApi
from live.rest.pace import Host

SOURCE = "polymarket_clob"
KIND = "history"
FIDELITY_S = 60
"""Distance of points. One stands for its minute, and nobody says whether for the minute's first or last price."""
KNOWN_DEFECTS = {
    "marks": {
        SOURCE: "Points about a minute apart; the venue does not say whether a point is the last or the first price of "
        "its minute, so that it is known a minute later. Of markets that the CLOB has forgotten, from the Data API: "
        "five minutes apart after a week, half an hour and more after two months, known when they are over."
    }
}


async def fetch_prices(
    job: Job,
    assets: Sequence[str],
    intervals_s: Sequence[int],
    span: Span,
    *,
    host: Host = CLOB,
    data_host: Host = DATA_API,
    ask_again: bool = False,
) -> list[FetchLine]:
    """Fetch the price history, from open to close, of both tokens of each window that the catalog holds.

    The CLOB forgets the minutes of markets that are resolved; where it has nothing, the Data API is asked.

    See :func:`live.history.markets.fetch_by_market`.
    """
    clob, data = Clob(job.http, host), DataApi(job.http, data_host)

    async def fetch(market: MarketKey) -> Fetched:
        sides = []
        for column, token in (("yes_price", market.up_token_id), ("no_price", market.down_token_id)):
            span_s = market.open_ns // SECOND, market.close_ns // SECOND
            points = [(s, price, FIDELITY_S) for s, price in await clob.prices_history(token, *span_s)]
            points = points or await data.prices_history(token, *span_s)
            sides.append(_side(points, column, market))
        return {"marks": _marks(sides[0], sides[1], market)}

    return await fetch_by_market(job, "marks", SOURCE, assets, intervals_s, span, fetch, ask_again)


def _side(points: list[tuple[int, float, int]], column: str, market: MarketKey) -> pl.DataFrame:
    """Points (second, price, seconds it stands for) inside the window, each second once, in order.

    ``known_s``: when its time is over; a minute at least, for that is how often the venue looks.
    """
    frame = pl.DataFrame(points, schema={"s": pl.Int64, column: pl.Float64, "length": pl.Int64}, orient="row")
    frame = frame.select("s", column, (pl.col("s") + pl.col("length").clip(FIDELITY_S)).alias("known_s"))
    bad = frame.filter(~pl.col(column).is_between(0.0, 1.0))
    if bad.height:
        raise DataError(f"{market.market_id}: a price of {bad[column][0]} in its history is no price of a share.")
    frame = frame.unique(maintain_order=True).filter(
        pl.col("s").is_between(market.open_ns // SECOND, market.close_ns // SECOND)
    )
    if frame["s"].n_unique() != frame.height:
        twice = frame.filter(pl.col("s").is_duplicated())["s"][0]
        raise DataError(f"{market.market_id}: its history has two prices at second {twice}.")
    return frame.sort("s")


def _marks(up: pl.DataFrame, down: pl.DataFrame, market: MarketKey) -> pl.DataFrame:
    both = up.join(down, on="s", how="full", coalesce=True)
    both = both.with_columns(pl.max_horizontal("known_s", "known_s_right").alias("known_s")).sort("known_s", "s")
    return MARKS.conform(
        both.select(
            (pl.col("s") * SECOND).alias("event_ns"),
            (pl.col("known_s") * SECOND).alias("recv_ns"),
            pl.lit(market.market_id).alias("market_id"),
            pl.lit(market.asset).alias("asset"),
            "yes_price",
            "no_price",
            pl.lit(KIND).alias("price_kind"),
            pl.lit(SOURCE).alias("source"),
        )
    )
