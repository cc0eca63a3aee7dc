"""Spot venues: each shows the efficient price late, with noise, a spread and a basis of its own."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.lab.config import LabConfig, VenueModel
from arena.lab.path import Path, ornstein_uhlenbeck
from arena.lab.silence import gap_rows, inside, poisson_times, spells
from arena.lab.tables import SOURCE
from arena.market.schema import SPOT
from arena.units import MS, SECOND


def venue_rows(
    config: LabConfig, venue: VenueModel, path: Path, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the spot table of one venue, and its outages as gaps."""
    begin = config.start_ns - 600 * SECOND
    end = config.start_ns + config.days * 86_400 * SECOND + 300 * SECOND
    event = poisson_times(venue.rate, begin, end, rng)
    start, stop = spells(config.outages_per_day, config.outage_s, begin, end, rng)
    event = event[inside(event, start, stop) < 0]
    n = event.shape[0]
    seconds = (end - begin) // SECOND + 1
    basis = np.empty(seconds)
    ornstein_uhlenbeck(rng.standard_normal(seconds), math.exp(-math.log(2.0) / 1800.0), venue.basis_sd_bps, basis)
    offset = venue.basis_bps + basis[(event - begin) // SECOND] + rng.normal(0.0, venue.noise_bps, n)
    mid = np.exp(path.at(event - int(venue.lag_ms * MS)) + offset * 1e-4)
    half = mid * venue.half_spread_bps * 1e-4
    # A message cannot overtake the one before it on the same connection.
    travel = np.asarray(rng.lognormal(math.log(15.0), 0.5, n))
    recv = np.maximum.accumulate(event + (travel * MS).astype(np.int64))
    bid = np.floor((mid - half) * 100.0) / 100.0
    ask = np.maximum(np.ceil((mid + half) * 100.0) / 100.0, bid + 0.01)
    frame = SPOT.conform(
        pl.DataFrame({"event_ns": event, "recv_ns": recv, "bid": bid, "ask": np.round(ask, 2)}).with_columns(
            venue=pl.lit(venue.name),
            asset=pl.lit(config.asset),
            quote=pl.lit(venue.quote),
            last=pl.lit(None, dtype=pl.Float64),
            source=pl.lit(SOURCE),
        )
    )
    return frame, gap_rows(start, stop, f"spot/{venue.name}", "outage", config.asset)
