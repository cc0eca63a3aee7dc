"""A study in figures: what the terminal, the JSON file and the page all show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arena.validation.spending import alpha_share
from research.report.text import percent
from research.study.power import Power, powers
from research.study.rates import Obstacle, Persistence, Promotions, obstacles, persistence, promotions, researchers_of
from research.study.records import MarketRecord
from research.study.settings import Settings


@dataclass(frozen=True, slots=True)
class Claim:
    """What a study was to show, in a sentence with its figures; ``holds`` unless the figures speak against it."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """What a study found.

    Attributes:
        settings: the study.
        markets, researchers: how many there were.
        alpha: what the discovery gate promises for everything that is ever tried on the same windows.
        level: what it leaves for the p-value of a first attempt.
        promotions: by number of trials; only where nothing has an edge.
        persistence: by number of attempts on the same data; only in fair markets.
        powers: by lag and number of windows; only in lagged markets.
        p_values: of the discovery test alone, at the largest number of trials, one per researcher; only where nothing
            has an edge.
        obstacles: which gates stopped those researchers, where all gates were asked.
    """

    settings: Settings
    markets: int
    researchers: int
    alpha: float
    level: float
    promotions: tuple[Promotions, ...]
    persistence: tuple[Persistence, ...]
    powers: tuple[Power, ...]
    p_values: tuple[float, ...]
    obstacles: tuple[Obstacle, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the study was to show where nothing has an edge: that promotions are as rare as promised.

        A claim falls when even the lower end of the 95 % interval is above the promise.
        """
        claims = []
        if self.promotions:
            last = self.promotions[-1]
            where = f"on {self.settings.mode} markets after {last.trials} configurations"
            for who, rate in (("The verdict", last.verdict), ("The discovery gate alone", last.discovery)):
                says = f"{who} promotes {percent(rate.estimate)} {where} (95 % {percent(rate.lower)} to "
                says += f"{percent(rate.upper)}; promised: at most {percent(self.alpha)})."
                claims.append(Claim(says, rate.lower <= self.alpha))
        most = self.persistence[-1] if self.persistence else None
        if most is not None and most.attempts > 1:
            says = (
                f"Of {most.attempts} attempts on the same data one passes {percent(most.alone.estimate)} of the time "
                f"when nobody counts, {percent(most.ledger.estimate)} by the ledger (95 % "
                f"{percent(most.ledger.lower)} to {percent(most.ledger.upper)})."
            )
            claims.append(Claim(says, most.ledger.lower <= self.alpha))
        return tuple(claims)


def summarise(settings: Settings, records: Sequence[MarketRecord]) -> Summary:
    """Condense the records of a study, at least one."""
    discovery = settings.experiment(records[0].task).gates.discovery
    level = discovery.alpha * alpha_share(1, discovery.first_share)
    everybody = researchers_of(records)
    lagged = settings.mode == "lagged"
    last = [researcher.found[-1] for researcher in everybody]
    return Summary(
        settings=settings,
        markets=len(records),
        researchers=len(everybody),
        alpha=discovery.alpha,
        level=level,
        promotions=() if lagged else promotions(records, discovery.alpha),
        persistence=persistence(records, discovery.alpha),
        powers=powers(records, discovery.alpha, level) if lagged else (),
        p_values=() if lagged else tuple(one.p_value for one in last),
        obstacles=obstacles(last) if settings.mode == "efficient" else (),
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """Plain values for programs; what has no value is null."""
    plain: dict[str, Any] = _finite(asdict(summary))
    return plain | {"claims": [asdict(claim) for claim in summary.claims]}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(own) for own in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
