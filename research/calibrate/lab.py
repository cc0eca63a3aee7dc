"""Samples of the lab: a market, and the minutes of a longer path of the same kind."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl

from arena.causality import Frames
from arena.lab.config import DAY_S, LabConfig
from arena.lab.generate import generate
from arena.lab.path import PathStream, common_draws
from arena.lab.streams import days
from research.calibrate.sample import MINUTE_NS, Sample, generated

BOOK_DAYS = 3
"""Days of the market whose books, reports and spot prices are measured."""
PATH_DAYS = 60
"""Days of the path whose minutes are measured: memory of volatility needs many."""


def lab_sample(config: LabConfig, volatility: float) -> Sample:
    """What the facts are measured on in a lab with these settings; its days and options are set here.

    Args:
        config: settings.
        volatility: annualised, of the market whose books are measured (:func:`at_volatility`); NaN = as it comes.
    """
    asset = config.assets[0]
    market = replace(config, days=BOOK_DAYS, assets=(asset,), intervals_s=(300,))
    tables = generate(at_volatility(market, volatility))
    return generated(Frames(dict(tables.items())), path_minutes(replace(market, days=PATH_DAYS)), asset)


def at_volatility(config: LabConfig, volatility: float) -> LabConfig:
    """The same lab on days of one level of volatility, that of the days whose books were recorded.

    How often a book changes depends on how much the price moves, and days differ: the components of volatility that
    outlast a day are left out. NaN changes nothing.
    """
    if not math.isfinite(volatility):
        return config
    jumps = config.jumps_per_day * (config.jump_bps * 1e-4) ** 2 * 365.0
    sigma = math.sqrt(max(volatility**2 - jumps, 0.25 * volatility**2))
    within = tuple((sd, halflife_s) for sd, halflife_s in config.vol_components if halflife_s < DAY_S)
    return replace(config, sigma=sigma, vol_components=within)


def path_minutes(config: LabConfig) -> pl.DataFrame:
    """Efficient price at each full minute (event_ns, price) of the first coin."""
    coin = config.coin(config.assets[0])
    path, at, price = PathStream(config, coin), [], []
    for day in days(config):
        piece = path.next(day, common_draws(config, day, bool(coin.alt)))
        minutes = np.arange(day.open_ns, day.close_ns, MINUTE_NS, dtype=np.int64)
        at.append(minutes)
        price.append(np.exp(piece.at(minutes)))
    return pl.DataFrame({"event_ns": np.concatenate(at), "price": np.concatenate(price)})
