"""Spot venues: each shows the efficient price late, with noise, a spread and a basis of its own."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.jit import jit
from arena.lab.config import LabConfig, VenueModel
from arena.lab.options import CoinModel
from arena.lab.path import Path, ornstein_uhlenbeck
from arena.lab.silence import Silences, gap_rows, inside, poisson_times
from arena.lab.streams import Day
from arena.lab.tables import SOURCE
from arena.market.schema import SPOT
from arena.market.tape import F8, I8
from arena.units import MS, SECOND


class SpotStream:
    """One coin on one venue, a day at a time."""

    def __init__(self, config: LabConfig, coin: CoinModel, venue: VenueModel) -> None:
        self._coin = coin
        self._venue = venue
        self._outages = Silences(config.outages_per_day, config.outage_s)
        self._basis_bps = math.nan
        self._noise = np.array([0.0, math.nan])
        self._last_recv_ns = 0

    def next(self, day: Day, path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows of the spot table, and the outages that began, as gaps."""
        venue, coin = self._venue, self._coin
        rng = day.rng("spot", coin.name, venue.name)
        event = poisson_times(venue.rate, day.begin_ns, day.end_ns, rng)
        start, stop, told = self._outages.next(day.begin_ns, day.end_ns, rng)
        event = event[inside(event, start, stop) < 0]
        n = event.shape[0]
        seconds = (day.end_ns - day.begin_ns) // SECOND + 1
        shocks = rng.standard_normal(seconds)
        basis = np.empty(seconds)
        begin = venue.basis_sd_bps * float(shocks[0]) if day.first else self._basis_bps
        decay = math.exp(-math.log(2.0) / venue.basis_halflife_s)
        ornstein_uhlenbeck(shocks, decay, venue.basis_sd_bps, begin, basis)
        self._basis_bps = float(basis[-1])
        noise = np.asarray(rng.standard_normal(n))
        _remember(event, venue.noise_halflife_s * SECOND, noise, self._noise)
        offset = venue.basis_bps + basis[(event - day.begin_ns) // SECOND] + venue.noise_bps * noise
        mid = np.exp(path.at(event - int(venue.lag_ms * MS)) + offset * 1e-4)
        half = mid * venue.half_spread_bps * 1e-4
        # A message cannot overtake the one before it on the same connection.
        travel = np.asarray(rng.lognormal(math.log(15.0), 0.5, n))
        recv = np.maximum.accumulate(np.maximum(event + (travel * MS).astype(np.int64), self._last_recv_ns))
        self._last_recv_ns = int(recv[-1]) if n else self._last_recv_ns
        per_usd = round(1.0 / coin.tick)
        bid = np.floor((mid - half) * per_usd) / per_usd
        ask = np.round(np.maximum(np.ceil((mid + half) * per_usd) / per_usd, bid + coin.tick), 6)
        frame = pl.DataFrame({"event_ns": event, "recv_ns": recv, "bid": bid, "ask": ask}).with_columns(
            venue=pl.lit(venue.name),
            asset=pl.lit(coin.name),
            quote=pl.lit(venue.quote),
            last=pl.lit(None, dtype=pl.Float64),
            source=pl.lit(SOURCE),
        )
        gaps = gap_rows(start[told:], stop[told:], f"spot/{venue.name}", "outage", coin.name)
        return SPOT.conform(frame), gaps


@jit
def _remember(event_ns: I8, halflife_ns: float, noise: F8, state: F8) -> None:
    """Turn unit normals into a stationary AR(1) in time of unit variance, in place; no memory with a half-life of 0.

    ``state`` is the time (ns UTC) and value of the noise so far, NaN before the first.
    """
    at, x = state[0], state[1]
    for i in range(noise.shape[0]):
        if halflife_ns > 0.0 and not math.isnan(x):
            decay = math.exp(-math.log(2.0) * (event_ns[i] - at) / halflife_ns)
            noise[i] = decay * x + math.sqrt(1.0 - decay * decay) * noise[i]
        at, x = float(event_ns[i]), noise[i]
    state[0], state[1] = at, x
