"""Who traded: fills and rankings of wallets."""

from __future__ import annotations

import polars as pl

from arena.market.schema import NO_COIN, TABLES
from research.importers import defects
from research.importers.coins import updown_asset
from research.importers.recording import Converted, Recording, known_of, one_table, place_among_equals, text, to_ns


def wallet_trades(frame: pl.DataFrame) -> Converted:
    """Fills of wallets. Merges and redemptions stand among them and are no fills: without a side they are refused."""
    fills = frame.select(
        to_ns("ts_ms").alias("event_ns"),
        to_ns("ts_ms").alias("recv_ns"),
        "wallet",
        "market_id",
        updown_asset(frame["market_id"]),
        pl.col("outcome").str.to_lowercase().alias("token"),
        pl.col("side").str.to_lowercase(),
        *("price", "size", "usd", "tx_hash", "condition_id", "question"),
        *("wallet_age_hours", "wallet_open_positions", "source"),
    )
    rows = TABLES["wallet_fills"].conform(place_among_equals(fills, "wallet_fills"))
    return Converted({"wallet_fills": rows}, {"wallet_fills": known_of(frame, defects.WALLETS)})


def wallet_leaderboard(frame: pl.DataFrame) -> Converted:
    """Leaderboard snapshots; the recorder counts two of the ranks from 0, the table from 1."""
    ranks = frame.select(
        to_ns("ts_ms").alias("recv_ns"),
        "wallet",
        text(NO_COIN, "asset"),
        "timeframe",
        "rank_combined",
        pl.col("rank_pnl") + 1,
        (pl.col("rank_vol") + 1).alias("rank_volume"),
        *("pnl_usd", "volume_usd", "score"),
        text("thesaddestlandscape", "source"),
    )
    return one_table("wallet_ranks", ranks, defects.LEADERBOARD)


RECORDINGS = (
    Recording(
        "wallet_trades",
        10,
        ("ts_ms",),
        (
            *("wallet", "market_id", "condition_id", "outcome", "side", "price", "size", "usd", "tx_hash"),
            *("source", "question", "wallet_age_hours", "wallet_open_positions"),
        ),
        wallet_trades,
    ),
    Recording(
        "wallet_leaderboard",
        10,
        ("ts_ms",),
        (*("wallet", "timeframe", "rank_combined", "rank_pnl", "rank_vol"), *("pnl_usd", "volume_usd", "score")),
        wallet_leaderboard,
    ),
)
