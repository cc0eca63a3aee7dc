from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import pdist, squareform

from arena.errors import ValidationError
from arena.validation.deflation import Trials
from arena.validation.effective import (
    cluster_sharpes,
    cluster_trials,
    effective_trials,
    optimal_clusters,
    shrunk_correlation,
    sidak_family,
    trial_correlation,
)
from arena.validation.effective_kernels import cut_ratios


def blocks(sizes: list[int], inside: float, outside: float = 0.0) -> np.ndarray:
    group = np.repeat(np.arange(len(sizes)), sizes)
    matrix = np.where(group[:, None] == group, inside, outside)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def sample(seed: int, rows: int, sizes: list[int], noise: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = np.repeat(rng.normal(size=(rows, len(sizes))), sizes, axis=1)
    return common + noise * rng.normal(size=common.shape)


def clusters(matrix: np.ndarray, seed: int = 0) -> Any:
    return optimal_clusters(matrix, np.random.default_rng(seed))


def test_equicorrelated_trials_have_their_closed_form_counts() -> None:
    # Table of section 9: eigenvalues 5.5 once and 0.5 nine times.
    e = effective_trials(blocks([10], 0.5))
    assert e.mean_correlation == pytest.approx(5.5)
    assert e.effective_rank == pytest.approx(math.exp(-0.55 * math.log(0.55) - 0.45 * math.log(0.05)))
    assert e.participation == pytest.approx(100 / (5.5**2 + 9 * 0.25))
    assert e.nyholt == pytest.approx(7.75)
    assert e.li_ji == pytest.approx(6.0)
    assert e.galwey == pytest.approx((math.sqrt(5.5) + 9 * math.sqrt(0.5)) ** 2 / 10)


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_identical_trials_are_one_and_independent_trials_are_all(count: int) -> None:
    assert astuple(effective_trials(np.ones((count, count))))[1:] == pytest.approx((1.0,) * 6, abs=1e-6)
    assert astuple(effective_trials(np.eye(count)))[1:] == pytest.approx((float(count),) * 6)


def test_identical_columns_are_one_trial_although_their_correlation_is_rounded() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=(50, 1)), 9, axis=1) * np.arange(1, 10) / 7
    assert effective_trials(np.corrcoef(x.T)).li_ji == pytest.approx(1.0, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_counts_lie_between_one_and_all_and_ignore_order(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.corrcoef(rng.normal(size=(60, count)).T + rng.normal(size=60))
    e = effective_trials(matrix)
    for value in (e.effective_rank, e.participation, e.nyholt, e.galwey):
        assert 1.0 - 1e-9 <= value <= count + 1e-9
    assert e.participation <= e.effective_rank <= e.galwey  # Renyi entropies of order 2, 1, 1/2
    order = rng.permutation(count)
    assert astuple(effective_trials(matrix[np.ix_(order, order)])) == pytest.approx(astuple(e))


def test_negative_mean_correlation_counts_more_than_all() -> None:
    assert effective_trials(np.array([[1.0, -0.5], [-0.5, 1.0]])).mean_correlation == pytest.approx(2.5)


@pytest.mark.parametrize("shape", [(20, 30), (40, 10), (300, 20)])
def test_shrinkage_is_that_of_scikit_learn(shape: tuple[int, int]) -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    x = np.random.default_rng(0).normal(size=shape) + np.random.default_rng(1).normal(size=(shape[0], 1))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(shrunk_correlation(x), covariance.ledoit_wolf(z)[0], atol=1e-12)


def test_shrinkage_is_ledoit_and_wolfs_double_sum() -> None:
    x = sample(3, 12, [2, 3])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    r = z.T @ z / 12
    noise = sum(((np.outer(row, row) - r) ** 2).sum() for row in z) / 12**2
    share = min(noise / ((r - np.eye(5)) ** 2).sum(), 1.0)
    np.testing.assert_allclose(shrunk_correlation(x), (1 - share) * r + share * np.eye(5), atol=1e-12)


def test_shrunk_correlations_can_be_inverted_and_shrink_less_with_more_rows() -> None:
    few, many = sample(0, 15, [10, 10]), sample(0, 1500, [10, 10])
    assert np.linalg.eigvalsh(shrunk_correlation(few))[0] > 1e-3
    assert np.linalg.eigvalsh(np.corrcoef(few.T))[0] < 1e-9
    gap = [np.abs(shrunk_correlation(x) - np.corrcoef(x.T)).max() for x in (few, many)]
    assert gap[1] < 0.02 < gap[0]


def test_correlations_are_shrunk_below_five_rows_per_trial() -> None:
    x = sample(0, 50, [5, 5])
    np.testing.assert_allclose(trial_correlation(x), np.corrcoef(x.T), atol=1e-12)
    np.testing.assert_array_equal(trial_correlation(x[:49]), shrunk_correlation(x[:49]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", [[8, 6, 5, 3], [9, 7, 4], [2, 2], [30, 3, 3, 30]])
def test_clusters_are_the_true_blocks(sizes: list[int], seed: int) -> None:
    c = clusters(np.corrcoef(sample(seed, 400, sizes).T), seed)
    assert c.count == len(sizes)
    assert c.labels.tolist() == np.repeat(np.arange(len(sizes)), sizes).tolist()
    assert c.quality > 1.0


def test_hundreds_of_trials_in_many_clusters_are_told_apart() -> None:
    sizes = [12] * 40
    c = clusters(np.corrcoef(sample(0, 2000, sizes).T))
    assert c.labels.tolist() == np.repeat(np.arange(40), sizes).tolist()


def test_a_second_pass_splits_a_loose_cluster() -> None:
    group = np.array([0] * 6 + [1] * 6 + [2] * 6 + [3] * 6)
    matrix = np.where(group[:, None] == group, 0.9, 0.0)
    loose = (group[:, None] >= 2) & (group >= 2) & (group[:, None] != group)
    matrix = np.where(loose, 0.5, matrix)
    np.fill_diagonal(matrix, 1.0)
    assert clusters(matrix).labels.tolist() == group.tolist()


def test_labels_follow_the_trials_wherever_they_stand() -> None:
    matrix = np.corrcoef(sample(2, 400, [6, 5, 4]).T)
    order = np.random.default_rng(1).permutation(15)
    shuffled, straight = clusters(matrix[np.ix_(order, order)]).labels, clusters(matrix).labels[order]
    same = shuffled[:, None] == shuffled
    np.testing.assert_array_equal(same, straight[:, None] == straight)
    assert shuffled[0] == 0


def test_the_answer_is_a_function_of_the_generator() -> None:
    matrix = np.corrcoef(np.random.default_rng(0).normal(size=(60, 25)).T)
    a, b = clusters(matrix, 3), clusters(matrix, 3)
    assert (a.labels.tolist(), a.quality) == (b.labels.tolist(), b.quality)


def test_identical_trials_are_one_cluster_and_unrelated_trials_one_each() -> None:
    assert clusters(np.ones((6, 6))).labels.tolist() == [0] * 6
    assert clusters(np.eye(6)).labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert clusters(np.eye(1)).count == 1
    assert clusters(np.eye(2)).count == 2
    assert clusters(blocks([3, 3, 3], 1.0)).labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_cluster_sharpes_are_those_of_the_portfolios_own_returns() -> None:
    x = sample(4, 300, [3, 2, 1]) * np.arange(1, 7) + 0.1
    labels = np.array([0, 0, 0, 1, 1, 2])
    ours = cluster_sharpes(x.mean(axis=0), x.std(axis=0, ddof=1), np.corrcoef(x.T), labels)
    for k in range(3):
        own = x[:, labels == k]
        weights = 1 / own.var(axis=0, ddof=1)
        portfolio = own @ weights
        assert ours[k] == pytest.approx(portfolio.mean() / portfolio.std(ddof=1))


def test_count_and_variance_of_clusters_are_one_pair() -> None:
    x = sample(4, 300, [4, 4, 4]) + 0.05
    matrix, moments = np.corrcoef(x.T), (x.mean(axis=0), x.std(axis=0, ddof=1))
    found = clusters(matrix)
    assert cluster_trials(*moments, matrix, found) == Trials.of(cluster_sharpes(*moments, matrix, found.labels))
    assert cluster_trials(*moments, matrix, found).count == 3
    same = np.ones((2, 2))
    assert cluster_trials([0.1, 0.1], [1.0, 1.0], same, clusters(same)) == Trials(variance=0.0, count=1)


def test_a_family_is_the_largest_of_clusters_rank_and_ideas() -> None:
    rng = np.random.default_rng(0)
    assert sidak_family(np.ones((9, 9)), 1, rng) == 1
    assert sidak_family(np.ones((9, 9)), 4, rng) == 4
    assert sidak_family(np.eye(9), 1, rng) == 9
    loose = blocks([5, 5], 0.6)
    rank = effective_trials(loose).effective_rank
    assert sidak_family(loose, 1, rng) == math.ceil(rank) > clusters(loose).count


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: effective_trials(np.ones((2, 3))), "trials by trials"),
        (lambda: effective_trials([[1.0, 0.5], [0.4, 1.0]]), "row 0, column 1"),
        (lambda: effective_trials([[1.0, 1.5], [1.5, 1.0]]), "row 0, column 1"),
        (lambda: effective_trials([[2.0, 0.5], [0.5, 1.0]]), "row 0, column 0"),
        (lambda: effective_trials([[1.0, math.nan], [math.nan, 1.0]]), "row 0, column 1"),
        (lambda: shrunk_correlation(np.ones((9, 2))), "column 0"),
        (lambda: shrunk_correlation([[0.0, 1.0], [1.0, math.nan]]), "row 1, column 1"),
        (lambda: trial_correlation(np.ones(9)), "two dimensions"),
        (lambda: cluster_sharpes([0.1], [1.0], np.eye(2), [0, 1]), "same trials"),
        (lambda: cluster_sharpes([0.1, 0.2], [1.0, 0.0], np.eye(2), [0, 1]), "row 1"),
        (lambda: cluster_sharpes([0.1, 0.2], [1.0, 1.0], np.eye(2), [0, 2]), "gap"),
        (lambda: cluster_sharpes([0.1, 0.2], [1.0, 1.0], 2 * np.eye(2) - 1, [0, 0]), "cluster 0"),
        (lambda: sidak_family(np.eye(2), 0, np.random.default_rng(0)), "ideas"),
    ],
)
def test_families_without_meaning_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        call()


def test_the_compiled_silhouette_ratios_are_those_of_scikit_learn() -> None:
    silhouette = pytest.importorskip("sklearn.metrics").silhouette_samples
    x = np.random.default_rng(0).normal(size=(25, 4))
    distances = squareform(pdist(x))
    tree = linkage(pdist(x), method="ward")
    ours = cut_ratios(distances, tree[:, :2].astype(np.int64), 24, 1e-6)
    for k in range(2, 25):
        theirs = silhouette(distances, cut_tree(tree, k)[:, 0], metric="precomputed")
        assert ours[k] == pytest.approx(theirs.mean() / theirs.std(), rel=1e-9)
    capped = cut_ratios(distances, tree[:, :2].astype(np.int64), 5, 1e-6)
    np.testing.assert_array_equal(np.isfinite(capped), np.isin(np.arange(capped.size), [2, 3, 4, 5]))
