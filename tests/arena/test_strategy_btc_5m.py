from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.causality import run_strategy
from arena.engine.prepare import mark_entries
from arena.errors import ConfigError
from arena.lab.tables import LabTables
from arena.market.build import build_tape
from arena.market.tape import NEVER_MS, Records
from arena.market.windows import Market
from arena.strategies import load, names
from arena.strategies.base import Action, Configuration
from arena.strategies.btc_5m import STRATEGY, DecideParams, Reason, decide
from arena.strategies.btc_5m_signal import SIGNAL_DTYPE
from tests.arena.engine.conftest import cut
from tests.support.btc_5m import plain_observe
from tests.support.frames import a_tick, ns

SEED = STRATEGY.preset("seed").decide
CORRECTED = STRATEGY.preset("corrected").decide._replace(model_weight=1.0)
NAN = math.nan


def say(params: DecideParams = SEED, fair: float = 0.60, fresh: int = 1, held: int = 0, **tick: Any) -> Any:
    """The intent at one hand-made tick: UP 0.49/0.50, DOWN 0.50/0.51, 100 s left, unless told otherwise."""
    signal = np.zeros(1, dtype=SIGNAL_DTYPE)
    signal["fair_up"], signal["spot_fresh"] = fair, fresh
    return decide(signal[0], a_tick(**tick)[0], held, params)


def why(*args: Any, **kwargs: Any) -> Reason:
    return Reason(say(*args, **kwargs).reason)


# The gates, in the seed's order.


def test_with_every_gate_open_it_buys_the_cheap_side_at_its_ask() -> None:
    intent = say()
    assert (intent.action, intent.reason, intent.limit_price, intent.probability) == (
        Action.BUY_UP,
        Reason.ENTER,
        0.50,
        0.60,
    )
    assert intent.expected_return == pytest.approx(0.60 / 0.50 - 1 - 0.0002)
    down = say(fair=0.40)
    assert (down.action, down.limit_price, down.probability) == (Action.BUY_DOWN, 0.51, 0.60)


GATES: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.DISABLED, {"params": SEED._replace(enabled=0.0)}),
    (Reason.NO_WINDOW, {"close_ns": 0}),
    (Reason.BOOK_STALE, {"book_age_ms": 1501}),
    (Reason.SPOT_STALE, {"fresh": 0}),
    (Reason.TOO_LATE, {"ts_ns": ns(288)}),
    (Reason.NO_FAIR_VALUE, {"fair": NAN}),
    (Reason.PARITY, {"down_bid": 0.54, "down_ask": 0.55}),
    (Reason.HELD, {"held": 1}),
]


@pytest.mark.parametrize(("reason", "broken"), GATES, ids=[r.name for r, _ in GATES])
def test_each_gate_refuses_alone_and_names_itself(reason: Reason, broken: dict[str, Any]) -> None:
    assert why(**broken) == reason
    intent = say(**broken)
    assert (intent.action, intent.limit_price, intent.probability, intent.expected_return) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        (Reason.PRICE_BAND, {"min_price": 0.51}), (Reason.PRICE_BAND, {"max_price": 0.49}),
        (Reason.SPREAD, {"max_spread": 0.009}), (Reason.PARITY, {"max_parity": -0.01}),
        (Reason.EDGE, {"min_net_return": 0.2}), (Reason.EDGE, {"min_edge": 0.11}),
        (Reason.EDGE, {"flat_cost_rate": 0.2}), (Reason.EDGE, {"model_weight": 0.01}),
        (Reason.TOO_LATE, {"min_seconds_left": 100.0}), (Reason.BOOK_STALE, {"book_stale_ms": 99.0}),
    ],
)  # fmt: skip
def test_each_lever_of_the_gates_closes_its_gate(reason: Reason, changed: dict[str, float]) -> None:
    assert why(SEED._replace(**changed)) == reason


