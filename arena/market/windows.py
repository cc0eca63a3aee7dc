"""The markets of a tape: found in the catalog, given their rules, strikes and outcomes.

A strike or an outcome comes from the reports of the feed that settles the market where they were
recorded, and from the recorded figure where they were not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from arena.errors import DataError
from arena.market.tape import DOWN, F8, I4, I8, UNKNOWN, UP, WINDOW_DTYPE, Records
from arena.units import MS, SECOND
from arena.venues.rules import Rules, rule_edges, rules_at

DEFAULT_STEP_MS = 90
LOOKBACKS_S = {"spot": 0, "twap30": 30, "twap60": 60, "index_avg60": 60}
"""Averaging length of each settlement rule, seconds."""


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
class Facts:
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


def resolve_rules(market: Market, windows: pl.DataFrame) -> list[Rules]:
    """The dated rules of each window, looked up once per epoch of the table."""
    opens = windows["open_ns"].to_numpy()
    epoch = np.searchsorted(np.array(rule_edges(market.venue), dtype=np.int64), opens, side="right")
    cache = {int(e): rules_at(market.venue, market.interval_s, int(opens[epoch == e][0])) for e in np.unique(epoch)}
    return [cache[int(e)] for e in epoch]


def settle_windows(
    market: Market,
    rows: pl.DataFrame,
    rules: list[Rules],
    ref: pl.DataFrame,
    oracle: pl.DataFrame,
    venues: tuple[str, ...],
) -> tuple[Records, Facts, TapeNotes]:
    """Rules, strikes and outcomes of the windows in ``rows``: as the engine settles them, what ticks may learn of
    them and when, and what the reader must know.

    Args:
        market: gives a delay override.
        rows: rows of the windows table, ordered by open.
        rules: the dated rules of each row.
        ref: updates of the reference spot venue, ordered by receipt.
        oracle: reports of the settling feed, ordered by receipt.
        venues: spot venues of the tape, reference first.

    Raises:
        DataError: a row names a settlement rule that is not known.
    """
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
    start_ref, start_known = oracle_reference(punctual, open_ns, lookback)
    official_start, _ = oracle_reference(oracle, open_ns, lookback)
    end_ref, _ = oracle_reference(oracle, close_ns, lookback)
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

    ref_px, ref_recv = mid_price(ref), ref["recv_ns"].to_numpy()
    venue_strike, venue_known = near_boundary(ref_px, ref_recv, open_ns)
    venue_end, _ = near_boundary(ref_px, ref_recv, close_ns)
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
    facts = Facts(
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


def oracle_reference(oracle: pl.DataFrame, at_ns: I8, lookback_s: F8) -> tuple[F8, I8]:
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


def near_boundary(px: F8, recv_ns: I8, at_ns: I8) -> tuple[F8, I8]:
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


def mid_price(spot: pl.DataFrame) -> F8:
    """Mid of each spot row, or its last price where the row has no book; NaN where it has neither."""
    mid = (pl.col("bid") + pl.col("ask")) / 2.0
    return spot.select(pl.coalesce(mid, pl.col("last")).fill_null(np.nan)).to_series().to_numpy()
