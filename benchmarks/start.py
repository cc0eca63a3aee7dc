"""From nothing to an answer: import, --help, first result with a warm and an empty kernel cache, the main job."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.lab import LabMarket
from benchmarks.measure import Figure, in_child, run_python
from benchmarks.rows import Row, Sizes

_CLI = "from research.cli.backtest import main; main()"
_ONE_DAY = ["-c", _CLI, "btc_5m", "--days", "1", "--no-track", "--json"]
_MAIN_JOB = ["-c", _CLI, "btc_5m", "--walk-forward", "--no-track", "--json"]
_FIRST_BACKTESTING = """
import numpy as np, pandas as pd
from backtesting import Backtest, Strategy
close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 4e-4, 2000)))
class Cross(Strategy):
    def init(self):
        self.fast, self.slow = (self.I(lambda w=w: pd.Series(close).rolling(w).mean()) for w in (5, 30))
    def next(self):
        if not self.position and self.fast[-1] > self.slow[-1]:
            self.buy()
        elif self.position and self.fast[-1] < self.slow[-1]:
            self.position.close()
frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close))
Backtest(frame, Cross, cash=1e7, commission=5e-4, finalize_trades=True).run()
"""


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Wall seconds of fresh processes, in a folder and a kernel cache of their own."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "data").symlink_to(lab.folder.resolve())
        for days in (1, 7) if sizes.full else (1,):
            lab.catalog(days)
        cache = {"NUMBA_CACHE_DIR": str(here / "kernels")}
        runs = sizes.runs
        cold = _wall(_ONE_DAY, here, cache, 1, warm=0)
        helps = _wall(["-c", _CLI, "--help"], here, cache, runs)
        imports = _wall(["-c", "import arena.engine.run"], here, cache, runs)
        warm = _wall(_ONE_DAY, here, cache, runs)
        rows = [
            _row("arena-backtest --help", helps, 0.35),
            _row("import arena.engine.run", imports, 0.35, *_import_of("backtesting", here, runs)),
            _row("import arena.engine.run", imports, None, *_import_of("vectorbt", here, runs)),
            _row(
                "one-day BTC_5M run with report, warm kernel cache", warm, 1.0, *_first_of_backtesting(here, runs),
                note="not the same work: the peer crosses two averages over 2,000 bars",
            ),
            _row("the same, empty kernel cache", cold, 60.0, note="one run; lab data on disk"),
        ]  # fmt: skip
        if sizes.full:
            cold_walk = run_python(_MAIN_JOB, cwd=here, env={"NUMBA_CACHE_DIR": str(here / "other")})
            job = _wall(_MAIN_JOB, here, cache, 3)
            memory = in_child("main_job_memory", str(here))["mib"]
            rows += [
                _row("main job, empty kernel cache", Figure.single(cold_walk), 60.0, note="one run; lab data on disk"),
                _row(
                    "main job (7 days, 200 configurations, verdict, report), warm", job, 15.0,
                    note="3 runs",
                ),
                Row(
                    "start", "main job: peak memory of the process", "MiB", Figure.single(memory),
                    note="7 days; the budget of 30 days is judged under tape",
                ),
            ]  # fmt: skip
    return rows


def _wall(arguments: Sequence[str], cwd: Path, env: dict[str, str], runs: int, warm: int = 1) -> Figure:
    seconds = [run_python(arguments, cwd=cwd, env=env) for _ in range(runs + warm)]
    return Figure.of(seconds[warm:])


def _row(
    what: str,
    ours: Figure,
    budget: float | None,
    peer: str = "",
    theirs: Figure | None = None,
    stated: bool = False,
    note: str = "",
) -> Row:
    return Row("start", what, "s", ours, peer, theirs, stated, budget=budget, note=note)


_STATED_IMPORT_S = {"backtesting": 0.68, "vectorbt": 2.01}


def _import_of(name: str, cwd: Path, runs: int) -> tuple[str, Figure, bool]:
    if find_spec(name) is None:
        return f"import {name}", Figure.single(_STATED_IMPORT_S[name]), True
    return f"import {name}", _wall(["-W", "ignore", "-c", f"import {name}"], cwd, {}, runs), False


def _first_of_backtesting(cwd: Path, runs: int) -> tuple[str, Figure, bool]:
    peer = "backtesting.py, first small result"
    if find_spec("backtesting") is None:
        return peer, Figure.single(1.10), True
    return peer, _wall(["-W", "ignore", "-c", _FIRST_BACKTESTING], cwd, {}, runs), False
