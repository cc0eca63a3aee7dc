"""The feature pass (volatility, basis, fair value) over one day of ticks, and a plain numpy and scipy pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from arena.engine.prepare import observe_tape
from arena.market.tape import Records
from arena.units import YEAR_S
from benchmarks.lab import LabMarket
from benchmarks.measure import timed
from benchmarks.rows import Row, Sizes

BUDGET = 20e6
_TOLERANCE = 1e-9


def seed_fair_value(ticks: Records, params: Any) -> npt.NDArray[np.float64]:
    """The seed preset's fair UP price of every tick with whole-array operations; what a careful analyst would write."""
    px, fresh = ticks["spot_px"], ticks["spot_age_ms"] <= params.spot_stale_ms
    # NaN sorts last, so the middle of the fresh prices is at a known place of every row.
    ordered = np.sort(np.where(fresh & (px > 0.0), px, np.nan), axis=1)
    count = (fresh & (px > 0.0)).sum(axis=1)
    row = np.arange(ticks.shape[0])
    mid = 0.5 * (ordered[row, np.maximum(count - 1, 0) // 2] + ordered[row, np.minimum(count // 2, px.shape[1] - 1)])

    reference = ticks["ref_recv_ns"]
    update = np.flatnonzero(np.diff(reference, prepend=0) != 0)
    time_ns, log_price = reference[update], np.log(px[update, 0])
    returns = np.diff(log_price, prepend=log_price[0])
    sum1, sum2 = np.cumsum(returns), np.cumsum(returns * returns)
    first = np.searchsorted(time_ns, ticks["ts_ns"][update] - int(params.vol_window_s * 1e9))
    last = np.arange(update.size)
    n = last - first
    with np.errstate(divide="ignore", invalid="ignore"):
        gap_s = (time_ns - time_ns[first]) / (n * 1e9)
        one, two = sum1 - sum1[first], sum2 - sum2[first]
        raw = np.sqrt(np.maximum((two - one * one / n) / (n - 1), 0.0) * YEAR_S / gap_s)
        raw = np.where((n >= params.vol_min_samples) & (gap_s > 0.0), raw, np.nan)
    by_update = np.where(np.isnan(raw), params.vol_fallback, np.clip(raw, params.vol_floor, params.vol_cap))
    at = np.searchsorted(update, row, side="right") - 1
    sigma = np.where(at >= 0, by_update[np.maximum(at, 0)], params.vol_fallback)

    t = (ticks["close_ns"] - ticks["ts_ns"]) * 1e-9 / YEAR_S
    strike = ticks["venue_strike"]
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = sigma * np.sqrt(np.maximum(t, 0.0))
        d2 = (np.log(mid / strike) + (params.rate - 0.5 * sigma * sigma) * t) / sd
        fair = np.clip(np.exp(-params.rate * t) * ndtr(d2), 0.0, 1.0)
    fair = np.where(sd > 0.0, fair, np.where(mid >= strike, 1.0, 0.0))
    known = (strike > 0.0) & (mid > 0.0) & fresh[:, 0] & (sigma > 0.0)
    return np.where(known, fair, np.nan)


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Ticks per second on one core, for the seed's and for the corrected features."""
    ticks = lab.tapes[0][0].ticks
    signals = np.zeros(ticks.shape[0], dtype=lab.strategy.signal_dtype)
    rows = []
    for name in ("seed", "corrected"):
        params = lab.strategy.preset(name).observe

        def observe(params: Any = params) -> None:
            observe_tape(ticks, lab.strategy.new_state(), params, signals)

        ours, _ = timed(observe, sizes.runs + 4)
        row = Row(
            "features", f"feature pass, preset {name}, {ticks.shape[0]:,} ticks, 1 core", "ticks/s",
            ours.rate(ticks.shape[0]), budget=BUDGET,
        )  # fmt: skip
        if name == "seed":
            row = _against_numpy(sizes, ticks, params, row, signals["fair_up"].copy())
        rows.append(row)
    rows.append(_reading_only(sizes, ticks))
    return rows


def _against_numpy(sizes: Sizes, ticks: Records, params: Any, row: Row, fair: Any) -> Row:
    from dataclasses import replace

    theirs, plain = timed(lambda: seed_fair_value(ticks, params), sizes.runs)
    same_known = bool(np.array_equal(np.isnan(plain), np.isnan(fair)))
    worst = float(np.nanmax(np.abs(plain - fair)))
    return replace(
        row,
        peer="plain numpy + scipy, whole arrays",
        theirs=theirs.rate(ticks.shape[0]),
        same=f"fair value of every tick, largest difference {worst:.1e} (tolerance {_TOLERANCE:g})",
        agrees=same_known and worst <= _TOLERANCE,
    )


def _reading_only(sizes: Sizes, ticks: Records) -> Row:
    """How fast one core only reads the same records: what memory alone would allow."""
    words = ticks.view(np.int64)
    seconds, _ = timed(words.sum, sizes.runs)
    bandwidth = ticks.nbytes / seconds.median / 1e9
    return Row(
        "features", f"for scale: only reading the {ticks.itemsize}-byte records", "ticks/s",
        seconds.rate(ticks.shape[0]), note=f"{bandwidth:.1f} GB/s",
    )  # fmt: skip
