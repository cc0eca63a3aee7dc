"""The settlement feed: one report a second, received late."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.path import Path
from arena.lab.tables import SOURCE
from arena.market.schema import ORACLE
from arena.market.tape import F8, I8
from arena.units import MS, SECOND


def oracle_rows(config: LabConfig, path: Path, rng: np.random.Generator) -> tuple[pl.DataFrame, I8, F8]:
    """Rows of the oracle table, and its reports as arrays: second (ns UTC) and price (USD)."""
    seconds = config.days * 86_400 + 300 + 600
    event = config.start_ns - 600 * SECOND + np.arange(seconds, dtype=np.int64) * SECOND
    noise = np.asarray(rng.normal(0.0, config.oracle_noise_bps * 1e-4, seconds))
    price: F8 = np.round(np.exp(path.at(event) + noise), 4).astype(np.float64)
    least, median, log_sd = config.oracle_recv_ms
    relay = least + rng.lognormal(math.log(median), log_sd, seconds)
    recv = np.maximum.accumulate(event + (relay * MS).astype(np.int64))
    frame = ORACLE.conform(
        pl.DataFrame({"event_ns": event, "recv_ns": recv, "price": price}).with_columns(
            asset=pl.lit(config.asset), feed=pl.lit("chainlink"), source=pl.lit(SOURCE)
        )
    )
    return frame, event, price
