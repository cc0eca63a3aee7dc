"""The result as one JSON document for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from research.provenance import checkout, versions
from research.report.figures import fold_span
from research.report.needs import needs
from research.report.text import headline, why
from research.result import Evidence, FoldResult, PresetRun, RunResult, WalkForward

LONGEST = 64
"""Arrays of more numbers stay in the report and in the files beside it."""


def to_json(result: RunResult, report_path: Path | None, run_id: str | None) -> dict[str, Any]:
    """The result in plain JSON types: None for NaN and infinity, no arrays of more than 64 numbers."""
    walk = result.walk_forward
    code = checkout()
    document = {
        "verdict": headline(result),
        "why": why(result),
        "needs": needs(result),
        "interrupted": result.interrupted,
        "strategy": result.strategy.id,
        "experiment": result.experiment.model_dump(mode="json"),
        "experiment_digest": result.experiment.digest,
        "data": result.data,
        "gates": walk.verdict.gates if walk is not None else [],
        "out_of_sample": walk.out_of_sample.by_costs if walk is not None else None,
        "presets": {preset.name: _preset(preset) for preset in result.presets},
        "folds": [_fold(result, walk, fold) for fold in walk.folds] if walk is not None else [],
        "evidence": _evidence(walk.evidence) if walk is not None else None,
        "standing": walk.standing if walk is not None else None,
        "ledger_entry": walk.ledger_entry if walk is not None else None,
        "seconds": result.seconds,
        "versions": versions(),
        "commit": code,
        "report": str(report_path) if report_path is not None else None,
        "run_id": run_id,
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def _preset(preset: PresetRun) -> dict[str, Any]:
    return {
        "levers": preset.configuration.values(),
        "by_costs": preset.by_costs,
        "as_booked": preset.as_booked,
        "funnel": preset.funnel,
        "calibration": preset.calibration,
    }


def _fold(result: RunResult, walk: WalkForward, fold: FoldResult) -> dict[str, Any]:
    first, last = fold_span(result, fold.test_rows)
    levers = walk.grid[fold.chosen].values() if fold.chosen >= 0 else None
    return {**asdict(fold), "test_from": first, "test_to": last, "levers": levers}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """The evidence with what follows from it."""
    found: dict[str, Any] = _plain(evidence)
    curves = evidence.sensitivity
    for name, curve in (("latency", curves.latency), ("cost", curves.cost)):
        if curve is not None:
            found["sensitivity"][name] |= {"breaks_at": curve.breaks_at, "doubtful_from": curve.doubtful_from}
    found["sensitivity"]["profitable_neighbours"] = curves.profitable_neighbours
    found["family"]["sidak_family"] = evidence.family.sidak_family
    found["highest_bankroll"] = evidence.highest_bankroll
    return found


def _plain(value: Any) -> Any:
    """``value`` in types that JSON knows: records as objects, short arrays as lists, what is not finite as None."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items() if not _long(item)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _long(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size > LONGEST
