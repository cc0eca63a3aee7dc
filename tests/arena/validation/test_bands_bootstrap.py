"""Coverage of the stationary bootstrap's intervals of the Sharpe ratio against the simulation bench."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from arena.validation.bootstrap import bootstrap_interval

ROWS = ("ci_ar1_phi0.3", "ci_ar1_phi0", "ci_binary_w0.55", "ci_longshot_p0.05_w0.06")
COLUMNS = {"sb_percentile": "percentile", "sb_basic": "basic"}


def draw(row: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A series of the generator that the row names, and its true Sharpe ratio."""
    if row["kind"] == "ar1":
        burn, phi = 50, row["phi"]
        shocks = rng.normal(scale=math.sqrt(1 - phi * phi), size=burn + row["T"])
        return row["sr"] + lfilter([1.0], [1.0, -phi], shocks)[burn:], row["sr"]
    w, price = row["w"], row.get("p", 0.5)
    won = rng.random(row["T"]) < w
    return np.where(won, (1 - price) / price, -1.0), (w - price) / math.sqrt(w * (1 - w))


def compare(name: str, runs: int, folder: Path) -> None:
    row = next(r for r in json.loads((folder / "sim_bands.json").read_text())["bootstrap_ci"] if r["name"] == name)
    rng = np.random.default_rng(row["seed"] + 1)
    hits = dict.fromkeys(COLUMNS, 0)
    for _ in range(runs):
        x, true = draw(row, rng)
        seed = rng.integers(2**63)
        for column, method in COLUMNS.items():
            found = bootstrap_interval(
                x,
                np.random.default_rng(seed),
                method=method,
                block=float(row["block"]),
                draws=row["B"],  # type: ignore[arg-type]
            )
            hits[column] += found.lower <= true <= found.upper
    for column, count in hits.items():
        rate = row[column]["coverage"]
        allowed = 3.5 * math.sqrt(rate * (1 - rate) * (1 / runs + 1 / row["reps"])) + 0.5 / runs
        assert abs(count / runs - rate) <= allowed, (column, count / runs, rate)


@pytest.mark.parametrize("name", ROWS)
def test_a_thin_run_covers_as_often_as_simulated(name: str, reference_folder: Path) -> None:
    compare(name, 150, reference_folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_full_run_covers_as_often_as_simulated(name: str, reference_folder: Path) -> None:
    compare(name, 2500, reference_folder)
