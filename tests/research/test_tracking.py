"""The tracking store: what a run leaves there, and that it keeps quiet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from research.report import write_report
from research.report.needs import needs
from research.result import RunResult
from research.tracking import TrackedRun, TrackingError, log_run, resolve_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def open_client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/mlflow.db"


@pytest.fixture(scope="module")
def report(walked: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(walked, tmp_path_factory.mktemp("report") / "some.html")


@pytest.fixture(scope="module")
def tracked(walked: RunResult, report: Path, store: str) -> TrackedRun:
    return log_run(walked, report, store)


@pytest.fixture(scope="module")
def client(store: str, tracked: TrackedRun) -> MlflowClient:
    return open_client(store)


def children(client: MlflowClient, parent: TrackedRun, kind: str) -> list[Run]:
    experiment = client.get_experiment_by_name(parent.experiment_name)
    wanted = f"tags.`mlflow.parentRunId` = '{parent.run_id}' and tags.`arena.kind` = '{kind}'"
    found: list[Run] = client.search_runs([experiment.experiment_id], wanted)
    return sorted(found, key=lambda run: run.info.run_name)


def test_the_parent_holds_levers_evidence_gates_and_provenance(
    client: MlflowClient, tracked: TrackedRun, walked: RunResult
) -> None:
    assert walked.walk_forward is not None
    run = client.get_run(tracked.run_id)
    assert run.info.status == "FINISHED"
    params, metrics, tags = run.data.params, run.data.metrics, run.data.tags
    assert {name: float(params[name]) for name in walked.presets[0].configuration.values()} == pytest.approx(
        walked.presets[0].configuration.values(), rel=1e-5
    )
    assert params["seed"] == "1"
    assert params["costs"] == "venue"
    assert params["execution"] == "latency"
    assert metrics["bets"] == walked.walk_forward.out_of_sample.by_costs["venue"].bets
    evidence = walked.walk_forward.evidence
    assert (metrics["trials"], metrics["ideas"], metrics["family"]) == (evidence.family.trials, 1, 1)
    assert metrics["profitable_neighbours"] == evidence.sensitivity.profitable_neighbours
    assert metrics["bankroll_highest"] == pytest.approx(evidence.highest_bankroll)
    assert tags["ledger_entry"] == walked.walk_forward.ledger_entry
    assert tags["standing"] == "not registered; no holdout"
    assert tags["needs"].splitlines() == list(needs(walked))
    assert tags["gate.sample"] in ("pass", "fail")
    assert tags["verdict"] == ("EDGE" if walked.walk_forward.verdict.edge else "NO EDGE")
    assert {f"data.sha256.{table}" for table in walked.data.digests} <= set(tags)
    assert {"version.python", "version.numpy", "version.mlflow", "venue_rules"} <= set(tags)


def test_folds_and_presets_are_nested_runs(client: MlflowClient, tracked: TrackedRun, walked: RunResult) -> None:
    assert walked.walk_forward is not None
    folds = children(client, tracked, "fold")
    assert [run.info.run_name for run in folds] == ["fold 1", "fold 2", "fold 3"]
    assert [run.data.metrics["test_bets"] for run in folds] == [f.test_bets for f in walked.walk_forward.folds]
    series = client.get_metric_history(tracked.run_id, "fold_test_score")
    assert [m.step for m in series] == [1, 2, 3]


def test_the_return_by_latency_and_by_cost_is_a_series(
    client: MlflowClient, tracked: TrackedRun, walked: RunResult
) -> None:
    assert walked.walk_forward is not None
    curves = walked.walk_forward.evidence.sensitivity
    assert curves.latency is not None
    for name, curve, scale in (("latency", curves.latency, 1), ("cost", curves.cost, 100)):
        history = client.get_metric_history(tracked.run_id, f"return_by_{name}")
        assert {m.step: m.value for m in history} == pytest.approx(
            {round(at * scale): mean for at, mean in zip(curve.at, curve.mean, strict=True)}
        )


def test_two_presets_compare_by_the_same_names(client: MlflowClient, tracked: TrackedRun, walked: RunResult) -> None:
    one, other = children(client, tracked, "preset")
    assert set(one.data.params) == set(other.data.params) == {lever.name for lever in walked.strategy.levers}
    shared = set(one.data.metrics) & set(other.data.metrics)
    assert {"bets", "max_drawdown", "brier", "pnl_usd.venue", "pnl_usd.seed-default", "pnl_usd.seed-tuned"} <= shared


def test_artifacts_can_be_read_back(client: MlflowClient, tracked: TrackedRun, walked: RunResult, report: Path) -> None:
    assert walked.walk_forward is not None
    folder = Path(client.download_artifacts(tracked.run_id, ""))
    assert (folder / "tear_sheet.html").read_bytes() == report.read_bytes()
    assert json.loads((folder / "experiment.json").read_text()) == walked.experiment.model_dump(mode="json")
    assert json.loads((folder / "result.json").read_text())["strategy"] == walked.strategy.id
    trades = pl.read_parquet(folder / "trades.parquet").filter(pl.col("account") == "out_of_sample")
    assert trades["pnl_usd"].sum() == pytest.approx(walked.walk_forward.out_of_sample.run.pnl.sum() / 1e6)
    assert trades["market_id"].str.starts_with("btc-updown").all()
    equity = pl.read_parquet(folder / "equity.parquet")
    assert set(equity["account"]) == {"out_of_sample", *(preset.name for preset in walked.presets)}


def test_an_interrupted_run_is_marked_killed(walked: RunResult, store: str, client: MlflowClient) -> None:
    stopped = log_run(replace(walked, walk_forward=None, presets=(), interrupted=True), None, store)
    assert client.get_run(stopped.run_id).info.status == "KILLED"


def test_the_environment_chooses_the_store_when_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert resolve_uri(None) == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker:5000")
    assert resolve_uri(None) == "http://tracker:5000"
    assert resolve_uri("sqlite:///x.db") == "sqlite:///x.db"


def test_a_store_that_cannot_be_read_is_one_clear_sentence(walked: RunResult, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database")
    with pytest.raises(
        TrackingError, match=r"the tracking store sqlite:///.* failed: .*; check --tracking-uri"
    ) as error:
        log_run(walked, None, f"sqlite:///{tmp_path}/mlflow.db")
    assert "\n" not in str(error.value)


def test_a_fresh_store_is_made_in_silence(tmp_path: Path) -> None:
    """The first use of a store is the noisy one: MLflow then creates and migrates its tables."""
    code = (
        "from research.tracking import _store, resolve_uri\n"
        "with _store(resolve_uri(None)) as client: client.search_experiments()"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "mlflow.db").stat().st_size > 0


def test_logging_is_silent(walked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logged = log_run(walked, None, f"sqlite:///{tmp_path}/mlflow.db")
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "mlartifacts" / "BTC_5M" / logged.run_id).is_dir()
    assert logged.run_id in logged.url_hint
