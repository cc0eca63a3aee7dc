"""One pass over the data for many replays: features once, then only the ticks that can matter.

Every tick is observed, in order. A tick is kept as a *candidate* when even the loosest configuration
of the sweep would enter there; no stricter configuration can then lose a decision. With each candidate
is kept the venue's book that an order sent from it would meet, so the tape of a day can be dropped
before the next is built and a month needs no more memory than its candidates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.engine.execution import ExecutionModel
from arena.engine.replay import N_REASONS, Arrivals
from arena.errors import DataError
from arena.jit import jit
from arena.market.tape import F4, F8, I8, Books, Records, Tape, candidates
from arena.strategies.base import Strategy, decide, observe
from arena.units import SECOND

if TYPE_CHECKING:
    from arena.market.windows import TapeNotes

MARK_STEP_NS = 10 * SECOND
"""Spacing of the grid on which open positions are marked."""


class Sample(NamedTuple):
    """What the model and the market said at one fixed moment of each window, for calibration.

    ``fair_up``, ``mid_up``: probability of UP by the model and by the book's mid, 0-1, NaN if unknown.
    """

    fair_up: F8
    mid_up: F8


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything replays need, for one set of features and one execution model.

    Attributes:
        ticks, signals, arrivals: the candidate ticks (``CANDIDATE_DTYPE``), their signals, the book an order
            would meet.
        windows: all windows of the span; ``first[w]:first[w + 1]`` are the candidates of window ``w``.
        market_ids: venue ids of the windows.
        marks: executable bid of UP and DOWN on a 10 s grid inside each window, USD per share,
            shape (n_windows, n_marks, 2); 0 where nobody bids.
        sample: model and market probability at the middle of each window.
        funnel: for each preset asked for, ticks per gate reason, shape (n_reasons,).
        n_ticks: decision ticks observed.
        notes: what the tapes said about themselves, one per day.
    """

    ticks: Records
    signals: Records
    arrivals: Arrivals
    first: I8
    windows: Records
    market_ids: tuple[str, ...]
    marks: F4
    sample: Sample
    funnel: dict[str, I8]
    n_ticks: int
    notes: tuple[TapeNotes, ...]


@jit
def observe_tape(ticks: Records, state: Records, params: Any, signals: Records) -> None:
    """Run ``observe`` over every tick, in order; one signal record per tick."""
    for i in range(ticks.shape[0]):
        observe(state[0], ticks[i], params, signals[i])


@jit
def mark_entries(ticks: Records, signals: Records, params: Any, keep: npt.NDArray[np.bool_]) -> None:
    """Set ``keep[i]`` where a flat strategy with ``params`` would enter."""
    for i in range(ticks.shape[0]):
        if ticks[i].window >= 0 and decide(signals[i], ticks[i], 0, params).action != 0:
            keep[i] = True


@jit
def count_reasons(ticks: Records, signals: Records, params: Any, counts: I8) -> None:
    """Add the gate reason of every tick, position or not, to ``counts``."""
    for i in range(ticks.shape[0]):
        counts[decide(signals[i], ticks[i], 0, params).reason] += 1


@jit
def _fill_arrival_rows(
    ticks: Records, windows: Records, first: I8, event_ns: I8, execution: ExecutionModel, out: I8
) -> None:
    """Row of the venue's book in force when an order sent at each tick would arrive; -1 = none or closed."""
    for i in range(ticks.shape[0]):
        w = ticks[i].window
        arrival = ticks[i].ts_ns + execution.network_ns + execution.delay_weight * windows[w].delay_ns
        if arrival >= windows[w].close_ns:
            out[i] = -1
            continue
        lo, hi = first[w], first[w + 1]
        row = lo + np.searchsorted(event_ns[lo:hi], arrival, side="right") - 1
        out[i] = row if row >= lo else -1


def arrival_rows(ticks: Records, windows: Records, books: Books, execution: ExecutionModel) -> I8:
    """Row of the venue's book in force when an order sent at each tick would arrive; -1 = none or closed."""
    rows = np.empty(ticks.shape[0], dtype=np.int64)
    _fill_arrival_rows(ticks, windows, books.first, books.event_ns, execution, rows)
    return rows


