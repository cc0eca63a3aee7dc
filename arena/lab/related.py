"""Markets that constrain one another: when one of them is quoted off its fair value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.silence import poisson_times
from arena.lab.streams import Day, days
from arena.market.tape import F8, I8
from arena.units import SECOND


@dataclass(frozen=True, slots=True)
class Spells:
    """When quotes are off their fair value (ns UTC, ascending, apart) and by how much (USD per share)."""

    start_ns: I8
    stop_ns: I8
    shift: F8


def no_spells() -> Spells:
    """Never."""
    return Spells(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))


def mispricings(config: LabConfig, day: Day, *market: str | int) -> Spells:
    """The day's mispricings of one related market; none where the configuration has none.

    ``market`` names it: ``(asset, interval_s)`` for windows, ``(asset, "bands")`` for bands.
    """
    model = config.related
    if model is None or model.mispricing == 0.0:
        return no_spells()
    rng = day.rng("mispricing", *market)
    start = poisson_times(model.mispricings_per_day / 86_400.0, day.open_ns, day.close_ns, rng)
    length = int(model.mispricing_s * SECOND)
    apart = np.concatenate([[True], np.diff(start) > length])[: start.shape[0]]
    start = start[apart]
    sign = np.where(rng.random(start.shape[0]) < 0.5, -1.0, 1.0)
    return Spells(start, np.minimum(start + length, day.close_ns), sign * model.mispricing)


def mispricing_ledger(config: LabConfig) -> pl.DataFrame:
    """Every mispricing of a market, as its configuration makes it: the truth a search for arbitrage is judged by.

    Returns:
        Columns ``asset``, ``market`` (``5m`` or ``bands``), ``start_ns``, ``stop_ns`` (ns UTC), ``shift`` (USD/share).
    """
    parts = []
    for day in days(config):
        for asset in config.assets:
            off = {f"{s // 60}m": mispricings(config, day, asset, s) for s in nested(config)}
            if config.related is not None and config.related.bands:
                off["bands"] = mispricings(config, day, asset, "bands")
            for market, spells in off.items():
                columns = {"start_ns": spells.start_ns, "stop_ns": spells.stop_ns, "shift": spells.shift}
                part = pl.DataFrame(columns).select(pl.lit(asset).alias("asset"), pl.lit(market).alias("market"), "*")
                parts.append(part)
    return pl.concat(parts)


def nested(config: LabConfig) -> tuple[int, ...]:
    """Window lengths that lie inside a longer one of the market and end with it: every one but the longest."""
    return tuple(s for s in config.intervals_s if any(long > s and long % s == 0 for long in config.intervals_s))
