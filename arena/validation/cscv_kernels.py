"""Compiled loops of CSCV.

A half with m rows, sum s and sum of squares q has a Sharpe ratio that grows with ``u = s|s|/q`` and with
nothing else: ``sr = sign(u) sqrt((m-1)/m |u|/(m-|u|))``. Ranking by u needs one division and no root, and
integer payoffs give exact ties.

Sums of a half are built left to right over its blocks on a stack of partial sums (one level per block),
so a split costs about two additions per column instead of S/2, and its value does not depend on where a
thread started.
"""

from __future__ import annotations

import math

import numpy as np

from arena.jit import jit
from arena.validation.checks import Bools, Floats, Ints

TIE = 1e-12  # scores closer than this on the scale u^0.5 / m^0.5, about the Sharpe itself below 1, are equal
EMPTY = 1e-13  # a half with less than this share of a column's sum of squares holds no bet of it


@jit
def block_sums(matrix: Floats, index: Ints, rows: int, sums: Floats, squares: Floats) -> None:
    """Add rows ``index`` of ``matrix`` into ``sums`` and ``squares``, ``rows`` consecutive indices per block."""
    count = matrix.shape[1]
    for b in range(sums.shape[0]):
        total, power = sums[b], squares[b]
        for i in range(b * rows, (b + 1) * rows):
            row = matrix[index[i]]
            for j in range(count):
                total[j] += row[j]
                power[j] += row[j] * row[j]


@jit
def constant_columns(part: Floats, first: Floats, constant: Bools) -> None:
    """Clear ``constant[j]`` for every column of ``part`` that differs from ``first[j]`` somewhere."""
    for i in range(part.shape[0]):
        row = part[i]
        for j in range(first.shape[0]):
            constant[j] &= row[j] == first[j]


@jit
def _unrank(rank: int, blocks: int, chosen: Ints) -> None:
    """Fill ``chosen`` with the ``rank``-th combination of its length out of ``blocks``, lexicographic."""
    size = chosen.shape[0]
    candidate = 0
    for position in range(size):
        while True:
            remaining = blocks - candidate - 1
            needed = size - position - 1
            ways = 1
            for k in range(needed):
                ways = ways * (remaining - k) // (k + 1)
            if rank < ways:
                break
            rank -= ways
            candidate += 1
        chosen[position] = candidate
        candidate += 1


@jit
def _advance(blocks: int, chosen: Ints) -> int:
    """Step to the next combination; returns the first position that changed."""
    size = chosen.shape[0]
    position: int = size - 1
    while chosen[position] == blocks - size + position:
        position -= 1
    chosen[position] += 1
    for k in range(position + 1, size):
        chosen[k] = chosen[k - 1] + 1
    return position


@jit
def _scores(total: Floats, power: Floats, floor: Floats, cut: float, out: Floats) -> None:
    """``u`` of one half per column; 0 where the half holds no bet or the sum is rounding noise."""
    for j in range(out.shape[0]):
        s, q = total[j], power[j]
        square = s * s
        u = math.copysign(square, s) / q
        out[j] = u if (q > floor[j]) & (square > cut * q) else 0.0


@jit
def _largest(values: Floats) -> float:
    """Maximum of ``values``; sixteen running maxima so that the loop runs on vector units."""
    lanes = np.full(16, -np.inf)
    count = values.shape[0]
    whole = count - count % 16
    for base in range(0, whole, 16):
        for k in range(16):
            x = values[base + k]
            lanes[k] = x if x > lanes[k] else lanes[k]
    top = -np.inf
    for k in range(16):
        top = max(top, lanes[k])
    for j in range(whole, count):
        top = max(top, values[j])
    return top


@jit
def _edge(u: float, shift: float) -> float:
    """``u`` moved by ``shift`` on the scale of its signed root (m**0.5 times the scale of the Sharpe)."""
    z = math.copysign(math.sqrt(abs(u)), u) + shift
    return math.copysign(z * z, z)


@jit
def _sharpe(u: float, m: float) -> float:
    """Sharpe ratio (ddof 1) of a half with score ``u``; infinite when the half has no variance."""
    room = m - abs(u)
    if room <= 1e-13 * m:
        return math.copysign(np.inf, u)
    return math.copysign(math.sqrt((m - 1.0) / m * abs(u) / room), u)


