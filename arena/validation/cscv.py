"""Probability of backtest overfitting by combinatorially symmetric cross-validation.

T slots are cut into S equal blocks; each of the C(S, S/2) halves plays in-sample once and the other half
out-of-sample. The logit of the out-of-sample rank of the in-sample winner says whether selection carried
information. Bailey, Borwein, Lopez de Prado & Zhu (2017).

The work rests on two facts. A Sharpe ratio of a half needs only each block's sum and sum of squares, so
the cost does not depend on T. And the complement of split i (lexicographic order) is split C-1-i, so one
pass over the first half of the splits serves both.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.bootstrap import stationary_indices
from arena.validation.checks import Floats, Ints, finite, whole
from arena.validation.cscv_blocks import cut, returns_matrix, split_count
from arena.validation.cscv_kernels import block_sums, walk_pairs

NULL_QUANTILES = (0.05, 0.25, 0.50, 0.95)


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Result of CSCV. Arrays run over the C(S, S/2) splits in lexicographic order of the in-sample blocks.

    pbo: mid-rank rule, share of logits below 0 plus half the share equal to 0 (the number to report).
    pbo_strict, pbo_inclusive: share of logits ``< 0`` and ``<= 0``.
    probability_of_loss: share of splits where the winner's out-of-sample Sharpe is negative.
    slope, intercept: least squares of out-of-sample on in-sample Sharpe of the winner. About -0.3 to -0.95
        under pure noise by construction, so no evidence by itself. Splits with an infinite Sharpe are left
        out; 0 and the mean when the in-sample Sharpe never varies.
    logits: ``ln(w/(1-w))``, ``w = rank/(N+1)``, rank 1 = worst, ties take the middle rank.
    best: column of the in-sample winner in the matrix as given.
    in_sample, out_of_sample: Sharpe per slot (ddof 1) of the winner; 0 where it did not bet in that half.
    rows_used, rows_dropped: slots in blocks, and oldest slots that fill no block; ``gap`` slots between
        blocks are in neither.
    configurations: columns ranked (N). constant_configurations: columns left out because they never vary.
        sparse_configurations: columns left out for fewer than ``minimum_bets`` bets in some block.
    fewest_bets: fewest bets of a ranked column in a block. Below 2 the winner is often one that bet little.
    """

    pbo: float
    pbo_strict: float
    pbo_inclusive: float
    probability_of_loss: float
    slope: float
    intercept: float
    logits: Floats
    best: Ints
    in_sample: Floats
    out_of_sample: Floats
    blocks: int
    rows_used: int
    rows_dropped: int
    configurations: int
    constant_configurations: int
    sparse_configurations: int
    fewest_bets: int
    gap: int


@dataclass(frozen=True, slots=True)
class NullBand:
    """Distribution of ``pbo`` when no column has skill, on the shape and dependence of a given matrix.

    ``quantile_05`` is the value an observed PBO has to beat; ``draws`` holds every simulated PBO.
    """

    quantile_05: float
    quantile_25: float
    quantile_50: float
    quantile_95: float
    draws: Floats


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Per split: twice the mid-rank, winner's index among the ranked columns, its Sharpes."""

    doubled: Ints
    best: Ints
    in_sample: Floats
    out_of_sample: Floats


def overfitting(
    returns: ArrayLike,
    blocks: int = 16,
    *,
    gap: int = 0,
    minimum_bets: int = 0,
    minimum_configurations: int = 10,
    threads: int = 1,
) -> Overfitting:
    """CSCV of ``returns`` (shape ``(T, N)``: slots by configurations, return per unit of stake, 0 = no bet).

    ``blocks`` is S, even. Slots that do not fill S equal blocks are dropped from the old end (``T mod S`` of
    them without a gap). ``gap`` slots are left out between consecutive blocks: one label horizon when labels
    overlap. Columns that never vary, and those with fewer than ``minimum_bets`` bets in some block, are left
    out of N and counted. Sharpes closer than 1e-12 are tied: the first column wins in sample, ties share the
    middle rank out of sample. A column without a bet in a half is never picked on it and scores 0 on it. The
    result is the same to the byte for any number of ``threads``.

    Raises :class:`ValidationError` for a non-finite value (naming row and column), odd S, fewer than 2 rows
    per block, or fewer than ``minimum_configurations`` columns ranked (PBO of a handful says nothing).
    """
    splits = split_count(blocks)
    threads = whole(threads, "threads", 1)
    part = cut(returns_matrix(returns), blocks, gap, minimum_bets, minimum_configurations)
    ranks = _ranks(part.sums, part.squares, part.half_rows, splits, threads)
    count = int(part.columns.size)
    logits = np.log(ranks.doubled / (2.0 * (count + 1) - ranks.doubled))
    below = int((ranks.doubled < count + 1).sum())
    zero = int((ranks.doubled == count + 1).sum())
    slope, intercept = _line(ranks.in_sample, ranks.out_of_sample)
    return Overfitting(
        pbo=(below + 0.5 * zero) / splits,
        pbo_strict=below / splits,
        pbo_inclusive=(below + zero) / splits,
        probability_of_loss=int((ranks.out_of_sample < 0.0).sum()) / splits,
        slope=slope,
        intercept=intercept,
        logits=logits,
        best=part.columns[ranks.best],
        in_sample=ranks.in_sample,
        out_of_sample=ranks.out_of_sample,
        blocks=int(blocks),
        rows_used=part.rows * blocks,
        rows_dropped=part.dropped,
        configurations=count,
        constant_configurations=part.constant,
        sparse_configurations=part.sparse,
        fewest_bets=part.fewest_bets,
        gap=part.gap,
    )


