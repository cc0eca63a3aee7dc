"""Small frames of catalog tables."""

from __future__ import annotations

from typing import Any

import polars as pl

from arena.market.schema import TABLES
from arena.units import SECOND

DAY = 86_400 * SECOND
T0 = 1_772_323_200 * SECOND
"""2026-03-01 00:00 UTC."""
SPOT = TABLES["spot"]


def spots(*times: int, source: str = "test", asset: str = "BTC", price: float = 100.0) -> pl.DataFrame:
    """Spot rows at ``times``, ns after :data:`T0`."""
    return SPOT.conform(
        pl.DataFrame({"recv_ns": [T0 + t for t in times]}, schema={"recv_ns": pl.Int64}).with_columns(
            venue=pl.lit("coinbase"),
            asset=pl.lit(asset),
            quote=pl.lit("USD"),
            last=pl.lit(price),
            source=pl.lit(source),
        )
    )


def windows(market: str = "m1", source: str = "test", day: int = 0, **changes: Any) -> pl.DataFrame:
    """One five-minute window that opens ``day`` days after :data:`T0`."""
    row: dict[str, Any] = {"market_id": market, "venue": "lab", "asset": "BTC", "interval_s": 300, "source": source}
    return pl.DataFrame([row | {"open_ns": T0 + day * DAY, "close_ns": T0 + day * DAY + 300 * SECOND} | changes])


def quotes(market: str = "m1", **changes: Any) -> pl.DataFrame:
    """One quote of a market at :data:`T0`."""
    row: dict[str, Any] = {"recv_ns": T0, "market_id": market, "asset": "BTC", "up_bid": 0.4, "up_ask": 0.5}
    return pl.DataFrame([row | {"source": "test"} | changes])
