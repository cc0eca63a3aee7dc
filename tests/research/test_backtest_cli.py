"""The command line: what it refuses, in one line with exit code 2, before anything is written."""

from __future__ import annotations

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


def test_names_are_case_and_dash_insensitive() -> None:
    from arena.strategies import load

    assert load("btc-5m") is load("BTC_5M") is load(" Btc_5m ")
