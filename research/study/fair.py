"""Outcomes under which every contract is worth exactly what it costs, fee included.

Costs make an efficient market an easy null: every bet loses, so hardly anything ever looks good. Here nothing loses on
average and everything is luck. In window w a uniform number U is drawn. A share of UP bought at cost b pays if
``U < b``, a share of DOWN if ``U > 1 - b``: either wins with probability b and returns 0 on average, whatever b is.
All configurations share U, so bets on the same side at like cost win and lose together as they do in a market.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena.engine.run import Sweep
from arena.market.tape import UP

F8 = npt.NDArray[np.float64]
I1 = npt.NDArray[np.int8]


def redraw(table: Sweep, outcome: I1, uniform: F8) -> Sweep:
    """The bets of a sweep with other outcomes.

    Args:
        table: what was bet, shape (windows, configurations).
        outcome: how each window really ended (UP or DOWN): with ``table.won`` it gives the side of every bet.
        uniform: U of each window, in [0, 1).
    """
    bet = table.won >= 0
    up = (table.won == 1) == (outcome == UP)[:, None]
    u = uniform[:, None]
    # Comparisons with the NaN cost of no bet are False and masked below.
    won = np.where(up, u < table.cost, u > 1.0 - table.cost)
    returns = np.where(won, 1.0 / table.cost - 1.0, -1.0)
    return Sweep(
        returns=np.where(bet, returns, 0.0),
        cost=table.cost,
        probability=table.probability,
        mid=table.mid,
        won=np.where(bet, won, -1).astype(np.int8),
    )
