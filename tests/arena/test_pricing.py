from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from arena.pricing import digital_up, kelly_fraction, log_growth, norm_cdf, twap_digital_up, twap_variance_s
from arena.units import YEAR_S

probabilities = st.floats(0.01, 0.99)
sigmas = st.floats(0.05, 3.0)
moves = st.floats(-0.01, 0.01)


@pytest.mark.parametrize("x", [-8.0, -3.0, -1.0, 0.0, 0.3, 1.0, 2.5, 8.0])
def test_the_normal_distribution_function_is_scipys(x: float) -> None:
    assert norm_cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)


# Worked figures of the seed's notes (section 25): year of 31,536,000 s, rate 0.045, rounded to three places.


@pytest.mark.parametrize(("sigma", "fair"), [(0.30, 0.803), (0.45, 0.715), (0.65, 0.653), (1.00, 0.601)])
def test_spot_five_bps_above_the_strike_with_two_minutes_left(sigma: float, fair: float) -> None:
    assert digital_up(100.05, 100.0, sigma, 120.0, 0.045) == pytest.approx(fair, abs=6e-4)


@pytest.mark.parametrize(("seconds", "excess"), [(300, 0.057), (120, 0.090), (60, 0.126), (15, 0.240)])
def test_spot_two_bps_above_the_strike_at_volatility_45(seconds: int, excess: float) -> None:
    assert digital_up(100.02, 100.0, 0.45, seconds, 0.045) - 0.5 == pytest.approx(excess, abs=6e-4)


@pytest.mark.parametrize(("probability", "price", "fraction"), [(0.63, 0.50, 0.26), (0.582, 0.50, 0.164)])
def test_kelly_of_the_worked_figures(probability: float, price: float, fraction: float) -> None:
    assert kelly_fraction(probability, price) == pytest.approx(fraction, abs=1e-12)


@pytest.mark.parametrize(
    ("seconds", "variance", "ratio"),
    [(300, 260, 0.93), (120, 80, 0.82), (60, 20, 0.58), (30, 2.5, 0.29), (15, 0.31, 0.14), (5, 0.012, 0.05)],
)
def test_the_variance_of_a_sixty_second_average(seconds: float, variance: float, ratio: float) -> None:
    """Venue notes, section 3.4, as rounded there."""
    assert twap_variance_s(seconds, 60.0) == pytest.approx(variance, rel=0.04)
    assert math.sqrt(twap_variance_s(seconds, 60.0) / seconds) == pytest.approx(ratio, abs=0.01)


def test_the_variance_of_the_average_is_continuous_where_averaging_begins() -> None:
    assert twap_variance_s(60.0 - 1e-9, 60.0) == pytest.approx(twap_variance_s(60.0, 60.0), rel=1e-9)
    assert twap_variance_s(60.0, 60.0) == pytest.approx(20.0, rel=1e-12)


def test_without_averaging_the_variance_is_the_time_left() -> None:
    assert twap_variance_s(77.0, 0.0) == 77.0
    assert twap_variance_s(-1.0, 0.0) == twap_variance_s(-1.0, 60.0) == 0.0


def simulated_up(spot: float, strike: float, sigma: float, left: int, w: int, known: float) -> tuple[float, float]:
    """Share of simulated paths whose settlement average ends at or above the strike, and its standard error.

    Four steps a second; the average takes the midpoint-rule mean over the part of the last ``w`` seconds still to come.
    """
    rng = np.random.default_rng(left * 1000 + w)
    n, per_s = 20_000, 4
    step = sigma * math.sqrt(1.0 / (YEAR_S * per_s))
    ahead = min(left, w) * per_s
    hits = 0
    for _ in range(3):
        start = rng.normal(0.0, step * math.sqrt(max(left * per_s - ahead, 0)), n)
        path = start[:, None] + np.cumsum(rng.normal(0.0, step, (n, ahead)), axis=1)
        path = 0.5 * (path + np.column_stack([start, path[:, :-1]]))
        coming = spot * np.exp(path).mean(axis=1)
        average = (known * (w - ahead / per_s) + coming * (ahead / per_s)) / w
        hits += int((average >= strike).sum())
    p = hits / (3 * n)
    return p, math.sqrt(p * (1 - p) / (3 * n))


@pytest.mark.parametrize(
    ("left", "w", "known"),
    [
        (120, 60, 0.0),
        (61, 60, 0.0),
        (60, 60, 100.0),
        (45, 60, 99.99),
        (20, 60, 100.01),
        (5, 60, 99.9995),
        (35, 30, 0.0),
        (12, 30, 100.004),
    ],
)
def test_the_average_digital_agrees_with_simulation(left: int, w: int, known: float) -> None:
    """Within four standard errors (at most 0.0082), plus 0.0005 for the step; no drift is simulated or priced."""
    spot, strike = 100.01, 100.0
    simulated, error = simulated_up(spot, strike, 0.5, left, w, known)
    assert 0.02 < simulated < 0.98
    assert twap_digital_up(spot, strike, 0.5, left, w, known) == pytest.approx(simulated, abs=4 * error + 5e-4)


