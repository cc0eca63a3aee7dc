"""Facts of spot venue and oracle: their distance from each other, and how late reports are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from research.calibrate.facts.curve import Curve, Floats, Ints, half_life_s
from research.calibrate.facts.returns import autocorrelation

DELAY_LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Basis:
    """Venue price minus oracle price, basis points.

    Attributes:
        mean_bps, sd_bps: of the distance.
        memory: autocorrelation by lag, minutes.
        slow_share: share of the variance that is still there after a moment: the rest is noise of one observation.
        halflife_s: half-life of the slow part, seconds; infinite where it does not die out within the lags.
        n: pairs.
    """

    mean_bps: float
    sd_bps: float
    memory: Curve
    slow_share: float
    halflife_s: float
    n: int

    @property
    def slow_sd_bps(self) -> float:
        """Standard deviation of the slow part."""
        return self.sd_bps * self.slow_share**0.5

    @property
    def noise_sd_bps(self) -> float:
        """Standard deviation of what changes from one observation to the next."""
        return self.sd_bps * max(1.0 - self.slow_share, 0.0) ** 0.5


def basis_bps(t_ns: Ints, venue: Floats, oracle_ns: Ints, oracle: Floats, step_ns: int) -> Floats:
    """Log distance of the venue's price at each grid moment from the oracle's report for that second.

    Args:
        t_ns: times of the venue's prices, ns UTC, multiples of ``step_ns`` where they count.
        venue: venue prices.
        oracle_ns: seconds of the reports, ns UTC, increasing.
        oracle: reported prices.
        step_ns: grid step, ns.

    Returns:
        One value per grid step from the first to the last common one, basis points; NaN where one is missing.
    """
    if not t_ns.shape[0] or not oracle_ns.shape[0]:
        return np.empty(0)
    first = max(int(t_ns[0]), int(oracle_ns[0])) // step_ns
    last = min(int(t_ns[-1]), int(oracle_ns[-1])) // step_ns
    if last < first:
        return np.empty(0)
    shown = np.full(last - first + 1, np.nan)
    reported = shown.copy()
    for out, at, price in ((shown, t_ns, venue), (reported, oracle_ns, oracle)):
        on = at % step_ns == 0
        place = at[on] // step_ns - first
        inside = (place >= 0) & (place < out.shape[0])
        out[place[inside]] = np.log(price[on][inside])
    return np.asarray((shown - reported) * 1e4)


def basis(distance_bps: Floats, step_s: float, lags: tuple[int, ...]) -> Basis:
    """Mean, spread and memory of a basis sampled every ``step_s`` seconds (NaN = unknown)."""
    n = int(np.isfinite(distance_bps).sum())
    if n < 2 * max(lags):
        empty = Curve.of(lags, np.full(len(lags), np.nan), n)
        return Basis(np.nan, np.nan, empty, np.nan, np.nan, n)
    memory = autocorrelation(distance_bps, lags)
    seconds = memory.x * step_s
    half = half_life_s(seconds, memory.y)
    use = np.isfinite(memory.y) & (memory.y > 0.0)
    share = float(np.exp(np.polyfit(seconds[use], np.log(memory.y[use]), 1)[1])) if use.sum() >= 2 else 0.0
    return Basis(
        float(np.nanmean(distance_bps)), float(np.nanstd(distance_bps)), memory, min(share, 1.0), half, n
    )


def delay_ms(event_ns: Ints, recv_ns: Ints) -> Curve:
    """Quantiles of the time from a report's second to its arrival, ms."""
    late = (recv_ns - event_ns) / 1e6
    if not late.shape[0]:
        return Curve.of(DELAY_LEVELS, np.full(len(DELAY_LEVELS), np.nan), 0)
    return Curve.of(DELAY_LEVELS, np.quantile(late, DELAY_LEVELS), late.shape[0])