def test_an_earlier_gate_speaks_before_a_later_one() -> None:
    """Gates are broken from the last to the first; the newest break is always the one that is named."""
    broken: dict[str, Any] = {}
    late = [
        (Reason.HELD, {"held": 1}),
        (Reason.EDGE, {"fair": 0.501}),
        (Reason.SPREAD, {"up_bid": 0.41, "down_bid": 0.42, "params": SEED._replace(max_parity=0.2)}),
        (Reason.PRICE_BAND, {"params": SEED._replace(max_parity=0.2, max_price=0.3)}),
    ]
    early = [
        (Reason.PARITY, {"params": SEED._replace(max_price=0.3)}),
        (Reason.NO_FAIR_VALUE, {"fair": NAN}),
        (Reason.TOO_LATE, {"ts_ns": ns(288)}),
        (Reason.SPOT_STALE, {"fresh": 0}),
        (Reason.BOOK_STALE, {"book_age_ms": 1501}),
        (Reason.NO_WINDOW, {"close_ns": 0}),
        (Reason.DISABLED, {"params": SEED._replace(enabled=0.0)}),
    ]
    for reason, change in late + early:
        broken |= change
        assert why(**broken) == reason


def test_gates_are_inclusive_as_the_seeds_were() -> None:
    assert why(book_age_ms=1500) == Reason.ENTER
    assert why(ts_ns=ns(288) - 1) == Reason.ENTER
    assert why(SEED._replace(min_price=0.50, max_price=0.50)) == Reason.ENTER
    assert why(up_bid=0.42, down_bid=0.53, down_ask=0.55) == Reason.ENTER  # spread of exactly 0.08
    assert why(up_bid=0.41, down_bid=0.54, down_ask=0.55) == Reason.SPREAD
    assert why(down_bid=0.52, down_ask=0.53) == Reason.ENTER  # parity of exactly 0.02
    assert why(down_bid=0.525, down_ask=0.53) == Reason.PARITY


@pytest.mark.parametrize("side", ["up_bid", "up_ask", "down_bid", "down_ask"])
@pytest.mark.parametrize("price", [NAN, 0.0])
def test_a_missing_side_is_no_book(side: str, price: float) -> None:
    assert why(**{side: price}) == Reason.BOOK_STALE


def test_a_crossed_book_is_no_book() -> None:
    assert why(up_bid=0.52) == Reason.BOOK_STALE
    assert why(up_bid=0.50) == Reason.ENTER


def test_ties_go_up() -> None:
    book = {"up_bid": 0.39, "up_ask": 0.4, "down_bid": 0.39, "down_ask": 0.4}
    assert say(SEED._replace(max_parity=0.5), fair=0.5, **book).action == Action.BUY_UP


# Which side.


def test_the_seed_picks_the_best_side_before_the_band_and_the_corrected_one_filters_first() -> None:
    """UP at 0.10 has the larger return but lies outside the band; DOWN at 0.75 qualifies."""
    book = {"up_bid": 0.09, "up_ask": 0.10, "down_bid": 0.74, "down_ask": 0.75, "fair": 0.15}
    wide = {"max_parity": 0.5}
    assert why(SEED._replace(**wide), **book) == Reason.PRICE_BAND
    intent = say(CORRECTED._replace(**wide), **book)
    assert (intent.action, intent.limit_price) == (Action.BUY_DOWN, 0.75)


def test_with_both_sides_cheap_the_seed_takes_the_return_and_the_corrected_one_the_growth() -> None:
    """UP: fair 0.30 at 0.20 (+50 %, growth 0.028). DOWN: fair 0.70 at 0.50 (+40 %, growth 0.082)."""
    book = {"up_bid": 0.19, "up_ask": 0.20, "down_bid": 0.49, "down_ask": 0.50, "fair": 0.30}
    free = {"max_parity": 0.5, "fee_weight": 0.0}
    assert say(SEED._replace(**free), **book).action == Action.BUY_UP
    assert say(CORRECTED._replace(**free), **book).action == Action.BUY_DOWN


