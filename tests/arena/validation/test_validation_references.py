"""Published and third-party values.

Every leaf of the reference files is checked, or named as a convention that we do not follow.
"""

from __future__ import annotations

import json
import math
import os
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from arena.validation.bets import binomial_test, kelly, poisson_binomial_test, two_point, win_rate_interval
from arena.validation.bootstrap import bootstrap_interval, optimal_block_length
from arena.validation.calibration import calibration_fit, quantile_edges, reliability_curve, spiegelhalter
from arena.validation.concurrency import average_uniqueness
from arena.validation.corp import corp
from arena.validation.cscv import overfitting
from arena.validation.cscv_blocks import split_count
from arena.validation.deflation import (
    Trials,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_length,
    variance_of_maximum,
)
from arena.validation.forecast import brier, log_loss, log_score_gain, murphy
from arena.validation.multiple import benjamini_hochberg, benjamini_yekutieli, bonferroni, hochberg, holm
from arena.validation.serial import (
    autocorrelations,
    bandwidth_andrews,
    bandwidth_newey_west,
    standard_error_mean_hac,
)
from arena.validation.sharpe import (
    aggregation_factor,
    cumulants,
    moments,
    standard_error,
    standard_error_ar1,
    standard_error_bao,
    standard_error_hac,
    standard_error_normal,
)
from arena.validation.sharpe_exact import exact_cdf, exact_interval, exact_p_value, exact_power
from arena.validation.sharpe_inference import minimum_track_record, normal_interval, probabilistic_sharpe
from arena.validation.sharpe_null import (
    null_variance_critical,
    null_variance_power,
    null_variance_test,
    null_variance_track_record,
)
from arena.validation.skill import false_discovery_rate
from arena.validation.splits import combinatorial_counts, purge, walk_forward_spans
from tests.arena.validation.references_families import effective_values, family_value, superior_values
from tests.arena.validation.references_splits import combinatorial_values

FOLDER = Path(os.environ.get("ARENA_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "reference/validation"

# Conventions of other packages that the specification rejects.
OTHER_CONVENTIONS = (
    "paper/adjust_pvalues/hl_six_bhy_paper_variant",  # leaves the largest p unadjusted
    "package/pbo/*/R_pbo_slope_field_is_actually_intercept_of_IS_on_OOS",
    "package/pbo/binary/exact_ties/combos_with_tied_IS_best",
    "package/pbo/binary/exact_ties/pbo_mid_average_over_tied",  # ours: first index wins
    "package/spa/*/arch_p_studentize_*/lower",  # not studentised whatever the flag says
    "package/spa/*/arch_p_studentize_*/consistent",
    "package/spa/*/own_B40000/white_raw_lower",
    "package/spa/*/own_B40000/white_raw_consistent",
    "package/spa/*/arch_stepm_size10",  # finds nothing in a3 where the studentised step-down finds column 0
    "package/effective_trials/cluster_srs",  # 2 % from inverse variance; equal and minimum variance differ too
    "package/effective_trials/cluster_sr_var",
    "package/effective_trials/quality/[!4]*",  # of partitions that lose
    "package/sharpe_inference/*/psr0/purgedcv",  # bias-corrected moments
    "package/sharpe_inference/*/psr0/quantstats",
    "package/sharpe_inference/*/psr0/pypbo",
    "package/brier/fc_p/specs_bins*/*_bc",  # clamped
    "package/brier/fc_p/s2dv_bins5/rel_bias_corrected",  # clamped
    "package/brier/fc_p/s2dv_bins5/gres_bias_corrected",
    "cv/event_time/splits/*/train_purgedcv",  # half-open spans
    "cv/event_time/splits/*/purge_only_half_open",
)
# Inputs, sizes and remarks.
DESCRIPTION = (
    "*/array", "*_array", "*/note", "*/metric", "*source*", "package/versions/*", "*/seed", "*/reps", "*/stat",
    "*/model_prob", "*/identity", "*/block", "*/bias_corrected_is_clamped", "package/adjust_pvalues/p",
    "package/pbo/*/S", "package/pbo/*/T", "package/pbo/*/N", "*/risk_free_per_obs",
    "cv/a_*/n", "cv/a_*/n_folds", "cv/a_*/n_test_folds", "cv/a_*/purged", "cv/a_*/embargo",
    "cv/walk_forward/n", "cv/walk_forward/train", "cv/walk_forward/test", "cv/walk_forward/purged",
    "cv/event_time/n", "cv/event_time/folds", "cv/event_time/k", "cv/event_time/embargo_minutes",
    "cv/event_time/start", "cv/event_time/end", "cv/event_time/splits/*/test_groups", "cv/sources",
    "package/spa/*/reps_arch", "package/spa/*/seed_arch", "package/spa/*/benchmark", "package/spa/*/p_tolerance",
)  # fmt: skip


class Near(NamedTuple):
    """Our value and the absolute tolerance stored with the reference."""

    value: Any
    tolerance: float


def load(name: str) -> Any:
    path = FOLDER / name
    return json.loads(path.read_text()) if path.is_file() else {}


def leaves(node: Any, path: str) -> list[tuple[str, Any]]:
    """Scalars and lists of numbers with their path."""
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, f"{path}/{key}")]
    if isinstance(node, list) and node and isinstance(node[0], dict | list):
        return [leaf for k, value in enumerate(node) for leaf in leaves(value, f"{path}/{k}")]
    return [(path, node)]


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


