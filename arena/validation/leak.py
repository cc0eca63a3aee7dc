"""A bench that shows whether a splitter lets the answers into the training set.

Row t is decided at time t and its label is the sign of the next h independent shocks, so nothing that is
known at t predicts it: the true accuracy is one half. Labels of close rows share shocks. A learner that
repeats the label of the nearest training time therefore scores above one half exactly when the splitter
leaves rows that overlap the test rows in the training set.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, whole


class Splitter(Protocol):
    """scikit-learn's splitter interface."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[tuple[ArrayLike, ArrayLike]]:
        """Train and test row numbers, fold by fold."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Accuracy of the nearest-time learner, averaged over ``draws`` simulated series.

    ``accuracy`` is 0.5 without a leak and ``shuffled_accuracy`` when the neighbouring row always trains.
    ``standard_error`` is that of ``accuracy`` over draws; ``z_score`` is their distance from 0.5 in
    standard errors.
    """

    accuracy: float
    standard_error: float
    z_score: float
    shuffled_accuracy: float
    draws: int


def leak_spans(rows: int = 2_000, horizon: int = 10) -> tuple[Ints, Ints]:
    """``start_ns`` and ``end_ns`` of the bench's labels, to build a purged splitter from."""
    start = np.arange(whole(rows, "rows", 2), dtype=np.int64)
    return start, start + whole(horizon, "horizon", 1)


def shuffled_accuracy(horizon: int) -> float:
    """Expected accuracy when the row one step away trains: ``1/2 + asin(1 - 1/h) / pi``.

    Neighbouring sums of h shocks have correlation ``1 - 1/h``; Sheppard's (1899) formula gives the
    probability that two normal variables share their sign.
    """
    return 0.5 + math.asin(1.0 - 1.0 / whole(horizon, "horizon", 1)) / math.pi


def leak_accuracy(
    splitter: Splitter, rng: np.random.Generator, *, rows: int = 2_000, horizon: int = 10, draws: int = 50
) -> Leak:
    """Run the bench on any splitter: ``rows`` rows one time step apart, labels of ``horizon`` steps.

    The splitter sees X of shape ``(rows, 1)`` (the times) and y of 0 and 1. Splitters that purge are built
    from :func:`leak_spans` of the same ``rows`` and ``horizon``.

    >>> from arena.validation.splitters import PurgedKFold
    >>> leak = leak_accuracy(PurgedKFold(*leak_spans()), np.random.default_rng(0))
    >>> abs(leak.z_score) < 3.5
    True

    Raises :class:`ValidationError` for a splitter that tests nothing or a fold without training rows.
    """
    rows, horizon, draws = whole(rows, "rows", 2), whole(horizon, "horizon", 1), whole(draws, "draws", 2)
    found = np.empty(draws)
    for d in range(draws):
        total = np.concatenate(([0.0], np.cumsum(rng.normal(size=rows + horizon))))
        rose = total[horizon : rows + horizon] > total[:rows]
        found[d] = _nearest_time_accuracy(splitter, rose.astype(np.float64))
    error = float(found.std(ddof=1)) / math.sqrt(draws)
    if error == 0.0:
        raise ValidationError(f"accuracy is {found[0]:g} in every draw; use more rows.")
    accuracy = float(found.mean())
    return Leak(
        accuracy=accuracy,
        standard_error=error,
        z_score=(accuracy - 0.5) / error,
        shuffled_accuracy=shuffled_accuracy(horizon),
        draws=draws,
    )


def _nearest_time_accuracy(splitter: Splitter, y: Floats) -> float:
    """Share of test rows whose nearest training row (the earlier of two equally near) has the same label."""
    hits, tested = 0, 0
    for k, (train_rows, test_rows) in enumerate(splitter.split(np.arange(y.size, dtype=np.float64)[:, None], y)):
        train, test = np.sort(np.asarray(train_rows)), np.asarray(test_rows)
        if train.size == 0:
            raise ValidationError(f"fold {k} of the splitter has no training rows.")
        place = np.searchsorted(train, test)
        before, after = train[np.maximum(place - 1, 0)], train[np.minimum(place, train.size - 1)]
        nearest = np.where(np.abs(test - before) <= np.abs(after - test), before, after)
        hits += int((y[nearest] == y[test]).sum())
        tested += test.size
    if tested == 0:
        raise ValidationError("the splitter tests no row.")
    return hits / tested
