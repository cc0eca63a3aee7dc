"""What the edge needs: curves that start from the result itself, and sentences that say what they show."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.costs import COST_MODELS
from arena.engine.execution import execution_model
from arena.strategies.btc_5m import STRATEGY
from research.report.needs import NO_BET, needs
from research.result import RunResult, WalkForward
from research.sensitivity import SHIFTS, Curve, Sensitivity, Stretch, _moved, sensitivity


@pytest.fixture
def walk(walked: RunResult) -> WalkForward:
    assert walked.walk_forward is not None
    return walked.walk_forward


@pytest.fixture
def curves(walk: WalkForward) -> Sensitivity:
    return walk.evidence.sensitivity


def curve(at: list[float], mean: list[float], base: float, unit: str = "ms", half: float = 0.01) -> Curve:
    y = np.array(mean)
    return Curve("latency", unit, base, np.array(at), np.full(len(at), 9), y, y - half, y + half)


def test_every_curve_passes_through_the_out_of_sample_result(walk: WalkForward, curves: Sensitivity) -> None:
    assert curves.latency is not None
    for one in (curves.latency, curves.cost, *curves.levers):
        own = int(np.flatnonzero(one.at == one.base)[0])
        assert one.mean[own] == walk.out_of_sample.returns.mean()
        assert one.bets[own] == (walk.out_of_sample.won >= 0).sum()


def test_the_policy_is_asked_where_something_was_replayed(walked: RunResult, curves: Sensitivity) -> None:
    gates, network = walked.experiment.gates, walked.experiment.execution.network_ms
    assert curves.latency is not None
    assert {network, network + gates.latency.margin_ms} <= set(curves.latency.at)
    assert {0.0, 1.0, gates.costs.multiple, 2.0} <= set(curves.cost.at)


def test_the_same_bets_earn_less_the_more_they_are_charged(curves: Sensitivity) -> None:
    assert set(curves.cost.bets) == {curves.cost.bets[0]}
    assert (np.diff(curves.cost.mean) < 0.0).all()


def test_each_searched_lever_has_a_curve_of_every_shift_and_the_result_in_the_middle(
    walk: WalkForward, curves: Sensitivity
) -> None:
    varied = {n for n in walk.grid[0].values() if len({c.values()[n] for c in walk.grid}) > 1}
    assert {c.name for c in curves.levers} == varied
    assert all(c.at.tolist() == list(SHIFTS) and c.base == 0.0 for c in curves.levers)
    assert curves.neighbours.shape == (walk.out_of_sample.rows.size, len(curves.moves))
    for c in curves.levers:
        for shift, mean in zip(c.at, c.mean, strict=True):
            if shift:
                column = curves.moves.index((c.name, float(shift)))
                assert mean == curves.neighbours[:, column].mean()


@given(st.sampled_from([lever.name for lever in STRATEGY.levers if lever.search]), st.sampled_from(SHIFTS), st.data())
def test_a_moved_lever_stays_within_the_grid_and_the_others_stay_put(
    name: str, shift: float, data: st.DataObject
) -> None:
    lever = STRATEGY.lever(name)
    low, high = lever.search_low, lever.search_high
    value = data.draw(st.floats(low, high))
    chosen = STRATEGY.configure(STRATEGY.preset("corrected"), {name: value})
    moved = _moved(STRATEGY, chosen, name, shift, (low, high)).values()
    assert low <= moved.pop(name) <= high
    assert moved == {n: v for n, v in chosen.values().items() if n != name}


def test_a_lever_searched_in_logs_is_moved_in_logs() -> None:
    levers = tuple(replace(x, search="log") if x.name == "max_spread" else x for x in STRATEGY.levers)
    strategy = replace(STRATEGY, levers=levers)
    chosen = strategy.configure(strategy.preset("corrected"), {"max_spread": 0.02})
    moved = _moved(strategy, chosen, "max_spread", 0.25, (0.01, 0.16))
    assert moved.values()["max_spread"] == pytest.approx(0.04)


def test_orders_that_do_not_travel_have_no_latency_curve(walked: RunResult, walk: WalkForward) -> None:
    stretches = [Stretch(*f.test_rows, walk.grid[f.chosen]) for f in walk.folds]
    flat = COST_MODELS["seed-default"]
    found = sensitivity(
        walked.strategy, walked.prepared, stretches, walk.grid[:1], execution_model("touch"), flat,
        0.0, 0.0, 1.1, lambda begin, end: [],
    )  # fmt: skip
    assert found.latency is None
    assert found.cost.unit == "times the flat cost"
    assert found.levers == ()
    assert math.isnan(found.profitable_neighbours)


def test_an_edge_breaks_where_the_line_between_two_points_crosses_zero() -> None:
    c = curve([0, 50, 100, 200], [0.04, 0.03, 0.02, -0.02], 50)
    assert c.breaks_at == pytest.approx(150.0)
    assert c.doubtful_from == pytest.approx(125.0)
    assert c.lowest(100) == pytest.approx(0.02)
    assert math.isinf(curve([0, 50, 100], [0.04, 0.03, 0.02], 50).breaks_at)
    assert curve([0, 50, 100], [0.04, 0.0, 0.02], 50).breaks_at == 50.0


def test_what_it_earned_below_its_own_setting_does_not_break_an_edge() -> None:
    assert math.isinf(curve([0, 50, 100], [-0.01, 0.03, 0.02], 50).breaks_at)


def said(walked: RunResult, latency: Curve | None = None, cost: Curve | None = None) -> tuple[str, ...]:
    walk = walked.walk_forward
    assert walk is not None
    held = walk.evidence.sensitivity
    changed = replace(held, latency=latency or held.latency, cost=cost or held.cost)
    return needs(replace(walked, walk_forward=replace(walk, evidence=replace(walk.evidence, sensitivity=changed))))


AT = [0.0, 50.0, 150.0, 1000.0]


@pytest.mark.parametrize(
    ("mean", "sentence"),
    [
        ([0.04, 0.03, 0.02, -0.06], "Nothing is earned from 362 ms on, 312 ms above the run's 50 ms."),
        ([0.04, 0.03, 0.02, 0.01], "Still earns at 1,000 ms, the slowest line tried, against the run's 50 ms."),
        ([0.04, -0.01, 0.02, 0.01], "Nothing is earned at the run's 50 ms of latency."),
        (
            [0.04, 0.02, -0.02, -0.03],
            "This edge needs a particular millisecond (the policy asks for 100 ms of room): "
            "Nothing is earned from 100 ms on, 50 ms above the run's 50 ms.",
        ),
        (
            [-0.01, 0.03, 0.02, -0.06],
            "Nothing is earned from 362 ms on, 312 ms above the run's 50 ms. "
            "Nor does it earn at 0 ms, and faster should not be worse: suspect luck.",
        ),
    ],
)
def test_the_sentence_on_latency_says_where_the_edge_ends(walked: RunResult, mean: list[float], sentence: str) -> None:
    assert said(walked, latency=curve(AT, mean, 50.0))[0] == sentence


def test_an_edge_that_comes_back_further_on_is_said_to_be_noise(walked: RunResult) -> None:
    sentence = said(walked, latency=curve([0.0, 50.0, 250.0, 450.0, 650.0], [0.1, 0.1, 0.1, -0.1, 0.1], 50.0))[0]
    assert sentence == "It stops earning at 350 ms, 300 ms above the run's 50 ms; what it earns further on is noise."


def test_the_sentence_on_cost_counts_the_basis_points_of_stake_that_are_left(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    charged = walked.walk_forward.out_of_sample.by_costs["venue"]
    fee_bps = 1e4 * charged.fee_usd / charged.staked_usd
    unit = "times the venue's fee"
    at = [0.0, 1.0, 1.25, 2.0]
    _, sentence, _ = said(walked, cost=curve(at, [0.04, 0.02, 0.01, -0.01], 1.0, unit))
    assert (
        sentence == f"Nothing is earned from 1.62 times the venue's fee on, {0.625 * fee_bps:,.0f} bps of stake more."
    )
    _, sentence, _ = said(walked, cost=curve(at, [0.04, 0.02, -0.02, -0.04], 1.0, unit))
    assert sentence.startswith("This edge needs a particular basis point (the policy asks for 1.25 times")
    _, sentence, _ = said(walked, cost=curve(at, [0.04, 0.03, 0.02, 0.01], 1.0, unit))
    assert sentence == f"Still earns at 2 times the venue's fee, {fee_bps:,.0f} bps of stake more."
    _, sentence, _ = said(walked, cost=curve(at, [0.0, -0.01, -0.02, -0.03], 1.0, unit))
    assert sentence == "Nothing is earned at the venue's fee."


def test_the_sentence_on_levers_names_the_worst_small_move(walked: RunResult, curves: Sensitivity) -> None:
    lever, shift, worst = min(curves.near, key=lambda move: move[2])
    sentence = said(walked)[2]
    assert f"the worst, {lever} {100 * shift:+.0f} %, leaves {100 * worst:+.2f} %".replace("-", "−") in sentence
    assert f"of {len(curves.near)} moves" in sentence
    assert all(0.0 < abs(s) <= 0.1 for _, s, _ in curves.near)


def test_a_needle_is_called_one(walked: RunResult) -> None:
    walk = walked.walk_forward
    assert walk is not None
    held = walk.evidence.sensitivity
    lost = replace(held, levers=tuple(replace(c, mean=np.where(c.at == 0.0, c.mean, -0.01)) for c in held.levers))
    needle = replace(walk, evidence=replace(walk.evidence, sensitivity=lost))
    sentence = needs(replace(walked, walk_forward=needle))[2]
    assert sentence.startswith(f"This edge needs particular settings: 0 of {len(held.near)} moves")


def test_without_a_bet_there_is_nothing_to_say(walked: RunResult, walk: WalkForward) -> None:
    none = replace(walk.out_of_sample, won=np.full_like(walk.out_of_sample.won, -1))
    assert needs(replace(walked, walk_forward=replace(walk, out_of_sample=none))) == (NO_BET,)
    assert needs(replace(walked, walk_forward=None)) == ()
