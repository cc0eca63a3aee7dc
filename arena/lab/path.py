"""The efficient price: what the coin is worth at every instant, before anybody shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from arena.jit import jit
from arena.lab.config import LabConfig
from arena.market.tape import F8, I8
from arena.units import MS, SECOND, YEAR_S

STEP_MS = 50
"""Grid of the efficient price, ms."""
_STEPS_PER_S = 1000 // STEP_MS
_PREROLL_S = 900


@dataclass(frozen=True, slots=True)
class Path:
    """The efficient log price every 50 ms and the annualised volatility every second, from ``origin_ns``."""

    origin_ns: int
    log_price: F8
    sigma: F8

    def at(self, t_ns: I8) -> F8:
        """Log price in force at each time, ns UTC."""
        step = np.clip((t_ns - self.origin_ns) // (STEP_MS * MS), 0, self.log_price.shape[0] - 1)
        return self.log_price[step]


def efficient_path(config: LabConfig, rng: np.random.Generator) -> Path:
    """The price path of the whole market: stochastic and seasonal volatility, jumps, no drift."""
    seconds = config.days * 86_400 + 2 * _PREROLL_S
    origin_ns = config.start_ns - _PREROLL_S * SECOND
    decay = math.exp(-math.log(2.0) / config.log_sigma_halflife_s)
    shocks = rng.standard_normal(seconds)
    log_vol = np.empty(seconds)
    ornstein_uhlenbeck(shocks, decay, config.log_sigma_sd, log_vol)
    hour = (origin_ns // SECOND + np.arange(seconds)) % 86_400 / 3600.0
    season = 1.0 + config.season_depth * np.cos((hour - config.season_peak_h) * (2.0 * math.pi / 24.0))
    # exp(-sd^2) keeps the mean variance at sigma^2.
    sigma = config.sigma * season * np.exp(log_vol - config.log_sigma_sd**2)
    step_sd = sigma * math.sqrt(1.0 / (YEAR_S * _STEPS_PER_S))
    returns = rng.standard_normal(seconds * _STEPS_PER_S)
    returns *= np.repeat(step_sd, _STEPS_PER_S)
    n_jumps = rng.poisson(config.jumps_per_day * seconds / 86_400)
    np.add.at(returns, rng.integers(0, returns.shape[0], n_jumps), rng.normal(0.0, config.jump_bps * 1e-4, n_jumps))
    log_price = np.cumsum(returns, out=returns)
    log_price += math.log(config.start_price)
    jump_variance = config.jumps_per_day * (config.jump_bps * 1e-4) ** 2 * 365.0
    return Path(origin_ns, log_price, np.sqrt(sigma**2 + jump_variance))


@jit
def ornstein_uhlenbeck(shock: F8, decay: float, sd: float, out: F8) -> None:
    """Stationary AR(1) with the given standard deviation, driven by unit normals."""
    x = sd * shock[0]
    scale = sd * math.sqrt(1.0 - decay * decay)
    for i in range(shock.shape[0]):
        x = decay * x + scale * shock[i]
        out[i] = x
