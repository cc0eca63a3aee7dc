"""What the seed would have promoted: its governance rule and its validation script, as they were written.

The variants are the configurations of a sweep, in time order of their bets, and the first is the baseline. The best one
by raw Sharpe ratio per trade among those that traded often enough is promoted when all of these agree:

* the promotion rule: 24 trades or more, profit, mean return above 0, Sharpe ratio above 0.12, 51 % wins, and half of
  three consecutive slices profitable ("walk-forward", although nothing is fitted);
* the probability of backtest overfitting against the baseline is below 0.5. The seed aligns variants by trade number
  and ranks ``(rank + 1) / N``, so that two variants score 0.5 or 1 and their PBO is 0 whatever the returns;
* the deflated Sharpe ratio exceeds 0.8, where the spread of the trials is replaced by the sampling error of one.

A check that cannot be computed counts as failed here, though the seed went on without it: what this module promotes,
the seed would have promoted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from arena.engine.run import Sweep
from arena.validation.deflation import expected_maximum

F8 = npt.NDArray[np.float64]

LAST_TRADES = 2000
"""Governance looks at so many trades at most."""
MIN_TRADES, MIN_SHARPE, MIN_WINS, MIN_SLICES_PASSED = 24, 0.12, 0.51, 0.5
MAX_PBO, MIN_DSR = 0.5, 0.8
PARTITIONS = 8
_SLICES, _SMALLEST_SLICE, _LEAST_FOR_SLICES = 3, 8, 20
_LEAST_ALIGNED, _LEAST_ON_A_SIDE = 40, 10


@dataclass(frozen=True, slots=True)
class SeedFinding:
    """The best variant (-1 = none traded often enough) and what each check says of it.

    ``pbo`` and ``deflated`` are None where they could not be computed.
    """

    best: int
    governance: bool
    pbo: float | None
    deflated: float | None

    @property
    def promoted(self) -> bool:
        """Whether all checks agree."""
        pbo = self.pbo is not None and self.pbo < MAX_PBO
        return self.governance and pbo and self.deflated is not None and self.deflated > MIN_DSR


def seed_finding(table: Sweep) -> SeedFinding:
    """Apply the method to all configurations of a sweep; the first is the baseline."""
    trades = [table.returns[table.won[:, c] >= 0, c] for c in range(table.won.shape[1])]
    enough = [c for c, own in enumerate(trades) if own.size >= MIN_TRADES]
    if not enough:
        return SeedFinding(-1, False, None, None)
    best = max(enough, key=lambda c: per_trade_sharpe(trades[c]))
    return SeedFinding(
        best=best,
        governance=promotion_rule(trades[best]),
        pbo=overfitting([trades[0], trades[best]]) if best != 0 else None,
        deflated=deflated(trades[best], len(trades)),
    )


def per_trade_sharpe(returns: F8) -> float:
    """Mean over sample standard deviation; 0 for fewer than two trades or none that differ."""
    if returns.size < 2 or np.ptp(returns) == 0.0:
        return 0.0
    deviation = float(returns.std(ddof=1))
    return float(returns.mean()) / deviation if deviation > 0.0 else 0.0


def promotion_rule(returns: F8) -> bool:
    """The governance rule on the last 2,000 trades (returns per dollar at equal stakes, in time order)."""
    last = returns[-LAST_TRADES:]
    if last.size < MIN_TRADES or not last.sum() > 0.0:
        return False
    passed = slices_passed(last)
    return (
        per_trade_sharpe(last) > MIN_SHARPE
        and float((last > 0.0).mean()) >= MIN_WINS
        and (passed is None or passed >= MIN_SLICES_PASSED)
    )


def slices_passed(returns: F8) -> float | None:
    """Share of the slices after the first whose mean and Sharpe ratio are positive; None with too few trades."""
    if returns.size < _LEAST_FOR_SLICES:
        return None
    size = max(_SMALLEST_SLICE, returns.size // (_SLICES + 1))
    slices = [returns[k * size : (k + 1) * size] for k in range(1, _SLICES + 1)]
    whole = [part for part in slices if part.size == size]
    return sum(per_trade_sharpe(part) > 0.0 for part in whole) / len(whole)


def overfitting(variants: Sequence[F8]) -> float | None:
    """The seed's PBO: 70 halvings of 8 stretches of trade numbers; None with fewer than 40 trades in common."""
    length = min(own.size for own in variants)
    if len(variants) < 2 or length < max(2 * PARTITIONS, _LEAST_ALIGNED):
        return None
    parts = np.array_split(np.column_stack([own[:length] for own in variants]), PARTITIONS)
    fell = []
    for inside in combinations(range(PARTITIONS), PARTITIONS // 2):
        train = np.concatenate([parts[k] for k in inside])
        test = np.concatenate([parts[k] for k in range(PARTITIONS) if k not in inside])
        if min(train.shape[0], test.shape[0]) < _LEAST_ON_A_SIDE:
            continue
        winner = int(np.argmax([per_trade_sharpe(column) for column in train.T]))
        scores = np.array([per_trade_sharpe(column) for column in test.T])
        rank = int((scores < scores[winner]).sum())
        fell.append((rank + 1) / len(variants) < 0.5)
    return float(np.mean(fell))


def deflated(returns: F8, variants: int) -> float | None:
    """The seed's deflated Sharpe ratio; None where its formula has no value."""
    n = returns.size
    sr = per_trade_sharpe(returns)
    if n < 4 or sr == 0.0 or variants < 2:
        return None
    z = returns - returns.mean()
    second = float((z**2).mean())
    g1, g2 = float((z**3).mean()) / second**1.5, float((z**4).mean()) / second**2 - 3.0
    skew = g1 * math.sqrt(n * (n - 1)) / (n - 2)
    kurtosis = ((n + 1) * g2 + 6.0) * (n - 1) / ((n - 2) * (n - 3)) + 3.0
    spread = 1.0 - skew * sr + 0.25 * (kurtosis - 1.0) * sr * sr
    if not spread > 0.0:
        return None
    threshold = math.sqrt(1.0 / (n - 1)) * expected_maximum(variants, "approximate")
    return float(ndtr((sr - threshold) * math.sqrt((n - 1) / spread)))
