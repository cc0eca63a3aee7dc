from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.corp import MiscalibrationGap, corp, corp_curve, miscalibration_gap, recalibrate
from tests.arena.validation.test_forecast import pairs, sample


@settings(max_examples=60, deadline=None)
@given(pairs, st.sampled_from(["brier", "log"]))
def test_corp_terms_add_up_and_are_not_negative(rows: np.ndarray, score: str) -> None:
    q, y = rows
    c = corp(q, y, score)  # type: ignore[arg-type]
    assert c.miscalibration - c.discrimination + c.uncertainty == pytest.approx(c.score, abs=1e-12)
    assert c.discrimination >= -1e-12
    assert c.uncertainty >= -1e-12
    if score == "brier":
        assert c.miscalibration >= -1e-12
    assert (np.diff(c.recalibrated[np.argsort(q, kind="stable")]) >= -1e-12).all()


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_recalibration_is_the_min_max_of_block_means(rows: np.ndarray) -> None:
    q, y = rows
    said = np.unique(q)
    fit = recalibrate(q, y)
    for k, value in enumerate(said):
        best = max(
            min(y[(q >= low) & (q <= high)].mean() for high in said[k:]) for low in said[: k + 1]
        )  # fmt: skip
        assert fit[q == value] == pytest.approx(best)


def test_the_band_holds_a_calibrated_fit_as_often_as_it_says() -> None:
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        q = rng.choice(np.arange(0.1, 1.0, 0.1), 600)
        curve = corp_curve(q, (rng.random(600) < q).astype(float), rng, draws=200, level=0.90)
        held.append(((curve.lower <= curve.recalibrated) & (curve.recalibrated <= curve.upper)).mean())
    assert np.mean(held) == pytest.approx(0.90, abs=0.04)


def test_the_curve_is_the_fit_on_the_distinct_forecasts() -> None:
    q, y = np.array([0.7, 0.2, 0.7, 0.4, 0.2]), np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    curve = corp_curve(q, y, np.random.default_rng(0), draws=50)
    assert curve.forecast.tolist() == [0.2, 0.4, 0.7]
    assert curve.counts.tolist() == [2, 1, 2]
    assert curve.recalibrated == pytest.approx([1 / 3, 1 / 3, 1.0])
    assert (curve.lower <= curve.upper).all()


def test_a_tilted_curve_leaves_its_band() -> None:
    q, y = sample(4000, 3, tilt=0.15)
    curve = corp_curve(q, y, np.random.default_rng(0), draws=200, level=0.99)
    middle = (curve.forecast > 0.3) & (curve.forecast < 0.7)
    assert (curve.recalibrated > curve.upper)[middle].mean() > 0.95


def test_the_band_follows_its_generator_and_its_level() -> None:
    q, y = sample(300)
    one, two, other = (corp_curve(q, y, np.random.default_rng(seed), draws=50).lower for seed in (0, 0, 1))
    assert (one == two).all()
    assert (one != other).any()
    narrow = corp_curve(q, y, np.random.default_rng(0), draws=50, level=0.5)
    assert (narrow.lower >= one).all()


def gap(q: np.ndarray, m: np.ndarray, y: np.ndarray, seed: int = 0, **options: object) -> MiscalibrationGap:
    options = {"draws": 200} | options
    return miscalibration_gap(q, m, y, np.arange(y.size), np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def test_a_model_that_says_the_price_has_no_gap() -> None:
    q, y = sample(300)
    g = gap(q, q, y)
    assert (g.gap, g.lower, g.upper) == (0.0, 0.0, 0.0)
    assert g.model == g.market == pytest.approx(corp(q, y).miscalibration)


@pytest.mark.parametrize("score", ["brier", "log"])
def test_the_gap_finds_the_worse_calibrated_side(score: str) -> None:
    q, y = sample(3000, 1)
    tilted = np.clip(q + 0.1, 0.0, 1.0)
    worse, better = gap(tilted, q, y, score=score), gap(q, tilted, y, score=score)
    assert worse.lower > 0.0 > better.upper
    assert worse.gap == pytest.approx(-better.gap, rel=0.05)
    assert worse.model == pytest.approx(corp(tilted, y, score).miscalibration)  # type: ignore[arg-type]
    assert worse.market == pytest.approx(corp(q, y, score).miscalibration)  # type: ignore[arg-type]
    bias = worse.model_bias - worse.market_bias
    assert worse.gap == pytest.approx(worse.model - worse.market - bias, abs=1e-12)


def test_many_distinct_forecasts_are_not_mistaken_for_miscalibration() -> None:
    # The model says a hundred values where the price says ten, and both mean what they say.
    holds, raw = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        price = rng.choice(np.arange(0.05, 1.0, 0.1), 500)
        model = price + rng.choice(np.linspace(-0.045, 0.045, 10), 500)
        g = gap(model, price, (rng.random(500) < model).astype(float), seed, draws=60)
        holds.append(g.lower <= 0.0 <= g.upper)
        raw.append(g.model - g.market)
    assert np.mean(holds) >= 0.95 - 3.5 * math.sqrt(0.05 * 0.95 / 60)
    assert np.mean(raw) > 0.002


def test_the_interval_covers_the_gap_of_the_population() -> None:
    held = []
    for seed in range(60):
        q, y = sample(1000, seed)
        found = gap(np.clip(q + 0.1, 0.0, 1.0), q, y, seed, draws=60)
        held.append(found.lower <= 0.00998 <= found.upper)  # mean squared shift, 0.1 except near 1
    assert np.mean(held) >= 0.95 - 3.5 * math.sqrt(0.05 * 0.95 / 60)


def test_contracts_of_one_slot_are_resampled_together() -> None:
    q, y = sample(400, 2)
    q, y = np.repeat(q, 4), np.repeat(y, 4)
    tilted = np.clip(q + 0.1, 0.0, 1.0)
    rng = np.random.default_rng
    together = miscalibration_gap(tilted, q, y, np.arange(1600) // 4, rng(0), draws=200)
    apart = miscalibration_gap(tilted, q, y, np.arange(1600), rng(0), draws=200)
    assert (together.contracts, together.slots, apart.slots) == (1600, 400, 1600)
    assert together.upper - together.lower > 1.5 * (apart.upper - apart.lower)


def test_the_gap_follows_its_generator_and_its_options() -> None:
    q, y = sample(300)
    tilted = np.clip(q + 0.15, 0.0, 1.0)

    def ends(seed: int = 0, **options: object) -> tuple[float, float]:
        g = gap(tilted, q, y, seed, **{"draws": 50} | options)
        return g.lower, g.upper

    assert ends() == ends()
    assert len({ends(), ends(1), ends(block=5.0), ends(level=0.5), ends(score="log")}) == 5
    assert ends(score="log", tick=0.2) != ends(score="log")


@pytest.mark.parametrize(
    ("slots", "options", "message"),
    [
        ([7, 7, 7], {}, "one slot"),
        ([1, 2], {}, "shape"),
        ([1, 2, 3], {"score": "crps"}, "score"),
        ([1, 2, 3], {"tick": 0.0}, "tick"),
        ([1, 2, 3], {"draws": 5}, "draws"),
        ([1, 2, 3], {"block": 0.5}, "block"),
    ],
)
def test_an_undefined_gap_is_refused(slots: list[int], options: dict[str, object], message: str) -> None:
    q = [0.2, 0.5, 0.7]
    with pytest.raises(ValidationError, match=message):
        miscalibration_gap(q, q, [0, 1, 1], slots, np.random.default_rng(0), **options)  # type: ignore[arg-type]
