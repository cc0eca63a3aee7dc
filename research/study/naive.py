"""What a p-value says when nobody counts how often it was asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena.engine.run import Sweep
from arena.validation.bets import poisson_binomial_test


def p_alone(won: npt.NDArray[np.int8], cost: npt.NDArray[np.float64]) -> float:
    """Exact p-value of the wins among bets (``won`` -1 = no bet) that cost ``cost``, as if nothing else had been tried.

    1 without a bet.
    """
    bet = won >= 0
    return poisson_binomial_test(won[bet] == 1, cost[bet]).p_value if bet.any() else 1.0


def naive_p(table: Sweep) -> float:
    """That p-value for the best configuration of a sweep by Sharpe ratio per window, over the windows it was best on.

    1 if no configuration varies.
    """
    deviation = table.returns.std(axis=0, ddof=1)
    sharpe = np.divide(table.returns.mean(axis=0), deviation, out=np.full(deviation.size, -np.inf), where=deviation > 0)
    best = int(sharpe.argmax())
    return p_alone(table.won[:, best], table.cost[:, best])
