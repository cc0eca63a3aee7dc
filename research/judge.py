"""From stitched out-of-sample bets and the whole sweep to evidence, and from evidence to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from arena.engine.run import Sweep
from arena.errors import ValidationError
from arena.validation.bets import bets_needed, poisson_binomial_test, win_rate_interval
from arena.validation.bootstrap import bootstrap_interval, optimal_block_length
from arena.validation.cscv import NullBand, Overfitting, null_band, overfitting
from arena.validation.forecast import LogScoreGain, log_score_gain
from arena.validation.sharpe import DeflatedSharpe, Trials, deflated_sharpe, moments, probabilistic_sharpe
from arena.validation.verdict import Gate, Need, Verdict, compare
from research.experiment import Experiment
from research.result import F8, Evidence, OutOfSample

_BLOCK_STEPS = (16, 14, 12, 10, 8, 6, 4)


@dataclass(frozen=True, slots=True)
class _Family:
    """The sweep seen as a family of trials: overfitting, its null band, and its deflated winner."""

    overfitting: Overfitting | None
    band: NullBand | None
    variance: float
    deflated: DeflatedSharpe | None


def weigh(
    sweep: Sweep, oos: OutOfSample, experiment: Experiment, trials: int, rng: np.random.Generator, jobs: int
) -> Evidence:
    """The statistics of a walk-forward.

    ``trials`` is the number of configurations ever evaluated for this strategy, this run's included.
    Statistics that the data do not allow are None or NaN, never a guess.
    """
    family = _family(sweep, trials, experiment, rng, jobs)
    bet = oos.won >= 0
    n = int(bet.sum())
    win_test = poisson_binomial_test(oos.won[bet] == 1, oos.cost[bet]) if n else None
    interval = None
    sharpe = psr = math.nan
    if n >= 2 and np.ptp(oos.returns) > 0 and oos.returns.size >= 10:
        block = max(1.0, optimal_block_length(oos.returns).stationary)
        interval = bootstrap_interval(oos.returns, rng, statistic="mean", block=block)
        m = moments(oos.returns)
        sharpe = m.sharpe
        psr = probabilistic_sharpe(m.sharpe, m.count, m.skew, m.kurtosis)
    return Evidence(
        win_test=win_test,
        interval=interval,
        overfitting=family.overfitting,
        null_band=family.band,
        sharpe=sharpe,
        psr=psr,
        dsr=family.deflated.probability if family.deflated else math.nan,
        dsr_threshold=family.deflated.threshold if family.deflated else math.nan,
        trials=trials,
        trial_variance=family.variance,
        bets_needed=_needed(oos, experiment),
        gain=_gain(oos, rng),
    )


def _family(sweep: Sweep, trials: int, experiment: Experiment, rng: np.random.Generator, jobs: int) -> _Family:
    """Judge the grid as what it is: many trials of which the best will be looked at.

    The deflated Sharpe belongs to the best of them over the whole span. The stitched out-of-sample series
    is not a maximum of anything and is not deflated again.
    """
    returns = sweep.returns
    varying = returns[:, returns.std(axis=0) > 0]
    variance = math.nan
    deflated = None
    if varying.shape[1] >= 2:
        sharpes = varying.mean(axis=0) / varying.std(axis=0, ddof=1)
        variance = float(sharpes.var(ddof=1))
        best = moments(varying[:, int(sharpes.argmax())])
        family = Trials(variance=variance, count=trials)
        deflated = deflated_sharpe(best.sharpe, best.count, best.skew, best.kurtosis, family)
    gates = experiment.gates
    # Short data get fewer blocks, never blocks of a handful of windows.
    blocks = next((s for s in _BLOCK_STEPS if s <= gates.cscv_blocks and returns.shape[0] >= 8 * s), 4)
    try:
        result = overfitting(returns, blocks, threads=jobs)
        band = null_band(returns, blocks, gates.null_draws, rng, threads=jobs)
    except ValidationError:
        return _Family(None, None, variance, deflated)
    return _Family(result, band, variance, deflated)


def _needed(oos: OutOfSample, experiment: Experiment) -> int:
    """Bets after which a test of the stated size and power would find the edge stated beforehand.

    Not the edge that was observed: the power to find what one has already found restates its p-value
    (Hoenig & Heisey 2001) and tells nothing about the sample.
    """
    bet = oos.won >= 0
    cost = float(oos.cost[bet].mean()) if bet.any() else 0.5
    g = experiment.gates
    return bets_needed(cost, min(cost + g.edge, 0.999), alpha=g.alpha, power=g.power)


def _gain(oos: OutOfSample, rng: np.random.Generator) -> LogScoreGain | None:
    """Log score of the model against the market's mid, on the side bought, at the moment of the bet."""
    bet = (oos.won >= 0) & np.isfinite(oos.mid) & np.isfinite(oos.probability)
    if bet.sum() < 2:
        return None
    return log_score_gain(oos.probability[bet], oos.mid[bet], oos.won[bet] == 1, oos.rows[bet], rng)


