"""Split a sweep so that strict configurations do not walk the ticks only loose ones could use.

The loosest corner of a grid may admit almost every tick although no single configuration comes near it.
Configurations are halved along whichever lever prunes most, each half gets its own loosest corner and
keeps only the candidates that corner admits, and so on down. Every configuration ends up replaying a
superset of its own entries, so the result is that of the full set; only time changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from arena.engine.prepare import Prepared
from arena.jit import jit
from arena.market.tape import I8, Records
from arena.strategies.base import Configuration, Strategy, decide

_LEAF = 32
_WORTH_TICKS = 20_000
_PROBE = 64


def branches(
    strategy: Strategy, prepared: Prepared, configurations: Sequence[Configuration]
) -> Iterator[tuple[Prepared, I8]]:
    """Groups of configurations, by number, each with the candidates it needs."""
    everything = np.arange(prepared.ticks.shape[0])
    for index, group in _split(strategy, prepared, configurations, everything, np.arange(len(configurations))):
        yield subset(prepared, index), group


def _split(
    strategy: Strategy, prepared: Prepared, configurations: Sequence[Configuration], index: I8, numbers: I8
) -> Iterator[tuple[I8, I8]]:
    halves = None
    if numbers.shape[0] > _LEAF and index.shape[0] > _WORTH_TICKS:
        halves = _best_halves(strategy, prepared, configurations, index[::_PROBE], numbers)
    if halves is None:
        yield index, numbers
        return
    for half in halves:
        kept = admitted(strategy, prepared, index, [configurations[c] for c in half])
        yield from _split(strategy, prepared, configurations, kept, half)


def admitted(strategy: Strategy, prepared: Prepared, index: I8, family: list[Configuration]) -> I8:
    """Those of the ticks at ``index`` where somebody in the family would enter."""
    out = np.empty_like(index)
    n = _select(prepared.ticks, prepared.signals, index, strategy.loosest(family), out)
    return out[:n].copy()


@jit
def _select(ticks: Records, signals: Records, index: I8, params: Any, out: I8) -> int:
    n = 0
    for k in range(index.shape[0]):
        i = index[k]
        out[n] = i
        n += decide(signals[i], ticks[i], 0, params).action != 0
    return n


def _best_halves(
    strategy: Strategy, prepared: Prepared, configurations: Sequence[Configuration], probe: I8, numbers: I8
) -> tuple[I8, I8] | None:
    """The halves along the lever that leaves the fewest of the probed candidates; None if no lever varies."""
    least = 2 * probe.shape[0] + 1
    best = None
    for name in configurations[0].decide._fields:
        values = np.array([getattr(configurations[c].decide, name) for c in numbers])
        if np.ptp(values) == 0.0:
            continue
        order = numbers[np.argsort(values, kind="stable")]
        halves = order[: order.shape[0] // 2], order[order.shape[0] // 2 :]
        left = sum(admitted(strategy, prepared, probe, [configurations[c] for c in h]).shape[0] for h in halves)
        if left < least:
            least, best = left, halves
    return best


def subset(prepared: Prepared, index: I8) -> Prepared:
    """``prepared`` with only the candidates at ``index``; the books they meet are shared."""
    if index.shape[0] == prepared.ticks.shape[0]:
        return prepared
    ticks = prepared.ticks[index]
    return replace(
        prepared,
        ticks=ticks,
        signals=prepared.signals[index],
        arrivals=prepared.arrivals._replace(row=prepared.arrivals.row[index]),
        first=np.searchsorted(ticks["window"], np.arange(prepared.windows.shape[0] + 1)).astype(np.int64),
    )
