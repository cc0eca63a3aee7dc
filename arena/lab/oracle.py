"""The settlement feed: one report a second, received late."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.options import CoinModel
from arena.lab.path import Path
from arena.lab.streams import Day
from arena.lab.tables import SOURCE
from arena.market.schema import ORACLE
from arena.market.tape import F8, I8
from arena.units import MS, SECOND

_TAIL = 600
_UNITS_PER_USD = 10_000


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports for every second of a day and some of the seconds before it: times ns UTC, prices USD."""

    event_ns: I8
    price: F8

    def mean(self, at_ns: I8, lookback_s: int) -> F8:
        """Settlement reference at each moment: mean of the reports of the ``lookback_s`` seconds up to it.

        0 is the spot rule: the report for that second.
        """
        w = max(lookback_s, 1)
        # In whole ten-thousandths the sums are exact, so a close and the next open agree to the last bit.
        total = np.concatenate([[0], np.cumsum(np.rint(self.price * _UNITS_PER_USD).astype(np.int64))])
        hi = np.searchsorted(self.event_ns, at_ns, side="right")
        mean: F8 = (total[hi] - total[hi - w]) / (w * _UNITS_PER_USD)
        return mean


class OracleStream:
    """The reports of one coin, a day at a time. A day includes the second that closes it."""

    def __init__(self, config: LabConfig, coin: CoinModel) -> None:
        self._config = config
        self._coin = coin
        self._before = Reports(np.empty(0, dtype=np.int64), np.empty(0))
        self._last_recv_ns = 0

    def next(self, day: Day, path: Path) -> tuple[pl.DataFrame, Reports]:
        """Rows of the oracle table, and the reports with those before them."""
        config = self._config
        rng = day.rng("oracle", self._coin.name)
        begin_ns = day.begin_ns if day.first else day.begin_ns + SECOND
        event = np.arange(begin_ns, day.end_ns + SECOND, SECOND, dtype=np.int64)
        noise = np.asarray(rng.normal(0.0, config.oracle_noise_bps * 1e-4, event.shape[0]))
        price: F8 = np.round(np.exp(path.reported(event) + noise), 4).astype(np.float64)
        least, median, log_sd = config.oracle_recv_ms
        relay = least + rng.lognormal(math.log(median), log_sd, event.shape[0])
        recv = np.maximum.accumulate(np.maximum(event + (relay * MS).astype(np.int64), self._last_recv_ns))
        self._last_recv_ns = int(recv[-1])
        frame = pl.DataFrame({"event_ns": event, "recv_ns": recv, "price": price}).with_columns(
            asset=pl.lit(self._coin.name), feed=pl.lit("chainlink"), source=pl.lit(SOURCE)
        )
        before = self._before
        reports = Reports(np.concatenate([before.event_ns, event]), np.concatenate([before.price, price]))
        self._before = Reports(reports.event_ns[-_TAIL:], reports.price[-_TAIL:])
        return ORACLE.conform(frame), reports
