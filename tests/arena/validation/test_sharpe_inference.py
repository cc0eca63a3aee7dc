from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from arena.errors import ValidationError
from arena.validation.bets import binomial_test, two_point
from arena.validation.sharpe import moments, sharpe
from arena.validation.sharpe_exact import exact_cdf, exact_interval, exact_p_value, exact_power
from arena.validation.sharpe_inference import minimum_track_record, normal_interval, probabilistic_sharpe
from arena.validation.sharpe_null import (
    null_variance_critical,
    null_variance_power,
    null_variance_test,
    null_variance_track_record,
)

FUND = (-2.448, 10.164)  # skew and kurtosis of the example in both papers
FUND_SHARPE = 0.036 / 0.079


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


def test_excess_kurtosis_is_recognised_and_refused() -> None:
    with pytest.raises(ValidationError, match="raw kurtosis"):
        probabilistic_sharpe(0.1, 100, 0.0, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=8, max_size=40).filter(lambda v: np.ptp(v) > 0.1), st.floats(1e-3, 1e3))
def test_inference_does_not_depend_on_the_unit_of_the_returns(values: list[float], scale: float) -> None:
    def answers(x: np.ndarray) -> list[float]:
        m = moments(x)
        shape = (m.count, m.skew, m.kurtosis)
        return [null_variance_test(m.sharpe, *shape).p_value, exact_p_value(m.sharpe, m.count)]

    assert answers(scale * np.array(values)) == pytest.approx(answers(np.array(values)), abs=1e-9)


def test_excess_kurtosis_shortens_the_track_record_of_a_monthly_fund() -> None:
    """Where the moments still fit each other the mistake shows only in the figure: 59.9 months become 51.8."""
    sr, benchmark, skew = 2 / math.sqrt(12), 1 / math.sqrt(12), -0.72
    assert minimum_track_record(sr, skew, 5.78, benchmark) == pytest.approx(59.895, abs=6e-4)
    assert minimum_track_record(sr, skew, 2.78, benchmark) == pytest.approx(51.8, abs=0.06)
    with pytest.raises(ValidationError, match="raw kurtosis"):
        minimum_track_record(sr, skew, 1.5, benchmark)


def test_an_annual_benchmark_is_not_one_per_observation() -> None:
    right = probabilistic_sharpe(0.1, 1000, 0.0, 3.0, benchmark=0.5 / math.sqrt(252))
    assert right > 0.98
    assert probabilistic_sharpe(0.1, 1000, 0.0, 3.0, benchmark=0.5) < 1e-6


def test_a_variance_that_is_not_positive_is_refused_instead_of_giving_nan() -> None:
    with pytest.raises(ValidationError, match="not positive"):
        probabilistic_sharpe(2.0, 100, 1.0, 2.0)


@pytest.mark.parametrize(
    ("rho", "pfdr", "ofdr"), [(0.0, 0.543, 0.173), (0.2, 0.571, 0.361)]
)  # the paper's numeric example
def test_the_discoveries_of_the_2025_example_are_as_printed(rho: float, pfdr: float, ofdr: float) -> None:
    from arena.validation.skill import false_discovery_rate

    power = null_variance_power(0.5, 24, *FUND, alpha=0.1, rho=rho)
    assert false_discovery_rate(0.1, power, 0.1).rate == pytest.approx(pfdr, abs=6e-4)
    null = null_variance_test(FUND_SHARPE, 24, *FUND, rho=rho).p_value
    skilled = null_variance_test(FUND_SHARPE, 24, *FUND, benchmark=0.5, rho=rho).p_value
    assert false_discovery_rate(null, skilled, 0.1).rate == pytest.approx(ofdr, abs=6e-4)


def test_the_2025_family_has_the_values_of_its_authors_unit_tests() -> None:
    assert null_variance_track_record(FUND_SHARPE, *FUND) == pytest.approx(13.029, abs=6e-4)
    assert 1 - null_variance_power(0.5, 24, *FUND) == pytest.approx(0.315, abs=6e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 0.3), st.floats(-1.5, 1.5), st.floats(-0.5, 0.5), st.integers(20, 5000))
def test_the_critical_sharpe_ratio_is_where_the_p_value_is_alpha(
    benchmark: float, skew: float, rho: float, count: int
) -> None:
    kurtosis = skew**2 + 3
    critical = null_variance_critical(count, skew, kurtosis, benchmark=benchmark, alpha=0.05, rho=rho)
    found = null_variance_test(critical, count, skew, kurtosis, benchmark=benchmark, rho=rho)
    assert found.p_value == pytest.approx(0.05, rel=1e-9)
    at_null = null_variance_power(benchmark, count, skew, kurtosis, benchmark=benchmark, rho=rho)
    assert at_null == pytest.approx(0.05, rel=1e-9)


