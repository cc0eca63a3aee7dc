"""A fact as a curve, and the sampling of a price series that facts share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A measured function: ``y`` at ``x``, each from ``n`` observations. NaN where too few were there."""

    x: Floats
    y: Floats
    n: Ints

    @staticmethod
    def of(x: npt.ArrayLike, y: npt.ArrayLike, n: npt.ArrayLike) -> Curve:
        """A curve of anything that numpy reads; ``n`` is repeated if it is one number."""
        at = np.asarray(x, np.float64)
        return Curve(at, np.asarray(y, np.float64), np.broadcast_to(np.asarray(n, np.int64), at.shape).copy())


def grid_returns(t_ns: Ints, price: Floats, step_ns: int, stale_ns: int) -> tuple[Ints, Floats]:
    """Log returns of the last known price on a regular grid.

    Args:
        t_ns: increasing times of the prices, ns UTC.
        price: prices, positive.
        step_ns: grid step, ns; grid points are multiples of it.
        stale_ns: a grid point whose last price is older is unknown.

    Returns:
        End of each step (ns UTC) and its log return; steps next to an unknown point are NaN.
    """
    if t_ns.shape[0] < 2:
        return np.empty(0, np.int64), np.empty(0)
    first = -(-int(t_ns[0]) // step_ns)
    at = np.arange(first, int(t_ns[-1]) // step_ns + 1, dtype=np.int64) * step_ns
    last = np.searchsorted(t_ns, at, side="right") - 1
    log_price = np.log(price[last])
    log_price[at - t_ns[last] > stale_ns] = np.nan
    return at[1:], np.diff(log_price)


def known(x: Floats) -> Floats:
    """``x`` without NaN."""
    return x[np.isfinite(x)]


def half_life_s(x: Floats, y: Floats) -> float:
    """Half-life, in units of ``x``, of the exponential ``c 2^(-x/h)`` through positive ``y`` (least squares of logs).

    Infinite where ``y`` does not fall; NaN with fewer than two positive points.
    """
    use = np.isfinite(y) & (y > 0.0)
    if use.sum() < 2:
        return float("nan")
    slope = np.polyfit(x[use], np.log(y[use]), 1)[0]
    return float(np.log(2.0) / -slope) if slope < 0.0 else float("inf")
