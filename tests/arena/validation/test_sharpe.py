from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

from arena.errors import ValidationError
from arena.validation.serial import (
    autocorrelations,
    bandwidth_andrews,
    bandwidth_newey_west,
    default_lags,
    long_run_variance,
    standard_error_mean_hac,
)
from arena.validation.sharpe import (
    Cumulants,
    aggregation_factor,
    cumulants,
    moments,
    poisson_annual_sharpe,
    sharpe,
    sharpe_variance,
    standard_error,
    standard_error_ar1,
    standard_error_bao,
    standard_error_hac,
    standard_error_normal,
)

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


@pytest.mark.parametrize(
    ("returns", "message"),
    [([1.0], "at least 2"), ([1.0, 1.0, 1.0], "constant"), ([1.0, math.nan], "row 1"), ([[1.0], [2.0]], "dimension")],
)
def test_a_series_without_a_sharpe_ratio_is_refused(returns: list[float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        sharpe(returns)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=6, max_size=40).filter(lambda v: np.ptp(v) > 1e-3), st.floats(1e-3, 1e3))
def test_cumulants_do_not_depend_on_the_unit(values: list[float], scale: float) -> None:
    x = np.array(values)
    ours, scaled, shifted = cumulants(x), cumulants(scale * x), cumulants(x + 1.0)
    for name in ("skew", "excess_kurtosis", "fifth", "sixth"):
        size = 1 + abs(getattr(ours, name))
        assert getattr(scaled, name) == pytest.approx(getattr(ours, name), abs=1e-6 * size)
        assert getattr(shifted, name) == pytest.approx(getattr(ours, name), abs=1e-4 * size)


def test_the_k_statistics_equal_those_of_scipy() -> None:
    x = np.random.default_rng(3).gamma(2.0, size=60)
    ours, variance = cumulants(x), stats.kstat(x, 2)
    assert ours.skew == pytest.approx(stats.kstat(x, 3) / variance**1.5)
    assert ours.excess_kurtosis == pytest.approx(stats.kstat(x, 4) / variance**2)


def test_the_higher_cumulants_of_an_exponential_are_factorials() -> None:
    """Cumulants of Exp(1) are (r-1)!; k-statistics are unbiased, here averaged before the ratio is taken."""
    rng = np.random.default_rng(5)
    found = np.mean([[c.fifth, c.sixth] for c in (cumulants(rng.exponential(size=50_000)) for _ in range(20))], axis=0)
    np.testing.assert_allclose(found, [24.0, 120.0], rtol=0.1)


def test_bao_agrees_with_mertens_when_there_are_many_rows() -> None:
    c = Cumulants(skew=-1.0, excess_kurtosis=3.0, fifth=-5.0, sixth=10.0)
    mertens = standard_error(0.3, 10**6, -1.0, 6.0, denominator="T")
    assert standard_error_bao(0.3, 10**6, c) == pytest.approx(mertens, rel=1e-5)
    assert standard_error_bao(0.3, 50, c) > standard_error(0.3, 50, -1.0, 6.0, denominator="T")
    with pytest.raises(ValidationError, match="use Mertens"):
        standard_error_bao(1.0, 5, Cumulants(0.0, 0.0, 0.0, 1000.0))


def test_bao_is_the_spread_of_simulated_sharpe_ratios() -> None:
    """Exponential returns less 0.9: cumulants 2, 6, 24, 120, and a true Sharpe ratio of 0.1."""
    rng, count = np.random.default_rng(8), 30
    x = rng.exponential(size=(200_000, count)) - 0.9
    spread = (x.mean(axis=1) / x.std(axis=1, ddof=1)).std()
    bao = standard_error_bao(0.1, count, Cumulants(2.0, 6.0, 24.0, 120.0))
    assert bao == pytest.approx(spread, rel=0.03)
    assert abs(standard_error(0.1, count, 2.0, 9.0, denominator="T") / spread - 1) > 0.05


def test_the_ar1_error_without_dependence_is_mertens() -> None:
    assert standard_error_ar1(0.2, 100, -1.0, 5.0, 0.0) == standard_error(0.2, 100, -1.0, 5.0, denominator="T")


def test_the_ar1_error_of_normal_returns_is_the_spread_of_simulated_sharpe_ratios() -> None:
    rng, rho, count = np.random.default_rng(2), 0.4, 1000
    noise = rng.normal(size=(4000, count + 50)) * math.sqrt(1 - rho * rho)
    x = 0.3 + lfilter([1.0], [1.0, -rho], noise, axis=1)[:, 50:]
    spread = (x.mean(axis=1) / x.std(axis=1)).std()
    assert standard_error_ar1(0.3, count, 0.0, 3.0, rho) == pytest.approx(spread, rel=0.04)


