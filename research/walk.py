"""Walk forward: choose on the training windows, score on the next ones, stitch what was not chosen on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.engine.run import Sweep
from arena.errors import DataError, ValidationError
from arena.validation.splits import Fold, walk_forward
from research.experiment import Experiment, FoldSettings, ObjectiveSettings
from research.result import FoldResult, Stitched

F8 = npt.NDArray[np.float64]


def cut(open_ns: npt.NDArray[np.int64], settle_ns: npt.NDArray[np.int64], settings: FoldSettings) -> tuple[Fold, ...]:
    """Folds on window boundaries; training windows that settle too close to the test are purged."""
    return walk_forward(
        open_ns,
        settle_ns,
        settings.count,
        scheme=settings.scheme,
        train_blocks=settings.train_blocks,
        gap_ns=round(settings.embargo_s * 1e9),
    )


def scores(returns: F8, objective: ObjectiveSettings, stake_fraction: float) -> F8:
    """Objective of each column of ``returns`` (windows x configurations, profit per dollar at risk, 0 = no bet).

    ``log_growth``: mean ``ln(1 + f r)`` per window, staking the fraction ``f``; ``mean_return``: mean per
    window; ``sharpe``: mean over standard deviation per window, 0 if nothing varies.
    """
    if objective.name == "log_growth":
        growth: F8 = np.log1p(stake_fraction * returns).mean(axis=0)
        return growth
    mean: F8 = returns.mean(axis=0)
    if objective.name == "mean_return":
        return mean
    deviation = returns.std(axis=0, ddof=1)
    ratio: F8 = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0)
    return ratio


def stitch(
    sweep: Sweep, windows: npt.NDArray[Any], experiment: Experiment, stake_fraction: float
) -> tuple[tuple[FoldResult, ...], Stitched]:
    """Cut time into folds, choose on each training stretch, and join the test stretches of what was chosen.

    Args:
        sweep: outcomes of the whole grid.
        windows: the windows of its rows.
        experiment: folds and objective.
        stake_fraction: of the account per bet, for the objective.

    Raises:
        DataError: the folds do not fit the data.
    """
    try:
        folds = cut(windows["open_ns"], windows["settle_ns"], experiment.folds)
    except ValidationError as error:
        raise DataError(f"the walk-forward does not fit the data: {error}") from error
    results = tuple(choose(sweep, fold, experiment.objective, stake_fraction) for fold in folds)
    rows = np.concatenate([fold.test for fold in folds])
    chosen = np.concatenate([np.full(f.test.size, r.chosen) for f, r in zip(folds, results, strict=True)])
    idle = chosen < 0
    at = (rows, np.maximum(chosen, 0))
    stitched = Stitched(
        rows=rows,
        returns=np.where(idle, 0.0, sweep.returns[at]),
        cost=np.where(idle, np.nan, sweep.cost[at]),
        probability=np.where(idle, np.nan, sweep.probability[at]),
        mid=np.where(idle, np.nan, sweep.mid[at]),
        won=np.where(idle, -1, sweep.won[at]).astype(np.int8),
    )
    return results, stitched


def choose(sweep: Sweep, fold: Fold, objective: ObjectiveSettings, stake_fraction: float) -> FoldResult:
    """The best configuration on the training windows that bet there at least ``min_bets`` times, and its test score.

    The first wins a tie. ``rank_correlation`` is Spearman's, train against test score over the
    considered configurations: does the order of the training survive?
    """
    train = scores(sweep.returns[fold.train], objective, stake_fraction)
    test = scores(sweep.returns[fold.test], objective, stake_fraction)
    bets = (sweep.won[fold.train] >= 0).sum(axis=0)
    eligible = _eligible(sweep, fold.train, objective)
    chosen = _best(sweep, fold.train, objective, stake_fraction)
    bet = sweep.won[fold.test, chosen] >= 0 if chosen >= 0 else np.zeros(fold.test.size, dtype=np.bool_)
    mean_return = float(sweep.returns[fold.test, chosen][bet].mean()) if bet.any() else 0.0
    return FoldResult(
        train_rows=(int(fold.train[0]), int(fold.train[-1]) + 1),
        test_rows=(int(fold.test[0]), int(fold.test[-1]) + 1),
        train_windows=int(fold.train.size),
        chosen=chosen,
        train_score=float(train[chosen]) if chosen >= 0 else 0.0,
        train_bets=int(bets[chosen]) if chosen >= 0 else 0,
        test_score=float(test[chosen]) if chosen >= 0 else 0.0,
        test_bets=int(bet.sum()),
        test_return_per_bet=mean_return,
        rank_correlation=_spearman(train[eligible], test[eligible]),
    )


def choose_on(
    sweep: Sweep, windows: npt.NDArray[Any], test_ns: int, experiment: Experiment, stake_fraction: float
) -> int:
    """What the experiment's rule would choose for a test that starts at ``test_ns``, ns UTC: number in the grid.

    Training is as long as that of a fold (all of it if anchored), and settles before the embargo.

    Raises:
        DataError: no configuration bet often enough.
    """
    settings = experiment.folds
    count = windows.shape[0]
    length = count * settings.train_blocks // (settings.train_blocks + settings.count)
    oldest = 0 if settings.scheme == "anchored" else count - length
    train = np.arange(oldest, count)
    train = train[windows["settle_ns"][train] < test_ns - round(settings.embargo_s * 1e9)]
    best = _best(sweep, train, experiment.objective, stake_fraction)
    if best < 0:
        raise DataError(
            f"no configuration bet {experiment.objective.min_bets} times in the {train.size} training windows."
        )
    return best


def _best(sweep: Sweep, train: npt.NDArray[np.int64], objective: ObjectiveSettings, stake_fraction: float) -> int:
    """Number of the configuration with the best score among those that bet often enough, -1 = none; first wins ties."""
    eligible = _eligible(sweep, train, objective)
    if eligible.size == 0:
        return -1
    score = scores(sweep.returns[train][:, eligible], objective, stake_fraction)
    return int(eligible[np.argmax(score)])


def _eligible(sweep: Sweep, train: npt.NDArray[np.int64], objective: ObjectiveSettings) -> npt.NDArray[np.int64]:
    return np.flatnonzero((sweep.won[train] >= 0).sum(axis=0) >= objective.min_bets)


def _spearman(a: F8, b: F8) -> float:
    """Rank correlation; 0 when either side does not vary."""
    if a.size < 3 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return 0.0
    return float(np.corrcoef(_mid_ranks(a), _mid_ranks(b))[0, 1])


def _mid_ranks(x: F8) -> F8:
    """Ranks from 1, ties sharing their mean."""
    _, group, count = np.unique(x, return_inverse=True, return_counts=True)
    ranks: F8 = (np.cumsum(count) - 0.5 * (count - 1))[group]
    return ranks
