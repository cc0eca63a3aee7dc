from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.cscv import overfitting
from arena.validation.dominance import stochastic_dominance


def noise(rows: int = 96, columns: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def plain_dominance(matrix: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-sample Sharpes of the winners and of all configurations by gathering the rows of each half."""
    parts = matrix.reshape(blocks, -1, matrix.shape[1])
    winner, pool = [], []
    for chosen in combinations(range(blocks), blocks // 2):
        a = np.concatenate([parts[b] for b in chosen])
        b = np.concatenate([parts[b] for b in range(blocks) if b not in chosen])
        outside = b.mean(0) / b.std(0, ddof=1)
        winner.append(outside[(a.mean(0) / a.std(0, ddof=1)).argmax()])
        pool.extend(outside)
    return np.array(winner), np.array(pool)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([2, 4, 6]))
def test_dominance_is_that_of_the_distribution_functions(seed: int, skill: float, blocks: int) -> None:
    matrix = noise(seed=seed)
    matrix[:, 5] += skill
    d = stochastic_dominance(matrix, blocks)
    winner, pool = plain_dominance(matrix, blocks)
    np.testing.assert_allclose(d.winner, np.sort(winner), atol=1e-12)
    points = np.unique(np.concatenate((winner, pool)))
    below = [np.searchsorted(np.sort(v), points, side="right") / v.size for v in (pool, winner)]
    excess = below[0] - below[1]  # F_pool - F_winner; first order asks for >= 0 everywhere
    integral = np.concatenate(([0.0], np.cumsum(excess[:-1] * np.diff(points))))
    assert d.first_order == ((excess >= -1e-12).all() and integral[-1] > 1e-9)
    assert d.second_order == ((integral >= -1e-9).all() and integral.max() > 1e-9)
    assert d.area == pytest.approx(winner.mean() - pool.mean(), abs=1e-12)
    assert d.area == pytest.approx(integral[-1], abs=1e-9)
    assert d.probability == pytest.approx(
        np.mean([(pool < w - 1e-12).mean() + 0.5 * (np.abs(pool - w) <= 1e-12).mean() for w in winner])
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_first_order_dominance_implies_the_second(seed: int, skill: float) -> None:
    matrix = noise(seed=seed)
    matrix[:, 5] += skill
    d = stochastic_dominance(matrix, 6)
    assert not d.first_order or d.second_order
    assert not d.second_order or d.area > -1e-12
    assert 0.0 <= d.probability <= 1.0
    assert (np.diff(d.pool) >= 0).all()


def test_a_configuration_with_skill_dominates_a_random_pick() -> None:
    matrix = noise()
    matrix[:, 5] += 3.0
    d = stochastic_dominance(matrix, 8)
    assert (d.first_order, d.second_order) == (True, True)
    assert d.probability > 0.9
    assert d.area > 2.0
    assert d.first_order_gap == pytest.approx(0.0, abs=1e-12)  # the pool's best is the winner's best


def test_duplicates_dominate_nothing() -> None:
    d = stochastic_dominance(np.repeat(noise(columns=1), 12, axis=1), 8)
    assert (d.first_order, d.second_order, d.probability) == (False, False, pytest.approx(0.5, abs=0.01))
    assert d.area == pytest.approx(0.0, abs=1e-12)


def test_picking_the_winner_of_a_demeaned_matrix_is_worse_than_picking_at_random() -> None:
    matrix = noise(240, 20)
    d = stochastic_dominance(matrix - matrix.mean(axis=0), 8)
    assert (d.first_order, d.second_order) == (False, False)
    assert max(d.area, d.first_order_gap, d.second_order_gap) < 0.0
    assert d.probability < 0.1


def test_options_reach_the_splits() -> None:
    matrix = noise(117)
    matrix[[30, 60, 90], 4] = 0.0
    winner = stochastic_dominance(matrix, 8, gap=3).winner
    assert (winner == np.sort(overfitting(matrix, 8, gap=3).out_of_sample)).all()
    assert (winner != stochastic_dominance(matrix, 8).winner).any()
    without = stochastic_dominance(np.delete(matrix, 4, axis=1), 8).pool
    assert (stochastic_dominance(matrix, 8, minimum_bets=14).pool == without).all()


def test_an_infinite_sharpe_is_refused_by_the_name_of_its_column() -> None:
    matrix = noise()
    matrix[:, 7] = np.where(np.arange(96) < 48, 1.0, -1.0)
    with pytest.raises(ValidationError, match="configuration 7"):
        stochastic_dominance(matrix, 2)
