"""A level-2 order book in arrays: snapshots and changes in, the best levels out.

A side is two sorted arrays, its best price last: most changes touch the best prices, so an insertion
moves few levels. Finding a level is a binary search. A message is applied as a whole or not at all, and
what became of it is its :class:`Status`. Two ways in, one set of kernels:

* :class:`Book` takes one message at a time, for parsers of live feeds;
* :func:`arena.market.book_replay.replay` runs over columns of recorded rows.

Update ids follow the rule venues publish: a change whose last id is not above the book's is old and
skipped; one that does not join on to the book's last id means that a message was missed.

>>> book = Book()
>>> book.snapshot([(99.0, 1.0), (98.0, 2.0)], [(101.0, 3.0)], last_id=10).name
'APPLIED'
>>> book.delta([(99.0, 0.0)], [(100.5, 4.0)], first_id=11, last_id=12).name
'APPLIED'
>>> book.best
(98.0, 2.0, 100.5, 4.0)
>>> book.delta([(98.0, 9.0)], [], first_id=14, last_id=15).name, book.trusted
('GAP', False)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from arena.errors import ConfigError
from arena.jit import jit

BID, ASK = 0, 1
"""Sides, as the kernels index them."""

NO_ID = -1
"""Update id of a feed that has none: such changes are never old and never leave a gap."""


class Status(IntEnum):
    """What became of a message."""

    APPLIED = 0
    OLD = 1
    """Its last id is not above the book's: skipped."""
    GAP = 2
    """Applied, but an earlier message is missing: the book is not to be trusted until a snapshot."""
    EARLY = 3
    """A change before any snapshot: the book is as it was."""
    BAD_LEVEL = 4
    """A price that is not positive or a size that is negative (or either not a number): skipped whole, so missing."""
    FULL = 5
    """More levels than there is room for: not applied, make room and apply it again."""


APPLIED, OLD, GAP, EARLY, BAD_LEVEL, FULL = (int(status) for status in Status)

# Slots of the state array. The first two are indexed by side.
LAST_ID, SEEDED, TRUSTED, DEPTH, CONTIGUOUS = 2, 3, 4, 5, 6
_SLOTS = 7

Levels = NDArray[np.float64]
"""``levels[side, 0]`` are keys, ascending, the best last (bids: price, asks: minus price); ``[side, 1]`` sizes."""
State = NDArray[np.int64]
"""Levels in use per side, last update id, and flags; see the slots above."""

Message = tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64], bool, int, int]
"""Sides, prices, sizes, whether it is a snapshot, first and last id."""


def blank(capacity: int, depth: int = 0, contiguous: bool = True) -> tuple[Levels, State]:
    """An empty book of ``capacity`` levels per side, for the kernels; see :class:`Book` for the rest."""
    state = np.zeros(_SLOTS, np.int64)
    state[LAST_ID], state[DEPTH], state[CONTIGUOUS] = NO_ID, depth, contiguous
    return np.zeros((2, 2, capacity)), state


def grown(levels: Levels, needed: int) -> Levels:
    """``levels`` with room for ``needed`` levels per side, and to spare."""
    wider = np.zeros((2, 2, max(2 * levels.shape[2], needed)))
    wider[:, :, : levels.shape[2]] = levels
    return wider


@jit
def set_level(levels: Levels, state: State, side: int, price: float, size: float) -> None:
    """Make ``size`` the total at ``price``; 0 removes the level. There must be room for one more."""
    keys, sizes = levels[side, 0], levels[side, 1]
    key = price if side == 0 else -price
    low, high = 0, state[side]
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    n = state[side]
    if low < n and keys[low] == key:
        if size > 0.0:
            sizes[low] = size
            return
        for i in range(low, n - 1):
            keys[i], sizes[i] = keys[i + 1], sizes[i + 1]
        state[side] = n - 1
    elif size > 0.0:
        for i in range(n, low, -1):
            keys[i], sizes[i] = keys[i - 1], sizes[i - 1]
        keys[low], sizes[low] = key, size
        state[side] = n + 1


