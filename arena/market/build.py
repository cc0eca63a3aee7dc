"""Build a tape from the tables of the catalog: rules resolved, strikes computed, inputs joined as of each tick.

A tape covers one UTC day (or less): windows of up to four hours never straddle midnight, and a month
then streams through memory a day at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.errors import DataError
from arena.jit import jit
from arena.market.tape import (
    DOWN,
    F8,
    I4,
    I8,
    MAX_VENUES,
    NEVER_MS,
    UNKNOWN,
    UP,
    WINDOW_DTYPE,
    Books,
    Records,
    Tape,
    asof,
    asof_spot,
    blank_ticks,
)
from arena.units import MS, SECOND
from arena.venues.rules import Rules, rule_edges, rules_at

DAY_NS = 86_400 * SECOND
DEFAULT_STEP_MS = 90
LOOKBACKS_S = {"spot": 0, "twap30": 30, "twap60": 60, "index_avg60": 60}
"""Averaging length of each settlement rule, seconds."""

_TOP = tuple(f"{token}_{side}{what}" for token in ("up", "down") for side in ("bid", "ask") for what in ("", "_size"))
_DEPTH = ("up_asks_px", "up_asks_sz", "down_asks_px", "down_asks_sz")
_SPOT_COLUMNS = ("recv_ns", "venue", "bid", "ask", "last")
WARMUP_NS = 600 * SECOND
"""How far before the first open a tape reads."""
TAIL_NS = 60 * SECOND
"""How far past the last close reports and books are read: what happened before it may arrive after it."""
STRIKE_RELAY_NS = 2 * SECOND
"""How long after the open a recorded strike may be shown where no oracle stream was recorded."""
_STRIKE_TOLERANCE_NS = 5 * SECOND
_MIN_AVERAGE_SHARE = 0.8


class Source(Protocol):
    """Anything that yields catalog tables: the catalog, or frames in memory."""

    def scan(
        self,
        table: str,
        *,
        asset: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        source: str | None = None,
    ) -> pl.LazyFrame:
        """Rows of ``table`` whose time lies in ``[start_ns, end_ns)``, narrowed by asset and source."""
        ...


@dataclass(frozen=True, slots=True)
class Market:
    """Which market to build tapes of, and how.

    Attributes:
        asset: symbol, e.g. ``BTC``.
        interval_s: window length, seconds.
        venue: venue of the windows, e.g. ``polymarket``.
        source: recorder of windows and quotes; None = the only one present.
        spot_source: recorder of the spot rows; None = all.
        step_ms: decision grid, ms; 0 = decide on every book or spot update.
        reference_venue: spot venue that gives the seed's strike and tick volatility; it comes first in the tape.
        delay_ms: venue delay override, ms; None = the dated table.
    """

    asset: str = "BTC"
    interval_s: int = 300
    venue: str = "polymarket"
    source: str | None = None
    spot_source: str | None = None
    step_ms: int = DEFAULT_STEP_MS
    reference_venue: str = "coinbase"
    delay_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What ticks may learn about their window, and from when on; arrays of shape (n_windows,)."""

    strike: F8
    strike_known_ns: I8
    strike_is_oracle: I4
    venue_strike: F8
    venue_strike_known_ns: I8
    lookback_s: F8


@dataclass(frozen=True, slots=True)
class TapeNotes:
    """What the numbers of a tape mean: one line each for the report."""

    market_ids: tuple[str, ...]
    quotes: int
    venues: tuple[str, ...]
    unknown_outcomes: int
    missing_strikes: int
    strike_sources: tuple[str, ...]
    settlement_rules: tuple[str, ...]


