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


class PlainClock:
    """Two-scales estimate from one-second samples; a squared move counts for no more than the cap of its moment."""

    def __init__(self, window_s: int, slow_s: int, cut: float = 0.0) -> None:
        self.window_s, self.slow_s, self.cut = window_s, slow_s, cut
        self.samples: dict[int, float] = {}
        self.squares: dict[int, dict[int, float]] = {1: {}, slow_s: {}}
        self.last = 0

    def inside(self, lag: int, last: int) -> list[float]:
        """Squares of moves over ``lag`` seconds that ended in the window up to ``last``."""
        stored = self.squares[lag]
        return [stored[s] for s in range(last - self.window_s + 1, last + 1) if s in stored]

    def add(self, second: int, log_price: float) -> None:
        """One second's sample, NaN for none; a gap as long as the window starts afresh."""
        if not self.samples or second - self.last >= self.window_s:
            self.samples, self.squares, self.last = {}, {1: {}, self.slow_s: {}}, second - 1
        for s in range(self.last + 1, second + 1):
            caps = {}
            for lag in self.squares:
                past = self.inside(lag, s - 1)
                # A tenth of a basis point per root second: a market that stood still may move again.
                least = 1e-10 * lag
                caps[lag] = self.cut**2 * max(least, float(np.mean(past)) if past else 0.0)
            capped = self.cut > 0 and len(self.inside(self.slow_s, s - 1)) >= 30
            self.samples[s] = log_price if s == second else math.nan
            for lag, stored in self.squares.items():
                move = self.samples[s] - self.samples.get(s - lag, math.nan)
                if not math.isnan(move):
                    stored[s] = min(move**2, caps[lag]) if capped else move**2
        self.last = second

    def value(self, minimum: int) -> float:
        """Annualised volatility; NaN under ``minimum`` slow moves."""
        fast, slow = self.inside(1, self.last), self.inside(self.slow_s, self.last)
        if len(slow) < minimum or not fast:
            return math.nan
        k = self.slow_s
        variance = (np.mean(slow) / k - np.mean(fast) / k) / (1 - 1 / k)
        return math.sqrt(max(float(variance), 0.0) * YEAR_S)
