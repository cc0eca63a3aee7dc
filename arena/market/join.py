"""The causal as-of join: every input of a tape laid onto its ticks in one pass over them.

At a tick only rows with ``recv_ns <= tick`` exist. A tick record is a few cache lines and a day has a
million of them, so each record is visited once and everything is written to it then: joining input by
input would walk the same quarter of a gigabyte a dozen times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from arena.jit import jit
from arena.market.tape import F8, I4, I8, MAX_VENUES, NEVER_MS, Records, blank


class SpotRows(NamedTuple):
    """Spot rows of all venues one after another: venue ``v`` is ``first[v]:first[v + 1]``, by time of receipt.

    ``price`` is USD or USDT, NaN where a row has none.
    """

    first: I8
    recv_ns: I8
    price: F8


class BookRows(NamedTuple):
    """Books of all windows by time of receipt; ``window`` is the row of the market, NaN a missing side."""

    recv_ns: I8
    window: npt.NDArray[np.uint32]
    up_bid: F8
    up_ask: F8
    down_bid: F8
    down_ask: F8
    up_bid_size: F8
    up_ask_size: F8
    down_bid_size: F8
    down_ask_size: F8


class ReportRows(NamedTuple):
    """Reports of the settlement feed by time of receipt: the second each is for (ns UTC) and its price, USD."""

    recv_ns: I8
    event_ns: I8
    price: F8


class WindowRows(NamedTuple):
    """What ticks may learn of each window, and from when on; arrays of shape (n_windows,), windows by open."""

    open_ns: I8
    close_ns: I8
    fee_rate: F8
    fee_exponent: F8
    strike: F8
    strike_known_ns: I8
    strike_is_oracle: I4
    venue_strike: F8
    venue_strike_known_ns: I8
    lookback_s: F8


@jit
def join(ts_ns: I8, windows: WindowRows, spot: SpotRows, books: BookRows, reports: ReportRows, ticks: Records) -> None:
    """Write every tick: its window and what is known of it, prices, book, reports, and the age of each.

    One long function on purpose: an inner one would be handed every array at every tick, which costs more
    than all it does.

    Args:
        ts_ns: decision times, ns UTC, ascending, shape (n,).
        windows, spot, books, reports: the inputs, each in its own order of receipt.
        ticks: ``TICK_DTYPE`` records of shape (n,); whatever they held is overwritten.
    """
    n_windows, n_books, n_reports = windows.open_ns.shape[0], books.recv_ns.shape[0], reports.recv_ns.shape[0]
    n_venues = spot.first.shape[0] - 1
    spot_at = spot.first[:-1] - 1
    book_at = np.full(n_windows, -1, np.int64)
    book_next, report_next = 0, 0
    window, averaged = -1, -1
    total, count = 0.0, 0
    average_from_ns, close_ns = np.int64(0), np.int64(0)
    for i in range(ts_ns.shape[0]):
        ts = ts_ns[i]
        tick = ticks[i]
        blank(tick)
        tick.ts_ns = ts

        for v in range(n_venues):
            at = spot_at[v]
            while at + 1 < spot.first[v + 1] and spot.recv_ns[at + 1] <= ts:
                at += 1
            spot_at[v] = at
            if at >= spot.first[v]:
                tick.spot_px[v] = spot.price[at]
                tick.spot_age_ms[v] = min((ts - spot.recv_ns[at]) // 1_000_000, NEVER_MS)
                if v == 0:
                    tick.ref_recv_ns = spot.recv_ns[at]

        while window + 1 < n_windows and windows.open_ns[window + 1] <= ts:
            window += 1
        w = window if window >= 0 and ts < windows.close_ns[window] else -1
        tick.window = w
        if w != averaged:
            averaged = w
            total, count = 0.0, 0
            if w >= 0:
                close_ns = windows.close_ns[w]
                average_from_ns = close_ns - np.int64(windows.lookback_s[w]) * 1_000_000_000
        # Summed in order of arrival, exactly as a live process would.
        while report_next < n_reports and reports.recv_ns[report_next] <= ts:
            if w >= 0 and average_from_ns < reports.event_ns[report_next] <= close_ns:
                total += reports.price[report_next]
                count += 1
            report_next += 1
        tick.twap_sum = total
        tick.twap_n = count
        if report_next > 0:
            tick.oracle_px = reports.price[report_next - 1]
            tick.oracle_event_ns = reports.event_ns[report_next - 1]

        while book_next < n_books and books.recv_ns[book_next] <= ts:
            book_at[books.window[book_next]] = book_next
            book_next += 1
        if w < 0:
            continue
        tick.open_ns, tick.close_ns = windows.open_ns[w], close_ns
        tick.fee_rate, tick.fee_exponent = windows.fee_rate[w], windows.fee_exponent[w]
        tick.lookback_s = windows.lookback_s[w]
        tick.strike_is_oracle = windows.strike_is_oracle[w]
        if ts >= windows.strike_known_ns[w]:
            tick.strike = windows.strike[w]
        if ts >= windows.venue_strike_known_ns[w]:
            tick.venue_strike = windows.venue_strike[w]
        row = book_at[w]
        if row >= 0:
            tick.book_age_ms = min((ts - books.recv_ns[row]) // 1_000_000, NEVER_MS)
            tick.up_bid = books.up_bid[row]
            tick.up_ask = books.up_ask[row]
            tick.down_bid = books.down_bid[row]
            tick.down_ask = books.down_ask[row]
            tick.up_bid_size = books.up_bid_size[row]
            tick.up_ask_size = books.up_ask_size[row]
            tick.down_bid_size = books.down_bid_size[row]
            tick.down_ask_size = books.down_ask_size[row]


def spot_rows(by_venue: list[tuple[I8, F8]]) -> SpotRows:
    """Times of receipt and prices of each venue, one array after the other.

    >>> import numpy as np
    >>> spot_rows([(np.array([1, 2]), np.array([5.0, 6.0])), (np.array([3]), np.array([7.0]))]).first.tolist()
    [0, 2, 3]
    """
    assert len(by_venue) <= MAX_VENUES
    first = np.concatenate([[0], np.cumsum([recv.shape[0] for recv, _ in by_venue])]).astype(np.int64)
    return SpotRows(
        first,
        np.concatenate([recv for recv, _ in by_venue]).astype(np.int64),
        np.concatenate([price for _, price in by_venue]).astype(np.float64),
    )
