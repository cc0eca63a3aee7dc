"""Generate the lab's tables: efficient prices, venues that see them, an oracle, a maker who quotes, and who trades.

Everything derives from one seed. Each stream draws from its own named generator, so changing one venue, or adding an
option, leaves the others' numbers alone. A market is made a day at a time: what is in memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from arena.errors import ConfigError
from arena.lab.bands import bands_of, quote_rows, universe_rows
from arena.lab.book import book_rows
from arena.lab.config import LabConfig
from arena.lab.maker import MakerStream
from arena.lab.match import match
from arena.lab.options import CoinModel
from arena.lab.oracle import OracleStream
from arena.lab.path import Common, PathSource, PathStream, common_draws
from arena.lab.people import fill_rows, trade_rows, transaction_hashes
from arena.lab.recorded import Observations, RecordedPath, digest_of, outside
from arena.lab.related import mispricings, nested, no_spells
from arena.lab.spot import SpotStream
from arena.lab.streams import Day, days
from arena.lab.tables import LabTables, Part, gather
from arena.lab.takers import arrivals
from arena.lab.windows import window_rows
from arena.market.schema import TABLES
from arena.venues.rules import rules_at

VENUE = "polymarket"


def generate(config: LabConfig, seen: Mapping[str, Observations] | None = None) -> LabTables:
    """All tables of one lab market, in memory. Same configuration, same bytes; ``seen`` as in :func:`parts`."""
    return gather(parts(config, seen))


def parts(config: LabConfig, seen: Mapping[str, Observations] | None = None) -> Iterator[Part]:
    """The same tables in pieces, in order of time: each day of each table once, windows before what refers to them.

    A piece holds the rows whose time column lies in one day of the market, so a catalog gets one file for each.

    Args:
        config: the market.
        seen: the recorded prices of each asset, where ``config.recorded`` says that there are some.

    Raises:
        ConfigError: recorded prices are missing, or are not those that the configuration names.
    """
    _check_seen(config, seen or {})
    coins = [_CoinStream(config, config.coin(asset), (seen or {}).get(asset)) for asset in config.assets]
    alts = any(config.coin(asset).alt for asset in config.assets)
    held: dict[tuple[str, ...], pl.DataFrame] = {}
    for day in days(config):
        last = day.number == config.days - 1
        common = common_draws(config, day, alts)
        for coin in coins:
            for stream, name, frame in coin.next(day, common):
                key = (coin.name, stream, name)
                rows = pl.concat([held.pop(key), frame]) if key in held else frame
                if not last:
                    ready = pl.col(TABLES[name].time) < day.close_ns
                    held[key] = rows.filter(~ready)
                    rows = rows.filter(ready)
                if rows.height:
                    yield name, rows


def _check_seen(config: LabConfig, seen: Mapping[str, Observations]) -> None:
    if config.recorded is None:
        if seen:
            raise ConfigError("recorded prices were given, but the configuration names no recording.")
        return
    missing = [asset for asset in config.assets if asset not in seen]
    if missing:
        raise ConfigError(f"the configuration names a recording, but no recorded prices of {missing[0]} were given.")
    found = digest_of(seen)
    if found != config.recorded.digest:
        raise ConfigError(f"the recorded prices have digest {found}, the configuration says {config.recorded.digest}.")


class _CoinStream:
    """Everything about one coin, a day at a time."""

    def __init__(self, config: LabConfig, coin: CoinModel, seen: Observations | None) -> None:
        self.name = coin.name
        self._config = config
        self._coin = coin
        self._recorded: RecordedPath | None = None
        self._path: PathSource = PathStream(config, coin)
        if config.recorded is not None and seen is not None:
            self._path = self._recorded = RecordedPath(config, coin, config.recorded, seen)
        self._oracle = OracleStream(config, coin)
        self._spots = [SpotStream(config, coin, venue) for venue in config.venues]
        self._makers = {interval: MakerStream(config, coin, interval) for interval in config.intervals_s}

    def next(self, day: Day, common: Common) -> Iterator[tuple[str, str, pl.DataFrame]]:
        """(stream, table, rows) of one day, without what a gap in a recorded path touches."""
        if self._recorded is None:
            yield from self._all(day, common)
            return
        without = outside(self._recorded.gaps)
        for stream, name, rows in self._all(day, common):
            yield stream, name, without(name, rows)
        yield "path", "gaps", self._recorded.gaps_of(day)

    def _all(self, day: Day, common: Common) -> Iterator[tuple[str, str, pl.DataFrame]]:
        config, coin = self._config, self._coin
        path = self._path.next(day, common)
        oracle, reports = self._oracle.next(day, path)
        gaps, fills = [], []
        for interval, maker in self._makers.items():
            rules = rules_at(VENUE, interval, day.open_ns)
            windows = window_rows(coin, interval, rules, reports, day)
            yield str(interval), "windows", windows
            off = mispricings(config, day, coin.name, interval) if interval in nested(config) else no_spells()
            book, stalls = maker.next(day, rules, path, reports, windows, off)
            gaps.append(stalls)
            if config.takers is not None:
                takers = arrivals(config, config.takers, coin, interval, day, windows)
                book, prints = match(config.takers, book, takers, rules, path, reports, windows)
                hashes = transaction_hashes(prints, day, coin.name, interval)
                yield str(interval), "binary_trades", trade_rows(prints, hashes, windows["market_id"], coin.name)
                if config.wallets is not None:
                    fills.append(fill_rows(config, config.wallets, prints, takers, hashes, windows, day, interval))
            yield str(interval), "binary_quotes", book_rows(book, windows["market_id"], coin.name, config.depth_levels)
        if fills:
            yield "", "wallet_fills", pl.concat(fills).sort("recv_ns", maintain_order=True)
        if config.related is not None and config.related.bands:
            bands = bands_of(config.related, coin, config.coins[0], day, reports)
            off = mispricings(config, day, coin.name, "bands")
            yield "", "universe", universe_rows(bands, coin, day, reports)
            yield "", "universe_quotes", quote_rows(config, config.related, bands, coin, day, path, off)
        spots, outages = zip(*(spot.next(day, path) for spot in self._spots), strict=True)
        yield "", "spot", pl.concat(spots)
        yield "", "oracle", oracle
        yield "", "gaps", pl.concat([*gaps, *outages])
