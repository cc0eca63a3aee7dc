"""The lab markets of the core's tests, generated once per session."""

from __future__ import annotations

import pytest

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.lab.tables import LabTables


@pytest.fixture(scope="session")
def lab_config() -> LabConfig:
    """Two days of a market whose maker is one second late."""
    return LabConfig(days=2, seed=11, lag_ms=1000)


@pytest.fixture(scope="session")
def lab(lab_config: LabConfig) -> LabTables:
    """The tables of :func:`lab_config`."""
    return generate(lab_config)
