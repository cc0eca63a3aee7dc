"""Input checks shared by the statistics: each turns bad input into one sentence that says where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.errors import ValidationError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def vector(values: ArrayLike, name: str, minimum: int = 1) -> Floats:
    """``values`` as a finite float64 vector of at least ``minimum`` entries.

    Raises :class:`ValidationError` naming the first row that is NaN or infinite, a wrong number of
    dimensions, or too few rows.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValidationError(f"{name} must have one dimension, but its shape is {array.shape}.")
    if array.size < minimum:
        raise ValidationError(f"{name} has {array.size} rows; at least {minimum} are needed.")
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValidationError(f"{name} is {array[row]} in row {row}; every value must be finite.")
    return array


def columns(values: ArrayLike, name: str, minimum: int) -> Floats:
    """``values`` as a finite float64 matrix of at least ``minimum`` rows and one column.

    Raises :class:`ValidationError` naming row and column of the first NaN or infinity, a wrong number of
    dimensions, or too few rows.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] < minimum or array.shape[1] < 1:
        raise ValidationError(f"{name} must have two dimensions and at least {minimum} rows, not shape {array.shape}.")
    finite = np.isfinite(array)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        raise ValidationError(f"{name} are {array[row, column]} in row {row}, column {column}; fill or drop the row.")
    return array


def probabilities(values: ArrayLike, name: str, *, open_interval: bool = False) -> Floats:
    """``values`` as probabilities in [0, 1], or strictly between 0 and 1 when ``open_interval``."""
    array = vector(values, name)
    good = (array > 0.0) & (array < 1.0) if open_interval else (array >= 0.0) & (array <= 1.0)
    if not good.all():
        row = int(np.argmin(good))
        rule = "strictly between 0 and 1" if open_interval else "between 0 and 1"
        raise ValidationError(f"{name} is {array[row]} in row {row}; it must lie {rule}.")
    return array


def outcomes(values: ArrayLike, name: str = "outcome") -> Floats:
    """``values`` as 0/1 outcomes (float64)."""
    array = vector(values, name)
    good = (array == 0.0) | (array == 1.0)
    if not good.all():
        row = int(np.argmin(good))
        raise ValidationError(f"{name} is {array[row]} in row {row}; an outcome is 0 or 1.")
    return array


def integers(values: ArrayLike, name: str) -> Ints:
    """``values`` as a vector of whole numbers (int64); an integer dtype is required, or no rows at all."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValidationError(f"{name} must be a vector of whole numbers, not {array.dtype} of shape {array.shape}.")
    return array.astype(np.int64)


def same_length(columns: Sequence[tuple[str, NDArray[Any]]]) -> None:
    """Raise unless every named column has as many rows as the first."""
    first_name, first = columns[0]
    for name, column in columns[1:]:
        if len(column) != len(first):
            raise ValidationError(
                f"{name} has {len(column)} rows but {first_name} has {len(first)}; they must describe the same rows."
            )


def forecast_pairs(q: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Probability forecasts and their 0/1 outcomes, of the same length."""
    forecast, outcome = probabilities(q, "forecast"), outcomes(y)
    same_length([("forecast", forecast), ("outcome", outcome)])
    return forecast, outcome


def clusters(labels: ArrayLike, rows: int, name: str = "slot") -> tuple[Ints, Ints]:
    """Cluster number of each of ``rows`` rows, in the order of the sorted labels, and the cluster sizes."""
    array = np.asarray(labels)
    if array.shape != (rows,):
        raise ValidationError(f"{name} has the shape {array.shape}; one label for each of the {rows} rows is needed.")
    missing: Bools = array != array
    if missing.any():
        raise ValidationError(f"{name} is missing in row {int(np.argmax(missing))}; every row belongs to a {name}.")
    _, number, counts = np.unique(array, return_inverse=True, return_counts=True)
    return number.astype(np.int64), counts.astype(np.int64)


def finite(value: float, name: str) -> float:
    """``value`` as a finite float."""
    number = float(value)
    if not np.isfinite(number):
        raise ValidationError(f"{name} is {value}; it must be a finite number.")
    return number


def inside(value: float, name: str, low: float, high: float) -> float:
    """``value`` when strictly between ``low`` and ``high``; otherwise raise."""
    number = finite(value, name)
    if not low < number < high:
        raise ValidationError(f"{name} is {value}; it must lie strictly between {low:g} and {high:g}.")
    return number


def whole(value: int, name: str, minimum: int) -> int:
    """``value`` as an int of at least ``minimum``."""
    number = int(value)
    if number != value or number < minimum:
        raise ValidationError(f"{name} is {value}; it must be a whole number of at least {minimum}.")
    return number
