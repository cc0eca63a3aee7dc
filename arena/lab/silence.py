"""When a stream is silent: random times and spells, and the gap rows that admit to them."""

from __future__ import annotations

import numpy as np
import polars as pl

from arena.lab.tables import SOURCE
from arena.market.schema import GAPS
from arena.market.tape import I8
from arena.units import SECOND


def poisson_times(rate_per_s: float, begin_ns: int, end_ns: int, rng: np.random.Generator) -> I8:
    """Ascending times (ns UTC) of a Poisson process in ``[begin_ns, end_ns)``."""
    n = rng.poisson(rate_per_s * (end_ns - begin_ns) / SECOND)
    return np.sort(rng.integers(begin_ns, end_ns, n))


class Silences:
    """Random silent spells of one stream, drawn a day at a time; one may last past midnight."""

    def __init__(self, per_day: float, mean_s: float) -> None:
        self._rate = per_day / 86_400.0
        self._mean_s = mean_s
        self._open: tuple[I8, I8] = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def next(self, begin_ns: int, end_ns: int, rng: np.random.Generator) -> tuple[I8, I8, int]:
        """Start and end of the spells, merged where they overlap, and how many of them began the day before."""
        start = poisson_times(self._rate, begin_ns, end_ns, rng)
        stop = start + (np.asarray(rng.exponential(self._mean_s, start.shape[0])) * SECOND).astype(np.int64)
        held, reach = self._open
        # What begins inside a spell that has been told already is part of it.
        fresh = start > (reach[-1] if reach.shape[0] else 0)
        start, stop = merged(start[fresh], stop[fresh])
        start, stop = np.concatenate([held, start]), np.concatenate([reach, stop])
        over = stop > end_ns
        self._open = (start[over], stop[over])
        return start, stop, held.shape[0]


def merged(start: I8, stop: I8) -> tuple[I8, I8]:
    """Spells (start ascending), joined where they overlap or touch."""
    if start.shape[0] == 0:
        return start, stop
    reach = np.maximum.accumulate(stop)
    new = np.concatenate([[True], start[1:] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(new)[1:] - 1, [start.shape[0] - 1]])
    return start[new], reach[last]


def inside(t_ns: I8, start: I8, end: I8) -> I8:
    """Index of the spell each time falls into, -1 for none."""
    k = np.searchsorted(start, t_ns, side="right") - 1
    hit = (k >= 0) & (t_ns < end[np.maximum(k, 0)]) if start.shape[0] else np.zeros(t_ns.shape[0], dtype=np.bool_)
    return np.where(hit, k, -1)


def gap_rows(start: I8, end: I8, stream: str, reason: str, asset: str) -> pl.DataFrame:
    """Rows of the gaps table: one per spell of ``stream``."""
    return GAPS.conform(
        pl.DataFrame(
            {
                "recv_ns": start,
                "until_ns": end,
                "stream": [stream] * len(start),
                "asset": [asset] * len(start),
                "reason": [reason] * len(start),
                "source": [SOURCE] * len(start),
            },
            schema_overrides={"recv_ns": pl.Int64, "until_ns": pl.Int64},
        )
    )
