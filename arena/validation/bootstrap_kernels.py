"""Compiled loops of the bootstrap: one resample at a time, in the order its random numbers were drawn."""

from __future__ import annotations

import math

from arena.jit import jit
from arena.validation.checks import Bools, Floats, Ints


@jit
def follow(starts: Ints, fresh: Bools, index: Ints) -> None:
    """Fill ``index`` with rows: ``starts[t]`` where ``fresh[t]`` opens a run, else the next row, around the end."""
    length = starts.shape[0]
    row = 0
    for t in range(length):
        row = starts[t] if fresh[t] else row + 1
        if row == length:
            row = 0
        index[t] = row


@jit
def resample_moments(x: Floats, index: Ints, z: Floats) -> tuple[float, float, bool]:
    """Fill ``z`` with ``x[index]``; its mean, its standard deviation (ddof 1), and whether it never varies."""
    length = x.shape[0]
    total = 0.0
    constant = True
    for t in range(length):
        z[t] = x[index[t]]
        total += z[t]
        constant &= z[t] == z[0]
    mean = total / length
    power = 0.0
    for t in range(length):
        power += (z[t] - mean) * (z[t] - mean)
    return mean, math.sqrt(power / (length - 1)), constant


@jit
def influence_error(z: Floats, mean: float, deviation: float, sharpe: float, fresh: Bools) -> float:
    """Standard error of the Sharpe ratio ``sharpe`` of resample ``z``, whose runs open where ``fresh``.

    Runs are independent, so the variance is the sum over runs of the squared sum of the influences
    ``u - sharpe (u^2 - 1) / 2``, over T^2, with u the standardised row: Goetze & Kuensch (1996). With
    ``sharpe`` 0 it is the error of the mean in units of ``deviation``.
    """
    length: int = z.shape[0]
    scale = math.sqrt(length / (length - 1.0)) / deviation
    total, run = 0.0, 0.0
    for t in range(length):
        if fresh[t]:
            total += run * run
            run = 0.0
        u = (z[t] - mean) * scale
        run += u - 0.5 * sharpe * (u * u - 1.0)
    error: float = math.sqrt(total + run * run) / length
    return error
