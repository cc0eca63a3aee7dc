"""How many independent trials a family of correlated trials amounts to.

Two uses. Sidak's correction needs a family size: :func:`sidak_family`. The deflated Sharpe ratio needs the
number of trials and the variance of their Sharpe ratios as a consistent pair: :func:`optimal_clusters`
groups the trials, and :func:`cluster_trials` gives count and variance of the clusters' portfolios. A raw
variance with an effective count under-deflates.

Everything starts from the correlation matrix of the trials' returns on the common slot grid, shape ``(M, M)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.cluster.vq import kmeans, vq
from scipy.spatial.distance import squareform

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, columns, vector, whole
from arena.validation.deflation import Trials
from arena.validation.effective_kernels import cut_ratios

ROUNDING = 1e-9  # eigenvalues of a correlation matrix closer than this are equal
SPREAD_FLOOR = 1e-6  # silhouettes that spread less are equal; keeps a t-statistic finite
FEW = 100  # k-means works on partitions of at most so many clusters, and from random starts on so many trials
RESTARTS = 10
REFINED = 10  # cuts of the tree, the best ones, that k-means starts from


@dataclass(frozen=True, slots=True)
class EffectiveTrials:
    """Effective number of ``trials`` correlated trials by six definitions, from one correlation matrix.

    mean_correlation: ``r + (1-r) M`` with the mean off-diagonal correlation r, Bailey & Lopez de Prado (2014),
        appendix. Above M when r is negative.
    effective_rank: ``exp`` of the entropy of the eigenvalue shares, Roy & Vetterli (2007).
    participation: ``(sum l)^2 / sum l^2``.
    nyholt: ``1 + (M-1)(1 - Var(l)/M)``, Nyholt (2004).
    li_ji: ``sum 1{l >= 1} + l - floor(l)``, Li & Ji (2005). It jumps where an eigenvalue is whole, so
        eigenvalues within M 1e-9 of a whole number are rounded to it.
    galwey: ``(sum sqrt l)^2 / sum l``, Galwey (2009).
    """

    trials: int
    mean_correlation: float
    effective_rank: float
    participation: float
    nyholt: float
    li_ji: float
    galwey: float


@dataclass(frozen=True, slots=True)
class Clusters:
    """A partition of trials: ``labels`` (shape ``(M,)``) run from 0 to ``count - 1`` in order of appearance.

    ``quality`` is mean / standard deviation (ddof 0) of the trials' silhouettes; 0 when nothing was separated.
    """

    labels: Ints
    count: int
    quality: float


def trial_correlation(returns: ArrayLike) -> Floats:
    """Correlation of the columns of ``returns`` (shape ``(T, M)``), shrunk when ``T < 5 M``: shape ``(M, M)``.

    Errors as :func:`shrunk_correlation`.
    """
    z = _standardised(returns)
    return _clean(z.T @ z / z.shape[0]) if z.shape[0] >= 5 * z.shape[1] else _shrunk(z)


def shrunk_correlation(returns: ArrayLike) -> Floats:
    """``(1-d) R + d I``: sample correlation R of the columns of ``returns`` (shape ``(T, M)``) shrunk to identity.

    d minimises the expected squared error: Ledoit & Wolf (2004), J. Multivariate Analysis 88, on columns of
    unit variance. Shrinking to identity counts too many trials rather than too few. Raises
    :class:`ValidationError` for fewer than 2 rows, a NaN or infinity (row and column) or a constant column.
    """
    return _shrunk(_standardised(returns))


def effective_trials(correlation: ArrayLike) -> EffectiveTrials:
    """Effective number of trials of a correlation matrix (shape ``(M, M)``) by every definition.

    Raises :class:`ValidationError` when the matrix is not a correlation matrix.
    """
    matrix = _correlation(correlation)
    m = matrix.shape[0]
    # Correlations that were estimated pair by pair can have a root below 0; it counts as 0, as in Galwey.
    roots = np.maximum(np.linalg.eigvalsh(matrix), 0.0)
    nearest = np.round(roots)
    snapped = np.where(np.abs(roots - nearest) < ROUNDING * m, nearest, roots)
    total = float(roots.sum())
    share = roots[roots > 0.0] / total
    mean = float(matrix.sum() - m) / (m * (m - 1)) if m > 1 else 0.0
    return EffectiveTrials(
        trials=m,
        mean_correlation=mean + (1.0 - mean) * m,
        effective_rank=math.exp(-float(share @ np.log(share))),
        participation=total**2 / float(roots @ roots),
        nyholt=1.0 + (m - 1.0) * (1.0 - float(roots.var(ddof=1)) / m) if m > 1 else 1.0,
        li_ji=float(((snapped >= 1.0) + snapped - np.floor(snapped)).sum()),
        galwey=float(np.sqrt(roots).sum()) ** 2 / total,
    )


def optimal_clusters(correlation: ArrayLike, rng: np.random.Generator) -> Clusters:
    """Optimal number of clusters of trials with ``correlation`` (shape ``(M, M)``): Lopez de Prado & Lewis (2019).

    A trial is the vector of its distances ``sqrt((1-rho)/2)`` to all trials. Ward's tree of these vectors is cut
    into every number of clusters from 2 to M-1 (M/2 beyond 100 trials); k-means refines the ten best cuts of at
    most 100 clusters and, up to 100 trials, starts at ten random places too. The partition with the largest mean /
    standard deviation of its silhouettes wins. Clusters whose own ratio is below average are clustered again,
    and that is kept when it raises their average. When no partition has a positive
    mean silhouette, every trial is its own cluster; identical trials are one. The same ``rng`` state gives
    the same answer. 2,000 trials take a few seconds. Noise is split arbitrarily: never use the count
    without :func:`effective_trials` beside it.
    """
    matrix = _correlation(correlation)
    labels = _partition(matrix, rng)
    quality = _ratio(_silhouettes(_row_distances(_features(matrix)), labels))
    _, first, compact = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return Clusters(labels=order[compact], count=int(first.size), quality=max(quality, 0.0))


def cluster_sharpes(mean: ArrayLike, deviation: ArrayLike, correlation: ArrayLike, labels: ArrayLike) -> Floats:
    """Sharpe ratio per slot of each cluster's inverse-variance portfolio, shape ``(clusters,)``.

    From moments alone: ``mean`` and ``deviation`` (per slot, shape ``(M,)``) and ``correlation`` of the trials.
    Lopez de Prado & Lewis (2019). Raises :class:`ValidationError` for a deviation that is not positive, labels
    other than 0, 1, ... without a gap, or a cluster whose portfolio has no variance.
    """
    matrix = _correlation(correlation)
    centre, spread = vector(mean, "mean"), vector(deviation, "deviation")
    group = np.asarray(labels)
    if not matrix.shape[0] == centre.size == spread.size == group.size:
        raise ValidationError(
            f"mean has {centre.size} rows, deviation {spread.size}, correlation {matrix.shape[0]} and labels "
            f"{group.size}; they must describe the same trials."
        )
    if (spread <= 0.0).any():
        raise ValidationError(f"deviation is {spread.min()} in row {int(spread.argmin())}; it must be positive.")
    if not np.array_equal(np.unique(group), np.arange(int(group.max()) + 1)):
        raise ValidationError("labels must be 0, 1, ... without a gap, one per trial.")
    sharpes = np.empty(int(group.max()) + 1)
    for k in range(sharpes.size):
        own = np.flatnonzero(group == k)
        weights = spread[own].min() ** 2 / spread[own] ** 2
        risk = weights * spread[own]
        variance = float(risk @ matrix[np.ix_(own, own)] @ risk)
        if variance <= ROUNDING * float(risk.sum()) ** 2:
            raise ValidationError(f"the trials of cluster {k} cancel each other; their portfolio has no variance.")
        sharpes[k] = float(weights @ centre[own]) / math.sqrt(variance)
    return sharpes


def cluster_trials(mean: ArrayLike, deviation: ArrayLike, correlation: ArrayLike, clusters: Clusters) -> Trials:
    """Variance of the cluster portfolios' Sharpe ratios with the number of clusters: the pair that DSR needs.

    Arguments and errors as :func:`cluster_sharpes`; one cluster has variance 0.
    """
    sharpes = cluster_sharpes(mean, deviation, correlation, clusters.labels)
    return Trials.of(sharpes) if sharpes.size > 1 else Trials(variance=0.0, count=1)


def sidak_family(correlation: ArrayLike, ideas: int, rng: np.random.Generator) -> int:
    """Family size for Sidak's correction: the largest of clusters, effective rank and distinct ``ideas``.

    ``correlation`` has shape ``(M, M)``; ``ideas`` counts the distinct ideas of the ledger, abandoned ones
    included. The effective rank is rounded up.
    """
    rank = effective_trials(correlation).effective_rank
    return max(optimal_clusters(correlation, rng).count, math.ceil(rank - ROUNDING), whole(ideas, "ideas", 1))


def _standardised(returns: ArrayLike) -> Floats:
    matrix = columns(returns, "returns", minimum=2)
    constant = matrix.min(axis=0) == matrix.max(axis=0)
    if constant.any():
        column = int(np.argmax(constant))
        raise ValidationError(f"returns are {matrix[0, column]} throughout column {column}; it has no correlation.")
    centred = matrix - matrix.mean(axis=0)
    centred /= np.abs(centred).max(axis=0)
    scaled: Floats = centred / np.sqrt((centred * centred).mean(axis=0))
    return scaled


def _clean(matrix: Floats) -> Floats:
    """Symmetric to the byte, diagonal exactly 1."""
    matrix = np.clip(0.5 * (matrix + matrix.T), -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _shrunk(z: Floats) -> Floats:
    rows, m = z.shape
    sample = z.T @ z / rows
    length = float((sample * sample).sum())
    noise = (float(((z * z).sum(axis=1) ** 2).mean()) - length) / rows
    distance = length - m  # |R - I|^2, because the diagonal of R is 1
    intensity = min(noise / distance, 1.0) if distance > ROUNDING * m else 1.0
    return _clean((1.0 - intensity) * sample)


def _correlation(correlation: ArrayLike) -> Floats:
    matrix = np.asarray(correlation, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ValidationError(f"correlation must be trials by trials, but its shape is {matrix.shape}.")
    wrong = ~(np.abs(matrix) <= 1.0 + 1e-8) | ~(np.abs(matrix - matrix.T) <= 1e-8)
    wrong |= np.eye(matrix.shape[0], dtype=np.bool_) & ~(np.abs(matrix - 1.0) <= 1e-8)
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise ValidationError(
            f"correlation is {matrix[row, column]} in row {row}, column {column}; correlations lie in -1 to 1, "
            "mirror each other, and are 1 on the diagonal."
        )
    return _clean(matrix)


def _features(matrix: Floats) -> Floats:
    features: Floats = np.sqrt(0.5 * (1.0 - matrix))
    return features


def _row_distances(features: Floats) -> Floats:
    """Euclidean distances between the rows of ``features``; rounding noise is 0."""
    square = (features * features).sum(axis=1)
    distances = square[:, None] + square - 2.0 * (features @ features.T)
    distances = np.maximum(0.5 * (distances + distances.T), 0.0)
    distances[distances <= 1e-12 * max(float(square.max()), 1.0)] = 0.0
    rooted: Floats = np.sqrt(distances)
    return rooted


def _silhouettes(distances: Floats, labels: Ints) -> Floats:
    """Rousseeuw's (1987) silhouette per trial; 0 for a trial alone in its cluster."""
    member = labels[:, None] == np.unique(labels)
    size = member.sum(axis=0)
    if size.size == 1:
        return np.zeros(labels.size)
    total = distances @ member.astype(np.float64)
    own = total[member] / np.maximum((member * size).sum(axis=1) - 1, 1)
    other = np.where(member, np.inf, total / size).min(axis=1)
    alone = (member * size).sum(axis=1) == 1
    scale = np.maximum(own, other)
    return np.where(alone | (scale == 0.0), 0.0, (other - own) / np.where(scale == 0.0, 1.0, scale))


