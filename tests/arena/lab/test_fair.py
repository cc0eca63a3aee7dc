from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.lab.fair import expected_inertia, foreseen_variance, mixed_digital_up, settlement_variance_s, variance_log_sd
from arena.pricing import norm_cdf, twap_variance_s
from arena.units import YEAR_S

LEFT = st.floats(0.0, 300.0)
LOOKBACK = st.sampled_from([0.0, 30.0, 60.0])


@settings(deadline=None)  # the first call compiles
@given(LEFT, LOOKBACK, st.floats(0.2, 20.0))
def test_without_inertia_the_variance_is_that_of_the_plain_average(left: float, lookback: float, u: float) -> None:
    assert settlement_variance_s(left, lookback, 1.0, u) == pytest.approx(twap_variance_s(left, lookback), abs=1e-9)


@given(st.floats(0.1, 200.0), LOOKBACK, st.floats(0.05, 1.0), st.floats(0.3, 10.0))
def test_the_variance_is_the_integral_of_the_squared_weight(left: float, lookback: float, a: float, u: float) -> None:
    s = (np.arange(40_000) + 0.5) * left / 40_000
    if lookback == 0.0:
        weight = 1 - (1 - a) * np.exp(-s / u)
    else:
        seen = np.minimum(s, lookback)
        weight = (seen - (1 - a) * u * (np.exp(-(s - seen) / u) - np.exp(-s / u))) / lookback
    assert settlement_variance_s(left, lookback, a, u) == pytest.approx(float(np.mean(weight**2)) * left, rel=1e-4)


@given(LEFT, LOOKBACK, st.floats(0.3, 10.0))
def test_inertia_is_the_mean_of_a_decay_over_the_reports_to_come(left: float, lookback: float, u: float) -> None:
    found = expected_inertia(left, lookback, u)
    assert 0.0 <= found <= 1.0
    if lookback and left > 0.1:
        v = max(left - lookback, 0.0) + (np.arange(20_000) + 0.5) / 20_000 * min(left, lookback)
        assert found == pytest.approx(float(np.mean(np.exp(-v / u))), rel=1e-3, abs=1e-9)


def test_without_jumps_the_price_is_the_plain_digital() -> None:
    variance = 0.5**2 * 200 / YEAR_S
    plain = norm_cdf((0.001 - variance / 2) / math.sqrt(variance))
    assert mixed_digital_up(0.001, variance, 0.0, 0.0, 0.002) == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("moneyness", [-0.002, -0.0005, 0.0, 0.001, 0.003])
def test_the_price_with_jumps_is_the_frequency_of_simulated_ends(moneyness: float) -> None:
    """A million simulated windows: diffusion and Poisson jumps with the same total variance."""
    rng = np.random.default_rng(1)
    n, sigma, seconds, rate, sd = 1_000_000, 0.5, 260.0, 40 / 86_400, 0.0019
    diffusion = sigma**2 * seconds / YEAR_S - rate * seconds * sd**2
    jumps = rng.poisson(rate * seconds, n)
    variance = diffusion + jumps * sd**2
    end = moneyness - variance / 2 + np.sqrt(variance) * rng.standard_normal(n)
    assert mixed_digital_up(moneyness, diffusion, 0.0, rate * seconds, sd) == pytest.approx(
        float(np.mean(end >= 0)), abs=0.0017
    )


def test_at_the_end_only_the_sign_counts() -> None:
    assert mixed_digital_up(0.0, 0.0, 0.3, 0.001, 0.002) == 1.0
    assert mixed_digital_up(-1e-9, 0.0, 0.3, 0.001, 0.002) == 0.0


@pytest.mark.parametrize("start", [-0.6, 0.0, 0.9])
def test_the_variance_foreseen_is_the_mean_of_simulated_volatility(start: float) -> None:
    """Five minutes of a component with a half-life of two, from a known state: mean and spread of the mean variance."""
    rng = np.random.default_rng(2)
    n, sd, rate, seconds = 4_000, 0.4, math.log(2.0) / 120.0, 300
    decay = math.exp(-rate)
    x, total = np.full(n, start), np.zeros(n)
    for _ in range(seconds):
        x = decay * x + sd * math.sqrt(1 - decay**2) * rng.standard_normal(n)
        total += np.exp(2 * x - 2 * sd**2) / seconds
    state, sds, rates = np.array([start]), np.array([sd]), np.array([rate])
    assert foreseen_variance(state, sds, rates, seconds) == pytest.approx(float(total.mean()), rel=0.04)
    assert variance_log_sd(sds, rates, seconds) == pytest.approx(float(np.log(total).std()), rel=0.16)


def test_uncertain_variance_is_priced_as_the_frequency_of_simulated_ends() -> None:
    rng = np.random.default_rng(3)
    variance, log_sd = 2e-6, 0.5
    v = variance * np.exp(log_sd * rng.standard_normal(1_000_000) - log_sd**2 / 2)
    end = 0.001 - v / 2 + np.sqrt(v) * rng.standard_normal(v.size)
    assert mixed_digital_up(0.001, variance, log_sd, 0.0, 0.0) == pytest.approx(float(np.mean(end >= 0)), abs=0.0017)