def test_without_a_side_the_better_placed_one_names_its_gate() -> None:
    book = {"up_bid": 0.09, "up_ask": 0.10, "down_bid": 0.74, "down_ask": 0.75, "fair": 0.2}
    assert why(CORRECTED._replace(max_parity=0.5, min_edge=0.5), **book) == Reason.EDGE


def test_the_readme_example_nets_25_82_percent() -> None:
    """Fair 0.63 at an ask of 0.50 and 10 + 8 bps (seed notes, section 25)."""
    assert say(SEED._replace(flat_cost_rate=0.0018), fair=0.63).expected_return == pytest.approx(0.2582, abs=1e-12)


def test_a_fair_value_of_0_5029_just_meets_the_seeds_threshold() -> None:
    """40 bps net of 18 bps at an ask of 0.50."""
    before = STRATEGY.preset("seed-default").decide
    assert why(before, fair=0.50290001) == Reason.ENTER
    assert why(before, fair=0.50289) == Reason.EDGE


def test_the_market_fee_is_inside_the_corrected_edge() -> None:
    """At 0.50 the venue takes 1.75 cents a share."""
    at = CORRECTED._replace(min_edge=0.0, min_net_return=0.0)
    assert why(at, fair=0.5176) == Reason.ENTER
    assert why(at, fair=0.5174) == Reason.EDGE
    assert why(at._replace(fee_weight=0.0), fair=0.5174) == Reason.ENTER
    assert why(at, fair=0.5174, fee_rate=0.069) == Reason.ENTER
    assert why(at, fair=0.5174, fee_exponent=2.0) == Reason.ENTER


@given(st.floats(0.01, 0.99), st.integers(1, 98), st.integers(1, 98), st.booleans())
def test_it_never_buys_what_its_fair_value_calls_dear(fair: float, up: int, down: int, seed: bool) -> None:
    params = (SEED if seed else CORRECTED)._replace(max_parity=9.0, min_price=0.0, max_price=1.0)
    book = {"up_bid": up / 100, "up_ask": (up + 1) / 100, "down_bid": down / 100, "down_ask": (down + 1) / 100}
    intent = say(params, fair=fair, **book)
    if intent.action:
        assert intent.probability > intent.limit_price
        assert intent.expected_return > 0
        assert intent.probability == (fair if intent.action == Action.BUY_UP else 1.0 - fair)


@given(st.floats(0.01, 0.99), st.integers(2, 97), st.floats(0.0, 1.0))
def test_the_model_weight_pulls_towards_the_mid_of_the_side_bought(fair: float, mid: int, weight: float) -> None:
    up, down = mid / 100, 1 - mid / 100 - 0.02
    book = {"up_bid": up - 0.01, "up_ask": up + 0.01, "down_bid": down - 0.005, "down_ask": down + 0.005}
    intent = say(CORRECTED._replace(model_weight=weight, min_price=0.0, max_price=1.0, min_edge=0.0), fair=fair, **book)
    if intent.action == Action.BUY_UP:
        assert intent.probability == pytest.approx(weight * fair + (1 - weight) * up, abs=1e-12)
    if intent.action == Action.BUY_DOWN:
        assert intent.probability == pytest.approx(weight * (1 - fair) + (1 - weight) * down, abs=1e-12)
    if weight == 0.0:
        assert intent.action == Action.NONE  # the market alone gives no reason to trade


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_a_higher_model_weight_admits_every_entry_of_a_lower_one(seed: int) -> None:
    """On books whose sides do not mirror each other too; sweeps look only where the highest weight enters."""
    r = random.Random(seed)
    up, down = r.randrange(5, 95) / 100, 0.0
    down = round(1 - up + r.choice([-0.02, -0.01, 0.0, 0.01, 0.02]), 2)
    half = r.choice([0.005, 0.01])
    book = {"up_bid": up - half, "up_ask": up + half, "down_bid": down - half, "down_ask": down + half}
    low, high = sorted((r.random(), r.random()))
    base = CORRECTED._replace(min_edge=r.choice([0.0, 0.01]), fee_weight=r.choice([0.0, 1.0]))
    fair = r.uniform(up - 0.03, up + 0.03)
    if say(base._replace(model_weight=low), fair=fair, **book).action:
        assert say(base._replace(model_weight=high), fair=fair, **book).action


