"""A configuration's slot returns in 256 numbers, from which correlations between any two trials can be estimated.

A sketch is a random-sign projection of the centred returns: ``s_k = sum_t e_k(t) (r_t - mean)`` with
``e_k(t)`` in {-1, +1}, k = 1..256. Inner products survive it: ``s(x) . s(y) / 256`` estimates ``x . y``
without bias (Alon, Matias & Szegedy 1996, 1999; Johnson & Lindenstrauss 1984; signs: Achlioptas 2003).
The signs are a fixed function of the slot's open time and of nothing else, so sketches of different runs,
processes and machines are comparable, slots that two trials do not share do not correlate them, and the
sketch of a union of disjoint spans is the sum of their sketches (each span centred by its own mean).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.errors import ValidationError
from arena.validation.checks import Floats

Sketches = NDArray[np.float32]

DIMENSIONS = 256
"""Numbers in a sketch; the error of a correlation is about one over its square root."""
_WORDS = DIMENSIONS // 64
_ROWS = 8192
_COLUMNS = 1024
_BITS = 50
"""Bits of the largest possible sum: under the 53 of a float64, every partial sum is exact."""


def signs(open_ns: ArrayLike) -> NDArray[np.int8]:
    """The signs of slots that open at ``open_ns`` (shape ``(T,)``, ns UTC): shape ``(T, 256)``, -1 or +1.

    Four outputs of SplitMix64 (Steele, Lea & Flood 2014) started from the mixed time, lowest bit first.
    """
    times = np.asarray(open_ns)
    if times.ndim != 1 or times.dtype.kind not in "iu":
        raise ValidationError(f"open_ns must be whole nanoseconds in one dimension, not {times.dtype}{times.shape}.")
    step = np.uint64(0x9E3779B97F4A7C15)
    state = _mix(times.astype(np.int64).view(np.uint64) + step)
    words = _mix(state[:, None] + step * np.arange(1, _WORDS + 1, dtype=np.uint64))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    return 2 * bits.view(np.int8) - 1


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def sketch(returns: ArrayLike, open_ns: ArrayLike) -> Sketches:
    """Sketches of N return series on one grid of slots; a constant series has a sketch of zeros.

    Args:
        returns: shape ``(T, N)``, return per unit of stake per slot, 0 without a bet; finite.
        open_ns: shape ``(T,)``, when each slot opened, ns UTC, each time once.

    Returns:
        shape ``(N, 256)``, float32. Centred returns are rounded to a power of two so small that the sums
        in between are exact: neither threads nor the order of summation change a byte.

    Raises:
        ValidationError: shapes differ, a return is not finite, or a slot occurs twice.
    """
    matrix = np.ascontiguousarray(returns, dtype=np.float64)
    times = np.asarray(open_ns)
    if matrix.ndim != 2 or times.shape != matrix.shape[:1]:
        raise ValidationError(
            f"returns of shape {matrix.shape} need one row per slot of open_ns, whose shape is {times.shape}."
        )
    if np.unique(times).size != times.size:
        raise ValidationError("open_ns has a slot twice; sum the bets of a slot into one row.")
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise ValidationError(f"returns is {matrix[row, column]} in row {row}, column {column}; it must be finite.")
    out = np.zeros((matrix.shape[1], DIMENSIONS), dtype=np.float32)
    for begin in range(0, matrix.shape[1] if times.size else 0, _COLUMNS):
        part = slice(begin, begin + _COLUMNS)
        out[part] = _project(matrix[:, part], times)
    return out


def _project(matrix: Floats, times: NDArray[Any]) -> Floats:
    # The mean of a constant column can be off by its rounding, which must not look like variation.
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    mean = matrix.mean(axis=0)
    largest = np.where(low < high, np.maximum(high - mean, mean - low), 1.0)
    exponent = np.frexp(largest)[1] - (_BITS - len(times).bit_length())
    sums = np.zeros((DIMENSIONS, matrix.shape[1]))
    for begin in range(0, len(times), _ROWS):
        part = slice(begin, begin + _ROWS)
        whole = np.rint(np.ldexp(matrix[part] - mean, -exponent))
        sums += signs(times[part]).astype(np.float64).T @ whole
    projected: Floats = np.where(low < high, np.ldexp(sums, exponent), 0.0).T
    return projected


def sketch_correlation(sketches: ArrayLike) -> Floats:
    """Estimated correlations of N series, shape ``(N, N)``, from sketches of shape ``(N, 256)``.

    The standard error is about ``(1 - rho^2) / sqrt(256)``, at most 0.0625, the bias about
    ``-rho (1 - rho^2) / 512``. Clipped to [-1, 1], unit diagonal; a sketch of zeros correlates with nothing.
    Slots that only one of two series covers count as slots in which the other did not vary.
    """
    rows = np.asarray(sketches, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != DIMENSIONS:
        raise ValidationError(f"sketches must have the shape (N, {DIMENSIONS}), not {rows.shape}.")
    # Scaled by the largest entry first: squares of very small returns would underflow.
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    rows = rows / np.where(largest > 0.0, largest, 1.0)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(length > 0.0, length, 1.0)
    correlation: Floats = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation
