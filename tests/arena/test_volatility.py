from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.volatility import (
    CLOCK_VOL_DTYPE,
    TICK_CAPACITY,
    TICK_VOL_DTYPE,
    clock_vol,
    clock_vol_add,
    new_state,
    tick_vol,
    tick_vol_add,
)
from tests.support.volatility import YEAR_S, PlainClock, plain_tick_vol

SECOND = 1_000_000_000
T0 = 1_789_344_000 * SECOND


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([5, 60, 300]), st.sampled_from([2, 12]))
def test_tick_volatility_is_the_plain_estimator_at_every_tick(seed: int, window_s: int, minimum: int) -> None:
    """Random gaps, some zero, some longer than the window, so that ticks expire one by one and all at once."""
    r = random.Random(seed)
    state, ticks, t, x = new_state(TICK_VOL_DTYPE)[0], [], T0, math.log(60_000)
    for _ in range(120):
        t += r.choice([0, 1, 7, 250, 400, 3000, 400_000 if r.random() < 0.1 else 900]) * 1_000_000
        x += r.gauss(0, 1e-4)
        ticks.append((t, x))
        tick_vol_add(state, t, x)
        now = t + r.choice([0, 90, 5000]) * 1_000_000
        expected = plain_tick_vol(
            [tick for tick in ticks if tick[0] >= t - 10**15], now, window_s * SECOND, minimum, TICK_CAPACITY
        )
        got = tick_vol(state, now, window_s * SECOND, minimum)
        assert got == pytest.approx(expected, rel=1e-6, nan_ok=True)
        # Expiry looks back from the latest question; the next tick may be earlier than it.
        ticks = [tick for tick in ticks if tick[0] >= now - window_s * SECOND]


def test_a_full_ring_forgets_its_oldest_tick() -> None:
    rng = np.random.default_rng(1)
    logs = np.cumsum(rng.normal(0, 1e-4, TICK_CAPACITY + 700))
    # The ticks that must be gone are ten times as wild: keeping even a few would show.
    logs[:700] *= 10
    state = new_state(TICK_VOL_DTYPE)[0]
    for k, x in enumerate(logs):
        tick_vol_add(state, T0 + k * 1_000_000, float(x))
    ticks = [(T0 + k * 1_000_000, float(x)) for k, x in enumerate(logs)]
    expected = plain_tick_vol(ticks, ticks[-1][0], 10**15, 2, TICK_CAPACITY)
    assert tick_vol(state, ticks[-1][0], 10**15, 2) == pytest.approx(expected, rel=1e-7)


def test_a_tick_exactly_as_old_as_the_window_still_counts() -> None:
    state = new_state(TICK_VOL_DTYPE)[0]
    for k, x in enumerate([0.0, 1e-4, -1e-4, 0.0]):
        tick_vol_add(state, T0 + k * SECOND, x)
    now = T0 + 60 * SECOND
    assert not math.isnan(tick_vol(state, now, 60 * SECOND, 3))
    assert math.isnan(tick_vol(state, now + 1, 60 * SECOND, 3))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([7, 60, 300]), st.sampled_from([2, 5]), st.sampled_from([1, 30]),
    st.sampled_from([0.0, 1.0, 4.0]),
)  # fmt: skip
def test_clock_volatility_is_the_plain_estimator_at_every_second(
    seed: int, window_s: int, slow_s: int, minimum: int, cut: float
) -> None:
    """Skipped seconds, seconds without a fresh price, still markets, jumps, and gaps longer than the window."""
    r = random.Random(seed)
    state, plain, second, x = new_state(CLOCK_VOL_DTYPE)[0], PlainClock(window_s, slow_s, cut), 1_789_344_000, 11.0
    still = r.random() < 0.3
    for k in range(150):
        second += r.choice([1, 1, 1, 1, 2, 9, 1000 if r.random() < 0.05 else 1])
        x += 0.0 if still and k < 70 else r.gauss(0, 1e-4 if r.random() < 0.95 else 3e-3)
        shown = math.nan if r.random() < 0.1 else x
        clock_vol_add(state, second, shown, window_s, slow_s, cut)
        plain.add(second, shown)
        got, expected = clock_vol(state, slow_s, minimum), plain.value(minimum)
        # Running sums leave rounding behind, which shows only when the two scales nearly cancel.
        assert got**2 / YEAR_S == pytest.approx(expected**2 / YEAR_S, rel=1e-6, abs=1e-15, nan_ok=True)