def _ratio(silhouettes: Floats) -> float:
    return float(silhouettes.mean()) / max(float(silhouettes.std()), SPREAD_FLOOR)


def _cluster_ratios(silhouettes: Floats, labels: Ints) -> Floats:
    return np.array([_ratio(silhouettes[labels == k]) for k in np.unique(labels)])


def _partition(matrix: Floats, rng: np.random.Generator) -> Ints:
    """Labels of both passes of the algorithm."""
    count = matrix.shape[0]
    features = _features(matrix)
    distances = _row_distances(features)
    if count < 3 or float(distances.max()) == 0.0:
        return np.zeros(count, dtype=np.int64) if float(distances.max()) == 0.0 else np.arange(count)
    labels = _one_pass(features, distances, rng)
    names = np.unique(labels)
    ratios = _cluster_ratios(_silhouettes(distances, labels), labels)
    poor = names[ratios < ratios.mean()]
    if poor.size <= 1 or names.size == count:
        return labels
    again = np.flatnonzero(np.isin(labels, poor))
    refined = labels.copy()
    refined[again] = count + _partition(matrix[np.ix_(again, again)], rng)
    after = _cluster_ratios(_silhouettes(distances, refined), refined)
    return refined if after.mean() > ratios[ratios < ratios.mean()].mean() else labels


def _one_pass(features: Floats, distances: Floats, rng: np.random.Generator) -> Ints:
    """The k-means partition of the largest silhouette ratio."""
    count = features.shape[0]
    most = count - 1 if count <= FEW else count // 2
    tree = linkage(squareform(distances, checks=False), method="ward")
    ratios = cut_ratios(distances, tree[:, :2].astype(np.int64), most, SPREAD_FLOOR)
    promising = 2 + np.argsort(-ratios[2 : most + 1], kind="stable")[:REFINED]
    cuts = cut_tree(tree, promising).T.astype(np.int64)
    best, found = (float(ratios[promising[0]]), cuts[0]) if ratios[promising[0]] > 0.0 else (0.0, np.arange(count))
    for k, cut in zip(promising, cuts, strict=True):
        starts = [np.stack([features[cut == c].mean(axis=0) for c in range(k)])] if k <= FEW else []
        if count <= FEW:
            starts += [features[rng.choice(count, k, replace=False)] for _ in range(RESTARTS)]
        for start in starts:
            labels = vq(features, kmeans(features, start)[0])[0].astype(np.int64)
            quality = _ratio(_silhouettes(distances, labels))
            if quality > best * (1.0 + ROUNDING):
                best, found = quality, labels
    return found
