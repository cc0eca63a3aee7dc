"""Takers: who arrives when, wanting what. What they get is the matching's business."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.options import CoinModel, TakerModel, WalletModel
from arena.lab.streams import Day
from arena.market.tape import F8, I8
from arena.units import SECOND

NOISE, FAST, SEER = 0, 1, 2
"""Kinds of taker: a coin toss, the price of the instant, the window's end."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takers in order of arrival, each array of shape (n,).

    ``t_ns`` ns UTC; ``window`` of the day; ``kind``; ``usd`` of the order; ``up`` whether a noise taker or a seer
    wants UP; ``sells`` whether it would rather sell what a noise taker bought before, and ``pick`` (0-1) which;
    ``wallet`` as a number: noise wallets first, then fast ones, then seers.
    """

    t_ns: I8
    window: I8
    kind: npt.NDArray[np.int8]
    usd: F8
    up: npt.NDArray[np.bool_]
    sells: npt.NDArray[np.bool_]
    pick: F8
    wallet: I8


def arrivals(
    config: LabConfig, model: TakerModel, coin: CoinModel, interval_s: int, day: Day, windows: pl.DataFrame
) -> Arrivals:
    """The day's takers of one coin's windows of one length; at most one in a nanosecond."""
    wallets = config.wallets
    parts = [_noise(model, wallets, coin, interval_s, day), _fast(model, wallets, coin, interval_s, day)]
    if wallets is not None and wallets.seers:
        parts.append(_seers(model, wallets, coin, interval_s, day, windows))
    joined = {f: np.concatenate([getattr(p, f) for p in parts]) for f in Arrivals.__slots__}
    _, order = np.unique(joined["t_ns"], return_index=True)
    return Arrivals(**{f: column[order] for f, column in joined.items()})


def _noise(model: TakerModel, wallets: WalletModel | None, coin: CoinModel, interval_s: int, day: Day) -> Arrivals:
    rng = day.rng("takers", "noise", coin.name, interval_s)
    t, window = _over_life(model.rate, model.phase, interval_s, day, rng)
    n = t.shape[0]
    wallet = np.zeros(n, dtype=np.int64)
    if wallets is not None:
        weight = np.cumsum(1.0 / np.arange(1, wallets.noise + 1))
        draw = day.rng("wallets", "noise", coin.name, interval_s).random(n) * weight[-1]
        wallet = np.searchsorted(weight, draw, side="right").astype(np.int64)
    usd = _orders(model.usd * coin.touch, model.log_sd, n, rng)
    up, sells, pick = (np.asarray(rng.random(n)) for _ in range(3))
    kind = np.full(n, NOISE, dtype=np.int8)
    return Arrivals(t, window, kind, usd, up < 0.5, sells < model.sell_share, pick, wallet)


def _fast(model: TakerModel, wallets: WalletModel | None, coin: CoinModel, interval_s: int, day: Day) -> Arrivals:
    rng = day.rng("takers", "fast", coin.name, interval_s)
    t, window = _over_life(model.fast_rate, (1.0,), interval_s, day, rng)
    first, k = (0, 1) if wallets is None else (wallets.noise, wallets.fast)
    usd = _orders(model.fast_usd * coin.touch, model.log_sd, t.shape[0], rng)
    return _decided(t, window, FAST, usd, np.zeros(t.shape[0], dtype=np.bool_), first, k)


def _seers(
    model: TakerModel, wallets: WalletModel, coin: CoinModel, interval_s: int, day: Day, windows: pl.DataFrame
) -> Arrivals:
    rng = day.rng("takers", "seers", coin.name, interval_s)
    t, window = _over_life(wallets.seers * wallets.seer_per_window / interval_s, (1.0,), interval_s, day, rng)
    right = rng.random(t.shape[0]) < wallets.accuracy
    up = (windows["outcome"] == "up").to_numpy()[window] == right
    usd = _orders(model.usd * coin.touch, model.log_sd, t.shape[0], rng)
    return _decided(t, window, SEER, usd, up, wallets.noise + wallets.fast, wallets.seers)


def _orders(median_usd: float, log_sd: float, n: int, rng: np.random.Generator) -> F8:
    """Sizes of orders, USD."""
    return np.maximum(median_usd * rng.lognormal(0.0, log_sd, n), 1.0)


def _decided(t: I8, window: I8, kind: int, usd: F8, up: npt.NDArray[np.bool_], first: int, k: int) -> Arrivals:
    n = t.shape[0]
    never = np.zeros(n, dtype=np.bool_)
    kinds = np.full(n, kind, dtype=np.int8)
    return Arrivals(t, window, kinds, usd, up, never, np.zeros(n), first + np.arange(n) % k)


def _over_life(
    rate: float, phase: tuple[float, ...], interval_s: int, day: Day, rng: np.random.Generator
) -> tuple[I8, I8]:
    """Arrival times (ns UTC, ascending) and windows, busier in some parts of a window's life than in others."""
    n_windows = (day.close_ns - day.open_ns) // (interval_s * SECOND)
    n = rng.poisson(rate * interval_s * n_windows)
    window = rng.integers(0, n_windows, n)
    weight = np.cumsum(phase)
    part = np.searchsorted(weight, rng.random(n) * weight[-1], side="right")
    life = (part + rng.random(n)) / len(phase)
    t = day.open_ns + window * interval_s * SECOND + (life * interval_s * SECOND).astype(np.int64)
    order = np.argsort(t, kind="stable")
    return t[order], window[order]
