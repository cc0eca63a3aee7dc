"""A thin run of the simulation bench against its stored means, rates and comparison rules."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.validation.cscv import overfitting
from arena.validation.forecast import murphy

PBO_RUNS = {  # name: replications here
    "null_gauss_N20_T480_S8": 400,
    "null_gauss_N100_T1008_S16": 60,
    "null_gauss_oddN_N7_T480_S8": 400,
    "null_binary_N50_T1200_S12": 150,
    "null_equicorr0.5_N50_T960_S12": 150,
    "null_t4_N50_T960_S12": 100,
    "recentred_N50_T960_S12": 10,
    "skill_gauss_sr0.1_N50_T1000_S10": 150,
    "skill_gauss_sr0.15_N50_T1000_S10": 150,
    "skill_binary_w0.55_N50_T1200_S12": 100,
    "skill_binary_w0.58_N50_T1200_S12": 100,
}


def bands(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "sim_bands.json").read_text())


def draw(row: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """One matrix of the generator that the row names."""
    kind, shape = row["kind"].removesuffix("_skill"), (row["T"], row["N"])
    if kind == "binary":
        event = rng.random(row["T"])[:, None] < 0.5
        side = rng.random(shape) < 0.5
        if row["kind"].endswith("_skill"):
            side[:, 0] = event[:, 0] ^ (rng.random(row["T"]) >= row["w"])
        bet = rng.random(shape) < row.get("bet", 1.0)
        return np.where(bet, np.where(side == event, 1.0, -1.0), 0.0)
    if kind in ("longshot", "favourite"):
        return np.where(rng.random(shape) < row["p"], (1 - row["p"]) / row["p"], -1.0)
    if kind == "t4":
        return rng.standard_t(4, shape)
    x = rng.normal(size=shape)
    if kind == "equicorr":
        rho = row.get("rho", 0.5)
        return math.sqrt(rho) * rng.normal(size=(row["T"], 1)) + math.sqrt(1 - rho) * x
    if kind == "recentred":
        return (x - x.mean(axis=0)) / x.std(axis=0)
    if row["kind"].endswith("_skill"):
        x[:, 0] += row["sr"]
    return x


@pytest.mark.parametrize("name", PBO_RUNS)
def test_pbo_has_its_simulated_mean_spread_and_quantiles(name: str, reference_folder: Path) -> None:
    row = next(r for r in bands(reference_folder)["pbo"] if r["name"] == name)
    runs = PBO_RUNS[name]
    rng = np.random.default_rng(row["seed"] + 1)
    results = [overfitting(draw(row, rng), row["S"], minimum_configurations=2) for _ in range(runs)]
    pbo = np.array([r.pbo for r in results])
    assert abs(pbo.mean() - row["mean"]) <= 3.5 * math.sqrt(row["sd"] ** 2 / runs + row["se_mean"] ** 2)
    for key, rate in (("mean_le", "pbo_inclusive"), ("mean_lt", "pbo_strict")):
        ours = np.mean([getattr(r, rate) for r in results])
        assert abs(ours - row[key]) <= 3.5 * math.sqrt(row["sd"] ** 2 / runs + row["se_mean"] ** 2)
    slope_error = row["sd_slope"] * math.sqrt(1 / runs + 1 / row["reps"])
    assert abs(np.mean([r.slope for r in results]) - row["mean_slope"]) <= 3.5 * slope_error
    if row["sd"] == 0.0:
        assert (pbo == 1.0).all()
        return
    assert pbo.std() == pytest.approx(row["sd"], rel=3.5 * math.sqrt(0.5 / runs) + 0.1)
    for key, cut in (("frac_below_0_05", 0.05), ("frac_below_0_2", 0.2), ("frac_below_0_5", 0.5)):
        rate = row[key]
        allowed = 3.5 * math.sqrt(rate * (1 - rate) * (1 / runs + 1 / row["reps"])) + max(0.5, 3.0 * (rate == 0)) / runs
        assert abs((pbo < cut).mean() - rate) <= allowed
    for level, value in zip((0.05, 0.25, 0.5, 0.75, 0.95), row["quantiles_1_5_25_50_75_95_99"][1:6], strict=True):
        slack = 3.5 * math.sqrt(level * (1 - level) * (1 / runs + 1 / row["reps"]))
        assert (pbo < value - 1e-9).mean() <= level + slack
        assert (pbo <= value + 1e-9).mean() >= level - slack


def test_reliability_of_calibrated_forecasts_has_its_simulated_mean(reference_folder: Path) -> None:
    row = bands(reference_folder)["murphy_bias"][0]
    rng, runs = np.random.default_rng(row["seed"] + 1), 400
    found = []
    for _ in range(runs):
        q = rng.beta(4, 4, row["n"])
        m = murphy(q, rng.random(row["n"]) < q, row["K"])
        found.append((m.reliability, m.corrected_reliability))
    for ours, key in zip(np.mean(found, axis=0), ("rel", "rel_bias_corrected"), strict=True):
        spread = row[key]["se"] * math.sqrt(row["reps"])
        assert abs(ours - row[key]["mean"]) <= 3.5 * math.hypot(spread / math.sqrt(runs), row[key]["se"])
