"""Size and power of the data-snooping tests against the simulation bench."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from arena.validation.spa import superior_ability

COLUMNS = {"spa_lower": "lower", "spa_consistent": "consistent", "spa_upper": "upper", "white_rc_raw": "white"}
ROWS = ("size_gauss", "size_ar0.3", "size_binary", "power_one_good", "power_one_good_many_bad_noisy")


def draw(row: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """``mu + sigma (sqrt(1-rho) own + sqrt(rho) common)``, autoregressive with unit variance, or its sign."""
    burn, phi = 50, row["phi"]
    shocks = rng.normal(scale=math.sqrt(1 - phi * phi), size=(burn + row["T"], row["K"] + 1))
    series = lfilter([1.0], [1.0, -phi], shocks, axis=0)[burn:]
    x = math.sqrt(1 - row["rho"]) * series[:, 1:] + math.sqrt(row["rho"]) * series[:, :1]
    x = np.array(row["mu"]) + np.array(row.get("sigma", 1.0)) * x
    return np.sign(x) if row["kind"] == "binary" else x


def compare(name: str, runs: int, folder: Path) -> None:
    row = next(r for r in json.loads((folder / "sim_bands.json").read_text())["spa"] if r["name"] == name)
    rng = np.random.default_rng(row["seed"] + 1)
    rejected = dict.fromkeys(COLUMNS, 0)
    for _ in range(runs):
        found = superior_ability(draw(row, rng), rng, block=row["block"], draws=row["B"])
        for column, p in COLUMNS.items():
            rejected[column] += getattr(found, p) <= 0.05
    for column, count in rejected.items():
        rate = row[column]["rate"]
        allowed = 3.5 * math.sqrt(rate * (1 - rate) * (1 / runs + 1 / row["reps"])) + 0.5 / runs
        top = row[column]["band99"][1] + 3 / runs
        assert abs(count / runs - rate) <= (allowed if rate else top), (column, count / runs, rate)


@pytest.mark.parametrize("name", ROWS)
def test_a_thin_run_rejects_as_often_as_simulated(name: str, reference_folder: Path) -> None:
    compare(name, 150, reference_folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_full_run_rejects_as_often_as_simulated(name: str, reference_folder: Path) -> None:
    compare(name, 1500, reference_folder)
