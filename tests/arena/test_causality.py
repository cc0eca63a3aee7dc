from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import arena.causality as causality
from arena.causality import CausalityReport, Finding, Frames, check, first_difference, run_strategy
from arena.lab.tables import LabTables
from arena.market.build import build_tape
from arena.market.windows import Market
from arena.strategies import load, names
from tests.support.frames import T0

EXPERIMENTS = ("truncation", "future dropped", "future scrambled", "chunks")


def lab_frames(lab: LabTables, first: int, n: int) -> tuple[Frames, pl.DataFrame]:
    """``n`` windows of the lab from number ``first``, and only the rows around them."""
    rows = lab.windows.sort("open_ns")[first : first + n]
    begin, end = int(rows["open_ns"][0]) - 700 * 10**9, int(rows["close_ns"][-1]) + 60 * 10**9
    tables = {
        name: frame.filter(pl.col("recv_ns").is_between(begin, end))
        for name, frame in lab.items()
        if name in ("binary_quotes", "spot", "oracle")
    }
    return Frames(tables | {"windows": rows}), rows


def run_check(
    lab: LabTables, strategy: str, preset: str, step_ms: int = 90, first: int = 280, n: int = 12, cuts: int = 6
) -> CausalityReport:
    data, rows = lab_frames(lab, first, n)
    s = load(strategy)
    return check(s, data, Market(step_ms=step_ms), rows, s.preset(preset), cuts=cuts, rng=np.random.default_rng(7))


@pytest.mark.parametrize(("strategy", "preset"), [(s, p) for s in names() for p in load(s).presets])
def test_no_registered_strategy_sees_the_future(lab: LabTables, strategy: str, preset: str) -> None:
    report = run_check(lab, strategy, preset)
    assert [f.name for f in report.findings] == list(EXPERIMENTS)
    assert [f.cuts for f in report.findings] == [6, 6, 6, 1]
    assert [(f.name, str(f.mismatch)) for f in report.findings if not f.passed] == []
    assert report.passed
    assert report.findings[0].ticks > 40_000


def test_no_future_is_seen_on_event_driven_ticks(lab: LabTables) -> None:
    report = run_check(lab, "BTC_5M", "corrected", step_ms=0, n=4)
    assert [str(f.mismatch) for f in report.findings if not f.passed] == []


def test_the_chunks_meet_at_midnight_when_the_span_has_one(lab: LabTables) -> None:
    """279 five-minute windows into the first day, midnight is nine windows on."""
    data, rows = lab_frames(lab, 279, 12)
    assert rows["open_ns"][9] == T0 + 86_400 * 10**9
    built: list[int] = []
    original = build_tape

    def spy(data: Any, market: Market, rows: pl.DataFrame, slots: tuple[str, ...] = ()) -> Any:
        built.append(rows.height)
        return original(data, market, rows, slots)

    s = load("BTC_5M")
    causality.build_tape = spy  # type: ignore[assignment]
    try:
        check(s, data, Market(), rows, s.preset("seed"), cuts=1, rng=np.random.default_rng(1))
    finally:
        causality.build_tape = original
    assert built[-2:] == [9, 3]


# The check can fail.


def leaky(change: Any) -> Any:
    """``build_tape`` with a fault: ``change`` edits the ticks in place."""

    def build(data: Any, market: Market, rows: pl.DataFrame, slots: tuple[str, ...] = ()) -> Any:
        tape, notes = build_tape(data, market, rows, slots)
        change(tape, rows)
        return tape, notes

    return build


def from_the_next_tick(tape: Any, rows: pl.DataFrame) -> None:
    tape.ticks["up_ask"][:-1] = tape.ticks["up_ask"][1:].copy()


def a_report_one_tick_early(tape: Any, rows: pl.DataFrame) -> None:
    for name in ("twap_n", "twap_sum"):
        tape.ticks[name][:-1] = tape.ticks[name][1:].copy()


def the_outcome(tape: Any, rows: pl.DataFrame) -> None:
    held = tape.ticks["window"] >= 0
    tape.ticks["oracle_px"][held] += tape.windows["outcome"][tape.ticks["window"][held]]


def the_strike_at_the_open(tape: Any, rows: pl.DataFrame) -> None:
    held = tape.ticks["window"] >= 0
    tape.ticks["strike"][held] = tape.windows["strike"][tape.ticks["window"][held]]


def the_mean_of_the_tape(tape: Any, rows: pl.DataFrame) -> None:
    tape.ticks["oracle_px"] -= np.nanmean(tape.ticks["spot_px"][:, 0])


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        (from_the_next_tick, "up_ask"),
        (a_report_one_tick_early, "twap_n"),
        (the_outcome, "oracle_px"),
        (the_strike_at_the_open, "strike"),
        (the_mean_of_the_tape, "oracle_px"),
    ],
)
def test_a_tape_that_shows_the_future_is_caught(
    lab: LabTables, monkeypatch: pytest.MonkeyPatch, fault: Any, field: str
) -> None:
    monkeypatch.setattr(causality, "build_tape", leaky(fault))
    report = run_check(lab, "BTC_5M", "corrected", n=4, cuts=6)
    assert not report.passed
    found = {f.name: f.mismatch for f in report.findings}
    for experiment in ("future dropped", "future scrambled"):
        mismatch = found[experiment]
        assert mismatch is not None, experiment
        assert (mismatch.where, mismatch.field) == ("ticks", field)
        assert mismatch.ts_ns <= mismatch.cut_ns


