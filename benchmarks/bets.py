"""The exact test of wins against many prices: our recursion and scipy's transform."""

from __future__ import annotations

import numpy as np
from scipy.stats import poisson_binom

from arena.validation.bets import poisson_binomial_test
from benchmarks.lab import LabMarket
from benchmarks.measure import timed
from benchmarks.rows import Row, Sizes


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Time and tail probability."""
    rng = np.random.default_rng(3)
    price = rng.uniform(0.05, 0.95, sizes.bars)
    won = rng.random(sizes.bars) < price
    ours, found = timed(lambda: poisson_binomial_test(won, price), sizes.runs)
    theirs, tail = timed(lambda: float(poisson_binom(price).sf(int(won.sum()) - 1)), sizes.runs)
    return [
        Row(
            "bets",
            f"Poisson-binomial test of {sizes.bars:,} bets",
            "s",
            ours,
            "scipy.stats.poisson_binom",
            theirs,
            False,
            f"p {found.p_value:.9f} and {tail:.9f} (tolerance 1e-9)",
            abs(found.p_value - tail) < 1e-9,
        )
    ]