PAPER = {f"paper/{case['fn']}/{case['id']}": case for case in load("paper_values.json").get("cases", [])}
LEAVES = (
    [leaf for path, case in PAPER.items() for leaf in leaves(case["expected"], path)]
    + leaves(load("package_vectors.json"), "package")
    + leaves(load("cv_splits.json"), "cv")
)
CHECKED = [(path, value) for path, value in LEAVES if not matches(path, OTHER_CONVENTIONS + DESCRIPTION)]


def paper_value(fn: str, i: dict[str, Any]) -> Any:
    """Our answer to one printed case."""
    if fn == "sharpe_se_iid_normal":
        return standard_error_normal(i["sr"], i["T"])
    if fn == "lo_eta_ar1":
        return aggregation_factor(i["q"], i["rho"] ** np.arange(1, i["q"]))
    if fn == "psr":
        return probabilistic_sharpe(i["sr"], i["T"], i["skew"], i["kurt"], i["sr_star"])
    if fn == "min_trl_years":
        root = math.sqrt(i["ppy"])
        return (
            minimum_track_record(i["sr_annual"] / root, i["skew"], i["kurt"], i["sr_star_annual"] / root, i["conf"])
            / i["ppy"]
        )
    if fn == "sharpe_se_moments":
        return standard_error(i["sr"], i["T"], i["skew"], i["kurt"], denominator=i["denom"])
    if fn == "dsr":
        trials = Trials(i["var_trials"], i["N"])
        d = deflated_sharpe(i["sr"], i["T"], i["skew"], i["kurt"], trials, "approximate")
        return {"dsr": d.probability, "sr0": d.threshold}
    if fn == "sharpe_inference_null_variance":
        return null_variance_example(i)
    if fn == "sharpe_exact_cdf":
        return exact_cdf(i["sr_hat"], i["n"], i["sr_true"])
    if fn == "sharpe_power_exact":
        return exact_power(i["sr_annual"] / math.sqrt(i["ppy"]), i["n"], i["alpha"])
    if fn == "expected_max_z_bldp":
        return expected_maximum(i["N"], "approximate")
    if fn == "expected_max_z_exact":
        return expected_maximum(i["N"])
    if fn == "var_max_z_exact":
        return variance_of_maximum(i["N"])
    if fn == "min_btl_years":
        return minimum_backtest_length(i["N"], i["target_annual"], "approximate")
    if fn == "adjust_pvalues":
        method = {"bonferroni": bonferroni, "holm": holm, "by": benjamini_yekutieli}.get(i["method"])
        return None if method is None else method(i["p"])
    if fn == "cscv_n_combinations":
        return [split_count(blocks) for blocks in i["S"]]
    if fn == "cpcv_counts":
        counts = combinatorial_counts(i["N"], i["k"])
        return {"splits": counts.splits, "paths": counts.paths}
    if fn == "average_uniqueness":
        return average_uniqueness(*np.transpose(i["spans"]))
    if fn == "brier":
        return brier(i["p"], i["y"])
    if fn == "log_loss":
        return log_loss(i["p"], i["y"])
    if fn == "kelly":
        k = kelly(i["win_prob"], 1.0 / (1.0 + i["net_odds"]))
        return {
            "f_star": k.fraction,
            "growth": k.growth,
            "f_critical": k.critical_fraction,
            "bets_to_double": k.bets_to_double,
        }
    if fn == "binomial_test":
        interval = win_rate_interval(i["k"], i["n"])
        return {
            "p_greater": binomial_test(i["k"], i["n"], i["p0"]).p_value,
            "cp_lo": interval.lower,
            "cp_hi": interval.upper,
        }
    if fn == "two_point_sharpe":
        t = two_point(i["win_prob"], i["price"])
        return {
            "sr": t.sharpe,
            "skew": t.skew,
            "kurt": t.kurtosis,
            "mertens_var_times_T": t.sharpe_variance,
            "psr0": probabilistic_sharpe(t.sharpe, i["T"], t.skew, t.kurtosis),
        }
    return family_value(fn, i)