@jit
def keep_best(levels: Levels, state: State, side: int, depth: int) -> None:
    """Forget all but the best ``depth`` levels of one side."""
    n = state[side]
    if n > depth:
        for i in range(depth):
            levels[side, 0, i] = levels[side, 0, n - depth + i]
            levels[side, 1, i] = levels[side, 1, n - depth + i]
        state[side] = depth


@jit
def apply_message(
    levels: Levels,
    state: State,
    sides: NDArray[np.int8],
    prices: NDArray[np.float64],
    sizes: NDArray[np.float64],
    start: int,
    stop: int,
    is_snapshot: bool,
    first_id: int,
    last_id: int,
) -> int:
    """Apply rows ``start`` to ``stop`` of the columns as one message; returns its :class:`Status`.

    Args:
        levels: see :data:`Levels`.
        state: see :data:`State`.
        sides: :data:`BID` or :data:`ASK` per row.
        prices: price of the level.
        sizes: new total at the price; 0 removes it.
        start: first row of the message.
        stop: row after its last.
        is_snapshot: the rows replace the whole book.
        first_id: first update id, or :data:`NO_ID`.
        last_id: last update id, or :data:`NO_ID`.
    """
    for i in range(start, stop):
        # Written so that NaN fails.
        if not (0.0 < prices[i] < np.inf and 0.0 <= sizes[i] < np.inf):
            state[TRUSTED] = 0
            return BAD_LEVEL
    if not is_snapshot:
        if not state[SEEDED]:
            return EARLY
        if last_id != NO_ID and last_id <= state[LAST_ID]:
            return OLD
    held = 0 if is_snapshot else max(state[0], state[1])
    if held + stop - start > levels.shape[2]:
        return FULL
    status = APPLIED
    if is_snapshot:
        state[0], state[1] = 0, 0
        state[SEEDED], state[TRUSTED] = 1, 1
    elif state[CONTIGUOUS] and first_id != NO_ID and state[LAST_ID] != NO_ID and first_id > state[LAST_ID] + 1:
        state[TRUSTED] = 0
        status = GAP
    state[LAST_ID] = last_id
    for i in range(start, stop):
        set_level(levels, state, sides[i], prices[i], sizes[i])
    if state[DEPTH]:
        keep_best(levels, state, 0, state[DEPTH])
        keep_best(levels, state, 1, state[DEPTH])
    return status


