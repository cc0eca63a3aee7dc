"""The tracking store: one MLflow experiment per strategy, a run per invocation, nested runs for folds and presets.

MLflow takes seconds to import, so it is imported inside functions only, and only when there is something to
read or write. Nothing here prints.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import ArenaError
from arena.venues.rules import table_version
from research.experiment import evaluation_id
from research.provenance import checkout, versions
from research.report.files import write_files
from research.report.needs import needs
from research.report.text import headline, holdout, registration, why

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from research.result import Calibration, Evidence, RunResult, Summary

DEFAULT_URI = "sqlite:///mlflow.db"
ARTIFACTS = "mlartifacts"
"""Folder of artifacts, beside a sqlite store's file."""
KIND = "arena.kind"
"""Tag that tells runs apart: ``run`` (parent), ``fold`` or ``preset``."""
EVALUATION = "arena.evaluation"
"""Tag of a parent run: which experiment on which data, so that a repetition is recognised."""
_SQLITE = "sqlite:///"
_BATCH = 100
_LONGEST_TAG = 5000


class TrackingError(ArenaError):
    """The tracking store cannot be reached, read or written."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """Where a run was logged; ``url_hint`` is an address to open, or the command that serves one."""

    run_id: str
    experiment_name: str
    url_hint: str


@dataclass(slots=True)
class _Entry:
    """What one MLflow run will hold: levers, figures (NaN and infinity are left out) and facts."""

    name: str
    kind: str
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def resolve_uri(tracking_uri: str | None) -> str:
    """The store to use: the argument, else ``MLFLOW_TRACKING_URI``, else ``sqlite:///mlflow.db``."""
    return tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def log_run(result: RunResult, report_path: Path | None, tracking_uri: str | None = None) -> TrackedRun:
    """Log a result: a parent run, one nested run per preset and per fold, and the artifacts.

    Args:
        result: what to log; an interrupted one is marked as killed.
        report_path: the tear sheet, stored with the run; None leaves it out.
        tracking_uri: see :func:`resolve_uri`.

    Raises:
        TrackingError: the store cannot be reached or written.
    """
    uri = resolve_uri(tracking_uri)
    with _store(uri) as client:
        experiment_id = _experiment(client, result.strategy.id, uri)
        status = "KILLED" if result.interrupted else "FINISHED"
        parent = _parent(result)
        run_id = _write(client, experiment_id, parent, None)
        for entry in (*_presets(result), *_folds(result)):
            child = _write(client, experiment_id, entry, run_id)
            client.set_terminated(child, status)
        _history(client, run_id, result)
        with tempfile.TemporaryDirectory() as folder:
            write_files(result, report_path, Path(folder))
            client.log_artifacts(run_id, folder)
        client.set_terminated(run_id, status)
    return TrackedRun(run_id, result.strategy.id, _url_hint(uri, experiment_id, run_id))


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix(_SQLITE).split("?")[0]) if uri.startswith(_SQLITE) else None


def _url_hint(uri: str, experiment_id: str, run_id: str) -> str:
    page = f"#/experiments/{experiment_id}/runs/{run_id}"
    if uri.startswith(("http://", "https://")):
        return f"{uri.rstrip('/')}/{page}"
    return f"http://127.0.0.1:5000/{page} (served by: mlflow ui --backend-store-uri {uri})"


@contextmanager
def _store(uri: str) -> Iterator[MlflowClient]:
    """A client of the store that prints nothing; its failures become one sentence."""
    # MLflow reports its use to its makers unless told not to; a research run does not call home.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    quiet = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from mlflow import MlflowClient

            # After the import, which sets a level of its own.
            for name in quiet:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield MlflowClient(tracking_uri=uri)
        except ArenaError:
            raise
        except Exception as error:
            first = str(error).strip().splitlines()
            raise TrackingError(
                f"the tracking store {uri} failed: {first[0] if first else type(error).__name__}; "
                "check --tracking-uri or MLFLOW_TRACKING_URI, or run with --no-track."
            ) from error
        finally:
            for name, level in quiet.items():
                logging.getLogger(name).setLevel(level)


