"""A verdict: every gate with its figure, its threshold, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["required", "reported"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One question put to the evidence.

    Attributes:
        name: short name of the gate.
        question: what it asks, one line.
        figure: the measured figure; NaN if it could not be computed.
        unit: unit of figure and threshold.
        relation: ``>=``, ``<=``, ``>`` or ``<``: how figure must stand to threshold.
        threshold: where it passes.
        passed: whether it does.
        need: ``required`` gates decide the verdict, ``reported`` ones only inform.
        note: what the figure rests on, or why it could not be computed.
        change: what would change the answer of a gate that failed.
    """

    name: str
    question: str
    figure: float
    unit: str
    relation: str
    threshold: float
    passed: bool
    need: Need = "required"
    note: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gates in the order they were asked, and what follows from them."""

    gates: tuple[Gate, ...]

    @property
    def edge(self) -> bool:
        """Whether every required gate passed, and there was one."""
        required = [gate.passed for gate in self.gates if gate.need == "required"]
        return bool(required) and all(required)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the required gates that failed."""
        return tuple(gate.name for gate in self.gates if gate.need == "required" and not gate.passed)

    @property
    def headline(self) -> str:
        """``EDGE`` or ``NO EDGE``, and the gates that stood in the way."""
        if self.edge:
            return "EDGE: every required gate passed"
        return "NO EDGE: failed " + ", ".join(self.failed) if self.failed else "NO EDGE: nothing was required"


def compare(figure: float, relation: str, threshold: float) -> bool:
    """Whether ``figure relation threshold`` holds; NaN never passes."""
    return {
        ">=": figure >= threshold,
        "<=": figure <= threshold,
        ">": figure > threshold,
        "<": figure < threshold,
    }[relation]
