"""The command line: what it refuses, in one line with exit code 2, before anything is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from research.cli.backtest import app

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_TRIALS", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["btc_6m"], "unknown strategy 'btc_6m'; did you mean BTC_5M?"),
        (["run"], "name a strategy"),
        (["btc-5m", "--set", "min_egde=0.1"], "did you mean min_edge"),
        (["BTC_5M", "--set", "min_edge=3"], "accepts 0 to 0.5 USD/share"),
        (["btc_5m", "--set", "min_edge"], "not LEVER=NUMBER"),
        (["btc_5m", "--preset", "lucky"], "no preset 'lucky'"),
        (["btc_5m", "--costs", "free"], "costs"),
        (["btc_5m", "--execution", "psychic"], "execution.model"),
        (["btc_5m", "--data", "nowhere"], "no catalog at nowhere"),
        (["btc_5m", "--data", "lab:lucky"], "data.lab.mode"),
        (["btc_5m", "--folds", "0", "--walk-forward"], "folds.count"),
        (["btc_5m", "--grid", "0", "--walk-forward"], "grid.size"),
        (["--walk-forward", "btc_6m"], "unknown strategy 'btc_6m'"),
        (["--experiment", "none.toml"], "there is no experiment file none.toml"),
        (["btc_5m", "--gates", "none.toml"], "there is no gates file none.toml"),
        (["register", "none.toml"], "there is no experiment file none.toml"),
        (["open", "none.toml"], "there is no experiment file none.toml"),
        (["check", "btc_9m"], "unknown strategy"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_and_writes_nothing(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    outcome = RUNNER.invoke(app, arguments)
    assert outcome.exit_code == 2, outcome.output
    assert says in outcome.stderr
    assert outcome.stderr.strip().count("\n") == 0
    assert outcome.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_help_teaches_with_examples_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom research.cli.backtest import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numba', 'polars', 'numpy', 'mlflow', 'plotly', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--walk-forward" in done.stdout


def test_ls_lists_every_lever_with_unit_bounds_and_presets() -> None:
    from arena.strategies import load

    outcome = RUNNER.invoke(app, ["ls"])
    assert outcome.exit_code == 0
    for lever in load("btc_5m").levers:
        assert lever.name in outcome.stdout
    assert "seed lever 5" in outcome.stdout.replace("\n", " ") or "lever 5" in outcome.stdout


@pytest.fixture
def some_hours(tmp_path: Path, lab_folder: Path) -> list[str]:
    """Arguments of a walk-forward over six hours of a lab market."""
    from arena.lab.config import LabConfig
    from research.lab_store import lab_catalog

    catalog = lab_catalog(LabConfig(days=1, seed=3, lag_ms=1500), lab_folder).path
    (tmp_path / "gates.toml").write_text("[sample]\nmin_rarer_outcome = 7\n")
    (tmp_path / "some.toml").write_text(
        f'data = {{catalog = "{catalog}", end = 2026-09-14T06:00:00Z}}\n'
        "grid.size = 4\nfolds = {count = 2, train_blocks = 2}\nobjective.min_bets = 1\n"
    )
    return ["--experiment", "some.toml", "--walk-forward", "--no-track", "--gates", "gates.toml", "--idea", "be early"]


def test_json_is_one_document_and_nothing_else(some_hours: list[str], tmp_path: Path) -> None:
    outcome = RUNNER.invoke(app, [*some_hours, "--json"])
    assert outcome.exit_code == 0, outcome.output
    document = json.loads(outcome.stdout)
    assert document["verdict"] == "NO EDGE"
    assert document["experiment"]["gates"]["sample"]["min_rarer_outcome"] == 7
    assert document["experiment"]["idea"] == "be early"
    assert document["evidence"]["family"]["trials"] > 4
    assert Path(document["report"]).is_file()
    assert (tmp_path / "trials.db").is_file()


def test_a_run_ends_with_what_the_edge_needs_what_was_tried_and_where_it_stands(some_hours: list[str]) -> None:
    outcome = RUNNER.invoke(app, some_hours)
    assert outcome.exit_code == 0, outcome.output
    begins = [line.split(":")[0] for line in outcome.stdout.splitlines() if ":" in line]
    assert {"Needs", "Trials", "Standing", "Data", "Report"} <= set(begins)


def test_names_are_case_and_dash_insensitive() -> None:
    from arena.strategies import load

    assert load("btc-5m") is load("BTC_5M") is load(" Btc_5m ")
