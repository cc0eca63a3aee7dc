"""From evidence to a verdict: every gate of the policy, its figure, its threshold, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from arena.validation.bets import win_rate_interval
from arena.validation.planning import bets_needed
from arena.validation.spending import alpha_share
from arena.validation.verdict import Gate, Verdict, compare
from research.experiment import Experiment
from research.policy import Need
from research.result import Evidence, Statistics, Stitched
from research.sensitivity import Curve, Sensitivity
from research.standing import Standing

_UNSPOKEN = "too few configurations that bet, or windows"
_SPEAK = "a longer span, or a grid that bets more"


def judge(evidence: Evidence, oos: Stitched, experiment: Experiment, causal: bool, standing: Standing) -> Verdict:
    """Put every gate to the evidence. Required gates decide; reported ones inform."""
    return Verdict(
        (
            *_premises(experiment, causal),
            *_bets(evidence, oos, experiment),
            *_selection(evidence, experiment),
            *_forecast(evidence, experiment),
            *_replays(evidence.sensitivity, experiment),
            *_seasons(evidence, experiment),
            *_history(evidence, experiment),
            *_holdout(standing, experiment),
        )
    )


def judge_statistics(statistics: Statistics, oos: Stitched, experiment: Experiment) -> Verdict:
    """Put those gates to the statistics that need neither the data nor a replay: :func:`judge` asks these and more."""
    return Verdict(
        (
            *_bets(statistics, oos, experiment),
            *_selection(statistics, experiment),
            *_forecast(statistics, experiment),
            *_seasons(statistics, experiment),
            *_history(statistics, experiment),
        )
    )


def _gate(
    need: Need, name: str, question: str, figure: float, unit: str, relation: str, threshold: float,
    note: str = "", change: str = "",
) -> Gate:  # fmt: skip
    passed = compare(figure, relation, threshold)
    return Gate(name, question, figure, unit, relation, threshold, passed, need, note, change)


def _premises(experiment: Experiment, causal: bool) -> Iterator[Gate]:
    policy = experiment.gates
    assumed = [
        change
        for other, change in (
            (experiment.costs != "venue", "run with --costs venue"),
            (experiment.execution.model != "latency", "run with --execution latency"),
            (experiment.execution.delay_ms is not None, "leave the delay to the venue's dated rule"),
            (experiment.data.assumed_size_usd is not None, "record displayed sizes instead of assuming them"),
        )
        if other
    ]
    yield _gate(
        policy.honest_costs.need, "honest costs", "venue fees, venue delay, displayed size?", float(not assumed), "0|1",
        ">=", 1.0, change="; ".join(assumed),
    )  # fmt: skip
    yield _gate(
        policy.causal.need, "causal", "do decisions survive truncation and scrambling of the future?", float(causal),
        "0|1", ">=", 1.0, change="" if causal else "`arena-backtest check` names the decision that saw the future",
    )  # fmt: skip


def _bets(evidence: Statistics, oos: Stitched, experiment: Experiment) -> Iterator[Gate]:
    policy = experiment.gates
    bet = oos.won >= 0
    n, wins, windows = int(bet.sum()), int((oos.won == 1).sum()), oos.won.size
    rarer = min(wins, n - wins)
    wanted = policy.sample.min_rarer_outcome
    yield _gate(
        policy.sample.need, "sample", "did wins and losses both occur often enough for the statistics to hold?",
        float(rarer), "of the rarer", ">=", float(wanted),
        change="" if rarer >= wanted else _more_windows(windows, rarer, wanted),
    )  # fmt: skip
    spendable = policy.discovery.alpha * alpha_share(evidence.family.attempt)
    plan = evidence.plan
    asked = float(plan.bets) if plan is not None else math.nan
    edge = evidence.planned_edge
    whose = "stated" if policy.sample.edge is not None else "claimed by the strategy"
    yield _gate(
        policy.sample.need, "power", f"enough bets to find the edge {whose}?", float(n), "bets", ">=", asked,
        note=f"edge {100 * edge:.1f} points, size {spendable:.2g}, power {policy.sample.power:g}"
        if plan is not None else "no bets" if n == 0 else "an edge under half a cent is nothing to plan for",
        change="" if plan is None or n >= plan.bets else _more_windows(windows, n, plan.bets),
    )  # fmt: skip
    yield _gate(
        policy.discovery.need, "beats the price",
        f"exact p-value of the wins against fee-inclusive break-even: experiment {evidence.family.attempt} on these "
        f"windows, family of {evidence.family.sidak_family}",
        evidence.adjusted_p, "p", "<", policy.discovery.alpha,
        *_win_notes(evidence, oos, policy.discovery.alpha, spendable),
    )  # fmt: skip
    interval = evidence.interval
    yield _gate(
        policy.profit.need, "profit", f"lower end of the {policy.profit.level:.0%} interval of the return per window",
        interval.lower if interval else math.nan, "per window", ">", 0.0,
        note="stationary bootstrap of whole windows",
        change=_more_for_interval(evidence, windows),
    )  # fmt: skip


def _selection(evidence: Statistics, experiment: Experiment) -> Iterator[Gate]:
    policy = experiment.gates
    found, band, superior = evidence.overfitting, evidence.null_band, evidence.superior
    unspoken = "" if found else _UNSPOKEN
    yield _gate(
        policy.superior.need, "better than not betting", "studentised SPA of the whole grid against no bet",
        superior.consistent if superior else math.nan, "p", "<", policy.superior.alpha,
        note="the best of the grid, allowing for the search" if superior else _UNSPOKEN,
        change=_SPEAK if not superior
        else "" if superior.consistent < policy.superior.alpha else "more windows; fewer settings",
    )  # fmt: skip
    yield _gate(
        policy.overfit.need, "not overfit", "PBO below what luck alone gives on this grid?",
        found.pbo if found else math.nan, "probability", "<", band.quantile_05 if band else math.nan,
        note=unspoken or "passes below the 5 % quantile of grids without skill",
        change=_SPEAK if not (found and band)
        else "" if found.pbo < band.quantile_05 else "more windows; fewer settings, less alike",
    )  # fmt: skip
    yield _gate(
        policy.persistence.need, "keeps its promise", "chance that the training winner loses out of sample",
        found.probability_of_loss if found else math.nan, "probability", "<",
        policy.persistence.max_probability_of_loss, note=unspoken,
        change=_SPEAK if not found
        else "" if found.probability_of_loss < policy.persistence.max_probability_of_loss
        else "more windows; fewer settings",
    )  # fmt: skip


def _forecast(evidence: Statistics, experiment: Experiment) -> Iterator[Gate]:
    policy = experiment.gates
    gain, gap = evidence.gain, evidence.miscalibration
    yield _gate(
        policy.information.need, "knows more than the price",
        "lower end of the log-score gain over the mid at the bet", gain.lower if gain else math.nan, "nats/bet", ">",
        0.0, note="growth of a full-Kelly bettor without fees" if gain else "fewer than two bets",
        change=_more(gain.gain, gain.lower, gain.contracts, "bets", "it does not beat the price") if gain else "",
    )  # fmt: skip
    yield _gate(
        policy.calibration.need, "calibrated", "is the model detectably worse calibrated than the price? lower end",
        gap.lower if gap else math.nan, "Brier", "<=", 0.0,
        note=f"CORP miscalibration: model {gap.model:.4f}, price {gap.market:.4f}" if gap else "fewer than two bets",
        change="" if gap is None or gap.lower <= 0.0 else "recalibrate the model on training folds",
    )  # fmt: skip


def _replays(curves: Sensitivity, experiment: Experiment) -> Iterator[Gate]:
    policy = experiment.gates
    latency = curves.latency
    margin, multiple = policy.latency.margin_ms, policy.costs.multiple
    slower = experiment.execution.network_ms + margin
    yield _gate(
        policy.latency.need, "survives latency", f"lowest return per window with orders up to {margin:g} ms slower",
        latency.lowest(slower) if latency else math.nan, "per window", ">", 0.0,
        note=_breaks(latency) if latency else "orders do not travel",
        change=_bears(latency, slower) if latency else "run with --execution latency",
    )  # fmt: skip
    yield _gate(
        policy.costs.need, "survives cost", f"lowest return per window at up to {multiple:g} times the fee",
        curves.cost.lowest(multiple), "per window", ">", 0.0,
        note=_breaks(curves.cost), change=_bears(curves.cost, multiple),
    )  # fmt: skip
    yield _gate(
        policy.neighbourhood.need, "no needle", "share of small moves of one lever that still earn",
        curves.profitable_neighbours, "of moves", ">=", policy.neighbourhood.min_share,
        note="the worst lever, moved by up to a tenth of its range" if curves.near else "no lever was searched",
        change="" if curves.profitable_neighbours >= policy.neighbourhood.min_share
        else "settings whose neighbours earn as well",
    )  # fmt: skip


def _seasons(evidence: Statistics, experiment: Experiment) -> Iterator[Gate]:
    policy = experiment.gates
    yield _gate(
        policy.stability.need, "every season", "return per window without the best fold", evidence.without_best_fold,
        "per window", ">", 0.0, note="one lucky stretch must not carry the result",
        change="" if evidence.without_best_fold > 0.0 else "more folds that earn: a longer span",
    )  # fmt: skip


def _history(evidence: Statistics, experiment: Experiment) -> Iterator[Gate]:
    policy, raw, clustered = experiment.gates, evidence.deflated, evidence.deflated_clusters
    yield _gate(
        policy.deflation.need, "deflation veto", f"deflated Sharpe of the best of {evidence.family.trials:,} trials",
        raw.probability if raw else math.nan, "probability", ">=", policy.deflation.min_dsr,
        note="every configuration ever evaluated counts",
        change="" if raw and raw.probability >= policy.deflation.min_dsr else "a longer span; fewer trials",
    )  # fmt: skip
    yield _gate(
        "reported", "DSR of clusters", "the same over clusters of trials that move together",
        clustered.probability if clustered else math.nan, "probability", ">=", 0.95,
        note=f"{clustered.trials} clusters; far stricter than a 5 % test" if clustered else "fewer than two clusters",
    )  # fmt: skip
    yield _gate(
        "reported", "PSR", "probabilistic Sharpe of the stitched series against 0", evidence.psr, "probability", ">=",
        0.95, note="1 - p-value, were this the only trial",
    )  # fmt: skip
    alpha = policy.discovery.alpha
    yield _gate(
        "reported", "bankroll", "highest bankroll of a half-Kelly bettor who starts with 1 and may stop at any time",
        evidence.highest_bankroll, "x", ">=", 1.0 / alpha,
        note=f"anytime-valid: at fair prices one in {1.0 / alpha:g} gets there",
    )  # fmt: skip


def _holdout(standing: Standing, experiment: Experiment) -> Iterator[Gate]:
    policy, found = experiment.gates, standing.holdout
    opened = len(standing.openings)
    p_value = found.get("p_value")
    mine = sum(o.idea == experiment.idea_name for o in standing.openings)
    times = f"opened {opened} time{'s' * (opened != 1)}, {mine} by this idea"
    yield _gate(
        policy.holdout.need, "holdout", "exact p-value of the wins in the sealed stretch, over its openings",
        float(p_value) if p_value is not None else math.nan, "p", "<", policy.discovery.alpha,
        note=f"{times}; after the first look it is no holdout" if opened > 1 else times if opened
        else "sealed, not opened" if standing.seal else "nothing was sealed",
        change="" if opened else "open it once: `arena-backtest open FILE`" if standing.seal
        else "seal it before the first run: `arena-backtest register FILE`",
    )  # fmt: skip


def _more_windows(windows: int, have: int, need: int) -> str:
    if have == 0:
        return "more data, or a strategy that bets"
    return f"about {math.ceil(windows * (need / have - 1.0)):,} more windows at this rate of betting"


def _more_for_interval(evidence: Statistics, windows: int) -> str:
    interval = evidence.interval
    return _more(interval.estimate, interval.lower, windows, "windows", "nothing is earned") if interval else ""


def _more(estimate: float, lower: float, have: int, of: str, hopeless: str) -> str:
    """How much more of the same would lift the lower end of an interval above zero."""
    if lower > 0.0:
        return ""
    if estimate <= 0.0:
        return f"nothing but a better strategy: {hopeless}"
    # The half-width shrinks with the root of the sample.
    ratio = ((estimate - lower) / estimate) ** 2
    return f"about {max(math.ceil(have * (ratio - 1.0)), 1):,} more {of}, if all stays as it is"


def _win_notes(evidence: Statistics, oos: Stitched, alpha: float, spendable: float) -> tuple[str, str]:
    test = evidence.win_test
    if test is None:
        return "no bets", ""
    interval = win_rate_interval(test.wins, test.bets)
    cost = float(oos.cost[oos.won >= 0].mean())
    rates = f"({100 * interval.estimate:.1f} %); break-even {100 * cost:.1f} %"
    note = f"{test.wins} of {test.bets} won {rates}; p {test.p_value:.2g}"
    if evidence.adjusted_p < alpha:
        return note, ""
    if interval.estimate <= cost:
        return note, "nothing but a better strategy: the bets win less often than they cost"
    if test.wins == test.bets:
        return note, "more bets: so few cannot tell a certainty from luck"
    needed = bets_needed(cost, interval.estimate, alpha=spendable, family=evidence.family.sidak_family)
    return note, f"about {max(needed - test.bets, 1):,} more bets, if they win as often; fewer looks at the same data"


def _breaks(curve: Curve) -> str:
    at, last = curve.breaks_at, float(curve.at[-1])
    if at == curve.base:
        return "earns nothing as it is"
    return f"stops earning at {curve.said(at)}" if math.isfinite(at) else f"still earns at {curve.said(last)}"


def _bears(curve: Curve, asked: float) -> str:
    """What a curve lacks that earns nothing somewhere up to ``asked``."""
    if curve.breaks_at > asked:
        return ""
    if curve.breaks_at == curve.base:
        return "nothing but a better strategy"
    return f"an edge that bears {curve.said(asked)}; this one bears {curve.said(curve.breaks_at)}"
