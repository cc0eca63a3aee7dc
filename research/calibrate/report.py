"""A calibration as one page."""

from __future__ import annotations

from html import escape
from pathlib import Path

from research.calibrate import figures, tables
from research.calibrate.run import Calibration
from research.calibrate.settings_file import settings_text
from research.report.page import page, plots, section, write
from research.report.tables import table
from research.report.text import number

_READ_ON = (
    "Each fact is measured by the same function on recording and lab. The recordings were made by different people at "
    "different times, so no single market had all of these facts at once.",
    "The noise floor is the distance between the earlier and the later half of the recording: a lab that is nearer "
    "than that cannot be told from one more half.",
    "A lab market of three days is measured, on days as volatile as those whose books were recorded: 864 windows, so "
    "its frequencies and correlations of outcomes are uncertain by 3 to 10 points themselves.",
    "Held out: the lab is fitted to the first half alone and compared with the second. Nothing is fitted to what a "
    "strategy earns.",
)


def write_report(found: Calibration, path: Path) -> Path:
    """Write the page to ``path``."""
    return write(render(found), path)


def render(found: Calibration) -> str:
    """The page as text."""
    body = _header(found)
    body += section("Distances", table(tables.DISTANCES, _cells(tables.distances(found)), left=2))
    drawn = [figures.fact_figure(c) for c in found.facts if not c.fact.key.startswith("reliability")]
    body += plots(*drawn, figures.reaction(found))
    body += plots(
        figures.reliability(found.recorded, "recorded (Kalshi, 15 minutes)", "reliability-recorded"),
        figures.reliability(found.lab, "lab (5 minutes)", "reliability-lab"),
    )
    body += section(
        "Fitted numbers",
        table(tables.NUMBERS, _cells(tables.numbers(found)), left=6, css="three"),
        "± is half the difference between the fits of the two halves of the recording: one degree of freedom, an order "
        "of magnitude. Rows of numbers go by time left (5, 15, 30, 60, 120, 180, 240 s and more), by price (mid less "
        "than 2, 4, 10, 20 cents from 0 or 1, and more) or by hour; components of volatility have half-lives of 3 s, 2 "
        "and 30 minutes, 4 hours and 2 days.",
    )
    body += section("Not identified", table(tables.UNKNOWNS, _cells(tables.unknown()), left=2, css="three"))
    settings = escape(settings_text(found.config, found.numbers))
    body += f"<section><details><summary>Settings as TOML</summary><pre>{settings}</pre></details></section>"
    return page("The lab, calibrated", body)


def _header(found: Calibration) -> str:
    r, lab = found.recorded, found.lab
    facts = [
        ("Kurtosis of seconds", f"{number(r.seconds.kurtosis, 3)} recorded, {number(lab.seconds.kurtosis, 3)} lab"),
        ("Kurtosis of minutes", f"{number(r.minutes.kurtosis, 3)} recorded, {number(lab.minutes.kurtosis, 3)} lab"),
        ("Tail index of minutes", f"{number(r.minutes.hill, 3)} recorded, {number(lab.minutes.hill, 3)} lab"),
        ("Book after spot", f"{r.reaction.says}; lab: {lab.reaction.says}"),
        ("Recordings", ", ".join(sorted({c.source for c in found.facts}))),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    notes = "".join(f"<li>{escape(note)}</li>" for note in _READ_ON)
    return (
        '<header><p class="over">Arena calibration</p><h1>The lab against recordings</h1>'
        '<p class="sub">Does the generated market look like the recorded ones?</p>'
        f'<div class="banner open"><strong>DISTANCES</strong><p>{escape(tables.headline(found))}</p></div>'
        f'<aside class="notes"><b>Before you read on</b><ul>{notes}</ul></aside>'
        f'<dl class="facts">{listed}</dl></header>'
    )


def _cells(rows: list[tuple[str, ...]]) -> list[list[str]]:
    return [[escape(cell) for cell in row] for row in rows]
