"""Coverage of 95 % intervals against the stored simulation bench: one function per column of the rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from arena.validation.bets import two_point, win_rate_interval
from arena.validation.sharpe import moments, standard_error_hac, standard_error_normal
from arena.validation.sharpe_inference import normal_interval

Row = dict[str, Any]
Covers = Callable[[Row, np.ndarray, np.random.Generator], bool]


def draw(row: Row, rng: np.random.Generator) -> np.ndarray:
    """One series of the generator that the row names."""
    if row["kind"] == "ar1":
        noise = rng.normal(size=row["T"] + 200) * math.sqrt(1 - row["phi"] ** 2)
        return row["sr"] + lfilter([1.0], [1.0, -row["phi"]], noise)[200:]
    price = row.get("p", 0.5)
    return np.where(rng.random(row["T"]) < row["w"], (1 - price) / price, -1.0)


def true_sharpe(row: Row) -> float:
    return row["sr"] if row["kind"] == "ar1" else two_point(row["w"], row.get("p", 0.5)).sharpe


def zero_ddof_sharpe(x: np.ndarray) -> float:
    return moments(x).sharpe * math.sqrt(x.size / (x.size - 1))


def hac_normal(row: Row, x: np.ndarray, rng: np.random.Generator) -> bool:
    interval = normal_interval(zero_ddof_sharpe(x), standard_error_hac(x, row["hac_lag"]))
    return interval.lower <= true_sharpe(row) <= interval.upper


def lo_iid_normal(row: Row, x: np.ndarray, rng: np.random.Generator) -> bool:
    estimate = zero_ddof_sharpe(x)
    interval = normal_interval(estimate, standard_error_normal(estimate, x.size))
    return interval.lower <= true_sharpe(row) <= interval.upper


def clopper_pearson_winrate(row: Row, x: np.ndarray, rng: np.random.Generator) -> bool:
    interval = win_rate_interval(int((x > 0).sum()), x.size)
    return interval.lower <= row["w"] <= interval.upper


RUNS: dict[Covers, int] = {hac_normal: 2500, lo_iid_normal: 2500, clopper_pearson_winrate: 2500}
CASES = [
    (name, column)
    for name in ("ci_ar1_phi0.3", "ci_ar1_phi0", "ci_binary_w0.55", "ci_longshot_p0.05_w0.06")
    for column in RUNS
    if "ar1" not in name or column is not clopper_pearson_winrate
]


@pytest.mark.parametrize(("name", "column"), CASES, ids=[f"{name}-{column.__name__}" for name, column in CASES])
def test_the_interval_covers_as_often_as_simulated(name: str, column: Covers, reference_folder: Path) -> None:
    bench = json.loads((reference_folder / "sim_bands.json").read_text())["bootstrap_ci"]
    row, runs = next(r for r in bench if r["name"] == name), RUNS[column]
    rng = np.random.default_rng(row["seed"] + 1)
    ours = np.mean([column(row, draw(row, rng), rng) for _ in range(runs)])
    rate = row[column.__name__]["coverage"]
    assert abs(ours - rate) <= 3.5 * math.sqrt(rate * (1 - rate) * (1 / runs + 1 / row["reps"])) + 0.5 / runs
