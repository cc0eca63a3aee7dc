"""Does a strategy, or the tape it reads, see the future? Three experiments that would show it.

*Truncation*: the first ``k`` ticks alone give the signals and decisions they give inside the whole tape.
*Future*: everything recorded after a moment is dropped, or replaced by nonsense, in the source tables;
the tape is built again, and nothing up to that moment may change. That puts the tape builder itself on
trial: strikes, running averages, window facts. *Chunks*: one tape, or two with the state carried over,
give the same signals.

Every comparison is bit for bit; NaN equals NaN. Nothing is read but the frames handed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.engine.prepare import observe_tape
from arena.errors import DataError
from arena.jit import jit
from arena.market.build import TAIL_NS, WARMUP_NS, build_tape
from arena.market.schema import TABLES
from arena.market.tape import Records
from arena.market.windows import STRIKE_RELAY_NS, Market, Source
from arena.strategies.base import Configuration, Strategy, decide
from arena.units import SECOND

DECISION_DTYPE = np.dtype(
    [
        ("action", np.int64),
        ("reason", np.int64),
        ("limit_price", np.float64),
        ("probability", np.float64),
        ("expected_return", np.float64),
    ]
)
"""One intent of a flat strategy per tick, fields as in :class:`arena.strategies.base.Intent`."""

_GUARD = 4
_READ = ("spot", "binary_quotes", "oracle")
_OPEN_NS, _TWAP_NS = SECOND, 70 * SECOND


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first difference found: which cut, which tick, which table of records and field."""

    cut_ns: int
    tick: int
    ts_ns: int
    where: str
    field: str

    def __str__(self) -> str:
        return f"{self.where}.{self.field} of tick {self.tick} (at {self.ts_ns}) changes with data after {self.cut_ns}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One experiment: how often it was tried, how many ticks were compared, and the first difference."""

    name: str
    cuts: int
    ticks: int
    mismatch: Mismatch | None

    @property
    def passed(self) -> bool:
        """No difference was found."""
        return self.mismatch is None


