"""What the supervisor does when venues fail."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from arena.errors import ConfigError, DataError
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.connection import Connection, Patience
from live.feeds.frame import Frame, Kind
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polybolt import Credentials, PolyBoltFeed
from live.feeds.polymarket.feed import MOST_ASSETS, PolymarketFeed, Window
from live.feeds.venue import COINS
from tests.live.feeds.helpers import Collected, connected, parse
from tests.venues.binance_us import BinanceUs
from tests.venues.bitfinex import Bitfinex
from tests.venues.coinbase import Coinbase
from tests.venues.kraken import Kraken
from tests.venues.okx import Okx
from tests.venues.polybolt import PolyBolt
from tests.venues.polymarket_ws import BTC, ETH, Listed, PolymarketWs


def window(market: Listed, open_ns: int = 0, close_ns: int = 2**62) -> Window:
    return Window(market.slug, "BTC", market.condition_id, (market.up, market.down), open_ns, close_ns)


def reasons(got: Collected) -> list[str]:
    return [json.loads(frame.payload)["reason"] for frame in got.of(Kind.CLOSED)]


def test_a_stream_that_falls_silent_while_pings_work_is_noticed_recorded_and_left() -> None:
    async def main() -> Collected:
        async with Kraken() as venue:
            feed = KrakenFeed(url=venue.url, silent_s=0.2)
            async with connected(feed) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 20)
                venue.silent = True
                await got.until(lambda g: bool(g.of(Kind.CLOSED)))
                venue.silent = False
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 1 and g.frames[-1].kind == Kind.DATA)
                await asyncio.sleep(0.2)
            return got

    got = asyncio.run(main())
    silent = json.loads(got.of(Kind.SILENT)[0].payload)
    assert ["spot/kraken", "BTC"] in silent["streams"]
    assert reasons(got)[0] == "silence"
    gaps = parse(KrakenFeed().parser(), got.frames)["gaps"]
    assert sorted(gaps["asset"]) == ["BTC", "ETH", "SOL"]
    assert gaps["reason"].unique().to_list() == ["silence"]


def test_one_silent_coin_is_enough() -> None:
    async def main() -> Collected:
        async with Kraken() as venue:
            feed = KrakenFeed(("BTC", "ETH"), url=venue.url, silent_s=0.3)
            asked = feed.subscribe()[0].replace(b',"ETH/USD"', b"")
            feed.subscribe = lambda: [asked]  # type: ignore[method-assign]
            async with connected(feed) as (got, _):
                await got.until(lambda g: bool(g.of(Kind.SILENT)))
            return got

    streams = json.loads(asyncio.run(main()).of(Kind.SILENT)[0].payload)["streams"]
    assert streams == [["spot/kraken", "ETH"]]


def test_a_lost_connection_comes_back_and_leaves_a_gap_per_stream() -> None:
    async def main() -> Collected:
        async with Okx() as venue:
            async with connected(OkxFeed(url=venue.url)) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 12)
                await venue.hang_up()
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 1)
                n = len(got.frames)
                await got.until(lambda g: len(g.frames) > n + 14)
            return got

    got = asyncio.run(main())
    gaps = parse(OkxFeed().parser(), got.frames)["gaps"]
    streams = [("spot/okx", coin) for coin in COINS] + [("trades/okx", coin) for coin in COINS]
    assert sorted(gaps.select("stream", "asset").rows()) == streams
    assert (gaps["until_ns"] > gaps["recv_ns"]).all()
    assert gaps["reason"].unique().to_list() == ["reconnect"]


@pytest.mark.parametrize(
    ("venue", "feed", "how"),
    [
        (BinanceUs, BinanceUsFeed, lambda v: v.shut_down()),
        (Okx, OkxFeed, lambda v: v.announce_upgrade()),
        (Bitfinex, BitfinexFeed, lambda v: v.inform(20051)),
        (Bitfinex, BitfinexFeed, lambda v: v.inform(20061)),
    ],
)
def test_an_announced_end_is_a_planned_reconnect(venue, feed, how) -> None:  # type: ignore[no-untyped-def]
    async def main() -> Collected:
        async with venue() as here:
            async with connected(feed(url=here.url)) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 12)
                await how(here)
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 1)
            return got

    assert reasons(asyncio.run(main()))[0] == "planned"


def test_a_connection_that_has_lived_its_life_is_renewed() -> None:
    async def main() -> Collected:
        async with BinanceUs() as venue:
            feed = BinanceUsFeed(url=venue.url)
            assert feed.lifetime_s is not None
            assert feed.lifetime_s < 24 * 3600
            feed.lifetime_s = 0.1
            async with connected(feed) as (got, _):
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 2)
            return got

    assert set(reasons(asyncio.run(main()))) <= {"planned", "stopped"}


def test_a_lost_change_of_a_book_is_a_gap_until_the_snapshot_that_is_asked_for_at_once() -> None:
    async def main() -> Collected:
        async with Coinbase() as venue:
            feed = CoinbaseL2Feed(("BTC",), url=venue.url)
            feed.pace_s = 0.0
            async with connected(feed) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 12)
                venue.skip = 1
                await got.until(lambda g: len(g.of(Kind.SENT)) >= 4)
                n = len(got.frames)
                await got.until(lambda g: len(g.frames) > n + 10)
            return got

    got = asyncio.run(main())
    sent = [json.loads(frame.payload)["type"] for frame in got.of(Kind.SENT)]
    assert sent[:4] == ["subscribe", "subscribe", "unsubscribe", "subscribe"]
    assert len(got.of(Kind.OPENED)) == 1
    tables = parse(CoinbaseL2Feed(("BTC",)).parser(), got.frames)
    gap = tables["gaps"].row(0, named=True)
    assert gap["reason"] == "sequence"
    snapshots = tables["l2"].filter("is_snapshot")["recv_ns"].unique().sort()
    assert gap["until_ns"] == snapshots[1]


def test_a_lost_ticker_is_a_gap_and_the_connection_stays() -> None:
    async def main() -> Collected:
        async with Coinbase() as venue:
            async with connected(CoinbaseFeed(("BTC",), url=venue.url)) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 12)
                venue.skip = 2
                n = len(got.frames)
                await got.until(lambda g: len(g.frames) > n + 10)
            return got

    got = asyncio.run(main())
    assert len(got.of(Kind.OPENED)) == 1
    parser = CoinbaseFeed(("BTC",)).parser()
    assert parse(parser, got.frames)["gaps"]["reason"].to_list() == ["sequence"]
    assert parser.counts["missed_messages"] == 2


def test_pauses_grow_are_jittered_and_stay_under_their_cap() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 60:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    async def main() -> None:
        feed = KrakenFeed(url="ws://127.0.0.1:1")
        patience = Patience(first_s=0.5, longest_s=60.0)
        connection = Connection(feed, Collected().sink, rng=np.random.default_rng(0), sleep=sleep, patience=patience)
        with pytest.raises(asyncio.CancelledError):
            await connection.run()
        assert "refused" in connection.trouble.lower()

    asyncio.run(main())
    for n, pause in enumerate(pauses):
        longest = min(60.0, 0.5 * 2.0**n)
        assert longest / 2 <= pause <= longest
    assert len(set(pauses[10:])) > 10


def test_a_refusal_by_the_venue_is_no_reason_to_hammer_it() -> None:
    async def main() -> tuple[Collected, int]:
        async with Kraken() as venue:
            feed = KrakenFeed(url=venue.url)
            wrong = feed.subscribe()[0].replace(b'"ticker"', b'"nothing"')
            feed.subscribe = lambda: [wrong]  # type: ignore[method-assign]
            async with connected(feed) as (got, connection):
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 3)
                return got, connection.failures

    got, failures = asyncio.run(main())
    assert reasons(got)[:3] == ["refused"] * 3
    assert failures >= 3


def test_a_venue_that_hangs_up_after_a_few_messages_is_asked_less_and_less_often() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds != hurried.look_s:
            pauses.append(seconds)
        await asyncio.sleep(0.02)

    hurried = Patience(first_s=0.5, close_s=0.2, look_s=1.5)

    async def main() -> None:
        async with BinanceUs() as venue:
            feed = BinanceUsFeed(url=venue.url)
            feed.lifetime_s = None
            async with connected(feed, patience=hurried, sleep=sleep) as (got, _):
                for n in range(1, 6):
                    await got.until(lambda g, n=n: len(g.of(Kind.DATA)) > 8 * n)  # type: ignore[misc]
                    await venue.shut_down()
                    await got.until(lambda g, n=n: len(g.of(Kind.OPENED)) > n)  # type: ignore[misc]

    asyncio.run(main())
    assert len(pauses) == 5
    assert all(0.25 * 2**n <= pause <= 0.5 * 2**n for n, pause in enumerate(pauses))


def test_credentials_that_are_refused_end_the_connection_with_a_sentence() -> None:
    async def main() -> None:
        async with PolyBolt() as venue:
            feed = PolyBoltFeed(Credentials("wrong", "hush", "psst"), url=venue.url)
            await Connection(feed, Collected().sink, rng=np.random.default_rng(0)).run()

    with pytest.raises(DataError, match="code 4001"):
        asyncio.run(main())


@pytest.mark.parametrize("code", [4002, 4003])
def test_a_slow_consumer_or_a_drain_is_a_reconnect(code: int) -> None:
    async def main() -> Collected:
        async with PolyBolt() as venue:
            async with connected(PolyBoltFeed(Credentials("key", "hush", "psst"), url=venue.url)) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 12)
                await venue.hang_up(code)
                await got.until(lambda g: len(g.of(Kind.OPENED)) > 1)
            return got

    assert f'"code":{code}'.encode() in asyncio.run(main()).of(Kind.CLOSED)[0].payload


def test_an_address_that_is_none_is_refused() -> None:
    feed = KrakenFeed(url="nonsense")
    with pytest.raises(ConfigError, match="address"):
        asyncio.run(Connection(feed, Collected().sink, rng=np.random.default_rng(0)).run())


def test_nothing_is_dropped_while_the_sink_is_slow() -> None:
    payloads = [b'{"n":%d}' % n for n in range(2000)]

    async def main() -> list[bytes]:
        got: list[bytes] = []
        everything = asyncio.Event()

        async def slow(frame: Frame) -> None:
            if frame.kind == Kind.DATA:
                if len(got) % 200 == 0:
                    await asyncio.sleep(0.02)
                got.append(frame.payload)
                if len(got) == len(payloads):
                    everything.set()

        async with PolymarketWs(replay=payloads) as venue:
            feed = PolymarketFeed([window(BTC)], url=venue.url)
            task = asyncio.create_task(Connection(feed, slow, rng=np.random.default_rng(0)).run())
            await asyncio.wait_for(everything.wait(), 20)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return got

    assert asyncio.run(main()) == payloads


def test_a_sink_that_fails_stops_the_connection() -> None:
    async def broken(frame: Frame) -> None:
        if frame.kind == Kind.DATA:
            raise OSError("disk full")

    async def main() -> None:
        async with Kraken() as venue:
            await Connection(KrakenFeed(url=venue.url), broken, rng=np.random.default_rng(0)).run()

    with pytest.raises(OSError, match="disk full"):
        asyncio.run(main())


def test_messages_of_any_size_are_taken() -> None:
    huge = b'{"x":"' + b"y" * 20_000_000 + b'"}'

    async def main() -> int:
        async with PolymarketWs(replay=[huge]) as venue:
            feed = PolymarketFeed([window(BTC)], url=venue.url)
            async with connected(feed) as (got, _):
                await got.until(lambda g: bool(g.of(Kind.DATA)))
            return len(got.of(Kind.DATA)[0].payload)

    assert asyncio.run(main()) == len(huge)


def test_windows_come_and_go_on_an_open_connection() -> None:
    async def main() -> tuple[Collected, PolymarketWs]:
        async with PolymarketWs(speed=1.0) as venue:
            feed = PolymarketFeed([window(BTC)], url=venue.url)
            async with connected(feed) as (got, connection):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 3)
                await connection.send(feed.add([window(ETH)]))
                await connection.send(feed.drop([BTC.slug]))
                await got.until(lambda g: b'"0xbb"' in g.frames[-1].payload)
                n = len(got.frames)
                await got.until(lambda g: len(g.frames) > n + 10)
            assert isinstance(venue, PolymarketWs)
            return got, venue

    got, venue = asyncio.run(main())
    first, added, dropped = (json.loads(m) for m in venue.received if m != "PING")
    assert first == {"type": "market", "assets_ids": ["111", "222"], "custom_feature_enabled": True}
    assert added == {"operation": "subscribe", "assets_ids": ["333", "444"], "custom_feature_enabled": True}
    assert dropped == {"operation": "unsubscribe", "assets_ids": ["111", "222"]}
    assert b'"0xaa"' not in got.frames[-2].payload


def test_a_connection_takes_no_more_tokens_than_the_venue_serves() -> None:
    many = [window(Listed(f"m{n}", f"0x{n}", f"u{n}", f"d{n}")) for n in range(MOST_ASSETS // 2 + 1)]
    feed = PolymarketFeed(many[:-1])
    assert feed.room == 0
    with pytest.raises(ConfigError, match="another connection"):
        feed.add(many[-1:])


def test_only_the_book_of_an_open_window_must_be_alive() -> None:
    async def main() -> Collected:
        async with PolymarketWs(speed=1.0) as venue:
            venue.silent = True
            early, late = window(BTC, 2**61, 2**62), window(ETH, 1, 2)
            feed = PolymarketFeed([early, late], url=venue.url, silent_s=0.05)
            async with connected(feed) as (got, connection):
                await asyncio.sleep(0.3)
                assert not got.of(Kind.SILENT)
                await connection.send(feed.drop([ETH.slug]))
                await connection.send(feed.add([window(ETH)]))
                await got.until(lambda g: bool(g.of(Kind.SILENT)))
            return got

    streams = json.loads(asyncio.run(main()).of(Kind.SILENT)[0].payload)["streams"]
    assert streams == [[f"binary_quotes/{ETH.slug}", "BTC"]]


def test_a_stop_is_recorded_and_the_socket_closed() -> None:
    async def main() -> tuple[Collected, int]:
        async with Kraken() as venue:
            async with connected(KrakenFeed(url=venue.url)) as (got, _):
                await got.until(lambda g: len(g.of(Kind.DATA)) > 3)
            await asyncio.sleep(0.05)
            return got, len(venue.sessions)

    got, sessions = asyncio.run(main())
    assert reasons(got) == ["stopped"]
    assert got.frames[-1].kind == Kind.CLOSED
    assert sessions == 0
