"""Figures of the audit in words, the same in the page and in the terminal."""

from __future__ import annotations

import math

from research.audit.finding import Finding, Limits, Subject
from research.report.text import NONE, number, percent


def figure(value: float, unit: str) -> str:
    """A figure of a check with its unit."""
    if math.isnan(value):
        return NONE
    if unit == "share":
        return percent(value, 2 if value < 0.1 else 1)
    return f"{number(value, 3)} {unit}"


def limits(held: Limits) -> str:
    """When a figure is a warning and when a failure."""
    if held.warn == held.fail:
        return f"fail > {figure(held.fail, held.unit)}"
    return f"warn > {figure(held.warn, held.unit)}, fail > {figure(held.fail, held.unit)}"


def leading(finding: Finding) -> Subject | None:
    """The subject that decides a finding: of the worst status, the one with the largest figure."""
    judged = [s for s in finding.subjects if s.status is finding.status and not math.isnan(s.figure)]
    return max(judged, key=lambda s: s.figure, default=None)


def counted(finding: Finding) -> str:
    """How many subjects ended how."""
    states: dict[str, int] = {}
    for subject in finding.subjects:
        states[subject.status] = states.get(subject.status, 0) + 1
    words = {"fail": "failed", "warn": "warned", "pass": "passed", "none": "not judged"}
    return ", ".join(f"{states[state]:,} {word}" for state, word in words.items() if state in states) or "no data"


def lasting(ns: int) -> str:
    """A length of time: seconds below two minutes, then minutes, hours, days."""
    seconds = ns / 1e9
    for limit, size, unit in ((120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172_800.0, 3600.0, "h")):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400.0:.1f} days"
