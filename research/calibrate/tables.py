"""A calibration as rows of text: the same for the page and the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from research.calibrate.fit import UNKNOWN
from research.calibrate.run import Calibration
from research.report.text import number

DISTANCES = ("fact", "definition", "default", "fitted", "held out", "noise floor", "fitted within")
NUMBERS = ("setting", "default", "fitted", "±", "recording", "method")
UNKNOWNS = ("not identified", "why")


def distances(found: Calibration) -> list[tuple[str, ...]]:
    """Distances of every fact from the lab, and of the recording from itself."""
    return [
        (
            c.fact.title,
            c.fact.distance.value.split(",")[0],
            *(number(x, 3) for x in (c.before, c.after, c.held_out, c.floor)),
            "yes" if c.within else "no",
        )
        for c in found.facts
    ]


def numbers(found: Calibration) -> list[tuple[str, ...]]:
    """Every fitted number."""
    return [
        (row.knob, _list(row.default), _list(row.value), _list(row.error, 2), row.source, row.how)
        for row in found.numbers
    ]


def unknown() -> list[tuple[str, ...]]:
    """What no recording tells."""
    return list(UNKNOWN.items())


def headline(found: Calibration) -> str:
    """The result in a sentence."""
    known = [c for c in found.facts if c.after == c.after]
    inside = sum(c.within for c in known)
    default = sum(c.before <= c.floor for c in known)
    return (
        f"{inside} of {len(known)} facts of the fitted lab are as near to the recording as its two halves are to each "
        f"other; of the default lab {default} are."
    )


def _list(values: Sequence[float], digits: int = 3) -> str:
    return ", ".join(number(x, digits) for x in values)