@jit
def _judge(
    inside: Floats, eligible: Floats, outside: Floats, m: float, at: int,
    doubled: Ints, best: Ints, in_sample: Floats, out_of_sample: Floats,
) -> None:  # fmt: skip
    """Pick the winner on ``eligible`` scores and rank it among ``outside``; write split ``at``."""
    count = inside.shape[0]
    shift = TIE * math.sqrt(m)
    top = _largest(eligible)
    winner = 0
    if top > -np.inf:
        lowest = _edge(top, -shift)
        while eligible[winner] < lowest:
            winner += 1
    mine = outside[winner]
    low, high = _edge(mine, -shift), _edge(mine, shift)
    below, at_most = 0, 0
    for j in range(count):
        below += outside[j] < low
        at_most += outside[j] <= high
    doubled[at] = below + at_most + 1
    best[at] = winner
    in_sample[at] = _sharpe(inside[winner], m)
    out_of_sample[at] = _sharpe(mine, m)


@jit
def walk_pairs(
    sums: Floats, squares: Floats, half_rows: int, first: int, last: int,
    doubled: Ints, best: Ints, in_sample: Floats, out_of_sample: Floats,
) -> None:  # fmt: skip
    """Evaluate splits ``first..last-1`` and their complements.

    ``sums`` and ``squares`` have shape ``(S, N)``; the four outputs have one entry per split and only the
    entries of this range and its mirror are written.
    """
    blocks, count = sums.shape
    half = blocks // 2
    splits = doubled.shape[0]
    m = float(half_rows)
    cut = TIE * TIE * m
    total, power = np.zeros(count), np.zeros(count)
    for b in range(blocks):
        for j in range(count):
            total[j] += sums[b, j]
            power[j] += squares[b, j]
    floor = EMPTY * power
    sparse = False
    for j in range(count):
        empty = 0
        for b in range(blocks):
            empty += squares[b, j] <= floor[j]
        sparse |= empty >= half
    chosen = np.empty(half, dtype=np.int64)
    stack_sum, stack_square = np.zeros((half + 1, count)), np.zeros((half + 1, count))
    other_sum, other_square = np.empty(count), np.empty(count)
    score, mirror = np.empty(count), np.empty(count)
    eligible, eligible_mirror = score, mirror
    if sparse:
        eligible, eligible_mirror = np.empty(count), np.empty(count)
    for i in range(first, last):
        if i == first:
            _unrank(i, blocks, chosen)
            level = 0
        else:
            level = _advance(blocks, chosen)
        for k in range(level, half):
            old_sum, old_square = stack_sum[k], stack_square[k]
            new_sum, new_square = stack_sum[k + 1], stack_square[k + 1]
            add_sum, add_square = sums[chosen[k]], squares[chosen[k]]
            for j in range(count):
                new_sum[j] = old_sum[j] + add_sum[j]
            for j in range(count):
                new_square[j] = old_square[j] + add_square[j]
        half_sum, half_square = stack_sum[half], stack_square[half]
        for j in range(count):
            other_sum[j] = total[j] - half_sum[j]
        for j in range(count):
            other_square[j] = power[j] - half_square[j]
        _scores(half_sum, half_square, floor, cut, score)
        _scores(other_sum, other_square, floor, cut, mirror)
        if sparse:
            for j in range(count):
                eligible[j] = score[j] if half_square[j] > floor[j] else -np.inf
                eligible_mirror[j] = mirror[j] if other_square[j] > floor[j] else -np.inf
        _judge(score, eligible, mirror, m, i, doubled, best, in_sample, out_of_sample)
        _judge(mirror, eligible_mirror, score, m, splits - 1 - i, doubled, best, in_sample, out_of_sample)


@jit
def half_sharpes(sums: Floats, squares: Floats, half_rows: int, out: Floats) -> None:
    """Sharpe ratio of every column on every half (shape ``(C(S, S/2), N)``), lexicographic order of halves."""
    blocks, count = sums.shape
    m = float(half_rows)
    floor = np.zeros(count)
    for b in range(blocks):
        for j in range(count):
            floor[j] += squares[b, j]
    floor *= EMPTY
    chosen = np.arange(blocks // 2)
    total, power = np.empty(count), np.empty(count)
    for i in range(out.shape[0]):
        if i:
            _advance(blocks, chosen)
        total[:] = 0.0
        power[:] = 0.0
        for b in chosen:
            for j in range(count):
                total[j] += sums[b, j]
                power[j] += squares[b, j]
        _scores(total, power, floor, TIE * TIE * m, out[i])
        for j in range(count):
            out[i, j] = _sharpe(out[i, j], m)
