"""Windows of binary markets: their lives, prices, terms and outcomes."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from research.importers import defects
from research.importers.coins import updown_asset
from research.importers.recording import Converted, Recording, known_of, text, to_ns

LIFE = ("window_start_ms", "window_end_ms")
"""Columns of a window's life, in every recording that has one."""

CUT = "-1s"
"""Ending of the sources of the small cut: its quotes are another sampling of windows that are recorded in full."""


def updown_windows(frame: pl.DataFrame) -> Converted:
    """Windows of Polymarket and Kalshi from nine recorders."""
    windows = frame.select(
        "market_id",
        "venue",
        "asset",
        "interval_s",
        to_ns("window_start_ms").alias("open_ns"),
        to_ns("window_end_ms").alias("close_ns"),
        pl.col("start_price").alias("strike"),
        pl.col("price_source").alias("strike_source"),
        pl.col("end_price").alias("settle_price"),
        pl.when(pl.col("venue") == "kalshi").then(pl.lit("index_avg60")).alias("settlement_rule"),
        "outcome",
        "outcome_source",
        "volume",
        "source",
    )
    return Converted(
        {"windows": TABLES["windows"].conform(windows)},
        {"windows": known_of(frame, defects.WINDOWS)},
    )


def small_windows(frame: pl.DataFrame) -> Converted:
    """The windows of ``quotes_1s``, under a source of their own: see :data:`CUT`."""
    imported = updown_windows(frame)
    return Converted(
        {"windows": imported.tables["windows"].with_columns(pl.col("source") + CUT)},
        {"windows": {name + CUT: said for name, said in imported.notes["windows"].items()}},
    )


def polymarket_btc5m_market_meta(frame: pl.DataFrame) -> Converted:
    """Windows with the ids, fee, tick and minimum size the venue published for each of them.

    ``volume`` and outcome are of the time of the fetch, after the close; bid, ask and last are left out
    because they are of that time too.
    """
    closed = pl.col("closed_time").str.to_datetime("%Y-%m-%d %H:%M:%S%#z", time_unit="ms", strict=False)
    windows = frame.select(
        "market_id",
        text("polymarket", "venue"),
        updown_asset(frame["market_id"]),
        ((pl.col("window_end_ms") - pl.col("window_start_ms")) // 1000).alias("interval_s"),
        to_ns("window_start_ms").alias("open_ns"),
        to_ns("window_end_ms").alias("close_ns"),
        "strike",
        pl.when(pl.col("strike").is_not_null()).then(pl.lit("chainlink_stream")).alias("strike_source"),
        "outcome",
        pl.when(pl.col("outcome").is_not_null()).then(pl.lit("gamma_resolution")).alias("outcome_source"),
        (closed.dt.epoch("ms") * 1_000_000).alias("resolved_ns"),
        "fee_rate",
        "fee_exponent",
        "tick_size",
        "min_order_size",
        "volume",
        pl.col("fee_rebate_rate").alias("rebate_rate"),
        "condition_id",
        "up_token_id",
        "down_token_id",
        text("ligengxin96", "source"),
    )
    return Converted({"windows": TABLES["windows"].conform(windows)}, {"windows": {"ligengxin96": defects.MARKET_META}})


def windows_beside(
    frame: pl.DataFrame, venue: str, asset: pl.Series, source: pl.Expr, settlement_rule: str | None = None
) -> pl.DataFrame:
    """The windows that rows of quotes or prices describe beside them: life and outcome, no prices."""
    rows = frame.with_columns(asset).select(
        "market_id",
        text(venue, "venue"),
        "asset",
        ((pl.col("window_end_ms") - pl.col("window_start_ms")) // 1000).alias("interval_s"),
        to_ns("window_start_ms").alias("open_ns"),
        to_ns("window_end_ms").alias("close_ns"),
        pl.lit(settlement_rule, pl.String).alias("settlement_rule"),
        "outcome",
        pl.when(pl.col("outcome").is_not_null()).then(pl.lit("recorder")).alias("outcome_source"),
        source.alias("source"),
    )
    # One row per distinct description; those that contradict one another are for the quality rules to name.
    return TABLES["windows"].conform(rows.unique(maintain_order=True))


_WINDOW_COLUMNS = (
    *("market_id", "venue", "asset", "interval_s", "start_price", "end_price"),
    *("price_source", "outcome", "outcome_source", "volume", "source"),
)

RECORDINGS = (
    Recording(
        "polymarket_btc5m_market_meta",
        0,
        LIFE,
        (
            *("market_id", "outcome", "strike", "tick_size", "min_order_size", "fee_rate", "fee_exponent"),
            *("fee_rebate_rate", "condition_id", "up_token_id", "down_token_id", "volume", "closed_time"),
        ),
        polymarket_btc5m_market_meta,
    ),
    Recording("updown_windows", 1, LIFE, _WINDOW_COLUMNS, updown_windows),
    Recording("windows", 1, LIFE, _WINDOW_COLUMNS, small_windows),
)
