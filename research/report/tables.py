"""The tables of the page, as HTML. Every piece of text that comes from data passes through :func:`escape`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from arena.costs import COST_MODELS
from arena.strategies.base import Configuration
from arena.validation.verdict import Gate, Verdict
from research.provenance import checkout, versions
from research.report.figures import AccountView, accounts, fold_span
from research.report.measures import varied
from research.report.text import (
    NONE,
    bps,
    gate_figure,
    gate_needs,
    if_bet,
    number,
    percent,
    prose,
    signed,
    usd,
    whole,
)
from research.result import RunResult, Summary


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, css: str = "") -> str:
    """A table of ready HTML cells; the first ``left`` columns are text, the others numbers."""
    kind = ['class="t"' if k < left else "" for k in range(len(head))]
    top = "".join(f"<th {k}>{cell}</th>" for k, cell in zip(kind, head, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {k}>{cell}</td>" for k, cell in zip(kind, row, strict=True)) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table class="{css}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _signed(text: str, value: float) -> str:
    return f'<span class="{"up" if value > 0 else "down" if value < 0 else ""}">{text}</span>'


def verdict_table(verdict: Verdict) -> str:
    """Every gate; the reported ones set apart, because they do not decide."""

    def row(gate: Gate) -> str:
        state = "pass" if gate.passed else "fail"
        return (
            f'<tr class="{gate.need}"><td class="t name">{escape(gate.name)}<small>{escape(gate.question)}</small></td>'
            f'<td class="c"><span class="pill {state}">{state}</span></td>'
            f'<td class="figure">{escape(gate_figure(gate))}</td><td class="needs">{escape(gate_needs(gate))}</td>'
            f'<td class="t note">{prose(gate.note)}</td><td class="t change">{prose(gate.change)}</td></tr>'
        )

    head = (
        '<tr><th class="t">gate</th><th class="c">result</th><th>figure</th><th>needs</th>'
        '<th class="t note">rests on</th><th class="t change">what would change it</th></tr>'
    )
    parts = []
    for need, says in (("required", "Required: all must pass"), ("reported", "Reported: inform, do not decide")):
        rows = "".join(row(gate) for gate in verdict.gates if gate.need == need)
        if rows:
            parts.append(f'<tr class="group"><td colspan="6">{says}</td></tr>{rows}')
    return (
        f'<div class="scroll"><table class="gates"><thead>{head}</thead><tbody>{"".join(parts)}</tbody></table></div>'
    )


def _swatch(view: AccountView) -> str:
    return f'<i class="swatch" style="background:{view.colour}"></i>{escape(view.name)}'


def accounts_table(result: RunResult) -> str:
    """Out of sample and every preset, with PnL under every cost model and what the seed would have booked."""
    costs = result.experiment.costs
    booked = {preset.name: preset.as_booked for preset in result.presets}
    models = tuple(COST_MODELS)
    head = ["account", "bets", "win rate", "break-even", "margin", "return / bet"]
    head += [f"PnL<br><small>{escape(m)}{' costs' if m == 'venue' else ''}</small>" for m in models]
    head += ["max drawdown", "unfilled / partial<br><small>orders</small>", "refused<br><small>bets</small>"]
    head += [f"as booked<br><small>{what}</small>" for what in ("PnL", "win rate")]
    rows = []
    for view in accounts(result):
        s = view.by_costs[costs]
        seed = booked.get(view.name)
        gap = s.win_rate - s.break_even
        row = [_swatch(view), f"{s.bets:,}"]
        row += [if_bet(s, percent(s.win_rate)), if_bet(s, percent(s.break_even))]
        row += [if_bet(s, _signed(percent(gap, sign=True), gap))]
        row += [if_bet(s, _signed(percent(s.return_per_bet, 2, sign=True), s.return_per_bet))]
        for model in models:
            profit = _signed(usd(view.by_costs[model].pnl_usd), view.by_costs[model].pnl_usd)
            row.append(f"<b>{profit}</b>" if model == costs else profit)
        row += [if_bet(s, percent(s.max_drawdown)), f"{s.unfilled_orders:,} / {s.partial_fills:,}"]
        row.append(f"{s.refused_bets:,}")
        fantasy = (usd(seed.pnl_usd), if_bet(seed, percent(seed.win_rate))) if seed is not None else (NONE, NONE)
        row += [f'<span class="fantasy">{text}</span>' for text in fantasy]
        rows.append(row)
    return table(head, rows, css="accounts")


def costs_table(result: RunResult) -> str:
    """Fee, spread and slippage in dollars and basis points."""
    head = ["account", "cost model", "staked", "fee", "half spread", "slippage", "together"]

    def both(part: float, s: Summary) -> str:
        return if_bet(s, f"{usd(part, sign=False)} <small>{whole(bps(part, s.staked_usd))} bps</small>")

    rows = [
        [_swatch(view), escape(model), usd(s.staked_usd, sign=False)]
        + [both(part, s) for part in (s.fee_usd, s.spread_usd, s.slippage_usd)]
        + [both(s.fee_usd + s.spread_usd + s.slippage_usd, s)]
        for view in accounts(result)
        for model, s in view.by_costs.items()
    ]
    return table(head, rows, left=2) if any(view.run.trades.size for view in accounts(result)) else ""


def folds_table(result: RunResult) -> str:
    """When each fold trained and tested, and how the chosen configuration did."""
    walk = result.walk_forward
    if walk is None:
        return ""
    head = ["fold", "train from", "test from", "test to", "train windows", "chosen", "train score", "train bets"]
    head += ["test score", "test bets", "test return / bet", "rank corr."]
    rows = []
    for k, fold in enumerate(walk.folds, 1):
        first, last = fold_span(result, fold.test_rows)
        none = fold.chosen < 0
        row = [str(k), fold_span(result, fold.train_rows)[0], first, last, f"{fold.train_windows:,}"]
        row += ["none" if none else f"#{fold.chosen}", _score(fold.train_score, none), f"{fold.train_bets:,}"]
        row += [_score(fold.test_score, none), f"{fold.test_bets:,}"]
        value = fold.test_return_per_bet
        row += [_signed(percent(value, 2, sign=True), value) if fold.test_bets else NONE]
        row += [signed(fold.rank_correlation, 2)]
        rows.append(row)
    return table(head, rows, left=4)


def _score(score: float, none: bool) -> str:
    return NONE if none else _signed(number(1e4 * score, 3), score)


def chosen_table(result: RunResult) -> str:
    """The searched levers each fold chose: do they wander?"""
    walk = result.walk_forward
    if walk is None or not (names := varied(walk.grid)):
        return ""
    low_high = {name: [c.values()[name] for c in walk.grid] for name in names}
    head = ["fold"] + [f"{escape(n)}<br><small>{escape(result.strategy.lever(n).unit)}</small>" for n in names]
    head += ["train score", "test score"]
    rows = []
    for k, fold in enumerate(walk.folds, 1):
        if fold.chosen < 0:
            rows.append([str(k)] + [NONE] * (len(names) + 2))
            continue
        chosen = walk.grid[fold.chosen].values()
        cells = [_placed(chosen[n], min(low_high[n]), max(low_high[n])) for n in names]
        rows.append([str(k), *cells, _score(fold.train_score, False), _score(fold.test_score, False)])
    return table(head, rows)


def _placed(value: float, low: float, high: float) -> str:
    """A value with a mark where it lies in the searched range."""
    at = 100.0 * (value - low) / (high - low)
    return f'{number(value, 3)}<i class="range"><i style="left:{at:.0f}%"></i></i>'


def calibration_table(result: RunResult) -> str:
    """Scores of every preset's model beside the market's."""
    rated = [(p.name, p.calibration) for p in result.presets if p.calibration is not None]
    if not rated:
        return ""
    head = ["model", "windows", "Brier", "market's", "log loss", "market's", "log-score gain", "interval"]
    rows = []
    for name, c in rated:
        row = [escape(name), f"{c.contracts:,}", f"{c.model_brier:.4f}", f"{c.market_brier:.4f}"]
        row += [f"{c.model_log_loss:.4f}", f"{c.market_log_loss:.4f}", _signed(signed(c.gain.gain), c.gain.gain)]
        rows.append([*row, f"{percent(c.gain.level, 0)}: {signed(c.gain.lower)} to {signed(c.gain.upper)}"])
    return table(head, rows)


def configuration_table(result: RunResult) -> str:
    """Every lever of every preset with its unit; differences stand out."""
    configurations: list[tuple[str, Configuration]] = [(p.name, p.configuration) for p in result.presets]
    head = ["lever", "unit", *(escape(name) for name, _ in configurations), "what it does"]
    cells = [(c.values()) for _, c in configurations]
    rows = []
    group = ""
    for lever in result.strategy.levers:
        if lever.group != group:
            group = lever.group
            rows.append(f'<tr class="group"><td colspan="{len(head)}">{escape(group)}</td></tr>')
        held = [row[lever.name] for row in cells]
        differ = ' class="differ"' if len(set(held)) > 1 else ""
        numbers = "".join(f"<td{differ}>{number(value, 5)}</td>" for value in held)
        rows.append(
            f'<tr><td class="t name">{escape(lever.name)}</td><td class="t">{escape(lever.unit)}</td>{numbers}'
            f'<td class="t note">{escape(lever.why)}</td></tr>'
        )
    last = len(head) - 1
    top = "".join(f'<th class="{"t" if k < 2 or k == last else ""}">{cell}</th>' for k, cell in enumerate(head))
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def reproduce_tables(result: RunResult) -> str:
    """Digests of the data, versions, the commit and where the seconds went."""
    code = checkout()
    built = [(name, text) for name, text in versions().items()]
    if code is not None:
        built.append(("commit", code.commit[:12] + (" with uncommitted changes" if code.dirty else "")))
    built.append(("experiment", result.experiment.digest))
    data = [[escape(name), f"<code>{escape(d)}</code>"] for name, d in sorted(result.data.digests.items())]
    total = sum(result.seconds.values())
    spent = [[escape(stage), f"{s:.2f}"] for stage, s in result.seconds.items()] + [["together", f"{total:.2f}"]]
    return (
        '<div class="three">'
        + table(["table", "sha-256 of the catalog table"], data, left=2)
        + table(["program", "version"], [[escape(k), escape(v)] for k, v in built], left=2)
        + table(["stage", "seconds"], spent)
        + "</div>"
    )


def share_of_windows(result: RunResult) -> float:
    """Share of the out-of-sample windows that were bet on."""
    walk = result.walk_forward
    return float(np.mean(walk.out_of_sample.won >= 0)) if walk is not None else float("nan")
