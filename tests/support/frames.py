"""Small hand-made markets: every table as a few rows, times as seconds after ``T0``."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from arena.market.schema import BINARY_QUOTES, ORACLE, SPOT, WINDOWS
from arena.units import MS, SECOND

T0 = 1_789_344_000 * SECOND
"""2026-09-14 00:00 UTC: under the 60 s average rule, fee rate 0.07, delay 150 ms."""


def ns(seconds: float) -> int:
    """A moment ``seconds`` after ``T0``, exact to the millisecond."""
    return T0 + round(seconds * 1000) * MS


def windows(n: int = 2, first: float = 0.0, **columns: Any) -> pl.DataFrame:
    """``n`` consecutive five-minute windows; ``columns`` sets further columns to one value or one per window."""
    opens = [ns(first) + k * 300 * SECOND for k in range(n)]
    frame = {
        "market_id": [f"w{k}" for k in range(n)],
        "venue": ["polymarket"] * n,
        "asset": ["BTC"] * n,
        "interval_s": [300] * n,
        "open_ns": opens,
        "close_ns": [t + 300 * SECOND for t in opens],
        "source": ["test"] * n,
    }
    for name, value in columns.items():
        frame[name] = list(value) if isinstance(value, list) else [value] * n
    return WINDOWS.conform(pl.DataFrame(frame))


def quotes(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Books: each row has ``t`` (received) and ``market_id``; sides left out are missing."""
    filled = [
        {"recv_ns": ns(r["t"]), "event_ns": ns(r["e"]) if "e" in r else None}
        | {k: v for k, v in r.items() if k not in ("t", "e")}
        for r in rows
    ]
    known = {name: BINARY_QUOTES.schema[name] for row in filled for name in row}
    frame = pl.DataFrame(filled, schema=known)
    return BINARY_QUOTES.conform(frame.with_columns(asset=pl.lit("BTC"), source=pl.lit("test")))


def spot(rows: list[tuple[float, str, float]]) -> pl.DataFrame:
    """Prices: (received, venue, price)."""
    return SPOT.conform(
        pl.DataFrame(
            {
                "recv_ns": [ns(t) for t, _, _ in rows],
                "venue": [v for _, v, _ in rows],
                "last": [p for _, _, p in rows],
                "asset": ["BTC"] * len(rows),
                "quote": ["USD"] * len(rows),
                "source": ["test"] * len(rows),
            },
            schema_overrides={"recv_ns": pl.Int64, "venue": pl.String, "last": pl.Float64},
        )
    )


def oracle(rows: list[tuple[float, float, float]]) -> pl.DataFrame:
    """Reports: (second it is for, received, price)."""
    return ORACLE.conform(
        pl.DataFrame(
            {
                "event_ns": [ns(e) for e, _, _ in rows],
                "recv_ns": [ns(t) for _, t, _ in rows],
                "price": [p for _, _, p in rows],
                "asset": ["BTC"] * len(rows),
                "feed": ["chainlink"] * len(rows),
                "source": ["test"] * len(rows),
            },
            schema_overrides={"event_ns": pl.Int64, "recv_ns": pl.Int64, "price": pl.Float64},
        )
    )


def mirrored(t: float, market_id: str, bid: float, ask: float, size: float = 100.0, **more: Any) -> dict[str, Any]:
    """A quote row whose DOWN book mirrors its UP book."""
    return {
        "t": t, "market_id": market_id, "up_bid": bid, "up_ask": ask,
        "down_bid": round(1 - ask, 4), "down_ask": round(1 - bid, 4),
        "up_bid_size": size, "up_ask_size": size, "down_bid_size": size, "down_ask_size": size,
    } | more  # fmt: skip


def minute_reports(start: int, stop: int, price: float = 100.0, relay: float = 1.0) -> list[tuple[float, float, float]]:
    """One report of the same price per second of ``range(start, stop)``, each received ``relay`` seconds later."""
    return [(s, s + relay, price) for s in range(start, stop)]


def a_tick(**fields: Any) -> np.ndarray[Any, Any]:
    """One tick record, 100 s before the close of an ordinary window, everything fresh; ``fields`` override."""
    from arena.market.tape import blank, tick_buffer

    tick = tick_buffer(1)
    blank(tick[0])
    usual = {
        "ts_ns": ns(200), "window": 0, "strike_is_oracle": 1, "open_ns": ns(0), "close_ns": ns(300),
        "strike": 100.0, "venue_strike": 100.0, "lookback_s": 60.0, "fee_rate": 0.07, "fee_exponent": 1.0,
        "up_bid": 0.49, "up_ask": 0.50, "down_bid": 0.50, "down_ask": 0.51, "book_age_ms": 100,
        "ref_recv_ns": ns(199.9), "oracle_px": 100.0, "oracle_event_ns": ns(198),
    }  # fmt: skip
    for name, value in (usual | fields).items():
        if name not in ("spot_px", "spot_age_ms"):
            tick[name] = value
    tick["spot_px"][0, 0], tick["spot_age_ms"][0, 0] = 100.0, 100
    for name in ("spot_px", "spot_age_ms"):
        if name in fields:
            given = fields[name]
            tick[name][0, : len(given)] = given
    return tick
