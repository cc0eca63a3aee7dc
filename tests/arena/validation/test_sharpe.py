from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.deflation import (
    Trials,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_length,
    variance_of_maximum,
)
from arena.validation.serial import autocorrelations, default_lags, long_run_variance
from arena.validation.sharpe import aggregation_factor, moments, sharpe, standard_error, standard_error_hac
from arena.validation.sharpe_inference import minimum_track_record, probabilistic_sharpe

series = st.lists(st.floats(-10, 10), min_size=3, max_size=50).filter(lambda v: np.ptp(v) > 1e-3)


@settings(max_examples=50, deadline=None)
@given(series, st.floats(1e-3, 1e3))
def test_the_sharpe_ratio_does_not_depend_on_the_unit(values: list[float], scale: float) -> None:
    x = np.array(values)
    assert sharpe(scale * x) == pytest.approx(sharpe(x), rel=1e-9, abs=1e-12)
    assert sharpe(-x) == pytest.approx(-sharpe(x), rel=1e-9, abs=1e-12)
    assert sharpe(x) == pytest.approx(x.mean() / x.std(ddof=1), rel=1e-9, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(series)
def test_hac_without_lags_is_mertens_with_denominator_t(values: list[float]) -> None:
    x = np.array(values)
    m = moments(x)
    zero_ddof = m.mean / x.std()
    bracket = 1 - m.skew * zero_ddof + (m.kurtosis - 1) / 4 * zero_ddof**2
    assert standard_error_hac(x, 0) ** 2 * x.size == pytest.approx(bracket, rel=1e-6, abs=1e-9)


def test_the_long_run_variance_is_the_bartlett_sum_written_out() -> None:
    x = np.random.default_rng(0).normal(size=40)
    e = x - x.mean()
    expected = sum(
        (1 - abs(i - j) / 4) * e[i] * e[j] for i in range(40) for j in range(40) if abs(i - j) < 4
    ) / 40  # fmt: skip
    assert long_run_variance(x, 3) == pytest.approx(expected)


def test_default_lags_grow_with_the_series_and_cover_the_overlap() -> None:
    assert [default_lags(100), default_lags(10_000), default_lags(100, overlap=12)] == [4, 11, 12]


def test_positive_dependence_widens_the_hac_error() -> None:
    e = np.random.default_rng(1).normal(size=2000)
    x = np.convolve(e, np.ones(5), mode="valid") + 0.1
    assert standard_error_hac(x) > 1.3 * standard_error_hac(x, 0)


def test_the_denominator_of_the_standard_error_is_explicit() -> None:
    ratio = standard_error(0.1, 50, 0, 3, denominator="T-1") / standard_error(0.1, 50, 0, 3, denominator="T")
    assert ratio == pytest.approx(math.sqrt(50 / 49))
    with pytest.raises(ValidationError, match="denominator"):
        standard_error(0.1, 50, 0, 3, denominator="t")  # type: ignore[arg-type]


def test_autocorrelations_are_bounded_by_one() -> None:
    rho = autocorrelations(np.tile([1.0, -1.0], 50), 3)
    np.testing.assert_allclose(rho, [-0.99, 0.98, -0.97])


def test_aggregation_with_independent_slots_is_the_square_root() -> None:
    assert aggregation_factor(250, []) == pytest.approx(math.sqrt(250))
    assert aggregation_factor(1, [0.5]) == 1.0
    with pytest.raises(ValidationError, match="variance"):
        aggregation_factor(10, [-0.9])


def test_the_psr_at_its_own_sharpe_is_one_half() -> None:
    assert probabilistic_sharpe(0.2, 100, -1.0, 5.0, benchmark=0.2) == 0.5


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.5), st.floats(-1, 1), st.integers(10, 5000))
def test_the_psr_falls_with_the_benchmark_and_rises_with_length(sr: float, skew: float, count: int) -> None:
    kurtosis = skew**2 + 2
    low, high = (probabilistic_sharpe(sr, count, skew, kurtosis, b) for b in (0.0, 0.3))
    assert low >= high
    assert probabilistic_sharpe(sr, count + 50, skew, kurtosis) >= low


def test_the_track_record_length_is_where_the_psr_reaches_its_confidence() -> None:
    need = minimum_track_record(0.1, -0.5, 4.0, benchmark=0.02, confidence=0.9)
    assert probabilistic_sharpe(0.1, math.ceil(need), -0.5, 4.0, 0.02) >= 0.9
    assert probabilistic_sharpe(0.1, math.floor(need), -0.5, 4.0, 0.02) < 0.9


@pytest.mark.parametrize("sr", [0.1, 0.05, -0.3])
def test_no_track_record_is_long_enough_below_the_benchmark(sr: float) -> None:
    assert minimum_track_record(sr, 0.0, 3.0, benchmark=0.1) == math.inf


def test_the_expected_maximum_matches_order_statistics_tables() -> None:
    for count, value in ((10, 1.53875), (100, 2.50759)):
        assert expected_maximum(count) == pytest.approx(value, abs=6e-6)
    assert variance_of_maximum(10) == pytest.approx(0.3443, abs=6e-5)
    assert (expected_maximum(1), expected_maximum(1, "approximate"), variance_of_maximum(1)) == (0.0, 0.0, 1.0)


def test_the_expected_maximum_of_a_million_trials_is_found() -> None:
    assert expected_maximum(10**6) == pytest.approx(expected_maximum(10**6, "approximate"), rel=3e-3)


def test_more_trials_mean_a_higher_and_tighter_maximum() -> None:
    counts = [1, 2, 3, 5, 10, 50, 1000, 10**5]
    assert (np.diff([expected_maximum(n) for n in counts]) > 0).all()
    assert (np.diff([variance_of_maximum(n) for n in counts]) < 0).all()


def test_the_deflated_sharpe_falls_with_the_number_and_the_spread_of_trials() -> None:
    def dsr(variance: float, count: int) -> float:
        return deflated_sharpe(0.1, 1000, 0.0, 3.0, Trials(variance, count)).probability

    assert dsr(1e-3, 1) == probabilistic_sharpe(0.1, 1000, 0.0, 3.0)
    assert dsr(1e-3, 2) > dsr(1e-3, 10) > dsr(2e-3, 10) > dsr(2e-3, 100)


def test_trials_of_a_family_are_its_variance_and_its_count() -> None:
    family = Trials.of([0.0, 0.1, 0.2])
    assert (family.variance, family.count) == (pytest.approx(0.01), 3)
    with pytest.raises(ValidationError):
        Trials.of([0.1])
    with pytest.raises(ValidationError, match="negative"):
        Trials(-1.0, 3)


def test_the_backtest_length_shrinks_with_the_square_of_the_target() -> None:
    assert minimum_backtest_length(10, 0.5) == pytest.approx(4 * minimum_backtest_length(10, 1.0))
    assert minimum_backtest_length(1, 0.5) == 0.0


@pytest.mark.parametrize(
    ("returns", "message"),
    [([1.0], "at least 2"), ([1.0, 1.0, 1.0], "constant"), ([1.0, math.nan], "row 1"), ([[1.0], [2.0]], "dimension")],
)
def test_a_series_without_a_sharpe_ratio_is_refused(returns: list[float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        sharpe(returns)


def test_excess_kurtosis_is_recognised_and_refused() -> None:
    with pytest.raises(ValidationError, match="raw kurtosis"):
        probabilistic_sharpe(0.1, 100, 0.0, 0.0)
