"""Whatever comes over the wire, a parser raises ``BadFrame`` or appends rows that conform, and goes on."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.market.quality import check_times
from arena.market.schema import TABLES
from live.feeds.base import BadFrame, Parser
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.coinbase import CoinbaseFeed, CoinbaseL2Feed
from live.feeds.frame import Frame, Kind
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polybolt import Credentials, PolyBoltFeed
from live.feeds.polymarket.parser import PolymarketParser
from live.feeds.rows import Rows
from live.feeds.rtds import RtdsFeed
from tests.live.feeds.helpers import CLOSED, OPENED, T0, gamma, payload
from tests.live.feeds.test_oracle_parsers import bolt, report
from tests.live.feeds.test_polymarket import DOWN, MS, NAMED, UP, change, changes, resolved, trade
from tests.live.feeds.test_spot_parsers import NUMBERS, SUBSCRIBED, best, book, ticker
from tests.venues.gamma import event
from tests.venues.polymarket_ws import BTC

Seed = tuple[Kind, bytes]


def data(*messages: Any) -> list[Seed]:
    return [(Kind.DATA, payload(message)) for message in messages]


def seeds() -> dict[str, tuple[Parser, list[Seed]]]:
    """A fresh parser per feed, and believable frames of it."""
    okx_ticker = {
        "instId": "BTC-USDT", "last": "9", "askPx": "10", "askSz": "1", "bidPx": "9", "bidSz": "1",
        "ts": "1790000000000",
    }  # fmt: skip
    best_okx = {"asks": [["10", "1", "0", "1"]], "bids": [["9", "1", "0", "1"]], "ts": "1790000000000", "seqId": 1}
    kraken = {"symbol": "BTC/USD", "bid": 9.0, "bid_qty": 1.0, "ask": 10.0, "ask_qty": 1.0, "last": 9.5}
    points = [{"timestamp": T0 // 10**6, "value": 1.0, "full_accuracy_value": "1000000000000000000"}]
    return {
        "coinbase": (CoinbaseFeed().parser(), data(ticker(1), ticker(3))),
        "coinbase_l2": (
            CoinbaseL2Feed().parser(),
            data(book(0, "snapshot", ("bid", "9", "1")), book(1, "update", ("offer", "10", "0"))),
        ),
        "binance_us": (
            BinanceUsFeed().parser(),
            data(
                {"u": 5, "s": "BTCUSDT", "b": "9", "B": "1", "a": "10", "A": "1"},
                {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "9", "q": "2", "T": 1790000000000, "m": True},
                {"result": None, "id": 1},
            ),
        ),
        "okx": (
            OkxFeed().parser(),
            data(
                "pong",
                {"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": [okx_ticker]},
                {"arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"}, "data": [best_okx]},
            ),
        ),
        "bybit": (
            BybitFeed().parser(),
            data(
                best(50),
                {"topic": "tickers.BTCUSDT", "ts": 1790000000000, "data": {"symbol": "BTCUSDT", "lastPrice": "9"}},
            ),
        ),
        "kraken": (
            KrakenFeed().parser(),
            data(
                {"channel": "ticker", "type": "update", "data": [kraken | {"timestamp": "2026-09-21T14:13:20.1Z"}]},
                {"channel": "status", "type": "update", "data": [{"system": "online"}]},
            ),
        ),
        "bitfinex": (
            BitfinexFeed().parser(),
            data(SUBSCRIBED, [7, NUMBERS, 1, 1790000000000], [7, "hb", 2], {"event": "info", "code": 20060}),
        ),
        "rtds": (
            RtdsFeed().parser(),
            data(
                report(window_s=60, full_accuracy_value="3120550000000000000001"),
                {"topic": "crypto_prices", "type": "subscribe", "payload": {"symbol": "btc/usd", "data": points}},
            ),
        ),
        "polybolt": (PolyBoltFeed(Credentials("a", "b", "c")).parser(), data(bolt(1), {"op": "authed", "rid": "1"})),
        "polymarket": (
            PolymarketParser(check_hashes=True),
            [
                *NAMED,
                *data(
                    UP, [DOWN, UP], trade(), resolved(), UP | {"last_trade_price": "0.4", "tick_size": "0.01"},
                    changes(change(BTC.up, "0.46", "1", best_bid="0.47"), change(BTC.down, "0.5", "0")),
                    {"event_type": "tick_size_change", "market": "0xaa", "asset_id": "111", "timestamp": str(MS)},
                    {"event_type": "new_market", "id": "77", "market": "0xbb", "assets_ids": ["3"], "outcomes": ["Up"]},
                ),
            ],
        ),
        "gamma": (PolymarketParser(), [*NAMED, gamma(event(BTC.slug)), gamma([event(BTC.slug, closed=False)])]),
    }  # fmt: skip


ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 2**64, 10**30, 1e308, -0.0, 1e-320, "", "0", "-1", "nan",
    "NaN", "inf", "-Infinity", "1e400", "٣", "１２", "0x10", "1_000", " 1", "1" * 5000, "a" * 1000, "\u0000",
    [], {}, [[]], [{}], {"a": None}, "1790000000000", 1790000000000, "9999999999999999999", "2026-13-45T99:99:99Z",
    "2026-09-21T14:13:20Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59", ["Up", "Down"], '["Up","Down"]', {"rate": 1e308, "exponent": 1e308}, True, 0.5,
    "BUY", "Up", "111", "0xaa", "book", "price_change",
]  # fmt: skip


def odd(rng: random.Random) -> Any:
    if rng.random() < 0.05:
        depth: Any = 1
        for _ in range(rng.choice([5, 50, 400])):
            depth = [depth] if rng.random() < 0.5 else {"payload": depth}
        return depth
    return copy.deepcopy(rng.choice(ODD_VALUES))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from places(inner)


def mutate_json(rng: random.Random, message: bytes) -> bytes:
    """One to three values replaced, removed, repeated or renamed; or the raw text of one by something no JSON has."""
    try:
        value = json.loads(message)
    except ValueError:
        return message
    for _ in range(rng.randint(1, 3)):
        found = list(places(value))
        if not found:
            break
        holder, key = rng.choice(found)
        inner = holder[key]
        how = rng.random()
        if isinstance(inner, str) and inner[:1] in "[{" and how < 0.6:
            holder[key] = mutate_json(rng, inner.encode(errors="replace")).decode(errors="replace")
        elif how < 0.6:
            holder[key] = odd(rng)
        elif how < 0.7 and isinstance(inner, str | int | float):
            holder[key] = rng.choice([str(inner), f"-{inner}", f"{inner}0", f"{inner}.5", [inner]])
        elif how < 0.8 and isinstance(holder, dict):
            holder[rng.choice([*holder, "event_type", "market", "x"])] = holder.pop(key)
        elif isinstance(holder, list) and how < 0.9:
            holder.append(json.loads(json.dumps(holder[0])))
        else:
            del holder[key]
    text = json.dumps(value, separators=(",", ":")).encode()
    if rng.random() < 0.05:
        text = text.replace(
            rng.choice([b"1", b'"', b":"]), rng.choice([b"NaN", b"Infinity", b"-", b"\\u0660", b"\\ud800"]), 1
        )
    return text


def mutate_bytes(rng: random.Random, message: bytes) -> bytes:
    """Bits flipped, pieces cut out, put in, or repeated."""
    changed = bytearray(message)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        how = rng.random()
        if how < 0.4 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif how < 0.6:
            del changed[at : at + rng.randint(1, 40)]
        elif how < 0.7:
            del changed[at:]
        elif how < 0.9:
            changed[at:at] = rng.choice(
                [b"\xff\xfe", b"[", b"{", b"]", b'"', b"\x00", b"\xc3\x28", b"9" * 400, b"[" * 3000]
            )
        else:
            changed[at:at] = changed[:at][-60:]
    return bytes(changed)


def fuzzed(rng: random.Random, known: list[Seed], n: int) -> Iterator[Seed]:
    """Frames: believable ones, damaged ones, and notes of connections in between."""
    for _ in range(n):
        kind, message = rng.choice(known)
        how = rng.random()
        if how < 0.05:
            kind, message = rng.choice(
                [OPENED, CLOSED, (Kind.SILENT, b'{"streams":[["a","b"]]}'), (Kind.CLOSED, b"\xff")]
            )
        elif how < 0.65:
            message = mutate_json(rng, message)
        elif how < 0.9:
            message = mutate_bytes(rng, message)
        yield kind, message


def conforms(rows: Rows) -> int:
    """How many rows there are; every one fits its table and has times that can be UTC nanoseconds."""
    n = 0
    for name, frame in rows.take().items():
        assert frame.schema == pl.Schema(TABLES[name].schema)
        required = [c.name for c in TABLES[name].columns if not c.nullable]
        assert frame.select(pl.col(required).null_count().sum()).row(0) == (0,) * len(required), name
        check_times(TABLES[name], frame, name)
        n += frame.height
    for name, frame in rows.take_refused().items():
        assert frame.columns == [*TABLES[name].schema, "rule"]
    return n


def hammer(feed: str, rng: random.Random, n: int) -> tuple[int, int]:
    """Feed ``n`` frames; how many were refused, and how many rows came out."""
    parser, known = seeds()[feed]
    rows, refused, made = Rows(), 0, 0
    for i, (kind, message) in enumerate([*known, *fuzzed(rng, known, n), *known]):
        try:
            parser.feed(Frame(feed, rng.randrange(2), T0 + i, i, kind, message), rows)
        except BadFrame:
            refused += 1
        if i % 2000 == 1999:
            made += conforms(rows)
    return refused, made + conforms(rows)


FEEDS = sorted(seeds())


@pytest.mark.parametrize("feed", FEEDS)
def test_damaged_frames_are_refused_or_become_rows_that_conform(feed: str) -> None:
    refused, made = hammer(feed, random.Random(feed), 2500)
    assert refused > 100
    # The row of a window replaces the one before.
    assert made > (3 if feed == "gamma" else 100)


@pytest.mark.slow
@pytest.mark.parametrize("feed", FEEDS)
def test_a_million_damaged_frames(feed: str) -> None:
    hammer(feed, random.Random(), 1_000_000 // len(FEEDS))


@pytest.mark.parametrize("feed", [feed for feed in FEEDS if feed != "gamma"])
def test_a_parser_is_as_good_as_new_after_anything(feed: str) -> None:
    """After garbage and a reconnect, the same frames give the same rows as on a fresh parser, gaps apart."""
    parser, known = seeds()[feed]
    fresh, _ = seeds()[feed]
    rng, rows, expected = random.Random(7), Rows(), Rows()
    for i, (kind, message) in enumerate(fuzzed(rng, data(*(m for k, m in known if k == Kind.DATA)), 300)):
        try:
            parser.feed(Frame(feed, 0, T0 + i, i, kind, message), rows)
        except BadFrame:
            continue
    rows.take()
    again = [(Kind.CLOSED, b"{}"), OPENED, *known]
    for i, (kind, message) in enumerate(again):
        frame = Frame(feed, 0, T0 + 10**9 + i, i, kind, message)
        parser.feed(frame, rows)
        fresh.feed(frame, expected)
    got, wanted = rows.take(), expected.take()
    for name in set(wanted) - {"gaps", "oracle", "windows"}:
        assert got[name].equals(wanted[name]), name


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(ODD_VALUES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FEEDS), st.one_of(st.binary(max_size=60), anything.map(lambda v: json.dumps(v).encode())))
def test_any_json_and_any_bytes_are_survived(feed: str, message: bytes) -> None:
    parser, _ = seeds()[feed]
    rows = Rows()
    for kind in Kind:
        try:
            parser.feed(Frame(feed, 0, T0, 0, kind, message), rows)
        except BadFrame:
            continue
    conforms(rows)
