from __future__ import annotations

import math

import numpy as np
import pytest

from arena.units import SECOND
from research.calibrate.facts.venues import basis, basis_bps, delay_ms


def test_an_ornstein_uhlenbeck_basis_shows_its_half_life_and_its_noise() -> None:
    rng = np.random.default_rng(1)
    n, halflife, slow, noise = 60_000, 20.0, 1.5, 0.8
    decay = 2.0 ** (-1.0 / halflife)
    x = np.zeros(n)
    shock = rng.standard_normal(n) * slow * math.sqrt(1 - decay**2)
    for i in range(1, n):
        x[i] = decay * x[i - 1] + shock[i]
    found = basis(5.0 + x + noise * rng.standard_normal(n), 60.0, (1, 2, 5, 10, 20, 30))
    assert found.mean_bps == pytest.approx(5.0, abs=0.15)
    assert found.halflife_s == pytest.approx(60.0 * halflife, rel=0.1)
    assert found.slow_sd_bps == pytest.approx(slow, rel=0.08)
    assert found.noise_sd_bps == pytest.approx(noise, rel=0.1)


def test_the_basis_pairs_prices_of_the_same_moment_only() -> None:
    minute = 60 * SECOND
    venue_ns = np.array([0, 1, 3], dtype=np.int64) * minute
    oracle_ns = np.array([0, minute, minute + SECOND, 2 * minute, 3 * minute], dtype=np.int64)
    found = basis_bps(venue_ns, np.array([101.0, 100.0, 100.0]), oracle_ns, np.full(5, 100.0), minute)
    assert found[[0, 1, 3]] == pytest.approx([1e4 * math.log(1.01), 0.0, 0.0])
    assert math.isnan(found[2])


def test_series_that_never_meet_have_no_basis() -> None:
    early, late = np.array([0, 60]) * SECOND, np.array([6000, 6060]) * SECOND
    assert basis_bps(early, np.ones(2), late, np.ones(2), 60 * SECOND).size == 0
    assert math.isnan(basis(np.empty(0), 60.0, (1, 2)).mean_bps)


def test_delays_are_quantiles_in_milliseconds() -> None:
    event = np.arange(1001, dtype=np.int64) * SECOND
    found = delay_ms(event, event + np.arange(1001, dtype=np.int64) * 1_000_000)
    assert found.y == pytest.approx(1000.0 * found.x)
