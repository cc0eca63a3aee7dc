from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from arena.errors import ValidationError
from arena.validation.bets import binomial_test
from arena.validation.sharpe_null import null_variance_test
from arena.validation.skill import edge_posterior, false_discovery_rate, win_rate_posterior


def test_the_discovery_rates_are_those_of_the_authors_unit_tests() -> None:
    assert false_discovery_rate(0.05, 1 - 0.315, 0.05).rate == pytest.approx(0.581, abs=6e-4)
    sr, fund = 0.036 / 0.079, (24, -2.448, 10.164)
    p0, p1 = (null_variance_test(sr, *fund, benchmark=b).p_value for b in (0.0, 0.5))
    observed = false_discovery_rate(p0, p1, 0.05)
    assert observed.rate == pytest.approx(0.306, abs=6e-4)
    assert observed.probability_of_skill == pytest.approx(0.694, abs=6e-4)


def test_the_planned_rate_is_the_formula_written_as_odds() -> None:
    assert false_discovery_rate(0.05, 0.8).rate == pytest.approx(1 / (1 + 0.8 * 0.05 / (0.05 * 0.95)))
    assert false_discovery_rate(0.05, 0.8).prior == 0.05


def test_the_rate_is_the_share_of_unskilled_among_simulated_discoveries() -> None:
    rng = np.random.default_rng(1)
    skilled = rng.random(400_000) < 0.1
    wins = rng.binomial(400, np.where(skilled, 0.56, 0.5))
    found = wins >= 217
    size, power = (binomial_test(217, 400, w).p_value for w in (0.5, 0.56))
    assert false_discovery_rate(size, power, 0.1).rate == pytest.approx((~skilled)[found].mean(), abs=0.01)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 0.5), st.floats(0.01, 1.0), st.floats(0.01, 0.9))
def test_more_power_or_a_better_prior_makes_discoveries_more_trustworthy(size: float, power: float, pi: float) -> None:
    base = false_discovery_rate(size, power, pi).rate
    assert 0.0 <= base <= 1.0
    assert false_discovery_rate(size, min(1.0, 1.1 * power), pi).rate <= base
    assert false_discovery_rate(size, power, pi + 0.05).rate <= base
    assert false_discovery_rate(size, size, pi).rate == pytest.approx(1 - pi)


def test_before_the_first_bet_the_sceptic_believes_the_price() -> None:
    belief = win_rate_posterior(0, 0, 0.5)
    assert (belief.probability, belief.mean) == (pytest.approx(0.5), 0.0)
    assert edge_posterior([1, 0], [0.5, 0.5]).probability == pytest.approx(0.5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.02, 0.98), st.floats(1.0, 1000.0))
def test_the_belief_about_a_win_rate_is_a_beta_law(wins: int, losses: int, price: float, weight: float) -> None:
    ours = win_rate_posterior(wins, wins + losses, price, weight)
    beta = stats.beta(weight * price + wins, weight * (1 - price) + losses)
    assert ours.probability == pytest.approx(beta.sf(price), abs=1e-10)
    assert (ours.mean, ours.deviation) == pytest.approx((beta.mean() - price, beta.std()), abs=1e-10)


def test_the_sceptics_weight_holds_back_a_lucky_start() -> None:
    """Twelve wins in twelve even bets: 99.98 % by the p-value, but only 12 of 212 bets of evidence."""
    believer, sceptic = (win_rate_posterior(12, 12, 0.5, weight).probability for weight in (2.0, 200.0))
    assert 1 - binomial_test(12, 12, 0.5).p_value > 0.9997
    assert believer > 0.9998
    assert sceptic == pytest.approx(0.795, abs=0.002)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.02, 0.98), st.integers(0, 1)), min_size=1, max_size=60),
    st.sampled_from([0.05, 0.3, 2.0]),
)
def test_the_edge_posterior_is_bayes_theorem_on_a_fine_grid(bets: list[tuple[float, int]], deviation: float) -> None:
    price, won = (np.array(column) for column in zip(*bets, strict=True))
    ours = edge_posterior(won, price, deviation)

    def density(edge: np.ndarray) -> np.ndarray:
        odds = np.exp(np.log(price / (1 - price)) + edge[:, None])
        win = odds / (1 + odds)
        return np.prod(np.where(won == 1, win, 1 - win), axis=1) * stats.norm.pdf(edge, scale=deviation)

    right, left = np.linspace(0, 10 * deviation, 8001), np.linspace(-10 * deviation, 0, 8001)
    above, below = (integrate.simpson(density(side), x=side) for side in (right, left))
    assert ours.probability == pytest.approx(above / (above + below), abs=1e-8)


def test_evidence_from_many_bets_overwhelms_the_prior() -> None:
    rng = np.random.default_rng(2)
    price = rng.choice([0.2, 0.5, 0.8], size=50_000)
    odds = price / (1 - price) * math.exp(0.1)
    belief = edge_posterior(rng.random(price.size) < odds / (1 + odds), price)
    assert belief.probability > 1 - 1e-9
    assert belief.mean == pytest.approx(0.1, abs=4 * belief.deviation)
    assert belief.deviation == pytest.approx(1 / math.sqrt((price * (1 - price)).sum() + 400), rel=0.02)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.05, 0.95), min_size=2, max_size=30))
def test_only_the_number_of_wins_matters_and_more_wins_mean_more_belief(price: list[float]) -> None:
    first, last = np.zeros(len(price)), np.zeros(len(price))
    first[0] = last[-1] = 1
    assert edge_posterior(first, price).probability == pytest.approx(edge_posterior(last, price).probability, abs=1e-12)
    assert edge_posterior(first + (first == 0), price).probability > edge_posterior(first, price).probability


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: false_discovery_rate(0.05, 1.2), "row 1"),
        (lambda: false_discovery_rate(0.0, 0.0), "impossible"),
        (lambda: false_discovery_rate(0.05, 0.8, 0.0), "prior"),
        (lambda: win_rate_posterior(3, 2, 0.5), "only 2"),
        (lambda: win_rate_posterior(1, 2, 0.5, 0.0), "weight"),
        (lambda: edge_posterior([1, 2], [0.5, 0.5]), "row 1"),
        (lambda: edge_posterior([1, 0], [0.5, 1.0]), "row 1"),
        (lambda: edge_posterior([1], [0.5], 0.0), "deviation"),
        (lambda: edge_posterior([], []), "at least 1"),
    ],
)
def test_beliefs_without_a_basis_are_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        call()
