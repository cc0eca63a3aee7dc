"""The grid covers every lever evenly, contains the base, and repeats for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ConfigError
from arena.strategies import load
from research.grid import latin_hypercube

STRATEGY = load("BTC_5M")
BASE = STRATEGY.preset("corrected")


@settings(max_examples=25, deadline=None)
@given(size=st.integers(2, 120), seed=st.integers(0, 2**32 - 1))
def test_each_stratum_of_each_searched_lever_is_used_once(size: int, seed: int) -> None:
    grid = latin_hypercube(STRATEGY, BASE, size, np.random.default_rng(seed))
    assert grid[0] == BASE
    assert len(grid) == size
    for lever in (lever for lever in STRATEGY.levers if lever.search):
        values = np.array([c.values()[lever.name] for c in grid[1:]])
        share = (values - lever.search_low) / (lever.search_high - lever.search_low)
        strata = np.arange(size - 1)
        placed = np.sort(share) * (size - 1)
        # Levers are rounded to six decimals, which may carry a value a hair over its edge.
        assert ((strata - 1e-2 <= placed) & (placed <= strata + 1 + 1e-2)).all()


def test_only_the_named_levers_vary_when_ranges_are_given() -> None:
    grid = latin_hypercube(STRATEGY, BASE, 9, np.random.default_rng(0), {"min-edge": (0.0, 0.2)})
    varied = {name for name, value in BASE.values().items() if len({c.values()[name] for c in grid}) > 1}
    assert varied == {"min_edge"}


@pytest.mark.parametrize("ranges", [{"min_edge": (0.2, 0.1)}, {"min_edge": (0.0, 5.0)}, {"vol_window_s": (60, 90)}])
def test_ranges_that_cannot_be_searched_are_refused(ranges: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(ConfigError):
        latin_hypercube(STRATEGY, BASE, 9, np.random.default_rng(0), ranges)