def _marks(tape: Tape) -> F4:
    """Executable bids on the mark grid, from the venue's own books."""
    win, books = tape.windows, tape.books
    n = win.shape[0]
    steps = int((win["close_ns"] - win["open_ns"]).max() // MARK_STEP_NS)
    out = np.zeros((n, steps, 2), dtype=np.float32)
    for w in range(n):
        lo, hi = books.first[w], books.first[w + 1]
        grid = win["open_ns"][w] + np.arange(steps) * MARK_STEP_NS
        row = lo + np.searchsorted(books.event_ns[lo:hi], grid, side="right") - 1
        ok = (row >= lo) & (grid < win["close_ns"][w])
        out[w, ok, 1] = np.nan_to_num(books.up_bid[row[ok]])
        out[w, ok, 0] = np.nan_to_num(books.down_bid[row[ok]])
    return out


def _sample(tape: Tape, signals: npt.NDArray[Any]) -> Sample:
    win, ticks = tape.windows, tape.ticks
    middle = (win["open_ns"] + win["close_ns"]) // 2
    at = np.minimum(np.searchsorted(ticks["ts_ns"], middle), ticks.shape[0] - 1)
    return Sample(signals["fair_up"][at], 0.5 * (ticks["up_bid"][at] + ticks["up_ask"][at]))


def met(books: Books, rows: I8) -> Arrivals:
    """Only the books that some order would meet: those at ``rows`` (-1 = none)."""
    used, remapped = np.unique(rows[rows >= 0], return_inverse=True)
    row = np.full(rows.shape[0], -1, dtype=np.int64)
    row[rows >= 0] = remapped
    return Arrivals(row, books.up_ask[used], books.up_ask_size[used], books.down_ask[used], books.down_ask_size[used])


def _join(parts: list[Any]) -> Any:
    """The parts as one array; the list is emptied."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def join_arrivals(parts: list[Arrivals]) -> Arrivals:
    """The books of all tapes under one numbering, padded to one depth; the list is emptied."""
    shift = np.cumsum([0, *(part.up_ask.shape[0] for part in parts)])
    row = np.concatenate([np.where(p.row >= 0, p.row + s, -1) for p, s in zip(parts, shift[:-1], strict=True)])
    columns = [list(column) for column in zip(*(part[1:] for part in parts), strict=True)]
    parts.clear()
    return Arrivals(row, *(_stack_levels(columns.pop(0), fill) for fill in (np.nan, 0.0, np.nan, 0.0)))


def _stack_levels(parts: list[F8], fill: float) -> F8:
    depth = max(p.shape[1] for p in parts)
    padded = [np.pad(p, ((0, 0), (0, depth - p.shape[1])), constant_values=fill) for p in parts]
    parts.clear()
    return np.ascontiguousarray(np.concatenate(padded))


def _require_sizes(tape: Tape) -> None:
    books = tape.books
    unknown = np.isinf(books.up_ask_size[:, 0]) & np.isfinite(books.up_ask[:, 0])
    unknown |= np.isinf(books.down_ask_size[:, 0]) & np.isfinite(books.down_ask[:, 0])
    if unknown.any():
        raise DataError(
            f"{int(unknown.sum())} quotes carry no displayed size, which execution 'latency' needs; "
            "set data.assumed_size_usd in the experiment, or use --execution touch."
        )


def with_assumed_sizes(books: Books, usd: float) -> Books:
    """``books`` with unknown displayed sizes replaced by ``usd`` dollars' worth of shares at the touch."""

    def known(size: F8, price: F8) -> F8:
        return np.where(np.isinf(size) & np.isfinite(price), usd / price, size)

    return books._replace(
        up_ask_size=known(books.up_ask_size, books.up_ask),
        down_ask_size=known(books.down_ask_size, books.down_ask),
    )


class Collector:
    """Gathers, tape by tape, what replays of one set of features and one execution model need.

    Args:
        strategy: gives the state and signal layouts.
        observe_params: feature levers; one pass serves every configuration that shares them.
        loosest: gate parameters from :meth:`Strategy.loosest`.
        execution: decides which book an order from each candidate would meet.
        funnels: named gate parameters whose refusals are counted over every tick.
        assumed_size_usd: displayed size, in dollars, where the recording has none.
    """

    def __init__(
        self,
        strategy: Strategy,
        observe_params: Any,
        loosest: Any,
        execution: ExecutionModel,
        *,
        funnels: dict[str, Any] | None = None,
        assumed_size_usd: float | None = None,
    ) -> None:
        self._strategy = strategy
        self._observe_params = observe_params
        self._loosest = loosest
        self._execution = execution
        self._funnels = funnels or {}
        self._assumed_size_usd = assumed_size_usd
        self._state = strategy.new_state()
        self._counts = {name: np.zeros(N_REASONS, dtype=np.int64) for name in self._funnels}
        self._candidates: list[Records] = []
        self._kept_signals: list[Records] = []
        self._arrivals: list[Arrivals] = []
        self._windows: list[Records] = []
        self._marks: list[F4] = []
        self._samples: list[Sample] = []
        self._notes: list[TapeNotes] = []
        self._n_ticks = 0
        self._signals = np.zeros(0, dtype=strategy.signal_dtype)

    def add(self, tape: Tape, note: TapeNotes) -> None:
        """Observe every tick of the next tape and keep its candidates.

        Raises:
            DataError: the execution model needs displayed sizes and the recording has none.
        """
        if self._assumed_size_usd is not None:
            tape = tape._replace(books=with_assumed_sizes(tape.books, self._assumed_size_usd))
        if self._execution.meets_book:
            _require_sizes(tape)
        ticks, win = tape.ticks, tape.windows
        if self._signals.shape[0] < ticks.shape[0]:
            self._signals = np.zeros(ticks.shape[0], dtype=self._strategy.signal_dtype)
        # Every tick writes its whole signal, so yesterday's array serves again.
        signals = self._signals[: ticks.shape[0]]
        observe_tape(ticks, self._state, self._observe_params, signals)
        keep = np.zeros(ticks.shape[0], dtype=np.bool_)
        mark_entries(ticks, signals, self._loosest, keep)
        for name, params in self._funnels.items():
            count_reasons(ticks, signals, params, self._counts[name])
        index = np.flatnonzero(keep)
        chosen = candidates(ticks, index)
        rows = arrival_rows(chosen, win, tape.books, self._execution)
        chosen["window"] += sum(w.shape[0] for w in self._windows)
        self._candidates.append(chosen)
        self._kept_signals.append(signals[index])
        self._arrivals.append(met(tape.books, rows))
        self._windows.append(win)
        self._marks.append(_marks(tape))
        self._samples.append(_sample(tape, signals))
        self._notes.append(note)
        self._n_ticks += ticks.shape[0]

    def prepared(self) -> Prepared:
        """Everything gathered, joined. Ends the collection: each part is let go as soon as it is joined, so
        that a long span is never held twice.

        Raises:
            DataError: no tape was added.
        """
        if not self._windows:
            raise DataError("there is nothing to replay: no tape in the chosen span.")
        windows = np.concatenate(self._windows)
        ticks = _join(self._candidates)
        signals = _join(self._kept_signals)
        arrivals = join_arrivals(self._arrivals)
        depth = max(m.shape[1] for m in self._marks)
        return Prepared(
            ticks=ticks,
            signals=signals,
            arrivals=arrivals,
            first=np.searchsorted(ticks["window"], np.arange(windows.shape[0] + 1)).astype(np.int64),
            windows=windows,
            market_ids=tuple(m for note in self._notes for m in note.market_ids),
            marks=np.concatenate([np.pad(m, ((0, 0), (0, depth - m.shape[1]), (0, 0))) for m in self._marks]),
            sample=Sample._make(np.concatenate(column) for column in zip(*self._samples, strict=True)),
            funnel=self._counts,
            n_ticks=self._n_ticks,
            notes=tuple(self._notes),
        )


def prepare(
    strategy: Strategy,
    observe_params: Any,
    loosest: Any,
    tapes: Iterable[tuple[Tape, TapeNotes]],
    execution: ExecutionModel,
    *,
    funnels: dict[str, Any] | None = None,
    assumed_size_usd: float | None = None,
) -> Prepared:
    """A :class:`Collector` run over ``tapes``, consecutive and in order."""
    collector = Collector(
        strategy, observe_params, loosest, execution, funnels=funnels, assumed_size_usd=assumed_size_usd
    )
    for tape, note in tapes:
        collector.add(tape, note)
    return collector.prepared()
