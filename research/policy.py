"""The promotion policy: which questions are put to a result, and where each passes.

``experiments/gates.toml`` holds the policy that comes with Arena, commented; it equals the defaults below. A policy
is part of the experiment, so its thresholds are in the experiment's digest: a result and the bar it was held
against cannot be told apart afterwards.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena.errors import ConfigError

Need = Literal["required", "reported"]
Level = Annotated[float, Field(gt=0, lt=0.5)]


class _Gate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    need: Need = Field("required", description="required gates decide the verdict, reported ones inform")


class HonestCosts(_Gate):
    """Venue fees, venue delay, displayed size."""


class Causal(_Gate):
    """Decisions survive truncation and scrambling of the future."""


class Sample(_Gate):
    """Enough bets: both outcomes often enough for the statistics, and the planner's number for the edge claimed."""

    min_rarer_outcome: int = Field(50, ge=1, description="wins and losses each")
    power: float = Field(0.80, gt=0.5, lt=1, description="power asked of the planner")
    edge: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="edge the sample must be able to find, $/share; default: what the strategy claims",
    )


class Discovery(_Gate):
    """Exact test of the wins against fee-inclusive break-even, at true size alpha on the effective family."""

    alpha: Level = 0.05


class Profit(_Gate):
    """Lower end of the bootstrap interval of the return per window is above zero."""

    level: float = Field(0.95, gt=0.5, lt=1)


class Superior(_Gate):
    """Studentised SPA of the whole grid against not betting."""

    alpha: Level = 0.05
    draws: int = Field(1000, ge=100, le=100_000)


class Overfit(_Gate):
    """PBO below its own null quantile on the run's own matrix."""

    blocks: int = Field(16, ge=4, le=20)
    null_draws: int = Field(200, ge=20, le=5000)
    minimum_configurations: int = Field(10, ge=10)


class Persistence(_Gate):
    """The training winner seldom loses out of sample."""

    max_probability_of_loss: float = Field(0.20, gt=0, lt=1)


class Information(_Gate):
    """Log score of the model beats the market's price on the bets."""


class Calibration(_Gate):
    """The model is not detectably worse calibrated than the market's price."""


class Latency(_Gate):
    """Still profitable when every order is this much slower."""

    margin_ms: float = Field(100.0, ge=0, le=2000)


class Costs(_Gate):
    """Still profitable when the venue charges this many times its fee."""

    multiple: float = Field(1.25, ge=1, le=2)


class Stability(_Gate):
    """Still profitable without its best fold."""


class Neighbourhood(_Gate):
    """Still profitable in this share of small moves of any single lever."""

    min_share: float = Field(0.75, ge=0, le=1)


class Deflation(_Gate):
    """Deflated Sharpe ratio of the best of all trials; a veto, not a test."""

    min_dsr: float = Field(0.50, ge=0, lt=1)


class Holdout(_Gate):
    """The sealed stretch agrees, after everything that was seen of it before."""

    need: Need = "reported"


class Policy(BaseModel):
    """Every gate with its thresholds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    honest_costs: HonestCosts = HonestCosts()
    causal: Causal = Causal()
    sample: Sample = Sample()
    discovery: Discovery = Discovery()
    profit: Profit = Profit()
    superior: Superior = Superior()
    overfit: Overfit = Overfit()
    persistence: Persistence = Persistence()
    information: Information = Information()
    calibration: Calibration = Calibration()
    latency: Latency = Latency()
    costs: Costs = Costs()
    stability: Stability = Stability()
    neighbourhood: Neighbourhood = Neighbourhood()
    deflation: Deflation = Deflation()
    holdout: Holdout = Holdout()

    @property
    def changes(self) -> tuple[str, ...]:
        """Every setting that is not Arena's own, e.g. ``discovery.alpha = 0.2 (Arena: 0.05)``."""
        mine, usual = self.model_dump(), Policy().model_dump()
        return tuple(
            f"{gate}.{name} = {value} (Arena: {usual[gate][name]})"
            for gate, settings in mine.items()
            for name, value in settings.items()
            if value != usual[gate][name]
        )


def read_policy(path: Path) -> Policy:
    """The policy in a TOML file; gates and thresholds that it leaves out keep their defaults.

    Raises:
        ConfigError: the file is missing, is not TOML, or names an unknown gate or an impossible threshold.
    """
    if not path.is_file():
        raise ConfigError(f"there is no gates file {path}; experiments/gates.toml is the policy that comes with Arena.")
    try:
        return Policy.model_validate(tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {name}: {first['msg'].lower()} (got {first.get('input')!r}).") from error
