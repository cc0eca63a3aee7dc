"""What a study is, and the experiments that follow from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple, cast, get_args

from arena.errors import ConfigError
from research.experiment import Experiment, build

Mode = Literal["efficient", "fair", "lagged"]

TRIALS = (10, 25, 50, 100, 200)
"""Numbers of configurations tried at which a researcher is asked what he would promote."""
NULL_DRAWS = 100
"""Draws of the null band of PBO: half of what a run takes. Its 5 % quantile is noisier, not moved."""


class Task(NamedTuple):
    """One market of a study; ``lag_ms`` is 0 where the maker is not late."""

    run: int
    lag_ms: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides what a study finds, save how many markets it looks at.

    Attributes:
        mode: what is true of the markets.
        days: days of each market.
        grid: largest number of configurations a researcher tries, at least 10.
        seed: market ``run`` has the seed ``seed + run``, for its prices, its grid and all that is random after.
        redraws: how often the outcomes of a market are drawn, each time for another researcher; 0 unless fair.
        lags_ms: how late the makers are, ms; empty unless lagged.
        at_days: after how many days a researcher asks for a verdict, increasing; the whole market unless lagged.
    """

    mode: Mode
    days: int
    grid: int
    seed: int
    redraws: int
    lags_ms: tuple[int, ...]
    at_days: tuple[int, ...]

    @classmethod
    def of(
        cls,
        mode: str,
        *,
        days: int = 7,
        grid: int = 200,
        seed: int = 1,
        redraws: int = 10,
        lags_ms: tuple[int, ...] = (500, 1000, 1500, 2500),
        at_days: tuple[int, ...] = (2, 4, 7),
    ) -> Settings:
        """Settings of a mode; those that it does not use are dropped, and days beyond the market's.

        Raises:
            ConfigError: an unknown mode, or a number out of bounds.
        """
        if mode not in get_args(Mode):
            raise ConfigError(f"unknown mode {mode!r}; choose one of {', '.join(get_args(Mode))}.")
        if grid < 10:
            raise ConfigError(f"a grid of {grid} is too small: the gates on selection need 10 configurations.")
        if mode == "fair" and redraws < 1:
            raise ConfigError(f"redraws is {redraws}; each market needs at least one.")
        lagged = mode == "lagged"
        if lagged and not lags_ms:
            raise ConfigError("a lagged study needs at least one lag.")
        if lagged and (min(lags_ms) < 0 or min(at_days, default=1) < 1):
            raise ConfigError("lags and days cannot be negative, and a verdict needs a day.")
        return cls(
            mode=cast(Mode, mode),
            days=days,
            grid=grid,
            seed=seed,
            redraws=redraws if mode == "fair" else 0,
            lags_ms=tuple(sorted(set(lags_ms))) if lagged else (),
            at_days=tuple(sorted({*(d for d in at_days if d < days), days})) if lagged else (days,),
        )

    @property
    def digest(self) -> str:
        """Hex digest of every setting."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]

    @property
    def trials(self) -> tuple[int, ...]:
        """After how many configurations a researcher asks: under an edge only when he is through."""
        fewer = () if self.mode == "lagged" else tuple(n for n in TRIALS if n < self.grid)
        return (*fewer, self.grid)

    def tasks(self, runs: int) -> list[Task]:
        """The first ``runs`` markets, of each lag."""
        return [Task(run, lag) for run in range(runs) for lag in self.lags_ms or (0,)]

    def experiment(self, task: Task) -> Experiment:
        """The experiment of one market.

        Raises:
            ConfigError: a setting is out of the bounds of experiments.
        """
        seed = self.seed + task.run
        lab: dict[str, object] = {"days": self.days, "seed": seed}
        lab |= {"mode": "lagged", "lag_ms": task.lag_ms} if self.mode == "lagged" else {"mode": "efficient"}
        raw = {
            "name": f"study of {self.mode} markets",
            "compare": (),
            "seed": seed,
            "data": {"lab": lab},
            "grid": {"size": self.grid},
            "gates": {"overfit": {"null_draws": NULL_DRAWS}},
        }
        return build(raw, "study")
