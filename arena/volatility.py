"""Streaming volatility estimators: constant work per observation, state in caller-owned records.

Both return annualised volatility (per square-root 365-day year) or NaN when there is too little data.
Times are ns UTC.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from arena.jit import Record, jit
from arena.units import YEAR_S

TICK_CAPACITY = 8192
CLOCK_CAPACITY = 2048
_CAP_MINIMUM = 30
_CAP_FLOOR = 1e-10
"""Least variance per second the cap is taken from, 0.1 bp per root second: after a standstill moves still count."""

TICK_VOL_DTYPE = np.dtype(
    [
        ("time_ns", np.int64, (TICK_CAPACITY,)),
        ("ret", np.float64, (TICK_CAPACITY,)),
        ("head", np.int64),
        ("count", np.int64),
        ("sum1", np.float64),
        ("sum2", np.float64),
        ("last_log", np.float64),
        ("started", np.int64),
    ]
)
"""Ring of (time of the later tick, log return) with running sums; ``started`` is 0 before the first tick."""

CLOCK_VOL_DTYPE = np.dtype(
    [
        ("log_price", np.float64, (CLOCK_CAPACITY,)),
        ("fast", np.float64, (CLOCK_CAPACITY,)),
        ("slow", np.float64, (CLOCK_CAPACITY,)),
        ("second", np.int64),
        ("sum_fast", np.float64),
        ("n_fast", np.int64),
        ("sum_slow", np.float64),
        ("n_slow", np.int64),
        ("started", np.int64),
    ]
)
"""Rings of one log price per second (NaN where none was fresh) and of the squared differences that end there,
with running sums of the latter."""


@jit
def tick_vol_add(state: Record, time_ns: int, log_price: float) -> None:
    """Record one tick. When the ring is full the oldest return is dropped."""
    if state.started == 0:
        state.started = 1
        state.last_log = log_price
        # The first tick has no return; its time anchors the first gap.
        state.time_ns[state.head] = time_ns
        state.ret[state.head] = 0.0
        state.count = 1
        return
    ret = log_price - state.last_log
    state.last_log = log_price
    if state.count == TICK_CAPACITY:
        _tick_vol_pop(state)
    slot = (state.head + state.count) % TICK_CAPACITY
    state.time_ns[slot] = time_ns
    state.ret[slot] = ret
    state.count += 1
    state.sum1 += ret
    state.sum2 += ret * ret


@jit
def _tick_vol_pop(state: Record) -> None:
    """Forget the oldest tick; the return *into* its successor then has only one end inside and goes too."""
    state.head = (state.head + 1) % TICK_CAPACITY
    state.count -= 1
    if state.count > 0:
        ret = state.ret[state.head]
        state.sum1 -= ret
        state.sum2 -= ret * ret
        state.ret[state.head] = 0.0
    else:
        state.started = 0
        state.sum1 = 0.0
        state.sum2 = 0.0


@jit
def tick_vol(state: Record, now_ns: int, window_ns: int, minimum: int) -> float:
    """The seed's estimator: sd of log returns between consecutive ticks, scaled by the mean tick gap.

    ``sd(ddof=1) * sqrt(year / mean gap)`` over the last ``window_ns``; NaN under ``minimum`` returns.
    Bid-ask bounce is counted as volatility: with noise of variance ``n`` per tick the squared figure
    is too high by ``2 n`` per tick gap. Kept because the seed is to be reproduced, not because it is right.
    """
    while state.count > 0 and state.time_ns[state.head] < now_ns - window_ns:
        _tick_vol_pop(state)
    n = state.count - 1
    if n < minimum or n < 2:
        return math.nan
    last = state.time_ns[(state.head + n) % TICK_CAPACITY]
    gap_s = (last - state.time_ns[state.head]) / (n * 1e9)
    if gap_s <= 0.0:
        return math.nan
    variance = (state.sum2 - state.sum1 * state.sum1 / n) / (n - 1)
    return math.sqrt(max(variance, 0.0) * YEAR_S / gap_s)


@jit
def _clock_square(state: Record, second: int, lag: int, ceiling: float) -> float:
    """Squared difference of the samples at ``second`` and ``second - lag``, capped; NaN if either is absent."""
    d: float = state.log_price[second % CLOCK_CAPACITY] - state.log_price[(second - lag) % CLOCK_CAPACITY]
    return min(d * d, ceiling) if d == d else math.nan


@jit
def clock_vol_add(
    state: Record, second: int, log_price: float, window_s: int, slow_s: int, jump_cut: float = 0.0
) -> None:
    """Record the sample of one UTC second; skipped seconds become NaN and weaken nothing but themselves.

    A move larger than ``jump_cut`` standard deviations of the current estimate counts as exactly that
    large: one jump then cannot pass for fifteen minutes of turmoil (threshold of Mancini 2009, capped
    rather than dropped so that a real change of level still gets through). 0 = no cap.
    ``window_s + slow_s`` must stay below ``CLOCK_CAPACITY``. ``log_price`` may be NaN: no fresh price.
    """
    if state.started == 0 or second - state.second >= window_s:
        state.log_price[:] = math.nan
        state.fast[:] = math.nan
        state.slow[:] = math.nan
        state.sum_fast = 0.0
        state.sum_slow = 0.0
        state.n_fast = 0
        state.n_slow = 0
        state.started = 1
        state.second = second - 1
    while state.second < second:
        state.second += 1
        s = state.second
        cap_fast, cap_slow = math.inf, math.inf
        if jump_cut > 0.0 and state.n_slow >= _CAP_MINIMUM:
            cap_fast = jump_cut * jump_cut * max(_CAP_FLOOR, state.sum_fast / state.n_fast)
            cap_slow = jump_cut * jump_cut * max(_CAP_FLOOR * slow_s, state.sum_slow / state.n_slow)
        leaving = (s - window_s) % CLOCK_CAPACITY
        if not math.isnan(state.fast[leaving]):
            state.sum_fast -= state.fast[leaving]
            state.n_fast -= 1
        if not math.isnan(state.slow[leaving]):
            state.sum_slow -= state.slow[leaving]
            state.n_slow -= 1
        slot = s % CLOCK_CAPACITY
        state.log_price[slot] = log_price if s == second else math.nan
        state.fast[slot] = _clock_square(state, s, 1, cap_fast)
        state.slow[slot] = _clock_square(state, s, slow_s, cap_slow)
        if not math.isnan(state.fast[slot]):
            state.sum_fast += state.fast[slot]
            state.n_fast += 1
        if not math.isnan(state.slow[slot]):
            state.sum_slow += state.slow[slot]
            state.n_slow += 1


@jit
def clock_vol(state: Record, slow_s: int, minimum: int) -> float:
    """Two-scales realised volatility on a one-second clock (Zhang, Mykland & Ait-Sahalia 2005, eq. 64).

    With ``A_k`` the mean squared ``k``-second difference over ``k``, ``E A_k = s^2 + 2 n^2 / k`` under
    quote noise of variance ``n^2``, so ``(A_K - A_1 / K) / (1 - 1/K)`` is free of the bounce.
    NaN under ``minimum`` slow differences.
    """
    if state.n_slow < minimum or state.n_fast < 1:
        return math.nan
    slow = state.sum_slow / (state.n_slow * slow_s)
    fast = state.sum_fast / state.n_fast
    variance = (slow - fast / slow_s) / (1.0 - 1.0 / slow_s)
    return math.sqrt(max(variance, 0.0) * YEAR_S)


def new_state(dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    """A zeroed state array of one record, ready for the first observation."""
    return np.zeros(1, dtype=dtype)
