"""Compiled loop of the cluster search."""

from __future__ import annotations

import math

import numpy as np

from arena.jit import jit
from arena.validation.checks import Floats, Ints


@jit
def cut_ratios(distances: Floats, merges: Ints, most: int, floor: float) -> Floats:
    """Mean / standard deviation of the silhouettes of every cut of a tree, entry k for k clusters.

    ``merges`` (shape ``(M-1, 2)``) holds the clusters joined at each step, scipy's numbering. Entries outside
    2 to ``most`` are minus infinity. ``floor`` is the smallest standard deviation.
    """
    count = distances.shape[0]
    total = distances.copy()  # row c: distance of every trial to the trials of the cluster held in slot c
    slot = np.empty(2 * count - 1, dtype=np.int64)
    slot[:count] = np.arange(count)
    label, size = np.arange(count), np.ones(count)
    active = np.ones(count, dtype=np.bool_)
    other, own, silhouette = np.empty(count), np.empty(count), np.empty(count)
    ratios = np.full(max(most, count) + 1, -np.inf)
    for step in range(count - 2):
        kept, gone = slot[merges[step, 0]], slot[merges[step, 1]]
        slot[count + step] = kept
        for i in range(count):
            total[kept, i] += total[gone, i]
            label[i] = kept if label[i] == gone else label[i]
        size[kept] += size[gone]
        active[gone] = False
        k = count - 1 - step
        if k > most:
            continue
        other[:] = np.inf
        for c in range(count):
            if active[c]:
                row, share = total[c], 1.0 / size[c]
                for i in range(count):
                    mean = np.inf if label[i] == c else row[i] * share
                    other[i] = mean if mean < other[i] else other[i]
        sum_, square = 0.0, 0.0
        for i in range(count):
            own[i] = total[label[i], i] / max(size[label[i]] - 1.0, 1.0)
            larger = max(own[i], other[i])
            alone = size[label[i]] == 1.0 or larger == 0.0
            silhouette[i] = 0.0 if alone else (other[i] - own[i]) / larger
            sum_ += silhouette[i]
        mean = sum_ / count
        for i in range(count):
            square += (silhouette[i] - mean) ** 2
        ratios[k] = mean / max(math.sqrt(square / count), floor)
    return ratios