def test_a_market_that_stood_still_is_measured_again_when_it_moves() -> None:
    """Ten minutes without a move leave a variance of zero; a cap in units of it must not hold it there."""
    rng = np.random.default_rng(2)
    state, x = new_state(CLOCK_VOL_DTYPE)[0], 11.0
    for k in range(1800):
        x += 0.0 if k < 600 else rng.normal(0, 0.5 / math.sqrt(YEAR_S))
        clock_vol_add(state, 1000 + k, x, 600, 5, 4.0)
    assert clock_vol(state, 5, 60) == pytest.approx(0.5, rel=0.15)


def test_one_jump_counts_for_no_more_than_its_cap() -> None:
    rng = np.random.default_rng(3)
    found = {}
    for cut in (0.0, 4.0):
        state, x = new_state(CLOCK_VOL_DTYPE)[0], 11.0
        for k in range(600):
            x += float(rng.normal(0, 0.4 / math.sqrt(YEAR_S))) + (0.01 if k == 400 else 0.0)
            clock_vol_add(state, 1000 + k, x, 600, 5, cut)
        found[cut] = clock_vol(state, 5, 60)
    assert found[0.0] > 1.5
    assert found[4.0] < 0.6


def test_a_second_seen_twice_is_sampled_once() -> None:
    state = new_state(CLOCK_VOL_DTYPE)[0]
    for second, x in [(10, 0.0), (11, 1e-4), (11, 9.0), (10, 9.0), (12, 0.0)]:
        clock_vol_add(state, second, x, 60, 2)
    assert (state["n_fast"], state["n_slow"]) == (2, 1)
    assert state["sum_fast"] == pytest.approx(2e-8)


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_both_estimators_are_unbiased_without_noise(gap: int) -> None:
    """Random walk at volatility 0.5; the mean of 60 estimates lies within four standard errors."""
    rng = np.random.default_rng(gap)
    true, ticks, clocks = 0.5, [], []
    for _ in range(60):
        logs = np.cumsum(rng.normal(0, true * math.sqrt(gap / YEAR_S), 900 // gap))
        a, b = new_state(TICK_VOL_DTYPE)[0], new_state(CLOCK_VOL_DTYPE)[0]
        for k, x in enumerate(logs):
            tick_vol_add(a, T0 + k * gap * SECOND, float(x))
            clock_vol_add(b, 1000 + k, float(x), 1800, 5)
        ticks.append(tick_vol(a, T0 + 900 * SECOND, 1800 * SECOND, 12) ** 2)
        clocks.append(clock_vol(b, 5, 12) ** 2 / gap)
    for found in (ticks, clocks):
        error = np.std(found, ddof=1) / math.sqrt(len(found))
        assert np.mean(found) == pytest.approx(true**2, abs=4 * error)


def test_bounce_inflates_the_tick_estimate_and_not_the_two_scales_one() -> None:
    """Quotes carry independent noise of 0.5 bp around the price, four ticks a second, volatility 0.4.

    The tick estimate squared is too high by ``2 n^2`` per gap, here tenfold and more; the two-scales mean of
    60 runs is within four standard errors of the truth.
    """
    rng = np.random.default_rng(5)
    true, noise, found, bounced = 0.4, 0.5e-4, [], []
    for _ in range(60):
        price = np.cumsum(rng.normal(0, true * math.sqrt(0.25 / YEAR_S), 4 * 900))
        shown = price + rng.normal(0, noise, price.size)
        a, b = new_state(TICK_VOL_DTYPE)[0], new_state(CLOCK_VOL_DTYPE)[0]
        for k in range(0, shown.size):
            tick_vol_add(a, T0 + k * SECOND // 4, float(shown[k]))
        for k in range(0, shown.size, 4):
            clock_vol_add(b, 1000 + k // 4, float(shown[k]), 900, 5)
        bounced.append(tick_vol(a, T0 + 900 * SECOND, 900 * SECOND, 12) ** 2)
        found.append(clock_vol(b, 5, 60) ** 2)
    assert np.mean(bounced) == pytest.approx(true**2 + 2 * noise**2 / 0.25 * YEAR_S, rel=0.05)
    assert np.mean(bounced) > 4 * true**2
    assert np.mean(found) == pytest.approx(true**2, abs=4 * np.std(found, ddof=1) / math.sqrt(60))


def test_too_few_returns_are_no_estimate() -> None:
    state = new_state(TICK_VOL_DTYPE)[0]
    for k in range(12):
        tick_vol_add(state, T0 + k * SECOND, 1e-4 * (k % 2))
    assert math.isnan(tick_vol(state, T0 + 12 * SECOND, 300 * SECOND, 12))
    tick_vol_add(state, T0 + 12 * SECOND, 0.0)
    assert not math.isnan(tick_vol(state, T0 + 12 * SECOND, 300 * SECOND, 12))
