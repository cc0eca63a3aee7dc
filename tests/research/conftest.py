"""A small walk-forward, run once and read by many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from research.experiment import Experiment, build
from research.result import RunResult
from research.run import run


def small(**changes: object) -> Experiment:
    """Two lab days, 24 configurations, 3 folds."""
    raw: dict[str, object] = {
        "data": {"lab": {"days": 2}},
        "grid": {"size": 24},
        "folds": {"count": 3, "train_blocks": 2},
        "objective": {"min_bets": 5},
        "gates": {"null_draws": 20, "cscv_blocks": 8},
    }
    return build(raw | changes, "test")


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def walked(lab_folder: Path) -> RunResult:
    return run(small(), jobs=2, data_folder=lab_folder)