def pbo_values(arrays: Any, case: dict[str, Any]) -> dict[str, Any]:
    matrix = arrays[case["array"]] - case.get("risk_free_per_obs", 0.0)
    r = overfitting(matrix, case["S"], minimum_configurations=2)
    ranks = (r.configurations + 1) / (1.0 + np.exp(-r.logits))
    zeros = int((r.logits == 0.0).sum())
    return {
        "pbo": r.pbo_inclusive, "pbo_strict_lt": r.pbo_strict, "pbo_mid": r.pbo, "prob_oos_loss": r.probability_of_loss,
        "slope": r.slope, "intercept": r.intercept, "r2": np.corrcoef(r.in_sample, r.out_of_sample)[0, 1] ** 2,
        "logits_first10": r.logits[:10], "logit_mean": r.logits.mean(), "n_combos": r.logits.size,
        "rn_first10": r.best[:10], "rank_first10": ranks[:10], "n_logit_zero": zeros,
        "R_pbo_phi": r.pbo_strict, "R_pbo_below_threshold": Near(r.probability_of_loss, 6e-4),
        "purgedcv_pbo": r.pbo_strict,
        "R_lm_oos_on_is/intercept": r.intercept, "R_lm_oos_on_is/slope": r.slope,
        "phi": r.pbo_inclusive, "ranks": ranks, "below": r.probability_of_loss,
        "exact_ties/S": r.blocks, "exact_ties/n_combos": r.logits.size, "exact_ties/pbo_mid_first_index": r.pbo,
        "exact_ties/pbo_le_first_index": r.pbo_inclusive, "exact_ties/pbo_lt_first_index": r.pbo_strict,
    }  # fmt: skip


def null_variance_example(i: dict[str, Any]) -> dict[str, float]:
    sr, shape = i["mu"] / i["sigma"], (i["skew"], i["kurt"])
    null, tenth, skilled = (
        null_variance_test(sr, i["T"], *shape, benchmark=b, rho=i["rho"]) for b in (i["sr0"], 0.1, i["sr1"])
    )
    stated = {"alpha": i["alpha"], "rho": i["rho"], "benchmark": i["sr0"]}
    power = null_variance_power(i["sr1"], i["T"], *shape, **stated)
    length = {"confidence": 1 - i["mintrl_alpha"], "rho": i["rho"]}
    return {
        "sigma_sr": standard_error_ar1(sr, i["T"], *shape, i["rho"]),
        "min_trl_sr0_0": null_variance_track_record(sr, *shape, **length),
        "min_trl_sr0_01": null_variance_track_record(sr, *shape, benchmark=0.1, **length),
        "psr0": 1 - null.p_value, "psr01": 1 - tenth.p_value, "power": power,
        "sr_c": null_variance_critical(i["T"], *shape, **stated),
        "pfdr": false_discovery_rate(i["alpha"], power, i["p_h1"]).rate,
        "ofdr": false_discovery_rate(null.p_value, skilled.p_value, i["p_h1"]).rate,
    }  # fmt: skip


