"""Fit of the maker's book: sizes and rates read off, patience and spread by simulated moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
from scipy.special import ndtri

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from research.calibrate.facts import book
from research.calibrate.facts.curve import Floats
from research.calibrate.lab import at_volatility
from research.calibrate.measure import Prepared

STEPS = 8
"""Simulated markets of one fit."""
_DAYS = 2
_SEED = 7
_LONG = 4
"""From this bin of time left on (a minute and more), patience is fitted: before it, too few prices are contested."""
_MOST_PATIENT = 0.95


def fit_book(p: Prepared, start: LabConfig, tick: Callable[[], None]) -> LabConfig:
    """``start`` with the book's knobs fitted; a knob the sample cannot tell keeps its value.

    Touch: median size by time left, factor by price, one spread of the logarithm below and one above the median,
    all read off. Then a fixed number of simulated markets, same seed each time: patience by bisection on the rate of
    price changes with more than a minute left; extra ticks of a new quote in proportion to what is missing of the
    mean spread; refreshes by what is missing of the update rate, as far as the lab's pace allows.

    Args:
        p: the sample.
        start: settings to begin with; path, oracle and venues are used as they are.
        tick: called after each simulated market.
    """
    rows = p.book
    if rows.height < 10_000:
        for _ in range(STEPS):
            tick()
        return start
    config = _read_off(rows, start)
    moves, spread, updates = book.move_rate(rows).y, book.spread_by_left(rows).y, book.update_rate(rows).y
    low, high = 0.0, _MOST_PATIENT
    for step in range(STEPS):
        config = replace(config, patience=0.5 * (low + high))
        made = simulate_book(config, p.book_volatility)
        sim_moves, sim_spread, sim_updates = (
            fact(made).y for fact in (book.move_rate, book.spread_by_left, book.update_rate)
        )
        if step < STEPS - 1:
            if _mean_log(sim_moves[_LONG:], moves[_LONG:]) > 0.0:
                low = config.patience
            else:
                high = config.patience
        missing = np.clip((spread - 1.0) / np.maximum(sim_spread - 1.0, 1e-3), 0.5, 2.0)
        wide = np.array(config.wide_ticks) * np.where(np.isfinite(missing), missing, 1.0)
        missing = updates - sim_updates
        refresh = np.maximum(np.array(config.refresh_rate) + np.where(np.isfinite(missing), missing, 0.0), 0.0)
        refresh = np.minimum(refresh, 1000.0 / config.quote_step_ms)
        config = replace(config, wide_ticks=_rounded(wide), refresh_rate=_rounded(refresh))
        tick()
    return replace(config, patience=round(config.patience, 3))


def simulate_book(config: LabConfig, volatility: float) -> pl.DataFrame:
    """:func:`~research.calibrate.facts.book.book_rows` of a short lab market on days of that volatility."""
    market = replace(config, days=_DAYS, seed=_SEED, venues=config.venues[:1])
    tables = generate(at_volatility(market, volatility))
    return book.book_rows(tables.binary_quotes, tables.windows)


def _read_off(rows: pl.DataFrame, start: LabConfig) -> LabConfig:
    by_left, by_edge, shape = book.size_by_left(rows).y, book.size_by_edge(rows).y, book.size_quantiles(rows)
    touch = np.where(np.isfinite(by_left), by_left, start.touch_shares)
    edge = np.where(np.isfinite(by_edge), by_edge / by_edge[-1], start.touch_by_edge)
    z, size = ndtri(shape.x), np.log(np.maximum(shape.y, 1e-6))
    below, above = shape.x < 0.5, shape.x > 0.5
    spread = tuple(float(z[k] @ size[k] / (z[k] @ z[k])) for k in (below, above))
    quiet = book.quiet_rate(rows)
    fine = book.fine_below(rows)
    return replace(
        start,
        touch_shares=_rounded(touch),
        touch_by_edge=_rounded(edge),
        touch_log_sd=(round(spread[0], 3), round(spread[1], 3)) if math.isfinite(sum(spread)) else start.touch_log_sd,
        quiet_rate=round(quiet, 3) if math.isfinite(quiet) else start.quiet_rate,
        fine_below=fine if fine > 0.0 else start.fine_below,
    )


def _mean_log(sim: Floats, want: Floats) -> float:
    use = (sim > 0.0) & (want > 0.0)
    return float(np.mean(np.log(sim[use] / want[use]))) if use.any() else 0.0


def _rounded(x: Floats) -> tuple[float, ...]:
    return tuple(float(f"{v:.3g}") for v in x)
