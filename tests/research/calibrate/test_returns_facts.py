from __future__ import annotations

import math

import numpy as np
import pytest

from arena.units import SECOND, YEAR_S
from research.calibrate.facts.curve import grid_returns, half_life_s
from research.calibrate.facts.returns import (
    autocorrelation,
    deseasoned,
    season,
    signature,
    tails,
    volatility_memory,
)


def brownian(n: int, sigma: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(n, dtype=np.int64) * SECOND
    return t, 100.0 * np.exp(np.cumsum(rng.standard_normal(n)) * sigma / math.sqrt(YEAR_S))


def test_the_signature_of_a_brownian_motion_is_flat_at_its_volatility() -> None:
    t, price = brownian(200_000, 0.5, np.random.default_rng(1))
    found = signature(t, price, (1, 10, 60, 300))
    assert found.y == pytest.approx(np.full(4, 0.5), rel=0.06)
    assert found.n[0] > 100 * found.n[-1]


def test_noise_raises_the_signature_at_short_intervals_by_its_variance() -> None:
    """Realised variance per interval is sigma^2 h + 2 noise^2 (Zhou 1996)."""
    rng = np.random.default_rng(2)
    t, price = brownian(100_000, 0.5, rng)
    noise = 2e-4
    found = signature(t, price * np.exp(noise * rng.standard_normal(t.size)), (1, 60))
    for h, vol in zip((1, 60), found.y, strict=True):
        assert vol == pytest.approx(math.sqrt(0.25 + 2 * noise**2 * YEAR_S / h), rel=0.05)


def test_stale_grid_points_are_left_out() -> None:
    t = np.array([0, 1, 2, 50, 51, 52], dtype=np.int64) * SECOND
    end, r = grid_returns(t, np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), SECOND, 0)
    assert end[np.isfinite(r)].tolist() == [SECOND, 2 * SECOND, 51 * SECOND, 52 * SECOND]
    assert r[np.isfinite(r)] == pytest.approx(np.full(4, math.log(2.0)))


def test_tails_of_a_normal_and_of_a_student_t() -> None:
    """Kurtosis 3 and one in a thousand beyond 3.29; Hill's index of a t with 3 degrees of freedom is 3."""
    rng = np.random.default_rng(3)
    normal = tails(rng.standard_normal(300_000))
    assert normal.kurtosis == pytest.approx(3.0, abs=0.06)
    assert normal.quantiles.y[-1] == pytest.approx(3.29, abs=0.08)
    heavy = tails(rng.standard_t(3, 300_000))
    assert heavy.hill == pytest.approx(3.0, abs=0.35)
    assert heavy.quantiles.y[-1] > 1.5 * normal.quantiles.y[-1]


def test_a_quantile_beyond_the_fifth_largest_move_is_unknown() -> None:
    found = tails(np.random.default_rng(0).standard_normal(1_000)).quantiles
    assert np.isfinite(found.y[found.x >= 0.005]).all()
    assert np.isnan(found.y[found.x < 0.005]).all()


def test_the_memory_of_volatility_is_the_autocovariance_of_its_logarithm() -> None:
    rng = np.random.default_rng(4)
    n, sd, decay = 400_000, 0.5, 2.0 ** (-1 / 20)
    shocks = rng.standard_normal(n) * sd * math.sqrt(1 - decay**2)
    x = np.empty(n)
    level = 0.0
    for i in range(n):
        level = decay * level + shocks[i]
        x[i] = level
    found = volatility_memory(np.exp(x) * rng.standard_normal(n), (1, 20, 200))
    assert found.y == pytest.approx([sd**2 * decay, sd**2 / 2, 0.0], abs=0.02)


def test_independent_returns_have_no_memory() -> None:
    r = np.random.default_rng(5).standard_normal(200_000)
    assert volatility_memory(r, (1, 10)).y == pytest.approx(np.zeros(2), abs=0.01)
    assert autocorrelation(r, (1, 10)).y == pytest.approx(np.zeros(2), abs=0.01)


def test_an_autoregression_shows_its_coefficient() -> None:
    rng = np.random.default_rng(6)
    x = np.zeros(50_000)
    shock = rng.standard_normal(x.size)
    for i in range(1, x.size):
        x[i] = 0.6 * x[i - 1] + shock[i]
    x[1000:1200] = np.nan
    assert autocorrelation(x, (1, 2)).y == pytest.approx([0.6, 0.36], abs=0.02)


def test_the_season_is_found_and_taken_out() -> None:
    rng = np.random.default_rng(7)
    end = (1 + np.arange(60 * 24 * 60, dtype=np.int64)) * 60 * SECOND
    factor = 1.0 + 0.4 * np.cos(2 * np.pi * np.arange(24) / 24)
    factor /= math.sqrt(float(np.mean(factor**2)))
    r = rng.standard_normal(end.size) * factor[((end - 1) // (3600 * SECOND)) % 24]
    found = season(end, r)
    assert found.y == pytest.approx(factor, rel=0.06)
    assert season(end, deseasoned(end, r, found.y)).y == pytest.approx(np.ones(24), rel=1e-9)


def test_half_life_of_an_exponential() -> None:
    x = np.array([1.0, 2.0, 5.0, 9.0])
    assert half_life_s(x, 0.7 * 2.0 ** (-x / 3.0)) == pytest.approx(3.0)
    assert half_life_s(x, np.full(4, 0.5)) == math.inf or half_life_s(x, np.full(4, 0.5)) > 1e9
    assert math.isnan(half_life_s(x, -np.ones(4)))