def null_band(
    returns: ArrayLike,
    blocks: int,
    draws: int,
    rng: np.random.Generator,
    *,
    block: float = 1.0,
    gap: int = 0,
    minimum_bets: int = 0,
    minimum_configurations: int = 10,
    threads: int = 1,
) -> NullBand:
    """Null distribution of PBO for a matrix of this shape, dependence and payoff (shape ``(T, N)``).

    Each column is demeaned by its mean per bet (so no-bet slots stay 0 and the column's mean is 0), then
    whole slots are resampled with replacement in blocks of mean length ``block`` slots (stationary
    bootstrap), which keeps the dependence between columns. CSCV on the demeaned matrix itself would be
    wrong: it forces PBO to 1. ``gap`` and ``minimum_bets`` as in :func:`overfitting`: pass the same. The
    result does not depend on ``threads``. Errors as :func:`overfitting`, and for fewer than 20 draws.
    """
    matrix = returns_matrix(returns)
    splits = split_count(blocks)
    draws, threads = whole(draws, "draws", 20), whole(threads, "threads", 1)
    if finite(block, "block") < 1.0:
        raise ValidationError(f"block is {block} slots; the mean block length must be at least 1.")
    part = cut(matrix, blocks, gap, minimum_bets, minimum_configurations)
    used = part.used()
    centred = np.array(matrix[part.dropped :, part.columns], order="C")
    bets = np.maximum((centred != 0.0).sum(axis=0), 1)
    noise = 1e-12 * np.abs(centred).max(axis=0)
    np.subtract(centred, centred.sum(axis=0) / bets, out=centred, where=centred != 0.0)
    centred[np.abs(centred) <= noise] = 0.0  # a column whose bets all paid the same
    seeds = rng.integers(0, 2**63, size=draws)
    count = part.columns.size

    def one(seed: int) -> float:
        index = stationary_indices(part.height, block, np.random.default_rng(seed))[used]
        sums, squares = np.zeros((blocks, count)), np.zeros((blocks, count))
        block_sums(centred, index, part.rows, sums, squares)
        doubled = _ranks(sums, squares, part.half_rows, splits, 1).doubled
        return float(((doubled < count + 1).sum() + 0.5 * (doubled == count + 1).sum()) / splits)

    if threads == 1:
        values = np.array([one(int(seed)) for seed in seeds])
    else:
        with ThreadPoolExecutor(threads) as pool:
            values = np.array(list(pool.map(one, [int(seed) for seed in seeds])))
    q05, q25, q50, q95 = (float(q) for q in np.quantile(values, NULL_QUANTILES))
    return NullBand(quantile_05=q05, quantile_25=q25, quantile_50=q50, quantile_95=q95, draws=values)


def _ranks(sums: Floats, squares: Floats, half_rows: int, splits: int, threads: int) -> _Ranks:
    """Walk every pair of complementary splits, on ``threads`` threads over disjoint ranges of pairs."""
    result = _Ranks(
        doubled=np.empty(splits, dtype=np.int64),
        best=np.empty(splits, dtype=np.int64),
        in_sample=np.empty(splits),
        out_of_sample=np.empty(splits),
    )
    pairs = splits // 2
    edges = [pairs * k // threads for k in range(threads + 1)]

    def chunk(k: int) -> None:
        walk_pairs(
            sums, squares, half_rows, edges[k], edges[k + 1],
            result.doubled, result.best, result.in_sample, result.out_of_sample,
        )  # fmt: skip

    if threads == 1:
        chunk(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(chunk, range(threads)))
    return result


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Least-squares slope and intercept of ``y`` on ``x`` over the finite pairs; slope 0 when x is constant."""
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    if x.size == 0:
        return 0.0, 0.0
    dx = x - x.mean()
    power = float(dx @ dx)
    if power <= 1e-24 * x.size * max(1.0, float(np.abs(x).max()) ** 2):
        return 0.0, float(y.mean())
    slope = float(dx @ (y - y.mean())) / power
    return slope, float(y.mean() - slope * x.mean())
