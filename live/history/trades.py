"""Trades of windows from the Data API: as ``binary_trades``, and as ``wallet_fills`` of those who took.

Times are whole seconds of the block in which a trade settled, some seconds after it was matched: they say nothing
about the order of trades and books.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from arena.errors import DataError
from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import BINARY_TRADES, WALLET_FILLS
from arena.units import SECOND
from live.history.job import Job
from live.history.markets import Fetched, MarketKey, fetch_by_market
from live.history.report import FetchLine
from live.history.spans import Span
from live.rest.data_api import DATA_API, DataApi
from live.rest.pace import Host

SOURCE = "polymarket_data_api"
_DEFECT = (
    "Times are whole seconds of the settling block, known a second later at the earliest and some seconds after the "
    "match: never order them against books. Takers only; trades under 0.01 shares are left out by the venue."
)
KNOWN_DEFECTS = {"binary_trades": {SOURCE: _DEFECT}, "wallet_fills": {SOURCE: _DEFECT}}
_SCHEMA = {
    **dict.fromkeys(("proxy_wallet", "token_id", "condition_id", "side", "transaction_hash"), pl.String),
    **dict.fromkeys(("title", "outcome"), pl.String),
    **dict.fromkeys(("size", "price"), pl.Float64),
    "timestamp": pl.Int64,
}
_ROW = ["proxy_wallet", "token_id", "side", "size", "price", "timestamp", "transaction_hash"]


async def fetch_trades(
    job: Job,
    assets: Sequence[str],
    intervals_s: Sequence[int],
    span: Span,
    *,
    host: Host = DATA_API,
    ask_again: bool = False,
) -> list[FetchLine]:
    """Fetch all trades of each window that the catalog holds.

    See :func:`live.history.markets.fetch_by_market`.
    """
    api = DataApi(job.http, host)

    async def fetch(market: MarketKey) -> Fetched:
        trades = pl.DataFrame(schema=_SCHEMA)
        seen: set[tuple[Any, ...]] = set()
        async for rows in api.trades(market.condition_id):
            page = _page(rows, market)
            content = tuple(page.select(_ROW).rows())
            if content in seen:
                raise DataError(
                    f"{market.market_id}: a page of its trades repeats one before; its trades are not stored."
                )
            seen.add(content)
            trades = pl.concat([trades, page.slice(_overlap(trades, page))])
        same = pl.int_range(pl.len()).over(_ROW).cast(pl.Int64)
        return _tables(trades.with_columns(same.alias("seq")), market)

    return await fetch_by_market(job, "binary_trades", SOURCE, assets, intervals_s, span, fetch, ask_again)


def _page(rows: Sequence[Mapping[str, Any]], market: MarketKey) -> pl.DataFrame:
    try:
        page = pl.DataFrame([{name: row.get(name) for name in _SCHEMA} for row in rows], schema=_SCHEMA, strict=True)
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{market.market_id}: a trade is not of the documented form ({error}).") from error
    page = page.with_columns(pl.col("side").str.to_lowercase(), pl.col("proxy_wallet").str.to_lowercase())
    token = pl.col("token_id")
    up, down = market.up_token_id, market.down_token_id
    rules = {
        "has a field missing": pl.any_horizontal(pl.col(name).is_null() for name in _ROW),
        "is of another market": pl.col("condition_id").str.to_lowercase() != market.condition_id.lower(),
        "is of a token that is none of the market's": ~token.is_in([up, down]),
        "names an outcome that is not its token's": pl.col("outcome").str.to_lowercase()
        != pl.when(token == up).then(pl.lit("up")).otherwise(pl.lit("down")),
        "is neither buy nor sell": ~pl.col("side").is_in(["buy", "sell"]),
        "has no price of a share": ~pl.col("price").is_between(0.0, 1.0),
        "has no size": pl.col("size") <= 0.0,
        "has a time outside 2015-2100": ~pl.col("timestamp").is_between(EARLIEST_NS // SECOND, LATEST_NS // SECOND - 1),
    }
    for what, rule in rules.items():
        bad = page.filter(rule)
        if bad.height:
            raise DataError(
                f"{market.market_id}: trade {bad['transaction_hash'][0]} {what}; its trades are not stored."
            )
    return page


def _overlap(before: pl.DataFrame, page: pl.DataFrame) -> int:
    """How many rows that begin ``page`` are those that ended what came before, sent once more.

    Equal rows are different fills, also across the edge of two pages: the venue's cursor goes on where the last
    page ended. Only a run of at least two different rows that comes again in its order is a repeat.
    """
    ended, begun = before.tail(page.height).select(_ROW).rows(), page.select(_ROW).rows()
    for start, row in enumerate(ended):
        run = len(ended) - start
        if row == begun[0] and ended[start:] == begun[:run] and len(set(begun[:run])) > 1:
            return run
    return 0


def _tables(trades: pl.DataFrame, market: MarketKey) -> Fetched:
    common = trades.sort("timestamp", maintain_order=True).select(
        (pl.col("timestamp") * SECOND).alias("event_ns"),
        ((pl.col("timestamp") + 1) * SECOND).alias("recv_ns"),
        pl.lit(market.market_id).alias("market_id"),
        pl.lit(market.asset).alias("asset"),
        pl.when(pl.col("token_id") == market.up_token_id).then(pl.lit("up")).otherwise(pl.lit("down")).alias("token"),
        "price",
        "size",
        "side",
        pl.col("transaction_hash").alias("tx_hash"),
        pl.lit(SOURCE).alias("source"),
        pl.col("proxy_wallet").alias("wallet"),
        (pl.col("price") * pl.col("size")).alias("usd"),
        pl.col("condition_id"),
        pl.col("title").alias("question"),
        "seq",
    )
    same = ["event_ns", "token", "price", "size", "side"]
    prints = common.with_columns(pl.int_range(pl.len()).over(same).alias("seq"))
    people = ["wallet", "usd", "condition_id", "question"]
    return {
        "binary_trades": BINARY_TRADES.conform(prints.drop(people).rename({"side": "taker_side"})),
        "wallet_fills": WALLET_FILLS.conform(common),
    }
