"""The efficient price: what each coin is worth at every instant, before anybody shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
STEPS_PER_S = 1000 // STEP_MS
"""Steps of the grid in a second."""
QUICK_S = 3600.0
"""A component of volatility with a shorter half-life changes within a window: whoever prices one must foresee it."""
_AHEAD_S = AFTER_S + 1
_PREROLL_S = 300
_TAIL_S = _AHEAD_S + _PREROLL_S
"""Kept of the day before: its overhang, and what late venues and makers still look back on."""


@dataclass(frozen=True, slots=True)
class Path:
    """The efficient price and what is to be known of it, from ``origin_ns``.

    Attributes:
        origin_ns: first instant, ns UTC, a whole second.
        log_price: logarithm of the price every 50 ms.
        sigma: annualised volatility every second, jumps included, were its quick components at their mean.
        quick: state of the components of log volatility that change within a window, shape (components, seconds).
        quick_sd, quick_rate: their standard deviations, and how fast they forget, per second.
        smoothed: exponential average of ``log_price`` every second: the slow part of the oracle's reports.
        instant, smooth_s: share of a move that a report shows at once, and the time constant of the rest, s.
        jump_rate, jump_sd: jumps per second, and the standard deviation of their logarithmic size.
    """

    origin_ns: int
    log_price: F8
    sigma: F8
    smoothed: F8
    quick: F8
    quick_sd: F8
    quick_rate: F8
    instant: float = 1.0
    smooth_s: float = 1.0
    jump_rate: float = 0.0
    jump_sd: float = 0.0

    def at(self, t_ns: I8) -> F8:
        """Log price in force at each time, ns UTC."""
        step = np.clip((t_ns - self.origin_ns) // (STEP_MS * MS), 0, self.log_price.shape[0] - 1)
        return self.log_price[step]

    def reported(self, second_ns: I8) -> F8:
        """Log price as the oracle sees it at each whole second, ns UTC."""
        slow = self.smoothed[np.clip((second_ns - self.origin_ns) // SECOND, 0, self.smoothed.shape[0] - 1)]
        return np.asarray(self.instant * self.at(second_ns) + (1.0 - self.instant) * slow)

    def tail(self) -> Path:
        """What the next day still needs of this one."""
        keep = self.sigma.shape[0] - _TAIL_S
        return replace(
            self,
            origin_ns=self.origin_ns + keep * SECOND,
            log_price=self.log_price[keep * STEPS_PER_S :].copy(),
            sigma=self.sigma[keep:].copy(),
            smoothed=self.smoothed[keep:].copy(),
            quick=self.quick[:, keep:].copy(),
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

    ``alt`` is drawn only where a coin loads on it; ``mood`` has shape (components of volatility, seconds); jumps are
    steps of the grid and unit sizes.
    """

    normal: F8
    alt: F8
    mood: F8
    jump_step: I8
    jump_size: F8


def common_draws(config: LabConfig, day: Day, alts: bool) -> Common:
    """What the coins share on one day."""
    _, seconds = grid(day)
    steps = seconds * STEPS_PER_S
    jumps = day.rng("path", "jumps")
    n = jumps.poisson(config.jumps_per_day * seconds / 86_400)
    return Common(
        normal=day.rng("path", "market").standard_normal(steps),
        alt=day.rng("path", "alt").standard_normal(steps if alts else 0),
        mood=day.rng("path", "mood").standard_normal((len(config.vol_components), seconds)),
        jump_step=jumps.integers(0, steps, n),
        jump_size=jumps.standard_normal(n),
    )


