"""Probability of backtest overfitting of one returns matrix: our kernel, three packages, and numpy's products."""

from __future__ import annotations

import os
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.validation.cscv import null_band, overfitting
from benchmarks.lab import LabMarket
from benchmarks.measure import Figure, in_child, timed
from benchmarks.rows import Row, Sizes

_PUBLISHED_PBO = 0.583916
_STATED_PHACKER_S = 0.048


def matrix(rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Seeded normal returns of strategies without skill."""
    return np.random.default_rng(2).normal(0.0, 0.01, (rows, columns))


def plain(returns: npt.NDArray[np.float64], blocks: int) -> float:
    """PBO the obvious fast way: block moments times a membership matrix, both halves written out."""
    rows = returns.shape[0] // blocks
    cut = returns[: rows * blocks].reshape(blocks, rows, -1)
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    halves = list(combinations(range(blocks), blocks // 2))
    member = np.zeros((len(halves), blocks))
    for split, chosen in enumerate(halves):
        member[split, list(chosen)] = 1.0
    n = rows * blocks // 2

    def sharpe(chosen: Any) -> Any:
        mean = chosen @ sums / n
        return mean / np.sqrt((chosen @ squares / n - mean * mean) * n / (n - 1))

    inside, outside = sharpe(member), sharpe(1.0 - member)
    winner = outside[np.arange(len(halves)), inside.argmax(axis=1)]
    rank = (outside < winner[:, None]).sum(axis=1) + 1
    # 2 rank < N + 1 is a logit below 0; a logit of exactly 0 counts half.
    doubled, middle = 2 * rank, returns.shape[1] + 1
    return float(((doubled < middle) + 0.5 * (doubled == middle)).mean())


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Time against each, memory, and the null band."""
    returns = matrix(sizes.rows, sizes.columns)
    jobs = os.cpu_count() or 1
    ours, found = timed(lambda: overfitting(returns, sizes.blocks, threads=jobs), 4 * sizes.runs + 1)
    serial, _ = timed(lambda: overfitting(returns, sizes.blocks), 4 * sizes.runs + 1)
    what = f"CSCV {sizes.rows:,} x {sizes.columns}, S = {sizes.blocks}"
    obvious, pbo = timed(lambda: plain(returns, sizes.blocks), sizes.runs)
    rows = [_against_phacker(sizes, returns, f"{what}, {jobs} threads", ours, found.pbo)]
    rows.append(
        Row(
            "cscv",
            f"{what}, 1 thread",
            "s",
            serial,
            "numpy matrix products, both halves",
            obvious,
            False,
            _compared(found.pbo, pbo),
            abs(found.pbo - pbo) < 1e-12,
            0.05,
        )
    )
    if sizes.full:
        stated = abs(found.pbo - _PUBLISHED_PBO) < 5e-7
        rows[0] = _with_published(rows[0], stated)
    rows.append(_against_holdout(returns, what, sizes, serial, found.pbo_inclusive))
    rows.append(_against_purgedcv(returns, sizes))
    rows.append(_band(returns, sizes, jobs))
    child = in_child("cscv_memory", str(sizes.rows), str(sizes.columns), str(sizes.blocks))
    rows.append(
        Row(
            "cscv",
            f"{what}: peak memory",
            "MiB",
            Figure.single(child["mib"]),
            "numpy matrix products",
            Figure.single(child["plain_mib"]),
            budget=102.4,
        )
    )
    return rows


def _compared(ours: float, theirs: float) -> str:
    return f"PBO {ours:.6f} and {theirs:.6f} (tolerance 1e-12)"


def _with_published(row: Row, agrees: bool) -> Row:
    from dataclasses import replace

    return replace(
        row,
        same=f"{row.same}; {_PUBLISHED_PBO} measured from every peer (anchors B.2)",
        agrees=agrees and row.agrees is not False,
    )


def _against_phacker(sizes: Sizes, returns: Any, what: str, ours: Figure, pbo: float) -> Row:
    try:
        import phacker.cscv as peer
    except ImportError:
        theirs = Figure.single(_STATED_PHACKER_S) if sizes.full else None
        return Row("cscv", what, "s", ours, "phacker (C++)", theirs, True, "peer absent", None, 0.05)
    theirs, answer = timed(lambda: peer.cscv(returns, sizes.blocks), 4 * sizes.runs + 1)
    # Its own figure counts a logit of 0 in full, so ours is recomputed from its logits by the mid-rank rule.
    logits = np.asarray(answer[1])
    their_pbo = float(((logits < 0.0) + 0.5 * (logits == 0.0)).mean())
    return Row(
        "cscv", what, "s", ours, "phacker (C++)", theirs, False, _compared(pbo, their_pbo),
        abs(pbo - their_pbo) < 1e-12, 0.05,
    )  # fmt: skip


def _against_holdout(returns: Any, what: str, sizes: Sizes, ours: Figure, inclusive: float) -> Row:
    what = f"{what}, 1 thread"
    try:
        from holdout.pbo import probability_of_backtest_overfitting as peer
    except ImportError:
        return Row("cscv", what, "s", ours, "holdout-backtest", None, False, "peer absent", None, 0.05)
    theirs, answer = timed(lambda: peer(returns, n_blocks=sizes.blocks), sizes.runs)
    # It counts a logit of 0 in full.
    return Row(
        "cscv", what, "s", ours, "holdout-backtest", theirs, False, _compared(inclusive, answer.pbo),
        abs(inclusive - answer.pbo) < 1e-12, 0.05,
    )  # fmt: skip


def _against_purgedcv(returns: Any, sizes: Sizes) -> Row:
    ours, found = timed(lambda: overfitting(returns, 8), 4 * sizes.runs + 1)
    what = f"CSCV {sizes.rows:,} x {sizes.columns}, S = 8, 1 thread"
    note = "S = 16 would take it minutes" if sizes.full else ""
    try:
        from purgedcv import probability_of_backtest_overfitting as peer
    except ImportError:
        return Row("cscv", what, "s", ours, "purgedcv", None, False, "peer absent", note=note)
    theirs, answer = timed(lambda: peer(returns.T, n_splits=8), 1, warm=0)
    # It does not count a logit of 0.
    return Row(
        "cscv", what, "s", ours, "purgedcv", theirs, False, _compared(found.pbo_strict, answer.pbo),
        abs(found.pbo_strict - answer.pbo) < 1e-12, note=note,
    )  # fmt: skip


def _band(returns: Any, sizes: Sizes, jobs: int) -> Row:
    draws = sizes.draws // 2
    ours, band = timed(
        lambda: null_band(returns, sizes.blocks, draws, np.random.default_rng(1), threads=jobs), 1, warm=0
    )
    what = f"null band of PBO {sizes.rows:,} x {sizes.columns}, S = {sizes.blocks}, {draws} draws, {jobs} threads"
    return Row("cscv", what, "s", ours, same=f"5 % quantile {band.quantile_05:.3f}, median {band.quantile_50:.3f}")
