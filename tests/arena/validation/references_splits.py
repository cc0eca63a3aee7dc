"""Our answers to the stored splits of combinatorial purged cross-validation."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from arena.validation.splits import combinatorial, combinatorial_counts, paths


def combinatorial_values(case: dict[str, Any]) -> dict[str, Any]:
    """Skfolio counts rows: one row is one time step, and purging p rows is a label that lasts p steps."""
    groups, tested = case["n_folds"], case["n_test_folds"]
    start = np.arange(case["n"])
    folds = combinatorial(start, start + case["purged"], groups, tested, embargo_ns=case["embargo"])
    counts, supply = combinatorial_counts(groups, tested), paths(groups, tested)
    values = {
        "n_splits": counts.splits,
        "n_paths": counts.paths,
        "path_ids": [
            [int(np.flatnonzero(supply[:, group] == split)[0]) for group in chosen]
            for split, chosen in enumerate(combinations(range(groups), tested))
        ],
    }
    for k, fold in enumerate(folds):
        values[f"splits/{k}/train"] = fold.train
        values[f"splits/{k}/test"] = fold.test.reshape(tested, -1).tolist()
    return values
