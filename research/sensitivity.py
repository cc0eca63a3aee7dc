"""What an edge needs: the out-of-sample result against latency, against cost, and against each lever.

Every point replays the walk-forward's own choices on the test windows with exactly one condition changed, so the
point at the run's own settings is the out-of-sample result itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arena.costs import CostModel
from arena.engine.execution import ExecutionModel, execution_model
from arena.engine.prepare import Prepared
from arena.engine.run import Sweep, sweep
from arena.engine.vary import admitting, at_latencies, windows_between
from arena.market.tape import Books
from arena.strategies.base import Configuration, Strategy
from arena.validation.serial import default_lags, standard_error_mean_hac

F8 = npt.NDArray[np.float64]

LATENCIES_MS = (0.0, 25.0, 50.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0)
COST_MULTIPLES = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
SHIFTS = (-0.25, -0.10, -0.05, 0.0, 0.05, 0.10, 0.25)
"""Moves of a lever, as a share of the range that the grid searched."""
NEAR = 0.10
"""Moves up to here are small ones."""
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Curve:
    """The out-of-sample result with one setting moved.

    ``at`` are the values of the setting in ``unit``, ascending; ``base`` is the run's own. ``bets`` counts bets,
    ``mean`` is the return per window and dollar at risk, ``lower`` and ``upper`` its 95 % interval (Newey-West).
    """

    name: str
    unit: str
    base: float
    at: F8
    bets: npt.NDArray[np.int64]
    mean: F8
    lower: F8
    upper: F8

    def said(self, at: float) -> str:
        """``at`` with its unit."""
        return f"{at:,.0f} ms" if self.unit == "ms" else f"{at:.3g} {self.unit}"

    def value(self, at: float) -> float:
        """Return per window at ``at``, linear between the points."""
        return float(np.interp(at, self.at, self.mean))

    def lowest(self, until: float) -> float:
        """Lowest return per window at the base and the points from there to ``until``."""
        return float(self.mean[(self.at >= self.base) & (self.at <= until)].min())

    @property
    def breaks_at(self) -> float:
        """First setting from the base on where nothing is earned, linear between points; inf = none that was tried."""
        return self._first_not_above_zero(self.mean)

    @property
    def doubtful_from(self) -> float:
        """First setting from the base on whose interval includes zero, linear between points; inf = none tried."""
        return self._first_not_above_zero(self.lower)

    def _first_not_above_zero(self, y: F8) -> float:
        if np.interp(self.base, self.at, y) <= 0.0:
            return self.base
        above = np.flatnonzero((self.at > self.base) & (y <= 0.0))
        if above.size == 0:
            return float("inf")
        k = int(above[0])
        x0, x1, y0, y1 = self.at[k - 1], self.at[k], y[k - 1], y[k]
        return float(x0 + (x1 - x0) * y0 / (y0 - y1))


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The curves; ``latency`` is None where orders do not travel (execution ``touch``).

    ``neighbours`` are the stitched test series behind every moved lever, shape (test windows, moves), and
    ``moves`` says which lever was moved by which share of its searched range.
    """

    latency: Curve | None
    cost: Curve
    levers: tuple[Curve, ...]
    moves: tuple[tuple[str, float], ...]
    neighbours: F8

    @property
    def near(self) -> tuple[tuple[str, float, float], ...]:
        """Moves of one lever by up to a tenth of its range: lever, share of the range, return per window there."""
        return tuple(
            (curve.name, float(shift), float(mean))
            for curve in self.levers
            for shift, mean in zip(curve.at, curve.mean, strict=True)
            if 0.0 < abs(shift) <= NEAR
        )

    @property
    def profitable_neighbours(self) -> float:
        """Share of the ``near`` moves that still earn; NaN if nothing was moved."""
        return float(np.mean([mean > 0.0 for _, _, mean in self.near])) if self.near else float("nan")


@dataclass(frozen=True, slots=True)
class Stretch:
    """One test fold: its windows (half-open) and the configuration chosen for it, None = sat out."""

    begin: int
    end: int
    chosen: Configuration | None


