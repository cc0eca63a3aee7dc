"""Recorded ``l2`` rows through the order book: what the best levels were after each message, or at given times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arena.errors import DataError
from arena.jit import jit
from arena.market.book import APPLIED, GAP, NO_ID, TRUSTED, Levels, State, Status, apply_message, blank, grown
from arena.market.schema import TABLES

_STREAM = TABLES["l2"].stream


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """The best levels of one book over time.

    Row ``k`` of the arrays is the book at ``at_ns[k]``; a level that is not there is NaN. ``status`` and
    ``message_ns`` are per message instead: what became of each, and when it was received.
    """

    at_ns: NDArray[np.int64]
    bid_px: NDArray[np.float64]
    """Shape (times, levels), the best first; so are the other three."""
    bid_sz: NDArray[np.float64]
    ask_px: NDArray[np.float64]
    ask_sz: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    """Whether there was a snapshot and no message is known to be missing since."""
    message_ns: NDArray[np.int64]
    status: NDArray[np.int8]
    """:class:`arena.market.book.Status` values."""

    @property
    def messages(self) -> dict[str, int]:
        """How many messages ended how, by name."""
        values, counts = np.unique(self.status, return_counts=True)
        return {Status(v).name.lower(): int(n) for v, n in zip(values, counts, strict=True)}


def replay(
    rows: pl.DataFrame,
    *,
    levels: int = 1,
    at_ns: NDArray[np.int64] | None = None,
    contiguous: bool = True,
) -> Replay:
    """Run recorded snapshots and changes of one book.

    Rows with one ``recv_ns``, ``last_id`` and ``is_snapshot`` are one message. Changes that were received
    while the book was not trusted, but are newer than the next snapshot, are applied on top of it.

    Args:
        rows: rows of ``l2`` of one venue, symbol and source, in time order.
        levels: how many levels of each side to give.
        at_ns: times, ns UTC, not decreasing, at which to look: the book after the last message received
            at or before each. None = after every message.
        contiguous: whether a change's ``first_id`` must follow the last id; false for feeds that number
            their changes otherwise (Binance futures).

    Raises:
        DataError: rows of several books, rows or times that are not in time order, or ``levels`` below 1.
    """
    if levels < 1:
        raise DataError(f"levels = {levels}: ask for one level of each side at least.")
    if rows.select(pl.struct(_STREAM).n_unique()).item() > 1:
        raise DataError("These l2 rows are of several books; replay one venue, symbol and source at a time.")
    if not rows["recv_ns"].is_sorted():
        raise DataError("These l2 rows are not in time order; sort them by recv_ns.")
    if at_ns is not None and np.any(np.diff(at_ns) < 0):
        raise DataError("The times to look at decrease; sort them.")
    together = pl.struct("recv_ns", "last_id", "is_snapshot")
    starts = rows.select(pl.arg_where(together.ne_missing(together.shift(1)) | (pl.int_range(pl.len()) == 0)))
    begin = starts.to_series().to_numpy().astype(np.int64)
    heads = rows.select("recv_ns", "is_snapshot", pl.col("first_id", "last_id").fill_null(NO_ID))[begin]
    message_ns = heads["recv_ns"].to_numpy()
    emit = np.arange(len(begin)) if at_ns is None else np.searchsorted(message_ns, at_ns, side="right") - 1
    tops = np.full((2, 2, len(emit), levels), np.nan)
    trusted, status = np.zeros(len(emit), np.bool_), np.zeros(len(begin), np.int8)
    columns = (
        (rows["side"] == "ask").cast(pl.Int8).to_numpy(),
        rows["price"].to_numpy(),
        rows["size"].to_numpy(),
        np.append(begin, rows.height),
        heads["is_snapshot"].to_numpy(),
        heads["first_id"].to_numpy(),
        heads["last_id"].to_numpy(),
    )
    book, state = blank(1024, contiguous=contiguous)
    message = emitted = kept = 0
    while True:
        message, emitted, kept, needed = _run(
            book, state, *columns, emit, tops, trusted, status, message, emitted, kept
        )
        if not needed:
            break
        book = grown(book, needed)
    (bid_px, bid_sz), (ask_px, ask_sz) = tops
    looked = message_ns if at_ns is None else at_ns
    return Replay(looked, bid_px, bid_sz, ask_px, ask_sz, trusted, message_ns, status)


@jit
def _run(
    book: Levels,
    state: State,
    sides: NDArray[np.int8],
    prices: NDArray[np.float64],
    sizes: NDArray[np.float64],
    begin: NDArray[np.int64],
    is_snapshot: NDArray[np.bool_],
    first_id: NDArray[np.int64],
    last_id: NDArray[np.int64],
    emit: NDArray[np.int64],
    tops: NDArray[np.float64],
    trusted: NDArray[np.bool_],
    status: NDArray[np.int8],
    message: int,
    emitted: int,
    kept: int,
) -> tuple[int, int, int, int]:
    """Messages from ``message`` on; ``kept`` is the first one that is not part of a trusted book.

    Returns the last three arguments where it stopped, and how much room it needs to go on (0 = done).
    """
    while emitted < len(emit) and emit[emitted] < message:
        emitted += 1
    for m in range(message, len(begin) - 1):
        again = kept if is_snapshot[m] else m
        # A snapshot with its newer changes must fit as a whole, because it is begun anew if it does not.
        needed = max(state[0], state[1]) + begin[m + 1] - begin[again]
        if needed > book.shape[2]:
            return m, emitted, kept, needed
        status[m] = apply_message(
            book, state, sides, prices, sizes, begin[m], begin[m + 1], is_snapshot[m], first_id[m], last_id[m]
        )
        if is_snapshot[m] and status[m] == APPLIED:
            for k in range(again, m):
                if last_id[k] > last_id[m] and not is_snapshot[k]:
                    apply_message(
                        book, state, sides, prices, sizes, begin[k], begin[k + 1], False, first_id[k], last_id[k]
                    )
            if state[TRUSTED] == 0:
                status[m] = GAP
        if state[TRUSTED]:
            kept = m + 1
        while emitted < len(emit) and emit[emitted] == m:
            trusted[emitted] = state[TRUSTED] == 1
            for side in range(2):
                for level in range(min(tops.shape[3], state[side])):
                    key = book[side, 0, state[side] - 1 - level]
                    tops[side, 0, emitted, level] = key if side == 0 else -key
                    tops[side, 1, emitted, level] = book[side, 1, state[side] - 1 - level]
            emitted += 1
    return len(begin) - 1, emitted, kept, 0
