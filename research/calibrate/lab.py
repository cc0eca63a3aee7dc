"""Samples of the lab: a market, and the minutes of a longer path of the same kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from arena.causality import Frames
from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.lab.path import PathStream, common_draws
from arena.lab.streams import days
from research.calibrate.sample import MINUTE_NS, Sample, generated

BOOK_DAYS = 3
"""Days of the market whose books, reports and spot prices are measured."""
PATH_DAYS = 60
"""Days of the path whose minutes are measured: memory of volatility needs many."""


def lab_sample(config: LabConfig) -> Sample:
    """What the facts are measured on in a lab with these settings; its days and options are set here."""
    asset = config.assets[0]
    market = replace(config, days=BOOK_DAYS, assets=(asset,), intervals_s=(300,))
    tables = generate(market)
    return generated(Frames(dict(tables.items())), path_minutes(replace(market, days=PATH_DAYS)), asset)


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
