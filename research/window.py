"""One window, looked at closely: what was known at each moment of it, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from arena.engine.prepare import observe_tape
from arena.errors import DataError
from arena.market.build import DAY_NS, WARMUP_NS, build_tape
from arena.market.catalog import Catalog
from arena.market.tape import DOWN, UNKNOWN, UP, Records
from arena.market.windows import Market, find_windows, resolve_rules
from arena.strategies import load
from arena.strategies.base import Strategy
from arena.units import MS

WARMUP_WINDOWS = 12
"""Windows before the one shown that the fair value may learn volatility and basis from."""
COARSE_SPOT_MS = 5_000
"""Spot rows further apart than this (median) are bars, not a feed: the fair value must then do without a clock."""
COARSE_LEVERS = {
    "spot_stale_ms": 61_000.0,
    "vol_window_s": 1800.0,
    "vol_min_samples": 12.0,
    "vol_clock": 0.0,
    "vol_jump_cut": 0.0,
    "vol_fallback": 0.65,
}
"""What a fair value needs changed to be drawn at all from one-minute bars."""
_OUTCOMES = {UP: "up", DOWN: "down", UNKNOWN: None}


@dataclass(frozen=True, slots=True)
class WindowView:
    """Everything about one window, as a picture needs it. Times ns UTC, prices USD or USD per share.

    Attributes:
        market_id, asset, source: which window, and who recorded it.
        open_ns, close_ns, settle_ns: its life, and when its payout is credited.
        rule: how it settles, e.g. ``twap60``.
        strike, strike_source: what it is measured against, NaN if unknown, and where that comes from.
        settle_price: the reference price at the close, None if not recorded.
        outcome: ``up``, ``down`` or None.
        ticks, signals: decision ticks of the window and what the model made of each (``fair_up``, ``sigma``).
        coarse: the spot prices are bars, up to a minute old, and the fair value is read from them.
        quotes, trades, spot, oracle: the recorded rows themselves, by time of receipt.
    """

    market_id: str
    asset: str
    source: str
    open_ns: int
    close_ns: int
    settle_ns: int
    rule: str
    strike: float
    strike_source: str
    settle_price: float | None
    outcome: str | None
    ticks: Records
    signals: Records
    coarse: bool
    quotes: pl.DataFrame
    trades: pl.DataFrame
    spot: pl.DataFrame
    oracle: pl.DataFrame


def view_window(
    catalog: Catalog,
    market_id: str,
    *,
    source: str | None = None,
    spot_source: str | None = None,
    strategy: str = "BTC_5M",
) -> WindowView:
    """Collect one window from a catalog, with the fair value of ``strategy``'s default preset at each tick.

    Args:
        catalog: where the rows come from.
        market_id: the window, as in the ``windows`` table.
        source: recorder of its quotes; None = the only one, or the one with most quotes.
        spot_source: recorder of the spot prices; None = all.
        strategy: whose fair value is drawn.

    Raises:
        DataError: no such window, no quotes of it, or no spot prices around it.
    """
    source = source or _fullest_source(catalog, market_id)
    rows = catalog.scan("windows", source=source).filter(pl.col("market_id") == market_id).collect()
    if rows.is_empty():
        raise DataError(f"{source} recorded quotes of {market_id}, but there is no row of it in windows.")
    row = rows.row(0, named=True)
    market = Market(row["asset"], row["interval_s"], row["venue"], source=source, spot_source=spot_source)
    day = row["open_ns"] // DAY_NS * DAY_NS
    earliest = max(day, row["open_ns"] - WARMUP_WINDOWS * (row["close_ns"] - row["open_ns"]))
    windows = find_windows(catalog, market, earliest, row["open_ns"] + 1)
    tape, notes = build_tape(catalog, market, windows)
    number = windows.height - 1
    mine = tape.ticks["window"] == number
    win = tape.windows[number]

    span: dict[str, Any] = {
        "asset": market.asset,
        "start_ns": row["open_ns"] - WARMUP_NS,
        "end_ns": int(win["settle_ns"]),
    }
    quotes = catalog.scan("binary_quotes", source=source, markets=[market_id], **span).collect().sort("recv_ns")
    trades = catalog.scan("binary_trades", markets=[market_id], **span).collect().sort("recv_ns")
    spot = catalog.scan("spot", source=spot_source, **span).collect().sort("recv_ns")
    oracle = catalog.scan("oracle", **span).collect().sort("event_ns")
    step_ns = spot.select(pl.col("recv_ns").diff().over("venue").median()).item()
    coarse = step_ns is not None and step_ns > COARSE_SPOT_MS * MS
    signals = _signals(load(strategy), tape.ticks, COARSE_LEVERS if coarse else {})
    return WindowView(
        market_id=market_id,
        asset=market.asset,
        source=source,
        open_ns=row["open_ns"],
        close_ns=row["close_ns"],
        settle_ns=int(win["settle_ns"]),
        rule=row["settlement_rule"] or resolve_rules(market, windows.tail(1))[0].settlement_rule,
        strike=float(win["strike"]),
        strike_source=", ".join(notes.strike_sources),
        settle_price=row["settle_price"],
        outcome=_OUTCOMES[int(win["outcome"])],
        ticks=tape.ticks[mine],
        signals=signals[mine],
        coarse=coarse,
        quotes=quotes,
        trades=trades,
        spot=spot,
        oracle=oracle,
    )


def _fullest_source(catalog: Catalog, market_id: str) -> str:
    quotes = catalog.scan("binary_quotes", markets=[market_id]).group_by("source").len().collect()
    if quotes.is_empty():
        raise DataError(
            f"{catalog.path} has no quotes of {market_id!r}; "
            '`arena-data sql "select distinct market_id from binary_quotes"` lists the markets that have some.'
        )
    return str(quotes.sort("len", "source", descending=[True, False])["source"][0])


def _signals(strategy: Strategy, ticks: Records, levers: Mapping[str, float]) -> Records:
    preset = strategy.configure(strategy.preset(strategy.default_preset), levers)
    signals: Records = np.zeros(ticks.shape[0], dtype=strategy.signal_dtype)
    observe_tape(ticks, strategy.new_state(), preset.observe, signals)
    return signals
