"""Probability of backtest overfitting of one returns matrix: our kernel, phacker, and matrix products in numpy."""

from __future__ import annotations

import os
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.validation.cscv import overfitting
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
    """Time against both, and memory."""
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
