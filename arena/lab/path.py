"""The efficient price: what each coin is worth at every instant, before anybody shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from arena.jit import jit
from arena.lab.config import LabConfig
from arena.lab.options import CoinModel
from arena.lab.streams import AFTER_S, Day
from arena.market.tape import F8, I8
from arena.units import MS, SECOND, YEAR_S

STEP_MS = 50
"""Grid of the efficient price, ms."""
_STEPS_PER_S = 1000 // STEP_MS
_AHEAD_S = AFTER_S + 1
_PREROLL_S = 300
_TAIL_S = _AHEAD_S + _PREROLL_S
"""Kept of the day before: its overhang, and what late venues and makers still look back on."""


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

    def tail(self) -> Path:
        """What the next day still needs of this one."""
        keep = self.sigma.shape[0] - _TAIL_S
        return Path(
            self.origin_ns + keep * SECOND, self.log_price[keep * _STEPS_PER_S :].copy(), self.sigma[keep:].copy()
        )


def grid(day: Day) -> tuple[int, int]:
    """First moment (ns UTC) and length (seconds) of the new piece of path that a day needs."""
    begin_ns = day.begin_ns - _PREROLL_S * SECOND if day.first else day.open_ns + _AHEAD_S * SECOND
    return begin_ns, (day.close_ns - begin_ns) // SECOND + _AHEAD_S


class PathSource(Protocol):
    """Anything that continues a coin's path by one day."""

    def next(self, day: Day, common: Common) -> Path:
        """The path of the day, with the tail of the one before."""
        ...


@dataclass(frozen=True, slots=True)
class Common:
    """One day's draws that all coins share: unit shocks of price and volatility, and jumps.

    ``alt`` is drawn only where a coin loads on it; jumps are steps of the grid and unit sizes.
    """

    normal: F8
    alt: F8
    mood: F8
    jump_step: I8
    jump_size: F8


def common_draws(config: LabConfig, day: Day, alts: bool) -> Common:
    """What the coins share on one day."""
    _, seconds = grid(day)
    steps = seconds * _STEPS_PER_S
    jumps = day.rng("path", "jumps")
    n = jumps.poisson(config.jumps_per_day * seconds / 86_400)
    return Common(
        normal=day.rng("path", "market").standard_normal(steps),
        alt=day.rng("path", "alt").standard_normal(steps if alts else 0),
        mood=day.rng("path", "mood").standard_normal(seconds),
        jump_step=jumps.integers(0, steps, n),
        jump_size=jumps.standard_normal(n),
    )


class PathStream:
    """One coin's efficient price: stochastic and seasonal volatility, jumps, no drift."""

    def __init__(self, config: LabConfig, coin: CoinModel) -> None:
        self._config = config
        self._coin = coin
        self._log_price = math.log(coin.start_price)
        self._mood = math.nan
        self._before: Path | None = None

    def next(self, day: Day, common: Common) -> Path:
        """The path of the day, with the tail of the one before."""
        config, coin = self._config, self._coin
        origin_ns, seconds = grid(day)
        own = day.rng("path", coin.name)
        sigma = self._volatility(origin_ns, seconds, common, own)
        returns = self._shocks(common, own)
        returns *= np.repeat(sigma * math.sqrt(1.0 / (YEAR_S * _STEPS_PER_S)), _STEPS_PER_S)
        jump = config.jump_bps * 1e-4 * coin.volatility
        np.add.at(returns, common.jump_step, jump * common.jump_size)
        n_own = own.poisson(coin.own_jumps_per_day * seconds / 86_400)
        np.add.at(returns, own.integers(0, returns.shape[0], n_own), jump * own.standard_normal(n_own))
        log_price = np.cumsum(returns, out=returns)
        log_price += self._log_price
        jump_variance = (config.jumps_per_day + coin.own_jumps_per_day) * jump**2 * 365.0
        path = Path(origin_ns, log_price, np.sqrt(sigma**2 + jump_variance))
        self._log_price = float(log_price[-1])
        path = join(self._before, path)
        self._before = path.tail()
        return path

    def _volatility(self, origin_ns: int, seconds: int, common: Common, own: np.random.Generator) -> F8:
        config, coin = self._config, self._coin
        shocks = common.mood
        if coin.market < 1.0:
            shocks = coin.market * shocks + math.sqrt(1.0 - coin.market**2) * own.standard_normal(seconds)
        decay = math.exp(-math.log(2.0) / config.log_sigma_halflife_s)
        if math.isnan(self._mood):
            self._mood = config.log_sigma_sd * float(shocks[0])
        log_vol = np.empty(seconds)
        ornstein_uhlenbeck(shocks, decay, config.log_sigma_sd, self._mood, log_vol)
        self._mood = float(log_vol[-1])
        hour = (origin_ns // SECOND + np.arange(seconds)) % 86_400 / 3600.0
        season = 1.0 + config.season_depth * np.cos((hour - config.season_peak_h) * (2.0 * math.pi / 24.0))
        # exp(-sd^2) keeps the mean variance at sigma^2.
        sigma: F8 = coin.volatility * config.sigma * season * np.exp(log_vol - config.log_sigma_sd**2)
        return sigma

    def _shocks(self, common: Common, own: np.random.Generator) -> F8:
        coin = self._coin
        shocks = coin.market * common.normal
        if coin.alt:
            shocks += coin.alt * common.alt
        rest = 1.0 - coin.market**2 - coin.alt**2
        if rest > 0.0:
            shocks += math.sqrt(rest) * own.standard_normal(shocks.shape[0])
        return shocks


def join(before: Path | None, path: Path) -> Path:
    """``path`` with the tail that precedes it."""
    if before is None:
        return path
    return Path(
        before.origin_ns,
        np.concatenate([before.log_price, path.log_price]),
        np.concatenate([before.sigma, path.sigma]),
    )


@jit
def ornstein_uhlenbeck(shock: F8, decay: float, sd: float, start: float, out: F8) -> None:
    """AR(1) with the given stationary standard deviation, driven by unit normals, from ``start`` on."""
    x = start
    scale = sd * math.sqrt(1.0 - decay * decay)
    for i in range(shock.shape[0]):
        x = decay * x + scale * shock[i]
        out[i] = x