LEAKY_STRATEGY = '''
import sys
from enum import IntEnum
from typing import NamedTuple
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from arena.causality import check
from arena.jit import jit
from arena.market.windows import Market
from arena.market.tape import TICK_DTYPE
from arena.strategies.base import Configuration, Intent, Strategy, implement
from arena.sizing import Account
from arena.causality import Frames
from tests.support.frames import mirrored, quotes, spot, windows

ASK = TICK_DTYPE.itemsize + TICK_DTYPE.fields["up_ask"][1]

@intrinsic
def next_ask(typingctx, record):
    """The ask of the record after this one: past the end of what the strategy was given."""
    def codegen(context, builder, signature, args):
        byte = builder.bitcast(args[0], ir.IntType(8).as_pointer())
        far = builder.gep(byte, [ir.Constant(ir.IntType(64), ASK)])
        return builder.load(builder.bitcast(far, ir.DoubleType().as_pointer()), align=1)
    return types.float64(record), codegen

class Observe(NamedTuple):
    kind: float = KIND

class Decide(NamedTuple):
    level: float = 0.5

@jit
def observe(state, tick, params, out):
    out.value = 0.0
    if params.kind == 1.0:
        out.value = next_ask(tick)
    elif params.kind == 2.0:
        out.value = np.random.random()
    elif params.kind == 3.0:
        out.value = tick.up_ask
        tick.up_ask = 0.0

@jit
def decide(signal, tick, held, params):
    if signal.value > params.level:
        return Intent(1, 0, tick.up_ask, 0.9, 0.1)
    return Intent(0, 1, 0.0, 0.0, 0.0)

class Reason(IntEnum):
    ENTER = 0
    NO = 1

implement(Observe, observe, Decide, decide)
toy = Strategy("TOY", "TOY", "", "BTC", 300, "polymarket", (), {"x": Configuration(Observe(), Decide(), Account())},
               "x", Reason, np.dtype([("n", np.int64)]), np.dtype([("value", np.float64)]))
rng = np.random.default_rng(3)
times = np.round(np.cumsum(rng.uniform(0.2, 1.0, 1500)), 3)
asks = np.round(rng.uniform(0.1, 0.9, 1500), 2)
shown = [(float(t), float(a)) for t, a in zip(times, asks) if t < 900]
books = quotes([mirrored(t, f"w{int(t // 300)}", round(a - 0.02, 2), a) for t, a in shown])
prices = spot([(float(t), "coinbase", 100.0) for t in times])
data = Frames({"binary_quotes": books, "spot": prices})
report = check(toy, data, Market(step_ms=300), windows(3), toy.preset("x"), cuts=6, rng=rng)
found = [f"{f.name}:{f.passed}:{f.mismatch.where if f.mismatch else ''}" for f in report.findings]
print(report.passed, *found, sep="|")
'''


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (0, "True|truncation:True:|future dropped:True:|future scrambled:True:|chunks:True:"),
        (1, "False|truncation:False:signals|future dropped:False:signals|future scrambled:False:signals|"),
        (2, "False|truncation:False:signals|"),
    ],
    ids=["honest", "reads the next record", "rolls dice"],
)
def test_a_strategy_that_cheats_is_caught(kind: int, verdict: str) -> None:
    """Compiled in a process of its own: a strategy outside the package needs the kernel cache switched off."""
    script = LEAKY_STRATEGY.replace("KIND", f"{kind}.0")
    root = Path(__file__).parents[2]
    environment = os.environ | {"ARENA_KERNEL_CACHE": "0", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=root, check=False
    )
    assert done.stdout.startswith(verdict), done.stderr[-2000:]


def test_the_first_difference_is_the_earliest_tick_and_names_its_field() -> None:
    a = np.zeros(5, dtype=[("x", np.float64), ("y", np.float64, (2,)), ("n", np.int32)])
    b = a.copy()
    a["x"][1] = b["x"][1] = np.nan
    assert first_difference(a, b, 5) is None
    b["x"][4], b["y"][3, 1], b["n"][3] = 1.0, 1e-300, 1
    assert first_difference(a, b, 5) == (3, "y")
    assert first_difference(a, b, 3) is None
    assert first_difference(a, b[:2], 3) == (2, "length")


def test_a_report_that_compared_nothing_has_not_passed() -> None:
    assert not CausalityReport("X", (Finding("truncation", 0, 0, None),)).passed


def test_the_state_is_carried_from_part_to_part(lab: LabTables) -> None:
    data, rows = lab_frames(lab, 100, 2)
    ticks = build_tape(data, Market(), rows)[0].ticks
    s = load("BTC_5M")
    whole = run_strategy(s, s.preset("seed"), [ticks])
    carried = run_strategy(s, s.preset("seed"), [ticks[:2500], ticks[2500:]])
    fresh = run_strategy(s, s.preset("seed"), [ticks[2500:]])
    assert first_difference(whole[0], carried[0], ticks.shape[0]) is None
    assert first_difference(whole[0][2500:], fresh[0], 100) is not None
