"""What a run enters in the trial ledger: every configuration it evaluates, once, before it looks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.lab.config import LabConfig
from arena.market.catalog import Catalog
from research import run as running
from research.experiment import Experiment, build
from research.lab_store import lab_catalog
from research.record import world_of
from research.result import RunResult
from research.run import run
from research.standing import VERDICT
from research.trials.ledger import TrialLedger


@pytest.fixture(scope="module")
def catalog(lab_folder: Path) -> Path:
    return lab_catalog(LabConfig(days=1, seed=3, lag_ms=1500), lab_folder).path


def hours(catalog: Path, **changes: Any) -> Experiment:
    """Six hours, four configurations."""
    raw: dict[str, Any] = {
        "data": {"catalog": str(catalog), "end": "2026-09-14T06:00:00Z"},
        "grid": {"size": 4},
        "folds": {"count": 2, "train_blocks": 2},
        "objective": {"min_bets": 1},
    }
    return build(raw | changes, "test")


def world(ledger: TrialLedger) -> str:
    (name,) = {look.look.world for look in ledger.looks("BTC_5M")}
    return name


def trials(ledger: TrialLedger) -> int:
    return len(ledger.trials("BTC_5M", world(ledger)))


def test_the_grid_the_other_presets_and_every_neighbour_count(walked: RunResult, walked_ledger: TrialLedger) -> None:
    assert walked.walk_forward is not None
    moves = walked.walk_forward.evidence.sensitivity.moves
    assert len(moves) > 0
    looks = walked_ledger.looks("BTC_5M")
    assert [(look.look.kind, look.configurations, look.state) for look in looks] == [
        ("presets", 1, "finished"),
        ("walk-forward", 24, "finished"),
        ("sensitivity", 1 + len(moves), "finished"),
    ]
    assert walked.walk_forward.evidence.family.trials == 24 + 1 + 1 + len(moves)
    assert walked.walk_forward.evidence.family.sidak_family == 1


def test_the_verdict_is_noted_and_its_entry_kept_with_the_result(walked: RunResult, walked_ledger: TrialLedger) -> None:
    assert walked.walk_forward is not None
    (note,) = walked_ledger.notes("BTC_5M", VERDICT)
    assert note.digest == walked.walk_forward.ledger_entry
    assert note.body["edge"] == walked.walk_forward.verdict.edge
    assert note.body["failed"] == list(walked.walk_forward.verdict.failed)
    assert walked_ledger.verify().head == note.digest


def test_a_repeated_run_is_another_look_but_adds_no_trial(catalog: Path, ledger: TrialLedger) -> None:
    first, second = (run(hours(catalog), ledger=ledger) for _ in range(2))
    assert first.walk_forward is not None
    assert second.walk_forward is not None
    assert len(ledger.looks("BTC_5M")) == 6
    assert trials(ledger) == first.walk_forward.evidence.family.trials
    assert second.walk_forward.evidence.family == first.walk_forward.evidence.family
    assert second.walk_forward.verdict == first.walk_forward.verdict


def test_what_is_shown_beside_a_run_or_said_of_its_data_makes_no_other_experiment(
    catalog: Path, ledger: TrialLedger
) -> None:
    first = run(hours(catalog), ledger=ledger).walk_forward
    data = {"catalog": str(catalog), "end": "2026-09-14T06:00:00Z", "note": "the same, explained"}
    second = run(hours(catalog, compare=["seed", "seed-default"], data=data), ledger=ledger).walk_forward
    assert first is not None
    assert second is not None
    assert (second.evidence.family.attempt, second.evidence.family.earlier) == (1, 0)
    assert second.evidence.adjusted_p == first.evidence.adjusted_p


def test_a_new_seed_or_lever_under_another_idea_adds_trials_to_the_family(catalog: Path, ledger: TrialLedger) -> None:
    counted = []
    for changes in ({}, {"seed": 2}, {"idea": "dearer edges", "levers": {"min_edge": 0.05}}):
        walk = run(hours(catalog, **changes), ledger=ledger).walk_forward
        assert walk is not None
        counted.append(walk.evidence.family)
    assert counted[0].trials < counted[1].trials < counted[2].trials
    assert [family.ideas for family in counted] == [1, 1, 2]
    assert (counted[0].earlier, counted[1].earlier) == (0, counted[0].trials)
    assert counted[2].sidak_family > 1


def test_the_same_configurations_under_another_name_are_no_new_trials(catalog: Path, ledger: TrialLedger) -> None:
    run(hours(catalog), ledger=ledger, walk_forward=False)
    before = trials(ledger)
    run(hours(catalog, idea="the same again"), ledger=ledger, walk_forward=False)
    assert trials(ledger) == before == 2
    assert [look.look.idea for look in ledger.looks("BTC_5M")] == ["ad hoc", "the same again"]


def test_what_was_tried_in_one_world_does_not_count_in_another(
    catalog: Path, walked_ledger: TrialLedger, walked: RunResult
) -> None:
    assert walked.walk_forward is not None
    assert trials(walked_ledger) == walked.walk_forward.evidence.family.trials
    assert world(walked_ledger).startswith("lab ")
    assert world(walked_ledger) != world_of(Catalog.open(catalog))
    assert len(walked_ledger.trials("BTC_5M", world_of(Catalog.open(catalog)))) == 0


def test_a_lab_market_is_the_same_world_under_any_name(catalog: Path, tmp_path: Path) -> None:
    renamed = shutil.copytree(catalog, tmp_path / "my recordings")
    assert world_of(Catalog.open(renamed)) == world_of(Catalog.open(catalog))


@pytest.mark.parametrize(("stop", "why"), [(KeyboardInterrupt, "interrupted"), (ValueError, "ValueError: out of luck")])
def test_configurations_of_a_run_that_was_stopped_or_failed_count(
    catalog: Path, ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException], why: str
) -> None:
    def end(*_: object, **__: object) -> None:
        # Entered before anything was evaluated.
        assert trials(ledger) == 4 + 1
        raise stop("out of luck")

    monkeypatch.setattr(running, "sweep", end)
    if stop is KeyboardInterrupt:
        assert run(hours(catalog), ledger=ledger).interrupted
    else:
        with pytest.raises(stop):
            run(hours(catalog), ledger=ledger)
    looks = ledger.looks("BTC_5M")
    assert [look.look.kind for look in looks] == ["presets", "walk-forward"]
    assert [(look.state, look.why) for look in looks if look.state != "finished"][-1] == ("failed", why)
    monkeypatch.undo()
    walk = run(hours(catalog, seed=2), ledger=ledger).walk_forward
    assert walk is not None
    assert walk.evidence.family.earlier == 5
    assert walk.evidence.family.sidak_family > 1


def test_a_run_stopped_while_it_prepares_counts(
    catalog: Path, ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "prepare", stop)
    with pytest.raises(KeyboardInterrupt):
        run(hours(catalog), ledger=ledger)
    assert [look.state for look in ledger.looks("BTC_5M")] == ["failed", "failed"]
    assert trials(ledger) == 5


def test_earlier_trials_deflate_the_same_result_further(catalog: Path, tmp_path: Path) -> None:
    fresh, used = TrialLedger(tmp_path / "fresh.db"), TrialLedger(tmp_path / "used.db")
    run(hours(catalog, seed=2, grid={"size": 40}), ledger=used, jobs=2)
    alone, burdened = (run(hours(catalog), ledger=ledger).walk_forward for ledger in (fresh, used))
    assert alone is not None
    assert burdened is not None
    assert np.array_equal(burdened.sweep.returns, alone.sweep.returns)
    assert burdened.evidence.win_test == alone.evidence.win_test
    assert burdened.evidence.family.sidak_family > alone.evidence.family.sidak_family == 1
    assert (alone.evidence.family.attempt, burdened.evidence.family.attempt) == (1, 2)
    assert burdened.evidence.adjusted_p >= alone.evidence.adjusted_p
    assert burdened.evidence.deflated is not None
    assert alone.evidence.deflated is not None
    assert burdened.evidence.deflated.trials > alone.evidence.deflated.trials
    assert burdened.evidence.deflated.probability < alone.evidence.deflated.probability
