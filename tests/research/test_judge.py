"""The verdict: every threshold of the policy decides a gate, and a gate that fails says what would change it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.validation.monitor import Bankroll, Monitoring
from arena.validation.verdict import Gate, Verdict
from research.evidence import weigh
from research.judge import judge
from research.policy import Policy
from research.result import Evidence, RunResult, Statistics, WalkForward
from research.sensitivity import Curve
from research.standing import Standing
from research.vault import Opening, Seal
from tests.research.conftest import small

NOTHING = Standing(registration=None, seal=None, openings=(), holdout={})
SEAL = Seal("BTC_5M", "an idea", "e1", "recorded", "polymarket/BTC/300s", 0, 9, 3, "ab", "cd", 1)


@pytest.fixture
def walk(walked: RunResult) -> WalkForward:
    assert walked.walk_forward is not None
    return walked.walk_forward


def judged(
    walk: WalkForward, evidence: Evidence | None = None, standing: Standing = NOTHING, **changes: Any
) -> dict[str, Gate]:
    experiment = small(**changes) if changes else small()
    verdict = judge(evidence or walk.evidence, walk.out_of_sample, experiment, True, standing)
    return {gate.name: gate for gate in verdict.gates}


@pytest.mark.parametrize(
    ("gate", "lenient", "strict"),
    [
        ("sample", {"sample": {"min_rarer_outcome": 1}}, {"sample": {"min_rarer_outcome": 10_000}}),
        ("beats the price", {"discovery": {"alpha": 0.4}}, {"discovery": {"alpha": 1e-9}}),
        ("better than not betting", {"superior": {"alpha": 0.4}}, {"superior": {"alpha": 1e-9}}),
        ("bankroll", {"discovery": {"alpha": 0.4}}, {"discovery": {"alpha": 1e-9}}),
    ],
)
def test_a_threshold_decides_its_gate(
    walk: WalkForward, gate: str, lenient: dict[str, Any], strict: dict[str, Any]
) -> None:
    assert judged(walk, gates=lenient)[gate].passed
    assert not judged(walk, gates=strict)[gate].passed


def test_the_chance_that_the_winner_loses_is_held_against_the_policy(walk: WalkForward) -> None:
    assert walk.evidence.overfitting is not None
    evidence = replace(walk.evidence, overfitting=replace(walk.evidence.overfitting, probability_of_loss=0.3))
    for most, passes in ((0.31, True), (0.3, False)):
        gates = {"persistence": {"max_probability_of_loss": most}}
        assert judged(walk, evidence, gates=gates)["keeps its promise"].passed is passes


def test_the_share_of_neighbours_and_the_deflation_veto_are_as_strict_as_the_policy(walk: WalkForward) -> None:
    assert walk.evidence.deflated is not None
    held = walk.evidence.sensitivity
    # One lever of which half of the small moves lose.
    half = replace(held.levers[0], mean=np.array([0.1, -0.1, -0.1, 0.1, 0.2, 0.2, 0.2]))
    evidence = replace(
        walk.evidence,
        sensitivity=replace(held, levers=(half,)),
        deflated=replace(walk.evidence.deflated, probability=0.7),
    )
    for min_share, min_dsr, passes in ((0.5, 0.7, True), (0.51, 0.71, False)):
        gates = {"neighbourhood": {"min_share": min_share}, "deflation": {"min_dsr": min_dsr}}
        found = judged(walk, evidence, gates=gates)
        assert found["no needle"].passed is passes
        assert found["deflation veto"].passed is passes


def test_the_margins_of_latency_and_cost_decide_their_gates(walk: WalkForward) -> None:
    def with_curves(margin_ms: float, multiple: float) -> tuple[bool, bool]:
        y = np.array([0.05, 0.05, 0.02, -0.01])
        bets = np.full(4, 9)
        late = Curve("latency", "ms", 50.0, np.array([0.0, 50.0, 150.0, 1000.0]), bets, y, y, y)
        dear = Curve("cost", "times the venue's fee", 1.0, np.array([0.0, 1.0, 1.25, 2.0]), bets, y, y, y)
        curves = replace(walk.evidence.sensitivity, latency=late, cost=dear)
        gates = {"latency": {"margin_ms": margin_ms}, "costs": {"multiple": multiple}}
        found = judged(walk, replace(walk.evidence, sensitivity=curves), gates=gates)
        return found["survives latency"].passed, found["survives cost"].passed

    assert with_curves(100.0, 1.25) == (True, True)
    assert with_curves(950.0, 2.0) == (False, False)


def test_an_edge_that_is_only_there_for_a_slower_line_does_not_survive_latency(walk: WalkForward) -> None:
    y = np.array([-0.01, 0.03])
    late = Curve("latency", "ms", 50.0, np.array([50.0, 150.0]), np.full(2, 9), y, y, y)
    curves = replace(walk.evidence.sensitivity, latency=late)
    gate = judged(walk, replace(walk.evidence, sensitivity=curves))["survives latency"]
    assert not gate.passed
    assert gate.note == "earns nothing as it is"
    assert gate.change == "nothing but a better strategy"


def test_a_late_break_is_written_in_whole_milliseconds(walk: WalkForward) -> None:
    y = np.array([0.03, 0.03, -0.03])
    late = Curve("latency", "ms", 50.0, np.array([50.0, 150.0, 2319.0]), np.full(3, 9), y, y, y)
    curves = replace(walk.evidence.sensitivity, latency=late)
    assert (
        judged(walk, replace(walk.evidence, sensitivity=curves))["survives latency"].note == "stops earning at 1,234 ms"
    )


def test_what_could_not_be_computed_fails_and_says_why(walk: WalkForward) -> None:
    blank = replace(
        walk.evidence, win_test=None, adjusted_p=math.nan, interval=None, superior=None, overfitting=None,
        null_band=None, deflated=None, deflated_clusters=None, plan=None, gain=None, miscalibration=None, bankroll=None,
    )  # fmt: skip
    unknown = {n: g for n, g in judged(walk, blank).items() if math.isnan(g.figure) or math.isnan(g.threshold)}
    assert {"power", "beats the price", "not overfit", "calibrated", "deflation veto", "holdout"} <= set(unknown)
    assert not any(gate.passed for gate in unknown.values())
    assert all(gate.note or gate.change for gate in unknown.values())


@pytest.mark.parametrize("name", list(Policy.model_fields))
def test_a_required_gate_decides_and_a_reported_one_does_not(walk: WalkForward, name: str) -> None:
    def failed(need: str) -> tuple[str, ...]:
        only = {other: {"need": "reported"} for other in Policy.model_fields} | {name: {"need": need}}
        experiment = small(gates=only, costs="seed-tuned")
        blank = replace(
            walk.evidence, win_test=None, adjusted_p=math.nan, interval=None, superior=None, overfitting=None,
            null_band=None, deflated=None, plan=None, gain=None, miscalibration=None, without_best_fold=math.nan,
            sensitivity=replace(
                walk.evidence.sensitivity, latency=None, levers=(),
                cost=replace(walk.evidence.sensitivity.cost, mean=-walk.evidence.sensitivity.cost.at - 1.0),
            ),
        )  # fmt: skip
        verdict = judge(blank, walk.out_of_sample, experiment, False, NOTHING)
        assert not verdict.edge
        return verdict.failed

    assert failed("reported") == ()
    assert len(failed("required")) > 0


def test_every_failed_gate_of_a_losing_strategy_says_what_would_change_it(walk: WalkForward) -> None:
    oos = walk.out_of_sample
    lost = replace(oos, won=np.where(oos.won >= 0, 0, -1).astype(np.int8), returns=np.where(oos.won >= 0, -1.0, 0.0))
    experiment = small()
    curves = walk.evidence.sensitivity
    sunk = replace(curves, cost=replace(curves.cost, mean=curves.cost.mean - 1.0), latency=None)
    found = weigh(walk.sweep, lost, walk.folds, walk.evidence.family, experiment, np.random.default_rng(1), jobs=2)
    verdict = judge(Evidence.of(found, sunk), lost, experiment, False, NOTHING)
    assert not verdict.edge
    assert {"causal", "beats the price", "profit", "survives cost", "survives latency"} <= set(verdict.failed)
    assert all(gate.change for gate in verdict.gates if gate.need == "required" and not gate.passed)


def test_nothing_is_to_be_changed_where_everything_passed(walk: WalkForward) -> None:
    assert all(gate.change == "" for gate in judged(walk).values() if gate.passed)


def test_a_bankroll_that_no_float_holds_is_infinite_and_passes(walk: WalkForward) -> None:
    rich = Monitoring(np.array([800.0]), Bankroll(800.0, 800.0, 1), 0, 0.05)
    gate = judged(walk, replace(walk.evidence, bankroll=rich))["bankroll"]
    assert gate.passed
    assert gate.figure == math.inf


def opened(times: int, p_value: float | None) -> Standing:
    looks = tuple(Opening(SEAL, "an idea", "e1", k) for k in range(times))
    return Standing(None, SEAL, looks, {"p_value": p_value, "bets": 30, "wins": 20})


def test_the_holdout_gate_says_how_often_it_was_opened(walk: WalkForward) -> None:
    assert judged(walk)["holdout"].note == "nothing was sealed"
    assert "register" in judged(walk)["holdout"].change
    sealed = judged(walk, standing=replace(NOTHING, seal=SEAL))["holdout"]
    assert (sealed.note, sealed.passed) == ("sealed, not opened", False)
    once = judged(walk, standing=opened(1, 0.01))["holdout"]
    assert (once.note, once.passed, once.figure) == ("opened 1 time, 0 by this idea", True, 0.01)
    twice = judged(walk, standing=opened(2, 0.2))["holdout"]
    assert twice.note == "opened 2 times, 0 by this idea; after the first look it is no holdout"
    assert not twice.passed
    assert not judged(walk, standing=opened(1, None))["holdout"].passed


def weigh_again(walk: WalkForward, **changes: Any) -> Statistics:
    family, rng = walk.evidence.family, np.random.default_rng(7)
    return weigh(walk.sweep, walk.out_of_sample, walk.folds, family, small(**changes), rng, jobs=2)


@pytest.fixture(scope="module")
def weighed(walked: RunResult) -> Statistics:
    assert walked.walk_forward is not None
    return weigh_again(walked.walk_forward, gates={"overfit": {"blocks": 8, "null_draws": 20}})


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({"profit": {"level": 0.60}}, "interval"),
        ({"superior": {"draws": 150}}, "superior"),
        ({"overfit": {"blocks": 4}}, "overfitting"),
        ({"overfit": {"blocks": 8, "null_draws": 30}}, "null_band"),
        ({"overfit": {"minimum_configurations": 1000}}, "overfitting"),
        ({"sample": {"power": 0.95}}, "plan"),
        ({"sample": {"edge": 0.011}}, "planned_edge"),
        ({"discovery": {"alpha": 0.01}}, "bankroll"),
    ],
)
def test_a_setting_of_the_policy_changes_the_statistic_it_is_about(
    walk: WalkForward, weighed: Statistics, changes: dict[str, Any], moved: str
) -> None:
    assert repr(getattr(weigh_again(walk, gates=changes), moved)) != repr(getattr(weighed, moved))


def test_the_verdict_of_the_run_is_the_judgement_of_its_evidence(walked: RunResult, walk: WalkForward) -> None:
    again = judge(walk.evidence, walk.out_of_sample, walked.experiment, True, walk.standing)
    assert again == walk.verdict
    assert isinstance(again, Verdict)


def test_a_gates_file_reaches_the_judge(walk: WalkForward, tmp_path: Path) -> None:
    from research.policy import read_policy

    path = tmp_path / "gates.toml"
    path.write_text("[sample]\nmin_rarer_outcome = 10000\n")
    gates = read_policy(path).model_dump()
    assert judged(walk, gates=gates)["sample"].threshold == 10_000