def test_inside_the_average_the_known_part_dominates() -> None:
    """Five seconds from the end, 55 reports a hair above the strike decide against a spot well below it."""
    assert twap_digital_up(99.95, 100.0, 0.5, 5.0, 60.0, 100.02) > 0.99
    assert digital_up(99.95, 100.0, 0.5, 5.0, 0.0) < 0.05


def test_a_tie_pays_up_when_nothing_is_left_to_happen() -> None:
    assert digital_up(100.0, 100.0, 0.5, 0.0, 0.045) == 1.0
    assert digital_up(99.999, 100.0, 0.5, 0.0, 0.045) == 0.0
    assert twap_digital_up(5.0, 100.0, 0.5, 0.0, 60.0, 100.0) == 1.0
    assert twap_digital_up(500.0, 100.0, 0.5, 0.0, 60.0, 99.999) == 0.0


@given(moves, sigmas, st.floats(0.5, 3600))
def test_without_averaging_both_digitals_agree_at_zero_rate(move: float, sigma: float, left: float) -> None:
    spot = 100.0 * math.exp(move)
    assert twap_digital_up(spot, 100.0, sigma, left, 0.0, math.nan) == pytest.approx(
        digital_up(spot, 100.0, sigma, left, 0.0), abs=1e-12
    )


@given(moves, moves, sigmas, st.floats(0.5, 300), st.sampled_from([0.0, 30.0, 60.0]))
def test_a_higher_spot_never_lowers_up(a: float, b: float, sigma: float, left: float, w: float) -> None:
    low, high = sorted((100.0 * math.exp(a), 100.0 * math.exp(b)))
    assert twap_digital_up(low, 100.0, sigma, left, w, 100.0) <= twap_digital_up(high, 100.0, sigma, left, w, 100.0)
    assert digital_up(low, 100.0, sigma, left, 0.045) <= digital_up(high, 100.0, sigma, left, 0.045)


@given(moves, sigmas, st.floats(0.5, 300))
def test_up_plus_down_of_the_mirrored_move_is_one_but_for_half_the_variance(
    move: float, sigma: float, left: float
) -> None:
    """N(d2) at +x and at -x add to one when the median, not the mean, sits at the strike."""
    half = 0.5 * sigma * sigma * left / YEAR_S
    above = digital_up(100.0 * math.exp(move + half), 100.0, sigma, left, 0.0)
    below = digital_up(100.0 * math.exp(-move + half), 100.0, sigma, left, 0.0)
    assert above + below == pytest.approx(1.0, abs=1e-9)


@given(moves, sigmas, st.floats(0.5, 300), st.floats(0.5, 2.0))
def test_only_the_ratio_of_spot_to_strike_matters(move: float, sigma: float, left: float, scale: float) -> None:
    spot = 100.0 * math.exp(move)
    assert digital_up(spot * scale, 100.0 * scale, sigma, left, 0.045) == pytest.approx(
        digital_up(spot, 100.0, sigma, left, 0.045), abs=1e-7
    )


@pytest.mark.parametrize(
    "changed", [{"spot": 100.02}, {"strike": 100.02}, {"sigma": 0.5}, {"seconds_left": 60.0}, {"rate": 0.2}]
)
def test_every_argument_of_the_spot_digital_matters(changed: dict[str, float]) -> None:
    usual = {"spot": 100.01, "strike": 100.0, "sigma": 0.4, "seconds_left": 120.0, "rate": 0.0}
    assert digital_up(**usual) != digital_up(**(usual | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"spot": 100.02},
        {"strike": 100.02},
        {"sigma": 0.5},
        {"seconds_left": 20.0},
        {"lookback_s": 45.0},
        {"known_mean": 100.01},
    ],
)
def test_every_argument_of_the_average_digital_matters(changed: dict[str, float]) -> None:
    usual = {
        "spot": 100.01,
        "strike": 100.0,
        "sigma": 0.4,
        "seconds_left": 30.0,
        "lookback_s": 60.0,
        "known_mean": 100.0,
    }
    assert twap_digital_up(**usual) != twap_digital_up(**(usual | changed))


@given(probabilities, probabilities)
def test_kelly_maximises_log_growth(probability: float, cost: float) -> None:
    best = kelly_fraction(probability, cost)
    top = log_growth(probability, cost, best)
    for fraction in np.linspace(0.0, 0.999, 97):
        assert log_growth(probability, cost, fraction) <= top + 1e-12


def test_a_share_that_costs_a_dollar_is_never_bought() -> None:
    assert kelly_fraction(1.0, 1.0) == kelly_fraction(0.99, 1.2) == 0.0


def test_staking_everything_on_an_uncertain_bet_is_ruin() -> None:
    assert log_growth(0.9, 0.5, 1.0) == -math.inf
    assert log_growth(1.0, 0.5, 1.0) == pytest.approx(math.log(2.0))
    assert log_growth(0.9, 0.5, 0.0) == 0.0
