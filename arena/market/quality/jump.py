"""The mark of receive times that leap ahead of what follows: a clock that went wrong and came back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.jit import jit
from arena.market.quality.rule import Facts
from arena.units import SECOND

JUMP_S = 60
"""Queues and threads hold a row back for milliseconds or seconds. What is a minute ahead was stamped by a clock that
was wrong; within a minute, the later row is the late one."""


_EVER = np.iinfo(np.int64).min
"""Before every time."""


def time_jump(facts: Facts) -> pl.Expr | None:
    """A receive time over a minute ahead of rows that follow in its stream, where those are more.

    Of each stream the largest set of rows that never goes back in time is taken for true (of equally large ones,
    that with the earlier rows); a row outside it, over :data:`JUMP_S` ahead of the next true one, has jumped. What
    else outside it is late, and is left to ``time_back``; nothing has jumped in a stream where that would refuse as
    many rows as ``time_back`` alone. Rows behind those kept before are late in any case.
    """
    if facts.frame["recv_ns"].is_sorted():
        return None
    time, stream = pl.col("recv_ns"), list(facts.table.stream)
    rows = facts.frame.select(*stream, "recv_ns").with_row_index("row")
    far = rows.filter(time.cum_max().over(stream) - time > JUMP_S * SECOND)
    if far.is_empty():
        return None
    rows = rows.join(far.select(stream).unique(), on=stream, how="semi", maintain_order="left", nulls_equal=True)
    if facts.seam is not None:
        latest = facts.seam.latest.select(*stream, pl.col("recv_ns").alias("latest"))
        rows = rows.join(latest, on=stream, how="left", maintain_order="left", nulls_equal=True)
        rows = rows.filter(time >= pl.col("latest").fill_null(time))
    jumped = [
        part["row"].filter(pl.Series(_jumps(part["recv_ns"].to_numpy(), JUMP_S * SECOND)))
        for part in rows.partition_by(stream)
    ]
    bad = pl.concat(jumped) if jumped else pl.Series(dtype=pl.UInt32)
    return pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bad.implode()) if bad.len() else None


@jit
def _jumps(times: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.bool_]:
    """Which times are over ``most`` ahead of the next one of the longest sequence that never decreases.

    None where leaving them out would not save rows: those behind the latest time before them are refused anyway.
    """
    n = times.shape[0]
    # From the last row to the first: ends[k] begins the best sequence of k + 1 rows found so far.
    ends = np.empty(n, dtype=np.int64)
    following = np.empty(n, dtype=np.int64)
    length = 0
    for i in range(n - 1, -1, -1):
        low, high = 0, length
        while low < high:
            middle = (low + high) // 2
            if times[ends[middle]] >= times[i]:
                low = middle + 1
            else:
                high = middle
        following[i] = ends[low - 1] if low > 0 else -1
        ends[low] = i
        length = max(length, low + 1)
    jumped = np.zeros(n, dtype=np.bool_)
    kept = ends[length - 1] if length > 0 else -1
    for i in range(n):
        if i == kept:
            kept = following[i]
        elif kept >= 0 and times[i] - times[kept] > most:
            jumped[i] = True
    late = left = 0
    latest = latest_left = _EVER
    for i in range(n):
        late += times[i] < latest
        latest = max(latest, times[i])
        if not jumped[i]:
            left += times[i] < latest_left
            latest_left = max(latest_left, times[i])
    if jumped.sum() + left >= late:
        jumped[:] = False
    return jumped
