"""Many markets on many cores, each kept as soon as it is done.

This module loads nothing heavy: a worker imports it first, and says how many threads it wants before the libraries that
read that are loaded.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import ArenaError, ConfigError
from research.study.settings import Settings, Task

if TYPE_CHECKING:
    from research.study.records import MarketRecord

HEADER, MARKETS = "study.json", "markets.jsonl"


class WorkerError(ArenaError):
    """A worker process died."""


def run_study(
    settings: Settings, runs: int, folder: Path, workers: int, progress: Callable[[int, int], None] = lambda *_: None
) -> list[MarketRecord]:
    """The first ``runs`` markets of a study; those that ``folder`` holds already are not opened again.

    The records do not depend on ``workers``.

    Args:
        settings: what to study.
        runs: how many markets, of each lag.
        folder: where the study is kept.
        workers: processes; with 1 this one does the work.
        progress: told how many markets are done, and of how many.

    Raises:
        ConfigError: the folder holds another study, or one by another version of the code.
        WorkerError: a worker was killed; what had finished is kept.
    """
    from research.study.records import append, read

    causal = _header(settings, folder)
    path, tasks = folder / MARKETS, settings.tasks(runs)
    known = {record.task: record for record in read(path)}
    waiting = [task for task in tasks if task not in known]
    progress(len(tasks) - len(waiting), len(tasks))

    def take(record: MarketRecord) -> None:
        if record.task not in known:
            known[record.task] = record
            append(path, record)
            progress(sum(task in known for task in tasks), len(tasks))

    if workers == 1:
        for task in waiting:
            take(_work(settings, task, causal))
    elif waiting:
        _in_processes(settings, waiting, causal, workers, take)
    return [known[task] for task in tasks]


def _header(settings: Settings, folder: Path) -> bool:
    """Write what the folder holds, or check that it is this very study; whether the strategy is causal."""
    from research.provenance import code_digest
    from research.study.market import proven_causal

    path = folder / HEADER
    asked = json.loads(json.dumps({"settings": asdict(settings), "code": code_digest()}))
    if path.exists():
        held = json.loads(path.read_text())
        for what, says in (("settings", "another study"), ("code", "a study by another version of the code")):
            if held.get(what) != asked[what]:
                raise ConfigError(f"{folder} holds {says}; choose another folder with --out, or delete it.")
        return bool(held["causal"])
    causal = proven_causal(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**asked, "causal": causal}, indent=2) + "\n")
    return causal


def _in_processes(
    settings: Settings, tasks: Sequence[Task], causal: bool, workers: int, take: Callable[[MarketRecord], None]
) -> None:
    # Forking a process that runs threads can deadlock; a spawned one starts clean.
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=_start) as pool:
        waiting = [pool.submit(_work, settings, task, causal) for task in tasks]
        try:
            for future in as_completed(waiting):
                take(future.result())
        except BrokenProcessPool as error:
            raise WorkerError(
                "a worker was killed, most likely for want of memory; the same command with fewer --workers resumes."
            ) from error
        except BaseException:
            # What is under way will be finished either way: keep it.
            pool.shutdown(cancel_futures=True)
            for future in waiting:
                if not future.cancelled() and future.exception() is None:
                    take(future.result())
            raise


def _start() -> None:
    """One thread per worker, and an interrupt is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"


def _work(settings: Settings, task: Task, causal: bool) -> MarketRecord:
    from research.study.researchers import research

    return research(settings, task, causal)