def find_windows(data: Source, market: Market, start_ns: int | None, end_ns: int | None) -> pl.DataFrame:
    """The windows of ``market`` that open in ``[start_ns, end_ns)``, ordered by open.

    Raises:
        DataError: none are there, they come from several recorders, or two open at the same moment.
    """
    rows = (
        data.scan("windows", asset=market.asset, start_ns=start_ns, end_ns=end_ns, source=market.source)
        .filter(
            (pl.col("asset") == market.asset)
            & (pl.col("interval_s") == market.interval_s)
            & (pl.col("venue") == market.venue)
        )
        .sort("open_ns")
        .collect()
    )
    if start_ns is not None:
        rows = rows.filter(pl.col("open_ns") >= start_ns)
    if end_ns is not None:
        rows = rows.filter(pl.col("open_ns") < end_ns)
    what = f"{market.asset} {market.interval_s} s windows of {market.venue}"
    if rows.is_empty():
        wanted = f" from source {market.source!r}" if market.source else ""
        raise DataError(f"no {what}{wanted} in the chosen span; `arena-data show CATALOG windows` lists what is there.")
    sources = rows["source"].unique().sort().to_list()
    if len(sources) > 1:
        raise DataError(f"{what} were recorded by {', '.join(sources)}; choose one with data.source.")
    if rows["open_ns"].n_unique() != rows.height:
        twice = rows.filter(pl.col("open_ns").is_duplicated())["market_id"].to_list()[:2]
        raise DataError(f"two {what} open at the same moment: {', '.join(twice)}.")
    return rows


