from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from arena.errors import ValidationError
from arena.validation.bets import binomial_test, two_point
from arena.validation.deflation import (
    Trials,
    deflated_sharpe,
    deflated_sharpe_null_variance,
    expected_maximum,
    minimum_backtest_length,
    variance_of_maximum,
)
from arena.validation.multiple import sidak
from arena.validation.sharpe_inference import probabilistic_sharpe

EXAMPLE = (2.5 / math.sqrt(250), 1250, -3.0, 10.0)  # Bailey & Lopez de Prado (2014), per day
FAMILY = Trials(0.5 / 250, 100)


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


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 1000), st.sampled_from(["exact", "approximate"]))
def test_the_expected_maximum_and_the_threshold_rise_with_every_trial(count: int, more: int, method: str) -> None:
    few, many = (expected_maximum(n, method) for n in (count, count + more))  # type: ignore[arg-type]
    assert few < many
    low, high = (
        deflated_sharpe(*EXAMPLE, Trials(0.002, n), method).threshold  # type: ignore[arg-type]
        for n in (count, count + more)
    )
    assert low < high


def test_the_approximate_maximum_is_off_by_the_stated_amounts() -> None:
    ratios = [expected_maximum(n, "approximate") / expected_maximum(n) - 1 for n in (2, 10, 100)]
    np.testing.assert_allclose(ratios, [-0.079, 0.023, 0.009], atol=6e-4)


@pytest.mark.parametrize(("count", "variance"), [(2, 0.6817), (10, 0.3443), (100, 0.1844)])
def test_the_variance_of_the_maximum_shrinks_and_does_not_grow_with_the_logarithm(count: int, variance: float) -> None:
    assert variance_of_maximum(count) == pytest.approx(variance, abs=6e-5)
    assert variance_of_maximum(count) < 1.0 + math.log(count)


def test_the_mean_maximum_is_not_its_asymptote() -> None:
    assert math.sqrt(2 * math.log(100)) == pytest.approx(3.03, abs=6e-3)
    assert expected_maximum(100) == pytest.approx(2.5076, abs=6e-5)


def test_equicorrelated_trials_scale_the_maximum_by_a_root() -> None:
    """Raw variance with the raw count; published code multiplies by 1 - rho and finds 0.769."""
    trials = Trials(1 - 0.5, 10)
    assert deflated_sharpe(0.5, 1000, 0.0, 3.0, trials).threshold == pytest.approx(1.088, abs=6e-4)


def test_an_effective_count_with_the_raw_variance_deflates_too_little() -> None:
    """50 trials with correlation 0.5 are 25.5 effective ones by their mean correlation."""
    raw = deflated_sharpe(0.5, 1000, 0.0, 3.0, Trials(0.5, 50)).threshold
    below, above = (deflated_sharpe(0.5, 1000, 0.0, 3.0, Trials(0.5, n), "approximate").threshold for n in (25, 26))
    assert raw == pytest.approx(1.590, abs=6e-4)  # simulated: 1.589
    assert below < 1.42 < above < 0.9 * raw


def test_the_papers_example_is_reproduced() -> None:
    ours = deflated_sharpe(*EXAMPLE, FAMILY, "approximate")
    assert (ours.threshold, ours.probability) == pytest.approx((0.1132, 0.90040), abs=4e-5)
    assert deflated_sharpe(*EXAMPLE, FAMILY).probability == pytest.approx(0.9054, abs=6e-5)
    at_null = deflated_sharpe_null_variance(*EXAMPLE, FAMILY, "approximate", of_maximum=False)
    assert at_null.probability == pytest.approx(0.9128, abs=2e-4)


def test_the_2025_example_of_ten_trials_is_reproduced() -> None:
    fund = (0.036 / 0.079, 24, -2.448, 10.164)
    ours = deflated_sharpe_null_variance(*fund, Trials(0.1, 10), "approximate", of_maximum=True)
    assert ours.probability == pytest.approx(0.416, abs=6e-4)


def by_hand(
    *, sr: float = EXAMPLE[0], count: float = 1249, skew: float = -3.0, kurt: float = 10.0, threshold: float
) -> float:
    return float(ndtr((sr - threshold) * math.sqrt(count) / math.sqrt(1 - skew * sr + (kurt - 1) / 4 * sr * sr)))


def quantiles(second: float, weight: float = 0.5772156649) -> float:
    return float((1 - weight) * stats.norm.ppf(1 - 1 / 100) + weight * stats.norm.ppf(second))


