"""Pairs of books in batches, against a book made of two dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.market.book import blank
from arena.market.book_batch import (
    CHANGES,
    CHECK,
    FORGET,
    SNAPSHOT,
    Changes,
    Levels,
    Messages,
    Progress,
    apply_batch,
    blank_tops,
)

PAIRS, DEPTH = 2, 3
NAN = float("nan")
NOW = np.array([5, 6])

Level = tuple[int, float, float]
Message = tuple[int, int, list[tuple[int, int, float, float]]]
"""Kind, book or pair, and rows of (book, side, price, size)."""
Shown = tuple[int, tuple[list[tuple[float, float]] | None, ...]]


@dataclass
class Reference:
    """One book: a dictionary per side, or None while unknown."""

    sides: tuple[dict[float, float], dict[float, float]] | None = None

    def set(self, side: int, price: float, size: float) -> None:
        if self.sides is not None:
            self.sides[side].pop(price, None)
            if size > 0:
                self.sides[side][price] = size

    def top(self, side: int) -> list[tuple[float, float]] | None:
        if self.sides is None:
            return None
        return sorted(self.sides[side].items(), reverse=side == 0)[:DEPTH]

    @property
    def is_crossed(self) -> bool:
        return self.sides is not None and all(self.sides) and max(self.sides[0]) > min(self.sides[1])


@dataclass
class ReferenceBooks:
    books: list[Reference] = field(default_factory=lambda: [Reference() for _ in range(2 * PAIRS)])

    def apply(self, n: int, message: Message) -> Shown | None:
        kind, which, rows = message
        if kind == FORGET:
            self.books[which].sides = None
            return None
        if kind == SNAPSHOT:
            self.books[which].sides = ({}, {})
        for book, side, price, size in rows:
            self.books[book].set(side, price, size)
        pair = which // 2 if kind == SNAPSHOT else which
        both = self.books[2 * pair : 2 * pair + 2]
        if kind == CHANGES and any(book.is_crossed for book in both):
            for book in both:
                book.sides = None
        if all(book.sides is None for book in both):
            return None
        return n, tuple(book.top(side) for book in both for side in (0, 1))


def run(messages: list[Message], cuts: list[int], capacity: int) -> list[Shown]:
    """The rows of the kernel, cut into batches, beginning with room for ``capacity`` levels."""
    books = np.zeros((2 * PAIRS, 2, 2, capacity))
    states = np.vstack([blank(1)[1] for _ in range(2 * PAIRS)])
    shown: list[Shown] = []
    doubts = np.zeros((2 * PAIRS, 2), np.int64)
    edges = [0, *sorted(cut % (len(messages) + 1) for cut in cuts), len(messages)]
    for start, stop in pairwise(edges):
        part = messages[start:stop]
        if not part:
            continue
        kind = np.array([m[0] for m in part])
        count = np.array([len(m[2]) for m in part])
        ends = np.zeros(len(part), np.int64)
        for which in (CHANGES, SNAPSHOT):
            ends[kind == which] = np.cumsum(count[kind == which])
        changes = [row for m in part if m[0] == CHANGES for row in m[2]]
        levels = [row for m in part if m[0] == SNAPSHOT for row in m[2]]
        nothing = np.full(len(changes), NAN)
        columns = Changes(
            np.array([r[0] for r in changes], np.int64),
            np.array([r[1] for r in changes], np.int8),
            np.array([r[2] for r in changes], np.float64),
            np.array([r[3] for r in changes], np.float64),
            nothing,
            nothing,
        )
        held = Levels(
            np.array([r[1] for r in levels], np.int8),
            np.array([r[2] for r in levels], np.float64),
            np.array([r[3] for r in levels], np.float64),
        )
        nan, ones = np.full(len(part), NAN), np.ones(len(part), np.int64)
        what = Messages(kind, np.array([m[1] for m in part]), ends, nan, nan, ones)
        tops, done = blank_tops(len(part), DEPTH), Progress(0, 0, 0, 0)
        while done.message < len(part):
            counts, dropped = np.zeros(3, np.int64), np.full(len(part), -1)
            done = apply_batch(books, states, what, columns, held, DEPTH, done, tops, counts, doubts, dropped)
            if done.message < len(part):
                books = np.pad(books, ((0, 0), (0, 0), (0, 0), (0, books.shape[3])))
        for row in range(done.row):
            sides: list[list[tuple[float, float]] | None] = []
            for column in range(4):
                a, b = tops.ends[row, column], tops.ends[row + 1, column]
                pairs = list(zip(tops.price[column, a:b].tolist(), tops.size[column, a:b].tolist(), strict=True))
                sides.append(pairs if tops.known[row, column // 2] else None)
            shown.append((start + int(tops.message[row]), tuple(sides)))
    return shown


prices = st.sampled_from([0.01, 0.05, 0.47, 0.48, 0.5, 0.52, 0.999])
sizes = st.sampled_from([0.0, 1.0, 2.5, 40.0])
sides = st.sampled_from([0, 1])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    kind = draw(st.sampled_from([CHANGES, CHANGES, SNAPSHOT, FORGET]))
    which = draw(st.integers(0, PAIRS - 1 if kind == CHANGES else 2 * PAIRS - 1))
    if kind == FORGET:
        return kind, which, []
    book = st.sampled_from([2 * which, 2 * which + 1]) if kind == CHANGES else st.just(which)
    return kind, which, draw(st.lists(st.tuples(book, sides, prices, sizes), max_size=6))


@settings(max_examples=150, deadline=None)
@given(st.lists(messages(), max_size=25), st.lists(st.integers(0, 25), max_size=4), st.sampled_from([1, 2, 64]))
def test_batches_however_cut_and_however_tight_show_what_dictionaries_show(
    stream: list[Message], cuts: list[int], capacity: int
) -> None:
    reference = ReferenceBooks()
    expected = [shown for n, message in enumerate(stream) if (shown := reference.apply(n, message)) is not None]
    assert run(stream, cuts, capacity) == expected


def tally(said_bid: float, said_ask: float, by_check: bool = False) -> list[int]:
    """Counts after a book of 0.4 / 0.6 whose venue says it is ``said_bid`` / ``said_ask``."""
    books, states = np.zeros((2, 2, 2, 8)), np.vstack([blank(1)[1] for _ in range(2)])
    levels = Levels(np.array([0, 1], np.int8), np.array([0.4, 0.6]), np.array([1.0, 1.0]))
    kinds, ends = np.array([SNAPSHOT, CHECK if by_check else CHANGES]), np.array([2, 0 if by_check else 1])
    what = Messages(kinds, np.array([0, 0]), ends, np.array([NAN, said_bid]), np.array([NAN, said_ask]), NOW[:2])
    one = (np.array([0.1]), np.array([1.0]), np.array([said_bid]), np.array([said_ask]))
    changes = Changes(np.array([0]), np.array([0], np.int8), *one)
    counts = np.zeros(3, np.int64)
    apply_batch(
        books, states, what, changes, levels, 3, Progress(0, 0, 0, 0), blank_tops(2, 3), counts,
        np.zeros((2, 2), np.int64), np.full(2, -1),
    )  # fmt: skip
    return counts.tolist()


def test_what_the_venue_says_its_best_prices_are_is_compared() -> None:
    for by_check in (False, True):
        assert tally(0.4, 0.6, by_check) == [1, 0, 0]
        assert tally(0.4, 0.61, by_check) == [1, 1, 0]
        assert tally(0.39, 0.6, by_check) == [1, 1, 0]
        assert tally(NAN, 0.6, by_check) == [0, 0, 0]


def test_changes_of_an_unknown_book_are_counted_and_change_nothing() -> None:
    books, states = np.zeros((2, 2, 2, 8)), np.vstack([blank(1)[1] for _ in range(2)])
    none = Levels(np.zeros(0, np.int8), np.zeros(0), np.zeros(0))
    what = Messages(np.array([CHANGES]), np.array([0]), np.array([2]), np.array([NAN]), np.array([NAN]), NOW[:1])
    two = (np.array([0.4, 0.5]), np.ones(2), np.full(2, NAN), np.full(2, NAN))
    changes = Changes(np.array([1, -1]), np.zeros(2, np.int8), *two)
    counts = np.zeros(3, np.int64)
    done = apply_batch(
        books, states, what, changes, none, 3, Progress(0, 0, 0, 0), blank_tops(1, 3), counts,
        np.zeros((2, 2), np.int64), np.full(1, -1),
    )  # fmt: skip
    assert done.row == 0
    assert counts.tolist() == [0, 0, 1]
