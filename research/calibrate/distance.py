"""How far two measurements of one fact are apart."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from research.calibrate.facts.curve import Curve


class Distance(StrEnum):
    """How a fact's distance is defined; the value is what the page says.

    All compare two curves where both are known; without a common point the distance is NaN.
    """

    LOG_RATIO = "root mean square log ratio"
    RMS = "root mean square difference"
    LARGEST = "largest difference"
    WASSERSTEIN = "Wasserstein-1 distance of the quantile functions, over the levels shown"


def distance(one: Curve, two: Curve, kind: Distance) -> float:
    """Distance of two curves measured at the same points.

    :attr:`Distance.LOG_RATIO` leaves out points that are not positive in both.
    """
    use = np.isfinite(one.y) & np.isfinite(two.y)
    if kind is Distance.LOG_RATIO:
        use &= (one.y > 0.0) & (two.y > 0.0)
    if not use.any():
        return math.nan
    a, b = one.y[use], two.y[use]
    if kind is Distance.LOG_RATIO:
        return float(np.sqrt(np.mean(np.log(a / b) ** 2)))
    if kind is Distance.RMS:
        return float(np.sqrt(np.mean((a - b) ** 2)))
    if kind is Distance.LARGEST:
        return float(np.max(np.abs(a - b)))
    level = one.x[use]
    if level.size < 2:
        return float(np.abs(a - b)[0])
    gap = np.abs(a - b)
    return float(np.sum(0.5 * (gap[1:] + gap[:-1]) * np.diff(level)) / (level[-1] - level[0]))
