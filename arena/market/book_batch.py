"""Many pairs of books at once: a batch of messages in, the best levels of both books after each message out.

A pair is a binary market: book ``2 i`` is its UP token, book ``2 i + 1`` its DOWN token. Messages are applied
one after the other, so cutting a stream into batches anywhere gives the same rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arena.jit import jit
from arena.market.book import ASK, BID, DEPTH, SEEDED, TRUSTED, set_level

DOUBTS = 3
"""So many messages in a row after which a book has other best prices than the venue says, and it is not believed."""

CHANGES, SNAPSHOT, FORGET, CHECK = 0, 1, 2, 3
"""What a message does: change levels; replace one book; make one book unknown until its next snapshot; say the
best prices of one book without changing it."""

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I1 = NDArray[np.int8]


class Messages(NamedTuple):
    """A batch of messages, one array element each.

    ``book`` is the pair's number for ``CHANGES``, the book's for all other kinds. ``stop`` is the end of the
    message's part of the changes (``CHANGES``) or of the levels (``SNAPSHOT``); it begins where the message
    before it of the same kind ended. ``bid`` and ``ask`` are what a ``CHECK`` says. ``recv_ns`` is when it came.
    """

    kind: I8
    book: I8
    stop: I8
    bid: F8
    ask: F8
    recv_ns: I8


class Changes(NamedTuple):
    """Changed levels. ``book`` is -1 where it is not ours. ``bid`` and ``ask``: the best prices that the venue says
    this book has after the message, NaN where it says nothing.
    """

    book: I8
    side: I1
    price: F8
    size: F8
    bid: F8
    ask: F8


class Levels(NamedTuple):
    """Levels of snapshots: side, price and size."""

    side: I1
    price: F8
    size: F8


class Tops(NamedTuple):
    """The best levels after each message that has something to show; row ``i`` is of message ``message[i]``.

    ``known[i, token]`` says whether that token's book is known. ``ends[i + 1, 2 token + side]`` is the end of
    row ``i`` in ``price[2 token + side]`` and ``size[2 token + side]``, which hold the levels of all rows, best first.
    """

    message: I8
    known: NDArray[np.bool_]
    ends: I8
    price: F8
    size: F8


class Progress(NamedTuple):
    """How far a batch has been applied: messages, rows, changes and levels."""

    message: int
    row: int
    change: int
    level: int


def blank_tops(messages: int, depth: int) -> Tops:
    """Room for the rows of so many messages, ``depth`` levels a side."""
    return Tops(
        np.empty(messages, np.int64),
        np.empty((messages, 2), np.bool_),
        np.zeros((messages + 1, 4), np.int64),
        np.empty((4, messages * depth)),
        np.empty((4, messages * depth)),
    )


@jit
def _disagrees(levels: Any, state: Any, side: int, said: float) -> bool:
    """Whether the best price of one side is another than the venue says; an empty side is said as 0 or 1."""
    n = state[side]
    if n == 0:
        return bool(0.0 < said < 1.0)
    best = levels[side, 0, n - 1] if side == BID else -levels[side, 0, n - 1]
    return bool(abs(best - said) > 1e-9)


@jit
def _check(levels: Any, state: Any, bid: float, ask: float, tally: Any) -> None:
    """Count into ``tally`` a comparison with what the venue says, and whether it failed."""
    if np.isnan(bid) or np.isnan(ask):
        return
    tally[0] += 1
    if _disagrees(levels, state, BID, bid) or _disagrees(levels, state, ASK, ask):
        tally[1] += 1


@jit
def _doubt(books: Any, states: Any, changes: Any, start: int, stop: int, book: int, doubts: Any, recv_ns: int) -> bool:
    """Whether a book cannot be right after changes that touched it; counts messages that say so in a row."""
    state, levels, said, wrong = states[book], books[book], False, False
    if not state[TRUSTED]:
        return False
    for i in range(start, stop):
        if changes.book[i] == book and not (np.isnan(changes.bid[i]) or np.isnan(changes.ask[i])):
            said = True
            wrong = wrong or _disagrees(levels, state, BID, changes.bid[i])
            wrong = wrong or _disagrees(levels, state, ASK, changes.ask[i])
    if said and not wrong:
        doubts[book, 0] = 0
    elif wrong:
        if doubts[book, 0] == 0:
            doubts[book, 1] = recv_ns
        doubts[book, 0] += 1
    crossed = state[BID] > 0 and state[ASK] > 0 and levels[BID, 0, state[BID] - 1] > -levels[ASK, 0, state[ASK] - 1]
    if crossed and doubts[book, 0] == 0:
        doubts[book, 1] = recv_ns
    return bool(crossed or doubts[book, 0] >= DOUBTS)


@jit
def _show(books: Any, states: Any, pair: int, message: int, row: int, depth: int, tops: Any) -> int:
    """Write the best levels of both books of a pair as a row, if at least one is known; returns the next row."""
    known_up, known_down = states[2 * pair, TRUSTED] != 0, states[2 * pair + 1, TRUSTED] != 0
    if not (known_up or known_down):
        return row
    tops.message[row] = message
    tops.known[row, 0], tops.known[row, 1] = known_up, known_down
    for token in range(2):
        state, levels = states[2 * pair + token], books[2 * pair + token]
        for side in range(2):
            column = 2 * token + side
            at = tops.ends[row, column]
            if tops.known[row, token]:
                n = state[side]
                for i in range(n - 1, max(n - depth, 0) - 1, -1):
                    key = levels[side, 0, i]
                    tops.price[column, at] = key if side == BID else -key
                    tops.size[column, at] = levels[side, 1, i]
                    at += 1
            tops.ends[row + 1, column] = at
    return row + 1


@jit
def apply_batch(
    books: F8, states: I8, messages: Messages, changes: Changes, levels: Levels, depth: int, done: Progress,
    tops: Tops, tally: I8, doubts: I8, dropped: I8,
) -> Progress:  # fmt: skip
    """Apply messages from ``done`` on, until the end or until a book has no room for the next message.

    Args:
        books: the sides of every book, see :data:`arena.market.book.Levels`; shape (books, 2, 2, capacity).
        states: the state of every book, see :data:`arena.market.book.State`.
        messages: what to apply.
        changes: what the ``CHANGES`` change.
        levels: what the ``SNAPSHOT`` hold.
        depth: levels to show per side.
        done: how far earlier calls came.
        tops: the rows go here.
        tally: is added to: comparisons with the venue's best prices, how many failed, changes of unknown books.
        doubts: of every book, in how many messages in a row the venue's word was another, and ``recv_ns`` of the
            first of them; kept from batch to batch. A ``CHECK`` does not count: it may come before the change that it
            knows of.
        dropped: per message, -1; or, where it made both books of its pair unknown because one of them had been wrong
            :data:`DOUBTS` times in a row or was crossed, ``recv_ns`` of the first message that showed it.

    Returns:
        How far it came; fewer messages than there are means that the books need more room.
    """
    capacity = books.shape[3]
    row, change, level = done.row, done.change, done.level
    for m in range(done.message, messages.kind.shape[0]):
        kind, book, stop = messages.kind[m], messages.book[m], messages.stop[m]
        if kind == CHANGES:
            fullest = max(states[2 * book, :2].max(), states[2 * book + 1, :2].max())
            if fullest + stop - change > capacity:
                return Progress(m, row, change, level)
            for i in range(change, stop):
                b = changes.book[i]
                if b >= 0 and states[b, TRUSTED]:
                    set_level(books[b], states[b], changes.side[i], changes.price[i], changes.size[i])
                elif b >= 0:
                    tally[2] += 1
            for i in range(change, stop):
                b = changes.book[i]
                if b >= 0 and states[b, TRUSTED]:
                    _check(books[b], states[b], changes.bid[i], changes.ask[i], tally)
            for b in range(2 * book, 2 * book + 2):
                if _doubt(books, states, changes, change, stop, b, doubts, messages.recv_ns[m]):
                    dropped[m] = doubts[b, 1]
            if dropped[m] >= 0:
                for b in range(2 * book, 2 * book + 2):
                    states[b, :DEPTH] = 0
                    doubts[b, 0] = 0
            change = stop
            row = _show(books, states, book, m, row, depth, tops)
        elif kind == SNAPSHOT:
            if stop - level > capacity:
                return Progress(m, row, change, level)
            states[book, :DEPTH] = 0
            doubts[book, 0] = 0
            states[book, SEEDED], states[book, TRUSTED] = 1, 1
            for i in range(level, stop):
                set_level(books[book], states[book], levels.side[i], levels.price[i], levels.size[i])
            level = stop
            row = _show(books, states, book // 2, m, row, depth, tops)
        elif kind == FORGET:
            states[book, :DEPTH] = 0
            doubts[book, 0] = 0
        elif states[book, TRUSTED]:
            _check(books[book], states[book], messages.bid[m], messages.ask[m], tally)
    return Progress(messages.kind.shape[0], row, change, level)
