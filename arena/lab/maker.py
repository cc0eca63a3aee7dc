"""The maker's book: quotes around the fair value that the maker knows, on both tokens."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.jit import jit
from arena.lab.config import LabConfig
from arena.lab.path import Path
from arena.lab.silence import gap_rows, inside, spells
from arena.lab.tables import SOURCE
from arena.market.schema import BINARY_QUOTES
from arena.market.tape import F8, I8
from arena.pricing import twap_digital_up
from arena.units import MS, SECOND
from arena.venues.rules import Rules


def quote_rows(
    config: LabConfig,
    rules: Rules,
    path: Path,
    report: F8,
    windows: pl.DataFrame,
    strike: F8,
    rng: np.random.Generator,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the binary_quotes table, and our feed's stalls as gaps."""
    open_ns = windows["open_ns"].to_numpy()
    per_window = config.interval_s * 1000 // config.quote_step_ms
    reports = np.concatenate([[0.0], np.cumsum(report)])
    refresh = config.refresh_rate * config.quote_step_ms / 1000.0
    per_day = 86_400 // config.interval_s
    parts: list[tuple[I8, I8, F8, F8]] = []
    for day in range(0, open_ns.shape[0], per_day):
        todays = slice(day, day + per_day)
        capacity = open_ns[todays].shape[0] * per_window
        event, window = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
        bid, ask = np.empty(capacity), np.empty(capacity)
        n = _make_quotes(
            open_ns[todays], strike[todays], path.origin_ns, path.log_price, path.sigma,
            config.start_ns - 600 * SECOND, reports,
            config.interval_s, rules.lookback_s, config.quote_step_ms, config.maker_lag_ms,
            config.half_spread_ticks, refresh, rng.random((2, capacity)), event, window, bid, ask,
        )  # fmt: skip
        parts.append((event[:n], window[:n] + day, bid[:n], ask[:n]))
    event, window, bid, ask = (np.concatenate(column) for column in zip(*parts, strict=True))
    n = event.shape[0]
    size = np.maximum(np.round(config.touch_usd * rng.lognormal(0.0, config.touch_log_sd, (2, n)), 2), 1.0)

    travel = np.asarray(rng.lognormal(math.log(config.book_recv_ms), 0.4, n))
    arrive = event + (travel * MS).astype(np.int64)
    begin, end = int(open_ns[0]), int(open_ns[-1]) + config.interval_s * SECOND
    start, stop = spells(config.stalls_per_hour * 24.0, config.stall_s, begin, end, rng)
    spell = inside(arrive, start, stop)
    arrive = np.where(spell >= 0, stop[np.maximum(spell, 0)] if stop.shape[0] else arrive, arrive)
    recv = np.maximum.accumulate(arrive)

    frame = pl.DataFrame({"event_ns": event, "recv_ns": recv, "up_bid": bid, "up_ask": ask}).with_columns(
        up_bid_size=pl.Series(np.round(size[0] / np.maximum(bid, 0.001), 2)),
        up_ask_size=pl.Series(np.round(size[1] / np.maximum(ask, 0.001), 2)),
        market_id=windows["market_id"].gather(window),
        asset=pl.lit(config.asset),
        native=pl.lit("both"),
        source=pl.lit(SOURCE),
    )
    # The two books mirror each other; a price of 0 or 1 means that nobody quotes that side.
    frame = frame.with_columns(
        down_bid=(1.0 - pl.col("up_ask")).round(4),
        down_ask=(1.0 - pl.col("up_bid")).round(4),
        down_bid_size=pl.col("up_ask_size"),
        down_ask_size=pl.col("up_bid_size"),
    )
    names = ("up_bid", "up_ask", "down_bid", "down_ask")
    absent = {c: (pl.col(c) < 0.0005) | (pl.col(c) > 0.9995) for c in names}
    frame = frame.with_columns(
        pl.when(absent[c]).then(None).otherwise(pl.col(column)).alias(column)
        for c in names
        for column in (c, f"{c}_size")
    )
    return BINARY_QUOTES.conform(frame), gap_rows(start, stop, "binary_quotes", "stall", config.asset)


@jit
def _make_quotes(
    open_ns: I8,
    strike: F8,
    origin_ns: int,
    log_price: F8,
    sigma: F8,
    report_origin_ns: int,
    report_total: F8,
    interval_s: int,
    lookback_s: int,
    step_ms: int,
    lag_ms: int,
    half_ticks: float,
    refresh_probability: float,
    uniform: F8,
    event: I8,
    window: I8,
    bid: F8,
    ask: F8,
) -> int:
    """The maker's UP quotes: one row per price change or size refresh. Returns the number of rows."""
    n = 0
    steps = interval_s * 1000 // step_ms
    for w in range(open_ns.shape[0]):
        close_ns = open_ns[w] + interval_s * 1_000_000_000
        last_bid, last_ask = -1.0, -1.0
        for k in range(steps):
            draw = w * steps + k
            # The maker acts at an uneven pace, but prices what it knows at the very instant it acts.
            now = open_ns[w] + int((k + uniform[1, draw]) * step_ms * 1_000_000)
            seen = now - lag_ms * 1_000_000
            spot = math.exp(log_price[(seen - origin_ns) // 50_000_000])
            vol = sigma[(seen - origin_ns) // 1_000_000_000]
            left = (close_ns - seen) * 1e-9
            known = spot
            if left < lookback_s:
                # Reports for the seconds of the averaging window that lie behind the maker's knowledge.
                a = (close_ns - lookback_s * 1_000_000_000 - report_origin_ns) // 1_000_000_000 + 1
                b = (seen - report_origin_ns) // 1_000_000_000 + 1
                if b > a:
                    known = (report_total[b] - report_total[a]) / (b - a)
            fair = twap_digital_up(spot, strike[w], vol, left, float(lookback_s), known)
            tick = 0.01
            if fair < 0.04 or fair > 0.96:
                tick = 0.001
            b_px = math.floor(fair / tick - half_ticks) * tick
            a_px = math.ceil(fair / tick + half_ticks) * tick
            b_px = round(max(b_px, 0.0), 4)
            a_px = round(min(a_px, 1.0), 4)
            if b_px != last_bid or a_px != last_ask or uniform[0, draw] < refresh_probability:
                event[n] = now
                window[n] = w
                bid[n] = b_px
                ask[n] = a_px
                n += 1
                last_bid, last_ask = b_px, a_px
    return n
