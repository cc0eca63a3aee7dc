"""Three hours of a faultless recording: every table that the audit judges, small, and agreeing with itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from arena.market.schema import TABLES
from arena.units import MS, SECOND

T0 = 1_776_081_600 * SECOND
"""2026-04-13 12:00 UTC: windows settle on the spot report, ties are up."""
SECONDS = 3 * 3600
WINDOWS = SECONDS // 300
VENUES = ("coinbase", "kraken", "okx")


@dataclass(frozen=True)
class Recording:
    """Tables in memory that can be scanned like a catalog."""

    tables: dict[str, pl.DataFrame]

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]

    def scan(
        self, table: str, *, asset: str | None = None, start_ns: int | None = None, end_ns: int | None = None,
        source: str | None = None,
    ) -> pl.LazyFrame:  # fmt: skip
        assert (asset, start_ns, end_ns, source) == (None, None, None, None), "the audit reads whole tables"
        return self.tables.get(table, TABLES[table].empty()).lazy()

    def with_(self, **tables: pl.DataFrame) -> Recording:
        """The same recording with other rows in some tables."""
        changed = {name: TABLES[name].conform(frame) for name, frame in tables.items()}
        return replace(self, tables=self.tables | changed)

    def change(self, table: str, where: pl.Expr, **values: Any) -> Recording:
        """The same recording with columns changed in the rows ``where`` holds."""
        frame = self.tables[table]
        new = [pl.when(where).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()]
        return self.with_(**{table: frame.with_columns(new)})

    def without(self, table: str, where: pl.Expr) -> Recording:
        """The same recording without the rows ``where`` holds."""
        return self.with_(**{table: self.tables[table].filter(~where)})


def recording() -> Recording:
    """A recording in which every check passes that has something to measure."""
    rng = np.random.default_rng(7)
    # One basis point a second: a five-minute window moves by 17 bps.
    path = 70_000.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-4, SECONDS + 1)))
    seconds = T0 + np.arange(SECONDS + 1, dtype=np.int64) * SECOND
    opens = T0 + np.arange(WINDOWS, dtype=np.int64) * 300 * SECOND
    start, end = path[:-1:300][:WINDOWS], path[300::300]
    ids = [f"btc-updown-5m-{t // SECOND}" for t in opens.tolist()]
    n = WINDOWS

    def frame(table: str, **columns: Any) -> pl.DataFrame:
        rows = {"asset": "BTC", "source": "arena"} | columns
        length = max(len(v) for v in rows.values() if not isinstance(v, str | int | float | bool))
        full = {k: [v] * length if isinstance(v, str | int | float | bool) else v for k, v in rows.items()}
        return TABLES[table].conform(pl.DataFrame(full))

    windows = frame(
        "windows", market_id=ids, venue="polymarket", interval_s=300, open_ns=opens, close_ns=opens + 300 * SECOND,
        strike=start, settle_price=end, strike_source="chainlink_stream",
        outcome=["up" if b >= a else "down" for a, b in zip(start, end, strict=True)],
    )  # fmt: skip
    spot = pl.concat(
        frame("spot", event_ns=seconds, recv_ns=seconds + 20 * MS, venue=venue, quote="USD", bid=path * 0.99999,
              ask=path * 1.00001)
        for venue in VENUES
    )  # fmt: skip
    oracle = frame("oracle", event_ns=seconds, recv_ns=seconds + 1000 * MS, feed="chainlink", price=path)
    # A book every two seconds, from half a second after the open.
    at = (opens[:, None] + (np.arange(150, dtype=np.int64) * 2 * SECOND + SECOND // 2)[None, :]).ravel()
    mid = np.clip(0.5 + 0.4 * np.sin(np.arange(at.size) / 50.0), 0.05, 0.95).round(2)
    owner = np.repeat(ids, 150)
    quotes = frame(
        "binary_quotes", event_ns=at - 30 * MS, recv_ns=at, market_id=owner, native="both", up_bid=mid - 0.01,
        up_ask=mid + 0.01, down_bid=0.99 - mid, down_ask=1.01 - mid,
    )  # fmt: skip
    every_minute = seconds[:-1:60]
    lows, highs = (fold(path[:-1].reshape(-1, 60), axis=1) for fold in (np.min, np.max))
    bars = frame(
        "bars", event_ns=every_minute, recv_ns=every_minute + 60 * SECOND, venue="binance", symbol="btcusdt",
        quote="USDT", kind="trade", interval_s=60, open=path[:-1:60], high=highs, low=lows, close=path[59::60],
        volume=1.0,
    )  # fmt: skip
    ticks = seconds[::5]
    count = np.arange(ticks.size)
    trades = frame(
        "trades", event_ns=ticks, recv_ns=ticks + 20 * MS, venue="binance", symbol="btcusdt", price=path[::5], size=0.1,
        taker_side="buy", seq=count,
    )  # fmt: skip
    l2 = frame(
        "l2", event_ns=ticks, recv_ns=ticks + 20 * MS, venue="binance", symbol="btcusdt", side="bid", price=path[::5],
        size=1.0, is_snapshot=False, first_id=count * 10 + 1, last_id=count * 10 + 10,
    )  # fmt: skip
    fills = frame(
        "wallet_fills", event_ns=opens, recv_ns=opens + SECOND, wallet="0xabc", market_id=ids, token="up", side="buy",
        price=0.5, size=10.0, usd=5.0,
    )  # fmt: skip
    prints = frame(
        "binary_trades", event_ns=opens, recv_ns=opens + 30 * MS, market_id=ids, token="up", price=0.5, size=10.0,
        taker_side="buy",
    )  # fmt: skip
    marks = frame("marks", recv_ns=opens, market_id=ids, yes_price=0.4, no_price=0.6, price_kind="mid")
    charged = T0 + np.arange(n, dtype=np.int64) * 8 * 3600 * SECOND
    funding = frame("funding", event_ns=charged, recv_ns=charged, venue="bybit", rate=0.0001, interval_s=28_800)
    clock = frame("clock", recv_ns=every_minute, server="coinbase", offset_ms=-3.0, round_trip_ms=20.0)
    return Recording(
        {
            "windows": windows, "spot": spot, "oracle": oracle, "binary_quotes": quotes, "bars": bars,
            "trades": trades, "l2": l2, "wallet_fills": fills, "binary_trades": prints, "marks": marks,
            "funding": funding, "clock": clock,
        }
    )  # fmt: skip
