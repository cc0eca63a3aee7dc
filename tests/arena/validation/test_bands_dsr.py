"""False-positive rates and power of the deflated Sharpe ratio against the stored simulation bench.

Every column of every row is compared by the stored rule: once thinned, once at the stored size.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from arena.validation.bets import two_point
from arena.validation.deflation import Trials, deflated_sharpe, deflated_sharpe_null_variance, expected_maximum
from arena.validation.multiple import sidak
from arena.validation.sharpe import moments

ROWS = 20
RATES = (
    "dsr_V_from_trials",
    "dsr_V_1_over_T",
    "dsr_null_variance",
    "dsr_null_variance_varmaxK",
    "sidak_max_z",
    "naive_psr0_of_winner",
)
DESCRIPTION = {"name", "kind", "N", "T", "reps", "seed", "p", "rho", "sr", "w"}

Shape = tuple[float, float]  # skew and raw kurtosis of the winner


@cache
def rows(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "sim_bands.json").read_text())["dsr"]


def two_point_family(row: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, Shape]:
    """Sharpe ratios of independent columns that win or lose: functions of their binomial numbers of wins."""
    count, price = row["T"], row.get("p", 0.5)
    wins = rng.binomial(count, price, row["N"])
    if "w" in row:
        wins[0] = rng.binomial(count, row["w"])
    rate = wins / count
    sharpes = (rate - price) / np.sqrt(rate * (1 - rate)) * math.sqrt((count - 1) / count)
    best = two_point(float(rate[sharpes.argmax()]), price)
    return sharpes, (best.skew, best.kurtosis)


def matrix_family(row: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, Shape]:
    """Sharpe ratios of the columns of one simulated matrix, held with a column per row."""
    kind, size = row["kind"], (row["N"], row["T"])
    if kind == "t4":
        x = rng.standard_t(4, size)
    elif kind == "negskew":
        x = (2.0 - rng.standard_exponential(size) - rng.standard_exponential(size)) / math.sqrt(2.0)
    else:
        x = rng.standard_normal(size)
    if kind == "equicorr":
        x = math.sqrt(row["rho"]) * rng.standard_normal(row["T"]) + math.sqrt(1 - row["rho"]) * x
    if "sr" in row:
        x[0] += row["sr"]
    mean = x.mean(axis=1)
    square = np.einsum("ij,ij->i", x, x) / row["T"]
    sharpes = mean / np.sqrt((square - mean**2) * row["T"] / (row["T"] - 1))
    best = moments(x[sharpes.argmax()])
    return sharpes, (best.skew, best.kurtosis)


def columns(row: dict[str, Any], sharpes: np.ndarray, shape: Shape) -> dict[str, float]:
    """Rejections (0 or 1) and figures of one simulated family."""
    count, trials, best = row["T"], row["N"], float(sharpes.max())
    flat = Trials(1.0 / count, trials)

    def deflated(family: Trials) -> float:
        return deflated_sharpe(best, count, *shape, family, "approximate").probability

    def at_null(of_maximum: bool) -> float:
        # The bench takes the exact mean of the maximum only where it also takes its exact variance.
        method = "exact" if of_maximum else "approximate"
        return deflated_sharpe_null_variance(best, count, *shape, flat, method, of_maximum=of_maximum).probability

    found = {
        "dsr_V_1_over_T": deflated(flat) > 0.95,
        "dsr_null_variance": at_null(False) > 0.95,
        "dsr_null_variance_varmaxK": at_null(True) > 0.95,
        "naive_psr0_of_winner": deflated(Trials(0.0, 1)) > 0.95,
        "sidak_max_z": sidak([ndtr(-best * math.sqrt(count))], family=trials)[0] < 0.05,
    }
    figures = {"mean_max_SR_sqrtT": best * math.sqrt(count)}
    if trials > 1:
        family = Trials.of(sharpes)
        found["dsr_V_from_trials"] = deflated(family) > 0.95
        figures["mean_V_times_T"] = family.variance * count
    skilled = sharpes.argmax() == 0
    counts = skilled or "power" not in row["name"]
    return {name: float(rejected and counts) for name, rejected in found.items()} | figures | {
        "p_select_skilled": float(skilled)
    }  # fmt: skip


def compare(row: dict[str, Any], runs: int) -> None:
    rng = np.random.default_rng(row["seed"] + 1)
    family = two_point_family if row["kind"] in ("binary", "longshot", "favourite") else matrix_family
    drawn = [columns(row, *family(row, rng)) for _ in range(runs)]
    assert set(row) - DESCRIPTION - {"theory_fpr_dsr_gauss_large_T"} <= set(drawn[0])
    for name in drawn[0]:
        stored = row.get(name)
        if stored is None:
            continue
        ours = np.array([d[name] for d in drawn])
        if name in (*RATES, "p_select_skilled"):
            rate = stored["rate"] if name in RATES else stored
            noise = 3.5 * math.sqrt(rate * (1 - rate) * (1 / runs + 1 / row["reps"])) + 0.5 / runs
            allowed = noise if rate else stored["band99"][1] + 3 / runs
            assert abs(ours.mean() - rate) <= allowed, name
        else:
            noise = 3.5 * ours.std() * math.sqrt(1 / runs + 1 / row["reps"])
            assert abs(ours.mean() - stored) <= noise, name


@pytest.mark.parametrize("number", range(ROWS))
def test_the_deflated_sharpe_rejects_as_often_as_simulated(number: int, reference_folder: Path) -> None:
    row = rows(reference_folder)[number]
    compare(row, 300 if row["N"] > 10 else 1000)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(ROWS))
def test_the_deflated_sharpe_rejects_as_often_as_in_the_full_simulation(number: int, reference_folder: Path) -> None:
    row = rows(reference_folder)[number]
    compare(row, row["reps"])


def test_no_row_of_the_bench_is_left_out(reference_folder: Path) -> None:
    assert len(rows(reference_folder)) == ROWS


def test_the_false_positive_rate_of_many_observations_has_a_closed_form(reference_folder: Path) -> None:
    stated = [row for row in rows(reference_folder) if "theory_fpr_dsr_gauss_large_T" in row]
    assert len(stated) == 11
    for row in stated:
        theory = 1 - ndtr(expected_maximum(row["N"], "approximate") + 1.6448536269514722) ** row["N"]
        assert theory == pytest.approx(row["theory_fpr_dsr_gauss_large_T"], abs=1e-6)