def sharpe_values(x: np.ndarray) -> dict[str, Any]:
    m, c = moments(x), cumulants(x)
    zero_ddof = m.sharpe * math.sqrt(m.count / (m.count - 1))
    biased = standard_error(m.sharpe, m.count, m.skew, m.kurtosis, denominator="T")
    unbiased = standard_error(m.sharpe, m.count, c.skew, c.excess_kurtosis + 3, denominator="T")
    normal = standard_error_normal(m.sharpe, m.count)
    t, mertens = normal_interval(m.sharpe, normal), normal_interval(m.sharpe, unbiased)
    exact = exact_interval(m.sharpe, m.count)
    return {
        "n": m.count, "sr": m.sharpe, "df": m.count - 1, "sr_vcov_SR": zero_ddof,
        # SharpeR divides sr^2/2 by T-1 instead of T; its root finder stops at 1e-4 of the t statistic.
        "se_Lo": Near(normal, 2e-4 * m.count**-0.5), "ci_t": Near((t.lower, t.upper), 4e-4 * m.count**-0.5),
        "ci_exact": Near((exact.lower, exact.upper), 1e-4 * m.count**-0.5),
        # From unbiased cumulants the two agree to print; from biased moments the specification allows 0.3 %.
        "se_Mertens": Near(biased, 0.003 * biased), "ci_Mertens": (mertens.lower, mertens.upper),
        "se_Bao": standard_error_bao(m.sharpe, m.count, c),
        "cumulants": (c.skew, c.excess_kurtosis, c.fifth, c.sixth),
        "bw_nw_auto": bandwidth_newey_west(x), "bw_andrews": bandwidth_andrews(x),
        "t_test_p_greater": exact_p_value(m.sharpe, m.count),
        "psr0/jsharpe_null_variance": 1 - null_variance_test(m.sharpe, m.count, m.skew, m.kurtosis).p_value,
        "sr_vcov_se_iid": standard_error(zero_ddof, m.count, m.skew, m.kurtosis, denominator="T-1"),
        "sr_vcov_se_nw5": standard_error_hac(x, 5), "sr_vcov_se_nw10": standard_error_hac(x, 10),
        "mean_se_nw5": standard_error_mean_hac(x, 5), "mean_se_nw10": standard_error_mean_hac(x, 10),
        "acf": autocorrelations(x, 10),
        "moments_biased/n": m.count, "moments_biased/mean": m.mean, "moments_biased/sd1": m.deviation,
        "moments_biased/sd0": m.mean / zero_ddof, "moments_biased/skew": m.skew, "moments_biased/kurt": m.kurtosis,
        "psr0/own_biased_ddof1": probabilistic_sharpe(m.sharpe, m.count, m.skew, m.kurtosis),
        "psr0/own_biased_ddof0": probabilistic_sharpe(zero_ddof, m.count, m.skew, m.kurtosis),
    }  # fmt: skip