# Features.


@pytest.fixture(scope="module")
def ticks(lab: LabTables) -> Records:
    """Twenty minutes of lab ticks, with a venue that falls silent and a minute without any spot price."""
    from arena.causality import Frames

    frames, rows = cut(lab, 96, 4)
    tape, _ = build_tape(Frames(frames), Market(step_ms=270), rows)
    ticks = tape.ticks.copy()
    ticks["spot_age_ms"][1000:1400, 2] += 5000
    ticks["spot_age_ms"][2000:2222] += 9000
    return ticks


@pytest.mark.parametrize("preset", list(STRATEGY.presets))
def test_the_features_are_those_of_plain_python(ticks: Records, preset: str) -> None:
    c = STRATEGY.preset(preset)
    signals, _ = run_strategy(STRATEGY, c, [ticks])
    plain = plain_observe(ticks, c.observe)
    for name in SIGNAL_DTYPE.names or ():
        expected = np.array([s[name] for s in plain])
        np.testing.assert_allclose(signals[name], expected, rtol=1e-7, atol=1e-9, err_msg=name)
    assert np.isfinite(signals["fair_up"]).mean() > 0.6


@pytest.mark.parametrize(
    ("preset", "changed"),
    [
        ("seed", {"spot_stale_ms": 300}), ("seed", {"vol_clock": 1}), ("seed", {"vol_window_s": 60}),
        ("seed", {"vol_min_samples": 600}), ("seed", {"vol_floor": 1.9}), ("seed", {"vol_cap": 0.2}),
        ("seed", {"vol_fallback": 2.0}), ("seed", {"rate": 0.2}), ("seed", {"market_rule": 1}),
        ("corrected", {"basis_halflife_s": 10}), ("corrected", {"basis_halflife_s": 0}),
        ("corrected", {"vol_window_s": 60}),
        ("corrected", {"vol_jump_cut": 1}),
    ],
)  # fmt: skip
def test_every_lever_of_the_features_matters(ticks: Records, preset: str, changed: dict[str, float]) -> None:
    base = STRATEGY.preset(preset)
    one, two = (run_strategy(STRATEGY, c, [ticks])[0] for c in (base, STRATEGY.configure(base, changed)))
    assert not np.array_equal(one["fair_up"], two["fair_up"], equal_nan=True)


def test_every_lever_belongs_to_its_group_and_every_default_is_within_bounds() -> None:
    for c in STRATEGY.presets.values():
        for group in ("observe", "decide", "account"):
            fields = getattr(c, group)._asdict()
            assert set(fields) == {lever.name for lever in STRATEGY.levers if lever.group == group}
            for name, value in fields.items():
                assert STRATEGY.lever(name).low <= value <= STRATEGY.lever(name).high, name


def test_the_seeds_seven_levers_are_numbered() -> None:
    assert sorted(lever.seed_lever for lever in STRATEGY.levers if lever.seed_lever) == [1, 2, 3, 4, 5, 6, 7]


def observe_two(first: dict[str, Any], second: dict[str, Any], **levers: float) -> np.ndarray[Any, Any]:
    c = STRATEGY.configure(STRATEGY.preset("corrected"), {"vol_fallback": 0.5, **levers})
    return run_strategy(STRATEGY, c, [np.concatenate([a_tick(**first), a_tick(**second)])])[0]


def test_a_stale_venue_leaves_the_median() -> None:
    px = [100.0, 101.0, 103.0, NAN, 0, 0, 0, 0]
    ages = [10, 10, 2500, NEVER_MS, 10, 10, 10, 10]
    older = [10, 10, 2501, *ages[3:]]
    one, two = observe_two(
        {"spot_px": px, "spot_age_ms": ages}, {"spot_px": px, "spot_age_ms": older}, basis_halflife_s=0
    )
    assert (one["mid"], two["mid"]) == (101.0, 100.5)


