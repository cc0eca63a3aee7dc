"""Silences in a recording, written down as rows of the ``gaps`` table.

All of them are measured on ``recv_ns``: a gap is a time in which *we* knew nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from arena.market.schema import NO_COIN, TABLES
from arena.units import MINUTE, SECOND

ORACLE_SILENCE_NS = 10 * SECOND
SPOT_SILENCE_NS = 10 * SECOND
SPOT_INTERVALS = 3.0
QUOTE_SILENCE_NS = 30 * SECOND
QUOTE_INTERVALS = 1.5
"""A venue sampled once a minute is not silent for 59 seconds: quotes need a gap of 1.5 typical intervals too."""
SAMPLER_SILENCE_NS = 10 * MINUTE
REGULAR = 0.99
"""Share of steps of exactly one interval from which on a stream of bars counts as complete but for its gaps."""
IRREGULAR_SILENCE_NS = 60 * MINUTE
"""Streams of bars that leave out what nothing traded in: less than this is no gap."""

FOUND_HERE = ("silence", "missing")
"""Reasons of the gaps that are found in rows; what a recorder said about itself has other reasons."""


@dataclass(frozen=True, slots=True)
class Finder:
    """How the gaps of a table are found: in these columns of its rows, by this function of them and of ``windows``."""

    columns: tuple[str, ...]
    find: Callable[[pl.DataFrame, pl.LazyFrame], pl.DataFrame]


def oracle_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Gaps of more than 10 s between reports of one asset and source."""
    return _stream_gaps(
        frame, pl.concat_str(pl.lit("oracle/"), "feed"), ["asset", "source", "feed"], pl.lit(ORACLE_SILENCE_NS)
    )


def spot_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Gaps of more than three typical (median) intervals of the stream, and more than 10 s."""
    typical = pl.col("recv_ns").diff().median().over("asset", "source", "venue")
    limit = pl.max_horizontal(SPOT_INTERVALS * typical, pl.lit(float(SPOT_SILENCE_NS)))
    return _stream_gaps(frame, pl.concat_str(pl.lit("spot/"), "venue"), ["asset", "source", "venue"], limit)


def bar_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Bars that are missing within a stream of bars.

    Of a stream that is complete but for its gaps (:data:`REGULAR`), every absent bar. Of one that leaves
    out what nothing traded in, absences of more than an hour. A stream's beginning and end are no gaps.
    """
    stream = ["venue", "symbol", "source", "kind", "interval_s"]
    name = pl.concat_str(pl.lit("bars"), "venue", "symbol", "kind", pl.col("interval_s").cast(pl.String), separator="/")
    length = pl.col("interval_s").cast(pl.Int64) * SECOND
    step = pl.col("recv_ns").diff()
    regular = (step == length).mean().over(stream) >= REGULAR
    limit = pl.when(regular).then(length).otherwise(pl.max_horizontal(length, pl.lit(IRREGULAR_SILENCE_NS)))
    return _stream_gaps(frame, name, stream, limit, "missing")


def universe_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Times in which no market of a universe was sampled for more than ten minutes: the recorder was down.

    A single market is silent whenever its prices stand still, which says nothing.
    """
    looks = frame.unique(["source", "recv_ns"]).with_columns(pl.lit(NO_COIN).alias("asset"))
    return _stream_gaps(looks, pl.lit("universe_quotes/all"), ["source"], pl.lit(SAMPLER_SILENCE_NS))


def quote_gaps(quotes: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Gaps of more than 30 s (and 1.5 typical intervals) between a window's open and its close.

    A quote before the open counts as known at the open. Silence from the open to the first quote, and
    from the last quote to the close, are gaps too; they begin (end) at the open (close). A change-only
    recording is also silent when nothing changes: a gap is a warning, not a proof of an outage.

    Args:
        quotes: ``binary_quotes`` rows, any order.
        windows: ``windows`` rows; quotes of other markets are left out.
    """
    life = windows.select("market_id", "open_ns", "close_ns").unique("market_id", keep="first", maintain_order=True)
    stream = ["market_id", "source"]
    inside = (
        quotes.select("market_id", "asset", "source", "recv_ns")
        .join(life, on="market_id", how="inner")
        .with_columns(pl.col("recv_ns").clip(pl.col("open_ns"), pl.col("close_ns")))
    )
    edges = pl.concat(
        inside.group_by(stream, maintain_order=True).agg(pl.col("asset").first(), pl.col(edge).first().alias("recv_ns"))
        for edge in ("open_ns", "close_ns")
    )
    points = pl.concat([inside.select(edges.columns), edges]).sort(*stream, "recv_ns")
    step = pl.col("recv_ns").diff().over(stream)
    typical = (
        points.with_columns(step.alias("step"))
        .filter(pl.col("step") > 0)
        .group_by("source")
        .agg(
            pl.max_horizontal(QUOTE_INTERVALS * pl.col("step").median(), pl.lit(float(QUOTE_SILENCE_NS))).alias("limit")
        )
    )
    return _stream_gaps(
        points.join(typical, on="source", how="inner", maintain_order="left"),
        pl.concat_str(pl.lit("binary_quotes/"), "market_id"),
        stream,
        pl.col("limit"),
    )


def _stream_gaps(
    frame: pl.DataFrame, stream: pl.Expr, by: list[str], limit_ns: pl.Expr, reason: str = "silence"
) -> pl.DataFrame:
    return TABLES["gaps"].conform(
        frame.sort(*by, "recv_ns")
        .with_columns(pl.col("recv_ns").shift(1).over(by).alias("before"), limit_ns.alias("limit_ns"))
        .filter(pl.col("recv_ns") - pl.col("before") > pl.col("limit_ns"))
        .select(
            pl.col("before").alias("recv_ns"),
            pl.col("recv_ns").alias("until_ns"),
            stream.alias("stream"),
            "asset",
            pl.lit(reason).alias("reason"),
            "source",
        )
        .sort("recv_ns")
    )


FINDERS: dict[str, Finder] = {
    "binary_quotes": Finder(
        ("market_id", "asset", "source", "recv_ns"), lambda rows, windows: quote_gaps(rows, windows.collect())
    ),
    "spot": Finder(("asset", "source", "venue", "recv_ns"), lambda rows, _: spot_gaps(rows)),
    "oracle": Finder(("asset", "source", "feed", "recv_ns"), lambda rows, _: oracle_gaps(rows)),
    "bars": Finder(
        ("venue", "symbol", "asset", "source", "kind", "interval_s", "recv_ns"), lambda rows, _: bar_gaps(rows)
    ),
    "universe_quotes": Finder(("source", "recv_ns"), lambda rows, _: universe_gaps(rows)),
}
"""Tables in whose rows gaps are looked for, and how."""
