"""Small walk-forwards, run once and read by many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from research.experiment import Experiment, build
from research.result import RunResult
from research.run import run
from research.trials.ledger import TrialLedger


def small(**changes: object) -> Experiment:
    """Two lab days, 24 configurations, 3 folds."""
    raw: dict[str, object] = {
        "data": {"lab": {"days": 2}},
        "grid": {"size": 24},
        "folds": {"count": 3, "train_blocks": 2},
        "objective": {"min_bets": 5},
        "gates": {"overfit": {"blocks": 8, "null_draws": 20}},
    }
    return build(raw | changes, "test")


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    """A ledger that nothing was ever entered in."""
    return TrialLedger(tmp_path / "trials.db")


@pytest.fixture(scope="session")
def walked_ledger(tmp_path_factory: pytest.TempPathFactory) -> TrialLedger:
    """The ledger that ``walked`` was entered in, and nothing else."""
    return TrialLedger(tmp_path_factory.mktemp("ledger") / "trials.db")


@pytest.fixture(scope="session")
def walked(lab_folder: Path, walked_ledger: TrialLedger) -> RunResult:
    return run(small(), ledger=walked_ledger, jobs=2, data_folder=lab_folder)
