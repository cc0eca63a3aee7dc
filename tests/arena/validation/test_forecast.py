from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from arena.errors import ValidationError
from arena.validation.bets import kelly
from arena.validation.calibration import (
    calibration_error,
    calibration_fit,
    quantile_edges,
    reliability_curve,
    spiegelhalter,
)
from arena.validation.corp import corp
from arena.validation.forecast import brier, log_loss, log_score_gain, murphy

pairs = st.lists(
    st.tuples(st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.33, 0.5, 0.51, 0.7, 0.9, 1.0]), st.sampled_from([0, 1])),
    min_size=1,
    max_size=80,
).map(lambda rows: np.array(rows, dtype=float).T)


def sample(size: int = 2000, seed: int = 0, tilt: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    q = rng.beta(4, 4, size)
    return q, (rng.random(size) < np.clip(q + tilt, 0, 1)).astype(float)


@settings(max_examples=60, deadline=None)
@given(pairs, st.integers(1, 12), st.sampled_from(["left", "right"]))
def test_the_murphy_terms_add_up_to_the_brier_score(rows: np.ndarray, bins: int, closed: str) -> None:
    q, y = rows
    m = murphy(q, y, bins, closed=closed)  # type: ignore[arg-type]
    assert m.brier == pytest.approx(brier(q, y))
    assert m.reliability - m.generalised_resolution + m.uncertainty == pytest.approx(m.brier, abs=1e-12)
    assert m.counts.sum() == q.size
    assert m.counts @ m.mean_forecast == pytest.approx(q.sum())
    assert m.counts @ m.frequency == pytest.approx(y.sum())
    assert not np.isnan([m.corrected_reliability, m.corrected_resolution, m.corrected_uncertainty]).any()


def test_edges_belong_to_the_side_that_is_closed() -> None:
    q, y = np.array([0.0, 0.5, 0.5, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    assert murphy(q, y, 2, closed="right").counts.tolist() == [3, 1]
    assert murphy(q, y, 2, closed="left").counts.tolist() == [1, 3]


def test_the_corrected_reliability_of_a_calibrated_forecast_is_unbiased() -> None:
    runs = [murphy(*sample(500, seed)) for seed in range(300)]
    assert np.mean([m.reliability for m in runs]) == pytest.approx(0.003391, abs=3.5 * 0.0017 / math.sqrt(300))
    assert np.mean([m.corrected_reliability for m in runs]) == pytest.approx(0.0, abs=3.5 * 0.0017 / math.sqrt(300))


def test_log_loss_is_clipped_at_one_tick() -> None:
    assert log_loss([0.0], [1]) == pytest.approx(-math.log(0.001))
    assert log_loss([0.0], [1], tick=0.01) == pytest.approx(-math.log(0.01))
    assert log_loss([1.0], [1], tick=0.01) == pytest.approx(-math.log(0.99))


def test_a_certain_and_wrong_forecast_costs_infinity_without_a_tick() -> None:
    assert log_loss([0.0, 0.5], [1, 1], tick=0.0) == math.inf
    assert log_loss([0.0, 1.0], [0, 1], tick=0.0) == 0.0
    assert corp([0.0, 0.5], [1, 1], "log", tick=0.0).miscalibration == math.inf
    for tick in (-0.1, 0.5, math.nan):
        with pytest.raises(ValidationError, match="tick"):
            log_loss([0.5], [1], tick=tick)


def test_the_standard_errors_of_the_murphy_terms_are_their_spread_over_samples() -> None:
    runs = [murphy(*sample(500, seed, tilt=0.1)) for seed in range(400)]
    for term in ("reliability", "resolution", "uncertainty"):
        spread = np.std([getattr(m, term) for m in runs])
        assert np.mean([getattr(m, f"{term}_error") for m in runs]) == pytest.approx(spread, rel=0.2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.booleans()), min_size=2, max_size=30))
def test_the_gain_is_the_growth_of_a_full_kelly_bettor(rows: list[tuple[float, float, bool]]) -> None:
    def growth_of(won: bool, belief: float, cost: float) -> float:
        stake = kelly(belief, cost).fraction
        return math.log1p(stake * (1 - cost) / cost) if won else math.log1p(-stake)

    grown = sum(
        growth_of(won, model, price) if model > price else growth_of(not won, 1 - model, 1 - price)
        for model, price, won in rows
    )
    model, price, won = np.array(rows, dtype=float).T
    gain = log_score_gain(model, price, won, np.arange(won.size), np.random.default_rng(0), draws=20).gain
    assert gain == pytest.approx(grown / len(rows), abs=1e-9)


def test_contracts_that_were_clipped_are_counted() -> None:
    q = np.array([0.0, 0.0005, 0.001, 0.5, 0.999, 1.0])
    y, slot = np.array([0, 0, 0, 1, 1, 1]), np.arange(6)

    def clipped(model: np.ndarray, price: np.ndarray, tick: float) -> int:
        return log_score_gain(model, price, y, slot, np.random.default_rng(0), tick=tick, draws=20).clipped

    assert clipped(q, np.full(6, 0.5), 0.001) == clipped(np.full(6, 0.5), q, 0.001) == 3
    assert clipped(q, q, 0.01) == 5
    with pytest.raises(ValidationError, match="tick"):
        clipped(q, q, 0.0)


def test_a_model_equal_to_the_price_gains_nothing() -> None:
    q, y = sample()
    g = log_score_gain(q, q, y, np.arange(q.size) // 4, np.random.default_rng(0), draws=50)
    assert (g.gain, g.lower, g.upper, g.standard_error) == (0.0, 0.0, 0.0, 0.0)
    assert (g.contracts, g.slots) == (2000, 500)


def test_a_better_model_gains_over_the_price_and_a_worse_one_loses() -> None:
    q, y = sample(tilt=0.1)
    better = np.clip(q + 0.1, 0.01, 0.99)
    slots = np.arange(q.size)
    g = log_score_gain(better, q, y, slots, np.random.default_rng(0), draws=300)
    assert 0 < g.lower < g.gain < g.upper
    assert (g.upper - g.lower) / (3.92 * g.standard_error) == pytest.approx(1.0, abs=0.15)
    assert log_score_gain(q, better, y, slots, np.random.default_rng(0), draws=300).upper < 0


def test_contracts_of_one_slot_count_as_one_observation() -> None:
    q, y = sample(500, tilt=0.1)
    q, y = np.repeat(q, 4), np.repeat(y, 4)
    model = np.clip(q + 0.1, 0.01, 0.99)
    together, apart = (
        log_score_gain(model, q, y, slot, np.random.default_rng(0), draws=300)
        for slot in (np.arange(2000) // 4, np.arange(2000))
    )
    assert together.gain == apart.gain
    assert together.standard_error == pytest.approx(2 * apart.standard_error, rel=0.01)
    assert together.upper - together.lower > 1.6 * (apart.upper - apart.lower)


def test_the_gain_weighs_contracts_and_not_slots() -> None:
    slot = np.repeat(np.arange(80), np.where(np.arange(80) % 2, 9, 1))
    y = np.ones(slot.size)
    model = np.where(slot % 2, 0.6, 0.2)
    g = log_score_gain(model, np.full(slot.size, 0.5), y, slot, np.random.default_rng(0), draws=300)
    assert g.gain == pytest.approx(0.9 * math.log(1.2) + 0.1 * math.log(0.4))
    assert g.lower < g.gain < g.upper


def test_the_gain_follows_its_generator_its_block_its_level_and_its_tick() -> None:
    q, y = sample(400, tilt=0.1)
    model, slot = np.clip(q + 0.1, 0.0, 1.0), np.arange(400)

    def gain(seed: int = 0, **options: float) -> tuple[float, float]:
        g = log_score_gain(model, q, y, slot, np.random.default_rng(seed), draws=100, **options)  # type: ignore[arg-type]
        return g.lower, g.upper

    assert gain() == gain()
    assert len({gain(), gain(1), gain(block=5.0), gain(level=0.5), gain(tick=0.2)}) == 5


def test_one_slot_is_not_enough_for_a_gain() -> None:
    with pytest.raises(ValidationError, match="one slot"):
        log_score_gain([0.5, 0.6], [0.5, 0.5], [0, 1], [7, 7], np.random.default_rng(0))


def test_the_consistency_band_holds_calibrated_points_as_often_as_it_says() -> None:
    held = []
    for seed in range(60):
        q, y = sample(1000, seed)
        curve = reliability_curve(q, y, np.random.default_rng(seed), draws=200, level=0.90)
        inside = (curve.lower <= curve.frequency) & (curve.frequency <= curve.upper)
        held.extend(inside[curve.counts > 100])
    assert np.mean(held) == pytest.approx(0.91, abs=0.05)  # counts are whole numbers: a little above 90 %


def test_the_consistency_band_shows_a_tilted_curve() -> None:
    q, y = sample(4000, 3, tilt=0.15)
    curve = reliability_curve(q, y, np.random.default_rng(0), draws=300, level=0.99)
    assert (curve.frequency > curve.upper)[curve.counts > 300].all()


def test_the_band_follows_its_generator_and_its_level() -> None:
    q, y = sample()
    first = reliability_curve(q, y, np.random.default_rng(0))
    assert (first.lower == reliability_curve(q, y, np.random.default_rng(0)).lower).all()
    assert (first.lower != reliability_curve(q, y, np.random.default_rng(1)).lower).any()
    assert (first.upper - first.lower > reliability_curve(q, y, np.random.default_rng(0), level=0.5).upper
            - reliability_curve(q, y, np.random.default_rng(0), level=0.5).lower).all()  # fmt: skip


def test_quantile_bins_hold_equally_many_forecasts() -> None:
    q, y = sample(1000)
    curve = reliability_curve(q, y, np.random.default_rng(0), bins=quantile_edges(q, 8), draws=20)
    assert curve.counts.tolist() == [125] * 8


def test_an_overconfident_forecaster_has_a_slope_below_one() -> None:
    q, y = sample(8000)
    odds = 2.0 * np.log(q / (1 - q)) + 0.4
    fit = calibration_fit(1 / (1 + np.exp(-odds)), y)
    assert fit.slope == pytest.approx(0.5, abs=4 * fit.slope_error)
    assert fit.intercept == pytest.approx(-0.2, abs=4 * fit.intercept_error)
    assert fit.intercept_in_large < 0


@pytest.mark.parametrize(
    ("q", "y", "message"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], "separates"),
        ([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1], "separates"),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], "separates"),
        ([0.1, 0.9], [1, 1], "every outcome"),
        ([0.5, 0.5], [0, 1], "every forecast"),
    ],
)
def test_a_calibration_fit_without_a_maximum_is_refused(q: list[float], y: list[int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        calibration_fit(q, y)


def test_spiegelhalter_is_standard_normal_for_calibrated_forecasts() -> None:
    z = [spiegelhalter(*sample(300, seed)).z for seed in range(400)]
    assert np.mean(z) == pytest.approx(0.0, abs=3.5 / 20)
    assert np.std(z) == pytest.approx(1.0, abs=3.5 / math.sqrt(800))
    assert spiegelhalter(*sample(2000, tilt=0.0)).p_value > 0.01
    with pytest.raises(ValidationError, match="no variance"):
        spiegelhalter([0.5, 1.0], [0, 1])


def test_the_p_value_of_spiegelhalter_is_uniform_for_calibrated_forecasts() -> None:
    assert kstest([spiegelhalter(*sample(400, seed)).p_value for seed in range(800)], "uniform").pvalue > 0.001


def test_the_calibration_error_is_the_weighted_distance_from_the_diagonal() -> None:
    # Bins (0, 0.5] and (0.5, 1]: |0.5 - 0.2| weighted 2/3 and |1 - 0.6| weighted 1/3.
    e = calibration_error([0.1, 0.3, 0.6], [0, 1, 1], np.random.default_rng(0), bins=2, draws=20)
    assert e.error == pytest.approx(0.3 * 2 / 3 + 0.4 / 3)
    left, right = (
        calibration_error([0.5, 0.4, 0.6], [1, 0, 1], np.random.default_rng(0), bins=2, closed=closed, draws=20).error
        for closed in ("left", "right")
    )
    assert (left, right) == pytest.approx((0.9 / 3 + 0.4 / 3, 0.1 / 3 + 0.4 / 3))


def test_the_calibration_error_of_a_calibrated_forecaster_is_not_zero_but_that_of_its_null() -> None:
    found = [calibration_error(*sample(500, seed), np.random.default_rng(seed), draws=99) for seed in range(200)]
    assert np.mean([e.error for e in found]) == pytest.approx(np.mean([e.null_mean for e in found]), rel=0.05)
    assert np.mean([e.null_mean for e in found]) > 0.02
    spread = np.random.default_rng(0).random(200) / 100
    assert kstest(np.array([e.p_value for e in found]) - spread, "uniform").pvalue > 0.001
    above = np.mean([e.error > e.null_upper for e in found])
    assert abs(above - 0.05) <= 3.5 * math.sqrt(0.05 * 0.95 / 200) + 0.01


def test_a_tilted_forecaster_has_more_calibration_error_than_its_null() -> None:
    q, y = sample(2000, tilt=0.1)
    e = calibration_error(q, y, np.random.default_rng(0), draws=199)
    assert e.error > e.null_upper > e.null_mean
    assert e.p_value == 1 / 200
    assert e == calibration_error(q, y, np.random.default_rng(0), draws=199)
    assert e.null_mean != calibration_error(q, y, np.random.default_rng(1), draws=199).null_mean
    assert e.null_upper > calibration_error(q, y, np.random.default_rng(0), draws=199, level=0.5).null_upper


@pytest.mark.parametrize(
    ("q", "y", "message"),
    [
        ([0.5, 1.5], [0, 1], "row 1"),
        ([0.5, 0.4], [0, 2], "outcome"),
        ([0.5], [0, 1], "rows"),
        ([0.5, math.nan], [0, 1], "row 1"),
        ([], [], "at least 1"),
    ],
)
def test_scores_of_impossible_forecasts_are_refused(q: list[float], y: list[float], message: str) -> None:
    for score in (brier, log_loss, murphy, corp, calibration_fit, spiegelhalter):
        with pytest.raises(ValidationError, match=message):
            score(q, y)


@pytest.mark.parametrize("bins", [0, [0.0, 0.5], [0.5, 0.5, 1.0]])
def test_bins_that_do_not_cover_the_forecasts_are_refused(bins: object) -> None:
    with pytest.raises(ValidationError):
        murphy([0.2, 0.9], [0, 1], bins)  # type: ignore[arg-type]
