"""A recorded price under the lab's venues: what was seen is kept, what lies between is bridged, gaps stay gaps.

Between two observations the path is a Brownian bridge. Real minutes are not all alike, and a bridge of the usual
variance over an unusual move would drift: whoever saw its first seconds would know where it ends. So each bridge
has a variance of its own, drawn from what is left to believe about it once its move is known (:func:`variances`);
the path is then a mixture of Brownian motions, in which the past of a move says nothing about the rest of it.

Where observations are further apart than the configuration allows, nothing is invented: windows, prices and reports
in there are left out, and rows of the gaps table say so.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.errors import DataError
from arena.jit import jit
from arena.lab.config import LabConfig
from arena.lab.options import CoinModel, RecordedModel
from arena.lab.path import STEP_MS, STEPS_PER_S, Common, Path, grid, join
from arena.lab.silence import gap_rows
from arena.lab.streams import AFTER_S, BEFORE_S, Day, stream
from arena.market.tape import F8, I8
from arena.market.windows import Source
from arena.units import MS, SECOND, YEAR_S

TABLES = ("oracle", "spot", "bars")
"""Where a path may come from, best first: reports, ticks, closes of bars."""
_STRIKE_NS = 60 * SECOND
_VOL_STEP_S = 60
_VOL_HALFLIFE_MIN = 30.0
_LEAST_SIGMA = 0.02
_LEAST_NU, _MOST_NU = 4.2, 200.0
"""Tails of a move: from a kurtosis of 33 to a normal one."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Prices (USD or USDT) seen at ``t_ns`` (ns UTC, strictly ascending)."""

    t_ns: I8
    price: F8

    def digest(self) -> str:
        """Hash of every time and price."""
        return hashlib.sha256(self.t_ns.tobytes() + self.price.tobytes()).hexdigest()[:16]

    def gaps(self, max_gap_s: float) -> tuple[I8, I8]:
        """Start and end of the spans without observations, before the first and after the last included."""
        edge = np.concatenate([[np.iinfo(np.int64).min], self.t_ns, [np.iinfo(np.int64).max]])
        wide = np.concatenate([[True], np.diff(self.t_ns) > max_gap_s * SECOND, [True]])
        return edge[:-1][wide], edge[1:][wide]


