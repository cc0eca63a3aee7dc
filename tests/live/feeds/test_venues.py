"""Each feed against its venue: what is subscribed to becomes rows, and keep-alive rules are kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import polars as pl
import pytest

from live.feeds.base import Feed, KeepAlive
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.frame import Kind
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polybolt import Credentials, PolyBoltFeed
from live.feeds.polymarket.feed import PolymarketFeed, window_of
from live.feeds.rtds import RtdsFeed
from tests.live.feeds.helpers import Collected, connected, frames, gamma, parse
from tests.venues.binance_us import BinanceUs
from tests.venues.bitfinex import Bitfinex
from tests.venues.bybit import Bybit
from tests.venues.coinbase import Coinbase
from tests.venues.kraken import Kraken
from tests.venues.okx import Okx
from tests.venues.polybolt import PolyBolt
from tests.venues.polymarket_ws import BTC, ETH, PolymarketWs
from tests.venues.rtds import Rtds
from tests.venues.server import Venue

COINS = ["BTC", "ETH", "SOL"]
KEYS = Credentials("key", "hush", "psst")


async def record(venue: Venue, feed: Feed, messages: int = 40) -> Collected:
    feed.url, feed.pace_s = venue.url, 0.0
    async with connected(feed) as (got, _):
        await got.until(lambda g: len(g.of(Kind.DATA)) >= messages)
    return got


def run(venue: Venue, feed: Feed, messages: int = 40) -> dict[str, pl.DataFrame]:
    async def main() -> Collected:
        async with venue:
            return await record(venue, feed, messages)

    return parse(feed.parser(), asyncio.run(main()).frames)


@pytest.mark.parametrize(
    ("venue", "feed", "quote"),
    [
        (Coinbase, CoinbaseFeed, "USD"),
        (BinanceUs, BinanceUsFeed, "USDT"),
        (Okx, OkxFeed, "USDT"),
        (Bybit, BybitFeed, "USDT"),
        (Kraken, KrakenFeed, "USD"),
        (Bitfinex, BitfinexFeed, "USD"),
    ],
)
def test_a_spot_venue_fills_the_spot_table_for_every_coin(venue: type[Venue], feed: type[Feed], quote: str) -> None:
    spot = run(venue(), feed())["spot"]
    assert sorted(spot["asset"].unique()) == COINS
    assert spot["quote"].unique().to_list() == [quote]
    assert spot["venue"].unique().to_list() == [feed.name]
    assert (spot["bid"] < spot["ask"]).any()
    assert spot["last"].drop_nulls().len()


def test_binance_quotes_have_no_time_and_its_trades_do() -> None:
    tables = run(BinanceUs(), BinanceUsFeed())
    quotes = tables["spot"].filter(pl.col("event_ns").is_null())
    assert quotes.height
    trades = tables["trades"]
    assert trades["event_ns"].null_count() == 0
    assert set(trades["taker_side"]) == {"buy", "sell"}
    assert set(trades["symbol"]) == {"btcusdt", "ethusdt", "solusdt"}


def test_protocol_pings_are_answered() -> None:
    venue = BinanceUs()
    run(venue, BinanceUsFeed())
    assert venue.pings > 0


@pytest.mark.parametrize("timed", [True, False])
def test_krakens_timestamp_is_optional(timed: bool) -> None:
    spot = run(Kraken(timed=timed), KrakenFeed())["spot"]
    assert (spot["event_ns"].null_count() == 0) is timed


def test_bitfinex_is_asked_for_times_and_numbers_and_its_summed_sizes_are_left_out() -> None:
    venue = Bitfinex()
    spot = run(venue, BitfinexFeed())["spot"]
    assert venue.flags == 98304
    assert spot["event_ns"].null_count() == 0
    assert spot["bid_size"].null_count() == spot.height


def test_the_coinbase_book_is_a_snapshot_and_then_changes() -> None:
    l2 = run(Coinbase(), CoinbaseL2Feed())["l2"]
    first = l2.filter(pl.col("symbol") == "btc-usd")
    assert first["is_snapshot"].to_list()[:3] == [True] * 3
    assert not first["is_snapshot"].to_list()[3]
    assert set(l2["side"]) == {"bid", "ask"}


def test_rtds_reports_and_averages_are_told_apart_by_what_they_hold() -> None:
    oracle = run(Rtds(), RtdsFeed())["oracle"]
    assert sorted(oracle["feed"].unique()) == ["chainlink", "chainlink_twap30", "chainlink_twap60"]
    assert sorted(oracle["asset"].unique()) == COINS
    live = oracle.filter(pl.col("price") == 3120.55)
    assert live.height
    assert oracle.filter(pl.col("price") == 3119.0)["feed"].n_unique() == 3, "each backfill goes to its own feed"


def test_polybolt_lets_in_before_it_is_subscribed_to() -> None:
    venue = PolyBolt()
    oracle = run(venue, PolyBoltFeed(KEYS))["oracle"]
    assert sorted(oracle["feed"].unique()) == ["polybolt_twap30", "polybolt_twap60"]
    assert oracle["price"].unique().to_list() == [3120.5500001]


def test_polybolts_credentials_are_not_recorded() -> None:
    async def main() -> Collected:
        async with PolyBolt() as venue:
            return await record(venue, PolyBoltFeed(KEYS))

    got = asyncio.run(main())
    assert not any(b"hush" in frame.payload or b"psst" in frame.payload for frame in got.frames)
    assert got.of(Kind.SENT)
    assert "hush" not in repr(KEYS)


def test_polymarket_shows_both_tokens_after_every_message() -> None:
    feed = PolymarketFeed()
    named = frames("gamma", [gamma(BTC.gamma()), gamma(ETH.gamma())])
    windows = parse(feed.parser(), named)["windows"]
    feed.add(window_of(row) for row in windows.iter_rows(named=True))

    async def main() -> Collected:
        async with PolymarketWs() as venue:
            return await record(venue, feed)

    got = asyncio.run(main())
    parser = feed.parser()
    quotes = parse(parser, [*named, *got.frames])["binary_quotes"]
    last = quotes.filter(pl.col("market_id") == BTC.slug).row(-1, named=True)
    assert (last["native"], last["up_bid"], last["up_ask"]) == ("both", 0.47, 0.48)
    assert (last["down_bid"], last["down_ask"]) == (0.52, 0.53)
    assert last["up_bids_px"] == [0.47, 0.46]
    assert parser.counts["disagreements"] == 0
    assert parser.counts["checks"] > 0


@pytest.mark.parametrize(
    ("venue", "feed"),
    [(Okx, OkxFeed), (Bybit, BybitFeed), (PolymarketWs, PolymarketFeed)],
)
def test_a_venue_that_wants_pings_is_kept(venue: type[Venue], feed: type[Feed]) -> None:
    patient = feed()
    assert patient.keepalive is not None
    assert venue.idle_limit_s is not None
    assert patient.keepalive.interval_s < venue.idle_limit_s
    patient.keepalive = replace(patient.keepalive, interval_s=patient.keepalive.interval_s / 100.0)

    async def main() -> tuple[int, int]:
        async with venue(speed=100.0) as open_venue:
            patient.url = open_venue.url
            async with connected(patient):
                await asyncio.sleep(venue.idle_limit_s / 100.0 * 2.5)  # type: ignore[operator]
            return open_venue.opened, open_venue.pings

    opened, pings = asyncio.run(main())
    assert opened == 1
    assert pings > 2


def test_a_venue_that_gets_no_pings_hangs_up() -> None:
    feed = OkxFeed()
    feed.keepalive = KeepAlive(3600.0, b"ping")

    async def main() -> Collected:
        async with Okx(speed=100.0) as venue:
            feed.url = venue.url
            async with connected(feed) as (got, _):
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 1)
            return got

    got = asyncio.run(main())
    assert b'"code":1008' in got.of(Kind.CLOSED)[0].payload


def test_frames_are_stamped_and_keep_the_bytes() -> None:
    async def main() -> Collected:
        async with Kraken() as venue:
            return await record(venue, KrakenFeed())

    got = asyncio.run(main())
    assert [frame.kind for frame in got.frames[:2]] == [Kind.OPENED, Kind.SENT]
    stamps = [(frame.recv_ns, frame.mono_ns) for frame in got.frames]
    assert stamps == sorted(stamps)
    assert got.of(Kind.DATA)[0].payload.startswith(b'{"channel":"status"')
