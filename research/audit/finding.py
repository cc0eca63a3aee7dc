"""What a check is, and what it found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from research.audit.view import View

EXAMPLES = 5
"""Offending moments listed per check and subject; the worst first."""


class Status(StrEnum):
    """How a figure stands against its limits; NONE = there was nothing to measure."""

    PASS = "pass"
    NONE = "none"
    WARN = "warn"
    FAIL = "fail"


_SEVERITY = (Status.NONE, Status.PASS, Status.WARN, Status.FAIL)


def worst(states: list[Status]) -> Status:
    """The most severe of ``states``; NONE without any."""
    return max(states, key=_SEVERITY.index, default=Status.NONE)


@dataclass(frozen=True, slots=True)
class Limits:
    """A figure above ``warn`` is a warning, above ``fail`` a failure; ``why`` says where the two come from.

    ``unit`` is that of figure and limits: ``share`` (0-1), ``s``, ``ms``, ``bps``, ``1``.
    """

    warn: float
    fail: float
    unit: str
    why: str

    def judge(self, figure: float) -> Status:
        """How ``figure`` stands; NaN could not be measured."""
        if math.isnan(figure):
            return Status.NONE
        return Status.FAIL if figure > self.fail else Status.WARN if figure > self.warn else Status.PASS


_SUBJECTS = {"subject": pl.String, "figure": pl.Float64, "over": pl.Int64, "detail": pl.String}
_EXAMPLES = {"subject": pl.String, "at_ns": pl.Int64, "what": pl.String}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check measured.

    Attributes:
        subjects: one row per stream or group: ``subject``, ``figure`` (what the limits judge; NaN = could not
            be measured), ``over`` (rows, windows or moments it rests on), ``detail`` (a phrase).
        examples: ``subject``, ``at_ns`` (ns UTC), ``what``: offending moments, the worst first.
    """

    subjects: pl.DataFrame
    examples: pl.DataFrame


def measured(subjects: pl.DataFrame | None = None, examples: pl.DataFrame | None = None) -> Measured:
    """Subjects and examples with the columns of :class:`Measured`; the first few examples per subject."""
    if subjects is None:
        subjects = pl.DataFrame(schema=_SUBJECTS)
    if examples is None:
        examples = pl.DataFrame(schema=_EXAMPLES)
    return Measured(
        _typed(subjects, _SUBJECTS).with_columns(pl.col("figure").fill_null(math.nan)).sort("subject"),
        _typed(examples, _EXAMPLES).group_by("subject", maintain_order=True).head(EXAMPLES).select(*_EXAMPLES),
    )


def _typed(frame: pl.DataFrame, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of a catalog.

    Attributes:
        name: its name, as in reports and JSON.
        question: what it asks, in words.
        measures: what the figure is.
        effect: what the fault would do to a backtest, one sentence.
        limits: when the figure is a warning or a failure, and why there.
        measure: the pure function that answers it.
        least: subjects that rest on fewer rows, windows or moments are shown, not judged.
    """

    name: str
    question: str
    measures: str
    effect: str
    limits: Limits
    measure: Callable[[View], Measured]
    least: int = 1

    def judge(self, figure: float, over: int) -> Status:
        """How a figure that rests on ``over`` rows, windows or moments stands."""
        return self.limits.judge(figure) if over >= self.least else Status.NONE


@dataclass(frozen=True, slots=True)
class Subject:
    """One stream or group of a finding, judged."""

    name: str
    figure: float
    over: int
    detail: str
    status: Status


@dataclass(frozen=True, slots=True)
class Example:
    """One offending moment, ns UTC."""

    subject: str
    at_ns: int
    what: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A check with its answer: subjects by severity, then by name."""

    check: Check
    status: Status
    subjects: tuple[Subject, ...]
    examples: tuple[Example, ...]


def find(check: Check, view: View) -> Finding:
    """Ask ``check`` of ``view`` and judge the answer."""
    found = check.measure(view)
    subjects = sorted(
        (
            Subject(name, figure, over or 0, detail or "", check.judge(figure, over or 0))
            for name, figure, over, detail in found.subjects.iter_rows()
        ),
        key=lambda s: (-_SEVERITY.index(s.status), s.name),
    )
    troubled = {s.name for s in subjects if s.status in (Status.WARN, Status.FAIL)}
    examples = [Example(*row) for row in found.examples.iter_rows() if row[0] in troubled]
    return Finding(check, worst([s.status for s in subjects]), tuple(subjects), tuple(examples))