class PathStream:
    """One coin's efficient price: stochastic and seasonal volatility, jumps, no drift."""

    def __init__(self, config: LabConfig, coin: CoinModel) -> None:
        self._config = config
        self._coin = coin
        self._log_price = math.log(coin.start_price)
        self._smoothed = self._log_price
        self._mood: list[float] = []
        quick = [part for part in config.vol_components if part[1] < QUICK_S]
        self._quick_sd = np.array([sd for sd, _ in quick])
        self._quick_rate = np.array([math.log(2.0) / halflife_s for _, halflife_s in quick])
        self._before: Path | None = None

    def next(self, day: Day, common: Common) -> Path:
        """The path of the day, with the tail of the one before."""
        config, coin = self._config, self._coin
        origin_ns, seconds = grid(day)
        own = day.rng("path", coin.name)
        sigma, quick = self._volatility(origin_ns, seconds, common)
        returns = self._shocks(common, own)
        # exp(-variance) keeps the mean variance at sigma^2.
        now = sigma * np.exp(quick.sum(axis=0) - float(np.sum(self._quick_sd**2)))
        returns *= np.repeat(now * math.sqrt(1.0 / (YEAR_S * STEPS_PER_S)), STEPS_PER_S)
        jump = config.jump_bps * 1e-4 * coin.volatility
        np.add.at(returns, common.jump_step, jump * common.jump_size)
        n_own = own.poisson(coin.own_jumps_per_day * seconds / 86_400)
        np.add.at(returns, own.integers(0, returns.shape[0], n_own), jump * own.standard_normal(n_own))
        log_price = np.cumsum(returns, out=returns)
        log_price += self._log_price
        jumps_per_day = config.jumps_per_day + coin.own_jumps_per_day
        smoothed = np.empty(seconds)
        decay = math.exp(-STEP_MS / (1000.0 * config.oracle_smooth_s))
        self._smoothed = smooth(log_price, STEPS_PER_S, decay, self._smoothed, smoothed)
        path = Path(
            origin_ns, log_price, np.sqrt(sigma**2 + jumps_per_day * jump**2 * 365.0), smoothed,
            quick, self._quick_sd, self._quick_rate,
            config.oracle_instant, config.oracle_smooth_s, jumps_per_day / 86_400.0, jump,
        )  # fmt: skip
        self._log_price = float(log_price[-1])
        path = join(self._before, path)
        self._before = path.tail()
        return path

    def _volatility(self, origin_ns: int, seconds: int, common: Common) -> tuple[F8, F8]:
        config, coin = self._config, self._coin
        # What is wild is wild in every coin at once (assumed): else quick bursts would hide how prices correlate.
        shocks = common.mood
        if not self._mood:
            self._mood = [sd * float(shock[0]) for (sd, _), shock in zip(config.vol_components, shocks, strict=True)]
        log_vol, quick = np.zeros(seconds), []
        for k, (sd, halflife_s) in enumerate(config.vol_components):
            component = np.empty(seconds)
            ornstein_uhlenbeck(shocks[k], math.exp(-math.log(2.0) / halflife_s), sd, self._mood[k], component)
            self._mood[k] = float(component[-1])
            if halflife_s < QUICK_S:
                quick.append(component)
            else:
                log_vol += component - sd**2
        # The factor of an hour belongs to its middle; between middles it moves in a straight line.
        hour = (origin_ns // SECOND + np.arange(seconds)) % 86_400 / 3600.0
        season = np.interp(hour, np.arange(24) + 0.5, config.season, period=24.0)
        sigma: F8 = coin.volatility * config.sigma * season * np.exp(log_vol)
        return sigma, np.array(quick).reshape(len(quick), seconds)

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
    return replace(
        path,
        origin_ns=before.origin_ns,
        log_price=np.concatenate([before.log_price, path.log_price]),
        sigma=np.concatenate([before.sigma, path.sigma]),
        smoothed=np.concatenate([before.smoothed, path.smoothed]),
        quick=np.concatenate([before.quick, path.quick], axis=1),
    )


@jit
def smooth(x: F8, stride: int, decay: float, start: float, out: F8) -> float:
    """Exponential average of ``x`` from ``start`` on, shown at every ``stride``-th step; returns the last level."""
    level = start
    for i in range(x.shape[0]):
        level = decay * level + (1.0 - decay) * x[i]
        if i % stride == 0:
            out[i // stride] = level
    return level


@jit
def ornstein_uhlenbeck(shock: F8, decay: float, sd: float, start: float, out: F8) -> None:
    """AR(1) with the given stationary standard deviation, driven by unit normals, from ``start`` on."""
    x = start
    scale = sd * math.sqrt(1.0 - decay * decay)
    for i in range(shock.shape[0]):
        x = decay * x + scale * shock[i]
        out[i] = x
