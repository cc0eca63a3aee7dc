"""The audit as one page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from arena.market.catalog import Catalog
from arena.market.quality import RULES
from research.audit import coverage_figures, figures
from research.audit.audit import Audit
from research.audit.coverage import missing
from research.audit.finding import Finding, Status, Subject
from research.audit.text import counted, figure, lasting, leading, limits
from research.audit.view import View
from research.report.page import page, plots, section, write
from research.report.tables import table
from research.report.text import utc

_GAPS_SHOWN = 40
_SUBJECTS_SHOWN = 40
_BANNER = {Status.FAIL: ("none", "FAULTS"), Status.WARN: ("warn", "WARNINGS"), Status.PASS: ("edge", "CLEAN")}


def write_page(audit: Audit, view: View, catalog: Catalog, path: Path) -> Path:
    """Write the page of ``audit`` to ``path``, whole or not at all."""
    return write(render(audit, view, catalog), path)


def render(audit: Audit, view: View, catalog: Catalog) -> str:
    """The page as text."""
    troubled = [f for f in audit.findings if f.status in (Status.FAIL, Status.WARN)]
    parts = (
        _header(audit, catalog),
        section(
            "Checks",
            _checks(audit),
            "A figure is the worst of its streams. Nothing is removed by a check: it says what to leave out, to "
            "subtract, or to record again. A dash: the catalog holds nothing to measure.",
        ),
        plots(coverage_figures.months(view), coverage_figures.calendar(view)),
        plots(coverage_figures.clock_hours(view), figures.latencies(view)),
        plots(figures.basis_spread(view), figures.basis_path(view)),
        plots(figures.book_ages(view), figures.wrong_outcomes(view)),
        section("What the checks found", "".join(_detail(f) for f in troubled) or "<p>No check found a fault.</p>"),
        section("Checks that passed", "".join(_folded(f) for f in audit.findings if f.status is Status.PASS)),
        section(*_gaps(view)),
        section("Quarantine by rule", _quarantine(catalog), "Refused at ingest, kept beside the clean rows, counted."),
        section("Known defects", _defects(catalog), "What is known about a source and no row can show."),
        section("Tables and hashes", _tables(catalog), f"Digest of the catalog: <code>{catalog.digest()}</code>"),
    )
    return page(f"Audit of {catalog.path}", "".join(parts))


def _header(audit: Audit, catalog: Catalog) -> str:
    state, say = _BANNER.get(audit.status, ("open", "EMPTY"))
    failed = [f.check.name for f in audit.findings if f.status is Status.FAIL]
    warned = audit.count(Status.WARN)
    said = f"{len(failed)} of {len(audit.findings)} checks failed: {', '.join(failed)}. " if failed else ""
    said += f"{warned} warned." if warned else "" if failed else "No check found a fault."
    held = catalog.manifest.tables.values()
    spans = [t.span for t in held if t.span is not None]
    rows, refused = sum(t.rows for t in held), sum(sum(t.quarantined.values()) for t in held)
    sources = {source for t in held for source in t.sources}
    tiles = [
        ("Rows", f"{rows:,}", f"in {sum(1 for t in held if t.rows)} tables from {len(sources)} sources"),
        ("Refused", f"{refused:,}", f"{100.0 * refused / max(rows + refused, 1):.2f} % of all rows"),
        ("Declared gaps", f"{sum(t.gaps for t in held):,}", "rows of the gaps table"),
        ("Span", _years(spans), f"{utc(min(a for a, _ in spans))} to {utc(max(b for _, b in spans))}" if spans else ""),
        ("Checks", f"{audit.count(Status.PASS)} passed", f"{warned} warned, {len(failed)} failed, "
         f"{audit.count(Status.NONE)} without data"),
    ]  # fmt: skip
    cells = "".join(
        f"<div><span>{name}</span><b>{value}</b><small>{under}</small></div>" for name, value, under in tiles
    )
    return (
        f'<header><p class="over">Arena data audit</p><h1>{escape(str(catalog.path))}</h1>'
        f'<p class="sub">digest <code>{catalog.digest()[:16]}</code></p>'
        f'<div class="banner {state}"><strong>{say}</strong><p>{escape(said)}</p></div></header>'
        f'<section class="tiles"><div>{cells}</div></section>'
    )


def _years(spans: list[tuple[int, int]]) -> str:
    return lasting(max(b for _, b in spans) - min(a for a, _ in spans)) if spans else "none"


def _pill(status: Status) -> str:
    word = "–" if status is Status.NONE else status.value
    return f'<span class="pill {status.value}">{word}</span>'


def _checks(audit: Audit) -> str:
    def row(finding: Finding) -> str:
        check, worst = finding.check, leading(finding)
        shown = figure(worst.figure, check.limits.unit) if worst is not None else figure(float("nan"), "")
        who = f"<small>{escape(worst.name)}</small>" if worst is not None and finding.status is not Status.PASS else ""
        link = f'<a href="#{check.name}">{check.name}</a>' if finding.status is not Status.NONE else check.name
        return (
            f'<tr><td class="t name">{link}<small>{escape(check.question)}</small></td>'
            f'<td class="c">{_pill(finding.status)}</td><td class="t figure">{escape(shown)}{who}</td>'
            f'<td class="t note">{escape(limits(check.limits))}</td>'
            f'<td class="t change">{escape(check.effect)}</td></tr>'
        )

    head = (
        '<tr><th class="t">check</th><th class="c">result</th><th class="t">worst</th>'
        '<th class="t note">limits</th><th class="t change">what it would do to a backtest</th></tr>'
    )
    body = "".join(row(f) for f in audit.findings)
    return f'<table class="gates checks"><thead>{head}</thead><tbody>{body}</tbody></table>'


def _detail(finding: Finding) -> str:
    check, unit = finding.check, finding.check.limits.unit
    troubled = [s for s in finding.subjects if s.status in (Status.FAIL, Status.WARN)]
    others = finding.subjects[len(troubled) :]
    fold = f"<details><summary>{len(others)} others</summary>{_subjects(others, unit)}</details>" if others else ""
    return (
        f'<div class="finding" id="{check.name}"><h3>{_pill(finding.status)} {check.name} '
        f"<small>{escape(counted(finding))}</small></h3>"
        f"<p>{escape(check.measures)}: {escape(limits(check.limits))} ({escape(check.limits.why)}). "
        f"<i>{escape(check.effect)}</i></p>{_subjects(troubled, unit)}{_examples(finding)}{fold}</div>"
    )


def _folded(finding: Finding) -> str:
    check = finding.check
    return (
        f'<details id="{check.name}"><summary>{check.name} <small>{escape(counted(finding))}</small></summary>'
        f"<p>{escape(check.measures)}: {escape(limits(check.limits))} ({escape(check.limits.why)}).</p>"
        f"{_subjects(finding.subjects, check.limits.unit)}</details>"
    )


def _subjects(subjects: Sequence[Subject], unit: str) -> str:
    rows = [
        [escape(s.name), _pill(s.status), escape(s.detail), figure(s.figure, unit), f"{s.over:,}"]
        for s in subjects[:_SUBJECTS_SHOWN]
    ]
    rest = len(subjects) - len(rows)
    more = f'<p class="caption">{rest} more are in the JSON document.</p>' if rest else ""
    return table(["stream", "", "measured", "figure", "rests on"], rows, left=3, css="streams") + more


def _examples(finding: Finding) -> str:
    if not finding.examples:
        return ""
    rows = [[escape(e.subject), f"{utc(e.at_ns)} UTC", escape(e.what)] for e in finding.examples]
    return (
        f"<details><summary>{len(rows)} moments to look at</summary>"
        f"{table(['stream', 'when', 'what'], rows, left=3, css='streams')}</details>"
    )


def _gaps(view: View) -> tuple[str, str, str]:
    found = missing(view)
    if found.is_empty():
        return "Gaps", "<p>Nothing is known to be missing.</p>", ""
    rows = [
        [escape(stream), escape(what), "declared" if declared else "found", f"{utc(begin)} UTC", f"{utc(end)} UTC",
         lasting(end - begin)]
        for what, stream, begin, end, declared in found.head(_GAPS_SHOWN).iter_rows()
    ]  # fmt: skip
    said = (
        f"The longest {len(rows)} of {found.height:,}. Declared: rows of the gaps table. Found: missing between the "
        "first and the last row of a kind."
    )
    return (
        "Gaps, longest first",
        table(["stream", "what", "", "from", "to", "length"], rows, left=5, css="streams"),
        said,
    )


def _quarantine(catalog: Catalog) -> str:
    rows = []
    for rule in RULES:
        for name, held in catalog.manifest.tables.items():
            count = held.quarantined.get(rule.name, 0)
            if count:
                sources = ", ".join(sorted({q.source for q in held.quarantine if q.rule == rule.name}))
                cells = [f"<b>{rule.name}</b>", name, escape(sources), f'<span class="why">{escape(rule.doc)}</span>']
                rows.append([*cells, f"{count:,}"])
    if not rows:
        return "<p>Nothing was refused.</p>"
    head = ["rule", "table", "sources", "what it catches, and what it would do to a backtest", "rows"]
    return table(head, rows, left=4, css="streams")


def _defects(catalog: Catalog) -> str:
    rows = [
        [name, escape(source), f'<span class="why">{escape(" ".join(texts))}</span>']
        for name, held in catalog.manifest.tables.items()
        for source, texts in held.known_defects.items()
    ]
    return table(["table", "source", "what is known"], rows, left=3, css="streams") if rows else "<p>None recorded.</p>"


def _tables(catalog: Catalog) -> str:
    rows = []
    for name, held in catalog.manifest.tables.items():
        span = f"{utc(held.span[0])} to {utc(held.span[1])}" if held.span is not None else ""
        rows.append(
            [name, span, escape(", ".join(held.sources)), f"<code>{held.digest()[:24]}…</code>", f"{held.rows:,}",
             f"{len(held.files):,}", f"{sum(held.quarantined.values()):,}"]
        )  # fmt: skip
    head = ["table", "span (UTC)", "sources", "sha-256", "rows", "files", "refused"]
    return table(head, rows, left=4, css="streams")