E100, ROOT = quantiles(1 - 1 / (100 * math.e)), math.sqrt(0.002)
FINGERPRINTS = {  # mistake: (what it gives, by its formula)
    "annual Sharpe ratio and variance": (1.0, by_hand(sr=2.5, threshold=math.sqrt(0.5) * E100)),
    "annual variance": (0.0, by_hand(threshold=math.sqrt(0.5) * E100)),
    "variance without its root": (1.0, by_hand(threshold=0.002 * E100)),
    "skew with the other sign": (0.9813, by_hand(skew=3.0, threshold=ROOT * E100)),
    "weights swapped": (0.9121, by_hand(threshold=ROOT * quantiles(1 - 1 / (100 * math.e), 1 - 0.5772156649))),
    "e over N": (0.9672, by_hand(threshold=ROOT * quantiles(1 - math.e / 100))),
    "variance 1/T": (0.9933, by_hand(threshold=math.sqrt(1 / 1250) * E100)),
    "asymptotic maximum": (0.7388, by_hand(threshold=ROOT * math.sqrt(2 * math.log(100)))),
    "excess kurtosis": (0.9018, by_hand(kurt=7.0, threshold=ROOT * E100)),
    "root of T": (0.90049, by_hand(count=1250, threshold=ROOT * E100)),
}


@pytest.mark.parametrize("mistake", FINGERPRINTS)
def test_no_known_mistake_is_in_our_deflated_sharpe(mistake: str) -> None:
    printed, wrong = FINGERPRINTS[mistake]
    assert wrong == pytest.approx(printed, abs=6e-5)
    ours = deflated_sharpe(*EXAMPLE, FAMILY, "approximate").probability
    assert abs(ours - printed) > 5e-5


def test_excess_kurtosis_in_the_papers_example_is_refused() -> None:
    with pytest.raises(ValidationError, match="raw kurtosis"):
        deflated_sharpe(*EXAMPLE[:3], 7.0, FAMILY)


def test_one_trial_is_not_deflated_in_either_family() -> None:
    ours = deflated_sharpe_null_variance(0.1, 400, 0.0, 3.0, Trials(0.01, 1), of_maximum=True)
    assert (ours.probability, ours.threshold) == (pytest.approx(float(ndtr(2.0))), 0.0)


@pytest.mark.parametrize(
    ("price", "bets", "trials", "exact", "sharpe_z"),
    [(0.5, 1000, 50, 0.042, 0.052), (0.05, 1000, 50, 0.049, 0.013),
     (0.95, 1000, 50, 0.035, 0.168), (0.9, 600, 20, 0.033, 0.123)],
)  # fmt: skip
def test_the_best_of_many_fair_bettors_needs_exact_p_values(
    price: float, bets: int, trials: int, exact: float, sharpe_z: float
) -> None:
    """The family's rates of the specification: each column's number of wins is binomial, columns independent."""
    chance = np.zeros(2)
    for wins in range(bets + 1):
        mass = stats.binom.pmf(wins, bets, price)
        p = [binomial_test(wins, bets, price).p_value]
        inside = 0 < wins < bets
        z = two_point(wins / bets, price).sharpe * math.sqrt(bets) if inside else math.copysign(99.0, wins - 1)
        chance += mass * (np.concatenate([sidak(p, family=trials), sidak([ndtr(-z)], family=trials)]) < 0.05)
    np.testing.assert_allclose(1 - (1 - chance) ** trials, [exact, sharpe_z], atol=6e-4)


@pytest.mark.parametrize(("trials", "years"), [(45, 4.998), (46, 5.036), (7, 1.92)])
def test_five_years_bear_no_more_than_45_trials(trials: int, years: float) -> None:
    target = 1.0
    assert minimum_backtest_length(trials, target, "approximate") == pytest.approx(years, abs=6e-3)
    assert minimum_backtest_length(trials, target) < 2 * math.log(trials) / target**2


def test_the_backtest_length_takes_its_unit_from_the_target() -> None:
    """In years for an annual target, in slots for one per slot: never one with the other."""
    years, days = minimum_backtest_length(45, 1.0), minimum_backtest_length(45, 1.0 / math.sqrt(250))
    assert days == pytest.approx(250 * years)
    with pytest.raises(ValidationError, match="positive"):
        minimum_backtest_length(45, 0.0)
