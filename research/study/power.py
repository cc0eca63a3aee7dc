"""Does an edge that is there get found as often as the planner says?

The planner is given what it would be given beforehand: a break-even price and a win rate, here from the bets of all
runs together, and the number of bets. Its power is the chance that the exact test of so many bets rejects; the mean
over the runs' own numbers of bets is the prediction. What it leaves out: configurations are chosen fold by fold, so
runs differ in their true edge (see ``dispersion``), and prices differ from bet to bet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arena.validation.bets import Proportion, upper_tail, win_rate_interval
from arena.validation.checks import Floats
from arena.validation.planning import critical_wins
from research.study.rates import Obstacle, discovered, obstacles, researchers_of
from research.study.records import Found, MarketRecord


@dataclass(frozen=True, slots=True)
class Power:
    """Observed and predicted power after ``windows`` windows of markets whose maker is ``lag_ms`` late.

    Attributes:
        researchers: markets seen.
        bets_per_window, break_even, win_rate: of all test folds together.
        dispersion: variance of the runs' wins around ``break-even + common edge``, in units of what independent bets
            of one win rate give: 1 = the runs share one edge. NaN under two runs that bet.
        discovery, verdict: shares of researchers whom the exact test, and all required gates, let pass.
        predicted: power of the exact test by the planner, at the level that the gate holds a first attempt to.
        difference, error: ``discovery - predicted`` and its jackknife standard error over runs, which counts the
            estimation of price and win rate as well; NaN under two runs.
        obstacles: which gates stopped researchers.
    """

    lag_ms: int
    windows: int
    researchers: int
    bets_per_window: float
    break_even: float
    win_rate: float
    dispersion: float
    discovery: Proportion
    verdict: Proportion
    predicted: float
    difference: float
    error: float
    obstacles: tuple[Obstacle, ...]


def powers(records: Sequence[MarketRecord], alpha: float, level: float) -> tuple[Power, ...]:
    """By lag, then by number of windows.

    Args:
        records: of a lagged study.
        alpha: what the adjusted p-value is held against.
        level: what that leaves for the p-value of a first attempt.
    """
    cells = []
    for lag in sorted({record.lag_ms for record in records}):
        everybody = researchers_of([record for record in records if record.lag_ms == lag])
        by_windows = zip(*(researcher.found for researcher in everybody), strict=True)
        cells += [_power(lag, found, alpha, level) for found in by_windows]
    return tuple(cells)


def predicted_power(bets: Floats, break_even: float, win_rate: float, level: float) -> float:
    """Mean over runs of the chance that the exact binomial test of each run's ``bets`` rejects at ``level``.

    Runs without a bet reject nothing.
    """
    return float(upper_tail(critical_wins(bets, break_even, level), bets, win_rate).mean())


def _power(lag: int, found: Sequence[Found], alpha: float, level: float) -> Power:
    bets = np.array([one.bets for one in found], dtype=np.float64)
    wins = np.array([one.wins for one in found], dtype=np.float64)
    paid = np.array([one.bets * one.break_even for one in found])
    passed = np.array([discovered(one, alpha) for one in found])

    def difference(keep: Floats) -> float:
        total = float(bets @ keep)
        if total == 0.0:
            return 0.0
        own = bets[keep > 0]
        return float(passed @ keep) / own.size - predicted_power(
            own, float(paid @ keep) / total, float(wins @ keep) / total, level
        )

    runs, total = len(found), float(bets.sum())
    rate = float(passed.mean())
    return Power(
        lag_ms=lag,
        windows=found[0].windows,
        researchers=runs,
        bets_per_window=total / sum(one.tested for one in found),
        break_even=float(paid.sum()) / total if total else math.nan,
        win_rate=float(wins.sum()) / total if total else math.nan,
        dispersion=_dispersion(bets, wins, paid),
        discovery=win_rate_interval(int(passed.sum()), runs),
        verdict=win_rate_interval(sum(one.edge for one in found), runs),
        predicted=rate - difference(np.ones(runs)),
        difference=difference(np.ones(runs)),
        error=_jackknife(np.array([difference(keep) for keep in 1.0 - np.eye(runs)])) if runs > 1 else math.nan,
        obstacles=obstacles(found),
    )


def _dispersion(bets: Floats, wins: Floats, paid: Floats) -> float:
    """Pearson's chi-square of the wins around each run's break-even plus the common edge, per degree of freedom."""
    bet = bets > 0
    n, won, price = bets[bet], wins[bet], paid[bet] / bets[bet]
    if n.size < 2:
        return math.nan
    rate = np.clip(price + (won.sum() - paid.sum()) / n.sum(), 1e-6, 1.0 - 1e-6)
    return float(((won - n * rate) ** 2 / (n * rate * (1.0 - rate))).sum() / (n.size - 1))


def _jackknife(left_out: Floats) -> float:
    """Standard error from the estimates that each leave one run out: Efron & Stein (1981)."""
    n = left_out.size
    return math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
