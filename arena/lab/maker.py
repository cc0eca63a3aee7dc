"""The maker: quotes around the fair value that it knows, and our feed of them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.jit import jit
from arena.lab.book import FINE_BELOW, Book
from arena.lab.config import LabConfig
from arena.lab.options import CoinModel
from arena.lab.oracle import Reports
from arena.lab.path import Path
from arena.lab.related import Spells
from arena.lab.silence import Silences, gap_rows, inside
from arena.lab.streams import Day
from arena.market.tape import F8, I8
from arena.pricing import twap_digital_up
from arena.units import MS
from arena.venues.rules import Rules


class MakerStream:
    """The books of one coin's windows of one length, a day at a time."""

    def __init__(self, config: LabConfig, coin: CoinModel, interval_s: int) -> None:
        self._config = config
        self._coin = coin
        self._interval_s = interval_s
        self._stalls = Silences(config.stalls_per_hour * 24.0, config.stall_s)
        self._last_recv_ns = 0

    def next(
        self, day: Day, rules: Rules, path: Path, reports: Reports, windows: pl.DataFrame, off: Spells
    ) -> tuple[Book, pl.DataFrame]:
        """The day's books, and our feed's stalls that began, as gaps.

        Args:
            day: the day.
            rules: the venue's rules of that day.
            path: efficient price.
            reports: settlement feed.
            windows: the day's windows, in order of opening.
            off: when the maker quotes off its fair value, and by how much.
        """
        config, coin = self._config, self._coin
        rng = day.rng("maker", coin.name, self._interval_s)
        open_ns, strike = windows["open_ns"].to_numpy(), windows["strike"].to_numpy()
        capacity = open_ns.shape[0] * self._interval_s * 1000 // config.quote_step_ms
        event, window = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
        bid, ask, tick = np.empty(capacity), np.empty(capacity), np.empty(capacity)
        totals = np.concatenate([[0.0], np.cumsum(reports.price)])
        n = _make_quotes(
            open_ns, strike, path.origin_ns, path.log_price, path.sigma, int(reports.event_ns[0]), totals,
            self._interval_s, rules.lookback_s, config.quote_step_ms, config.maker_lag_ms, config.half_spread_ticks,
            config.refresh_rate * config.quote_step_ms / 1000.0, off.start_ns, off.stop_ns, off.shift,
            rng.random((2, capacity)), event, window, bid, ask, tick,
        )  # fmt: skip
        event, window, bid, ask, tick = event[:n], window[:n], bid[:n], ask[:n], tick[:n]
        size = self._sizes(day, bid, ask, rng)
        travel = np.asarray(rng.lognormal(math.log(config.book_recv_ms), 0.4, n))
        arrive = event + (travel * MS).astype(np.int64)
        start, stop, told = self._stalls.next(day.open_ns, day.close_ns, rng)
        spell = inside(arrive, start, stop)
        arrive = np.where(spell >= 0, stop[np.maximum(spell, 0)] if stop.shape[0] else arrive, arrive)
        recv = np.maximum.accumulate(np.maximum(arrive, self._last_recv_ns))
        self._last_recv_ns = int(recv[-1]) if n else self._last_recv_ns
        gaps = gap_rows(start[told:], stop[told:], self._stream_name(), "stall", coin.name)
        return Book(event, recv, window, bid, ask, tick, size), gaps

    def _stream_name(self) -> str:
        # One window length needs no more words; several are several connections.
        lengths = self._config.intervals_s
        return "binary_quotes" if len(lengths) == 1 else f"binary_quotes/{self._interval_s // 60}m"

    def _sizes(self, day: Day, bid: F8, ask: F8, rng: np.random.Generator) -> F8:
        config = self._config
        usd = config.touch_usd * self._coin.touch
        touch = np.maximum(np.round(usd * rng.lognormal(0.0, config.touch_log_sd, (2, bid.shape[0])), 2), 1.0)
        price = np.maximum(np.stack([bid, ask]), 0.001)
        size: F8 = np.round(touch / price, 2)[:, None, :]
        levels = simulated_levels(config)
        if levels == 1:
            return size
        deep = day.rng("depth", self._coin.name, self._interval_s)
        behind = deep.lognormal(0.0, config.depth_log_sd, (2, levels - 1, bid.shape[0]))
        behind *= np.array(config.depth_profile[1:levels])[None, :, None] * (usd / price)[:, None, :]
        return np.concatenate([size, np.maximum(np.round(behind, 2), 0.01)], axis=1)


def simulated_levels(config: LabConfig) -> int:
    """Levels a side that exist, shown or not: what takers may walk, and one more that stays."""
    return max(config.depth_levels, 1, 0 if config.takers is None else config.takers.levels + 1)


@jit
def fair_up(
    now_ns: int,
    close_ns: int,
    strike: float,
    lookback_s: int,
    origin_ns: int,
    log_price: F8,
    sigma: F8,
    report_origin_ns: int,
    report_total: F8,
) -> float:
    """Fair price of UP for somebody who knows the efficient price and the reports up to ``now_ns``."""
    spot = math.exp(log_price[(now_ns - origin_ns) // 50_000_000])
    vol = sigma[(now_ns - origin_ns) // 1_000_000_000]
    left = (close_ns - now_ns) * 1e-9
    known = spot
    if left < lookback_s:
        # Reports for the seconds of the averaging window that lie behind us.
        a = (close_ns - lookback_s * 1_000_000_000 - report_origin_ns) // 1_000_000_000 + 1
        b = (now_ns - report_origin_ns) // 1_000_000_000 + 1
        if b > a:
            known = (report_total[b] - report_total[a]) / (b - a)
    return twap_digital_up(spot, strike, vol, left, float(lookback_s), known)


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
    off_start_ns: I8,
    off_stop_ns: I8,
    off_shift: F8,
    uniform: F8,
    event: I8,
    window: I8,
    bid: F8,
    ask: F8,
    tick_size: F8,
) -> int:
    """The maker's UP quotes: one row per price change or size refresh. Returns the number of rows."""
    n = 0
    spell = 0
    steps = interval_s * 1000 // step_ms
    for w in range(open_ns.shape[0]):
        close_ns = open_ns[w] + interval_s * 1_000_000_000
        last_bid, last_ask = -1.0, -1.0
        for k in range(steps):
            draw = w * steps + k
            # The maker acts at an uneven pace, but prices what it knows at the very instant it acts.
            now = open_ns[w] + int((k + uniform[1, draw]) * step_ms * 1_000_000)
            seen = now - lag_ms * 1_000_000
            fair = fair_up(
                seen, close_ns, strike[w], lookback_s, origin_ns, log_price, sigma, report_origin_ns, report_total
            )
            while spell < off_start_ns.shape[0] and off_stop_ns[spell] <= now:
                spell += 1
            if spell < off_start_ns.shape[0] and off_start_ns[spell] <= now:
                fair = min(max(fair + off_shift[spell], 0.0), 1.0)
            tick = 0.01
            if fair < FINE_BELOW or fair > 1.0 - FINE_BELOW:
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
                tick_size[n] = tick
                n += 1
                last_bid, last_ask = b_px, a_px
    return n
