"""The statistics behind the verdict as HTML: each figure with what it means, in four groups."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from arena.validation.bets import win_rate_interval
from research.report.text import holdout, number, percent, prose, registration, signed
from research.result import Evidence, RunResult
from research.standing import Standing


class Fact(NamedTuple):
    """A figure: its name, its value, and what it says."""

    name: str
    value: str
    says: str


def evidence_list(result: RunResult) -> str:
    """Every statistic of the verdict that the data allowed."""
    walk = result.walk_forward
    if walk is None:
        return ""
    groups = (
        ("Wins and sample", _wins(walk.evidence)),
        ("Selection", _selection(walk.evidence)),
        ("Forecast", _forecast(walk.evidence)),
        ("History", _history(walk.evidence, walk.standing, walk.ledger_entry)),
    )
    return "".join(_group(title, list(facts)) for title, facts in groups)


def _group(title: str, facts: list[Fact]) -> str:
    if not facts:
        return ""
    rows = "".join(f"<div><dt>{f.name}</dt><dd>{escape(f.value)}</dd><p>{prose(f.says)}</p></div>" for f in facts)
    return f'<h3 class="group">{title}</h3><dl class="facts wide">{rows}</dl>'


def _wins(e: Evidence) -> Iterator[Fact]:
    if e.win_test is not None:
        w = e.win_test
        rate = win_rate_interval(w.wins, w.bets)
        says = f"{percent(rate.estimate)}, {percent(rate.level, 0)} interval {percent(rate.lower)} to "
        says += f"{percent(rate.upper)}; {number(w.expected_wins)} expected at break-even, z {signed(w.z_score, 2)}; "
        says += f"exact p {number(w.p_value, 3)}, {number(e.adjusted_p, 3)} after what was tried before"
        yield Fact("Wins", f"{w.wins:,} of {w.bets:,}", says)
    if e.interval is not None:
        i = e.interval
        says = f"{percent(i.level, 0)} interval {percent(i.lower, 2, True)} to {percent(i.upper, 2, True)}"
        says += f", {i.draws:,} draws of blocks of {i.block:.1f} windows"
        yield Fact("Return per window", percent(i.estimate, 2, True), says)
    if e.plan is not None:
        says = f"to find an edge of {100 * e.planned_edge:.1f} points with power {percent(e.plan.power, 0)}"
        yield Fact("Bets needed", f"{e.plan.bets:,}", says)
    says = "mean over deviation of the return per window, idle ones included"
    yield Fact("Sharpe per window", number(e.sharpe, 3), says)
    says = "probability that the true Sharpe ratio exceeds 0, were this the only trial"
    yield Fact("PSR", percent(e.psr, 2), says)
    says = "return per window when the fold that earned most is left out"
    yield Fact("Without the best fold", percent(e.without_best_fold, 2, True), says)
    if e.bankroll is not None:
        at = e.bankroll.crossed
        says = f"highest of a half-Kelly bettor who began with 1; {1 / e.bankroll.alpha:g} is as rare as "
        says += f"{percent(e.bankroll.alpha, 0)} without an edge, "
        says += "never reached" if at is None else f"reached after {at + 1:,} bets"
        yield Fact("Bankroll", number(e.highest_bankroll, 3), says)
    if e.skill is not None:
        says = f"that this is a discovery, when {percent(e.skill.prior, 0)} of all ideas have the edge named beforehand"
        yield Fact("Probability of skill", percent(e.skill.probability_of_skill, 1), says)
    if e.posterior is not None:
        says = "that the bets win more often than they cost, from a sceptical prior; the edge in log-odds is "
        says += f"{signed(e.posterior.mean, 3)} ± {number(e.posterior.deviation, 2)}"
        yield Fact("Belief in an edge", percent(e.posterior.probability, 1), says)


def _selection(e: Evidence) -> Iterator[Fact]:
    if e.superior is not None:
        s = e.superior
        says = f"p of SPA for the whole grid, consistent; bounds {number(s.lower, 3)} and {number(s.upper, 3)}, "
        says += f"White's reality check {number(s.white, 3)}"
        yield Fact("Better than no bet", number(s.consistent, 3), says)
    if e.overfitting is not None:
        o, band = e.overfitting, e.null_band
        says = f"over {o.logits.size:,} ways to halve {o.blocks} blocks of time"
        if band is not None:
            says += f"; without skill 5 % of such grids fall below {band.quantile_05:.2f}, half below "
            says += f"{band.quantile_50:.2f}"
        yield Fact("PBO", number(o.pbo, 3), says)
        says = "that the winner of one half of the time loses in the other"
        yield Fact("Chance of loss", percent(o.probability_of_loss), says)
    if e.dominance is not None:
        found = e.dominance
        order = "first" if found.first_order else "second" if found.second_order else "neither first nor second"
        says = f"that the training winner beats a random pick of the grid out of sample; it dominates in {order} order"
        yield Fact("Beats a random pick", percent(found.probability), says)
    for name, of, d in (("DSR", "trials", e.deflated), ("DSR of clusters", "clusters", e.deflated_clusters)):
        if d is not None:
            says = f"that the best of the grid exceeds {number(d.threshold, 3)} per window, which the best of "
            says += f"{d.trials:,} {of} expects from luck"
            yield Fact(name, percent(d.probability, 2), says)


def _forecast(e: Evidence) -> Iterator[Fact]:
    if e.gain is not None:
        g = e.gain
        says = f"nats per bet, model over mid; {percent(g.level, 0)} interval {signed(g.lower)} to {signed(g.upper)}"
        yield Fact("Log-score gain", signed(g.gain), says)
    if e.miscalibration is not None:
        m = e.miscalibration
        says = f"CORP miscalibration of the model ({m.model:.4f}) less that of the price ({m.market:.4f}), their bias "
        says += f"taken off; {percent(m.level, 0)} interval {signed(m.lower)} to {signed(m.upper)}"
        yield Fact("Miscalibration", signed(m.gap), says)


def _history(e: Evidence, standing: Standing, ledger_entry: str) -> Iterator[Fact]:
    f = e.family
    says = "configurations ever evaluated for this strategy here, failed and interrupted ones included"
    if f.variance is not None:
        says += f"; variance of their Sharpe ratios per window {number(f.variance, 3)}"
    yield Fact("Trials", f"{f.trials:,}", says)
    yield Fact("Ideas", f"{f.ideas:,}", "under which those trials were made")
    says = f"hypotheses this result is one of: itself, and {f.effective:,} that the {f.earlier:,} trials of other "
    says += "evaluations on these windows amount to"
    yield Fact("Family", f"{f.sidak_family:,}", says)
    says = "of those tested on these windows: the first may spend most of alpha, the later ones share the rest"
    yield Fact("Experiment", f"number {f.attempt:,}", says)
    declared = standing.registration
    name = "no" if declared is None else f"entry {declared.entry[:12]}"
    yield Fact("Registered", name, f"{registration(standing)}: `arena-backtest register` declares before looking")
    opened = len(standing.openings)
    says = f"{holdout(standing)}; only the first look is one into a holdout"
    yield Fact("Holdout opened", f"{opened:,} time{'s' * (opened != 1)}", says)
    says = "digest of this verdict's entry; `arena-backtest trials` shows the ledger and verifies its chain"
    yield Fact("Ledger", ledger_entry[:12], says)
