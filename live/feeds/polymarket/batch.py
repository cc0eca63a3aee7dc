"""Messages collected as Python objects, applied to the books in one go, and shown as rows of ``binary_quotes``.

Decoding is done message by message; everything numeric waits until the rows are taken. Where the cuts fall does
not change a row: see :func:`arena.market.book_batch.apply_batch`.
"""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from arena.market.book import State, blank
from arena.market.book_batch import (
    CHANGES,
    CHECK,
    FORGET,
    SNAPSHOT,
    Changes,
    Levels,
    Messages,
    Progress,
    Tops,
    apply_batch,
    blank_tops,
)
from live.feeds.polymarket.markets import TOKENS, Market, Markets
from live.feeds.polymarket.messages import Change, Level

DEPTH = 10
"""Levels per side in ``binary_quotes``."""
_CAPACITY = 128
_NATIVE = np.array(["", "up", "down", "both"])
_NAN = float("nan")


class Batch:
    """The books of all markets, and what has happened to them since the last flush (``messages``, ``changes``)."""

    def __init__(self, markets: Markets, counts: Counter[str]) -> None:
        self._markets = markets
        self._counts = counts
        self._books = np.zeros((0, 2, 2, _CAPACITY))
        self._states: State = np.zeros((0, len(blank(1)[1])), np.int64)
        self._doubts = np.zeros((0, 2), np.int64)
        self.doubted: dict[int, int] = {}
        """Pairs that are not believed as the last flush left them, and since when (ns UTC)."""
        self.believed: list[tuple[int, int, int]] = []
        """Pairs that were not believed for a time and are again: pair, since and until when. Taken by the parser."""
        self._clear()

    def _clear(self) -> None:
        self.changes: list[Change] = []
        # (kind, book or pair, how many changes or levels, recv_ns, event_ns, bid, ask)
        self.messages: list[tuple[int, int, int, int, int, float, float]] = []
        self._levels: list[Level] = []
        self._sides: list[int] = []

    def change(self, market: Market, changes: list[Change], recv_ns: int, event_ns: int) -> None:
        """Levels of either token changed."""
        self.changes.extend(changes)
        self.messages.append((CHANGES, market.slot, len(changes), recv_ns, event_ns, _NAN, _NAN))

    def replace(self, book: int, bids: list[Level], asks: list[Level], recv_ns: int, event_ns: int) -> None:
        """One book as a whole; levels of size 0 are none."""
        self._levels.extend(bids)
        self._levels.extend(asks)
        self._sides.extend(repeat(0, len(bids)))
        self._sides.extend(repeat(1, len(asks)))
        self.messages.append((SNAPSHOT, book, len(bids) + len(asks), recv_ns, event_ns, _NAN, _NAN))

    def forget(self, book: int) -> None:
        """One book is unknown from now on."""
        self.messages.append((FORGET, book, 0, 0, 0, _NAN, _NAN))

    def check(self, book: int, bid: float, ask: float) -> None:
        """The venue says what one book's best prices are."""
        self.messages.append((CHECK, book, 0, 0, 0, bid, ask))

    def flush(self) -> pl.DataFrame:
        """Apply everything; rows of ``binary_quotes`` without their source, one per message that shows a book."""
        self._make_room(len(self._markets.slots))
        *integers, bids, asks = zip(*self.messages, strict=True)
        kind, book, count, recv_ns, event_ns = (np.array(column, np.int64) for column in integers)
        bid, ask = np.array(bids, np.float64), np.array(asks, np.float64)
        stop = np.zeros(len(kind), np.int64)
        for which in (CHANGES, SNAPSHOT):
            stop[kind == which] = np.cumsum(count[kind == which])
        messages = Messages(kind, book, stop, bid, ask, recv_ns)
        changes = self._columns(book[kind == CHANGES].repeat(count[kind == CHANGES]))
        levels = Levels(
            np.array(self._sides, np.int8),
            np.array([level.price for level in self._levels], np.float64),
            np.array([level.size for level in self._levels], np.float64),
        )
        self._clear()
        tops, tally, dropped = blank_tops(len(kind), DEPTH), np.zeros(3, np.int64), np.full(len(kind), -1, np.int64)
        done = Progress(0, 0, 0, 0)
        while True:
            done = apply_batch(
                self._books, self._states, messages, changes, levels, DEPTH, done, tops, tally, self._doubts, dropped
            )
            if done.message == len(kind):
                break
            self._books = np.pad(self._books, ((0, 0), (0, 0), (0, 0), (0, self._books.shape[3])))
        for name, value in zip(("checks", "disagreements", "before_snapshot"), tally.tolist(), strict=True):
            if value:
                self._counts[name] += value
        if self.doubted or (dropped >= 0).any():
            self._follow(dropped, tops, done.row, messages)
        return self._frame(tops, done.row, messages, recv_ns, event_ns)

    def _follow(self, dropped: Any, tops: Tops, rows: int, messages: Messages) -> None:
        """Which pairs were no longer believed from which message on, and which are again since both books came."""
        whole = tops.message[:rows][tops.known[:rows].all(axis=1)]
        for m in np.union1d(np.flatnonzero(dropped >= 0), whole).tolist():
            slot = int(messages.book[m]) // (2 if messages.kind[m] == SNAPSHOT else 1)
            if dropped[m] >= 0:
                self._counts["disbelieved"] += 1
                self.doubted.setdefault(slot, int(dropped[m]))
            elif slot in self.doubted:
                self.believed.append((slot, self.doubted.pop(slot), int(messages.recv_ns[m])))

    def _columns(self, pairs: np.ndarray[Any, np.dtype[np.int64]]) -> Changes:
        changes, books = self.changes, self._markets.books
        book = np.array([books.get(c.asset_id, -1) for c in changes], np.int64)
        foreign = (book >= 0) & (book // 2 != pairs)
        for name, where in (("unknown_asset", book < 0), ("foreign_asset", foreign)):
            if where.any():
                self._counts[name] += int(where.sum())
        return Changes(
            np.where(foreign, -1, book),
            np.array([c.side == "SELL" for c in changes], np.int8),
            np.array([c.price for c in changes], np.float64),
            np.array([c.size for c in changes], np.float64),
            _said([c.best_bid for c in changes]),
            _said([c.best_ask for c in changes]),
        )

    def _make_room(self, pairs: int) -> None:
        more = max(2 * pairs - self._states.shape[0], 0)
        if more:
            more = max(more, self._states.shape[0])
            self._books = np.pad(self._books, ((0, more), (0, 0), (0, 0), (0, 0)))
            self._states = np.vstack([self._states, *(blank(1)[1] for _ in range(more))])
            self._doubts = np.pad(self._doubts, ((0, more), (0, 0)))

    def _frame(self, tops: Tops, rows: int, messages: Messages, recv_ns: Any, event_ns: Any) -> pl.DataFrame:
        message = tops.message[:rows]
        kind, book = messages.kind[message], messages.book[message]
        slot = pl.Series(np.where(kind == SNAPSHOT, book // 2, book))
        known, slots = tops.known[:rows], self._markets.slots
        columns = {
            "event_ns": pl.Series(event_ns[message]),
            "recv_ns": pl.Series(recv_ns[message]),
            "market_id": pl.Series([m.market_id if m else "" for m in slots], dtype=pl.String).gather(slot),
            "asset": pl.Series([m.asset if m else "" for m in slots], dtype=pl.String).gather(slot),
        }
        depth = {}
        for token, name in enumerate(TOKENS):
            unknown = ~known[:, token]
            for side, word in enumerate(("bid", "ask")):
                at = 2 * token + side
                ends = tops.ends[: rows + 1, at]
                empty = np.diff(ends) == 0
                for what, values, suffix in (("px", tops.price[at], ""), ("sz", tops.size[at], "_size")):
                    best = pl.Series(values[np.minimum(ends[:-1], max(ends[-1] - 1, 0))])
                    columns[f"{name}_{word}{suffix}"] = best.set(pl.Series(empty), None)
                    depth[f"{name}_{word}s_{what}"] = _lists(values, ends, unknown)
        native = pl.Series(_NATIVE[known[:, 0] + 2 * known[:, 1]])
        return pl.DataFrame(columns | depth | {"native": native})


def _said(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Best prices as floats, NaN where the venue said nothing or sent an empty text."""
    try:
        return np.array(values, np.float64)
    except ValueError:
        return np.array([_NAN if value == "" else value for value in values], np.float64)


def _lists(values: Any, ends: Any, missing: Any) -> pl.Series:
    lists = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(values[: ends[-1]]), mask=pa.array(missing))
    series = pl.from_arrow(lists)
    if not isinstance(series, pl.Series):
        raise TypeError("polars made no series of a list array")
    return series