@dataclass(frozen=True, slots=True)
class CausalityReport:
    """What :func:`check` found for one strategy and configuration."""

    strategy: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Every experiment compared something somewhere, and none found a difference."""
        return all(f.passed for f in self.findings) and any(f.ticks for f in self.findings)


class Frames:
    """Catalog tables in memory, as a :class:`arena.market.build.Source`; absent tables are empty."""

    def __init__(self, frames: dict[str, pl.DataFrame]) -> None:
        self.frames = frames

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
        spec = TABLES[table]
        rows = self.frames.get(table, spec.empty()).lazy()
        if asset is not None:
            rows = rows.filter(pl.col("asset") == asset)
        if source is not None:
            rows = rows.filter(pl.col("source") == source)
        if start_ns is not None:
            rows = rows.filter(pl.col(spec.time) >= start_ns)
        if end_ns is not None:
            rows = rows.filter(pl.col(spec.time) < end_ns)
        return rows


def check(
    strategy: Strategy,
    data: Source,
    market: Market,
    windows: pl.DataFrame,
    configuration: Configuration,
    *,
    cuts: int = 8,
    rng: np.random.Generator,
) -> CausalityReport:
    """Try every experiment at ``cuts`` moments of the span of ``windows`` and report the first differences.

    The span is built again twice per cut, so hand in an hour or a few rather than a month.

    Args:
        strategy: any registered strategy.
        data: the recording, or frames in memory.
        market: which market, on which decision grid.
        windows: consecutive windows from :func:`arena.market.build.find_windows`.
        configuration: levers to run with.
        cuts: how many moments to try.
        rng: chooses the moments and the nonsense.

    Raises:
        DataError: no spot prices or quotes in the span, or no moment at which anything could be compared.
    """
    frames = _load(data, market, windows)
    tape, notes = build_tape(frames, market, windows)
    ticks = tape.ticks
    signals, decisions = run_strategy(strategy, configuration, [ticks])
    at = _moments(ticks, cuts, rng)

    truncated = _Tally("truncation")
    for k in at:
        truncated.compare(
            ticks["ts_ns"][k], ticks, signals, decisions, *_again(strategy, configuration, ticks[: k + 1])
        )
    tallies = [truncated]
    for name, change in (("future dropped", _dropped), ("future scrambled", _scrambled)):
        tally = _Tally(name)
        for k in at:
            cut_ns = int(ticks["ts_ns"][k])
            other, rows = change(frames.frames, windows, cut_ns, rng)
            rebuilt = build_tape(Frames(other), market, rows, notes.venues)[0].ticks[: k + 1]
            tally.compare(cut_ns, ticks[: k + 1], signals, decisions, *_again(strategy, configuration, rebuilt))
        tallies.append(tally)
    tallies.append(_chunks(strategy, configuration, frames, market, windows, signals, decisions))
    return CausalityReport(strategy.id, tuple(t.finding() for t in tallies))


def run_strategy(strategy: Strategy, configuration: Configuration, parts: Iterable[Records]) -> tuple[Records, Records]:
    """Signals and flat decisions at every tick of ``parts``, the state carried from one part to the next.

    Each part is followed by blank guard records, so that a strategy reading past its own record meets
    the same emptiness however long the tape is.
    """
    state = strategy.new_state()
    all_signals, all_decisions = [], []
    for ticks in parts:
        padded = np.zeros(ticks.shape[0] + _GUARD, dtype=ticks.dtype)
        padded[: ticks.shape[0]] = ticks
        signals = np.zeros(ticks.shape[0], dtype=strategy.signal_dtype)
        decisions = np.zeros(ticks.shape[0], dtype=DECISION_DTYPE)
        observe_tape(padded[: ticks.shape[0]], state, configuration.observe, signals)
        _decide_all(padded[: ticks.shape[0]], signals, configuration.decide, decisions)
        all_signals.append(signals)
        all_decisions.append(decisions)
    return np.concatenate(all_signals), np.concatenate(all_decisions)


def first_difference(left: Records, right: Records, upto: int) -> tuple[int, str] | None:
    """Index and field of the first difference among the first ``upto`` records; NaN equals NaN.

    A side with fewer records differs at its end, in field ``length``.
    """
    n = min(upto, left.shape[0], right.shape[0])
    found: tuple[int, str] | None = (n, "length") if n < upto else None
    for name in left.dtype.names or ():
        a, b = left[name][:n], right[name][:n]
        same = a == b
        if a.dtype.kind == "f":
            same |= np.isnan(a) & np.isnan(b)
        wrong = np.flatnonzero(~same.reshape(n, -1).all(axis=1))
        if wrong.size and (found is None or wrong[0] < found[0]):
            found = int(wrong[0]), name
    return found


@jit
def _decide_all(ticks: Records, signals: Records, params: Any, out: Records) -> None:
    for i in range(ticks.shape[0]):
        intent = decide(signals[i], ticks[i], 0, params)
        record = out[i]
        record.action, record.reason = intent.action, intent.reason
        record.limit_price, record.probability = intent.limit_price, intent.probability
        record.expected_return = intent.expected_return


class _Tally:
    """Counts comparisons of one experiment and keeps the first difference."""

    def __init__(self, name: str) -> None:
        self.name, self.cuts, self.ticks = name, 0, 0
        self.mismatch: Mismatch | None = None

    def compare(
        self,
        cut_ns: int,
        ticks: Records,
        signals: Records,
        decisions: Records,
        other_ticks: Records,
        other_signals: Records,
        other_decisions: Records,
        upto: int | None = None,
    ) -> None:
        n = min(other_ticks.shape[0], ticks.shape[0]) if upto is None else upto
        self.cuts += 1
        self.ticks += n
        pairs = (
            ("ticks", ticks, other_ticks),
            ("signals", signals, other_signals),
            ("decisions", decisions, other_decisions),
        )
        for where, a, b in pairs:
            found = first_difference(a, b, n)
            if found is not None and self.mismatch is None:
                tick = min(found[0], ticks.shape[0] - 1)
                self.mismatch = Mismatch(int(cut_ns), tick, int(ticks["ts_ns"][tick]), where, found[1])

    def finding(self) -> Finding:
        return Finding(self.name, self.cuts, self.ticks, self.mismatch)


def _again(strategy: Strategy, configuration: Configuration, ticks: Records) -> tuple[Records, Records, Records]:
    return ticks, *run_strategy(strategy, configuration, [ticks])


def _load(data: Source, market: Market, windows: pl.DataFrame) -> Frames:
    """Everything a build of this span can read, in memory once."""
    start_ns, end_ns = int(windows["open_ns"][0]) - WARMUP_NS, int(windows["close_ns"].max()) + TAIL_NS  # type: ignore[arg-type]
    source = {"binary_quotes": str(windows["source"][0]), "spot": market.spot_source, "oracle": None}
    return Frames(
        {
            table: data.scan(
                table, asset=market.asset, start_ns=start_ns, end_ns=end_ns, source=source[table]
            ).collect()
            for table in _READ
        }
    )


def _moments(ticks: Records, cuts: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Tick numbers to cut after: in turn anywhere, just after an open, and late in a window.

    Strikes become known just after an open, and settlement averages fill up before a close. Where reports
    are recorded the cut falls on the tick before one arrives: there even a glimpse one tick ahead shows.
    """
    ts, seen = ticks["ts_ns"], ticks["up_ask"] == ticks["up_ask"]
    seen = np.maximum.accumulate(seen) & (ticks["window"] >= 0)
    news = np.append(np.diff(ticks["oracle_event_ns"]) != 0, False)
    late = seen & (ticks["close_ns"] - ts < _TWAP_NS)
    pools = [
        np.flatnonzero(pool)
        for pool in (
            seen & news if (seen & news).any() else seen,
            seen & (ts - ticks["open_ns"] < _OPEN_NS) & (ticks["window"] > 0),
            late & news if (late & news).any() else late,
        )
    ]
    if not pools[0].size:
        raise DataError("no quote was received in the span, so there is no decision to check.")
    chosen = [
        int(rng.choice(pool if pool.size else pools[0])) for _, pool in zip(range(cuts), pools * cuts, strict=False)
    ]
    return np.sort(np.array(chosen, dtype=np.int64))


