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


def spells(per_day: float, mean_s: float, begin_ns: int, end_ns: int, rng: np.random.Generator) -> tuple[I8, I8]:
    """Start and end of random silent spells, merged where they overlap."""
    start = poisson_times(per_day / 86_400.0, begin_ns, end_ns, rng)
    length = np.asarray(rng.exponential(mean_s, start.shape[0]))
    end = start + (length * SECOND).astype(np.int64)
    if start.shape[0] == 0:
        return start, end
    reach = np.maximum.accumulate(end)
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