def observe(data: Source, table: str, asset: str, source: str, venue: str) -> Observations:
    """The prices of one coin that one recorder saw on one venue (of an oracle: feed).

    A bar counts at its close, a quote as its mid. Of several prices within one step of the grid the last counts.

    Raises:
        DataError: there are fewer than two.
    """
    rows = data.scan(table, asset=asset, source=source)
    if table == "bars":
        rows = rows.filter((pl.col("venue") == venue) & (pl.col("interval_s") == pl.col("interval_s").min()))
        seen = rows.select(t=pl.col("event_ns") + pl.col("interval_s").cast(pl.Int64) * SECOND, price="close")
    elif table == "oracle":
        seen = rows.filter(pl.col("feed") == venue).select(t="event_ns", price="price")
    else:
        mid = (pl.col("bid") + pl.col("ask")) / 2.0
        rows = rows.filter(pl.col("venue") == venue)
        seen = rows.select(t=pl.coalesce("event_ns", "recv_ns"), price=pl.coalesce(mid, "last"))
    frame = seen.drop_nulls().sort("t", maintain_order=True).collect()
    frame = frame.filter((pl.col("t") // (STEP_MS * MS)).is_last_distinct())
    if frame.height < 2:
        raise DataError(f"{table} of {source} on {venue} holds {frame.height} prices of {asset}; a path needs two.")
    return Observations(frame["t"].to_numpy(), frame["price"].cast(pl.Float64).to_numpy())


class RecordedPath:
    """One coin's recorded price as an efficient path, a day at a time."""

    def __init__(self, config: LabConfig, coin: CoinModel, model: RecordedModel, seen: Observations) -> None:
        self._coin = coin
        self._seen = seen
        self._max_gap_ns = int(model.max_gap_s * SECOND)
        self._span = (config.start_ns - BEFORE_S * SECOND, config.end_ns + AFTER_S * SECOND)
        self._vol_t_ns, self._vol = _local_volatility(seen, self._max_gap_ns)
        self._per_ns = np.sqrt(self._variances(stream(config.seed, "path", coin.name, "variance")))
        self._state = np.array([math.log(seen.price[0])])
        self._before: Path | None = None
        start, stop = seen.gaps(model.max_gap_s)
        start, stop = np.maximum(start, self._span[0]), np.minimum(stop, self._span[1])
        self.gaps: tuple[I8, I8] = (start[start < stop], stop[start < stop])
        """Spans of the market that were not recorded."""

    def next(self, day: Day, common: Common) -> Path:
        """The path of the day, with the tail of the one before; flat inside a gap."""
        origin_ns, seconds = grid(day)
        z = day.rng("path", self._coin.name, "bridge").standard_normal(seconds * 1000 // STEP_MS)
        second = origin_ns + np.arange(seconds, dtype=np.int64) * SECOND
        nearest = np.clip(np.searchsorted(self._vol_t_ns, second), 0, self._vol.shape[0] - 1)
        sigma = self._vol[nearest]
        log_price = np.empty(z.shape[0])
        _bridge(
            origin_ns, STEP_MS * MS, self._seen.t_ns, np.log(self._seen.price), self._max_gap_ns, self._per_ns, z,
            self._state, log_price,
        )  # fmt: skip
        path = join(
            self._before,
            Path(
                origin_ns,
                log_price,
                sigma,
                log_price[::STEPS_PER_S].copy(),
                np.empty((0, seconds)),
                np.empty(0),
                np.empty(0),
            ),
        )
        self._before = path.tail()
        return path

    def _variances(self, rng: np.random.Generator) -> F8:
        """Variance per ns of the bridge after each observation but the last."""
        apart = np.diff(self._seen.t_ns)
        middle = self._seen.t_ns[:-1] + apart // 2
        nearest = np.clip(np.searchsorted(self._vol_t_ns, middle), 0, self._vol.shape[0] - 1)
        usual = self._vol[nearest] ** 2 / (YEAR_S * 1e9) * apart
        bridged = apart <= self._max_gap_ns
        drawn = np.zeros(apart.shape[0])
        moves = np.diff(np.log(self._seen.price))
        drawn[bridged] = variances(moves[bridged], usual[bridged], rng) / apart[bridged]
        return drawn

    def gaps_of(self, day: Day) -> pl.DataFrame:
        """Rows of the gaps table for the spans that begin on this day."""
        start, stop = self.gaps
        mine = (start >= day.begin_ns) & (start < day.end_ns)
        return gap_rows(start[mine], stop[mine], "path", "not_recorded", self._coin.name)


def variances(move: F8, usual: F8, rng: np.random.Generator) -> F8:
    """A variance for each move, from its posterior: moves are taken as Student's t around their usual variance.

    A t variable with nu degrees of freedom is a normal one whose variance is nu s^2 over a chi-square; given the move
    r, nu s^2 + r^2 over a chi-square with nu + 1 (Gelman et al., Bayesian Data Analysis, 3rd ed., section 17.2). The
    degrees of freedom follow from the kurtosis of the moves, 3 (nu - 2)/(nu - 4), and the scale from their variance.

    Args:
        move: log returns, shape (n,).
        usual: variance expected of each, shape (n,).
        rng: what is drawn from.
    """
    share = move**2 / usual
    mean = float(share.mean()) if share.size else 0.0
    if mean <= 0.0:
        return usual.copy()
    kurtosis = float((share**2).mean()) / mean**2
    nu = min(max((4.0 * kurtosis - 6.0) / (kurtosis - 3.0), _LEAST_NU), _MOST_NU) if kurtosis > 3.0 else _MOST_NU
    scale = usual * mean * (nu - 2.0) / nu
    drawn: F8 = (nu * scale + move**2) / rng.chisquare(nu + 1.0, move.shape[0])
    return drawn


def digest_of(seen: Mapping[str, Observations]) -> str:
    """Hash of all observations, by asset."""
    return hashlib.sha256("".join(f"{a} {seen[a].digest()}\n" for a in sorted(seen)).encode()).hexdigest()[:16]


def outside(gaps: tuple[I8, I8]) -> Callable[[str, pl.DataFrame], pl.DataFrame]:
    """A filter of the lab's tables that drops what a gap touches.

    A window goes if its life, or the minute before it that its strike averages, meets a gap, and everything about the
    window with it; a price or a report goes if it happened in one; a day's bands go if its end or start lies in one.
    """
    start, stop = gaps
    kept: set[str] = set()

    def touched(begin: pl.Series, end: pl.Series) -> pl.Series:
        # The first gap that ends after the span begins: does it begin before the span ends? Its edges were seen.
        k = np.searchsorted(stop, begin.to_numpy(), side="right")
        return pl.Series(np.append(start, np.iinfo(np.int64).max)[k] < end.to_numpy(), dtype=pl.Boolean)

    def without(table: str, rows: pl.DataFrame) -> pl.DataFrame:
        if table == "windows":
            rows = rows.filter(~touched(rows["open_ns"] - _STRIKE_NS, rows["close_ns"]))
            kept.update(rows["market_id"])
        elif table == "universe":
            decided = touched(rows["start_ns"], rows["start_ns"]) | touched(rows["end_ns"], rows["end_ns"])
            rows = rows.filter(~decided)
            kept.update(rows["market_id"])
        elif table in ("spot", "oracle"):
            rows = rows.filter(~touched(rows["event_ns"], rows["event_ns"]))
        elif table != "gaps":
            rows = rows.filter(pl.col("market_id").is_in(list(kept)))
            if table == "universe_quotes":
                rows = rows.filter(~touched(rows["event_ns"], rows["event_ns"]))
        return rows

    return without


def _local_volatility(seen: Observations, max_gap_ns: int) -> tuple[I8, F8]:
    """Annualised volatility each minute: squared minute returns, averaged exponentially into both directions."""
    step_ns = _VOL_STEP_S * SECOND
    t = np.arange(seen.t_ns[0], seen.t_ns[-1] + 1, step_ns, dtype=np.int64)
    row = np.searchsorted(seen.t_ns, t, side="right") - 1
    fresh = t - seen.t_ns[row] <= max_gap_ns
    squared = np.full(t.shape[0], np.nan)
    squared[1:] = np.diff(np.log(seen.price[row])) ** 2
    squared[1:][~(fresh[1:] & fresh[:-1])] = np.nan
    series = pl.Series(squared).fill_nan(None)
    ahead = series.ewm_mean(half_life=_VOL_HALFLIFE_MIN, ignore_nulls=True).fill_null(strategy="backward")
    back = series.reverse().ewm_mean(half_life=_VOL_HALFLIFE_MIN, ignore_nulls=True).reverse()
    both = pl.select(pl.mean_horizontal(ahead.fill_null(strategy="forward"), back)).to_series()
    return t, np.maximum(np.sqrt(both.fill_null(0.0).to_numpy() * (YEAR_S / _VOL_STEP_S)), _LEAST_SIGMA)


@jit
def _bridge(
    origin_ns: int,
    step_ns: int,
    seen_ns: I8,
    seen_log: F8,
    max_gap_ns: int,
    sd_after: F8,
    z: F8,
    state: F8,
    out: F8,
) -> None:
    """Brownian bridge from observation to observation on the grid; ``state`` is the log price it goes on from.

    ``sd_after`` holds the standard deviation per root ns between each observation and the next.
    """
    x = state[0]
    at = origin_ns - step_ns
    j = np.searchsorted(seen_ns, at, side="right") - 1
    m = seen_ns.shape[0]
    for k in range(out.shape[0]):
        t = origin_ns + k * step_ns
        while j + 1 < m and seen_ns[j + 1] <= t:
            j += 1
            x, at = seen_log[j], seen_ns[j]
        if j >= 0 and j + 1 < m and t > at and seen_ns[j + 1] - seen_ns[j] <= max_gap_ns:
            ahead, step = seen_ns[j + 1] - at, t - at
            x += (seen_log[j + 1] - x) * step / ahead + sd_after[j] * math.sqrt(step * (ahead - step) / ahead) * z[k]
            at = t
        out[k] = x
    state[0] = x
