"""Small studies, run once and read by many tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from research.study.market import LabMarket, open_market
from research.study.pool import run_study
from research.study.records import MarketRecord
from research.study.settings import Settings, Task

RUNS = 2


@dataclass(frozen=True)
class Study:
    settings: Settings
    folder: Path
    records: list[MarketRecord]


def settings(mode: str) -> Settings:
    return Settings.of(mode, days=1, grid=40, redraws=3, lags_ms=(1500,), at_days=(1,))


@pytest.fixture(scope="session")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("fair")
    return Study(settings("fair"), folder, run_study(settings("fair"), RUNS, folder, workers=1))


@pytest.fixture(scope="session")
def efficient(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("efficient")
    return Study(settings("efficient"), folder, run_study(settings("efficient"), 1, folder, workers=1))


@pytest.fixture(scope="session")
def lagged(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("lagged")
    return Study(settings("lagged"), folder, run_study(settings("lagged"), RUNS, folder, workers=1))


@pytest.fixture(scope="session")
def market() -> LabMarket:
    return open_market(settings("fair").experiment(Task(0, 0)))
