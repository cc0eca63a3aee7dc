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
from typing import TYPE_CHECKING, Any

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
        ConfigError: the folder holds another study, or part of one by another version of the code.
        WorkerError: a worker was killed; what had finished is kept.
    """
    from research.provenance import code_digest
    from research.study.records import append, read

    path, tasks = folder / MARKETS, settings.tasks(runs)
    header = _header(settings, folder)
    known = {record.task: record for record in read(path)}
    waiting = [task for task in tasks if task not in known]
    if waiting and header["code"] != code_digest():
        raise ConfigError(
            f"{folder} holds {len(known)} markets of another version of the code, which new ones must not be mixed "
            "with; choose another folder with --out, or delete it."
        )
    causal = bool(header["causal"])
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


def _header(settings: Settings, folder: Path) -> dict[str, Any]:
    """What the folder holds, written now if it is new: settings, code, and whether the strategy is causal."""
    from research.provenance import code_digest
    from research.study.market import proven_causal

    path = folder / HEADER
    asked = json.loads(json.dumps(asdict(settings)))
    if not path.exists():
        new = {"settings": asked, "code": code_digest(), "causal": proven_causal(settings)}
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(new, indent=2) + "\n")
    held: dict[str, Any] = json.loads(path.read_text())
    if held["settings"] != asked:
        raise ConfigError(f"{folder} holds another study; choose another folder with --out, or delete it.")
    return held


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
