"""Matching: takers meet the displayed book, print trades and take away what was shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.jit import jit
from arena.lab.book import Book
from arena.lab.fair import Knowledge, fair_up, knowledge
from arena.lab.options import TakerModel
from arena.lab.oracle import Reports
from arena.lab.path import Path
from arena.lab.takers import Arrivals
from arena.market.tape import F8, I8
from arena.units import MS
from arena.venues.rules import Rules

_SMALLEST = 0.01
_FEED_NS = 5 * MS


@dataclass(frozen=True, slots=True)
class Prints:
    """Trades in the order the venue made them, each array of shape (n,).

    ``taker`` is the arrival that traded and ``owner`` the one whose wallet it was (a sale is of what an earlier one
    bought); ``up`` the token; ``sells`` what the taker did; ``level`` how many price levels behind the best it traded.
    """

    event_ns: I8
    recv_ns: I8
    window: I8
    taker: I8
    owner: I8
    up: npt.NDArray[np.bool_]
    sells: npt.NDArray[np.bool_]
    price: F8
    size: F8
    level: I8


def match(
    model: TakerModel,
    book: Book,
    takers: Arrivals,
    rules: Rules,
    path: Path,
    reports: Reports,
    windows: pl.DataFrame,
) -> tuple[Book, Prints]:
    """What the takers got, and the book with a row after each of them.

    A taker meets the last row before it; the maker's next row stands as the maker made it. We hear of a trade and of
    the book it left at once, after the row before and not after the row behind.
    """
    n, levels = takers.t_ns.shape[0], book.size.shape[1]
    row = np.empty(n, dtype=np.int64)
    after = np.empty((4, n))
    size = np.empty((n, 2, levels))
    prints = np.empty((n * model.levels, 7))
    made, traded = _match(
        book.event_ns, book.window, book.bid, book.ask, book.tick, np.ascontiguousarray(book.size.transpose(2, 0, 1)),
        takers.t_ns, takers.window, takers.kind, takers.usd, takers.up, takers.sells, takers.pick,
        windows["close_ns"].to_numpy(), windows["strike"].to_numpy(), rules.lookback_s,
        knowledge(path, reports),
        rules.fee_rate, rules.fee_exponent, model.min_edge, model.lowest, model.levels, row, after, size, prints,
    )  # fmt: skip
    row, after, size, prints = row[:made], after[:, :made], size[:made], prints[:traded]
    who = after[3].astype(np.int64)
    event = takers.t_ns[who]
    # Of the row before and, where there is one, the row behind: the feed keeps its order.
    behind = np.append(book.recv_ns, np.iinfo(np.int64).max)[row + 1]
    recv = np.minimum(np.maximum(event + _FEED_NS, book.recv_ns[row]), behind)
    recv = np.minimum(np.maximum.accumulate(recv), behind)
    left = Book(event, recv, takers.window[who], after[0], after[1], after[2], size.transpose(1, 2, 0))
    taker = prints[:, 0].astype(np.int64)
    return _merged(book, left), Prints(
        event_ns=takers.t_ns[taker],
        recv_ns=recv[np.searchsorted(who, taker)],
        window=takers.window[taker],
        taker=taker,
        owner=prints[:, 1].astype(np.int64),
        up=prints[:, 2] > 0.5,
        sells=prints[:, 3] > 0.5,
        price=prints[:, 4],
        size=prints[:, 5],
        level=prints[:, 6].astype(np.int64),
    )


def _merged(book: Book, more: Book) -> Book:
    event = np.concatenate([more.event_ns, book.event_ns])
    order = np.argsort(event, kind="stable")
    columns = {f: np.concatenate([getattr(more, f), getattr(book, f)], axis=-1)[..., order] for f in Book.__slots__}
    return Book(**columns)


@jit
def _match(
    event: I8,
    row_window: I8,
    bid: F8,
    ask: F8,
    tick: F8,
    size: F8,
    t_ns: I8,
    window: I8,
    kind: npt.NDArray[np.int8],
    usd: F8,
    wants_up: npt.NDArray[np.bool_],
    rather_sells: npt.NDArray[np.bool_],
    pick: F8,
    close_ns: I8,
    strike: F8,
    lookback_s: int,
    known: Knowledge,
    fee_rate: float,
    fee_exponent: float,
    min_edge: float,
    lowest: float,
    walk: int,
    out_row: I8,
    out_after: F8,
    out_size: F8,
    prints: F8,
) -> tuple[int, int]:
    """Returns the number of rows made and of trades printed.

    ``size`` has shape (n_rows, 2, levels). ``out_after`` gets bid, ask, tick and taker of each row; ``prints`` taker,
    owner, token, whether sold, price, size and level of each trade.
    """
    rows = event.shape[0]
    levels = size.shape[2]
    made, traded = 0, 0
    j, seen = -1, -1
    now_bid, now_ask = 0.0, 1.0
    now = np.zeros((2, levels))
    held_by = np.empty(t_ns.shape[0], dtype=np.int64)
    held_up = np.empty(t_ns.shape[0], dtype=np.bool_)
    held = np.empty(t_ns.shape[0])
    n_held, held_window = 0, -1
    for i in range(t_ns.shape[0]):
        while j + 1 < rows and event[j + 1] < t_ns[i]:
            j += 1
        w = window[i]
        if j < 0 or row_window[j] != w:
            continue
        if j != seen:
            seen = j
            now_bid, now_ask = bid[j], ask[j]
            now[:] = size[j]
        if w != held_window:
            held_window, n_held = w, 0

        up, sells, owner, most = wants_up[i], False, i, np.inf
        entry = -1
        if kind[i] == 1:
            fair = fair_up(t_ns[i], close_ns[w], strike[w], lookback_s, known)
            gain_up = fair - now_ask - fee_rate * (now_ask * (1.0 - now_ask)) ** fee_exponent
            gain_down = now_bid - fair - fee_rate * (now_bid * (1.0 - now_bid)) ** fee_exponent
            up = gain_up >= gain_down
            if max(gain_up, gain_down) < min_edge:
                continue
        elif rather_sells[i] and n_held > 0:
            entry = int(pick[i] * n_held)
            up, sells, owner, most = held_up[entry], True, held_by[entry], held[entry]

        # Who wants UP, or gets rid of DOWN, meets the ask side of UP's book.
        side = 1 if up != sells else 0
        top = now_ask if side == 1 else now_bid
        sign = 1.0 if side == 1 else -1.0
        token_top = top if up else 1.0 - top
        if token_top < lowest - 1e-9 or token_top > 1.0 - lowest + 1e-9:
            continue
        want = min(usd[i] / token_top, most)
        gone, bought = 0, 0.0
        for k in range(min(walk, levels)):
            price = round(top + sign * k * tick[j], 4)
            if price <= 0.0005 or price >= 0.9995 or now[side, k] <= 0.0:
                break
            there = now[side, k]
            behind = price + sign * tick[j]
            if k + 1 == levels or behind <= 0.0005 or behind >= 0.9995 or now[side, k + 1] <= 0.0:
                there -= _SMALLEST  # somebody is always left on the side
            take = _floor_cents(min(want, there))
            if take < _SMALLEST:
                break
            prints[traded, 0], prints[traded, 1] = i, owner
            prints[traded, 2], prints[traded, 3] = 1.0 if up else 0.0, 1.0 if sells else 0.0
            prints[traded, 4] = price if up else round(1.0 - price, 4)
            prints[traded, 5], prints[traded, 6] = take, k
            traded += 1
            bought += take
            want -= take
            now[side, k] = round(now[side, k] - take, 2)
            if now[side, k] >= _SMALLEST:
                break
            gone += 1
        if bought == 0.0:
            continue
        if gone > 0:
            for k in range(levels):
                now[side, k] = now[side, k + gone] if k + gone < levels else 0.0
            if side == 1:
                now_ask = min(round(now_ask + gone * tick[j], 4), 1.0)
            else:
                now_bid = max(round(now_bid - gone * tick[j], 4), 0.0)
        if sells:
            held[entry] -= bought
            if held[entry] < _SMALLEST:
                n_held -= 1
                held[entry], held_up[entry], held_by[entry] = held[n_held], held_up[n_held], held_by[n_held]
        elif kind[i] == 0:
            held[n_held], held_up[n_held], held_by[n_held] = bought, up, i
            n_held += 1
        out_row[made] = j
        out_after[0, made], out_after[1, made], out_after[2, made], out_after[3, made] = now_bid, now_ask, tick[j], i
        out_size[made] = now
        made += 1
    return made, traded


@jit
def _floor_cents(x: float) -> float:
    """Rounded down to hundredths of a share."""
    return math.floor(x * 100.0 + 1e-6) / 100.0
