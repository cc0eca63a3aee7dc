"""Figures as text, the same in the page, the terminal and the notes: an unknown one is a dash, never ``nan``."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from html import escape

from arena.validation.verdict import Gate
from research.result import RunResult, Summary
from research.standing import Standing
from research.trials.family import Family

NONE = "–"
_MINUS = "−"
_FLAG = "0|1"


def number(x: float, digits: int = 4) -> str:
    """``x`` to ``digits`` significant digits, whole from 1,000 on."""
    if not math.isfinite(x):
        return NONE if math.isnan(x) else ("∞" if x > 0 else _MINUS + "∞")
    if abs(x) >= 1000.0 or (x == int(x) and digits > 2):
        text = f"{x:,.0f}"
    elif 1e-6 <= abs(x) < 1e-4:
        text = f"{x:.{1 - math.floor(math.log10(abs(x)))}f}"
    else:
        text = f"{x:.{digits}g}"
    return text.replace("-", _MINUS, 1)


def prose(text: str) -> str:
    """``text`` as HTML, with what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def signed(x: float, decimals: int = 4) -> str:
    """``x`` with its sign and ``decimals`` decimals."""
    return f"{x:+.{decimals}f}".replace("-", _MINUS) if math.isfinite(x) else NONE


def whole(x: float) -> str:
    """``x`` rounded to a whole number."""
    return number(float(round(x)), 6) if math.isfinite(x) else NONE


def percent(x: float, digits: int = 1, sign: bool = False) -> str:
    """A fraction in percent."""
    if not math.isfinite(x):
        return NONE
    return f"{100.0 * x:{'+' if sign else ''}.{digits}f} %".replace("-", _MINUS)


def usd(x: float, sign: bool = True) -> str:
    """Cents below 1,000, whole dollars up to a million, then millions."""
    if not math.isfinite(x):
        return NONE
    if abs(x) >= 1e6:
        return usd(x / 1e6, sign) + "M"
    digits = 0 if abs(x) >= 1000.0 else 2
    mark = _MINUS if round(x, digits) < 0 else ("+" if sign and round(x, digits) > 0 else "")
    return f"{mark}${abs(x):,.{digits}f}"


def bps(part_usd: float, of_usd: float) -> float:
    """``part_usd`` in basis points of ``of_usd``; NaN without a stake."""
    return 1e4 * part_usd / of_usd if of_usd > 0.0 else math.nan


def utc(ns: int) -> str:
    """A time in ns UTC, to the minute."""
    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M")


def span(first_ns: int, last_ns: int) -> str:
    """First and last time with the length between them in days."""
    return f"{utc(first_ns)} to {utc(last_ns)} UTC ({(last_ns - first_ns) / 86_400e9:.1f} days)"


def gate_figure(gate: Gate) -> str:
    """The measured figure with its unit."""
    if gate.unit == _FLAG:
        return "yes" if gate.figure else "no"
    return f"{number(gate.figure)} {gate.unit}".strip() if math.isfinite(gate.figure) else NONE


def gate_needs(gate: Gate) -> str:
    """What the figure is asked to be."""
    if gate.unit == _FLAG:
        return "yes"
    relation = {">=": "≥", "<=": "≤"}.get(gate.relation, gate.relation)
    return f"{relation} {number(gate.threshold)}"


def if_bet(summary: Summary, text: str) -> str:
    """``text``, or a dash for an account without bets, whose rates mean nothing."""
    return text if summary.bets else NONE


def headline(result: RunResult) -> str:
    """``EDGE``, ``NO EDGE``, or ``NO VERDICT`` when nothing was held out."""
    if result.walk_forward is None:
        return "NO VERDICT"
    return "EDGE" if result.walk_forward.verdict.edge else "NO EDGE"


def why(result: RunResult) -> str:
    """One sentence under the headline."""
    walk = result.walk_forward
    if walk is None:
        if result.interrupted:
            return "The run was stopped before the walk-forward was complete, so nothing here was held out."
        return "These are fixed presets over the whole span: nothing was held out, so nothing here shows an edge."
    bets = int((walk.out_of_sample.won >= 0).sum())
    sample = f"{bets:,} bets in {walk.out_of_sample.rows.size:,} windows that no configuration was chosen on"
    if walk.verdict.edge:
        return f"Every required gate passed on {sample}."
    required = [gate for gate in walk.verdict.gates if gate.need == "required"]
    failed = [gate for gate in required if not gate.passed]
    first = failed[0]
    known = f"{gate_figure(first)}, needs {gate_needs(first)}" if math.isfinite(first.figure) else "not computable"
    named = ", ".join([f"{first.name} ({known})", *(gate.name for gate in failed[1:])])
    return f"{len(failed)} of {len(required)} required gates failed on {sample}: {named}."


def trials(family: Family) -> str:
    """What was tried before this verdict."""
    ideas = f"{family.ideas:,} idea{'s' * (family.ideas != 1)}"
    said = f"{family.trials:,} of {ideas} in this market; family {family.sidak_family:,}"
    return said if family.attempt == 1 else f"{said}; experiment {family.attempt:,} on these windows"


def registration(standing: Standing) -> str:
    """Whether the experiment was declared before the run, and whether it is still what was declared."""
    declared = standing.registration
    if declared is None:
        return "not registered"
    looks = f"{declared.looks_before:,} look{'s' * (declared.looks_before != 1)} before"
    since = f"{' and '.join(declared.changed)} changed since" if declared.changed else "code and data unchanged"
    return f"registered {utc(declared.at_ns)} UTC, {looks}, {since}"


def holdout(standing: Standing) -> str:
    """What was sealed, when it was opened, and what it showed."""
    dates = ", ".join(utc(opening.at_ns) for opening in standing.openings)
    if not dates:
        if standing.seal is None:
            return "no holdout"
        return f"holdout of {standing.seal.windows:,} windows sealed, not opened"
    times = len(standing.openings)
    said = f"holdout opened {times} time{'s' * (times != 1)} ({dates} UTC)"
    found = standing.holdout
    if not found:
        return said
    p_value = found["p_value"]
    said += f": {found['wins']:,} of {found['bets']:,} won"
    return said + (f", p {number(p_value, 3)}" if p_value is not None else "")


def execution(result: RunResult) -> str:
    """The execution model in words."""
    settings = result.experiment.execution
    if settings.model == "touch":
        return "touch: full size at the ask that was seen, at once"
    delay = "the venue's dated taker delay" if settings.delay_ms is None else f"{settings.delay_ms} ms venue delay"
    return f"latency: {settings.network_ms:g} ms network, {delay}, displayed size only"