def score_values(a: Any) -> dict[str, Any]:
    q, y = a["a_fc_p"], a["a_fc_y"]
    rng = np.random.default_rng(1)
    values: dict[str, Any] = {}
    for bins in (5, 10):
        right = murphy(q, y, bins)
        head = f"brier/fc_p/specs_bins{bins}"
        values |= {f"{head}/rel": right.reliability, f"{head}/res": right.resolution, f"{head}/unc": right.uncertainty}
        values |= {
            f"{head}/rel_sd": right.reliability_error, f"{head}/res_sd": right.resolution_error,
            f"{head}/unc_sd": right.uncertainty_error,
        }  # fmt: skip
        head = f"brier/fc_p/unclamped_bias_corrected_bins{bins}"
        values |= {
            f"{head}/rel_bc": right.corrected_reliability, f"{head}/res_bc": right.corrected_resolution,
            f"{head}/unc_bc": right.corrected_uncertainty, f"{head}/gres": right.generalised_resolution,
            f"{head}/wbv": right.within_variance, f"{head}/wbc": right.within_covariance,
        }  # fmt: skip
    left, head = murphy(q, y, 5, closed="left"), "brier/fc_p/s2dv_bins5"
    values |= {
        f"{head}/rel": left.reliability, f"{head}/res": left.resolution, f"{head}/unc": left.uncertainty,
        f"{head}/bs": left.brier, f"{head}/gres": left.generalised_resolution, f"{head}/nk": left.counts,
        f"{head}/bs_check_res": left.reliability - left.resolution + left.uncertainty,
        f"{head}/bs_check_gres": left.reliability - left.generalised_resolution + left.uncertainty,
        f"{head}/unc_bias_corrected": left.corrected_uncertainty,
        f"{head}/fkbar": left.mean_forecast, f"{head}/okbar": left.frequency,
    }  # fmt: skip
    said = np.unique(a["a_fc_pdisc"])
    exact = murphy(a["a_fc_pdisc"], y, np.concatenate(([-0.01], 0.5 * (said[1:] + said[:-1]), [1.01])))
    head = "brier/fc_pdisc/verif_exact"
    values |= {
        f"{head}/bs": exact.brier, f"{head}/rel": exact.reliability,
        f"{head}/res": exact.resolution, f"{head}/unc": exact.uncertainty,
    }  # fmt: skip
    fit, z = calibration_fit(q, y), spiegelhalter(q, y)
    uniform = reliability_curve(q, y, rng, draws=20)
    quantile = reliability_curve(q, y, rng, bins=quantile_edges(q), draws=20)
    values |= {
        "scores/brier": brier(q, y), "scores/own_brier": brier(q, y),
        "scores/logloss": log_loss(q, y), "scores/own_logloss": log_loss(q, y),
        "scores/calibration_fit/intercept": fit.intercept, "scores/calibration_fit/slope": fit.slope,
        "scores/calibration_fit/slope_se": Near(fit.slope_error, 1e-7),  # statsmodels stops IRLS at 1e-8
        "scores/calibration_fit/intercept_in_large": fit.intercept_in_large,
        "scores/calibration_fit/spiegelhalter_z": z.z, "scores/calibration_fit/spiegelhalter_p_two": z.p_value,
        "scores/calibration_uniform10/prob_true": uniform.frequency,
        "scores/calibration_uniform10/prob_pred": uniform.mean_forecast,
        "scores/calibration_quantile10/prob_true": quantile.frequency,
        "scores/calibration_quantile10/prob_pred": quantile.mean_forecast,
    }  # fmt: skip
    for name, score in (("brier", "brier"), ("log_loss", "log")):
        c = corp(q, y, score)  # type: ignore[arg-type]
        values |= {
            f"corp/{name}/score": c.score, f"corp/{name}/MCB": c.miscalibration,
            f"corp/{name}/DSC": c.discrimination, f"corp/{name}/UNC": c.uncertainty,
        }  # fmt: skip
    return values


def package_values() -> dict[str, Any]:
    doc, values = load("package_vectors.json"), {}
    with np.load(FOLDER / "arrays.npz") as archive:
        a = dict(archive)
    for name, case in doc["pbo"].items():
        values |= {f"pbo/{name}/{key}": value for key, value in pbo_values(a, case).items()}
    for name, case in doc["optimal_block_length"].items():
        length = optimal_block_length(a[case["array"]])
        both = (length.stationary, length.circular)
        head = f"optimal_block_length/{name}"
        values |= {f"{head}/arch/stationary": both[0], f"{head}/arch/circular": both[1], f"{head}/R_np_b_star": both}
    for name, case in doc["stationary_bootstrap_ci"].items():
        for key, method in (("percentile",) * 2, ("basic",) * 2, ("norm", "normal"), ("bca", "bca")):
            block = 1.0 if method == "bca" else case["block"]
            rng = np.random.default_rng(11)
            interval = bootstrap_interval(a[case["array"]], rng, method=method, block=block, draws=4000)  # type: ignore[arg-type]
            width = case[key][1] - case[key][0]
            values[f"stationary_bootstrap_ci/{name}/{key}"] = Near((interval.lower, interval.upper), 0.1 * width)
    for name, case in doc["spa"].items():
        answers = superior_values(a[case["array"]], case)
        values |= {f"spa/{name}/{key}": Near(*answer) for key, answer in answers.items()}
    values |= effective_values(a["a_trials_block"])
    for name, case in doc["sharpe_inference"].items():
        values |= {f"sharpe_inference/{name}/{key}": v for key, v in sharpe_values(a[case["array"]]).items()}
    p = doc["adjust_pvalues"]["p"]
    values |= {
        "adjust_pvalues/bonferroni": bonferroni(p), "adjust_pvalues/holm": holm(p),
        "adjust_pvalues/hochberg": hochberg(p),
        "adjust_pvalues/BH": benjamini_hochberg(p), "adjust_pvalues/BY": benjamini_yekutieli(p),
    }  # fmt: skip
    values |= score_values(a)
    price, y = a["a_bin_price"], a["a_bin_y"]
    gain = log_score_gain(price + 0.03, price, y, np.arange(y.size), np.random.default_rng(0), draws=20)
    wins = poisson_binomial_test(y, price)
    values |= {
        "kelly_log_identity/mean_log_growth_full_kelly_yes_side": gain.gain,
        "kelly_log_identity/logloss_price": log_loss(price, y),
        "kelly_log_identity/logloss_model": log_loss(price + 0.03, y),
        "poisson_binomial/wins": wins.wins, "poisson_binomial/expected_wins": wins.expected_wins,
        "poisson_binomial/p_greater_exact": wins.p_value, "poisson_binomial/p_mid": wins.mid_p,
        "poisson_binomial/z_score": wins.z_score,
    }  # fmt: skip
    return {f"package/{key}": value for key, value in values.items()}