def test_the_2025_track_record_is_where_its_test_rejects_and_is_not_that_of_2012() -> None:
    need = null_variance_track_record(0.1, -0.5, 4.0, benchmark=0.02, confidence=0.9)
    below, above = (
        null_variance_test(0.1, n, -0.5, 4.0, benchmark=0.02).p_value for n in (math.floor(need), math.ceil(need))
    )
    assert above <= 0.1 < below
    assert abs(minimum_track_record(0.1, -0.5, 4.0, 0.02, 0.9) - need) > 1
    assert null_variance_track_record(0.02, -0.5, 4.0, benchmark=0.02) == math.inf


@pytest.mark.parametrize(
    ("price", "bets", "exact", "psr", "null"),
    [(0.5, 1000, 0.047, 0.047, 0.053), (0.05, 500, 0.045, 0.045, 0.030),
     (0.8, 500, 0.039, 0.050, 0.064), (0.95, 500, 0.034, 0.034, 0.087)],
)  # fmt: skip
def test_sharpe_tests_of_fair_bets_have_the_sizes_of_the_specification(
    price: float, bets: int, exact: float, psr: float, null: float
) -> None:
    rates = np.zeros(3)
    for wins in range(1, bets):
        t, chance = two_point(wins / bets, price), stats.binom.pmf(wins, bets, price)
        rates += chance * np.array([
            binomial_test(wins, bets, price).p_value <= 0.05,
            probabilistic_sharpe(t.sharpe, bets, t.skew, t.kurtosis) > 0.95,
            null_variance_test(t.sharpe, bets, t.skew, t.kurtosis).p_value < 0.05,
        ])  # fmt: skip
    np.testing.assert_allclose(rates, [exact, psr, null], atol=6e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1.5, 1.5), st.integers(2, 3000), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_exact_interval_ends_where_the_estimate_is_in_a_tail(sr: float, count: int, level: float) -> None:
    i = exact_interval(sr, count, level)
    assert i.lower < sr < i.upper
    assert exact_p_value(sr, count, i.lower) == pytest.approx((1 - level) / 2, rel=1e-6)
    assert exact_cdf(sr, count, i.upper) == pytest.approx((1 - level) / 2, rel=1e-6)


def test_the_exact_interval_of_many_rows_is_the_normal_one() -> None:
    exact, normal = exact_interval(0.2, 100_000), normal_interval(0.2, math.sqrt(1.02 / 100_000))
    assert (exact.lower, exact.upper) == pytest.approx((normal.lower, normal.upper), abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.1, 0.3), st.integers(2, 500))
@example(5e-324, 2)
def test_the_exact_tails_add_up_and_equal_scipy(sr: float, count: int) -> None:
    assert exact_cdf(sr, count, 0.1) + exact_p_value(sr, count, 0.1) == pytest.approx(1.0, abs=1e-9)
    root = math.sqrt(count)
    assert exact_cdf(sr, count, 0.1) == pytest.approx(stats.nct.cdf(sr * root, count - 1, 0.1 * root), abs=1e-8)


def test_the_exact_power_rises_from_alpha_with_the_edge_and_the_length() -> None:
    assert exact_power(0.0, 50) == pytest.approx(0.05, abs=1e-9)
    assert exact_power(0.1, 50) < exact_power(0.2, 50) < exact_power(0.2, 100)


def test_exact_p_values_of_normal_noise_are_uniform() -> None:
    rng = np.random.default_rng(101)
    p = [exact_p_value(sharpe(rng.normal(size=8)), 8) for _ in range(3000)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_exact_p_values_at_the_truth_are_uniform() -> None:
    rng = np.random.default_rng(102)
    p = [exact_p_value(sharpe(rng.normal(0.5, 1.0, size=12)), 12, benchmark=0.5) for _ in range(3000)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_negative_error_or_an_impossible_level_is_refused() -> None:
    with pytest.raises(ValidationError, match="negative"):
        normal_interval(0.1, -0.1)
    with pytest.raises(ValidationError, match="level"):
        exact_interval(0.1, 10, 1.0)
    with pytest.raises(ValidationError, match="count"):
        exact_cdf(0.1, 1)
