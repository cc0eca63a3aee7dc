"""Build a tape from the tables of the catalog: rules resolved, strikes computed, inputs joined as of each tick.

A tape covers one UTC day (or less): windows of up to four hours never straddle midnight, and a month
then streams through memory a day at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from arena.errors import DataError
from arena.market.join import BookRows, ReportRows, WindowRows, join, spot_rows
from arena.market.tape import F8, I8, MAX_VENUES, Books, Records, Tape, tick_buffer
from arena.market.windows import Facts, Market, Source, TapeNotes, mid_price, resolve_rules, settle_windows
from arena.units import MS, SECOND

DAY_NS = 86_400 * SECOND
_PRICES = tuple(f"{token}_{side}" for token in ("up", "down") for side in ("bid", "ask"))
_TOP = (*_PRICES, *(f"{price}_size" for price in _PRICES))
_DEPTH = ("up_asks_px", "up_asks_sz", "down_asks_px", "down_asks_sz")
_SPOT_COLUMNS = ("recv_ns", "venue", "bid", "ask", "last")
WARMUP_NS = 600 * SECOND
"""How far before the first open a tape reads."""
TAIL_NS = 60 * SECOND
"""How far past the last close reports and books are read: what happened before it may arrive after it."""


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
    for number, chosen in enumerate(_by_day(windows)):
        turn = number % len(buffers)
        tape, notes = build_tape(data, market, chosen, slots, buffers[turn])
        slots = notes.venues
        if recycle:
            buffers[turn] = tape.ticks
        yield tape, notes


def venue_books(data: Source, market: Market, windows: pl.DataFrame) -> Iterator[Books]:
    """The venue's own books of ``windows``, one part per UTC day, in order: a tape's books without its ticks."""
    source = str(windows["source"][0])
    for chosen in _by_day(windows):
        rows = data.scan("binary_quotes", source=source, **_book_span(market, chosen))
        yield _books(_quotes(rows, chosen), chosen.height)


def _by_day(windows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for day in days(windows):
        yield windows.filter((pl.col("open_ns") >= day) & (pl.col("open_ns") < day + DAY_NS))


def _book_span(market: Market, windows: pl.DataFrame) -> dict[str, Any]:
    """What to read for everything the venue says of ``windows``."""
    first, last = int(windows["open_ns"][0]), int(windows["close_ns"].max())  # type: ignore[arg-type]
    return {"asset": market.asset, "start_ns": first - WARMUP_NS, "end_ns": last + TAIL_NS}


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
    late = _book_span(market, windows)
    quotes = _quotes(data.scan("binary_quotes", source=source, **late), windows)
    rules = resolve_rules(market, windows)
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
    win, facts, notes = settle_windows(market, windows, rules, by_venue[0], oracle, tuple(names))
    ts = _decision_times(market, start_ns, end_ns, win, quotes, spot)
    ticks = tick_buffer(ts.shape[0], buffer)
    _join(ts, win, facts, by_venue, quotes, oracle, ticks)
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


def _join(
    ts: I8,
    win: Records,
    facts: Facts,
    by_venue: list[pl.DataFrame],
    quotes: pl.DataFrame,
    oracle: pl.DataFrame,
    ticks: Records,
) -> None:
    def column(name: str, unknown: float) -> F8:
        return quotes[name].cast(pl.Float64).fill_null(unknown).to_numpy()

    windows = WindowRows(
        open_ns=win["open_ns"].copy(),
        close_ns=win["close_ns"].copy(),
        fee_rate=win["fee_rate"].copy(),
        fee_exponent=win["fee_exponent"].copy(),
        strike=facts.strike,
        strike_known_ns=facts.strike_known_ns,
        strike_is_oracle=facts.strike_is_oracle,
        venue_strike=facts.venue_strike,
        venue_strike_known_ns=facts.venue_strike_known_ns,
        lookback_s=facts.lookback_s,
    )
    books = BookRows(
        quotes["recv_ns"].to_numpy(),
        quotes["window"].to_numpy(),
        *(column(name, np.nan) for name in _PRICES),
        *(column(f"{name}_size", np.inf) for name in _PRICES),
    )
    reports = ReportRows(*(oracle[name].to_numpy() for name in ("recv_ns", "event_ns", "price")))
    spot = spot_rows([(rows["recv_ns"].to_numpy(), mid_price(rows)) for rows in by_venue])
    join(ts, windows, spot, books, reports, ticks)


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
