"""Price bands: one event per coin and day, of bands that exclude one another and leave nothing out.

"Where will the price be at the end of the day?" Exactly one band pays. Quotes of the maker are consistent: buying YES
in all of them costs a dollar or more, unless the configuration says for how long it does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl
from scipy.special import ndtr

from arena.lab.config import LabConfig
from arena.lab.options import CoinModel, RelatedModel
from arena.lab.oracle import Reports
from arena.lab.path import Path
from arena.lab.related import Spells
from arena.lab.silence import inside
from arena.lab.streams import Day, split_lognormal
from arena.lab.tables import SOURCE
from arena.market.schema import UNIVERSE, UNIVERSE_QUOTES
from arena.market.tape import F8, I8
from arena.units import MS, SECOND, YEAR_S

_TICK = 0.001
_MARGIN = 0.004
"""What the maker keeps to each side of fair value, USD per share: more than its model can be wrong by the minute."""
_RESOLVED_S = 54


@dataclass(frozen=True, slots=True)
class Bands:
    """One day's event: band k is ``[edges[k - 1], edges[k])`` USD, the first and last are open-ended."""

    event: str
    market_ids: tuple[str, ...]
    edges: F8


def bands_of(model: RelatedModel, coin: CoinModel, reference: CoinModel, day: Day, reports: Reports) -> Bands:
    """The bands of a day, around the price at its start."""
    spot = float(reports.price[np.searchsorted(reports.event_ns, day.open_ns)])
    # Other coins' bands are as wide in per cent as the reference coin's, at a round figure.
    raw = model.band_usd * coin.start_price / reference.start_price
    unit = 10.0 ** math.floor(math.log10(raw))
    width = raw if coin.name == reference.name else max(round(raw / unit), 1) * unit
    first = (math.floor(spot / width) - model.bands_between // 2) * width
    edges: F8 = first + width * np.arange(model.bands_between + 1, dtype=np.float64)
    date = datetime.fromtimestamp(day.open_ns / 1e9, tz=UTC).strftime("%Y-%m-%d")
    event = f"{coin.name.lower()}-price-on-{date}"
    inner = [f"{event}-{a:g}-{b:g}" for a, b in pairwise(edges)]
    return Bands(event, (f"{event}-below-{edges[0]:g}", *inner, f"{event}-from-{edges[-1]:g}"), edges)


def universe_rows(bands: Bands, coin: CoinModel, day: Day, reports: Reports) -> pl.DataFrame:
    """Rows of the universe table: each band when the event opens, and again when it has been decided."""
    n = len(bands.market_ids)
    final = float(reports.price[np.searchsorted(reports.event_ns, day.close_ns)])
    won = int(np.searchsorted(bands.edges, final, side="right"))
    opened = pl.DataFrame(
        {
            "recv_ns": [day.open_ns] * n,
            "market_id": bands.market_ids,
            "lower": [None, *bands.edges],
            "upper": [*bands.edges, None],
        }
    ).with_columns(
        asset=pl.lit(coin.name),
        question=pl.lit(f"Where is {coin.name} at the end of the day?"),
        group_id=pl.lit(bands.event),
        category=pl.lit("crypto"),
        start_ns=pl.lit(day.open_ns),
        end_ns=pl.lit(day.close_ns),
        source=pl.lit(SOURCE),
    )
    decided_ns = day.close_ns + _RESOLVED_S * SECOND
    decided = opened.with_columns(
        recv_ns=pl.lit(decided_ns),
        closed_ns=pl.lit(decided_ns),
        outcome=pl.Series(["yes" if k == won else "no" for k in range(n)]),
        outcome_source=pl.lit("lab"),
    )
    return pl.concat([UNIVERSE.conform(opened), UNIVERSE.conform(decided)])


def quote_rows(
    config: LabConfig, model: RelatedModel, bands: Bands, coin: CoinModel, day: Day, path: Path, off: Spells
) -> pl.DataFrame:
    """Rows of the universe_quotes table: every band every ``band_step_s``, and when a mispricing begins or ends.

    While one lasts, the band that holds the price is quoted off its fair value.
    """
    step_ns = model.band_step_s * SECOND
    event = np.unique(
        np.concatenate([np.arange(day.open_ns, day.close_ns, step_ns, dtype=np.int64), off.start_ns, off.stop_ns])
    )
    event = event[event < day.close_ns]
    fair = _fair(config, coin, bands.edges, event, day.close_ns, path)
    here = np.searchsorted(bands.edges, np.exp(path.at(event)), side="right")
    spell = inside(event, off.start_ns, off.stop_ns)
    shift = np.where(spell >= 0, np.append(off.shift, 0.0)[spell], 0.0)
    fair[np.arange(event.shape[0]), here] += shift
    bid = np.round(np.floor((fair - _MARGIN) / _TICK) * _TICK, 4)
    ask = np.round(np.ceil((fair + _MARGIN) / _TICK) * _TICK, 4)
    n = len(bands.market_ids)
    rng = day.rng("bands", coin.name)
    usual = config.touch_shares[-1] * coin.touch
    size = np.round(usual * split_lognormal(rng, config.touch_log_sd, (2, event.shape[0], n)), 2)
    recv = np.maximum.accumulate(
        event + (rng.lognormal(math.log(config.book_recv_ms), 0.4, event.shape) * MS).astype(np.int64)
    )
    frame = pl.DataFrame(
        {
            "event_ns": np.repeat(event, n),
            "recv_ns": np.repeat(recv, n),
            "market_id": pl.Series(bands.market_ids * event.shape[0]),
            "bid": bid.ravel(),
            "ask": ask.ravel(),
            "bid_size": np.maximum(size[0].ravel(), 1.0),
            "ask_size": np.maximum(size[1].ravel(), 1.0),
        }
    ).with_columns(asset=pl.lit(coin.name), source=pl.lit(SOURCE))
    frame = frame.with_columns(
        pl.when(there).then(pl.col(name)).otherwise(None).alias(name)
        for side, there in (("bid", pl.col("bid") > 0.0005), ("ask", pl.col("ask") < 0.9995))
        for name in (side, f"{side}_size")
    )
    # Change-only, as recorded: a band far away says nothing all day.
    changed = pl.struct("bid", "ask").ne_missing(pl.struct("bid", "ask").shift(1).over("market_id"))
    return UNIVERSE_QUOTES.conform(frame.filter(changed))


def _fair(config: LabConfig, coin: CoinModel, edges: F8, at_ns: I8, end_ns: int, path: Path) -> F8:
    """Probability of each band at each moment, shape (n, bands): lognormal, volatility on its way back to the mean."""
    left_s = (end_ns - at_ns) / SECOND
    usual = (coin.volatility * config.sigma) ** 2 + (
        (config.jumps_per_day + coin.own_jumps_per_day) * (config.jump_bps * 1e-4 * coin.volatility) ** 2 * 365.0
    )
    now = path.sigma[(at_ns - path.origin_ns) // SECOND] ** 2
    # The square of a lognormal volatility forgets twice as fast as its logarithm; components count by their variance.
    weight = sum(sd**2 for sd, _ in config.vol_components) or 1.0
    halflife_s = sum(sd**2 * halflife_s for sd, halflife_s in config.vol_components) / weight
    memory_s = max(halflife_s, 1.0) / (2.0 * math.log(2.0))
    variance = (usual * left_s + (now - usual) * memory_s * -np.expm1(-left_s / memory_s)) / YEAR_S
    sd = np.sqrt(np.maximum(variance, 1e-12))
    above = ndtr((path.at(at_ns)[:, None] - np.log(edges)[None, :] - 0.5 * variance[:, None]) / sd[:, None])
    ladder = np.concatenate([np.ones((at_ns.shape[0], 1)), above, np.zeros((at_ns.shape[0], 1))], axis=1)
    fair: F8 = ladder[:, :-1] - ladder[:, 1:]
    return fair
