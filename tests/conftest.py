"""Shared fixtures: where the optional recordings and reference values live."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run: a check that fails once in fifty runs teaches people to press the button again.
# `make validate` draws fresh ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("fresh", derandomize=False)
settings.load_profile(os.environ.get("ARENA_HYPOTHESIS", "repeatable"))

SHARED = Path(os.environ.get("ARENA_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """Folder with published reference values; skips the test where it is absent."""
    folder = SHARED / "reference" / "validation"
    if not folder.is_dir():
        pytest.skip(f"reference values are not on this machine ({folder}); set ARENA_SHARED to point at them")
    return folder


@pytest.fixture(scope="session")
def recordings_folder() -> Path:
    """Folder with recorded market data; skips the test where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"recordings are not on this machine ({folder}); set ARENA_SHARED to point at them")
    return folder