def _experiment(client: MlflowClient, name: str, uri: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    file = _sqlite_file(uri)
    # A server decides for itself where artifacts go.
    location = (file.resolve().parent / ARTIFACTS / name).as_uri() if file is not None else None
    return str(client.create_experiment(name, artifact_location=location))


def _write(client: MlflowClient, experiment_id: str, entry: _Entry, parent: str | None) -> str:
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    tags = {KIND: entry.kind, **entry.tags} | ({"mlflow.parentRunId": parent} if parent else {})
    run = client.create_run(experiment_id, start_time=now, run_name=entry.name)
    metrics = [Metric(name, float(x), now, 0) for name, x in entry.metrics.items() if math.isfinite(x)]
    params = [Param(name, value) for name, value in entry.params.items()]
    marks = [RunTag(name, value[:_LONGEST_TAG]) for name, value in tags.items()]
    for k in range(0, max(len(metrics), len(params), len(marks)), _BATCH):
        part = slice(k, k + _BATCH)
        client.log_batch(run.info.run_id, metrics[part], params[part], marks[part])
    return str(run.info.run_id)


def _levers(values: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in values.items()}


def _summary(summary: Summary) -> dict[str, float]:
    figures = {
        "bets": summary.bets,
        "wins": summary.wins,
        "staked_usd": summary.staked_usd,
        "pnl_usd": summary.pnl_usd,
        "final_equity_usd": summary.final_equity_usd,
        "max_drawdown": summary.max_drawdown,
        "fee_usd": summary.fee_usd,
        "spread_usd": summary.spread_usd,
        "slippage_usd": summary.slippage_usd,
        "unfilled_orders": summary.unfilled_orders,
        "partial_fills": summary.partial_fills,
        "refused_bets": summary.refused_bets,
    }
    if summary.bets:
        figures |= {
            "win_rate": summary.win_rate,
            "break_even": summary.break_even,
            "return_per_bet": summary.return_per_bet,
        }
    return figures


def _by_costs(by_costs: Mapping[str, Summary]) -> dict[str, float]:
    return {f"pnl_usd.{name}": summary.pnl_usd for name, summary in by_costs.items()}


def _calibration(found: Calibration | None) -> dict[str, float]:
    if found is None:
        return {}
    return {
        "brier": found.model_brier,
        "market_brier": found.market_brier,
        "log_loss": found.model_log_loss,
        "market_log_loss": found.market_log_loss,
        "log_score_gain": found.gain.gain,
    }


def _parent(result: RunResult) -> _Entry:
    experiment, data = result.experiment, result.data
    entry = _Entry(experiment.name, "run")
    base = result.presets[0] if result.presets else None
    if base is not None:
        entry.params |= _levers(base.configuration.values())
        entry.metrics |= _calibration(base.calibration)
    entry.params |= {
        "preset": base.name if base is not None else "",
        "costs": experiment.costs,
        "execution": experiment.execution.model,
        "network_ms": f"{experiment.execution.network_ms:g}",
        "seed": str(experiment.seed),
        "grid_size": str(experiment.grid.size),
        "folds": str(experiment.folds.count),
        "objective": experiment.objective.name,
        "data": data.name,
        "windows": str(data.windows),
        "ticks": str(data.ticks),
    }
    entry.tags[EVALUATION] = evaluation_id(result.experiment, result.data.digests)
    entry.metrics |= {f"seconds.{stage}": seconds for stage, seconds in result.seconds.items()}
    entry.tags |= _provenance(result)
    walk = result.walk_forward
    if walk is None:
        if base is not None:
            entry.metrics |= _summary(base.by_costs[experiment.costs]) | _by_costs(base.by_costs)
        return entry
    entry.metrics |= _summary(walk.out_of_sample.by_costs[experiment.costs]) | _by_costs(walk.out_of_sample.by_costs)
    entry.metrics |= _evidence(walk.evidence)
    for gate in walk.verdict.gates:
        key = gate.name.replace(" ", "_")
        entry.metrics[f"gate.{key}"] = gate.figure
        entry.tags[f"gate.{key}"] = "pass" if gate.passed else "fail"
    entry.tags |= {
        "needs": "\n".join(needs(result)),
        "ledger_entry": walk.ledger_entry,
        "standing": f"{registration(walk.standing)}; {holdout(walk.standing)}",
    }
    return entry


def _provenance(result: RunResult) -> dict[str, str]:
    data, code = result.data, checkout()
    venue = result.experiment.data.venue or result.strategy.venue
    tags = {
        "verdict": headline(result),
        "mlflow.note.content": why(result),
        "experiment_digest": result.experiment.digest,
        "interrupted": str(result.interrupted).lower(),
        "venue_rules": f"{venue} {table_version(venue)}",
        "data.path": data.path,
        "data.truth": data.truth,
        "data.notes": "\n".join(data.notes),
    }
    tags |= {f"data.sha256.{table}": digest for table, digest in data.digests.items()}
    tags |= {f"version.{name}": text for name, text in versions().items()}
    if code is not None:
        tags |= {"mlflow.source.git.commit": code.commit, "git.dirty": str(code.dirty).lower()}
    return tags


def _evidence(e: Evidence) -> dict[str, float]:
    figures: dict[str, float] = {
        "sharpe_per_window": e.sharpe,
        "psr": e.psr,
        "adjusted_p_value": e.adjusted_p,
        "family": e.family.sidak_family,
        "trials": e.family.trials,
        "ideas": e.family.ideas,
        "attempt": e.family.attempt,
        "without_best_fold": e.without_best_fold,
        "profitable_neighbours": e.sensitivity.profitable_neighbours,
        "cost_breaks_at": e.sensitivity.cost.breaks_at,
        "bankroll_highest": e.highest_bankroll,
    }
    if e.deflated is not None:
        figures |= {"dsr": e.deflated.probability, "dsr_threshold": e.deflated.threshold}
        figures["trial_variance"] = e.deflated.variance
    if e.deflated_clusters is not None:
        figures |= {"dsr_clusters": e.deflated_clusters.probability, "clusters": e.deflated_clusters.trials}
    if e.dominance is not None:
        figures["beats_random_pick"] = e.dominance.probability
    if e.superior is not None:
        figures["spa_p_value"] = e.superior.consistent
    if e.plan is not None:
        figures |= {"bets_needed": e.plan.bets, "planned_edge": e.planned_edge}
    if e.skill is not None:
        figures["probability_of_skill"] = e.skill.probability_of_skill
    if e.posterior is not None:
        figures["posterior_edge"] = e.posterior.probability
    if e.miscalibration is not None:
        figures |= {"miscalibration_gap": e.miscalibration.gap, "miscalibration_gap_lower": e.miscalibration.lower}
    if e.sensitivity.latency is not None:
        figures["latency_breaks_at_ms"] = e.sensitivity.latency.breaks_at
    if e.win_test is not None:
        figures |= {"win_p_value": e.win_test.p_value, "win_z": e.win_test.z_score}
    if e.interval is not None:
        figures["return_per_window"] = e.interval.estimate
        figures |= {"return_per_window_lower": e.interval.lower, "return_per_window_upper": e.interval.upper}
    if e.overfitting is not None:
        figures |= {"pbo": e.overfitting.pbo, "probability_of_loss": e.overfitting.probability_of_loss}
    if e.null_band is not None:
        figures |= {"pbo_null_05": e.null_band.quantile_05, "pbo_null_50": e.null_band.quantile_50}
    if e.gain is not None:
        figures |= {"bet_log_score_gain": e.gain.gain, "bet_log_score_gain_lower": e.gain.lower}
    return figures


def _presets(result: RunResult) -> Iterator[_Entry]:
    """One run per preset with the same names for the same things, so that comparing two makes a table."""
    for preset in result.presets:
        entry = _Entry(f"preset {preset.name}", "preset", tags={"preset": preset.name})
        entry.params |= _levers(preset.configuration.values())
        entry.metrics |= _summary(preset.by_costs[result.experiment.costs]) | _by_costs(preset.by_costs)
        entry.metrics |= _calibration(preset.calibration)
        entry.metrics["as_booked_pnl_usd"] = preset.as_booked.pnl_usd
        yield entry


def _folds(result: RunResult) -> Iterator[_Entry]:
    walk = result.walk_forward
    if walk is None:
        return
    for k, fold in enumerate(walk.folds, 1):
        entry = _Entry(f"fold {k}", "fold")
        if fold.chosen >= 0:
            entry.params |= _levers(walk.grid[fold.chosen].values())
        entry.params |= {
            "chosen": str(fold.chosen),
            "train_rows": f"{fold.train_rows[0]}:{fold.train_rows[1]}",
            "test_rows": f"{fold.test_rows[0]}:{fold.test_rows[1]}",
        }
        entry.metrics |= {
            "train_windows": fold.train_windows,
            "train_score": fold.train_score,
            "train_bets": fold.train_bets,
            "test_score": fold.test_score,
            "test_bets": fold.test_bets,
            "rank_correlation": fold.rank_correlation,
        }
        if fold.test_bets:
            entry.metrics["return_per_bet"] = fold.test_return_per_bet
        yield entry


def _history(client: MlflowClient, run_id: str, result: RunResult) -> None:
    """Series on the parent, so that its page draws them: scores by fold, return per window by latency and by cost.

    A step is the number of the fold, the ms of travel time, or the percentage of the cost.
    """
    from mlflow.entities import Metric

    walk = result.walk_forward
    if walk is None:
        return
    points = [
        (f"fold_{name}", value, k)
        for k, fold in enumerate(walk.folds, 1)
        for name, value in (("train_score", fold.train_score), ("test_score", fold.test_score))
    ]
    curves = walk.evidence.sensitivity
    for name, curve, scale in (("latency", curves.latency, 1.0), ("cost", curves.cost, 100.0)):
        if curve is not None:
            steps = zip(curve.at.tolist(), curve.mean.tolist(), strict=True)
            points += [(f"return_by_{name}", mean, round(at * scale)) for at, mean in steps]
    now = int(time.time() * 1000)
    series = [Metric(name, value, now, step) for name, value, step in points if math.isfinite(value)]
    for k in range(0, len(series), _BATCH):
        client.log_batch(run_id, series[k : k + _BATCH])
