"""All feeds by name, and the parsers that read a recording."""

from __future__ import annotations

from collections.abc import Sequence

from arena.errors import ConfigError
from live.feeds.base import Parser
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.clock import ClockParser
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polybolt import PolyBoltFeed, PolyBoltParser
from live.feeds.polymarket.feed import PolymarketFeed
from live.feeds.polymarket.parser import GAMMA, PolymarketParser
from live.feeds.rtds import RtdsFeed
from live.feeds.venue import COINS, VenueFeed

PUBLIC: dict[str, type[VenueFeed]] = {
    feed.name: feed
    for feed in (
        CoinbaseFeed,
        CoinbaseL2Feed,
        BinanceUsFeed,
        OkxFeed,
        BybitFeed,
        KrakenFeed,
        BitfinexFeed,
        RtdsFeed,
    )
}
"""Feeds that need neither account nor metadata. The others: :class:`PolymarketFeed`, :class:`PolyBoltFeed`."""

CLOCK = "clock"
"""Feed name of clock measurements."""


def public_feed(name: str, assets: Sequence[str] = COINS) -> VenueFeed:
    """The public feed of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PUBLIC:
        raise ConfigError(f"There is no feed {name!r}; there are {', '.join(PUBLIC)}.")
    return PUBLIC[name](assets)


def parsers(assets: Sequence[str] = COINS) -> dict[str, Parser]:
    """A fresh parser for every feed name that can stand in a recording.

    ``polymarket`` and ``gamma`` share one, so feed it the frames of both in the order in which they were recorded.
    """
    found: dict[str, Parser] = {name: public_feed(name, assets).parser() for name in PUBLIC}
    found[PolymarketFeed.name] = found[GAMMA] = PolymarketParser()
    found[PolyBoltFeed.name] = PolyBoltParser(tuple(assets))
    found[CLOCK] = ClockParser()
    return found
