"""The order book: equal to a dictionary of levels, message by message and in bulk, and strict about update ids."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ConfigError, DataError
from arena.market.book import ASK, BID, NO_ID, Book, Status
from arena.market.book_replay import replay
from arena.market.schema import L2

Pairs = list[tuple[float, float]]


@dataclass
class Message:
    bids: Pairs
    asks: Pairs
    is_snapshot: bool
    first_id: int = NO_ID
    last_id: int = NO_ID


@dataclass
class Dictionary:
    """The book as anybody would write it first: a dictionary per side, sorted when looked at."""

    bids: dict[float, float] = field(default_factory=dict)
    asks: dict[float, float] = field(default_factory=dict)
    last_id: int = NO_ID
    seeded: bool = False
    trusted: bool = False
    kept: list[Message] = field(default_factory=list)

    def feed(self, message: Message) -> str:
        said = self.apply(message)
        if message.is_snapshot:
            newer, self.kept = [m for m in self.kept if m.last_id > message.last_id], []
            for change in newer:
                self.feed(change)
            return "APPLIED" if self.trusted else "GAP"
        if not self.trusted and said != "OLD":
            self.kept.append(message)
        return said

    def apply(self, message: Message) -> str:
        if message.is_snapshot:
            self.bids, self.asks, self.seeded, self.trusted = {}, {}, True, True
        elif not self.seeded:
            return "EARLY"
        elif message.last_id <= self.last_id:
            return "OLD"
        missed = not message.is_snapshot and message.first_id > self.last_id + 1
        self.last_id = message.last_id
        for side, pairs in ((self.bids, message.bids), (self.asks, message.asks)):
            for price, size in pairs:
                side.pop(price, None)
                if size:
                    side[price] = size
        if missed:
            self.trusted = False
        return "GAP" if missed else "APPLIED"

    def top(self, n: int) -> tuple[list[float], list[float], list[float], list[float]]:
        bids, asks = sorted(self.bids.items(), reverse=True)[:n], sorted(self.asks.items())[:n]
        return [p for p, _ in bids], [s for _, s in bids], [p for p, _ in asks], [s for _, s in asks]


prices = st.integers(1, 60).map(lambda tick: tick / 100)
sizes = st.integers(0, 4).map(float)
pairs = st.lists(st.tuples(prices, sizes), max_size=12)


@st.composite
def streams(draw: st.DrawFn) -> list[Message]:
    """Snapshots and changes whose ids mostly join on, sometimes repeat and sometimes skip; snapshots may be late."""
    last, messages = draw(st.integers(10, 50)), []
    for _ in range(draw(st.integers(0, 25))):
        step, skip = draw(st.integers(-3, 5)), draw(st.sampled_from([0, 0, 0, 2]))
        snapshot = draw(st.integers(0, 5)) == 0
        new = last + step + skip if step > 0 else last + step
        messages.append(Message(draw(pairs), draw(pairs), snapshot, NO_ID if snapshot else last + 1 + skip, new))
        last = max(last, new)
    return messages


def fed(book: Book, message: Message) -> Status:
    if message.is_snapshot:
        return book.snapshot(message.bids, message.asks, message.last_id)
    return book.delta(message.bids, message.asks, message.first_id, message.last_id)


def rows(messages: Sequence[Message], at: Sequence[int] | None = None) -> pl.DataFrame:
    """Messages as rows of ``l2``, one second apart from second 1 unless ``at`` says otherwise."""
    listed: list[dict[str, Any]] = []
    for i, message in enumerate(messages):
        head = {"recv_ns": at[i] if at else i + 1, "is_snapshot": message.is_snapshot}
        head |= {"first_id": message.first_id, "last_id": message.last_id}
        listed += [head | {"side": "bid", "price": p, "size": s} for p, s in message.bids]
        listed += [head | {"side": "ask", "price": p, "size": s} for p, s in message.asks]
    frame = pl.DataFrame(listed, schema={name: L2.schema[name] for name in _USED})
    return L2.conform(
        frame.with_columns(venue=pl.lit("v"), symbol=pl.lit("s"), asset=pl.lit("BTC"), source=pl.lit("test"))
    )


_USED = ("recv_ns", "side", "price", "size", "is_snapshot", "first_id", "last_id")


def levels(values: np.ndarray[Any, Any]) -> list[float]:
    return [float(v) for v in values if not math.isnan(v)]


@settings(deadline=None)  # compiles on the first example
@given(streams())
def test_the_book_is_the_dictionary_after_every_message(messages: list[Message]) -> None:
    book, reference = Book(), Dictionary()
    for message in messages:
        assert fed(book, message).name == reference.feed(message)
        assert book.top(100) == reference.top(100)
        assert (book.trusted, book.last_id) == (reference.trusted, reference.last_id)


@settings(deadline=None)  # compiles on the first example
@given(streams())
def test_a_replay_is_the_same_messages_one_at_a_time(messages: list[Message]) -> None:
    told = [m for m in messages if m.bids or m.asks]  # an empty message has no rows
    found = replay(rows(told), levels=3)
    book = Book()
    assert found.status.tolist() == [fed(book, m) for m in told]
    book = Book()
    for k, message in enumerate(told):
        fed(book, message)
        seen = tuple(levels(side[k]) for side in (found.bid_px, found.bid_sz, found.ask_px, found.ask_sz))
        assert (seen, bool(found.trusted[k])) == (book.top(3), book.trusted)


@settings(deadline=None)  # compiles on the first example
@given(pairs, pairs, st.integers(1, 5))
def test_a_limited_book_holds_the_best_levels_of_the_whole_one(first: Pairs, then: Pairs, depth: int) -> None:
    limited, whole = Book(depth=depth), Book()
    for book in (limited, whole):
        book.snapshot(first, first)
    assert limited.top(100) == whole.top(depth)
    limited.delta(then, [(p, s) for p, s in then if s])
    assert max(len(side) for side in limited.top(100)) <= depth


def test_one_level_at_a_time_is_a_change_of_one_level() -> None:
    book = Book()
    assert book.set_level(BID, 0.5, 1.0) is Status.EARLY
    book.snapshot([(0.4, 1.0)], [])
    assert book.best == (0.4, 1.0, None, None)
    assert book.set_level(ASK, 0.6, 2.0) is Status.APPLIED
    book.set_level(BID, 0.4, 0.0)
    assert book.best == (None, None, 0.6, 2.0)
    assert book.set_level(ASK, math.nan, 1.0) is Status.BAD_LEVEL


def test_a_message_with_an_impossible_level_changes_nothing() -> None:
    book = Book()
    book.snapshot([(10.0, 1.0)], [(11.0, 1.0)], last_id=5)
    for price, size in ((0.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (math.inf, 1.0), (12.0, -1.0), (12.0, math.nan)):
        assert book.delta([(10.0, 9.0)], [(price, size)], 6, 6) is Status.BAD_LEVEL
        assert book.snapshot([(9.0, 9.0)], [(price, size)], 6) is Status.BAD_LEVEL
    assert (book.best, book.last_id) == ((10.0, 1.0, 11.0, 1.0), 5)
    assert not book.trusted  # a message that could not be read is a message missed


def test_a_book_grows_as_far_as_its_levels() -> None:
    many = [(float(tick), 1.0) for tick in range(1, 3_001)]
    book = Book()
    book.snapshot(many[:10], many)
    for price, size in many:
        book.set_level(BID, price, size)
    assert [len(side) for side in book.top(10_000)] == [3_000] * 4
    found = replay(rows([Message(many[:10], [], True), Message(many, many, False)]), levels=3_000)
    assert (found.bid_px[1].tolist(), found.ask_px[1].tolist()) == (
        [p for p, _ in reversed(many)],
        [p for p, _ in many],
    )


def test_changes_that_overtook_their_snapshot_are_applied_on_top_of_it() -> None:
    early = [
        Message([(10.0, 9.0)], [], False, 1, 4),
        Message([(10.0, 2.0)], [], False, 5, 7),
        Message([(9.0, 3.0)], [], False, 8, 8),
    ]
    snapshot = Message([(10.0, 1.0)], [(11.0, 1.0)], True, last_id=6)
    book = Book()
    assert [fed(book, m).name for m in (*early, snapshot)] == ["EARLY"] * 3 + ["APPLIED"]
    assert (book.top(2)[:2], book.last_id) == (([10.0, 9.0], [2.0, 3.0]), 8)
    found = replay(rows([*early, snapshot]), levels=2)
    assert (found.bid_px[3].tolist(), found.bid_sz[3].tolist()) == ([10.0, 9.0], [2.0, 3.0])
    assert (found.messages, found.trusted.tolist()) == ({"applied": 1, "early": 3}, [False] * 3 + [True])


def test_after_a_gap_a_late_snapshot_is_brought_up_to_date() -> None:
    missed = [
        Message([(10.0, 1.0)], [], True, last_id=1),
        Message([(10.0, 3.0)], [], False, 3, 3),
        Message([(9.0, 4.0)], [], False, 4, 4),
        Message([(10.0, 2.0), (8.0, 1.0)], [], True, last_id=3),
    ]
    found = replay(rows(missed), levels=3)
    assert (found.bid_px[3].tolist(), found.bid_sz[3].tolist()) == ([10.0, 9.0, 8.0], [2.0, 4.0, 1.0])
    assert found.trusted.tolist() == [True, False, False, True]


def test_a_snapshot_that_early_changes_do_not_join_is_a_gap() -> None:
    book = Book()
    book.delta([(10.0, 1.0)], [], 9, 9)
    assert book.snapshot([(9.0, 1.0)], [], last_id=6) is Status.GAP
    assert not book.trusted


def test_feeds_that_number_otherwise_have_old_messages_but_no_gaps() -> None:
    messages = [Message([(1.0, 1.0)], [], True, last_id=3), Message([(2.0, 1.0)], [], False, 9, 11)]
    messages.append(Message([(3.0, 1.0)], [], False, 10, 11))
    assert replay(rows(messages), contiguous=False).messages == {"applied": 2, "old": 1}
    assert replay(rows(messages)).messages == {"applied": 1, "gap": 1, "old": 1}


def test_after_clearing_a_book_waits_for_a_snapshot() -> None:
    book = Book(depth=2, contiguous=False)
    book.snapshot([(10.0, 1.0)], [], 5)
    book.clear()
    assert (book.best, book.trusted, book.last_id) == ((None,) * 4, False, NO_ID)
    assert book.delta([(10.0, 1.0)], []) is Status.EARLY
    assert book.snapshot([(10.0, 1.0), (9.0, 1.0), (8.0, 1.0)], []) is Status.APPLIED
    assert book.top(5)[0] == [10.0, 9.0]


def test_a_look_at_a_time_sees_the_last_message_received_by_then() -> None:
    messages = [Message([(float(k), 1.0)], [], True) for k in range(1, 5)]
    found = replay(rows(messages, at=[10, 20, 20, 30]), at_ns=np.array([5, 10, 15, 20, 29, 30, 99]))
    best = found.bid_px[:, 0]
    assert math.isnan(best[0])
    # Two snapshots of one moment without ids cannot be told apart: they are one message.
    assert best[1:].tolist() == [1.0, 1.0, 3.0, 3.0, 4.0, 4.0]
    assert found.trusted.tolist() == [False] + [True] * 6
    assert found.message_ns.tolist() == [10, 20, 30]


def test_rows_that_are_no_single_book_in_order_are_refused() -> None:
    one = rows([Message([(1.0, 1.0)], [], True), Message([(2.0, 1.0)], [], False)])
    with pytest.raises(DataError, match="several books"):
        replay(one.with_columns(symbol=pl.Series(["a", "b"])))
    with pytest.raises(DataError, match="not in time order"):
        replay(one.reverse())
    with pytest.raises(DataError, match="times to look at decrease"):
        replay(one, at_ns=np.array([2, 1]))
    with pytest.raises(DataError, match="levels = 0"):
        replay(one, levels=0)
    with pytest.raises(ConfigError, match="depth = -1"):
        Book(depth=-1)
    assert replay(one.clear()).messages == {}