def test_the_basis_to_the_oracle_is_taken_off_before_the_median() -> None:
    """A venue 100 at 200 s; the report for that second says 102: from then on its 100 means 102."""
    one, two = observe_two(
        {"ts_ns": ns(200), "oracle_event_ns": 0, "oracle_px": NAN},
        {"ts_ns": ns(201.5), "oracle_event_ns": ns(200), "oracle_px": 102.0},
    )
    assert math.isnan(one["fair_up"])
    assert two["mid"] == pytest.approx(102.0, rel=1e-12)
    assert two["fair_up"] > 0.9


def test_a_venue_whose_basis_was_never_measured_has_no_say_in_the_median() -> None:
    c = STRATEGY.preset("corrected")
    signals, decisions = run_strategy(STRATEGY, c, [a_tick()])
    assert math.isnan(signals["mid"][0])
    assert decisions["reason"][0] == Reason.SPOT_STALE
    signals, _ = run_strategy(STRATEGY, c, [a_tick(strike_is_oracle=0)])
    assert signals["mid"][0] == 100.0


def test_no_volatility_no_trade() -> None:
    c = STRATEGY.preset("corrected")
    signals, decisions = run_strategy(STRATEGY, c, [a_tick(strike_is_oracle=0)])
    assert (signals["sigma"][0], math.isnan(signals["fair_up"][0])) == (0.0, True)
    assert decisions["reason"][0] == Reason.NO_FAIR_VALUE


# Sweeps rely on this.


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["seed", "corrected"]))
def test_the_loosest_configuration_admits_every_entry_of_the_grid(ticks: Records, seed: int, preset: str) -> None:
    r = random.Random(seed)
    base = STRATEGY.preset(preset)
    varied = [lever for lever in STRATEGY.levers if lever.group == "decide" and lever.looser]
    grid: list[Configuration] = []
    for _ in range(6):
        chosen = r.sample(varied, r.randrange(1, len(varied)))
        values = {
            lever.name: r.randrange(2) if lever.integer
            else r.uniform(lever.search_low, lever.search_high) if lever.search
            else r.uniform(lever.low, min(lever.high, 4 * getattr(base.decide, lever.name) + 0.01))
            for lever in chosen
        }  # fmt: skip
        grid.append(STRATEGY.configure(base, values))
    loose = STRATEGY.loosest(grid)
    signals, _ = run_strategy(STRATEGY, base, [ticks])
    admitted = np.zeros(ticks.shape[0], dtype=np.bool_)
    mark_entries(ticks, signals, loose, admitted)
    for c in grid:
        entered = np.zeros(ticks.shape[0], dtype=np.bool_)
        mark_entries(ticks, signals, c.decide, entered)
        assert not (entered & ~admitted).any()


def test_a_sweep_refuses_levers_without_a_looser_direction() -> None:
    base = STRATEGY.preset("seed")
    with pytest.raises(ConfigError, match="filter_first"):
        STRATEGY.loosest([base, STRATEGY.configure(base, {"filter_first": 1})])


# The registry.


def test_strategies_are_found_whatever_the_spelling() -> None:
    assert "BTC_5M" in names()
    assert load(" btc-5m ") is STRATEGY
    with pytest.raises(ConfigError, match=r"BTC_6M.*did you mean BTC_5M"):
        load("BTC_6M")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"min_egde": 0.1}, "did you mean min_edge"),
        ({"min_edge": 0.9}, "min_edge=0.9 is out of bounds"),
        ({"min_edge": NAN}, "out of bounds"),
        ({"vol_clock": 0.5}, "whole number"),
    ],
)
def test_a_wrong_lever_is_refused_in_a_sentence(values: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        STRATEGY.configure(STRATEGY.preset("seed"), values)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'best'.*seed"):
        STRATEGY.preset("best")