def test_negative_autocorrelation_narrows_the_error_instead_of_being_read_without_its_sign() -> None:
    errors = [standard_error_ar1(0.1, 100, 0.0, 3.0, rho) for rho in (-0.2, 0.0, 0.2)]
    assert errors[0] < errors[1] < errors[2]


def test_dependence_inflates_more_than_the_variance_of_the_mean() -> None:
    """Multiplying the iid variance by (1+rho)/(1-rho) is the known mistake."""
    skewed = sharpe_variance(0.5, -2.0, 9.0, 0.3)
    assert skewed != pytest.approx(1.3 / 0.7 * sharpe_variance(0.5, -2.0, 9.0), rel=0.05)


def test_negative_skew_widens_the_error() -> None:
    """A flipped sign of the skew would narrow it."""
    left, right = (standard_error(0.3, 100, skew, 5.0, denominator="T") for skew in (-1.0, 1.0))
    assert left > standard_error(0.3, 100, 0.0, 5.0, denominator="T") > right


def test_the_error_of_an_annual_sharpe_ratio_is_not_the_annual_error() -> None:
    annual = standard_error(0.1 * math.sqrt(250), 1250, -3.0, 10.0, denominator="T")
    assert annual > 1.5 * math.sqrt(250) * standard_error(0.1, 1250, -3.0, 10.0, denominator="T") / math.sqrt(250)


def test_hac_runs_on_the_influence_of_a_slot_and_not_on_its_return() -> None:
    x = np.random.default_rng(4).exponential(size=500) - 0.5
    on_returns = standard_error_mean_hac(x / x.std(), 5)
    assert abs(standard_error_hac(x, 5) / on_returns - 1) > 0.2


def test_a_bracket_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValidationError, match="not positive"):
        sharpe_variance(2.0, 1.0, 2.0)
    with pytest.raises(ValidationError, match="not positive"):
        sharpe_variance(0.5, 2.0, 5.5, rho=-0.9)
    with pytest.raises(ValidationError, match="rho"):
        sharpe_variance(0.1, 0.0, 3.0, rho=1.0)


@pytest.mark.parametrize(("rho", "factor"), [(-0.2, 4.17), (0.0, 3.46), (0.2, 2.88)])
def test_twelve_months_multiply_the_sharpe_ratio_by_los_factors(rho: float, factor: float) -> None:
    assert aggregation_factor(12, rho ** np.arange(1, 12)) == pytest.approx(factor, abs=0.006)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(1.0, 1e5))
def test_random_even_money_bets_earn_the_root_of_their_number_times_the_edge(win: float, rate: float) -> None:
    per_bet = (2 * win - 1) / math.sqrt(1 - (2 * win - 1) ** 2)
    assert poisson_annual_sharpe(per_bet, rate) == pytest.approx(math.sqrt(rate) * (2 * win - 1), abs=1e-9)


def test_the_annual_sharpe_ratio_of_poisson_betting_is_that_of_simulated_years() -> None:
    rng = np.random.default_rng(6)
    bets = rng.poisson(100.0, size=200_000)
    years = 2.0 * rng.binomial(bets, 0.7) - bets
    assert poisson_annual_sharpe(0.4 / math.sqrt(0.84), 100.0) == pytest.approx(years.mean() / years.std(), rel=0.01)
    with pytest.raises(ValidationError, match="positive"):
        poisson_annual_sharpe(0.1, 0.0)


def test_the_bandwidths_of_noise_are_short_and_those_of_a_persistent_series_long() -> None:
    noise = np.random.default_rng(9).normal(size=2000)
    persistent = lfilter([1.0], [1.0, -0.8], noise)
    for bandwidth in (bandwidth_newey_west, bandwidth_andrews):
        assert bandwidth(persistent) > 3 * bandwidth(noise)
        assert bandwidth(7.0 * persistent + 3.0) == pytest.approx(bandwidth(persistent))
        with pytest.raises(ValidationError, match="constant"):
            bandwidth([1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cumulants([1.0, 2.0, 3.0, 4.0, 5.0]), "at least 6"),
        (lambda: autocorrelations([1.0, math.inf, 2.0], 1), "row 1"),
        (lambda: long_run_variance([1.0, 2.0], 2), "smaller than"),
        (lambda: standard_error_normal(math.nan, 10), "finite"),
        (lambda: aggregation_factor(3, [1.5]), "outside"),
    ],
)
def test_input_without_an_answer_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        call()
