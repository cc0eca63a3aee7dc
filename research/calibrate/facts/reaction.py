"""How late the book follows spot: the lagged Hayashi-Yoshida covariance of two series that never tick together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from research.calibrate.facts.curve import Curve, Floats, Ints

_SHARP = 4.0
"""A peak counts when it stands that many standard deviations of the far lags above them."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """Covariance of book and spot moves by the time the book comes later.

    Attributes:
        curve: correlation by lag (s); positive lags: the book follows.
        lag_s: lag of the highest point, NaN without data.
        resolution_s: median time between spot prices: a lag shorter than that cannot be told from none.
        sharpness: height of the peak over the far lags, in their standard deviations.
    """

    curve: Curve
    lag_s: float
    resolution_s: float
    sharpness: float

    @property
    def identified(self) -> bool:
        """Whether the recording can tell the lag from none."""
        return self.sharpness >= _SHARP and self.resolution_s < abs(self.lag_s)

    @property
    def says(self) -> str:
        """What this recording can say of the lag."""
        if not math.isfinite(self.lag_s):
            return "no spot prices beside the book"
        if self.sharpness < _SHARP:
            return "no peak above the noise: nothing can be said of the lag"
        if not self.identified:
            return f"peak at {self.lag_s:.1f} s, but spot is sampled every {self.resolution_s:.1f} s: below that, unknown"
        return f"the book follows {self.lag_s:.2f} s later (spot every {self.resolution_s:.2f} s)"


def reaction(
    spot_ns: Ints, spot: Floats, market: Ints, book_ns: Ints, mid: Floats, lags_s: Floats, longest_wait_s: float
) -> Reaction:
    """Lagged covariance (Hayashi & Yoshida 2005; Hoffmann, Rosenbaum & Yoshida 2013) of mid and spot changes.

    A change of the mid from ``a`` to ``b`` meets every spot change whose interval overlaps ``(a - lag, b - lag]``.
    Nothing is interpolated. The price of an UP share rises with spot whatever its level, so the sign is that of
    the lag's evidence; the height depends on the mix of prices.

    Args:
        spot_ns: increasing times of spot prices, ns UTC.
        spot: spot prices.
        market: number of the market of each book row; rows of a market stand together.
        book_ns: increasing times within a market, ns UTC, on the same clock.
        mid: mid of UP.
        lags_s: lags to try, increasing, s.
        longest_wait_s: pairs of book rows, and spots, further apart are left out.
    """
    nothing = Curve.of(lags_s, np.full(lags_s.shape, np.nan), 0)
    if spot_ns.shape[0] < 3 or book_ns.shape[0] < 3:
        return Reaction(nothing, math.nan, math.nan, 0.0)
    keep = np.concatenate([[True], (np.diff(mid) != 0.0) | (np.diff(market) != 0)])
    market, at, level = market[keep], book_ns[keep], mid[keep]
    wait = int(longest_wait_s * 1e9)
    pair = (np.diff(market) == 0) & (np.diff(at) <= wait)
    begin, end, move = at[:-1][pair], at[1:][pair], np.diff(level)[pair]
    x = np.log(spot)
    y = np.full(lags_s.shape, np.nan)
    n = np.zeros(lags_s.shape, np.int64)
    for k, lag in enumerate(lags_s.tolist()):
        shift = int(lag * 1e9)
        left = np.searchsorted(spot_ns, begin - shift, side="right") - 1
        right = np.searchsorted(spot_ns, end - shift, side="left")
        near = (left >= 0) & (right < spot_ns.shape[0])
        left, right = np.maximum(left, 0), np.minimum(right, spot_ns.shape[0] - 1)
        near &= (begin - shift - spot_ns[left] <= wait) & (spot_ns[right] - (end - shift) <= wait)
        dx, dy = (x[right] - x[left])[near], move[near]
        n[k] = dx.shape[0]
        scale = math.sqrt(float(np.sum(dx**2)) * float(np.sum(dy**2)))
        if n[k] >= 50 and scale > 0.0:
            y[k] = float(np.sum(dx * dy)) / scale
    if not np.isfinite(y).any():
        return Reaction(nothing, math.nan, math.nan, 0.0)
    peak = int(np.nanargmax(y))
    width = 0.25 * float(lags_s[-1] - lags_s[0])
    far = y[(np.abs(lags_s - lags_s[peak]) > width) & np.isfinite(y)]
    noise = float(np.std(far)) if far.size > 2 else math.nan
    sharp = float(y[peak] - far.mean()) / noise if noise > 0.0 else 0.0
    return Reaction(Curve(lags_s, y, n), float(lags_s[peak]), float(np.median(np.diff(spot_ns)) / 1e9), sharp)