Changed = tuple[dict[str, pl.DataFrame], pl.DataFrame]


def _dropped(frames: dict[str, pl.DataFrame], windows: pl.DataFrame, cut_ns: int, rng: np.random.Generator) -> Changed:
    """The recording as it stood at ``cut_ns``: no later row, no later fact about a window."""
    none = pl.lit(None)
    ended, unopened = _unknown(cut_ns)
    rows = windows.with_columns(
        *(
            pl.when(ended).then(none).otherwise(pl.col(name)).alias(name)
            for name in ("settle_price", "outcome", "outcome_source", "resolved_ns", "volume")
        ),
        strike=pl.when(unopened).then(none).otherwise(pl.col("strike")),
    )
    return {name: frame.filter(pl.col("recv_ns") <= cut_ns) for name, frame in frames.items()}, rows


def _scrambled(
    frames: dict[str, pl.DataFrame], windows: pl.DataFrame, cut_ns: int, rng: np.random.Generator
) -> Changed:
    """Another future after ``cut_ns``: other prices, other times of receipt, every outcome flipped."""
    ended, unopened = _unknown(cut_ns)
    other = np.exp(rng.normal(0.0, 0.01, windows.height))
    flipped = pl.col("outcome").replace({"up": "down", "down": "up"})
    rows = windows.with_columns(
        strike=pl.when(unopened).then(pl.col("strike") * other).otherwise(pl.col("strike")),
        settle_price=pl.when(ended).then(pl.col("settle_price") / other).otherwise(pl.col("settle_price")),
        outcome=pl.when(ended).then(flipped).otherwise(pl.col("outcome")),
        resolved_ns=pl.when(ended).then(pl.col("resolved_ns") + SECOND).otherwise(pl.col("resolved_ns")),
        volume=pl.when(ended).then(0.0).otherwise(pl.col("volume")),
    )
    changed = {}
    for name, frame in frames.items():
        past, future = frame.filter(pl.col("recv_ns") <= cut_ns), frame.filter(pl.col("recv_ns") > cut_ns)
        later = future.with_columns(recv_ns=pl.col("recv_ns") + rng.integers(0, SECOND, future.height))
        changed[name] = pl.concat([past, _nonsense(name, later, rng).sort("recv_ns", maintain_order=True)])
    return changed, rows


def _unknown(cut_ns: int) -> tuple[pl.Expr, pl.Expr]:
    """Windows that had not ended, and windows whose strike nobody could know, at ``cut_ns``."""
    return pl.col("close_ns") > cut_ns, pl.col("open_ns") + STRIKE_RELAY_NS > cut_ns


def _nonsense(table: str, rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The same rows with other, still well-formed, numbers."""
    n = rows.height
    if table != "binary_quotes":
        factor = np.exp(rng.normal(0.0, 0.01, n))
        prices = ("price",) if table == "oracle" else ("bid", "ask", "last")
        return rows.with_columns((pl.col(p) * factor).alias(p) for p in prices)
    mid = np.round(rng.uniform(0.05, 0.95, n), 2)
    prices_of = {"up_bid": mid - 0.01, "up_ask": mid + 0.01, "down_bid": 0.99 - mid, "down_ask": 1.01 - mid}
    depth = [c for c in rows.columns if c.endswith(("s_px", "s_sz"))]
    return rows.with_columns(
        *(pl.Series(c, np.round(values, 4)) for c, values in prices_of.items()),
        *(pl.Series(f"{c}_size", np.exp(rng.normal(3.0, 1.0, n))) for c in prices_of),
        *(pl.lit(None, dtype=rows.schema[c]).alias(c) for c in depth),
    )


def _chunks(
    strategy: Strategy,
    configuration: Configuration,
    frames: Frames,
    market: Market,
    windows: pl.DataFrame,
    signals: Records,
    decisions: Records,
) -> _Tally:
    """Two tapes with the state carried over, split where both grids agree: at a midnight, else near the middle."""
    tally = _Tally("chunks")
    open_ns, close_ns = windows["open_ns"].to_numpy(), windows["close_ns"].to_numpy()
    step_ns = max(market.step_ms, 0) * 1_000_000
    fits = [
        m
        for m in range(1, windows.height)
        if open_ns[m] == close_ns[m - 1] and (step_ns == 0 or (open_ns[m] - open_ns[0]) % step_ns == 0)
    ]
    if not fits:
        return tally
    midnight = [m for m in fits if open_ns[m] % (86_400 * SECOND) == 0]
    m = min(midnight or fits, key=lambda m: abs(2 * m - windows.height))
    one, notes = build_tape(frames, market, windows[:m])
    two, _ = build_tape(frames, market, windows[m:], notes.venues)
    parts = [one.ticks, two.ticks]
    ticks = np.concatenate(parts)
    tally.compare(
        int(open_ns[m]),
        ticks,
        signals,
        decisions,
        ticks,
        *run_strategy(strategy, configuration, parts),
        signals.shape[0],
    )
    return tally
