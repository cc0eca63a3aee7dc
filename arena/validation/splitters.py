"""Purged splits behind scikit-learn's splitter interface, for ``cross_val_score``, ``GridSearchCV`` and pipelines.

A splitter is built from the label spans of the rows of X and makes its folds at once (``folds``), so it fits
that X and no other: an X of another length is refused. Nothing here imports scikit-learn.

>>> import numpy as np
>>> start = np.arange(12)
>>> cv = PurgedKFold(start, start + 2, 3)
>>> cv
PurgedKFold(n_splits=3, gap_ns=0, embargo_ns=0, rows=12)
>>> [train.tolist() for train, _ in cv.split(np.zeros((12, 1)))]
[[6, 7, 8, 9, 10, 11], [0, 1, 10, 11], [0, 1, 2, 3, 4, 5]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Ints
from arena.validation.splits import Fold, Scheme, combinatorial, walk_forward


class _PurgedSplitter:
    """The interface the three share; ``folds`` holds what :meth:`split` yields."""

    def __init__(self, folds: tuple[Fold, ...], rows: int, settings: str) -> None:
        self.folds = folds
        self._rows = rows
        self._settings = settings

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:
        """Train and test row numbers, fold by fold. ``y`` and ``groups`` are ignored.

        Raises :class:`ValidationError` when X has another number of rows than the label spans.
        """
        rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
        if rows != self._rows:
            raise ValidationError(
                f"X has {rows} rows but the splitter was built from {self._rows} label spans; "
                "build it from the spans of exactly these rows."
            )
        return iter([(fold.train, fold.test) for fold in self.folds])

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds; the arguments are ignored."""
        return len(self.folds)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings}, rows={self._rows})"


class PurgedKFold(_PurgedSplitter):
    """K folds of consecutive decision times; every row is tested once, so it suits ``cross_val_predict``.

    ``start_ns`` and ``end_ns`` are the label spans of the rows of X, sorted by ``start_ns``; see
    :func:`arena.validation.splits.combinatorial` for the rest and for the errors.
    """

    def __init__(
        self, start_ns: ArrayLike, end_ns: ArrayLike, n_splits: int = 5, *, gap_ns: int = 0, embargo_ns: int = 0
    ) -> None:
        super().__init__(
            combinatorial(start_ns, end_ns, n_splits, gap_ns=gap_ns, embargo_ns=embargo_ns),
            np.size(start_ns),
            f"n_splits={n_splits}, gap_ns={gap_ns}, embargo_ns={embargo_ns}",
        )


class CombinatorialPurgedCV(_PurgedSplitter):
    """Every choice of ``test_groups`` out of ``groups`` groups of decision times; see ``combinatorial``.

    Feed ``folds`` and the predictions of each to :func:`arena.validation.splits.path_series`.
    """

    def __init__(
        self,
        start_ns: ArrayLike,
        end_ns: ArrayLike,
        groups: int = 6,
        test_groups: int = 2,
        *,
        gap_ns: int = 0,
        embargo_ns: int = 0,
    ) -> None:
        super().__init__(
            combinatorial(start_ns, end_ns, groups, test_groups, gap_ns=gap_ns, embargo_ns=embargo_ns),
            np.size(start_ns),
            f"groups={groups}, test_groups={test_groups}, gap_ns={gap_ns}, embargo_ns={embargo_ns}",
        )


class PurgedWalkForward(_PurgedSplitter):
    """Walk-forward over equal blocks of decision times; see :func:`arena.validation.splits.walk_forward`."""

    def __init__(
        self,
        start_ns: ArrayLike,
        end_ns: ArrayLike,
        n_splits: int = 5,
        *,
        scheme: Scheme = "rolling",
        train_blocks: int = 3,
        gap_ns: int = 0,
    ) -> None:
        super().__init__(
            walk_forward(start_ns, end_ns, n_splits, scheme=scheme, train_blocks=train_blocks, gap_ns=gap_ns),
            np.size(start_ns),
            f"n_splits={n_splits}, scheme={scheme!r}, train_blocks={train_blocks}, gap_ns={gap_ns}",
        )