def split_values() -> dict[str, Any]:
    doc, values = load("cv_splits.json"), {}
    start = np.arange(doc["walk_forward"]["n"])
    end = start + doc["walk_forward"]["purged"]
    for name, scheme in (("splits", "rolling"), ("splits_expand", "anchored")):
        folds = walk_forward_spans(start, end, 23, 10, scheme=scheme)  # type: ignore[arg-type]
        for k, fold in enumerate(folds):
            for part in ("train", "test"):
                rows = getattr(fold, part)
                assert (np.diff(rows) == 1).all()
                values[f"cv/walk_forward/{name}/{k}/{part}"] = [rows[0], rows[-1]]
    for name in ("a_doc1", "a_doc2", "a_full"):
        values |= dict(leaves(combinatorial_values(doc[name]), f"cv/{name}"))
    e = doc["event_time"]
    groups = np.array_split(np.arange(e["n"]), e["folds"])
    for k, split in enumerate(e["splits"]):
        test = np.concatenate([groups[g] for g in split["test_groups"]])
        head = f"cv/event_time/splits/{k}"
        values[f"{head}/purge_only_closed"] = purge(e["start"], e["end"], test)
        values[f"{head}/purge_closed_plus_embargo"] = purge(e["start"], e["end"], test, e["embargo_minutes"])
    return values


@cache
def ours() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, case in PAPER.items():
        answer = paper_value(case["fn"], case["inputs"])
        if isinstance(answer, dict):
            values |= {f"{path}/{key}": Near(v, case["tol_abs"]) for key, v in answer.items()}
        elif answer is not None:
            values[path] = Near(answer, case["tol_abs"])
    return values | package_values() | split_values()


@pytest.mark.parametrize(("path", "expected"), CHECKED, ids=[path for path, _ in CHECKED])
def test_our_value_equals_the_reference(path: str, expected: Any) -> None:
    answer = ours()[path]
    near = answer if isinstance(answer, Near) else Near(answer, 0.0)
    target = np.asarray(expected, dtype=np.float64)
    assert np.shape(near.value) == target.shape
    relative = 0.0 if near.tolerance else 2e-9  # stored tolerances are absolute; package outputs agree to print
    np.testing.assert_allclose(
        np.asarray(near.value, dtype=np.float64), target, rtol=relative, atol=max(near.tolerance, 1e-12)
    )


def test_every_exemption_names_an_existing_reference(reference_folder: Path) -> None:
    paths = [path for path, _ in LEAVES]
    unused = [p for p in OTHER_CONVENTIONS + DESCRIPTION if not any(fnmatchcase(path, p) for path in paths)]
    assert unused == []


def test_no_value_we_give_is_listed_as_anothers(reference_folder: Path) -> None:
    assert [path for path in ours() if path in dict(LEAVES) and matches(path, OTHER_CONVENTIONS)] == []