def days(windows: pl.DataFrame) -> list[int]:
    """Start (ns UTC) of every UTC day in which a window opens, ascending."""
    return sorted({int(t) // DAY_NS * DAY_NS for t in windows["open_ns"].to_list()})


def tapes(data: Source, market: Market, windows: pl.DataFrame, *, recycle: int = 0) -> Iterator[tuple[Tape, TapeNotes]]:
    """One tape per UTC day of ``windows`` (from :func:`find_windows`), in order; a venue keeps its slot throughout.

    With ``recycle`` k > 0 the ticks of a tape are overwritten k tapes later: fresh memory for every day
    costs more time than filling it.
    """
    slots: tuple[str, ...] = ()
    buffers: list[Records | None] = [None] * max(recycle, 1)
    for number, day in enumerate(days(windows)):
        chosen = windows.filter((pl.col("open_ns") >= day) & (pl.col("open_ns") < day + DAY_NS))
        turn = number % len(buffers)
        tape, notes = build_tape(data, market, chosen, slots, buffers[turn])
        slots = notes.venues
        if recycle:
            buffers[turn] = tape.ticks
        yield tape, notes


def build_tape(
    data: Source,
    market: Market,
    windows: pl.DataFrame,
    slots: tuple[str, ...] = (),
    buffer: Records | None = None,
) -> tuple[Tape, TapeNotes]:
    """The tape of ``windows`` (one day or less): from the first open to the last close.

    Args:
        data: where the tables come from.
        market: which market, on which decision grid.
        windows: its windows, ordered by open.
        slots: spot venues of the tape before this one; a strategy's memory of a venue is kept by slot.
        buffer: tick records that may be overwritten with the new ones.

    Raises:
        DataError: no spot prices in the span. A span without quotes is a tape on which nothing can be done.
        VenueRuleError: a window's rules are neither recorded nor in the dated table.
    """
    source = str(windows["source"][0])
    start_ns, end_ns = int(windows["open_ns"][0]), int(windows["close_ns"].max())  # type: ignore[arg-type]
    day = datetime.fromtimestamp(start_ns / 1e9, tz=UTC).strftime("%Y-%m-%d")
    span: dict[str, Any] = {"asset": market.asset, "start_ns": start_ns - WARMUP_NS, "end_ns": end_ns}
    spot = data.scan("spot", source=market.spot_source, **span).select(_SPOT_COLUMNS).collect()
    if spot.is_empty():
        raise DataError(f"no {market.asset} spot prices around {day}; the strategy cannot price without them.")
    late = span | {"end_ns": end_ns + TAIL_NS}
    quotes = _quotes(data.scan("binary_quotes", source=source, **late), windows)
    rules = _resolve_rules(market, windows)
    reports = data.scan("oracle", **late)
    # Another venue's feed is another price: a market is only ever read against the feed that settles it.
    feeds = sorted({rule.oracle for rule in rules})
    oracle = _in_order(reports.filter(pl.col("feed").is_in(feeds)).collect(), "recv_ns")

    present = spot["venue"].unique().sort().to_list()
    if market.reference_venue in present:
        present.remove(market.reference_venue)
        present.insert(0, market.reference_venue)
    names = [*slots, *(name for name in present if name not in slots)]
    if len(names) > MAX_VENUES:
        raise DataError(f"{len(names)} spot venues ({', '.join(names)}); a tape holds {MAX_VENUES}.")
    by_venue = [_in_order(spot.filter(pl.col("venue") == name), "recv_ns") for name in names]
    win, facts, notes = _windows(market, windows, rules, by_venue[0], oracle, tuple(names))
    ts = _decision_times(market, start_ns, end_ns, win, quotes, spot)
    ticks = _ticks(blank_ticks(ts.shape[0], buffer), ts, win, facts, by_venue, quotes, oracle)
    return Tape(ticks, win, _books(quotes, windows.height)), replace(notes, quotes=quotes.height)


def _in_order(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    return rows if rows[column].is_sorted() else rows.sort(column, maintain_order=True)


def _quotes(rows: pl.LazyFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """The books of ``windows`` by time of receipt, with the row number of their window in ``window``."""
    # Level lists are read only where some were recorded: most books are top of book alone.
    deep = rows.select(pl.col("up_asks_px").is_not_null().any()).collect().item()
    columns = ["event_ns", "recv_ns", "market_id", *_TOP, *(_DEPTH if deep else ())]
    number = windows.select("market_id").with_row_index("window").lazy()
    chosen = rows.select(columns).join(number, on="market_id", how="inner", maintain_order="left").drop("market_id")
    return _in_order(chosen.collect(), "recv_ns")


def _decision_times(
    market: Market, start_ns: int, end_ns: int, win: Records, quotes: pl.DataFrame, spot: pl.DataFrame
) -> I8:
    if market.step_ms > 0:
        return np.arange(start_ns, end_ns, market.step_ms * MS, dtype=np.int64)
    recv, window = quotes["recv_ns"].to_numpy(), quotes["window"].to_numpy()
    # A late word from a market that has closed is no reason to decide about the next one.
    live = (recv >= win["open_ns"][window]) & (recv < win["close_ns"][window])
    both = np.concatenate([recv[live], spot["recv_ns"].to_numpy()])
    return np.unique(both[(both >= start_ns) & (both < end_ns)])


def _resolve_rules(market: Market, windows: pl.DataFrame) -> list[Rules]:
    """The dated rules of each window, looked up once per epoch of the table."""
    opens = windows["open_ns"].to_numpy()
    epoch = np.searchsorted(np.array(rule_edges(market.venue), dtype=np.int64), opens, side="right")
    cache = {int(e): rules_at(market.venue, market.interval_s, int(opens[epoch == e][0])) for e in np.unique(epoch)}
    return [cache[int(e)] for e in epoch]


def _windows(
    market: Market,
    rows: pl.DataFrame,
    rules: list[Rules],
    ref: pl.DataFrame,
    oracle: pl.DataFrame,
    venues: tuple[str, ...],
) -> tuple[Records, _Facts, TapeNotes]:
    n = rows.height
    open_ns, close_ns = rows["open_ns"].to_numpy(), rows["close_ns"].to_numpy()
    names = [own or rule.settlement_rule for own, rule in zip(rows["settlement_rule"].to_list(), rules, strict=True)]
    unknown = sorted(set(names) - set(LOOKBACKS_S))
    if unknown:
        raise DataError(f"window rows name settlement rule {unknown[0]!r}; known rules are {', '.join(LOOKBACKS_S)}.")
    lookback = np.array([LOOKBACKS_S[name] for name in names], dtype=np.float64)
    tie_up = np.array([rule.tie_is_up for rule in rules])

    # A strategy cannot wait for a report that a later one has overtaken; the settlement counts it.
    punctual = oracle.filter(pl.col("event_ns") >= pl.col("event_ns").cum_max())
    start_ref, start_known = _oracle_reference(punctual, open_ns, lookback)
    official_start, _ = _oracle_reference(oracle, open_ns, lookback)
    end_ref, _ = _oracle_reference(oracle, close_ns, lookback)
    recorded = rows["strike"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    recorded_source = rows["strike_source"].fill_null("unknown").to_list()
    from_oracle = np.isfinite(start_ref)
    strike = np.where(from_oracle, start_ref, recorded)
    known = np.where(from_oracle, start_known, open_ns + STRIKE_RELAY_NS)
    sources = ["oracle" if f else s for f, s in zip(from_oracle, recorded_source, strict=True)]
    # A strike taken from the very venue that gives the spot price carries no basis against it.
    same_source = np.array([s.split("_")[0] in venues for s in sources])

    outcome = np.full(n, UNKNOWN, dtype=np.int8)
    computed = np.isfinite(official_start) & np.isfinite(end_ref)
    outcome[computed] = _winner(official_start, end_ref, tie_up)[computed]
    official = rows["outcome"].to_list()
    for value, code in (("up", UP), ("down", DOWN)):
        outcome[np.array([o == value for o in official])] = code

    ref_px, ref_recv = _mid(ref), ref["recv_ns"].to_numpy()
    venue_strike, venue_known = _near_boundary(ref_px, ref_recv, open_ns)
    venue_end, _ = _near_boundary(ref_px, ref_recv, close_ns)
    venue_outcome = np.full(n, UNKNOWN, dtype=np.int8)
    priced = np.isfinite(venue_strike) & np.isfinite(venue_end)
    venue_outcome[priced] = np.where(venue_end[priced] > venue_strike[priced], UP, DOWN)

    def column(name: str, fallback: list[float]) -> F8:
        own = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.where(np.isfinite(own), own, np.array(fallback))

    delay = [rule.taker_delay_ms if market.delay_ms is None else market.delay_ms for rule in rules]
    resolved = rows["resolved_ns"].cast(pl.Int64).fill_null(0).to_numpy()
    usual = close_ns + np.array([rule.resolution_s for rule in rules], dtype=np.int64) * SECOND
    windows = np.zeros(n, dtype=WINDOW_DTYPE)
    windows["open_ns"], windows["close_ns"] = open_ns, close_ns
    windows["settle_ns"] = np.where(resolved > close_ns, resolved, usual)
    windows["delay_ns"] = np.array(delay, dtype=np.int64) * MS
    windows["fee_rate"] = column("fee_rate", [rule.fee_rate for rule in rules])
    windows["fee_exponent"] = column("fee_exponent", [rule.fee_exponent for rule in rules])
    windows["tick_size"] = column("tick_size", [rule.tick_size for rule in rules])
    windows["strike"] = strike
    windows["outcome"], windows["venue_outcome"] = outcome, venue_outcome
    facts = _Facts(
        strike=strike,
        strike_known_ns=known.astype(np.int64),
        strike_is_oracle=(~same_source).astype(np.int32),
        venue_strike=venue_strike,
        venue_strike_known_ns=venue_known,
        lookback_s=lookback,
    )
    notes = TapeNotes(
        market_ids=tuple(rows["market_id"].to_list()),
        quotes=0,
        venues=venues,
        unknown_outcomes=int((outcome == UNKNOWN).sum()),
        missing_strikes=int((~np.isfinite(strike)).sum()),
        strike_sources=tuple(sorted(set(sources))),
        settlement_rules=tuple(sorted(set(names))),
    )
    return windows, facts, notes


def _winner(start: F8, end: F8, tie_up: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.int8]]:
    return np.where((end > start) | (tie_up & (end == start)), UP, DOWN).astype(np.int8)


def _oracle_reference(oracle: pl.DataFrame, at_ns: I8, lookback_s: F8) -> tuple[F8, I8]:
    """Settlement reference at each boundary from the reports themselves, and when it could be known.

    That is when the report for the boundary, or a later one, has arrived: before, nobody can tell a report
    that is missing from one that is still to come. It is never if there is none.

    Spot rule: the last report for a second at or before the boundary, at most 5 s old. Average rule:
    the mean of the reports in ``(at - w, at]``, refused (NaN) when under 80 % of them exist.
    """
    value = np.full(at_ns.shape[0], np.nan)
    known = np.zeros(at_ns.shape[0], dtype=np.int64)
    if oracle.is_empty():
        return value, known
    ordered = oracle.sort("event_ns")
    event, recv, price = (ordered[c].to_numpy() for c in ("event_ns", "recv_ns", "price"))
    hi = np.searchsorted(event, at_ns, side="right")
    lo = np.searchsorted(event, at_ns - (lookback_s * SECOND).astype(np.int64), side="right")
    count = hi - lo
    average = lookback_s > 0
    enough = average & (count >= _MIN_AVERAGE_SHARE * lookback_s) & (count > 0)
    # Each mean over its own reports alone, so that it does not depend on where the tape begins.
    value[enough] = [price[a:b].mean() for a, b in zip(lo[enough], hi[enough], strict=True)]
    last = np.maximum(hi - 1, 0)
    fresh = ~average & (hi > 0) & (at_ns - event[last] <= _STRIKE_TOLERANCE_NS)
    value[fresh] = price[last[fresh]]
    arrived = np.append(np.maximum.accumulate(recv), np.iinfo(np.int64).max)
    known = arrived[np.searchsorted(event, at_ns, side="left")]
    return value, np.where(np.isfinite(value), known, 0)


def _near_boundary(px: F8, recv_ns: I8, at_ns: I8) -> tuple[F8, I8]:
    """The seed's boundary price: last tick at or before within 5 s, else the first after within 5 s."""
    value = np.full(at_ns.shape[0], np.nan)
    known = np.full(at_ns.shape[0], np.iinfo(np.int64).max, dtype=np.int64)
    if px.shape[0] == 0:
        return value, known
    after = np.searchsorted(recv_ns, at_ns, side="right")
    before = np.maximum(after - 1, 0)
    ok = (after > 0) & (at_ns - recv_ns[before] <= _STRIKE_TOLERANCE_NS)
    value[ok], known[ok] = px[before[ok]], at_ns[ok]
    late = np.minimum(after, px.shape[0] - 1)
    ok = ~ok & (after < px.shape[0]) & (recv_ns[late] - at_ns <= _STRIKE_TOLERANCE_NS)
    value[ok], known[ok] = px[late[ok]], recv_ns[late[ok]]
    return value, known


def _mid(spot: pl.DataFrame) -> F8:
    mid = (pl.col("bid") + pl.col("ask")) / 2.0
    return spot.select(pl.coalesce(mid, pl.col("last")).fill_null(np.nan)).to_series().to_numpy()


def _ticks(
    ticks: Records,
    ts: I8,
    win: Records,
    facts: _Facts,
    by_venue: list[pl.DataFrame],
    quotes: pl.DataFrame,
    oracle: pl.DataFrame,
) -> Records:
    window = (np.searchsorted(win["open_ns"], ts, side="right") - 1).astype(np.int32)
    window[(window >= 0) & (ts >= win["close_ns"][np.maximum(window, 0)])] = -1
    ticks["ts_ns"], ticks["window"] = ts, window
    _window_facts(
        ticks, win, facts.strike, facts.strike_known_ns, facts.strike_is_oracle,
        facts.venue_strike, facts.venue_strike_known_ns, facts.lookback_s,
    )  # fmt: skip

    for slot, rows in enumerate(by_venue):
        asof_spot(ts, rows["recv_ns"].to_numpy(), _mid(rows), ticks, slot)

    recv = quotes["recv_ns"].to_numpy()
    row = np.empty(ts.shape[0], dtype=np.int64)
    _asof_book(ts, window, recv, quotes["window"].to_numpy(), np.full(win.shape[0], -1, dtype=np.int64), row)
    seen = np.flatnonzero(row >= 0)
    at = row[seen]
    ticks["book_age_ms"][seen] = np.minimum((ts[seen] - recv[at]) // MS, NEVER_MS)
    for name in _TOP:
        unknown = np.inf if name.endswith("size") else np.nan
        ticks[name][seen] = quotes[name].cast(pl.Float64).fill_null(unknown).to_numpy()[at]

    if not oracle.is_empty():
        recv, event = oracle["recv_ns"].to_numpy(), oracle["event_ns"].to_numpy()
        price = oracle["price"].to_numpy()
        asof(ts, recv, row)
        seen = np.flatnonzero(row >= 0)
        ticks["oracle_px"][seen], ticks["oracle_event_ns"][seen] = price[row[seen]], event[row[seen]]
        lookback_ns = (facts.lookback_s * SECOND).astype(np.int64)
        _running_average(ticks, recv, event, price, win["close_ns"].copy(), lookback_ns)
    return ticks


@jit
def _window_facts(
    ticks: Records,
    win: Records,
    strike: F8,
    strike_known_ns: I8,
    strike_is_oracle: I4,
    venue_strike: F8,
    venue_strike_known_ns: I8,
    lookback_s: F8,
) -> None:
    """Copy onto each tick what can be known of its window by then."""
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        w = tick.window
        if w < 0:
            continue
        tick.open_ns, tick.close_ns = win[w].open_ns, win[w].close_ns
        tick.fee_rate, tick.fee_exponent = win[w].fee_rate, win[w].fee_exponent
        tick.lookback_s = lookback_s[w]
        tick.strike_is_oracle = strike_is_oracle[w]
        if tick.ts_ns >= strike_known_ns[w]:
            tick.strike = strike[w]
        if tick.ts_ns >= venue_strike_known_ns[w]:
            tick.venue_strike = venue_strike[w]


@jit
def _asof_book(ts: I8, window: I4, recv: I8, row_window: npt.NDArray[np.uint32], last: I8, out: I8) -> None:
    """Row of the tick's own window received last; -1 where there is none yet or no window is open.

    ``recv`` ascends over all windows together; ``last`` is scratch of shape (n_windows,) filled with -1.
    """
    j = 0
    for i in range(ts.shape[0]):
        while j < recv.shape[0] and recv[j] <= ts[i]:
            last[row_window[j]] = j
            j += 1
        out[i] = last[window[i]] if window[i] >= 0 else -1


@jit
def _running_average(ticks: Records, recv: I8, event: I8, price: F8, close_ns: I8, lookback_ns: I8) -> None:
    """Running sum and count of the reports inside the open window's settlement average.

    Summed in order of arrival, exactly as a live process would.
    """
    j = 0
    current = -1
    total = 0.0
    n = 0
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        w = tick.window
        if w != current:
            current = w
            total = 0.0
            n = 0
        while j < recv.shape[0] and recv[j] <= tick.ts_ns:
            if w >= 0 and close_ns[w] - lookback_ns[w] < event[j] <= close_ns[w]:
                total += price[j]
                n += 1
            j += 1
        tick.twap_sum = total
        tick.twap_n = n


def _levels(rows: pl.DataFrame, name: str, what: str, top: str) -> F8:
    """Levels as a padded matrix (n, depth): the recorded depth, or the top of book as a single level."""
    depth = int(rows[name].list.len().max() or 0) if name in rows.columns else 0  # type: ignore[arg-type]
    best = rows[top].cast(pl.Float64).fill_null(np.nan if what == "px" else np.inf).to_numpy()
    if depth == 0:
        return best.reshape(-1, 1).copy()
    lists = rows[name]
    fill = np.nan if what == "px" else 0.0
    out = np.full((rows.height, depth), fill)
    for k in range(depth):
        out[:, k] = lists.list.get(k, null_on_oob=True).fill_null(fill).to_numpy()
    # Rows recorded without depth still have their touch.
    bare = lists.is_null().to_numpy()
    out[bare, 0] = best[bare]
    return out


def _books(quotes: pl.DataFrame, n_windows: int) -> Books:
    rows = quotes.with_columns(venue_ns=pl.coalesce("event_ns", "recv_ns"))
    window, venue_ns = rows["window"].to_numpy().astype(np.int64), rows["venue_ns"].to_numpy()
    ahead = (np.diff(window) > 0) | ((np.diff(window) == 0) & (np.diff(venue_ns) >= 0))
    if not ahead.all():
        rows = rows[np.lexsort((rows["recv_ns"].to_numpy(), venue_ns, window))]
    first = np.searchsorted(rows["window"].to_numpy(), np.arange(n_windows + 1)).astype(np.int64)

    def top(name: str) -> F8:
        return rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()

    return Books(
        first=first,
        event_ns=rows["venue_ns"].to_numpy(),
        up_ask=_levels(rows, "up_asks_px", "px", "up_ask"),
        up_ask_size=_levels(rows, "up_asks_sz", "sz", "up_ask_size"),
        down_ask=_levels(rows, "down_asks_px", "px", "down_ask"),
        down_ask_size=_levels(rows, "down_asks_sz", "sz", "down_ask_size"),
        up_bid=top("up_bid"),
        down_bid=top("down_bid"),
    )
