from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from arena.errors import ValidationError
from arena.validation.dependence import design_effect, effective_bets, hac_ratio, runs_test


def test_copies_in_a_slot_count_once() -> None:
    values = np.random.default_rng(0).normal(size=50)
    d = design_effect(np.repeat(values, 4), np.repeat(np.arange(50), 4))
    assert (d.correlation, d.effect) == pytest.approx((1.0, 4.0))
    assert (d.bets, d.slots) == (200, 50)


def test_the_correlation_of_a_table_worked_by_hand() -> None:
    # Slot means 2, 5, 11, grand mean 6; B = 2(16+1+25)/2 = 42, W = (2+2+2)/3 = 2; (42-2)/(42+2) = 10/11.
    d = design_effect([1, 3, 4, 6, 10, 12], [0, 0, 1, 1, 2, 2])
    assert d.correlation == pytest.approx(10 / 11)
    assert d.effect == pytest.approx(21 / 11)


def test_the_size_of_a_slot_is_that_of_a_typical_bet() -> None:
    # Slots of 1 and 3 bets: typical size 10/4, n0 = 4 - 10/4 = 1.5; B = 12, W = 1: 11/12.5.
    d = design_effect([4, -1, 0, 1], [0, 1, 1, 1])
    assert d.correlation == pytest.approx(11 / 12.5)
    assert d.effect == pytest.approx(1 + 1.5 * 11 / 12.5)


def test_bets_that_offset_each_other_have_an_effect_below_one() -> None:
    values = np.random.default_rng(0).normal(size=50)
    d = design_effect(np.column_stack((values, -values)).ravel(), np.repeat(np.arange(50), 2))
    assert (d.correlation, d.effect) == pytest.approx((-1.0, 0.0))


def test_the_correlation_is_that_of_a_random_effects_model() -> None:
    mixed = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    rng = np.random.default_rng(2)
    slot = np.repeat(np.arange(80), 5)
    values = rng.normal(size=80)[slot] + rng.normal(size=400)
    fit = mixed.MixedLM(values, np.ones((400, 1)), slot).fit(reml=True)
    between = float(np.asarray(fit.cov_re)[0, 0])
    assert design_effect(values, slot).correlation == pytest.approx(between / (between + fit.scale), abs=1e-4)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=3, max_size=40), st.floats(0.1, 10))
def test_the_design_effect_has_no_unit_and_no_order(rows: list[tuple[int, int]], scale: float) -> None:
    slot, won = np.array(rows).T
    try:
        d = design_effect(won, slot)
    except ValidationError:
        assert np.unique(slot).size == 1 or np.unique(won).size == 1
        return
    order = np.random.default_rng(0).permutation(slot.size)
    again = design_effect(scale * won[order] + 7, slot[order])
    assert (again.correlation, again.effect) == pytest.approx((d.correlation, d.effect), abs=1e-6)
    assert d.correlation <= 1 + 1e-12
    assert math.isfinite(d.effect)


@pytest.mark.parametrize(("wins", "losses"), [(1, 2), (2, 2), (3, 4), (5, 2), (4, 4)])
def test_the_distribution_of_runs_is_that_of_all_orders(wins: int, losses: int) -> None:
    orders = set(permutations([1] * wins + [0] * losses))
    counts = Counter(1 + sum(a != b for a, b in pairwise(o)) for o in orders)
    assert sum(r * c for r, c in counts.items()) / len(orders) == pytest.approx(2 * wins * losses / (wins + losses) + 1)
    for order in orders:
        test = runs_test(order)
        few = sum(c for r, c in counts.items() if r <= test.runs) / len(orders)
        many = sum(c for r, c in counts.items() if r >= test.runs) / len(orders)
        assert (test.p_clustered, test.p_alternating) == pytest.approx((few, many))
        assert test.p_value == pytest.approx(min(1, 2 * min(few, many)))