def judge(evidence: Evidence, oos: OutOfSample, experiment: Experiment, causal: bool) -> Verdict:
    """Put every gate to the evidence. Required gates decide; reported ones inform."""
    g = experiment.gates
    bet = oos.won >= 0
    n, wins = int(bet.sum()), int((oos.won == 1).sum())
    p_value = evidence.win_test.p_value if evidence.win_test else math.nan
    lower = evidence.interval.lower if evidence.interval else math.nan
    pbo = evidence.overfitting.pbo if evidence.overfitting else math.nan
    band = evidence.null_band.quantile_05 if evidence.null_band else math.nan
    loss = evidence.overfitting.probability_of_loss if evidence.overfitting else math.nan
    gain = evidence.gain.lower if evidence.gain else math.nan
    honest = experiment.costs == "venue" and experiment.execution.model == "latency"
    unspoken = "" if evidence.overfitting else "fewer than 10 configurations that bet, or too few windows"

    def put(
        need: Need, name: str, question: str, figure: float, unit: str, relation: str, threshold: float, note: str
    ) -> Gate:
        return Gate(name, question, figure, unit, relation, threshold, compare(figure, relation, threshold), need, note)

    gate, told = partial(put, "required"), partial(put, "reported")
    return Verdict(
        (
            gate(
                "honest costs", "venue fees, venue delay, displayed size?", float(honest), "0|1", ">=", 1.0,
                "" if honest else "run with --costs venue --execution latency",
            ),
            gate("causal", "do decisions survive truncation of the future?", float(causal), "0|1", ">=", 1.0, ""),
            gate(
                "sample", "did wins and losses both occur often enough for the statistics to hold?",
                float(min(wins, n - wins)), "of the rarer", ">=", float(g.min_rarer_outcome),
                "" if min(wins, n - wins) >= g.min_rarer_outcome else "more data",
            ),
            gate(
                "beats the price", "p-value of the wins against fee-inclusive break-even (exact)", p_value, "p", "<",
                g.alpha, _win_note(wins, n, oos.cost[bet]),
            ),
            gate(
                "profit", "lower end of the 95 % interval of the return per window", lower, "per window", ">", 0.0,
                "stationary bootstrap of whole windows",
            ),
            gate(
                "not overfit", "PBO below what luck alone gives on this grid?", pbo, "probability", "<", band,
                unspoken or "threshold = 5 % quantile of PBO under no skill, on the run's own matrix",
            ),
            gate(
                "keeps its promise", "chance that the training winner loses out of sample", loss, "probability", "<",
                g.max_probability_of_loss, unspoken,
            ),
            gate(
                "knows more than the price", "lower end of the log-score gain over the mid at the bet", gain,
                "nats/bet", ">", 0.0, "equals growth of a full-Kelly bettor without fees",
            ),
            gate(
                "deflation veto", f"deflated Sharpe of the best of {evidence.trials} trials", evidence.dsr,
                "probability", ">=", g.min_dsr, "all configurations ever evaluated for this strategy count",
            ),
            told(
                "power", f"enough bets to find an edge of {100 * g.edge:g} points, stated beforehand?", float(n),
                "bets", ">=", float(evidence.bets_needed), f"size {g.alpha:g}, power {g.power:g}",
            ),
            told("PSR", "probabilistic Sharpe against 0", evidence.psr, "probability", ">=", 0.95, "1 - p-value"),
            told(
                "DSR", "the same; far stricter than a 5 % test", evidence.dsr, "probability", ">=", 0.95,
                "a bonus, not a gate",
            ),
        )
    )  # fmt: skip


def _win_note(wins: int, bets: int, cost: F8) -> str:
    if bets == 0:
        return "no bets"
    interval = win_rate_interval(wins, bets)
    return (
        f"{wins} of {bets} won ({wins / bets:.1%}, 95 % {interval.lower:.1%}-{interval.upper:.1%}); "
        f"break-even {cost.mean():.1%}"
    )
