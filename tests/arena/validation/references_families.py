"""Our answers to the reference cases of families of trials: superior ability, effective trials, haircuts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from arena.validation.effective import effective_trials, optimal_clusters
from arena.validation.haircut import haircut_share, haircut_sharpe, profit_hurdle
from arena.validation.multiple import sidak
from arena.validation.spa import superior_ability

YEAR = math.sqrt(12.0)


def family_value(fn: str, i: dict[str, Any]) -> Any:
    """Our answer to one printed case, None when it is not about a family."""
    if fn == "haircut_sharpe":
        h = haircut_sharpe(i["sr_annual"] / YEAR, i["n_months"], i["n_tests"], i["method"])
        return {"p_adjusted": h.adjusted, "haircut_sr": h.haircut_sharpe * YEAR}
    if fn == "haircut_sharpe_independent_normal":
        h = haircut_sharpe(i["sr_annual"] / YEAR, i["n_months"], i["n_tests"], limit="normal")
        return {"p_single": h.p_value, "p_multi": h.adjusted, "haircut_sr": h.haircut_sharpe * YEAR}
    if fn == "sidak_and_haircut":
        adjusted = float(sidak([i["p_single"]], family=i["n_tests"])[0])
        return {"p_multi": adjusted, "haircut": haircut_share(i["p_single"], adjusted)}
    if fn == "profit_hurdle_pct":
        risk = i["vol_annual"] / YEAR, i["n_months"]
        return {
            "single": 100 * profit_hurdle(*risk, 1, alpha=i["alpha"]),
            "bonferroni": 100 * profit_hurdle(*risk, i["n_tests"], alpha=i["alpha"]),
        }
    if fn == "n_eff":
        return getattr(effective_trials(i["corr"]), i["method"])
    if fn == "n_eff_all":
        return counts(i["corr"])
    return None


def counts(correlation: Any) -> dict[str, float]:
    """Every count under the reference's names."""
    e = effective_trials(correlation)
    return {
        "dsr_avg_corr": e.mean_correlation, "effective_rank": e.effective_rank, "participation": e.participation,
        "nyholt": e.nyholt, "li_ji": e.li_ji, "galwey": e.galwey,
    }  # fmt: skip


def effective_values(trials: np.ndarray) -> dict[str, Any]:
    """The 22 trials in four blocks."""
    matrix = np.corrcoef(trials.T)
    size = matrix.shape[0]
    found = [optimal_clusters(matrix, np.random.default_rng(seed)) for seed in range(5)]
    values = counts(matrix) | {
        "M": size,
        "mean_corr": (matrix.sum() - size) / (size * (size - 1)),
        "onc_k_over_seeds": [c.count for c in found],
        "quality/4": found[0].quality,
    }
    return {f"effective_trials/{key}": value for key, value in values.items()} | {
        f"effective_trials/onc_partition/{k}": np.flatnonzero(found[0].labels == k).tolist()
        for k in range(found[0].count)
    }


def superior_values(returns: np.ndarray, case: dict[str, Any], draws: int = 20_000) -> dict[str, tuple[Any, float]]:
    """Value and tolerance (0: exact) per key; p-values within the stated Monte-Carlo error."""
    r = superior_ability(returns, np.random.default_rng(1), block=case["block"], draws=draws)
    values: dict[str, tuple[Any, float]] = {
        "T": (r.rows, 0.0), "K": (r.columns.size, 0.0), "mean": (r.means, 0.0), "omega": (r.deviations, 0.0),
        "t_stats": (r.t_statistics, 0.0), "T_spa": (r.statistic, 0.0), "V_rc": (r.white_statistic, 0.0),
        "valid": (r.competitive, 0.0),
    }  # fmt: skip
    for key, p in {
        "own_B40000/hansen_lower": r.lower, "own_B40000/hansen_consistent": r.consistent,
        "own_B40000/hansen_upper": r.upper, "own_B40000/white_raw_upper": r.white,
        "arch_p_studentize_True/upper": r.white, "arch_p_studentize_False/upper": r.white,
    }.items():  # fmt: skip
        values[key] = p, 4.0 * math.sqrt(p * (1.0 - p) * (1.0 / draws + 1.0 / 20_000)) + 0.005
    return values
