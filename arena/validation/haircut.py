"""What multiple testing leaves of a Sharpe ratio: the haircut of Harvey & Liu (2015).

A t-statistic becomes a two-sided p-value, the p-value is adjusted for every test made, and the adjusted p-value
is turned back into a Sharpe ratio. Use it as a line of a report, with the effective family size and a t-statistic
that knows about autocorrelation; gate on :mod:`arena.validation.multiple`.

The authors' code multiplies by M for Bonferroni but puts M other tests beside the one at hand for Holm and BHY.
Here ``tests`` counts all of them, the one at hand included, for every method. Their ``1 - tcdf`` is 0 for a
strong Sharpe ratio; here the upper tail is computed as such.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from arena.errors import ValidationError
from arena.validation.checks import Floats, finite, inside, probabilities, whole
from arena.validation.multiple import benjamini_yekutieli, bonferroni, holm, sidak

Closed = Literal["bonferroni", "sidak"]
Simulated = Literal["holm", "bhy"]
Limit = Literal["student", "normal"]

# Harvey, Liu & Zhu (2016) Table 5, as in the authors' Haircut_SR.m: correlation of the tests' returns, share of
# tests without a mean, mean of the exponential law of the other tests' monthly means.
_FAMILIES = np.array(
    [
        [0.0, 0.39660, 0.0054995],
        [0.2, 0.44589, 0.0055508],
        [0.4, 0.48604, 0.0055413],
        [0.6, 0.59902, 0.0055512],
        [0.8, 0.83901, 0.0055956],
    ]
)
_FAMILY_ERROR = 0.15 / math.sqrt(12.0) / math.sqrt(240.0)  # of a test's monthly mean: 15 % a year, 240 months


@dataclass(frozen=True, slots=True)
class Haircut:
    """A Sharpe ratio before and after adjustment, in the unit it was given in.

    ``p_value`` and ``adjusted`` are two-sided. ``share`` is the part of the Sharpe ratio that is cut off, 0 to 1.
    """

    sharpe: float
    p_value: float
    adjusted: float
    haircut_sharpe: float
    share: float


def haircut_sharpe(
    sr: float, count: int, tests: int, method: Closed = "sidak", *, error: float | None = None, limit: Limit = "student"
) -> Haircut:
    """Haircut of ``sr`` (per observation) from ``count`` observations when ``tests`` were made: eq. 4-5.

    ``error`` is the standard error of ``sr``, ``1/sqrt(count)`` when None; pass a HAC error for dependent slots.
    The p-value is Student's with ``count - 1`` degrees of freedom or its normal ``limit``: the example in the
    text (0.0008, 0.15, 0.32) needs the normal although it names Student. Raises :class:`ValidationError` for a
    Sharpe ratio that is not positive.
    """
    if method not in get_args(Closed):
        raise ValidationError(f'method is {method!r}; it must be "bonferroni" or "sidak".')
    adjust = bonferroni if method == "bonferroni" else sidak
    size = whole(tests, "tests", 1)
    return _cut(sr, count, error, limit, lambda p: float(adjust([p], family=size)[0]))


def haircut_simulated(
    sr: float,
    count: int,
    tests: int,
    method: Simulated,
    rng: np.random.Generator,
    *,
    correlation: float = 0.2,
    error: float | None = None,
    limit: Limit = "student",
    draws: int = 2_000,
) -> Haircut:
    """Haircut by Holm ("holm") or Benjamini-Yekutieli ("bhy") in a family whose other p-values are simulated.

    The ``tests - 1`` others are drawn from the population that Harvey, Liu & Zhu (2016) fitted to published
    factors, whose returns share ``correlation`` (0 to 0.8); the adjusted p-value is the median over ``draws``
    families. Their own "BHY" leaves a family's largest p-value unadjusted, which matters only where the answer
    is 1 anyway. Other arguments and errors as :func:`haircut_sharpe`.
    """
    if method not in get_args(Simulated):
        raise ValidationError(f'method is {method!r}; it must be "holm" or "bhy".')
    adjust = holm if method == "holm" else benjamini_yekutieli
    others = _other_p_values(whole(tests, "tests", 1) - 1, correlation, whole(draws, "draws", 1), rng)

    def adjusted(p: float) -> float:
        return float(np.median([adjust(np.append(row, p))[-1] for row in others]))

    return _cut(sr, count, error, limit, adjusted)


def haircut_share(p_value: float, adjusted: float) -> float:
    """Share of a Sharpe ratio that two-sided ``p_value`` loses when it becomes ``adjusted``, normal limit.

    ``1 - z(adjusted/2) / z(p_value/2)``. Raises :class:`ValidationError` unless ``0 < p_value <= adjusted``
    and ``p_value < 1``.
    """
    before, after = probabilities([p_value, adjusted], "p-value").tolist()
    if not 0.0 < before < 1.0 or after < before:
        raise ValidationError(f"p_value is {before} and adjusted {after}; adjustment raises a p-value between 0 and 1.")
    return 1.0 - float(ndtri(0.5 * after) / ndtri(0.5 * before))


def profit_hurdle(
    deviation: float, count: int, tests: int, *, alpha: float = 0.05, method: Closed = "bonferroni"
) -> float:
    """Mean per observation above which ``tests`` tests at two-sided family level ``alpha`` call it a profit.

    ``deviation / sqrt(count)`` times the normal quantile, Harvey & Liu (2015) Exhibit 4. One test: ``tests=1``.
    """
    if finite(deviation, "deviation") <= 0.0:
        raise ValidationError(f"deviation is {deviation}; it must be positive.")
    if method not in get_args(Closed):
        raise ValidationError(f'method is {method!r}; it must be "bonferroni" or "sidak".')
    size, level = whole(tests, "tests", 1), inside(alpha, "alpha", 0.0, 1.0)
    single = level / size if method == "bonferroni" else -math.expm1(math.log1p(-level) / size)
    return -float(ndtri(0.5 * single)) * deviation / math.sqrt(whole(count, "count", 1))


def _cut(sr: float, count: int, error: float | None, limit: str, adjust: Callable[[float], float]) -> Haircut:
    if finite(sr, "sr") <= 0.0:
        raise ValidationError(f"sr is {sr}; only a positive Sharpe ratio can be cut.")
    if limit not in get_args(Limit):
        raise ValidationError(f'limit is {limit!r}; it must be "student" or "normal".')
    degrees = whole(count, "count", 2) - 1
    deviation = 1.0 / math.sqrt(count) if error is None else finite(error, "error")
    if deviation <= 0.0:
        raise ValidationError(f"error is {error}; a standard error must be positive.")
    t = sr / deviation
    p = 2.0 * float(stdtr(degrees, -t) if limit == "student" else ndtr(-t))
    if p == 0.0:
        raise ValidationError(f"a t-statistic of {t:g} has a p-value below 1e-308; there is nothing to adjust.")
    after = max(adjust(p), p)
    left = -float(stdtrit(degrees, 0.5 * after) if limit == "student" else ndtri(0.5 * after)) * deviation
    kept = min(max(0.0, left), sr)
    return Haircut(sharpe=sr, p_value=p, adjusted=after, haircut_sharpe=kept, share=1.0 - kept / sr)


def _other_p_values(others: int, correlation: float, draws: int, rng: np.random.Generator) -> Floats:
    """Two-sided p-values of simulated tests, shape ``(draws, others)``."""
    rho = finite(correlation, "correlation")
    if not 0.0 <= rho <= 0.8:
        raise ValidationError(f"correlation is {correlation}; the population was fitted for 0 to 0.8.")
    null, scale = (float(np.interp(rho, _FAMILIES[:, 0], _FAMILIES[:, k])) for k in (1, 2))
    common = rng.normal(size=(draws, 1))
    noise = math.sqrt(rho) * common + math.sqrt(1.0 - rho) * rng.normal(size=(draws, others))
    skill = rng.exponential(scale, (draws, others)) * (rng.random((draws, others)) > null)
    p_values: Floats = 2.0 * ndtr(-np.abs(skill / _FAMILY_ERROR + noise))
    return p_values