def sensitivity(
    strategy: Strategy,
    prepared: Prepared,
    stretches: Sequence[Stretch],
    grid: Sequence[Configuration],
    execution: ExecutionModel,
    costs: CostModel,
    network_ms: float,
    margin_ms: float,
    multiple: float,
    books: Callable[[int, int], Iterable[Books]],
    *,
    assumed_size_usd: float | None = None,
    jobs: int = 1,
    step: Callable[[str], None] = lambda label: None,
) -> Sensitivity:
    """Move one condition at a time.

    Args:
        strategy: whose levers are moved.
        prepared: the candidates of the whole span.
        stretches: the test folds in order, without gaps.
        grid: the searched configurations; a lever is moved within the values that occur in it.
        execution: the run's execution model.
        costs: the run's cost model.
        network_ms: the run's one-way travel time, ms.
        margin_ms, multiple: how much slower, and how many times as dear, the policy asks about; both are points of
            the curves, so that its gates read what was replayed.
        books: the venue's books of windows ``begin`` to ``end``, in parts.
        assumed_size_usd: displayed size where none was recorded, USD.
        jobs: threads.
        step: told of every curve.
    """
    begin, end = stretches[0].begin, stretches[-1].end
    at_ms = sorted({*LATENCIES_MS, network_ms, network_ms + margin_ms}) if execution.meets_book else []
    models = [execution_model("latency", ms) for ms in at_ms]
    multiples = sorted({*COST_MULTIPLES, multiple})
    charged = [CostModel(costs.flat_rate * m, costs.fee_weight * m) for m in multiples]
    searched = _searched(grid)
    moves = tuple((name, shift) for name in searched for shift in SHIFTS if shift != 0.0)

    by_cost, by_latency = _Points(end - begin, len(charged)), _Points(end - begin, len(models))
    by_move = _Points(end - begin, len(moves))
    for s in stretches:
        if s.chosen is not None:
            rows = slice(s.begin - begin, s.end - begin)
            fold = windows_between(prepared, s.begin, s.end)
            part = admitting(strategy, fold, [s.chosen])
            for k, cost in enumerate(charged):
                by_cost.put(rows, k, sweep(strategy, part, [s.chosen], execution, cost))
            if models:
                moved = at_latencies(part, books(s.begin, s.end), models, assumed_size_usd)
                for k, (model, there) in enumerate(zip(models, moved, strict=True)):
                    by_latency.put(rows, k, sweep(strategy, there, [s.chosen], model, costs))
            if moves:
                near = [_moved(strategy, s.chosen, name, shift, searched[name]) for name, shift in moves]
                by_move.put(rows, slice(None), sweep(strategy, fold, near, execution, costs, jobs=jobs))
        step(f"windows {s.begin} to {s.end}")

    home = multiples.index(1.0)
    unit = "the venue's fee" if costs.fee_weight else "the flat cost"
    return Sensitivity(
        latency=_curve("latency", "ms", network_ms, at_ms, by_latency) if models else None,
        cost=_curve("cost", f"times {unit}", 1.0, multiples, by_cost),
        levers=tuple(_lever_curve(name, moves, by_move, by_cost, home) for name in searched),
        moves=moves,
        neighbours=by_move.returns,
    )


class _Points:
    """Test windows by points of a curve: return per dollar at risk (0 = no bet), and whether a bet was made."""

    def __init__(self, rows: int, points: int) -> None:
        self.returns = np.zeros((rows, points))
        self.bet = np.zeros((rows, points), dtype=np.bool_)

    def put(self, rows: slice, point: int | slice, found: Sweep) -> None:
        """Enter what ``found`` says of ``rows``."""
        column = point if isinstance(point, slice) else slice(point, point + 1)
        self.returns[rows, column] = found.returns
        self.bet[rows, column] = found.won >= 0


def _searched(grid: Sequence[Configuration]) -> dict[str, tuple[float, float]]:
    """Range of every lever that varies over the grid."""
    table = [c.values() for c in grid]
    ranges = {name: (min(row[name] for row in table), max(row[name] for row in table)) for name in table[0]}
    return {name: (low, high) for name, (low, high) in ranges.items() if low < high}


def _moved(
    strategy: Strategy, chosen: Configuration, name: str, shift: float, span: tuple[float, float]
) -> Configuration:
    """``chosen`` with one lever moved by a share of its searched range, held inside it (in logs where searched so)."""
    low, high = span
    lever, value = strategy.lever(name), chosen.values()[name]
    moved = value * (high / low) ** shift if lever.search == "log" else value + shift * (high - low)
    moved = min(max(moved, low), high)
    return strategy.configure(chosen, {name: float(round(moved)) if lever.integer else moved})


def _curve(name: str, unit: str, base: float, at: Sequence[float], points: _Points) -> Curve:
    # Each series by itself: a mean over rows adds in another order, and its last digit would not be the result's.
    series = np.ascontiguousarray(points.returns.T)
    mean = np.array([one.mean() for one in series])
    lags = min(default_lags(series.shape[1]), series.shape[1] - 1)
    half = Z_95 * np.array([standard_error_mean_hac(one, lags) for one in series])
    return Curve(name, unit, base, np.array(at), points.bet.sum(axis=0), mean, mean - half, mean + half)


def _lever_curve(name: str, moves: Sequence[tuple[str, float]], by_move: _Points, by_cost: _Points, home: int) -> Curve:
    """The moves of one lever with the unmoved result among them."""
    columns = [k for k, (moved, _) in enumerate(moves) if moved == name]
    at = [moves[k][1] for k in columns]
    points = _Points(by_move.returns.shape[0], len(SHIFTS))
    order = np.argsort([*at, 0.0])
    points.returns = np.column_stack([by_move.returns[:, columns], by_cost.returns[:, home]])[:, order]
    points.bet = np.column_stack([by_move.bet[:, columns], by_cost.bet[:, home]])[:, order]
    return _curve(name, "of the searched range", 0.0, sorted([*at, 0.0]), points)
