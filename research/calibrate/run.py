"""One calibration from a catalog to numbers: fits, held-out check, distances and noise floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from arena.lab.config import LabConfig
from research.calibrate.distance import distance
from research.calibrate.facts.curve import Curve
from research.calibrate.facts.outcomes import Reliability
from research.calibrate.facts.reaction import Reaction
from research.calibrate.facts.returns import Tails, tails
from research.calibrate.fit import FIT_STEPS, Fitted, compare, fit
from research.calibrate.lab import lab_sample
from research.calibrate.measure import FACTS, Fact, Prepared
from research.calibrate.sample import Sample

STEPS = 3 * FIT_STEPS + 6
"""Calls of ``tick`` in one calibration."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact, recorded against lab.

    Attributes:
        fact: what it is.
        recorded, default, fitted: its curves in the recording, in the lab as it is by default, and as fitted to all.
        before, after: distance of the recording from those two labs.
        held_out: distance of the recording's second half from a lab fitted to the first half alone.
        floor: distance of the two halves of the recording from each other.
        source: who recorded it.
    """

    fact: Fact
    recorded: Curve
    default: Curve
    fitted: Curve
    before: float
    after: float
    held_out: float
    floor: float
    source: str

    @property
    def within(self) -> bool:
        """Whether the fitted lab is as near to the recording as its halves are to each other."""
        return self.after <= self.floor


@dataclass(frozen=True, slots=True)
class Extras:
    """What is no curve: tails of second and minute returns, the reaction of the book, calibration with intervals."""

    seconds: Tails
    minutes: Tails
    reaction: Reaction
    reliability: tuple[Reliability, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything a calibration found."""

    facts: tuple[Compared, ...]
    config: LabConfig
    numbers: tuple[Fitted, ...]
    recorded: Extras
    lab: Extras


def calibrate(sample: Sample, tick: Callable[[str], None]) -> Calibration:
    """Fit the lab to ``sample``, and measure how far it is from it.

    Three fits: to all of the sample, to its first half (whose lab is held against the second half), and to its
    second half (for the errors). ``tick`` is called :data:`STEPS` times with what is being done.
    """
    default = LabConfig()
    first, second = sample.halves()

    def fitted(part: Sample, name: str) -> LabConfig:
        return fit(part, default, lambda: tick(f"fit: {name}"))

    def facts(of: Sample | LabConfig, name: str) -> Prepared:
        prepared = Prepared(lab_sample(of, volatility) if isinstance(of, LabConfig) else of)
        tick(f"facts: {name}")
        return prepared

    volatility = Prepared(sample).book_volatility
    best, early, late = fitted(sample, "all"), fitted(first, "first half"), fitted(second, "second half")
    prepared = {
        "recording": facts(sample, "recording"),
        "first half": facts(first, "first half"),
        "second half": facts(second, "second half"),
        "default": facts(default, "default lab"),
        "fitted": facts(best, "fitted lab"),
        "held out": facts(early, "held-out lab"),
    }
    curves = {name: {f.key: f.measure(p) for f in FACTS} for name, p in prepared.items()}

    def compared(fact: Fact) -> Compared:
        own = {name: found[fact.key] for name, found in curves.items()}
        return Compared(
            fact,
            own["recording"],
            own["default"],
            own["fitted"],
            distance(own["recording"], own["default"], fact.distance),
            distance(own["recording"], own["fitted"], fact.distance),
            distance(own["second half"], own["held out"], fact.distance),
            distance(own["first half"], own["second half"], fact.distance),
            sample.origin.get(fact.part, "nobody"),
        )

    return Calibration(
        tuple(compared(fact) for fact in FACTS),
        best,
        compare(default, best, early, late, sample),
        extras(prepared["recording"]),
        extras(prepared["fitted"]),
    )


def extras(p: Prepared) -> Extras:
    """What a sample shows beside its curves."""
    return Extras(tails(p.second_returns), tails(p.minute_returns), p.reaction, tuple(p.reliabilities))
