"""The feeds a recorder can listen to: their names, where they are, and who reads what they said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from arena.errors import ConfigError
from arena.market.quality import EARLIEST_NS
from arena.units import MS
from live.feeds.base import Feed, Parser
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.frame import Frame, Kind, note
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polybolt import Credentials, PolyBoltFeed, PolyBoltParser
from live.feeds.polymarket.feed import PolymarketFeed
from live.feeds.polymarket.parser import GAMMA, PolymarketParser
from live.feeds.rows import Rows
from live.feeds.rtds import RtdsFeed
from live.feeds.venue import VenueFeed
from live.recorder.clock import CLOCK, TIME_SERVERS, ClockParser, TimeServer
from live.recorder.origin import Origin
from live.recorder.plan import Plan
from live.rest import gamma
from live.rest.pace import Host

PUBLIC: dict[str, type[VenueFeed]] = {
    feed.name: feed
    for feed in (
        *(CoinbaseFeed, CoinbaseL2Feed, BinanceUsFeed, OkxFeed, BybitFeed, KrakenFeed, BitfinexFeed),
        RtdsFeed,
    )
}
"""Feeds that need neither an account nor metadata."""

FEEDS = (*PUBLIC, PolymarketFeed.name, GAMMA, CLOCK)
"""What is recorded unless told otherwise. The market channel needs ``gamma``, which names its markets."""

CREDENTIALS = ("POLYMARKET_API_KEY", "POLYMARKET_API_SECRET", "POLYMARKET_API_PASSPHRASE")
"""Environment variables that open PolyBolt."""


def feed_names(wanted: Sequence[str] | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the feeds to record; None = all that are open to us, PolyBolt only with credentials.

    Raises:
        ConfigError: there is no such feed, or it needs what is not there.
    """
    has_key = all(environment.get(name) for name in CREDENTIALS)
    if wanted is None:
        return (*FEEDS, PolyBoltFeed.name) if has_key else FEEDS
    known = (*FEEDS, PolyBoltFeed.name)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ConfigError(f"There is no feed {unknown[0]!r}; there are {', '.join(known)}.")
    if PolyBoltFeed.name in wanted and not has_key:
        raise ConfigError(f"Feed {PolyBoltFeed.name!r} needs an account: set {', '.join(CREDENTIALS)}.")
    if PolymarketFeed.name in wanted and GAMMA not in wanted:
        wanted = (*wanted, GAMMA)
    return tuple(name for name in known if name in wanted)


def check(plan: Plan) -> None:
    """Refuse a plan that could only fail later.

    Raises:
        ConfigError: windows of a length that does not exist, an address for a feed that does not, or one that is none.
    """
    for interval_s in plan.intervals_s:
        gamma.updown_slug(plan.assets[0], interval_s, 0)
    known = (*FEEDS, PolyBoltFeed.name)
    unknown = [name for name in plan.urls if name not in known]
    if unknown:
        raise ConfigError(f"There is no feed {unknown[0]!r} to give an address; there are {', '.join(known)}.")
    for name, url in plan.urls.items():
        schemes = ("http", "https") if name in (GAMMA, CLOCK) else ("ws", "wss")
        if not _is_address(url, schemes):
            raise ConfigError(f"{url!r} is no address of feed {name!r}; write one like {schemes[1]}://host:port/path.")


def _is_address(url: str, schemes: Sequence[str]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def connected_feeds(plan: Plan, environment: Mapping[str, str]) -> dict[str, Feed]:
    """The feeds of a plan that are connections, by name, at the plan's addresses."""
    found: dict[str, Feed] = {}
    for name in plan.feeds:
        url = plan.urls.get(name)
        if name in PUBLIC:
            found[name] = PUBLIC[name](plan.assets, url=url)
        elif name == PolymarketFeed.name:
            found[name] = PolymarketFeed(url=url) if url else PolymarketFeed()
        elif name == PolyBoltFeed.name:
            keys = Credentials(*(environment[variable] for variable in CREDENTIALS))
            found[name] = PolyBoltFeed(keys, plan.assets, url=url)
    return found


def gamma_host(urls: Mapping[str, str]) -> Host:
    """Where to ask about windows."""
    return replace(gamma.GAMMA, url=urls.get(GAMMA, gamma.GAMMA.url))


def time_servers(urls: Mapping[str, str]) -> dict[str, TimeServer]:
    """Whom to ask for the time; one address for ``clock`` stands for all of them."""
    if CLOCK not in urls:
        return TIME_SERVERS
    return {name: replace(s, host=replace(s.host, url=urls[CLOCK])) for name, s in TIME_SERVERS.items()}


def parsers_of(origin: Origin) -> dict[str, Parser]:
    """Fresh parsers for a session: one for every feed that can stand in a log.

    The market channel and Gamma share one: what the channel speaks of is named by Gamma.
    """
    found: dict[str, Parser] = {name: feed(origin.assets).parser() for name, feed in PUBLIC.items()}
    found[PolymarketFeed.name] = found[GAMMA] = PolymarketParser()
    found[PolyBoltFeed.name] = PolyBoltParser(origin.assets)
    found[CLOCK] = ClockParser()
    return found


def oracle_feed(names: Sequence[str]) -> str:
    """The feed to which silences of the oracle are counted."""
    return PolyBoltFeed.name if PolyBoltFeed.name in names else RtdsFeed.name


def warm_up() -> None:
    """Load and compile what the first message of a market needs: it takes seconds that a connection cannot wait."""
    parser, rows, at_ns = PolymarketParser(), Rows(), EARLIEST_NS
    names = {"market_id": "", "asset": "BTC", "condition_id": "0x", "up_token_id": "up", "down_token_id": "down"}
    parser.markets.add({**names, "close_ns": at_ns})
    book = {"event_type": "book", "market": "0x", "asset_id": "up", "timestamp": at_ns // MS, "bids": [], "asks": []}
    parser.feed(Frame(PolymarketFeed.name, 0, at_ns, 0, Kind.DATA, note(**book)), rows)
    rows.take()
