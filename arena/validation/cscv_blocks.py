"""What CSCV needs of a returns matrix: sums and squares per block, and which columns can be ranked.

``returns`` has shape ``(T, N)``: slots by configurations, return per unit of stake, 0 = no bet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Bools, Floats, Ints, whole
from arena.validation.cscv_kernels import block_sums, constant_columns

MAXIMUM_BLOCKS = 24


@dataclass(frozen=True, slots=True)
class Blocks:
    """S blocks of ``rows`` slots, ``gap`` slots apart, that end with the newest slot.

    sums, squares: per block and ranked column (shape ``(S, columns)``).
    columns: ranked columns of the matrix as given. constant, sparse: numbers of columns left out.
    dropped: oldest slots that do not fill a block. fewest_bets: fewest bets of a ranked column in a block.
    """

    sums: Floats
    squares: Floats
    columns: Ints
    rows: int
    gap: int
    dropped: int
    constant: int
    sparse: int
    fewest_bets: int

    @property
    def height(self) -> int:
        """Slots from the first block to the last, gaps included."""
        return int(self.sums.shape[0]) * (self.rows + self.gap) - self.gap

    @property
    def half_rows(self) -> int:
        """Slots in each half."""
        return self.rows * (int(self.sums.shape[0]) // 2)

    def used(self) -> Ints:
        """Slots that lie in a block, counted from the first block (shape ``(S rows,)``)."""
        starts = np.arange(self.sums.shape[0])[:, None] * (self.rows + self.gap)
        return (starts + np.arange(self.rows)).ravel()


def split_count(blocks: int) -> int:
    """Number of splits C(S, S/2). Raises :class:`ValidationError` when S is odd, below 2 or above 24."""
    blocks = whole(blocks, "blocks", 2)
    if blocks % 2:
        raise ValidationError(f"blocks is {blocks}; CSCV halves the blocks, so their number must be even.")
    if blocks > MAXIMUM_BLOCKS:
        raise ValidationError(f"blocks is {blocks}; more than {MAXIMUM_BLOCKS} gives over three million splits.")
    return math.comb(blocks, blocks // 2)


def returns_matrix(returns: ArrayLike) -> Floats:
    """``returns`` as a float64 matrix; its values are checked by :func:`cut`."""
    matrix = np.asarray(returns, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValidationError(f"returns must be slots by configurations, but their shape is {matrix.shape}.")
    return matrix


def cut(matrix: Floats, blocks: int, gap: int, minimum_bets: int, minimum_configurations: int) -> Blocks:
    """Cut ``matrix`` into blocks and keep the columns that vary and bet at least ``minimum_bets`` per block.

    One block of rows is touched at a time, so no copy of the matrix is made. Raises
    :class:`ValidationError` naming row and column of a value that is not finite, for fewer than 2 rows per
    block, or for fewer than ``minimum_configurations`` columns kept.
    """
    gap, minimum_bets = whole(gap, "gap", 0), whole(minimum_bets, "minimum_bets", 0)
    minimum = whole(minimum_configurations, "minimum_configurations", 2)
    length, count = matrix.shape
    rows = (length + gap) // blocks - gap
    if rows < 2:
        raise ValidationError(
            f"returns have {length} rows for {blocks} blocks; at least {(2 + gap) * blocks - gap} rows are needed."
        )
    dropped = length - (rows + gap) * blocks + gap
    sums, squares = np.zeros((blocks, count)), np.zeros((blocks, count))
    constant = np.ones(count, dtype=np.bool_)
    fewest = np.full(count, rows, dtype=np.int64)
    index = np.arange(rows)
    first = np.ascontiguousarray(matrix[dropped])
    for b in range(blocks):
        start = dropped + b * (rows + gap)
        part = np.ascontiguousarray(matrix[start : start + rows])
        block_sums(part, index, rows, sums[b : b + 1], squares[b : b + 1])
        constant_columns(part, first, constant)
        np.minimum(fewest, np.count_nonzero(part, axis=0), out=fewest)
    if not (np.isfinite(sums).all() and np.isfinite(squares).all()):
        _blame(matrix, dropped)
    enough: Bools = fewest >= minimum_bets
    columns = np.flatnonzero(~constant & enough)
    if columns.size < minimum:
        rule = f" with at least {minimum_bets} bets in every block" if minimum_bets else ""
        raise ValidationError(
            f"{columns.size} of {count} configurations vary over the slots used{rule}; PBO needs at least {minimum}."
        )
    if columns.size < count:
        sums, squares = np.ascontiguousarray(sums[:, columns]), np.ascontiguousarray(squares[:, columns])
    return Blocks(
        sums=sums,
        squares=squares,
        columns=columns,
        rows=rows,
        gap=gap,
        dropped=dropped,
        constant=int(constant.sum()),
        sparse=int((~constant & ~enough).sum()),
        fewest_bets=int(fewest[columns].min()),
    )


def _blame(matrix: Floats, dropped: int) -> None:
    for row in range(dropped, matrix.shape[0]):
        bad = ~np.isfinite(matrix[row])
        if bad.any():
            column = int(np.argmax(bad))
            raise ValidationError(f"returns are {matrix[row, column]} in row {row}, column {column}.")
    raise ValidationError("returns are too large to be squared; express them per unit of stake.")
