"""Screening rows at ingest: every rule of a table against polars removing repeats alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from arena.market.quality import screen
from arena.market.schema import TABLES
from arena.units import MS
from benchmarks.lab import LabMarket
from benchmarks.measure import timed
from benchmarks.rows import Row, Sizes

_BUDGET = 3e6
_SEED = 5


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Spot rows, clean and with one row in a hundred repeated; the repeats are what the peer removes, too."""
    table = TABLES["spot"]
    clean = _spot(1_000_000 if sizes.full else 20_000)
    repeated = pl.concat([clean, clean.gather_every(100)]).sort("recv_ns", maintain_order=True)
    found = []
    for what, frame, broken in (("clean", clean, 0), ("1 % repeated", repeated, repeated.height - clean.height)):
        ours, (good, bad) = timed(lambda frame=frame: screen(table, frame), sizes.runs)
        theirs, unique = timed(
            lambda frame=frame: frame.unique(list(table.key), keep="first", maintain_order=True), sizes.runs
        )
        found.append(
            Row(
                "screen",
                f"{frame.height:,} spot rows, {what}: all rules",
                "rows/s",
                ours.rate(frame.height),
                "polars unique() alone",
                theirs.rate(frame.height),
                same="equal rows kept",
                agrees=good.equals(unique) and bad.height == broken,
                budget=_BUDGET if what == "clean" else None,
            )
        )
    return found


def _spot(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(_SEED)
    recv_ns = 1_776_081_600_000_000_000 + np.cumsum(rng.integers(0, 3, n)) * MS
    bid = 70_000.0 + np.cumsum(rng.normal(size=n))
    rows = {"event_ns": recv_ns - MS, "recv_ns": recv_ns, "bid": bid, "ask": bid + 0.01, "last": bid}
    sizes = {"bid_size": rng.random(n) + 0.1, "ask_size": rng.random(n) + 0.1}
    names = {"venue": "coinbase", "asset": "BTC", "quote": "USD", "source": "arena"}
    return TABLES["spot"].conform(pl.DataFrame(rows | sizes).with_columns(pl.lit(v).alias(k) for k, v in names.items()))
