"""Sketches: correlations survive them, and nothing but returns and open times enters."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from research.trials.sketch import DIMENSIONS, signs, sketch, sketch_correlation
from tests.research.trials.conftest import open_times

WORD = (1 << 64) - 1


def splitmix64(state: int, count: int) -> list[int]:
    """SplitMix64 on Python integers, as published."""
    out = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        out.append(z ^ (z >> 31))
    return out


def test_the_reference_generator_gives_the_published_numbers() -> None:
    assert splitmix64(1234567, 5) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("time", [0, 1, 1_772_323_200_000_000_000, 2**63 - 1])
def test_signs_are_the_bits_of_the_generator_seeded_with_the_open_time(time: int) -> None:
    words = splitmix64(splitmix64(time, 1)[0], 4)
    bits = [(word >> k) & 1 for word in words for k in range(64)]
    assert signs(np.array([time])).tolist() == [[2 * bit - 1 for bit in bits]]


def test_signs_are_balanced_and_uncorrelated_over_a_year_of_windows() -> None:
    year = signs(open_times(105_120)).astype(np.float64)
    column = year.mean(axis=0) * np.sqrt(len(year))
    pairs = (year.T @ year / np.sqrt(len(year)))[np.triu_indices(DIMENSIONS, 1)]
    assert np.abs(column).max() < 4.5
    assert pairs.std() == pytest.approx(1.0, abs=0.03)
    assert np.abs(pairs).max() < 6.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shared=st.floats(0.0, 0.98), betting=st.floats(0.05, 1.0))
def test_correlations_are_estimated_without_bias_and_with_the_stated_error(
    seed: int, shared: float, betting: float
) -> None:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((1500, 6))[:, np.arange(120) % 6]
    returns = np.sqrt(shared) * common + np.sqrt(1.0 - shared) * rng.standard_normal((1500, 120))
    returns *= rng.random((1500, 120)) < betting
    pairs = np.triu_indices(120, 1)
    exact = np.corrcoef(returns.T)[pairs]
    error = sketch_correlation(sketch(returns, open_times(1500)))[pairs] - exact
    # Pairs share their signs, so the mean error of one matrix is itself a random number.
    assert abs(error.mean()) < 0.025
    assert error.std() < 0.07


def test_the_bias_over_many_spans_is_nil() -> None:
    rng = np.random.default_rng(5)
    errors = []
    for span in range(200):
        common = rng.standard_normal((300, 1))
        returns = 0.7 * common + rng.standard_normal((300, 10))
        estimate = sketch_correlation(sketch(returns, open_times(300, 300 * span)))
        errors.append((estimate - np.corrcoef(returns.T))[np.triu_indices(10, 1)].mean())
    standard_error = np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert standard_error < 0.004
    assert abs(np.mean(errors)) < 4.0 * standard_error


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 199))
@settings(max_examples=20, deadline=None)
def test_the_sketch_of_two_spans_is_the_sum_of_their_sketches(seed: int, cut: int) -> None:
    returns = np.random.default_rng(seed).standard_normal((200, 5))
    times = open_times(200)
    parts = [slice(0, cut), slice(cut, 200)]
    together = sketch(np.concatenate([returns[p] - returns[p].mean(axis=0) for p in parts]), times)
    apart = sum(sketch(returns[p], times[p]) for p in parts)
    np.testing.assert_allclose(apart, together, rtol=1e-5, atol=1e-4)


def test_returns_on_slots_that_are_not_shared_do_not_correlate() -> None:
    returns = np.random.default_rng(1).standard_normal((1000, 40))
    one, other = sketch(returns, open_times(1000)), sketch(returns, open_times(1000, 1000))
    across = sketch_correlation(np.concatenate([one, other]))[:40, 40:]
    assert np.abs(np.diag(across)).max() < 0.25
    assert across.std() < 0.07


def test_neither_the_order_of_slots_nor_the_company_of_other_series_changes_a_byte() -> None:
    rng = np.random.default_rng(3)
    returns = rng.integers(-64, 65, (777, 1100)) / 64.0
    times, order = open_times(777), rng.permutation(777)
    whole = sketch(returns, times)
    assert sketch(returns[order], times[order]).tobytes() == whole.tobytes()
    assert sketch(returns[:, 1030:1031], times).tobytes() == whole[1030:1031].tobytes()
    assert sketch(np.asfortranarray(returns), times).tobytes() == whole.tobytes()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_every_process_makes_the_same_bytes(threads: str) -> None:
    code = (
        "import sys, numpy as np\nfrom research.trials.sketch import sketch\n"
        "x = np.random.default_rng(7).standard_normal((9000, 30))\n"
        "sys.stdout.buffer.write(sketch(x, 300_000_000_000 * np.arange(9000)).tobytes())"
    )
    env = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env)
    here = sketch(np.random.default_rng(7).standard_normal((9000, 30)), 300_000_000_000 * np.arange(9000))
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(here.tobytes()).digest()


@given(power=st.integers(-60, 60))
def test_a_sketch_scales_with_the_stake(power: int) -> None:
    returns = np.random.default_rng(4).standard_normal((50, 3))
    scaled = sketch(np.ldexp(returns, power), open_times(50))
    assert np.array_equal(scaled, np.ldexp(sketch(returns, open_times(50)), power))


def test_the_centre_of_the_returns_does_not_enter() -> None:
    returns = np.random.default_rng(6).integers(-8, 9, (64, 3)) / 8.0
    assert np.array_equal(sketch(returns, open_times(64)), sketch(returns + 3.0, open_times(64)))


def test_a_series_that_does_not_vary_has_a_sketch_of_zeros_and_correlates_with_nothing() -> None:
    returns = np.column_stack([np.full(70, 0.1), np.zeros(70), np.arange(70.0)])
    found = sketch(returns, open_times(70))
    assert not found[:2].any()
    assert found[2].any()
    assert np.array_equal(sketch_correlation(found), np.eye(3))


def test_the_same_and_the_opposite_bets_correlate_fully() -> None:
    returns = np.random.default_rng(8).standard_normal(90)
    found = sketch_correlation(sketch(np.column_stack([returns, 3.0 * returns, -returns]), open_times(90)))
    np.testing.assert_allclose(found, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-6)
    assert np.abs(found).max() == 1.0


def test_very_small_and_very_large_returns_keep_their_correlation() -> None:
    returns = np.random.default_rng(9).standard_normal((100, 2))
    plain = sketch_correlation(sketch(returns, open_times(100)))
    scaled = sketch_correlation(sketch(returns * [1e-30, 1e30], open_times(100)))
    np.testing.assert_allclose(scaled, plain, atol=1e-6)


def test_no_slots_and_no_series_are_no_sketch() -> None:
    assert sketch(np.zeros((0, 2)), np.zeros(0, dtype=np.int64)).tolist() == [[0.0] * DIMENSIONS] * 2
    assert sketch(np.zeros((3, 0)), open_times(3)).shape == (0, DIMENSIONS)
    assert sketch_correlation(np.zeros((0, DIMENSIONS))).shape == (0, 0)


@pytest.mark.parametrize(
    ("returns", "times", "says"),
    [
        ([[0.0], [np.nan]], [1, 2], "nan in row 1, column 0"),
        ([[0.0], [1.0]], [1, 1], "a slot twice"),
        ([[0.0], [1.0]], [1, 2, 3], "one row per slot"),
        ([0.0, 1.0], [1, 2], "one row per slot"),
        ([[0.0], [1.0]], [1.0, 2.0], "whole nanoseconds"),
    ],
)
def test_returns_that_cannot_be_sketched_are_refused(returns: object, times: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        sketch(np.array(returns), np.array(times))


def test_sketches_of_another_length_are_refused() -> None:
    with pytest.raises(ValidationError, match="must have the shape"):
        sketch_correlation(np.zeros((3, 8)))
