"""The markets: windows in an unbroken row, with the strikes and outcomes that the reports give them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.tables import SOURCE
from arena.market.schema import WINDOWS
from arena.market.tape import F8, I8
from arena.market.windows import LOOKBACKS_S
from arena.units import SECOND
from arena.venues.rules import Rules


def window_rows(
    config: LabConfig, rules: Rules, report_ns: I8, report: F8, rng: np.random.Generator
) -> tuple[pl.DataFrame, F8]:
    """Rows of the windows table, and the strike of each (USD), from the reports at ``report_ns``."""
    n = config.days * 86_400 // config.interval_s
    open_ns = config.start_ns + np.arange(n, dtype=np.int64) * config.interval_s * SECOND
    close_ns = open_ns + config.interval_s * SECOND
    w = max(LOOKBACKS_S[rules.settlement_rule], 1)
    # Mean of the w reports that end at each boundary; w = 1 is the spot rule.
    total = np.concatenate([[0.0], np.cumsum(report - report[0])])

    def reference(at_ns: I8) -> F8:
        hi = np.searchsorted(report_ns, at_ns, side="right")
        mean: F8 = report[0] + (total[hi] - total[hi - w]) / w
        return mean

    strike, settle = reference(open_ns), reference(close_ns)
    delay = 20.0 + rng.lognormal(math.log(34.0), 0.5, n)
    slug = f"{config.asset.lower()}-updown-{config.interval_s // 60}m-"
    frame = pl.DataFrame({"open_ns": open_ns, "close_ns": close_ns, "strike": strike, "settle_price": settle})
    frame = frame.with_columns(
        market_id=pl.lit(slug) + (pl.col("open_ns") // SECOND).cast(pl.String),
        venue=pl.lit("polymarket"),
        asset=pl.lit(config.asset),
        interval_s=pl.lit(config.interval_s),
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
    return WINDOWS.conform(frame), strike
