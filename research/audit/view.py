"""What the checks look at: a source of catalog tables, and the few projections that several checks share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import polars as pl

from arena.market.catalog import Catalog
from arena.market.windows import Source
from arena.units import SECOND

MINUTE = 60 * SECOND
DOLLARS = ("USD", "USDT", "USDC", "BUSD", "FDUSD")
"""Quote currencies whose prices are compared; what lies between them is a basis of a few bps."""


class View:
    """A source of tables with what is read from it more than once.

    Args:
        source: catalog tables, all of them or some.
        catalog: the catalog behind ``source``, for what only its manifest knows; None where there is none.
    """

    def __init__(self, source: Source, catalog: Catalog | None = None) -> None:
        self.source = source
        self.catalog = catalog
        self._made: dict[Callable[[View], pl.DataFrame], pl.DataFrame] = {}

    def rows(self, table: str, *columns: str | pl.Expr) -> pl.DataFrame:
        """Some columns of a whole table."""
        return self.source.scan(table).select(*columns).collect()

    def once(self, make: Callable[[View], pl.DataFrame]) -> pl.DataFrame:
        """``make(self)``, computed at the first call only: several checks judge one frame."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    @cached_property
    def windows(self) -> pl.DataFrame:
        """The windows table."""
        return self.source.scan("windows").collect()

    @cached_property
    def gaps(self) -> pl.DataFrame:
        """The gaps table."""
        return self.source.scan("gaps").collect()

    @cached_property
    def prices(self) -> pl.DataFrame:
        """Every price of a coin, one row per update, ordered by stream and receipt.

        Columns: ``stream`` (as the gaps table names it, e.g. ``spot/coinbase``), ``asset``, ``source``,
        ``subject`` (all three in words), ``recv_ns``, ``at_ns`` (venue time where recorded, else receipt),
        ``price`` (mid, or last where there is no book) and whether it is in ``dollars``.
        """
        mid = pl.coalesce((pl.col("bid") + pl.col("ask")) / 2.0, "last", "bid", "ask")
        spot = self.rows(
            "spot", pl.format("spot/{}", "venue").alias("stream"), "asset", "source", "recv_ns", "event_ns",
            mid.alias("price"), pl.col("quote").is_in(DOLLARS).alias("dollars"),
        )  # fmt: skip
        oracle = self.rows(
            "oracle", pl.format("oracle/{}", "feed").alias("stream"), "asset", "source", "recv_ns", "event_ns", "price",
            pl.lit(True).alias("dollars"),
        )  # fmt: skip
        return (
            pl.concat([spot, oracle])
            .sort("stream", "asset", "source", "recv_ns", maintain_order=True)
            .select(
                *("stream", "asset", "source", "recv_ns", "price", "dollars"),
                pl.coalesce("event_ns", "recv_ns").alias("at_ns"),
                subject().cast(pl.Categorical).alias("subject"),
            )
        )

    @cached_property
    def bars(self) -> pl.DataFrame:
        """What the checks read of the bars: who, what, when, and close, high and low."""
        return self.rows(
            "bars",
            *("venue", "symbol", "asset", "source", "quote", "kind", "interval_s", "event_ns", "close", "high", "low"),
        )

    @cached_property
    def minutes(self) -> pl.DataFrame:
        """Dollar prices of coins by minute, from prices and one-minute trade bars.

        Columns: ``subject, asset, stream, source, minute`` (ns UTC of its start), ``last`` and ``moved`` (whether
        more than one price was seen). A price of exactly the full minute ends the minute before, as a bar's
        close does. Prices in euros or coins are left out: they are no prices of the same thing.
        """
        minute = ((pl.col("at_ns") - 1) // MINUTE * MINUTE).alias("minute")
        price = pl.col("price")
        grouped = (
            self.prices.filter("dollars")
            .with_columns(minute)
            .sort("subject", "at_ns", maintain_order=True)
            .group_by("subject", "asset", "stream", "source", "minute", maintain_order=True)
            .agg(price.last().alias("last"), (price.min() < price.max()).alias("moved"))
        )
        short = self.bars.filter(
            (pl.col("kind") == "trade") & (pl.col("interval_s") == 60) & pl.col("quote").is_in(DOLLARS)
        ).with_columns(pl.format("bars/{}/{}", "venue", "symbol").alias("stream"))
        from_bars = short.select(
            subject().cast(pl.Categorical).alias("subject"),
            *("asset", "stream", "source"),
            pl.col("event_ns").alias("minute"),
            pl.col("close").alias("last"),
            (pl.col("low") < pl.col("high")).alias("moved"),
        ).sort("subject", "minute")
        return pl.concat([grouped, from_bars]).drop_nulls("last")


def subject(*names: str) -> pl.Expr:
    """A stream in words: ``spot/coinbase BTC (arena)``; ``names`` replace stream and asset."""
    parts = [pl.col(name) for name in (names or ("stream", "asset"))]
    return pl.concat_str(pl.concat_str(parts, separator=" "), pl.lit(" ("), "source", pl.lit(")"))


def lasting(ns: pl.Expr) -> pl.Expr:
    """A length of time in words: seconds below two minutes, then minutes, hours, days."""
    seconds = ns / SECOND
    return (
        pl.when(seconds < 120.0)
        .then(pl.format("{} s", seconds.round(1)))
        .when(seconds < 7200.0)
        .then(pl.format("{} min", (seconds / 60.0).round(1)))
        .when(seconds < 172_800.0)
        .then(pl.format("{} h", (seconds / 3600.0).round(1)))
        .otherwise(pl.format("{} days", (seconds / 86_400.0).round(1)))
    )


def undeclared(spans: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """``spans`` with ``undeclared_ns``: how much of each is not covered by a row of the gaps table.

    Args:
        spans: ``stream, asset, source, begin_ns, end_ns``.
        gaps: rows of the gaps table; those of one stream overlap only where recorders of one source do.
    """
    stream = ["stream", "asset", "source"]
    covered = (
        spans.with_row_index("span")
        .join(gaps.select(*stream, "recv_ns", "until_ns"), on=stream)
        .with_columns(
            pl.max_horizontal("begin_ns", "recv_ns").alias("a"), pl.min_horizontal("end_ns", "until_ns").alias("b")
        )
        .filter(pl.col("b") > pl.col("a"))
        .group_by("span")
        .agg((pl.col("b") - pl.col("a")).sum().alias("covered"))
    )
    length = pl.col("end_ns") - pl.col("begin_ns")
    return (
        spans.with_row_index("span")
        .join(covered, on="span", how="left", maintain_order="left")
        .with_columns((length - pl.col("covered").fill_null(0)).clip(lower_bound=0).alias("undeclared_ns"))
        .drop("span", "covered")
    )
