"""A study as one page."""

from __future__ import annotations

import json
from dataclasses import asdict
from html import escape
from pathlib import Path

from arena.validation.bets import Proportion
from research.provenance import code_digest, versions
from research.report.page import page, plots, section, write
from research.report.tables import table
from research.report.text import percent
from research.study import figures
from research.study.summary import Summary
from research.study.tables import TextTable, gates, tables

_TRUTH = {
    "efficient": "the maker prices the settlement rule from the current price; every bet loses its cost",
    "fair": "every contract is worth what it costs, fee included: outcomes are drawn again",
    "lagged": "the maker is late: whoever reaches the book faster has an edge",
}
_READ_ON = {
    "efficient": (
        "Each researcher is judged by every gate, replays included.",
        "The seed's method: its promotion rule, its overfitting test against the baseline (always 0 by construction) "
        "and its deflated Sharpe ratio, on honest returns and on the books it would have kept.",
    ),
    "fair": (
        "Gates that need a replay (latency, cost, neighbourhood) and the premises are left out, so the rate of the "
        "verdict is an upper bound.",
        "The other gates are asked only of researchers who pass the discovery gate: the rest has no edge anyhow.",
        "Researchers of one market share its bets and prices, and draw their outcomes apart.",
    ),
    "lagged": (
        "Each researcher is judged by every gate, replays included.",
        "The prediction takes price and win rate from the bets of all markets of its cell; the observation is one "
        "rejection or none per market. The error is a jackknife over markets. A dispersion above 1 says that markets "
        "differ in their edge, which no planner can know: power then is less steep in the number of bets.",
    ),
}


def write_report(summary: Summary, causal: bool, path: Path) -> Path:
    """Write the page of a study to ``path``."""
    return write(render(summary, causal), path)


def render(summary: Summary, causal: bool) -> str:
    """The page as text."""
    mode = summary.settings.mode
    shown = [
        figures.promotions(summary),
        figures.persistence(summary),
        figures.p_values(summary),
        figures.power(summary),
    ]
    body = _header(summary, causal)
    body += plots(*(figure for figure in shown if figure.traces))
    body += "".join(_table(found) for found in tables(summary))
    stopped = gates(summary)
    body += _table(stopped) if stopped.rows else ""
    settings = {"settings": asdict(summary.settings), "code": code_digest(), "versions": versions()}
    listed = escape(json.dumps(settings, indent=2))
    body += f"<section><details><summary>Settings</summary><pre>{listed}</pre></details></section>"
    return page(f"Simulation study: {mode} markets", body)


def _header(summary: Summary, causal: bool) -> str:
    s = summary.settings
    holds = all(claim.holds for claim in summary.claims)
    told = "".join(f"<p>{escape(claim.text)}</p>" for claim in summary.claims) or f"<p>{escape(_found(summary))}</p>"
    state, say = ("edge", "KEPT") if holds else ("none", "BROKEN")
    if not summary.claims:
        state, say = "open", "POWER"
    facts = [
        ("Markets", f"{summary.markets:,} of {s.days} days, seeds from {s.seed}"),
        ("Researchers", f"{summary.researchers:,}"),
        ("Configurations", ", ".join(f"{n:,}" for n in s.trials)),
        ("Promise", f"at most {percent(summary.alpha)} in all, {percent(summary.level)} for a first attempt"),
        ("Known to be true", _TRUTH[s.mode]),
        ("Causal", "proven once for all markets" if causal else "NOT proven: every verdict failed that gate"),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    notes = "".join(f"<li>{escape(note)}</li>" for note in _READ_ON[s.mode])
    return (
        f'<header><p class="over">Arena simulation study</p><h1>{s.mode.capitalize()} markets</h1>'
        '<p class="sub">Does the verdict keep its error rates, from market to verdict?</p>'
        f'<div class="banner {state}"><strong>{say}</strong><div>{told}</div></div>'
        f'<aside class="notes"><b>Before you read on</b><ul>{notes}</ul></aside>'
        f'<dl class="facts">{listed}</dl></header>'
    )


def _found(summary: Summary) -> str:
    """The largest cell of a lagged study in a sentence."""

    def says(share: Proportion) -> str:
        return f"{percent(share.estimate)} (95 % {percent(share.lower)} to {percent(share.upper)})"

    cell = max(summary.powers, key=lambda own: (own.windows, own.predicted))
    return (
        f"After {cell.windows:,} windows of a maker {cell.lag_ms:,} ms late the discovery gate finds the edge in "
        f"{says(cell.discovery)} of markets, the planner predicts {percent(cell.predicted)}, and the verdict is EDGE "
        f"in {says(cell.verdict)}."
    )


def _table(found: TextTable) -> str:
    rows = ([escape(cell) for cell in row] for row in found.rows)
    return section(found.title, table([escape(name) for name in found.head], rows))