class Book:
    """One order book that takes one message at a time.

    Changes that come while the book is not trusted (before the first snapshot, after a gap or
    :meth:`clear`) are kept, the latest :attr:`KEPT` of them, and those newer than the next snapshot are
    applied on top of it: this is how venues that hand out snapshots over another connection ask for it.

    Args:
        depth: keep the best levels only, as feeds of limited depth require; 0 = all.
        contiguous: whether a change's ``first_id`` must follow the book's last id. Feeds that number
            changes otherwise (Binance futures) pass ``previous + 1`` as ``first_id``, or switch this off.

    Raises:
        ConfigError: a negative ``depth``.
    """

    KEPT = 10_000

    def __init__(self, *, depth: int = 0, contiguous: bool = True) -> None:
        if depth < 0:
            raise ConfigError(f"depth = {depth}: a book keeps the best levels, or all with depth = 0.")
        self._levels, self._state = blank(256, depth, contiguous)
        self._kept: deque[Message] = deque(maxlen=self.KEPT)

    def snapshot(
        self, bids: Iterable[Sequence[float]], asks: Iterable[Sequence[float]], last_id: int = NO_ID
    ) -> Status:
        """Replace the book by (price, size) pairs, in any order.

        Returns:
            ``APPLIED``; ``BAD_LEVEL`` and the old book stays; or ``GAP`` when changes kept from before
            do not join on to it.
        """
        status = self._apply(*_columns(bids, asks), True, NO_ID, last_id)
        if status is not Status.APPLIED:
            return status
        newer = [message for message in self._kept if message[-1] > last_id]
        self._kept.clear()
        for message in newer:
            self._change(message)
        return Status.APPLIED if self.trusted else Status.GAP

    def delta(
        self,
        bids: Iterable[Sequence[float]],
        asks: Iterable[Sequence[float]],
        first_id: int = NO_ID,
        last_id: int = NO_ID,
    ) -> Status:
        """Apply changed levels, (price, new total size) pairs; size 0 removes a level."""
        return self._change((*_columns(bids, asks), False, first_id, last_id))

    def set_level(self, side: int, price: float, size: float) -> Status:
        """Apply one changed level without ids: the short way for feeds that send one level a message."""
        if not (0.0 < price < np.inf and 0.0 <= size < np.inf):
            self._state[TRUSTED] = 0
            return Status.BAD_LEVEL
        if not self._state[SEEDED]:
            return Status.EARLY
        if self._state[side] == self._levels.shape[2]:
            self._levels = grown(self._levels, 0)
        set_level(self._levels, self._state, side, price, size)
        if self._state[DEPTH]:
            keep_best(self._levels, self._state, side, self._state[DEPTH])
        return Status.APPLIED

    def clear(self) -> None:
        """Forget everything: the connection was lost; the next snapshot starts afresh."""
        self._state[:DEPTH] = 0
        self._state[LAST_ID] = NO_ID
        self._kept.clear()

    @property
    def trusted(self) -> bool:
        """Whether there was a snapshot and no message is known to be missing since."""
        return bool(self._state[TRUSTED])

    @property
    def last_id(self) -> int:
        """Last update id applied; :data:`NO_ID` if none."""
        return int(self._state[LAST_ID])

    @property
    def best(self) -> tuple[float | None, float | None, float | None, float | None]:
        """Best bid, its size, best ask, its size; None where a side is empty."""
        (bids, bid_sizes), (asks, ask_sizes) = self._side(BID, 1), self._side(ASK, 1)
        return (
            bids[0] if bids else None,
            bid_sizes[0] if bids else None,
            asks[0] if asks else None,
            ask_sizes[0] if asks else None,
        )

    def top(self, n: int) -> tuple[list[float], list[float], list[float], list[float]]:
        """Bid prices, bid sizes, ask prices and ask sizes of up to ``n`` levels, the best first."""
        return (*self._side(BID, n), *self._side(ASK, n))

    def _change(self, message: Message) -> Status:
        status = self._apply(*message)
        if not self.trusted and status is not Status.OLD and message[-1] != NO_ID:
            self._kept.append(message)
        return status

    def _side(self, side: int, n: int) -> tuple[list[float], list[float]]:
        stop = int(self._state[side])
        keys, sizes = self._levels[side, :, max(0, stop - n) : stop][:, ::-1].tolist()
        return (keys if side == BID else [-key for key in keys]), sizes

    def _apply(
        self,
        sides: NDArray[np.int8],
        prices: NDArray[np.float64],
        sizes: NDArray[np.float64],
        is_snapshot: bool,
        first_id: int,
        last_id: int,
    ) -> Status:
        message = (sides, prices, sizes, 0, len(sides), is_snapshot, first_id, last_id)
        status = apply_message(self._levels, self._state, *message)
        if status == FULL:
            self._levels = grown(self._levels, int(self._state[:2].max()) + len(sides))
            status = apply_message(self._levels, self._state, *message)
        return Status(status)


def _columns(
    bids: Iterable[Sequence[float]], asks: Iterable[Sequence[float]]
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64]]:
    bid_rows, ask_rows = list(bids), list(asks)
    pairs = np.array([*bid_rows, *ask_rows], np.float64).reshape(-1, 2)
    sides = np.repeat(np.array([BID, ASK], np.int8), [len(bid_rows), len(ask_rows)])
    return sides, np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
