"""Silences in a recording, written down as rows of the ``gaps`` table.

All of them are measured on ``recv_ns``: a gap is a time in which *we* knew nothing new.
"""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from arena.units import SECOND

ORACLE_SILENCE_NS = 10 * SECOND
SPOT_SILENCE_NS = 10 * SECOND
SPOT_INTERVALS = 3.0
QUOTE_SILENCE_NS = 30 * SECOND
QUOTE_INTERVALS = 1.5
"""A venue sampled once a minute is not silent for 59 seconds: quotes need a gap of 1.5 typical intervals too."""


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


def _stream_gaps(frame: pl.DataFrame, stream: pl.Expr, by: list[str], limit_ns: pl.Expr) -> pl.DataFrame:
    return TABLES["gaps"].conform(
        frame.sort(*by, "recv_ns")
        .with_columns(pl.col("recv_ns").shift(1).over(by).alias("before"), limit_ns.alias("limit_ns"))
        .filter(pl.col("recv_ns") - pl.col("before") > pl.col("limit_ns"))
        .select(
            pl.col("before").alias("recv_ns"),
            pl.col("recv_ns").alias("until_ns"),
            stream.alias("stream"),
            "asset",
            pl.lit("silence").alias("reason"),
            "source",
        )
        .sort("recv_ns")
    )