@pytest.mark.parametrize(("runs", "probability"), [(6, 0.019), (7, 0.051), (8, 0.128)])
def test_ten_wins_and_ten_losses_have_the_tail_of_the_published_table(runs: int, probability: float) -> None:
    # Swed & Eisenhart (1943), n1 = n2 = 10.
    order = [0] * (11 - (runs + 1) // 2) + [1] * (11 - runs // 2) + [k % 2 for k in range(runs - 2)]
    assert (sum(order), len(order)) == (10, 20)
    test = runs_test(order)
    assert test.runs == runs
    assert test.p_clustered == pytest.approx(probability, abs=5e-4)


def test_the_normal_score_is_that_of_statsmodels() -> None:
    runs = pytest.importorskip("statsmodels.sandbox.stats.runs")
    won = (np.random.default_rng(4).random(200) < 0.4).astype(int)
    z, _ = runs.runstest_1samp(won, cutoff=0.5, correction=False)
    assert runs_test(won).z_score == pytest.approx(z)


def test_the_p_value_of_independent_bets_is_uniform() -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(1_500):
        test = runs_test((rng.random(120) < 0.45).astype(int))
        point = test.p_clustered + test.p_alternating - 1.0
        found.append(test.p_clustered - rng.random() * point)
    assert kstest(found, "uniform").pvalue > 0.001


def test_streaks_are_found_and_a_million_bets_are_no_burden() -> None:
    rng = np.random.default_rng(6)
    regime = np.repeat(rng.random(200) < 0.5, 5)
    streaks = (rng.random(1000) < np.where(regime, 0.7, 0.3)).astype(int)
    assert runs_test(streaks).p_clustered < 1e-3 < runs_test(streaks).p_alternating
    many = runs_test((rng.random(1_000_000) < 0.5).astype(int))
    assert 1e-3 < many.p_clustered < 1 - 1e-3


@pytest.mark.parametrize("won", [[1, 1, 1], [0, 0, 0], [0, 1], [1]])
def test_runs_need_wins_and_losses(won: list[int]) -> None:
    with pytest.raises(ValidationError, match="bets won"):
        runs_test(won)


def test_the_hac_ratio_is_the_sum_of_bartlett_weighted_autocorrelations() -> None:
    # Deviations 1, 1, -1, -1: autocorrelations 1/4 and -1/2; 1 + 2 (2/3) / 4 - 2 (1/3) / 2 = 1.
    assert hac_ratio([3, 3, 1, 1], lags=0) == 1.0
    assert hac_ratio([3, 3, 1, 1], lags=1) == pytest.approx(1.25)
    assert hac_ratio([3, 3, 1, 1], lags=2) == pytest.approx(1.0)


def test_the_hac_ratio_of_an_autoregression_approaches_its_closed_form() -> None:
    rng = np.random.default_rng(7)
    e, x = rng.normal(size=40_000), np.zeros(40_000)
    for t in range(1, x.size):
        x[t] = 0.5 * x[t - 1] + e[t]
    assert hac_ratio(x, 80) == pytest.approx(1.5 / 0.5, rel=0.1)
    assert hac_ratio(e) == pytest.approx(1.0, abs=0.1)


def test_independent_bets_keep_their_number() -> None:
    values = np.random.default_rng(8).normal(size=400)
    e = effective_bets(values, np.arange(400))
    assert (e.bets, e.slots, e.design_effect, e.effective) == (400, 400, 1.0, 400.0)
    assert e.hac_ratio < 1.5


def test_same_slot_copies_and_streaks_are_both_taken_off() -> None:
    rng = np.random.default_rng(9)
    slots = np.repeat(rng.normal(size=500), 8)
    e = effective_bets(np.repeat(slots, 3), np.repeat(np.arange(4000), 3), lags=40)
    assert e.design_effect == pytest.approx(3.0, abs=1e-9)
    # A run of 8 has a ratio of 8 less the triangular weights within 40 lags.
    assert e.hac_ratio == pytest.approx(8 - 2 * sum((1 - k / 8) * k / 41 for k in range(1, 8)), rel=0.15)
    assert e.effective == pytest.approx(12_000 / (3 * e.hac_ratio))


def test_alternation_does_not_lengthen_the_sample() -> None:
    values = np.tile([1.0, -1.0], 100) + np.random.default_rng(10).normal(size=200)
    e = effective_bets(values, np.arange(200))
    assert e.hac_ratio < 0.8
    assert e.effective == 200


@pytest.mark.parametrize(
    ("values", "slot", "message"),
    [
        ([1.0, 2.0], [0, 0], "share one slot"),
        ([1.0, 1.0, 1.0], [0, 0, 1], "every value"),
        ([1.0, 2.0, 3.0], [0, 1], "shape"),
        ([1.0, math.nan, 3.0], [0, 1, 1], "row 1"),
        ([1.0, 2.0, 3.0], [0, math.nan, 1], "slot is missing in row 1"),
        ([1.0], [0], "at least 2"),
    ],
)
def test_undefined_dependence_is_refused(values: list[float], slot: list[float], message: str) -> None:
    for function in (design_effect, effective_bets):
        with pytest.raises(ValidationError, match=message):
            function(values, slot)


def test_a_constant_series_has_no_hac_ratio() -> None:
    with pytest.raises(ValidationError, match="no variance"):
        hac_ratio([0.1] * 5)
    with pytest.raises(ValidationError, match="smaller than"):
        hac_ratio([0.0, 1.0], lags=2)
