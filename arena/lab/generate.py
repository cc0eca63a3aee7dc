"""Generate the lab's tables: one efficient price, six venues that see it, an oracle, and a maker who quotes.

Everything derives from one seed. Each stream draws from its own child generator, so changing one venue
leaves the others' numbers alone.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.maker import quote_rows
from arena.lab.oracle import oracle_rows
from arena.lab.path import efficient_path
from arena.lab.spot import venue_rows
from arena.lab.tables import LabTables
from arena.lab.windows import window_rows
from arena.venues.rules import rules_at


def generate(config: LabConfig) -> LabTables:
    """All tables of one lab market. Same configuration, same bytes."""
    children = np.random.SeedSequence(config.seed).spawn(4 + len(config.venues))
    rng = [np.random.default_rng(child) for child in children]
    rules = rules_at("polymarket", config.interval_s, config.start_ns)
    path = efficient_path(config, rng[0])
    oracle, report_ns, report = oracle_rows(config, path, rng[1])
    windows, strike = window_rows(config, rules, report_ns, report, rng[2])
    quotes, stalls = quote_rows(config, rules, path, report, windows, strike, rng[3])
    spots, outages = zip(
        *(venue_rows(config, v, path, g) for v, g in zip(config.venues, rng[4:], strict=True)), strict=True
    )
    return LabTables(windows, quotes, pl.concat(spots), oracle, pl.concat([stalls, *outages]))
