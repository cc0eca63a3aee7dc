"""The experiment: one typed, declarative description of a run, read from TOML and printed into every result."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from arena.errors import ConfigError
from research.policy import Policy, read_policy

LAB = "lab"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabSettings(_Part):
    """The generated market, used when ``data.catalog`` is ``lab``."""

    mode: Literal["lagged", "efficient"] = Field("lagged", description="what is true of the market")
    days: int = Field(7, ge=1, le=120, description="days generated")
    lag_ms: int = Field(1500, ge=0, le=60_000, description="how late the maker is in lagged mode, ms")
    seed: int = Field(1, ge=0, description="seed of the generator")


class DataSettings(_Part):
    """Which market data to read."""

    catalog: str = Field(LAB, description="folder of a catalog, or 'lab' for the embedded generator")
    lab: LabSettings = LabSettings()
    asset: str | None = Field(None, description="default: the strategy's")
    interval_s: int | None = Field(None, ge=60, description="window length in seconds; default: the strategy's")
    venue: str | None = Field(None, description="default: the strategy's")
    source: str | None = Field(None, description="recorder of windows and quotes; default: the only one")
    spot_source: str | None = Field(None, description="recorder of the spot prices; default: all")
    reference_venue: str = Field("coinbase", description="spot venue of the seed's strike and volatility")
    start: datetime | None = Field(None, description="first window opens at or after this time, UTC")
    end: datetime | None = Field(None, description="last window opens before this time, UTC")
    step_ms: int = Field(90, ge=0, le=60_000, description="decision grid, ms; 0 = on every update")
    assumed_size_usd: float | None = Field(None, gt=0, description="displayed size where none was recorded, USD")
    note: str = Field("", description="what the reader must know about this data")

    @field_validator("start", "end")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExecutionSettings(_Part):
    """How orders are filled."""

    model: Literal["latency", "touch"] = "latency"
    network_ms: float = Field(50.0, ge=0, le=60_000, description="one-way travel time to the venue, ms")
    delay_ms: int | None = Field(None, ge=0, le=60_000, description="venue delay override, ms; default: the dated rule")


class GridSettings(_Part):
    """The configurations a walk-forward chooses from."""

    size: int = Field(200, ge=1, le=20_000, description="number of configurations, the preset included")
    levers: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="search ranges; default: the strategy's own"
    )


class FoldSettings(_Part):
    """How time is cut into training and test."""

    count: int = Field(6, ge=1, le=200)
    scheme: Literal["rolling", "anchored"] = "rolling"
    train_blocks: int = Field(3, ge=1, le=200, description="length of training in units of one test block")
    embargo_s: float = Field(300.0, ge=0, description="gap between the last training settlement and the test, s")


class ObjectiveSettings(_Part):
    """What selects a configuration on the training windows."""

    name: Literal["log_growth", "mean_return", "sharpe"] = "log_growth"
    min_bets: int = Field(30, ge=1, description="configurations that bet less often in training are not considered")


class HoldoutSettings(_Part):
    """The stretch that nobody looks at until the very end."""

    share: float = Field(
        0.0, ge=0, le=0.5, description="share of the windows, the last ones, sealed when the experiment is registered"
    )


class Experiment(_Part):
    """One run, completely described."""

    name: str = "ad hoc"
    idea: str = Field("", description="what is being tried, in a few words; default: the name")
    strategy: str = "BTC_5M"
    preset: str | None = Field(None, description="base configuration; default: the strategy's")
    compare: tuple[str, ...] = Field(("seed",), description="presets shown beside it")
    costs: Literal["venue", "seed-default", "seed-tuned"] = "venue"
    seed: int = Field(1, ge=0, description="seed of grid, bootstrap and null band")
    data: DataSettings = DataSettings()
    execution: ExecutionSettings = ExecutionSettings()
    grid: GridSettings = GridSettings()
    folds: FoldSettings = FoldSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    gates: Policy = Policy()
    holdout: HoldoutSettings = HoldoutSettings()
    levers: dict[str, float] = Field(default_factory=dict, description="changes to the base preset")
    levers_for_all: dict[str, float] = Field(
        default_factory=dict, description="changes to every preset, e.g. freshness limits the data cannot meet"
    )

    @property
    def idea_name(self) -> str:
        """What is being tried: the stated idea, or the experiment's name."""
        return self.idea or self.name

    @property
    def digest(self) -> str:
        """Hex digest of every setting: the same digest on the same data gives the same result."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def evaluation_id(experiment: Experiment, digests: dict[str, str]) -> str:
    """Names one look at one body of data: repeating it, by another name or against other gates, is not another."""
    apart: dict[str, Any] = dict.fromkeys(("name", "idea", "gates", "compare", "holdout"), True)
    # Where the bytes lie and what is said of them does not matter: their digests do.
    looked = experiment.model_dump_json(exclude={**apart, "data": dict.fromkeys(("catalog", "lab", "note"), True)})
    text = looked + "".join(f"{table}:{digest}" for table, digest in sorted(digests.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(path: Path) -> Experiment:
    """The experiment in a TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, or a setting is unknown or out of bounds.
    """
    if not path.is_file():
        raise ConfigError(f"there is no experiment file {path}; `ls experiments/` shows those that come with Arena.")
    try:
        raw = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    raw.setdefault("name", path.stem)
    if isinstance(raw.get("gates"), str):
        raw["gates"] = read_policy(path.parent / raw["gates"]).model_dump()
    return build(raw, str(path))


def build(raw: dict[str, Any], where: str) -> Experiment:
    """An experiment from plain values; ``where`` names their origin in errors.

    Raises:
        ConfigError: the first setting that is unknown or out of bounds, in one line.
    """
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {name}: {first['msg'].lower()} (got {first.get('input')!r}).") from error
