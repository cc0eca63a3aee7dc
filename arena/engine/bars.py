"""A second instrument under the same rules: spot bars, long or flat, on two moving averages.

A bar is known at its close, so a cross that a close completes can be traded at that close and no earlier;
the fill price here *is* that close. An order placed at the close and filled at the next open would differ
by the gap between bars, which 24-hour markets all but lack; whoever trades bars with gaps must not use this.

Nothing of size (configurations, bars) is ever allocated: a thread needs two rows of bars, whatever the
number of configurations.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ConfigError, DataError
from arena.jit import jit
from arena.market.tape import F8, I8


@dataclass(frozen=True, slots=True)
class BarSweep:
    """Outcome of every configuration; arrays of shape (n_configurations,).

    ``returns``: total return as a fraction, 0.1 = +10 %. ``trades``: number of entries.
    """

    returns: F8
    trades: I8


def sma_table(close: ArrayLike, windows: ArrayLike) -> F8:
    """Simple moving averages of ``close`` (shape ``(n_bars,)``), shape ``(n_windows, n_bars)``.

    Row ``k`` at bar ``t`` is the mean of the ``windows[k]`` closes up to and including ``t``, known at the
    close of ``t``; NaN while fewer bars exist. Computed from one prefix sum, so its absolute rounding error
    is about ``1e-16 * sum(close[:t + 1]) / window``, and equal to any other prefix-sum implementation's.

    Raises:
        ConfigError: a window is not a whole number of bars, or below 1.
        DataError: no bars, or a close that is not a positive number.
    """
    prices, lengths = _checked(close), _windows(windows, "window")
    total = _prefix(prices)
    table = np.empty((lengths.shape[0], prices.shape[0]))
    for k in range(lengths.shape[0]):
        _average(total, int(lengths[k]), table[k])
    return table


def replay_bars(close: ArrayLike, fast: ArrayLike, slow: ArrayLike, fee_rate: float) -> tuple[float, int]:
    """Total return (fraction) and number of entries of one all-in, long-or-flat account.

    Buys with all cash when ``fast`` crosses above ``slow`` and sells all when it crosses below, filled at
    the close of the bar that made the cross. Up-cross at ``t``: ``fast[t] > slow[t]`` after
    ``fast[t - 1] <= slow[t - 1]``; down-cross mirrored. A NaN on either side of a step is no cross. A
    position open at the end is valued at the last close, without the fee of selling it.

    Args:
        close: prices, USD, shape ``(n_bars,)``; bar ``t`` is known at its close.
        fast, slow: the two averages, same shape, each value known at the close of its bar.
        fee_rate: fraction of the notional charged on each fill, 0.0005 = 5 basis points.

    Raises:
        ConfigError: a fee outside [0, 1).
        DataError: no bars, a close that is not a positive number, or averages of another shape.
    """
    prices = _checked(close)
    quick = np.ascontiguousarray(fast, dtype=np.float64)
    lagging = np.ascontiguousarray(slow, dtype=np.float64)
    if quick.shape != prices.shape or lagging.shape != prices.shape:
        raise DataError(f"averages of shape {quick.shape} and {lagging.shape} do not fit {prices.shape[0]} closes.")
    total_return, trades = _walk(prices, quick - lagging, _fee(fee_rate))
    return float(total_return), int(trades)


def sweep_bars(
    close: ArrayLike, fast_windows: ArrayLike, slow_windows: ArrayLike, fee_rate: float, *, jobs: int = 1
) -> BarSweep:
    """:func:`replay_bars` of many pairs of moving averages over the same bars.

    Configuration ``i`` is the pair ``(fast_windows[i], slow_windows[i])``, in bars; for a grid pass
    ``np.repeat(fast, len(slow))`` and ``np.tile(slow, len(fast))``. ``jobs`` threads share the work; the
    result does not depend on it, and memory grows with ``jobs`` and the bars only.

    A pair whose fast window is not shorter than its slow one is refused: it is the same rule upside down,
    or no rule at all, and would be counted as a trial when the sweep is judged.

    Raises:
        ConfigError: windows that do not pair up, below 1 or not ``fast < slow``; a fee outside [0, 1);
            jobs below 1.
        DataError: no bars, or a close that is not a positive number.
    """
    prices = _checked(close)
    fast, slow = _windows(fast_windows, "fast window"), _windows(slow_windows, "slow window")
    if fast.shape != slow.shape:
        raise ConfigError(f"{fast.shape[0]} fast windows do not pair up with {slow.shape[0]} slow ones.")
    inverted = np.flatnonzero(fast >= slow)
    if inverted.size:
        i = inverted[0]
        raise ConfigError(
            f"pair {i} has fast window {fast[i]} and slow window {slow[i]}; the fast one must be shorter. "
            "Drop such pairs before the sweep."
        )
    if jobs < 1:
        raise ConfigError(f"jobs is {jobs}; a sweep needs at least one thread.")
    fee = _fee(fee_rate)
    # Neighbours share their slow average, so it is computed once for all of them.
    order = np.lexsort((fast, slow)).astype(np.int64)
    total = _prefix(prices)
    found = BarSweep(np.zeros(fast.shape[0]), np.zeros(fast.shape[0], dtype=np.int64))
    edges = [fast.shape[0] * k // jobs for k in range(jobs + 1)]

    def part(k: int) -> None:
        _sweep(prices, total, fast, slow, order[edges[k] : edges[k + 1]], fee, found.returns, found.trades)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        list(pool.map(part, range(jobs)))
    return found


@jit
def _prefix(close: F8) -> F8:
    """``total[t]`` is the sum of the first ``t`` closes, shape ``(n_bars + 1,)``."""
    total = np.zeros(close.shape[0] + 1)
    for t in range(close.shape[0]):
        total[t + 1] = total[t] + close[t]
    return total


@jit
def _average(total: F8, window: int, out: F8) -> None:
    """Moving average over ``window`` bars, NaN before it is full."""
    n = out.shape[0]
    out[: min(window - 1, n)] = np.nan
    for t in range(window - 1, n):
        out[t] = (total[t + 1] - total[t + 1 - window]) / window


@jit
def _walk(close: F8, gap: F8, fee_rate: float) -> tuple[float, int]:
    """Follow the sign of ``gap`` (fast minus slow) with one account that starts with one dollar."""
    cash, units, trades = 1.0, 0.0, 0
    before = math.nan
    for t in range(close.shape[0]):
        now = gap[t]
        if units == 0.0:
            if now > 0.0 and before <= 0.0:
                units = cash / (close[t] * (1.0 + fee_rate))
                cash = 0.0
                trades += 1
        elif now < 0.0 and before >= 0.0:
            cash = units * close[t] * (1.0 - fee_rate)
            units = 0.0
        before = now
    return cash + units * close[-1] - 1.0, trades


@jit
def _sweep(close: F8, total: F8, fast: I8, slow: I8, order: I8, fee_rate: float, returns: F8, trades: I8) -> None:
    """Replay the configurations listed in ``order`` with two rows of scratch."""
    lagging = np.empty(close.shape[0])
    gap = np.empty(close.shape[0])
    held = -1
    for i in order:
        if slow[i] != held:
            held = slow[i]
            _average(total, held, lagging)
        _average(total, fast[i], gap)
        for t in range(close.shape[0]):
            gap[t] -= lagging[t]
        returns[i], trades[i] = _walk(close, gap, fee_rate)


def _checked(close: ArrayLike) -> F8:
    prices = np.ascontiguousarray(close, dtype=np.float64)
    if prices.ndim != 1 or prices.shape[0] == 0:
        raise DataError(f"closes must be one series of at least one bar, but their shape is {np.shape(close)}.")
    bad = np.flatnonzero(~(np.isfinite(prices) & (prices > 0.0)))
    if bad.size:
        raise DataError(
            f"the close of bar {bad[0]} is {prices[bad[0]]}; a price must be a positive number. "
            "Drop or repair such bars before the replay."
        )
    return prices


def _windows(windows: ArrayLike, what: str) -> I8:
    given = np.asarray(windows)
    lengths = np.atleast_1d(given).astype(np.int64)
    if lengths.ndim != 1 or not np.array_equal(lengths, np.atleast_1d(given)):
        raise ConfigError(f"a {what} must be a whole number of bars, not {windows!r}.")
    if lengths.size and lengths.min() < 1:
        raise ConfigError(f"a {what} of {lengths.min()} bars is empty; it must be at least 1.")
    return lengths


def _fee(fee_rate: float) -> float:
    if not 0.0 <= fee_rate < 1.0:
        raise ConfigError(f"fee rate {fee_rate} is not a fraction of notional between 0 and 1.")
    return float(fee_rate)
