"""Superior predictive ability of one returns matrix against arch and holdout-backtest; one bootstrap interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.validation.bootstrap import bootstrap_interval
from arena.validation.spa import SuperiorAbility, superior_ability
from benchmarks.cscv import matrix
from benchmarks.lab import LabMarket
from benchmarks.measure import Figure, in_child, timed
from benchmarks.rows import Row, Sizes

BLOCK = 5.0


def arch_test(returns: npt.NDArray[np.float64], draws: int) -> Any:
    """Arch's SPA of profits: it takes losses. Its statistic is not studentised, so its upper p-value is White's."""
    from arch.bootstrap import SPA

    rows = returns.shape[0]
    test = SPA(np.zeros(rows), -returns, block_size=int(BLOCK), reps=draws, bootstrap="stationary", seed=1)
    test.compute()
    return test


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Time against both, memory against arch, and an interval against arch."""
    returns, draws = matrix(sizes.rows, sizes.columns), sizes.draws
    what = f"SPA, three p-values and White's, {sizes.rows:,} x {sizes.columns}, {draws:,} draws"
    ours, found = timed(lambda: _ours(returns, draws, BLOCK), sizes.runs)
    automatic, _ = timed(lambda: _ours(returns, draws, None), sizes.runs)
    rows = [
        _against_arch(what, ours, found, returns, sizes),
        _against_holdout(what, ours, found, returns, sizes),
        Row("spa", f"{what}, automatic block", "s", automatic, budget=0.2, note="one block length per column, largest"),
        _memory(what, sizes),
        _interval(returns[:, 0], sizes),
    ]
    return rows


def _ours(returns: npt.NDArray[np.float64], draws: int, block: float | None) -> SuperiorAbility:
    return superior_ability(returns, np.random.default_rng(1), block=block, draws=draws)


def _compared(name: str, ours: float, theirs: float, draws: int) -> tuple[str, bool]:
    """p-values of independent resamples: four Monte-Carlo errors of their difference."""
    p = 0.5 * (ours + theirs)
    tolerance = 4.0 * math.sqrt(2.0 * p * (1.0 - p) / draws) + 2.0 / draws
    return f"{name} p {ours:.3f} and {theirs:.3f} (tolerance {tolerance:.3f})", abs(ours - theirs) <= tolerance


def _against_arch(what: str, ours: Figure, found: SuperiorAbility, returns: Any, sizes: Sizes) -> Row:
    try:
        theirs, test = timed(lambda: arch_test(returns, sizes.draws), sizes.runs)
    except ImportError:
        return Row("spa", what, "s", ours, "arch", None, False, "peer absent", None, 0.2)
    # Both draw the same resamples from the same seed; arch does not count the sample itself among them.
    reached = round(found.white * (sizes.draws + 1)) - 1, round(float(test.pvalues["upper"]) * sizes.draws)
    same = f"White's statistic is reached by {reached[0]} and {reached[1]} draws (tolerance 0)"
    gap = float(np.abs(found.deviations**2 / np.ravel(test._loss_diff_var) - 1.0).max())
    return Row(
        "spa", what, "s", ours, "arch", theirs, False, f"{same}; kernel variances differ by {gap:.0e} (tolerance 1e-9)",
        reached[0] == reached[1] and gap < 1e-9, 0.2, "arch does not studentise: only White's is the same question",
    )  # fmt: skip


def _against_holdout(what: str, ours: Figure, found: SuperiorAbility, returns: Any, sizes: Sizes) -> Row:
    try:
        from holdout.spa import superior_predictive_ability
    except ImportError:
        return Row("spa", what, "s", ours, "holdout-backtest", None, False, "peer absent", None, 0.2)
    theirs, test = timed(
        lambda: superior_predictive_ability(returns, n_bootstrap=sizes.draws, block_length=BLOCK, seed=1), sizes.runs
    )
    pairs = [
        _compared(name, getattr(found, name), getattr(test, name), sizes.draws)
        for name in ("lower", "consistent", "upper")
    ]
    return Row(
        "spa", what, "s", ours, "holdout-backtest", theirs, False, "; ".join(same for same, _ in pairs),
        all(close for _, close in pairs), 0.2, "it studentises by the resamples' own deviation, and leaves White out",
    )  # fmt: skip


def _memory(what: str, sizes: Sizes) -> Row:
    child = in_child("spa_memory", str(sizes.rows), str(sizes.columns), str(sizes.draws))
    theirs = Figure.single(child["arch_mib"]) if "arch_mib" in child else None
    return Row("spa", f"{what}: peak memory", "MiB", Figure.single(child["mib"]), "arch", theirs, budget=102.4)


def _interval(series: npt.NDArray[np.float64], sizes: Sizes) -> Row:
    draws = 5 * sizes.draws
    what = f"percentile interval of a Sharpe ratio, {series.size:,} rows, {draws:,} draws"
    ours, found = timed(
        lambda: bootstrap_interval(series, np.random.default_rng(1), block=BLOCK, draws=draws), sizes.runs
    )
    try:
        from arch.bootstrap import StationaryBootstrap
    except ImportError:
        return Row("spa", what, "s", ours, "arch", None, False, "peer absent", None, 1.0)

    def theirs() -> Any:
        drawn = StationaryBootstrap(int(BLOCK), series, seed=1)
        return drawn.conf_int(lambda x: x.mean() / x.std(ddof=1), draws, method="percentile").ravel()

    seconds, bounds = timed(theirs, sizes.runs)
    tolerance = 0.1 * (found.upper - found.lower)
    gap = max(abs(found.lower - bounds[0]), abs(found.upper - bounds[1]))
    same = f"ends differ by {gap:.4f} (tolerance {tolerance:.4f}, a tenth of the width)"
    return Row("spa", what, "s", ours, "arch", seconds, False, same, bool(gap <= tolerance), 1.0)
