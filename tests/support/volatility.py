"""The slow, obvious volatility estimators."""

from __future__ import annotations

import math

import numpy as np

YEAR_S = 31_536_000.0


def plain_tick_vol(ticks: list[tuple[int, float]], now_ns: int, window_ns: int, minimum: int, capacity: int) -> float:
    """Sample deviation of the log returns whose two ticks both lie in the window, over the root of the mean gap."""
    inside = [(t, x) for t, x in ticks[-capacity:] if t >= now_ns - window_ns]
    if len(inside) - 1 < max(minimum, 2):
        return math.nan
    times, logs = np.array([t for t, _ in inside]), np.array([x for _, x in inside])
    gap_s = (times[-1] - times[0]) / 1e9 / (len(inside) - 1)
    if gap_s <= 0:
        return math.nan
    return float(np.diff(logs).std(ddof=1) * math.sqrt(YEAR_S / gap_s))


def plain_clock_vol(samples: dict[int, float], last: int, window_s: int, slow_s: int, minimum: int) -> float:
    """Two-scales estimate from the one-second samples; differences that end in the last ``window_s`` seconds count."""

    def squares(lag: int) -> list[float]:
        pairs = [(samples.get(s, math.nan), samples.get(s - lag, math.nan)) for s in range(last - window_s + 1, last + 1)]
        return [(a - b) ** 2 for a, b in pairs if not math.isnan(a - b)]

    fast, slow = squares(1), squares(slow_s)
    if len(slow) < minimum or not fast:
        return math.nan
    variance = (np.mean(slow) / slow_s - np.mean(fast) / slow_s) / (1 - 1 / slow_s)
    return math.sqrt(max(float(variance), 0.0) * YEAR_S)
