"""What the checks look at: a source of catalog tables, and the few projections that several checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from arena.market.catalog import Catalog
from arena.market.windows import Source
from arena.units import SECOND

MINUTE = 60 * SECOND
DOLLARS = ("USD", "USDT", "USDC", "BUSD", "FDUSD")
"""Quote currencies whose prices are compared; what lies between them is a basis of a few bps."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The prices of one coin on one stream from one source.

    Attributes:
        stream: as the gaps table names it, e.g. ``spot/coinbase``.
        asset: the coin.
        source: who recorded it.
        rows: one per update, by receipt: ``recv_ns``, ``at_ns`` (venue time where recorded, else receipt), ``price``
            (mid, or last where there is no book) and whether it is in ``dollars``.
    """

    stream: str
    asset: str
    source: str
    rows: pl.DataFrame

    @property
    def subject(self) -> str:
        """Stream, coin and source in words."""
        return f"{self.stream} {self.asset} ({self.source})"


class View:
    """A source of tables with what is read from it more than once.

    Prices and books are handed out in pieces (:meth:`feeds`, :meth:`quoted`): an audit holds one stream, or the books
    of one day's windows, however much the catalog holds.

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

    def feeds(self) -> Iterator[Feed]:
        """Every price of a coin, one stream after the other, by name, coin and source: no two are held at once."""
        mid = pl.coalesce((pl.col("bid") + pl.col("ask")) / 2.0, "last", "bid", "ask")
        for table, name, price, dollars in (
            ("oracle", "feed", pl.col("price"), pl.lit(True)),
            ("spot", "venue", mid, pl.col("quote").is_in(DOLLARS)),
        ):
            for stream, asset, source, rows in self.streams(table, name):
                at_ns = pl.coalesce("event_ns", "recv_ns").alias("at_ns")
                columns = rows.select("recv_ns", at_ns, price.alias("price"), dollars.alias("dollars"))
                yield Feed(stream, asset, source, columns.collect().sort("recv_ns", maintain_order=True))

    def streams(self, table: str, name: str) -> Iterator[tuple[str, str, str, pl.LazyFrame]]:
        """The streams of a table, as (``table/name``, coin, source, rows), by name, coin and source."""
        rows = self.source.scan(table)
        known = rows.select(name, "asset", "source").unique().collect(engine="streaming").sort(name, "asset", "source")
        for who, asset, source in known.iter_rows():
            of = (pl.col(name) == who) & (pl.col("asset") == asset) & (pl.col("source") == source)
            yield f"{table}/{who}", asset, source, rows.filter(of)

    def quoted(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Windows and the times of their books, by the day (UTC) on which the windows open.

        Yields ``market_id, open_ns, close_ns`` and ``market_id, source, recv_ns``.
        """
        life = self.windows.select("market_id", "open_ns", "close_ns").unique("market_id", keep="first")
        books = self.source.scan("binary_quotes").select("market_id", "source", "recv_ns")
        for _, day in life.group_by(pl.col("open_ns") // (1440 * MINUTE)):
            yield day, books.filter(pl.col("market_id").is_in(day["market_id"].implode())).collect(engine="streaming")

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
        grouped = [
            feed.rows.filter("dollars")
            .select("at_ns", "price", minute)
            .sort("at_ns", maintain_order=True)
            .group_by("minute", maintain_order=True)
            .agg(price.last().alias("last"), (price.min() < price.max()).alias("moved"))
            .select(
                pl.lit(feed.subject).cast(pl.Categorical).alias("subject"),
                *(pl.lit(getattr(feed, name)).alias(name) for name in ("asset", "stream", "source")),
                *("minute", "last", "moved"),
            )
            for feed in self.feeds()
        ]
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
        return pl.concat([*grouped, from_bars]).drop_nulls("last")


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
