"""Adjusted p-values for several tests at once.

Each function takes p-values (shape ``(M,)``) and returns adjusted p-values in the same order and shape,
between 0 and 1: reject where the adjusted value is at most the level. A family larger than the p-values
at hand (trials that were abandoned) is stated with ``family``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, probabilities, whole


def _family(p: Floats, family: int | None) -> int:
    size = int(p.size) if family is None else whole(family, "family", 1)
    if size < p.size:
        raise ValidationError(f"family is {size} but {p.size} p-values were given; a family holds every test made.")
    return size


def bonferroni(p_values: ArrayLike, family: int | None = None) -> Floats:
    """``min(1, M p)``: family-wise error under any dependence."""
    p = probabilities(p_values, "p-value")
    return np.minimum(1.0, _family(p, family) * p)


def sidak(p_values: ArrayLike, family: int | None = None) -> Floats:
    """``1 - (1-p)^M``: family-wise error of independent (or positively dependent) tests, Sidak (1967)."""
    p = probabilities(p_values, "p-value")
    size = _family(p, family)
    certain = p >= 1.0
    adjusted: Floats = -np.expm1(size * np.log1p(-np.where(certain, 0.5, p)))
    return np.where(certain, 1.0, adjusted)


def holm(p_values: ArrayLike) -> Floats:
    """Step-down running maximum of ``(M-i+1) p_(i)``: family-wise error under any dependence, Holm (1979)."""
    p = probabilities(p_values, "p-value")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted


def hochberg(p_values: ArrayLike) -> Floats:
    """Step-up running minimum of ``(M-i+1) p_(i)``: family-wise error of independent or positively dependent
    tests, Hochberg (1988). Never above :func:`holm`.
    """
    p = probabilities(p_values, "p-value")
    return _step_up(p, np.arange(1.0, p.size + 1))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Step-up running minimum of ``M p_(i) / i``: false discovery rate of independent or positively
    dependent tests, Benjamini & Hochberg (1995).
    """
    p = probabilities(p_values, "p-value")
    return _step_up(p, p.size / np.arange(p.size, 0.0, -1.0))


def benjamini_yekutieli(p_values: ArrayLike) -> Floats:
    """Benjamini-Hochberg times ``sum 1/i``: false discovery rate under any dependence, B. & Yekutieli (2001).

    The largest p-value is adjusted as well, unlike the "BHY" of Harvey & Liu (2015).
    """
    p = probabilities(p_values, "p-value")
    factor = float((1.0 / np.arange(1, p.size + 1)).sum())
    return _step_up(p, factor * p.size / np.arange(p.size, 0.0, -1.0))


def _step_up(p: Floats, factors: Floats) -> Floats:
    """Running minimum of ``factors`` times the p-values from the largest down."""
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(factors * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted
