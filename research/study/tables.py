"""The tables of a study as text, for the terminal and for the page: head, then rows."""

from __future__ import annotations

from dataclasses import dataclass

from arena.validation.bets import Proportion
from research.report.text import NONE, number, percent, signed
from research.study.summary import Summary


@dataclass(frozen=True, slots=True)
class TextTable:
    """A title, column heads, and rows of ready text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(summary: Summary) -> tuple[TextTable, ...]:
    """The tables of rates that a study fills."""
    return tuple(found for found in (_promotions(summary), _persistence(summary), _powers(summary)) if found.rows)


def gates(summary: Summary) -> TextTable:
    """Which gates stopped researchers; without rows where not all gates were asked."""
    rows = [("all", obstacle.gate, obstacle.researchers, summary.researchers) for obstacle in summary.obstacles]
    for cell in summary.powers:
        where = f"{cell.lag_ms:,} ms, {cell.windows:,} windows"
        rows += [(where, obstacle.gate, obstacle.researchers, cell.researchers) for obstacle in cell.obstacles]
    return TextTable(
        "Which gates stopped researchers, alone or with others",
        ("markets", "gate", "stopped"),
        tuple((where, gate, percent(count / of, 0)) for where, gate, count, of in rows),
    )


def _rate(share: Proportion | None, digits: int = 1) -> str:
    """A share with its interval, in percent."""
    if share is None:
        return NONE
    low, high = (f"{100 * end:.{digits}f}" for end in (share.lower, share.upper))
    return f"{percent(share.estimate, digits)} ({low}–{high})"


def _promotions(summary: Summary) -> TextTable:
    return TextTable(
        "Promoted without an edge, 95 % interval",
        ("tried", "best of N", "seed, own books", "seed, honest", "Arena discovery", "Arena verdict"),
        tuple(
            (f"{row.trials:,}", *map(_rate, (row.naive, row.seed_booked, row.seed_honest, row.discovery, row.verdict)))
            for row in summary.promotions
        ),
    )


def _persistence(summary: Summary) -> TextTable:
    return TextTable(
        "Some attempt passed, 95 % interval",
        ("attempts", "nobody counts", "by the ledger"),
        tuple((f"{row.attempts}", _rate(row.alone), _rate(row.ledger)) for row in summary.persistence),
    )


def _powers(summary: Summary) -> TextTable:
    return TextTable(
        "Edge found, 95 % interval (lag in ms, bets per window, off by points)",
        (
            "lag",
            "windows",
            "bets",
            "break-\neven",
            "wins",
            "dis-\npersion",
            "discovery",
            "pre-\ndicted",
            "off by",
            "verdict",
        ),
        tuple(
            (
                f"{cell.lag_ms:,}",
                f"{cell.windows:,}",
                number(cell.bets_per_window, 2),
                percent(cell.break_even),
                percent(cell.win_rate),
                number(cell.dispersion, 3),
                _rate(cell.discovery, 0),
                percent(cell.predicted),
                f"{signed(100 * cell.difference, 1)} ± {number(100 * cell.error, 2)}",
                _rate(cell.verdict, 0),
            )
            for cell in summary.powers
        ),
    )
