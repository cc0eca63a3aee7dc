"""Who is silent, what is asked for again, and when a whole connection is given up."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from arena.units import SECOND
from live.feeds.base import Stream
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.frame import Frame, Kind
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polymarket.feed import PolymarketFeed
from live.feeds.rtds import RtdsFeed
from live.feeds.venue import VenueFeed
from live.feeds.watchdog import LONGEST_S, Watchdog
from live.recorder.feeds import warm_up
from tests.live.feeds.helpers import QUICK, T0, Collected, connected, frames, gamma, parse, payload
from tests.live.feeds.test_connection import reasons, window
from tests.live.feeds.test_spot_parsers import NUMBERS, SUBSCRIBED
from tests.venues.bybit import Bybit
from tests.venues.kraken import Kraken
from tests.venues.okx import Okx
from tests.venues.polymarket_ws import BTC, ETH, PolymarketWs
from tests.venues.server import Venue

BUSY, QUIET = Stream("spot/x", "BTC", 30.0), Stream("spot/x", "ZEC", 30.0)


class Clocked:
    """A watchdog, a second at a time. ``verdicts``: (second, coins asked for again, reconnect)."""

    def __init__(self, *streams: Stream) -> None:
        self.dog, self.streams, self.now_s = Watchdog(5.0), streams, 0
        self.verdicts: list[tuple[int, list[str], bool]] = []
        self.dog.opened(0)

    def run(self, seconds: int, talking: set[str], answering: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        for _ in range(seconds):
            self.now_s += 1
            now_ns = self.now_s * SECOND
            self.dog.heard([s[:2] for s in self.streams if s.asset in talking], now_ns)
            verdict = self.dog.look(self.streams, now_ns, now_ns)
            if verdict.silent:
                self.verdicts.append((self.now_s, [s.asset for s in verdict.silent], verdict.reconnect))
                self.dog.heard([s[:2] for s in verdict.silent if s.asset in answering], now_ns + SECOND // 10)
            if verdict.reconnect:
                self.dog.opened(now_ns)


def test_a_stream_that_only_answers_is_asked_less_and_less_often_and_disturbs_nobody() -> None:
    clocked = Clocked(BUSY, QUIET)
    clocked.run(4000, {"BTC"}, {"ZEC"})
    assert not any(reconnect for _, _, reconnect in clocked.verdicts)
    assert all(coins == ["ZEC"] for _, coins, _ in clocked.verdicts)
    seconds = [second for second, _, _ in clocked.verdicts]
    pauses = [b - a for a, b in zip([0, *seconds], seconds, strict=False)]
    assert pauses[:5] == pytest.approx([30, 60, 120, 240, 480], abs=2)
    assert pauses[5:] == pytest.approx([LONGEST_S] * len(pauses[5:]), abs=2)


def test_a_stream_that_does_not_answer_costs_one_connection_and_no_more() -> None:
    clocked = Clocked(BUSY, QUIET)
    clocked.run(8000, {"BTC"})
    assert [reconnect for _, _, reconnect in clocked.verdicts].count(True) == 1
    assert [reconnect for _, _, reconnect in clocked.verdicts][:3] == [False, False, True]


def test_a_stream_that_talks_again_is_as_good_as_any_other() -> None:
    clocked = Clocked(BUSY, QUIET)
    clocked.run(1000, {"BTC"})
    clocked.run(100, {"BTC", "ZEC"})
    clocked.verdicts.clear()
    clocked.run(1000, {"BTC"})
    assert clocked.verdicts[0][0] == pytest.approx(1131, abs=1)
    assert [reconnect for _, _, reconnect in clocked.verdicts].count(True) == 1


def test_a_connection_on_which_everything_is_silent_is_given_up() -> None:
    clocked = Clocked(BUSY, QUIET)
    clocked.run(10, {"BTC", "ZEC"})
    clocked.run(35, set())
    assert clocked.verdicts == [(41, ["BTC", "ZEC"], True)]


def test_a_stream_that_is_alone_is_asked_before_its_connection_is_given_up() -> None:
    clocked = Clocked(BUSY)
    clocked.run(100, set())
    assert [reconnect for _, _, reconnect in clocked.verdicts] == [False, True]


def test_what_was_asked_for_may_have_to_begin_sooner_than_it_may_be_silent() -> None:
    clocked = Clocked(BUSY, QUIET._replace(first_s=5.0))
    clocked.run(10, {"BTC"})
    assert clocked.verdicts == [(7, ["ZEC"], False)], "five seconds from the first look"


def test_a_broken_stream_has_the_time_of_a_beginning() -> None:
    clocked = Clocked(BUSY, QUIET._replace(first_s=5.0))
    clocked.run(10, {"BTC", "ZEC"})
    clocked.dog.broke([QUIET[:2]], 10 * SECOND)
    clocked.dog.broke([QUIET[:2]], 13 * SECOND)
    clocked.run(10, {"BTC"})
    assert clocked.verdicts == [(16, ["ZEC"], False)]


def test_nobody_waits_for_what_the_venue_refused() -> None:
    clocked = Clocked(BUSY, QUIET)
    clocked.dog.refused([QUIET[:2]])
    clocked.run(1000, {"BTC"})
    assert clocked.verdicts == []


def test_a_stream_that_comes_later_has_its_whole_patience() -> None:
    clocked = Clocked(BUSY)
    clocked.run(100, {"BTC"})
    clocked.streams = (BUSY, QUIET)
    clocked.run(29, {"BTC"})
    assert clocked.verdicts == []


SCALED = replace(QUICK, settle_s=0.02)


def asked_again(got: Collected) -> list[dict[str, Any]]:
    return [json.loads(frame.payload) for frame in got.of(Kind.SENT) if b"unsubscribe" in frame.payload]


def test_a_quiet_coin_is_asked_for_again_while_the_others_go_on() -> None:
    async def main() -> Collected:
        async with Kraken() as venue:
            venue.mute.add("ETH/USD")
            feed = KrakenFeed(("BTC", "ETH"), url=venue.url, silent_s=0.5)
            async with connected(feed, patience=SCALED) as (got, _):
                await got.until(lambda g: len(asked_again(g)) > 1)
            return got

    got = asyncio.run(main())
    assert len(got.of(Kind.OPENED)) == 1
    assert {tuple(message["params"]["symbol"]) for message in asked_again(got)} == {("ETH/USD",)}
    gaps = parse(KrakenFeed(("BTC", "ETH")).parser(), got.frames)["gaps"]
    assert set(gaps["asset"]) == {"ETH"}


def test_one_quiet_window_does_not_disturb_the_others() -> None:
    warm_up()

    async def main() -> Collected:
        async with PolymarketWs(speed=1.0) as venue:
            venue.quiet.add(ETH.condition_id)
            windows = [window(BTC), replace(window(ETH), asset="ETH")]
            feed = PolymarketFeed(windows, url=venue.url, silent_s=0.2)
            async with connected(feed, patience=SCALED) as (got, _):
                await got.until(lambda g: len(asked_again(g)) > 1)
            return got

    got = asyncio.run(main())
    assert len(got.of(Kind.OPENED)) == 1
    assert {tuple(message["assets_ids"]) for message in asked_again(got)} == {("333", "444")}
    named = frames("gamma", [gamma(BTC.gamma()), gamma(ETH.gamma())])
    gaps = parse(feed_parser(), [*named, *in_the_window(got)])["gaps"]
    assert set(gaps["stream"]) == {f"binary_quotes/{ETH.slug}"}


def feed_parser() -> Any:
    return PolymarketFeed().parser()


def in_the_window(got: Collected) -> list[Frame]:
    """The frames, received while the windows of the venue were open."""
    return [frame._replace(recv_ns=T0 + SECOND + i) for i, frame in enumerate(got.frames)]


def test_a_snapshot_that_does_not_come_is_asked_for_again_although_changes_come() -> None:
    warm_up()

    async def main() -> Collected:
        async with PolymarketWs(speed=1.0) as venue:
            venue.mute.add(BTC.down)
            feed = PolymarketFeed([window(BTC), window(ETH)], url=venue.url)
            stream = feed.stream
            feed.stream = lambda w: stream(w)._replace(first_s=0.1)  # type: ignore[method-assign]
            async with connected(feed, patience=SCALED) as (got, _):
                await got.until(lambda g: bool(asked_again(g)))
                venue.mute.clear()
                await asyncio.sleep(0.3)
            return got

    got = asyncio.run(main())
    assert {tuple(message["assets_ids"]) for message in asked_again(got)} == {("111", "222")}
    assert len(got.of(Kind.OPENED)) == 1
    named = frames("gamma", [gamma(BTC.gamma()), gamma(ETH.gamma())])
    quotes = parse(feed_parser(), [*named, *in_the_window(got)])["binary_quotes"]
    last = quotes.filter(market_id=BTC.slug).row(-1, named=True)
    assert last["native"] == "both"


def test_a_book_that_is_not_the_venues_is_asked_for_again() -> None:
    warm_up()

    async def main() -> Collected:
        async with PolymarketWs(speed=1.0) as venue:
            feed = PolymarketFeed([window(BTC), window(ETH)], url=venue.url)
            stream = feed.stream
            feed.stream = lambda w: stream(w)._replace(first_s=0.1)  # type: ignore[method-assign]
            async with connected(feed, patience=SCALED) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 10)
                venue.doubtful.add(BTC.condition_id)
                await got.until(lambda g: bool(asked_again(g)))
                venue.doubtful.clear()
                n = len(got.frames)
                await got.until(lambda g: len(g.frames) > n + 20)
            return got

    got = asyncio.run(main())
    assert len(got.of(Kind.OPENED)) == 1
    assert {tuple(message["assets_ids"]) for message in asked_again(got)} == {("111", "222")}
    named = frames("gamma", [gamma(BTC.gamma()), gamma(ETH.gamma())])
    assert "disagreement" in parse(feed_parser(), [*named, *in_the_window(got)])["gaps"]["reason"].to_list()


def test_a_coin_the_venue_does_not_list_is_left_out_with_a_notice_and_the_others_stay() -> None:
    async def main() -> tuple[Collected, list[str], int]:
        async with Okx(speed=1.0) as venue:
            venue.unlisted = frozenset({"HYPE-USDT"})
            feed = OkxFeed(("BTC", "HYPE"), url=venue.url, silent_s=0.2)
            async with connected(feed, patience=SCALED) as (got, connection):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 60)
                return got, list(connection.notices), venue.opened

    got, notices, opened = asyncio.run(main())
    assert opened == 1
    assert not got.of(Kind.SILENT)
    assert all("okx" in notice and "HYPE-USDT" in notice for notice in notices)
    assert len(notices) == 2


def test_a_venue_that_refuses_everything_is_left() -> None:
    async def main() -> Collected:
        async with Okx(speed=1.0) as venue:
            venue.unlisted = frozenset({"HYPE-USDT"})
            async with connected(OkxFeed(("HYPE",), url=venue.url)) as (got, _):
                await got.until(lambda g: len(g.of(Kind.CLOSED)) > 1)
            return got

    assert reasons(asyncio.run(main()))[0] == "refused"


def test_a_dead_channel_is_noticed_although_its_sibling_talks() -> None:
    async def main() -> Collected:
        async with Bybit(speed=1.0) as venue:
            venue.dead.add("orderbook.1.BTCUSDT")
            feed = BybitFeed(("BTC",), url=venue.url, silent_s=0.1)
            async with connected(feed, patience=SCALED) as (got, _):
                await got.until(lambda g: bool(asked_again(g)))
            return got

    silent = json.loads(asyncio.run(main()).of(Kind.SILENT)[0].payload)["streams"]
    assert silent == [["spot/bybit", "BTC"]]


@pytest.mark.parametrize(
    "feed", [OkxFeed, BybitFeed, KrakenFeed, BinanceUsFeed, CoinbaseFeed, CoinbaseL2Feed, RtdsFeed]
)
def test_asking_again_ends_the_subscriptions_of_one_coin_and_begins_them_anew(feed: type[VenueFeed]) -> None:
    made = feed(("BTC", "ETH"))
    stream = next(s for s in made.streams() if s.asset == "ETH")
    messages = [message.decode() for message in made.watch().again([stream])]
    first, second = messages[: len(messages) // 2], messages[len(messages) // 2 :]
    assert [m.replace("unsubscribe", "subscribe").replace("UNSUBSCRIBE", "SUBSCRIBE") for m in first] == second
    assert first != second
    assert "eth" in messages[0].lower()
    assert not any("btc" in message.lower() for message in messages)


def test_bitfinex_ends_a_channel_by_its_number() -> None:
    feed = BitfinexFeed(("BTC", "ETH"))
    watch = feed.watch()
    watch.see(payload(SUBSCRIBED))
    assert watch.see(payload([7, NUMBERS])).streams == [("spot/bitfinex", "BTC")]
    assert [json.loads(m) for m in watch.again([feed.streams()[0]])] == [
        {"event": "unsubscribe", "chanId": 7},
        {"event": "subscribe", "channel": "ticker", "symbol": "tBTCUSD"},
    ]


def test_the_first_message_of_a_connection_without_windows_is_the_first_subscription() -> None:
    async def main() -> Venue:
        async with PolymarketWs(speed=1.0) as venue:
            feed = PolymarketFeed(url=venue.url)
            async with connected(feed) as (got, connection):
                for n in (1, 2):
                    await got.until(lambda g, n=n: len(g.of(Kind.OPENED)) == n)  # type: ignore[misc]
                    await asyncio.sleep(0.05)
                    await connection.send(feed.add([window(BTC)]))
                    await connection.send(feed.add([window(ETH)]))
                    await got.until(lambda g: any(b'"0xbb"' in f.payload for f in g.frames[-3:]))
                    await connection.send(feed.drop([BTC.slug, ETH.slug]))
                    await asyncio.sleep(0.05)
                    if n == 1:
                        await venue.hang_up()
            return venue

    said = [json.loads(message) for message in asyncio.run(main()).received if message != "PING"]
    assert [message.get("type") or message["operation"] for message in said] == [
        "market",
        "subscribe",
        "unsubscribe",
    ] * 2
