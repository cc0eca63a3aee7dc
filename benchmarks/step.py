"""The live step: jitted observe and decide called from Python with one record, in three ways of passing arguments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from arena.engine.prepare import observe_tape
from arena.jit import jit
from arena.market.tape import TICK_DTYPE
from arena.strategies.base import decide, observe
from benchmarks.lab import LabMarket
from benchmarks.measure import Figure
from benchmarks.rows import Row, Sizes

BUDGET_NS = 1000.0
_CALLS = 20_000
_STATED_NAUTILUS_NS = Figure(5500.0, 4500.0, 6600.0)


@jit
def _passed(state: Any, tick: Any, features: Any, gates: Any, out: Any) -> Any:
    observe(state[0], tick[0], features, out[0])
    return decide(out[0], tick[0], 0, gates)


def _bound(features: Any, gates: Any) -> Callable[..., Any]:
    """The step with its parameters compiled in."""

    @jit
    def step(state: Any, tick: Any, out: Any) -> Any:
        observe(state[0], tick[0], features, out[0])
        return decide(out[0], tick[0], 0, gates)

    return step


def _one_record(features: Any, gates: Any) -> Callable[..., Any]:
    """The step with its parameters compiled in and everything else, the intent too, in one record."""

    @jit
    def step(desk: Any) -> None:
        d = desk[0]
        observe(d.state, d.tick, features, d.signal)
        intent = decide(d.signal, d.tick, 0, gates)
        d.action = intent.action
        d.reason = intent.reason
        d.limit_price = intent.limit_price
        d.probability = intent.probability
        d.expected_return = intent.expected_return

    return step


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Nanoseconds per call on a warmed-up state, preset corrected."""
    strategy, configuration = lab.strategy, lab.strategy.preset("corrected")
    ticks = lab.tapes[0][0].ticks
    middle = ticks.shape[0] // 2
    state, signals = strategy.new_state(), np.zeros(middle, dtype=strategy.signal_dtype)
    observe_tape(ticks[:middle], state, configuration.observe, signals)
    tick, out = ticks[middle : middle + 1].copy(), np.zeros(1, dtype=strategy.signal_dtype)
    desk = np.zeros(
        1,
        dtype=[
            ("state", strategy.state_dtype), ("tick", TICK_DTYPE), ("signal", strategy.signal_dtype),
            ("action", np.int64), ("reason", np.int64),
            ("limit_price", np.float64), ("probability", np.float64), ("expected_return", np.float64),
        ],
    )  # fmt: skip
    desk["state"], desk["tick"] = state, tick
    features, gates = configuration.observe, configuration.decide
    bound, record = _bound(features, gates), _one_record(features, gates)
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("everything in one record, parameters compiled in", lambda: record(desk)),
        ("three records and a tuple back, parameters compiled in", lambda: bound(state, tick, out)),
        ("the same, parameters passed at every call", lambda: _passed(state, tick, features, gates, out)),
    ]
    rows = []
    expected = _passed(state.copy(), tick, features, gates, out)
    for what, call in ways:
        ours = _per_call(call, sizes.runs + 2)
        intent = call()
        if intent is None:
            intent = tuple(desk[0][name] for name in expected._fields)
        agrees = tuple(intent) == tuple(expected)
        rows.append(
            Row(
                "step",
                f"live step: {what}",
                "ns",
                ours,
                "nautilus, per quote",
                _STATED_NAUTILUS_NS,
                True,
                "the same intent from all three",
                agrees,
                BUDGET_NS,
                "one record again and again; not the same work as the peer, whose figure is a whole engine",
            )
        )
    return rows


def _per_call(call: Callable[[], Any], runs: int) -> Figure:
    call()
    found = []
    for _ in range(runs):
        began = time.perf_counter_ns()
        for _ in range(_CALLS):
            call()
        found.append((time.perf_counter_ns() - began) / _CALLS)
    return Figure.of(found)
