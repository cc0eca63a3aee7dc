"""Timing and memory: medians of warm runs, peak growth in a fresh process, and how busy everybody else was."""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """Median, smallest and largest of some runs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """The figure of ``values``."""
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def single(cls, value: float) -> Figure:
        """A figure that was stated, or measured once."""
        return cls(value, value, value)

    def rate(self, amount: float) -> Figure:
        """Seconds turned into ``amount`` per second."""
        return Figure(amount / self.median, amount / self.high, amount / self.low)

    def times(self, factor: float) -> Figure:
        """Scaled by ``factor``."""
        return Figure(self.median * factor, self.low * factor, self.high * factor)


def timed(
    function: Callable[[], T], runs: int, warm: int = 1, clock: Callable[[], float] = time.perf_counter
) -> tuple[Figure, T]:
    """Wall seconds of ``runs`` calls after ``warm`` unmeasured ones, and what the last call returned.

    With ``clock=time.process_time`` they are seconds of one core, which busy neighbours do not stretch as much.
    """
    for _ in range(warm):
        function()
    seconds = []
    for _ in range(runs):
        gc.collect()
        began = clock()
        result = function()
        seconds.append(clock() - began)
    return Figure.of(seconds), result


def run_python(arguments: Sequence[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> float:
    """Wall seconds of one Python command.

    Raises:
        RuntimeError: the command failed; the message carries the end of what it said.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr.decode(errors='replace')[-500:]}")
    return seconds


def in_child(name: str, *arguments: str) -> dict[str, Any]:
    """What the function ``name`` of :mod:`benchmarks.children` prints from a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.children", name, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"benchmarks.children {name} failed: {done.stderr[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _status_mib(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024.0
    raise RuntimeError(f"/proc/self/status has no {field}")


def peak_mib() -> float:
    """Largest resident set of this process so far, MiB.

    ``ru_maxrss`` would not do: on Linux a child inherits it from the process that started it.
    """
    with suppress(OSError):
        return _status_mib("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def peak_growth(function: Callable[[], Any]) -> float:
    """MiB by which the resident set grew at its peak while ``function`` ran.

    Where the kernel cannot reset the high-water mark (not Linux), growth beyond the process's earlier peak.
    """
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        before = _status_mib("VmRSS")
    function()
    with suppress(OSError):
        return _status_mib("VmHWM") - before
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0 - before


class Others:
    """Cores that other processes kept busy since it was made; NaN where /proc/stat is missing."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._own = _own_cpu()
        self._all = _all_cpu()

    def cores(self) -> float:
        """Mean number of busy cores that were not ours."""
        wall = max(time.perf_counter() - self._began, 1e-9)
        return max(0.0, (_all_cpu() - self._all - (_own_cpu() - self._own)) / wall)


def _own_cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def _all_cpu() -> float:
    try:
        fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    except OSError:
        return float("nan")
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / float(os.sysconf("SC_CLK_TCK"))
