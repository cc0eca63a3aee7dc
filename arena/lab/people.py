"""Trades as the venue prints them, and the same trades as fills of wallets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from arena.lab.config import LabConfig
from arena.lab.match import Prints
from arena.lab.options import WalletModel
from arena.lab.streams import Day, stream
from arena.lab.tables import SOURCE
from arena.lab.takers import Arrivals
from arena.market.schema import BINARY_TRADES, WALLET_FILLS
from arena.market.tape import I8
from arena.units import SECOND


@dataclass(frozen=True, slots=True)
class Population:
    """The wallets of a market, by address; which of them know something is the truth to be found."""

    noise: tuple[str, ...]
    fast: tuple[str, ...]
    seers: tuple[str, ...]
    maker: str | None

    @property
    def takers(self) -> tuple[str, ...]:
        """Noise wallets, then fast ones, then seers: the order in which arrivals number them."""
        return (*self.noise, *self.fast, *self.seers)


def population(seed: int, model: WalletModel) -> Population:
    """The wallets of a market; their addresses depend on the seed alone."""

    def some(n: int, kind: str) -> tuple[str, ...]:
        raw = stream(seed, "wallets", kind).bytes(20 * n).hex()
        return tuple("0x" + raw[40 * k : 40 * k + 40] for k in range(n))

    maker = some(1, "maker")[0] if model.maker else None
    return Population(some(model.noise, "noise"), some(model.fast, "fast"), some(model.seers, "seers"), maker)


def trade_rows(prints: Prints, hashes: pl.Series, market_ids: pl.Series, asset: str) -> pl.DataFrame:
    """Rows of the binary_trades table. ``hashes`` holds the settling transaction of each trade."""
    frame = pl.DataFrame({"event_ns": prints.event_ns, "recv_ns": prints.recv_ns, "price": prints.price})
    frame = frame.with_columns(
        _token(prints),
        pl.Series("size", prints.size),
        pl.Series("taker_side", np.where(prints.sells, "sell", "buy")),
        hashes.alias("tx_hash"),
        market_ids.gather(prints.window).alias("market_id"),
        asset=pl.lit(asset),
        seq=pl.lit(None, dtype=pl.Int64),
        source=pl.lit(SOURCE),
    )
    return BINARY_TRADES.conform(frame)


def transaction_hashes(prints: Prints, day: Day, asset: str, interval_s: int) -> pl.Series:
    """One made-up transaction per taker; the trades of one taker share it."""
    n = int(prints.taker[-1]) + 1 if prints.taker.shape[0] else 0
    raw = day.rng("hashes", asset, interval_s).bytes(32 * n).hex()
    each = np.array([raw], dtype=f"U{max(len(raw), 1)}").view("U64") if n else np.empty(0, dtype="U64")
    return pl.select("0x" + pl.lit(pl.Series(each[prints.taker]))).to_series()


def fill_rows(
    config: LabConfig,
    model: WalletModel,
    prints: Prints,
    takers: Arrivals,
    hashes: pl.Series,
    windows: pl.DataFrame,
    day: Day,
    interval_s: int,
) -> pl.DataFrame:
    """Rows of the wallet_fills table: every trade as its taker's, and those past the touch as the maker's too.

    Times are the block's, whole seconds after the trade; we read them later, in order.
    """
    people = population(config.seed, model)
    asset = str(windows["asset"][0])
    block_ns = model.block_s * SECOND
    block: I8 = (prints.event_ns // block_ns + 1) * block_ns
    late = np.asarray(day.rng("fills", asset, interval_s).lognormal(math.log(model.report_s), 0.4, block.shape[0]))
    recv = np.maximum.accumulate(block + (late * SECOND).astype(np.int64))
    frame = pl.DataFrame({"event_ns": block, "recv_ns": recv, "price": prints.price, "size": prints.size})
    frame = frame.with_columns(
        _token(prints),
        pl.Series("wallet", np.array(people.takers)[takers.wallet[prints.owner]]),
        pl.Series("side", np.where(prints.sells, "sell", "buy")),
        hashes.alias("tx_hash"),
        windows["market_id"].gather(prints.window).alias("market_id"),
        asset=pl.lit(asset),
        seq=pl.lit(None, dtype=pl.Int64),
        source=pl.lit(SOURCE),
    )
    if people.maker is not None:
        # Against a buyer of UP the maker buys DOWN; against a seller of UP it buys UP.
        bought = frame.filter(pl.Series(prints.level > 0)).with_columns(
            pl.lit(people.maker).alias("wallet"),
            pl.lit("buy").alias("side"),
            pl.when(pl.col("side") == "sell")
            .then(pl.col("token"))
            .otherwise(pl.when(pl.col("token") == "up").then(pl.lit("down")).otherwise(pl.lit("up")))
            .alias("token"),
            pl.when(pl.col("side") == "sell").then(pl.col("price")).otherwise((1.0 - pl.col("price")).round(4)),
        )
        frame = pl.concat([frame, bought])
    frame = frame.with_columns(usd=(pl.col("price") * pl.col("size")).round(6))
    return WALLET_FILLS.conform(frame)


def _token(prints: Prints) -> pl.Series:
    return pl.Series("token", np.where(prints.up, "up", "down"))
