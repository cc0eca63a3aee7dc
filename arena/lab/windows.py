"""The markets: windows in an unbroken row, with the strikes and outcomes that the reports give them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.lab.options import CoinModel
from arena.lab.oracle import Reports
from arena.lab.streams import Day
from arena.lab.tables import SOURCE
from arena.market.schema import WINDOWS
from arena.units import SECOND
from arena.venues.rules import Rules


def window_rows(coin: CoinModel, interval_s: int, rules: Rules, reports: Reports, day: Day) -> pl.DataFrame:
    """Rows of the windows table: the day's windows of one length."""
    open_ns = np.arange(day.open_ns, day.close_ns, interval_s * SECOND, dtype=np.int64)
    close_ns = open_ns + interval_s * SECOND
    strike, settle = reports.mean(open_ns, rules.lookback_s), reports.mean(close_ns, rules.lookback_s)
    delay = 20.0 + day.rng("windows", coin.name, interval_s).lognormal(math.log(34.0), 0.5, open_ns.shape[0])
    slug = f"{coin.name.lower()}-updown-{interval_s // 60}m-"
    frame = pl.DataFrame({"open_ns": open_ns, "close_ns": close_ns, "strike": strike, "settle_price": settle})
    frame = frame.with_columns(
        market_id=pl.lit(slug) + (pl.col("open_ns") // SECOND).cast(pl.String),
        venue=pl.lit("polymarket"),
        asset=pl.lit(coin.name),
        interval_s=pl.lit(interval_s),
        strike_source=pl.lit("chainlink_stream"),
        settlement_rule=pl.lit(rules.settlement_rule),
        outcome=pl.when(pl.col("settle_price") >= pl.col("strike")).then(pl.lit("up")).otherwise(pl.lit("down")),
        outcome_source=pl.lit("lab"),
        resolved_ns=pl.col("close_ns") + pl.Series((delay * SECOND).astype(np.int64)),
        fee_rate=pl.lit(rules.fee_rate),
        fee_exponent=pl.lit(rules.fee_exponent),
        tick_size=pl.lit(rules.tick_size),
        min_order_size=pl.lit(rules.min_order_shares),
        source=pl.lit(SOURCE),
    )
    return WINDOWS.conform(frame)
