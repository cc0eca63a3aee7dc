"""The simulation bench against its stored means, spreads, rates and comparison rules: thin, and full (slow)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.validation.cscv import overfitting
from arena.validation.forecast import murphy
from arena.validation.leak import Splitter, leak_accuracy, leak_spans, shuffled_accuracy
from arena.validation.splits import combinatorial
from arena.validation.splitters import PurgedKFold

PBO_ROWS = (
    "null_gauss_N20_T480_S8",
    "null_gauss_N100_T1008_S16",
    "null_gauss_oddN_N7_T480_S8",
    "null_binary_N50_T1200_S12",
    "null_equicorr0.5_N50_T960_S12",
    "null_t4_N50_T960_S12",
    "recentred_N50_T960_S12",
    *(f"skill_gauss_sr{sr}_N50_T1000_S10" for sr in ("0.03", "0.05", "0.08", "0.1", "0.15")),
    *(f"skill_binary_w{w}_N50_T1200_S12" for w in ("0.53", "0.55", "0.58")),
)
THIN, FULL = 150, 2_000


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
        bet = rng.random(shape) < row["bet"]
        return np.where(bet, np.where(side == event, 1.0, -1.0), 0.0)
    if kind == "t4":
        return rng.standard_t(4, shape)
    x = rng.normal(size=shape)
    if kind == "equicorr":
        return math.sqrt(row["rho"]) * rng.normal(size=(row["T"], 1)) + math.sqrt(1 - row["rho"]) * x
    if kind == "recentred":
        return (x - x.mean(axis=0)) / x.std(axis=0)
    if row["kind"].endswith("_skill"):
        x[:, 0] += row["sr"]
    return x


def agrees(ours: np.ndarray, mean: float, deviation: float, stored_error: float) -> bool:
    """The stored rule for means."""
    return abs(ours.mean() - mean) <= 3.5 * math.sqrt(deviation**2 / ours.size + stored_error**2)


def check_pbo(row: dict[str, Any], runs: int) -> None:
    rng = np.random.default_rng(row["seed"] + 1)
    results = [overfitting(draw(row, rng), row["S"], minimum_configurations=2) for _ in range(runs)]
    pbo = np.array([r.pbo for r in results])
    assert agrees(pbo, row["mean"], row["sd"], row["se_mean"])
    for key, rate in (
        ("mean_le", "pbo_inclusive"),
        ("mean_lt", "pbo_strict"),
        ("mean_prob_oos_loss", "probability_of_loss"),
    ):
        ours = np.array([getattr(r, rate) for r in results])
        assert agrees(ours, row[key], ours.std(), ours.std() / math.sqrt(row["reps"])), key
    slope = np.array([r.slope for r in results])
    assert agrees(slope, row["mean_slope"], row["sd_slope"], row["sd_slope"] / math.sqrt(row["reps"]))
    for ours, stored in ((pbo, row["sd"]), (slope, row["sd_slope"])):
        # Var(s^2)/s^4 = (k-1)/n for raw kurtosis k; our own k stands in for the stored one.
        centred = ours - ours.mean()
        kurtosis = (centred**4).mean() / max((centred**2).mean() ** 2, 1e-300)
        assert abs(ours.std() - stored) <= 3.5 * stored * math.sqrt((kurtosis + 1) / 4 * (1 / runs + 1 / row["reps"]))
    for key, cut in (("frac_below_0_05", 0.05), ("frac_below_0_2", 0.2), ("frac_below_0_5", 0.5)):
        rate = row[key]
        allowed = 3.5 * math.sqrt(rate * (1 - rate) * (1 / runs + 1 / row["reps"])) + max(0.5, 3.0 * (rate == 0)) / runs
        assert abs((pbo < cut).mean() - rate) <= allowed, key
    for level, value in zip(
        (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99), row["quantiles_1_5_25_50_75_95_99"], strict=True
    ):
        slack = 3.5 * math.sqrt(level * (1 - level) * (1 / runs + 1 / row["reps"])) + 0.5 / runs
        assert (pbo < value - 1e-6).mean() <= level + slack, level
        assert (pbo <= value + 1e-6).mean() >= level - slack, level


def check_leak(row: dict[str, Any], draws: int) -> None:
    rows, horizon, folds = row["T"], row["h"], row["folds"]
    start, end = leak_spans(rows, horizon)
    splitters: dict[str, Splitter] = {
        "shuffled_kfold": Shuffled(rows, folds, np.random.default_rng(row["seed"])),
        "contiguous_no_purge": Contiguous(rows, folds),
        "contiguous_purged": PurgedKFold(start, end, folds),
    }
    for name, splitter in splitters.items():
        found = leak_accuracy(splitter, np.random.default_rng(row["seed"] + 1), rows=rows, horizon=horizon, draws=draws)
        error = math.hypot(found.standard_error, row[name]["se"])
        assert abs(found.accuracy - row[name]["mean"]) <= 3.5 * error, name
    assert shuffled_accuracy(horizon) == pytest.approx(row["analytic_lag1_accuracy"], abs=1e-6)


class Shuffled:
    """K folds of rows in random order, as most tutorials do it."""

    def __init__(self, rows: int, folds: int, rng: np.random.Generator) -> None:
        self.rows, self.folds, self.rng = rows, folds, rng

    def split(self, X: Any, y: Any = None, groups: Any = None) -> list[tuple[np.ndarray, np.ndarray]]:
        parts = np.array_split(self.rng.permutation(self.rows), self.folds)
        return [(np.setdiff1d(np.arange(self.rows), part), part) for part in parts]


class Contiguous:
    """K folds of consecutive rows that keep every other row in training."""

    def __init__(self, rows: int, folds: int) -> None:
        start = np.arange(rows)
        self.folds = combinatorial(start, start, folds)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(fold.train, fold.test) for fold in self.folds]


def check_murphy(row: dict[str, Any], runs: int) -> None:
    rng = np.random.default_rng(row["seed"] + 1)
    found = []
    for _ in range(runs):
        q = rng.beta(4, 4, row["n"])
        m = murphy(q, (rng.random(row["n"]) < q).astype(float), row["K"])
        found.append((m.reliability, m.corrected_reliability))
    for ours, key in zip(np.array(found).T, ("rel", "rel_bias_corrected"), strict=True):
        stored = row[key]
        assert agrees(ours, stored["mean"], stored["se"] * math.sqrt(row["reps"]), stored["se"]), key
        for level in (0.01, 0.99):
            slack = 3.5 * math.sqrt(0.01 * 0.99 * (1 / runs + 1 / row["reps"])) + 0.5 / runs
            assert abs((ours <= stored[f"q{round(100 * level):02}"]).mean() - level) <= slack, (key, level)


def pbo_row(folder: Path, name: str) -> dict[str, Any]:
    return next(row for row in bands(folder)["pbo"] if row["name"] == name)


@pytest.mark.parametrize("name", PBO_ROWS)
def test_pbo_has_its_simulated_mean_spread_and_quantiles(name: str, reference_folder: Path) -> None:
    check_pbo(pbo_row(reference_folder, name), THIN)


@pytest.mark.slow
@pytest.mark.parametrize("name", PBO_ROWS)
def test_pbo_has_its_simulated_mean_spread_and_quantiles_in_full(name: str, reference_folder: Path) -> None:
    row = pbo_row(reference_folder, name)
    check_pbo(row, min(FULL, row["reps"]))


def test_every_stored_row_of_the_pbo_bench_is_run(reference_folder: Path) -> None:
    assert sorted(PBO_ROWS) == sorted(row["name"] for row in bands(reference_folder)["pbo"])


@pytest.mark.parametrize("k", [0, 1])
def test_splitters_leak_as_much_as_simulated(k: int, reference_folder: Path) -> None:
    check_leak(bands(reference_folder)["purge_leak"][k], 100)


@pytest.mark.slow
@pytest.mark.parametrize("k", [0, 1])
def test_splitters_leak_as_much_as_simulated_in_full(k: int, reference_folder: Path) -> None:
    check_leak(bands(reference_folder)["purge_leak"][k], 1_000)


@pytest.mark.parametrize("k", [0, 1])
def test_reliability_of_calibrated_forecasts_has_its_simulated_mean(k: int, reference_folder: Path) -> None:
    check_murphy(bands(reference_folder)["murphy_bias"][k], 400)


@pytest.mark.slow
@pytest.mark.parametrize("k", [0, 1])
def test_reliability_of_calibrated_forecasts_has_its_simulated_mean_in_full(k: int, reference_folder: Path) -> None:
    row = bands(reference_folder)["murphy_bias"][k]
    check_murphy(row, row["reps"])
