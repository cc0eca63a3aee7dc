"""The main job as a function: same inputs same outputs, and a verdict that knows the truth of the lab."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arena.errors import ConfigError, DataError
from research.experiment import build
from research.plan import plan
from research.result import RunResult, WalkForward
from research.run import run
from research.trials.ledger import TrialLedger
from tests.research.conftest import small


def test_every_test_window_follows_its_training_windows_with_a_gap(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    windows = walked.prepared.windows
    for fold in walked.walk_forward.folds:
        last_settled = windows["settle_ns"][fold.train_rows[1] - 1]
        first_decided = windows["open_ns"][fold.test_rows[0]]
        assert first_decided - last_settled >= walked.experiment.folds.embargo_s * 1e9


def test_test_folds_cover_the_stitched_series_once(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    rows = np.concatenate([np.arange(*fold.test_rows) for fold in walked.walk_forward.folds])
    assert np.array_equal(rows, walked.walk_forward.out_of_sample.rows)
    assert np.unique(rows).size == rows.size


def test_the_chosen_configuration_is_the_best_on_training_windows_alone(walked: RunResult) -> None:
    w = walked.walk_forward
    assert w is not None
    fraction = walked.presets[0].configuration.account.position_pct / 100
    for fold in w.folds:
        train = np.arange(*fold.train_rows)
        bets = (w.sweep.won[train] >= 0).sum(axis=0)
        score = np.log1p(fraction * w.sweep.returns[train]).mean(axis=0)
        score[bets < walked.experiment.objective.min_bets] = -np.inf
        assert fold.chosen == int(np.argmax(score))


def test_the_result_does_not_depend_on_the_number_of_threads(
    walked: RunResult, lab_folder: Path, ledger: TrialLedger
) -> None:
    again = run(small(), ledger=ledger, jobs=1, data_folder=lab_folder)
    assert walked.walk_forward is not None
    assert again.walk_forward is not None
    assert np.array_equal(again.walk_forward.sweep.returns, walked.walk_forward.sweep.returns)
    assert again.walk_forward.verdict == walked.walk_forward.verdict
    assert again.data.digests == walked.data.digests


def test_the_books_balance_after_every_event(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    assert walked.walk_forward.out_of_sample.run.unbalanced == 0
    assert all(preset.run.unbalanced == 0 for preset in walked.presets)


def test_each_cost_model_charges_the_same_trades_differently(walked: RunResult) -> None:
    assert walked.walk_forward is not None
    by_costs = walked.walk_forward.out_of_sample.by_costs
    fees = {name: summary.fee_usd / max(summary.staked_usd, 1e-9) for name, summary in by_costs.items()}
    assert fees["venue"] > fees["seed-default"] > fees["seed-tuned"] > 0


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_a_lagged_maker_is_an_edge_that_vanishes_beyond_his_lag_and_an_efficient_one_is_none(
    tmp_path: Path, ledger: TrialLedger, seed: int
) -> None:
    def walk(mode: str, network_ms: float) -> WalkForward:
        raw = {"data": {"lab": {"mode": mode, "seed": seed}}, "execution": {"network_ms": network_ms}}
        walked = run(build(raw, "test"), ledger=ledger, jobs=2, data_folder=tmp_path).walk_forward
        assert walked is not None
        return walked

    fast = walk("lagged", 50)
    assert fast.verdict.edge
    curve = fast.evidence.sensitivity.latency
    assert curve is not None
    # Nor does what was chosen for a fast line earn anything once it arrives after the maker has moved.
    late = curve.at >= 1500
    assert (curve.lower[late] <= 0.0).all()
    assert curve.mean[late].max() < 0.2 * curve.value(50)
    assert not walk("lagged", 1500).verdict.edge
    assert not walk("efficient", 50).verdict.edge


def test_an_empty_span_is_refused(lab_folder: Path, ledger: TrialLedger) -> None:
    late = small(data={"lab": {"days": 2}, "start": "2030-01-01T00:00:00Z"})
    with pytest.raises(DataError, match="no BTC 300 s windows"):
        run(late, ledger=ledger, data_folder=lab_folder)


def test_an_asset_that_is_not_in_the_catalog_is_refused(lab_folder: Path, ledger: TrialLedger) -> None:
    with pytest.raises(DataError, match="no ETH 300 s windows"):
        run(small(data={"lab": {"days": 2}, "asset": "eth"}), ledger=ledger, data_folder=lab_folder)


def test_too_many_folds_for_the_data_are_refused_in_one_sentence(lab_folder: Path, ledger: TrialLedger) -> None:
    with pytest.raises(DataError, match="does not fit the data"):
        run(
            small(folds={"count": 200, "train_blocks": 200}, data={"lab": {"days": 2}, "end": "2026-09-14T06:00:00Z"}),
            ledger=ledger,
            data_folder=lab_folder,
        )


def test_a_lever_that_has_no_looser_direction_cannot_be_swept() -> None:
    with pytest.raises(ConfigError, match="cannot vary"):
        plan(small(grid={"size": 5, "levers": {"filter_first": [0, 1]}}), walk_forward=True)


def test_an_interrupt_keeps_the_presets_that_had_finished(
    lab_folder: Path, ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("research.run.sweep", stop)
    result = run(small(), ledger=ledger, data_folder=lab_folder)
    assert result.interrupted
    assert [preset.name for preset in result.presets] == ["corrected", "seed"]
    assert result.walk_forward is None


def test_windows_of_two_recorders_are_not_mixed(tmp_path: Path, lab_folder: Path, ledger: TrialLedger) -> None:
    import polars as pl

    from arena.market.catalog import Catalog

    lab = Catalog.open(next(lab_folder.glob("lab-*")))
    rows = lab.scan("windows").collect().head(4)
    with Catalog.create(tmp_path / "two") as writer:
        writer.write("windows", pl.concat([rows, rows.with_columns(source=pl.lit("another"))]))
    with pytest.raises(DataError, match=r"recorded by another, lab; choose one with data\.source"):
        run(small(data={"catalog": str(tmp_path / "two")}), ledger=ledger)
