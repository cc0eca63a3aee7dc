"""From stitched out-of-sample bets, the whole sweep and the trial ledger to the statistics of a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arena.engine.run import Sweep
from arena.errors import ValidationError
from arena.validation.bets import poisson_binomial_test
from arena.validation.bootstrap import bootstrap_interval, optimal_block_length
from arena.validation.corp import MiscalibrationGap, miscalibration_gap
from arena.validation.cscv import NullBand, Overfitting, null_band, overfitting
from arena.validation.deflation import Trials, deflated_sharpe
from arena.validation.dominance import Dominance, stochastic_dominance
from arena.validation.forecast import LogScoreGain, log_score_gain
from arena.validation.monitor import half_kelly, monitor
from arena.validation.multiple import sidak
from arena.validation.planning import Plan, plan
from arena.validation.sharpe import moments
from arena.validation.sharpe_inference import probabilistic_sharpe
from arena.validation.skill import FalseDiscoveryRate, edge_posterior, false_discovery_rate
from arena.validation.spa import SuperiorAbility, superior_ability
from arena.validation.spending import alpha_share, spent_p_value
from research.experiment import Experiment
from research.result import F8, Deflated, FoldResult, Statistics, Stitched
from research.trials.family import Family

SMALLEST_EDGE = 0.005
"""Edge under which no sample is planned, dollars per share: it would take some hundred thousand bets to find."""
_BLOCK_STEPS = (16, 14, 12, 10, 8, 6, 4)


@dataclass(frozen=True, slots=True)
class _Selection:
    superior: SuperiorAbility | None = None
    overfitting: Overfitting | None = None
    band: NullBand | None = None
    dominance: Dominance | None = None


def weigh(
    sweep: Sweep,
    oos: Stitched,
    folds: Sequence[FoldResult],
    family: Family,
    experiment: Experiment,
    rng: np.random.Generator,
    jobs: int,
) -> Statistics:
    """The statistics of a walk-forward.

    ``family`` is what the ledger says of everything ever tried, this run included. Statistics that the data do
    not allow are None or NaN, never a guess.
    """
    bet = oos.won >= 0
    n = int(bet.sum())
    won, cost, claimed = oos.won[bet] == 1, oos.cost[bet], oos.probability[bet]
    win_test = poisson_binomial_test(won, cost) if n else None
    interval = None
    sharpe = psr = math.nan
    if n >= 2 and np.ptp(oos.returns) > 0 and oos.returns.size >= 10:
        block = max(1.0, optimal_block_length(oos.returns).stationary)
        level = experiment.gates.profit.level
        interval = bootstrap_interval(oos.returns, rng, statistic="mean", block=block, level=level)
        m = moments(oos.returns)
        sharpe = m.sharpe
        psr = probabilistic_sharpe(m.sharpe, m.count, m.skew, m.kurtosis)
    selection = _selection(sweep, experiment, rng, jobs)
    raw, clustered = _deflated(sweep, family)
    alpha = experiment.gates.discovery.alpha
    edge = experiment.gates.sample.edge or (float((claimed - cost).mean()) if n else math.nan)
    return Statistics(
        win_test=win_test,
        adjusted_p=discovery_p_value(win_test.p_value, family) if win_test else math.nan,
        family=family,
        interval=interval,
        superior=selection.superior,
        overfitting=selection.overfitting,
        null_band=selection.band,
        dominance=selection.dominance,
        sharpe=sharpe,
        psr=psr,
        deflated=raw,
        deflated_clusters=clustered,
        plan=_plan(cost, edge, n / oos.won.size, family, experiment) if n else None,
        planned_edge=edge,
        skill=_skill(won, cost, edge) if n else None,
        gain=_gain(oos, rng),
        miscalibration=_miscalibration(oos, rng),
        bankroll=monitor(half_kelly(claimed, cost), cost, won, oos.rows[bet], alpha) if n else None,
        posterior=edge_posterior(won, cost) if n else None,
        without_best_fold=_without_best_fold(oos, folds),
    )


def discovery_p_value(p_value: float, family: Family) -> float:
    """``p_value`` after Sidak over everything that was seen on these windows before, and after what the experiments
    before this one have spent: rejecting below alpha errs with probability alpha over all of them together.
    """
    over_family = float(sidak([p_value], family=family.sidak_family)[0])
    return spent_p_value(over_family, family.attempt)


def _selection(sweep: Sweep, experiment: Experiment, rng: np.random.Generator, jobs: int) -> _Selection:
    """Judge the grid as what it is: many trials of which the best will be looked at."""
    returns, gates = sweep.returns, experiment.gates
    # Short data get fewer blocks, never blocks of a handful of windows.
    blocks = next((s for s in _BLOCK_STEPS if s <= gates.overfit.blocks and returns.shape[0] >= 8 * s), 4)
    least = gates.overfit.minimum_configurations
    try:
        found = overfitting(returns, blocks, minimum_configurations=least, threads=jobs)
        band = null_band(returns, blocks, gates.overfit.null_draws, rng, minimum_configurations=least, threads=jobs)
        superior = superior_ability(returns, rng, draws=gates.superior.draws)
    except ValidationError:
        return _Selection()
    return _Selection(superior, found, band, _dominance(returns, blocks, least, jobs))


def _dominance(returns: F8, blocks: int, least: int, jobs: int) -> Dominance | None:
    """None where a configuration hardly bets: then a Sharpe of some half is infinite."""
    try:
        return stochastic_dominance(returns, blocks, minimum_configurations=least, threads=jobs)
    except ValidationError:
        return None


def _deflated(sweep: Sweep, family: Family) -> tuple[Deflated | None, Deflated | None]:
    """Deflated Sharpe of the best of the grid over the whole span, by the raw trials and by their clusters.

    The stitched out-of-sample series is not a maximum of anything and is not deflated again.
    """
    returns = sweep.returns
    varying = returns[:, returns.std(axis=0) > 0]
    if varying.shape[1] == 0:
        return None, None
    sharpes = varying.mean(axis=0) / varying.std(axis=0, ddof=1)
    best = moments(varying[:, int(sharpes.argmax())])

    def by(trials: int | None, variance: float | None) -> Deflated | None:
        if trials is None or variance is None:
            return None
        found = deflated_sharpe(best.sharpe, best.count, best.skew, best.kurtosis, Trials(variance, trials))
        return Deflated(found.probability, found.threshold, trials, variance)

    return by(family.trials, family.variance), by(family.clusters, family.cluster_variance)


def _plan(cost: F8, edge: float, bets_per_window: float, family: Family, experiment: Experiment) -> Plan | None:
    """Bets after which the test would find the edge that was named beforehand.

    Not the edge that was observed: the power to find what one has already found restates its p-value
    (Hoenig & Heisey 2001) and tells nothing about the sample. Beforehand is what the policy states or, without
    that, what the strategy claimed when it bet.
    """
    gates, price = experiment.gates, float(cost.mean())
    share = alpha_share(family.attempt)
    if not SMALLEST_EDGE <= edge < 1.0 - price:
        return None
    return plan(
        price,
        price + edge,
        bets_per_window,
        alpha=gates.discovery.alpha * share,
        power=gates.sample.power,
        family=family.sidak_family,
    )


def _skill(won: F8, cost: F8, edge: float) -> FalseDiscoveryRate | None:
    """Odds that these wins are luck: as likely without skill as with the edge named beforehand?"""
    if not edge > 0.0:
        return None
    skilled = np.minimum(cost + edge, 0.999)
    return false_discovery_rate(poisson_binomial_test(won, cost).p_value, poisson_binomial_test(won, skilled).p_value)


def _gain(oos: Stitched, rng: np.random.Generator) -> LogScoreGain | None:
    """Log score of the model against the market's mid, on the side bought, at the moment of the bet."""
    bet = _rated(oos)
    if bet.sum() < 2:
        return None
    return log_score_gain(oos.probability[bet], oos.mid[bet], oos.won[bet] == 1, oos.rows[bet], rng)


def _miscalibration(oos: Stitched, rng: np.random.Generator) -> MiscalibrationGap | None:
    bet = _rated(oos)
    if bet.sum() < 2:
        return None
    return miscalibration_gap(oos.probability[bet], oos.mid[bet], oos.won[bet] == 1, oos.rows[bet], rng)


def _rated(oos: Stitched) -> np.ndarray:
    return (oos.won >= 0) & np.isfinite(oos.mid) & np.isfinite(oos.probability)


def _without_best_fold(oos: Stitched, folds: Sequence[FoldResult]) -> float:
    """Mean return per window when the fold that earned most is left out; NaN with a single fold."""
    if len(folds) < 2:
        return math.nan
    lengths = [f.test_rows[1] - f.test_rows[0] for f in folds]
    sums = np.add.reduceat(oos.returns, np.cumsum([0, *lengths[:-1]]))
    best = int(sums.argmax())
    return float((oos.returns.sum() - sums[best]) / (oos.returns.size - lengths[best]))
