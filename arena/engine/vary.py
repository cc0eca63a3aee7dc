"""The same candidates under other conditions: fewer windows, fewer configurations, other latencies.

What a result is worth depends on what it needs. These cuts of a :class:`~arena.engine.prepare.Prepared` make it cheap
to ask again with one condition changed, without observing a single tick twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from arena.engine.execution import ExecutionModel
from arena.engine.narrow import admitted, subset
from arena.engine.prepare import Prepared, Sample, arrival_rows, join_arrivals, met, with_assumed_sizes
from arena.engine.replay import Arrivals
from arena.market.tape import Books
from arena.strategies.base import Configuration, Strategy


def windows_between(prepared: Prepared, begin: int, end: int) -> Prepared:
    """Only windows ``begin`` to ``end`` (half-open), renumbered from 0; what is counted per span stays as it was."""
    low, high = int(prepared.first[begin]), int(prepared.first[end])
    ticks = prepared.ticks[low:high].copy()
    ticks["window"] -= begin
    return replace(
        prepared,
        ticks=ticks,
        signals=prepared.signals[low:high],
        arrivals=prepared.arrivals._replace(row=prepared.arrivals.row[low:high]),
        first=prepared.first[begin : end + 1] - low,
        windows=prepared.windows[begin:end],
        market_ids=prepared.market_ids[begin:end],
        marks=prepared.marks[begin:end],
        sample=Sample(*(column[begin:end] for column in prepared.sample)),
    )


def admitting(strategy: Strategy, prepared: Prepared, configurations: Sequence[Configuration]) -> Prepared:
    """Only the candidates at which one of ``configurations`` would enter: their replays give what they gave before."""
    everything = np.arange(prepared.ticks.shape[0])
    return subset(prepared, admitted(strategy, prepared, everything, list(configurations)))


def at_latencies(
    prepared: Prepared,
    books: Iterable[Books],
    executions: Sequence[ExecutionModel],
    assumed_size_usd: float | None = None,
) -> tuple[Prepared, ...]:
    """``prepared`` as orders sent by each of ``executions`` would find it.

    Args:
        prepared: candidates, of all windows that ``books`` cover, in the same order.
        books: the venue's own books, part by part (see :func:`arena.market.build.venue_books`); one pass over them
            serves every execution model.
        executions: how orders travel.
        assumed_size_usd: displayed size, in dollars, where the recording has none.
    """
    parts: list[list[Arrivals]] = [[] for _ in executions]
    begin = 0
    for part in books:
        end = begin + part.first.shape[0] - 1
        low, high = prepared.first[begin], prepared.first[end]
        ticks = prepared.ticks[low:high].copy()
        ticks["window"] -= begin
        windows = prepared.windows[begin:end]
        known = part if assumed_size_usd is None else with_assumed_sizes(part, assumed_size_usd)
        for k, execution in enumerate(executions):
            parts[k].append(met(known, arrival_rows(ticks, windows, known, execution)))
        begin = end
    return tuple(replace(prepared, arrivals=join_arrivals(arrivals)) for arrivals in parts)
