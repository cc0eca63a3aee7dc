"""Price histories of windows from the CLOB. Nobody could trade at them: they become ``marks``."""

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
from live.rest.pace import Host

SOURCE = "polymarket_clob"
KIND = "history"
FIDELITY_S = 60
"""Distance of points. One stands for its minute, and nobody says whether for the minute's first or last price."""
KNOWN_DEFECTS = {
    "marks": {
        SOURCE: "Points about a minute apart; the venue does not say whether a point is the last or the first price of "
        "its minute, so that it is known a minute later. Often empty for markets that were resolved long ago."
    }
}


async def fetch_prices(
    job: Job,
    assets: Sequence[str],
    intervals_s: Sequence[int],
    span: Span,
    *,
    host: Host = CLOB,
    ask_again: bool = False,
) -> list[FetchLine]:
    """Fetch the price history, from open to close, of both tokens of each window that the catalog holds.

    See :func:`live.history.markets.fetch_by_market`.
    """
    clob = Clob(job.http, host)

    async def fetch(market: MarketKey) -> Fetched:
        sides = []
        for column, token in (("yes_price", market.up_token_id), ("no_price", market.down_token_id)):
            points = await clob.prices_history(token, market.open_ns // SECOND, market.close_ns // SECOND)
            sides.append(_side(points, column, market))
        return {"marks": _marks(sides[0], sides[1], market)}

    return await fetch_by_market(job, "marks", SOURCE, assets, intervals_s, span, fetch, ask_again)


def _side(points: list[tuple[int, float]], column: str, market: MarketKey) -> pl.DataFrame:
    """Points inside the window, each second once, in order."""
    frame = pl.DataFrame(points, schema={"s": pl.Int64, column: pl.Float64}, orient="row")
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
    both = up.join(down, on="s", how="full", coalesce=True).sort("s")
    return MARKS.conform(
        both.select(
            (pl.col("s") * SECOND).alias("event_ns"),
            ((pl.col("s") + FIDELITY_S) * SECOND).alias("recv_ns"),  # a price nobody knew earlier may be in it
            pl.lit(market.market_id).alias("market_id"),
            pl.lit(market.asset).alias("asset"),
            "yes_price",
            "no_price",
            pl.lit(KIND).alias("price_kind"),
            pl.lit(SOURCE).alias("source"),
        )
    )
