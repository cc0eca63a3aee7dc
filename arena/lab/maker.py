"""The maker: quotes around the fair value that it knows, and our feed of them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from arena.lab.book import Book
from arena.lab.config import EDGE_PRICES, LEFT_EDGES_S, LabConfig
from arena.lab.fair import knowledge
from arena.lab.options import CoinModel
from arena.lab.oracle import Reports
from arena.lab.path import Path
from arena.lab.quoting import make_quotes
from arena.lab.related import Spells
from arena.lab.silence import Silences, gap_rows, inside
from arena.lab.streams import Day, split_lognormal
from arena.market.tape import F8
from arena.units import MS, SECOND
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
        per_step = config.quote_step_ms / 1000.0
        n = make_quotes(
            open_ns, strike, knowledge(path, reports), self._interval_s, rules.lookback_s,
            config.quote_step_ms, config.maker_lag_ms, config.patience,
            rules.fee_rate, rules.fee_exponent, config.fine_below, np.array(LEFT_EDGES_S), np.array(config.wide_ticks),
            np.array(config.refresh_rate) * per_step, config.quiet_rate * per_step,
            off.start_ns, off.stop_ns, off.shift, rng.random((3, capacity)), event, window, bid, ask, tick,
        )  # fmt: skip
        event, window, bid, ask, tick = event[:n], window[:n], bid[:n], ask[:n], tick[:n]
        left_s = (open_ns[window] - event) / SECOND + self._interval_s
        size = self._sizes(day, left_s, bid, ask, rng)
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

    def _sizes(self, day: Day, left_s: F8, bid: F8, ask: F8, rng: np.random.Generator) -> F8:
        config = self._config
        mid = 0.5 * (bid + ask)
        edge = np.searchsorted(EDGE_PRICES, np.minimum(mid, 1.0 - mid), side="right")
        left = np.searchsorted(LEFT_EDGES_S, left_s)
        usual = self._coin.touch * np.array(config.touch_shares)[left] * np.array(config.touch_by_edge)[edge]
        size: F8 = usual * split_lognormal(rng, config.touch_log_sd, (2, bid.shape[0]))
        size = np.maximum(np.round(size, 2), 0.1)[:, None, :]
        levels = simulated_levels(config)
        if levels == 1:
            return size
        deep = day.rng("depth", self._coin.name, self._interval_s)
        behind = deep.lognormal(0.0, config.depth_log_sd, (2, levels - 1, bid.shape[0]))
        behind *= np.array(config.depth_profile[1:levels])[None, :, None] * usual
        return np.concatenate([size, np.maximum(np.round(behind, 2), 0.01)], axis=1)


def simulated_levels(config: LabConfig) -> int:
    """Levels a side that exist, shown or not: what takers may walk, and one more that stays."""
    return max(config.depth_levels, 1, 0 if config.takers is None else config.takers.levels + 1)
