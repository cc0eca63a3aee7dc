"""Where an experiment stands: what was declared before, what was already opened, what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arena.validation.verdict import Verdict
from research.experiment import Experiment
from research.provenance import code_digest
from research.record import Recorder
from research.trials.records import Note
from research.vault import Opening, Seal, openings, overlapping, seals

REGISTERED, VERDICT, RESULT = "registered", "verdict", "holdout result"


@dataclass(frozen=True, slots=True)
class Registration:
    """A declaration made before the run: when (ns UTC), and how much had been seen by then.

    ``looks_before`` counts evaluations on overlapping windows that were in the ledger already; ``changed`` names
    what is no longer as declared (code, data); ``entry`` is the ledger entry's digest.
    """

    at_ns: int
    entry: str
    looks_before: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows of an experiment beside its trials.

    ``seal`` is the stretch sealed for this experiment. ``openings`` are all looks of the strategy, under whichever
    idea, into it (without a seal: into any of this market); ``holdout`` is what this experiment's last one found (see
    :mod:`research.holdout`), empty if none was completed.
    """

    registration: Registration | None
    seal: Seal | None
    openings: tuple[Opening, ...]
    holdout: Mapping[str, Any]


def digests(recorder: Recorder, experiment: Experiment) -> dict[str, str]:
    """What a registration pins down, each as a hex digest."""

    def of(value: str) -> str:
        return hashlib.sha256(value.encode()).hexdigest()

    levers = {"preset": experiment.preset, "levers": experiment.levers, "all": experiment.levers_for_all}
    return {
        "code": code_digest(),
        "parameters": of(f"{levers} {experiment.grid} {experiment.folds} {experiment.objective} {experiment.seed}"),
        "costs": of(f"{experiment.costs} {experiment.execution}"),
        "data": recorder.data,
        "gates": of(experiment.gates.model_dump_json()),
        "experiment": experiment.digest,
    }


def standing(recorder: Recorder, experiment: Experiment) -> Standing:
    """Read it from the ledger."""
    ledger, strategy = recorder.ledger, recorder.strategy
    here = {"world": recorder.world, "market": recorder.market}

    def about(note: Note) -> bool:
        return all(note.body.get(name) == value for name, value in here.items())

    sealed = [s for s in seals(ledger, strategy, recorder.world, recorder.market) if s.experiment == experiment.digest]
    mine = sealed[-1] if sealed else None
    opened = tuple(
        o
        for o in openings(ledger, strategy)
        if (overlapping(o.seal, mine) if mine else (o.seal.world, o.seal.market) == (recorder.world, recorder.market))
    )
    declared = [n for n in ledger.notes(strategy, REGISTERED) if about(n) and n.body["experiment"] == experiment.digest]
    results = [n for n in ledger.notes(strategy, RESULT) if about(n) and n.body["experiment"] == experiment.digest]
    registration = None
    if declared:
        # The first counts: registering again after a look declares nothing.
        note = declared[0]
        now = digests(recorder, experiment)
        registration = Registration(
            at_ns=note.at_ns,
            entry=note.digest,
            looks_before=int(note.body["looks_before"]),
            changed=tuple(name for name in ("code", "data") if note.body[name] != now[name]),
        )
    return Standing(registration, mine, opened, results[-1].body if results else {})


def verdict_note(recorder: Recorder, experiment: Experiment, verdict: Verdict) -> dict[str, Any]:
    """What the ledger keeps of a verdict: a holdout is opened only after one that passed."""
    return {
        "experiment": experiment.digest,
        "evaluation": recorder.evaluation,
        "world": recorder.world,
        "market": recorder.market,
        "edge": verdict.edge,
        "failed": list(verdict.failed),
        "code": code_digest(),
    }
