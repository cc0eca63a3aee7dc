"""A calibration as one JSON document for programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from research.calibrate.facts.curve import Curve
from research.calibrate.fit import UNKNOWN
from research.calibrate.run import Calibration
from research.calibrate.tables import headline
from research.provenance import checkout, versions


def to_json(found: Calibration) -> dict[str, Any]:
    """Distances, curves and fitted numbers in plain JSON types; None for NaN and infinity."""
    code = checkout()
    return {
        "headline": headline(found),
        "facts": {
            c.fact.key: {
                "title": c.fact.title,
                "distance": c.fact.distance.value,
                "source": c.source,
                **{name: _plain(getattr(c, name)) for name in ("before", "after", "held_out", "floor")},
                **{name: _curve(getattr(c, name)) for name in ("recorded", "default", "fitted")},
            }
            for c in found.facts
        },
        "numbers": {
            row.knob: {
                "value": [_plain(x) for x in row.value],
                "error": [_plain(x) for x in row.error],
                "default": [_plain(x) for x in row.default],
                "source": row.source,
                "how": row.how,
            }
            for row in found.numbers
        },
        "not_identified": UNKNOWN,
        "reaction": {"recorded": found.recorded.reaction.says, "lab": found.lab.reaction.says},
        "settings": asdict(found.config),
        "versions": versions(),
        "commit": asdict(code) if code is not None else None,
    }


def _curve(curve: Curve) -> dict[str, list[float | None]]:
    return {"x": [_plain(x) for x in curve.x.tolist()], "y": [_plain(y) for y in curve.y.tolist()]}


def _plain(x: float) -> float | None:
    return x if math.isfinite(x) else None
