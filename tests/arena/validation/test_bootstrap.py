from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap

from arena.errors import ValidationError
from arena.validation.bootstrap import Interval, _pivot, bootstrap_interval, optimal_block_length, stationary_indices
from arena.validation.bootstrap_kernels import influence_error


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


METHODS = ("percentile", "basic", "normal", "studentised", "bca")


def interval(x: np.ndarray, method: str, **options: object) -> Interval:
    return bootstrap_interval(x, np.random.default_rng(7), **{"method": method, "block": 1.0, "draws": 2000} | options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("statistic", ["mean", "sharpe"])
def test_every_method_agrees_where_the_statistic_is_normal(method: str, statistic: str) -> None:
    x = np.random.default_rng(4).normal(0.2, 2.0, 900)
    i = interval(x, method, statistic=statistic)
    error = 1 / 30 * (x.std() if statistic == "mean" else 1.0)
    assert (i.upper - i.lower) / (3.92 * error) == pytest.approx(1.0, abs=0.1)
    assert (i.upper + i.lower) / 2 == pytest.approx(i.estimate, abs=0.2 * error)
    assert i.method == method


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(METHODS), st.floats(0.01, 100))
def test_the_unit_of_the_returns_scales_the_mean_and_leaves_the_sharpe(seed: int, method: str, unit: float) -> None:
    x = np.random.default_rng(seed).gamma(2.0, size=60) - 1.5
    a, b = (interval(y, method, statistic="mean", draws=200) for y in (x, unit * x))
    assert (b.lower, b.upper) == pytest.approx((unit * a.lower, unit * a.upper), rel=1e-6)
    a, b = (interval(y, method, draws=200) for y in (x, unit * x))
    assert (b.lower, b.upper) == pytest.approx((a.lower, a.upper), rel=1e-6)


def test_the_basic_interval_is_the_percentile_interval_mirrored() -> None:
    x = np.random.default_rng(4).gamma(1.0, size=80)
    basic, percentile = interval(x, "basic"), interval(x, "percentile")
    assert basic.lower == pytest.approx(2 * basic.estimate - percentile.upper)
    assert basic.upper == pytest.approx(2 * basic.estimate - percentile.lower)


def test_resampled_statistics_are_those_of_the_drawn_rows() -> None:
    x = np.random.default_rng(4).gamma(1.0, size=40)
    rng = np.random.default_rng(7)
    drawn = [x[stationary_indices(40, 3.0, rng)] for _ in range(300)]
    for statistic, values in (
        ("mean", [y.mean() for y in drawn]),
        ("sharpe", [y.mean() / y.std(ddof=1) for y in drawn]),
    ):
        i = interval(x, "percentile", statistic=statistic, block=3.0, draws=300)
        expected = np.quantile(values, [0.025, 0.975], method="inverted_cdf")
        assert (i.lower, i.upper) == pytest.approx(tuple(expected))


def test_the_studentised_interval_of_a_mean_is_the_bootstrap_t() -> None:
    x = np.random.default_rng(4).gamma(1.0, size=40)
    rng = np.random.default_rng(7)
    drawn = [x[stationary_indices(40, 1.0, rng)] for _ in range(500)]
    t = [(y.mean() - x.mean()) / (y.std() / math.sqrt(40)) for y in drawn]
    low, high = np.quantile(t, [0.025, 0.975], method="inverted_cdf")
    error = x.std() / math.sqrt(40)
    i = interval(x, "studentised", statistic="mean", draws=500)
    # A resample's error uses ddof 1 and so does the sample's: the ratio is the same.
    assert (i.lower, i.upper) == pytest.approx((x.mean() - high * error, x.mean() - low * error))


def test_the_studentised_interval_covers_the_mean_of_skewed_returns_better() -> None:
    hits = {"percentile": 0, "studentised": 0}
    for seed in range(300):
        x = np.random.default_rng(seed).lognormal(sigma=1.2, size=30)
        for method in hits:
            i = interval(x, method, statistic="mean", draws=199)
            hits[method] += i.lower <= math.exp(0.72) <= i.upper
    assert hits["studentised"] > hits["percentile"] + 15


def test_a_resample_of_a_single_run_has_no_error_and_no_distance() -> None:
    z = np.random.default_rng(4).normal(size=50)
    opens = np.zeros(50, dtype=np.bool_)
    opens[0] = True
    error = influence_error(z, z.mean(), z.std(ddof=1), z.mean() / z.std(ddof=1), opens)
    assert error == pytest.approx(0.0, abs=1e-14)
    assert _pivot(1e-16, error) == 0.0
    assert (_pivot(1.0, 0.0), _pivot(-1.0, 0.0), _pivot(1.0, 0.5)) == (math.inf, -math.inf, 2.0)


def test_the_error_of_a_resample_adds_up_its_runs() -> None:
    z = np.random.default_rng(4).normal(0.3, 1.0, 60)
    opens = np.random.default_rng(5).random(60) < 0.2
    opens[0] = True
    sharpe, u = z.mean() / z.std(ddof=1), (z - z.mean()) / z.std()
    influence = u - sharpe * (u * u - 1.0) / 2.0
    sums = [part.sum() for part in np.split(influence, np.flatnonzero(opens)[1:])]
    expected = math.sqrt(np.square(sums).sum()) / 60
    assert influence_error(z, z.mean(), z.std(ddof=1), sharpe, opens) == pytest.approx(expected)


def test_bca_is_scipys() -> None:
    x = np.random.default_rng(4).gamma(1.0, size=60)
    theirs = scipy_bootstrap(
        (x,), lambda y, axis: y.mean(axis) / y.std(axis, ddof=1), method="BCa", n_resamples=20_000,
        rng=np.random.default_rng(0), vectorized=True,
    ).confidence_interval  # fmt: skip
    i = interval(x, "bca", draws=20_000)
    width = theirs.high - theirs.low
    assert (i.lower, i.upper) == pytest.approx(tuple(theirs), abs=0.02 * width)
    plain = interval(x, "percentile", draws=20_000)
    assert abs(plain.lower - theirs.low) > 0.04 * width


def test_dependent_slots_widen_every_interval() -> None:
    x = np.convolve(np.random.default_rng(4).normal(0.2, 1.0, 409), np.ones(10), mode="valid")
    for method in ("percentile", "basic", "normal", "studentised"):
        short, long = (interval(x, method, block=block, draws=400) for block in (1.0, 25.0))
        assert long.upper - long.lower > 1.6 * (short.upper - short.lower)


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
        (np.arange(20.0), {"method": "jackknife"}, "method"),
        (np.arange(20.0), {"method": "bca", "block": 2.0}, "independent slots"),
        (np.arange(20.0), {"method": "studentised", "block": 2.5}, "10 runs"),
        (np.where(np.arange(20) == 3, 4.0, -1.0), {"method": "normal", "block": 1.0}, "no variance"),
        (np.where(np.arange(20) == 3, 4.0, -1.0), {"method": "bca", "block": 1.0}, "without row 3"),
    ],
)
def test_intervals_without_meaning_are_refused(values: np.ndarray, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        bootstrap_interval(values, np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_the_block_length_of_a_constant_is_refused() -> None:
    with pytest.raises(ValidationError, match="constant"):
        optimal_block_length(np.ones(50))
