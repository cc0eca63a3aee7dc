"""How often researchers promoted what they found, with exact intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arena.validation.bets import Proportion, win_rate_interval
from research.study.records import Found, MarketRecord, Researcher


@dataclass(frozen=True, slots=True)
class Promotions:
    """Shares of researchers who promoted something after ``trials`` configurations, by what they went by.

    ``discovery`` is Arena's exact test alone, ``verdict`` all required gates; ``seed_booked`` is None where the seed's
    own books were not kept. Where there is no edge these are false-positive rates.
    """

    trials: int
    researchers: int
    naive: Proportion
    seed_honest: Proportion
    seed_booked: Proportion | None
    discovery: Proportion
    verdict: Proportion


@dataclass(frozen=True, slots=True)
class Persistence:
    """Shares of researchers with a promotion among their first ``attempts`` walk-forwards on the same data.

    ``alone``: each was judged as if it were the only one; ``ledger``: each was judged by the ledger.
    """

    attempts: int
    researchers: int
    alone: Proportion
    ledger: Proportion


@dataclass(frozen=True, slots=True)
class Obstacle:
    """How many researchers a required gate stopped, alone or with others."""

    gate: str
    researchers: int


def discovered(found: Found, alpha: float) -> bool:
    """Whether the discovery gate let it pass."""
    return found.adjusted_p is not None and found.adjusted_p < alpha


def researchers_of(records: Sequence[MarketRecord]) -> list[Researcher]:
    """Everybody, market by market."""
    return [researcher for record in records for researcher in record.researchers]


def promotions(records: Sequence[MarketRecord], alpha: float) -> tuple[Promotions, ...]:
    """By number of trials, fewest first."""
    by_trials = zip(*(researcher.found for researcher in researchers_of(records)), strict=True)
    return tuple(_promotions(found, alpha) for found in by_trials)


def persistence(records: Sequence[MarketRecord], alpha: float) -> tuple[Persistence, ...]:
    """By number of attempts, from one; empty where nobody tried again."""
    tries = [researcher.attempts for researcher in researchers_of(records) if researcher.attempts is not None]
    return tuple(
        Persistence(
            attempts=count,
            researchers=len(tries),
            alone=_share([min(t.p_values[:count]) < alpha for t in tries]),
            ledger=_share([any(p is not None and p < alpha for p in t.adjusted[:count]) for t in tries]),
        )
        for count in range(1, min((len(t.p_values) for t in tries), default=0) + 1)
    )


def obstacles(found: Sequence[Found]) -> tuple[Obstacle, ...]:
    """The gates that stopped somebody, the busiest first."""
    counts = Counter(gate for one in found for gate in one.failed)
    return tuple(Obstacle(gate, count) for gate, count in counts.most_common())


def _promotions(found: Sequence[Found], alpha: float) -> Promotions:
    def share(asked: Callable[[Found], bool]) -> Proportion:
        return _share([asked(one) for one in found])

    booked = [one.seed_booked for one in found if one.seed_booked is not None]
    return Promotions(
        trials=found[0].trials,
        researchers=len(found),
        naive=share(lambda one: one.naive),
        seed_honest=share(lambda one: one.seed_honest),
        seed_booked=_share(booked) if booked else None,
        discovery=share(lambda one: discovered(one, alpha)),
        verdict=share(lambda one: one.edge),
    )


def _share(promoted: Sequence[bool]) -> Proportion:
    return win_rate_interval(sum(promoted), len(promoted))
