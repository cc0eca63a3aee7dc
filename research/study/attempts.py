"""The second curve of self-deception: the same data, another grid, until something passes.

Each walk-forward alone is an honest test. Who makes ten of them and shows the one that passed is not honest. The ledger
remembers the others, and every later attempt on the same windows is judged as one of a larger family.
"""

from __future__ import annotations

import numpy as np

from arena.engine.run import Sweep
from research.evidence import discovery_p_value
from research.study.market import LabMarket, enter, fresh_ledger, part_of, plan_of
from research.study.naive import p_alone
from research.study.records import Attempts
from research.walk import stitch

GRID = 20
MOST = 10


def attempts(market: LabMarket, table: Sweep, alpha: float) -> Attempts:
    """Up to ten walk-forwards over disjoint grids of twenty, each with its own idea and evaluation in one ledger.

    What came before an attempt is read from the ledger as it stood when the attempt was made, and only where its
    p-value alone is below ``alpha``: nothing that came before makes it smaller.
    """
    grids = [slice(k, k + GRID) for k in range(0, len(market.todo.grid) - GRID + 1, GRID)][:MOST]
    experiment, windows = market.todo.experiment, market.prepared.windows
    tables = [part_of(table, slice(None), numbers) for numbers in grids]
    series = [stitch(part, windows, experiment, market.stake_fraction)[1] for part in tables]
    p_values = [p_alone(stitched.won, stitched.cost) for stitched in series]
    adjusted: list[float | None] = [None] * len(grids)
    asked = [k for k, p in enumerate(p_values) if p < alpha]
    with fresh_ledger() as ledger:
        for k in range(max(asked, default=-1) + 1):
            todo = plan_of(market.todo, grids[k], idea=f"grid {k + 1}", seed=experiment.seed + k)
            recorder = enter(ledger, todo, market.name, market.windows, tables[k])
            if k in asked:
                rng = np.random.default_rng([experiment.seed, 5])
                family = recorder.family(windows, series[k].rows, rng)
                adjusted[k] = discovery_p_value(p_values[k], family, experiment)
    return Attempts(tuple(p_values), tuple(adjusted))
