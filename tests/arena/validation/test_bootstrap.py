from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.bootstrap import bootstrap_interval, optimal_block_length, stationary_indices


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.floats(1, 50), st.integers(0, 1000))
def test_a_resample_is_made_of_rows_of_the_series(length: int, block: float, seed: int) -> None:
    index = stationary_indices(length, block, np.random.default_rng(seed))
    assert index.shape == (length,)
    assert ((index >= 0) & (index < length)).all()


def test_runs_have_the_mean_length_asked_for() -> None:
    index = stationary_indices(200_000, 8.0, np.random.default_rng(0))
    breaks = (np.diff(index) % 200_000 != 1).mean()
    assert breaks == pytest.approx(1 / 8, rel=0.03)


def test_every_row_is_drawn_equally_often() -> None:
    rng = np.random.default_rng(1)
    counts = np.bincount(np.concatenate([stationary_indices(20, 5.0, rng) for _ in range(5000)]), minlength=20)
    assert (np.abs(counts / 5000 - 1) < 0.1).all()


def test_the_block_length_is_that_of_the_arch_package() -> None:
    bootstrap = pytest.importorskip("arch.bootstrap")
    agree = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, rho = rng.normal(size=int(rng.integers(60, 600))), rng.uniform(-0.6, 0.9)
        for t in range(1, x.size):
            x[t] += rho * x[t - 1]
        ours, theirs = optimal_block_length(x), bootstrap.optimal_block_length(x).to_numpy()[0]
        agree.append(np.allclose([ours.stationary, ours.circular], theirs, rtol=1e-9))
    # arch scales each autocorrelation by its own two segments: a lag on the threshold may fall either way.
    assert np.mean(agree) > 0.9


def test_dependence_lengthens_the_block() -> None:
    e = np.random.default_rng(0).normal(size=1000)
    smooth = np.convolve(e, np.ones(10), mode="valid")
    assert optimal_block_length(smooth).stationary > 3 * max(1.0, optimal_block_length(e).stationary)


def test_the_block_length_does_not_depend_on_the_unit() -> None:
    x = np.cumsum(np.random.default_rng(0).normal(size=100))
    assert optimal_block_length(5.0 * x + 3.0).stationary == pytest.approx(optimal_block_length(x).stationary)


@pytest.mark.parametrize("statistic", ["mean", "sharpe"])
def test_the_interval_of_independent_normals_is_about_two_errors_wide(statistic: str) -> None:
    x = np.random.default_rng(4).normal(0.2, 2.0, 900)
    i = bootstrap_interval(x, np.random.default_rng(0), statistic=statistic, block=1.0, draws=2000)  # type: ignore[arg-type]
    error = 1 / 30 * (x.std() if statistic == "mean" else 1.0)
    assert i.lower < i.estimate < i.upper
    assert (i.upper - i.lower) / (3.92 * error) == pytest.approx(1.0, abs=0.1)
    assert (i.draws, i.block, i.level, i.degenerate_draws) == (2000, 1.0, 0.95, 0)


def test_the_interval_follows_its_generator_its_level_and_its_block() -> None:
    x = np.convolve(np.random.default_rng(4).normal(0.2, 1.0, 300), np.ones(6), mode="valid")

    def width(seed: int = 0, **options: float) -> float:
        i = bootstrap_interval(x, np.random.default_rng(seed), draws=400, **options)  # type: ignore[arg-type]
        return i.upper - i.lower

    assert width() == width()
    assert width(1) != width()
    assert width(level=0.5) < width()
    assert width(block=1.0) < 0.7 * width(block=20.0)


def test_resamples_without_variance_stay_in_the_distribution() -> None:
    x = np.full(20, -1.0)
    x[3] = 4.0
    i = bootstrap_interval(x, np.random.default_rng(0), draws=400, block=1.0)
    assert i.degenerate_draws > 80
    assert i.lower == -math.inf
    assert not math.isnan(i.upper)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones(50), {}, "constant"),
        (np.arange(5.0), {}, "at least 10"),
        (np.arange(20.0), {"block": 0.5}, "at least 1"),
        (np.arange(20.0), {"level": 1.0}, "level"),
        (np.arange(20.0), {"statistic": "median"}, "statistic"),
        (np.arange(20.0), {"draws": 1}, "draws"),
    ],
)
def test_intervals_without_meaning_are_refused(values: np.ndarray, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        bootstrap_interval(values, np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_the_block_length_of_a_constant_is_refused() -> None:
    with pytest.raises(ValidationError, match="constant"):
        optimal_block_length(np.ones(50))
