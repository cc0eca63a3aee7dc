"""Messages that one core reads in a second of its time: decoded, and made into rows, against the standard library."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl

from benchmarks.lab import LabMarket
from benchmarks.measure import Figure
from benchmarks.measure import timed as timed_by
from benchmarks.rows import Row, Sizes
from live.feeds.base import Parser
from live.feeds.binance_us import BinanceUsFeed
from live.feeds.bitfinex import BitfinexFeed
from live.feeds.bybit import BybitFeed
from live.feeds.coinbase import CoinbaseFeed
from live.feeds.frame import Frame, Kind, note
from live.feeds.kraken import KrakenFeed
from live.feeds.okx import OkxFeed
from live.feeds.polymarket.messages import MESSAGES
from live.feeds.polymarket.parser import PolymarketParser
from live.feeds.rows import Rows
from live.feeds.rtds import RtdsFeed

BUDGET = 100_000.0
_FLUSH = 5000
timed = partial(timed_by, clock=time.process_time)
_STDLIB = "json.loads and float(), standard library"
_T0_MS = 1_790_000_000_000
_UP, _DOWN, _CONDITION = "4" * 77, "8" * 77, "0x" + "a" * 64


def run(sizes: Sizes, _: LabMarket) -> list[Row]:
    """Polymarket decoded and normalised, then every spot venue and RTDS normalised."""
    n = 50_000 if sizes.full else 1000
    rows = _polymarket(market_messages(n), sizes.runs)
    for name, parser, messages in _venues(max(n // 10, 200)):
        rows.append(_venue(name, parser, messages, sizes.runs))
    return rows


def market_messages(n: int, seed: int = 11) -> list[bytes]:
    """Messages of one market the way the channel sends them: both tokens change, every 40th is a snapshot of one."""
    rng = np.random.default_rng(seed)
    books: list[dict[str, dict[int, float]]] = [{"BUY": {}, "SELL": {}} for _ in range(2)]
    for cents in range(1, 99):
        books[0]["BUY" if cents < 48 else "SELL"][cents] = 100.0 + cents
        books[1]["BUY" if cents < 52 else "SELL"][cents] = 100.0 + cents
    made = [_snapshot(books, 0, 0), _snapshot(books, 1, 0)]
    for i in range(2, n):
        if i % 40 == 0:
            made.append(_snapshot(books, (i // 40) % 2, i))
            continue
        cents = int(rng.integers(1, 99))
        side = "BUY" if cents < 48 else "SELL"
        size = round(float(rng.uniform(1, 500)), 2)
        books[0][side][cents] = size
        books[1]["SELL" if side == "BUY" else "BUY"][100 - cents] = size
        made.append(_change(books, cents, side, size, i))
    return made


def _best(book: dict[str, dict[int, float]]) -> dict[str, str]:
    return {"best_bid": f"{max(book['BUY']) / 100:g}", "best_ask": f"{min(book['SELL']) / 100:g}"}


def _change(books: list[dict[str, dict[int, float]]], cents: int, side: str, size: float, i: int) -> bytes:
    other = "SELL" if side == "BUY" else "BUY"
    sides = ((_UP, cents, side, books[0]), (_DOWN, 100 - cents, other, books[1]))
    changes = [
        {"asset_id": token, "side": on, "hash": f"{i:040x}"} | _level(price, size) | _best(book)
        for token, price, on, book in sides
    ]
    return _bytes(market=_CONDITION, price_changes=changes, timestamp=str(_T0_MS + i), event_type="price_change")


def _snapshot(books: list[dict[str, dict[int, float]]], token: int, i: int) -> bytes:
    sides = {
        name: [_level(p, s) for p, s in sorted(books[token][side].items(), reverse=worst)]
        for name, side, worst in (("bids", "BUY", False), ("asks", "SELL", True))
    }
    about = {"market": _CONDITION, "asset_id": (_UP, _DOWN)[token], "timestamp": str(_T0_MS + i), "hash": f"{i:040x}"}
    return _bytes(**about, **sides, event_type="book")


def _level(cents: int, size: float) -> dict[str, str]:
    return {"price": f"{cents / 100:g}", "size": f"{size:g}"}


def _bytes(**message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def _gamma() -> Frame:
    market = {
        "slug": "btc-updown-5m-1790000100", "conditionId": _CONDITION, "outcomes": '["Up","Down"]',
        "clobTokenIds": json.dumps([_UP, _DOWN]), "resolutionSource": "https://data.chain.link/streams/btc-usd",
    }  # fmt: skip
    body = json.dumps({"slug": market["slug"], "markets": [market]})
    return Frame("gamma", 0, _T0_MS * 1_000_000, 0, Kind.HTTP, note(url="", status=200, body=body))


def _frames(feed: str, messages: Sequence[bytes]) -> list[Frame]:
    return [Frame(feed, 0, (_T0_MS + i) * 1_000_000, i, Kind.DATA, m) for i, m in enumerate(messages)]


def _tables(parser: Parser, frames: Sequence[Frame]) -> list[dict[str, pl.DataFrame]]:
    """What a recorder takes every few seconds."""
    rows, taken = Rows(), []
    for start in range(0, len(frames), _FLUSH):
        for frame in frames[start : start + _FLUSH]:
            parser.feed(frame, rows)
        taken.append(rows.take())
    return taken


def _polymarket(messages: list[bytes], runs: int) -> list[Row]:
    n = len(messages)
    frames = [_gamma(), *_frames("polymarket", messages)]
    decoding, _ = timed(lambda: [MESSAGES.decode(m).event_type for m in messages][-1], runs)
    stdlib, _ = timed(lambda: [_stdlib(json.loads(m)) for m in messages][-1], runs)
    whole, tables = timed(lambda: _tables(PolymarketParser(), frames), runs)
    plain, tops = timed(lambda: _dictionaries(messages), 1)
    quotes = pl.concat([taken["binary_quotes"] for taken in tables])
    best = quotes.select("up_bid", "up_ask", "up_bids_px").rows()
    rows = [
        Row(
            "feeds", f"Polymarket, {n:,} messages decoded and checked, 1 core", "messages/s", decoding.rate(n),
            _STDLIB, stdlib.rate(n), budget=BUDGET,
        ),
        Row(
            "feeds", "the same, to rows: both tokens, ten levels a side after every message", "messages/s",
            whole.rate(n), "the same with json, float and dictionaries", plain.rate(n), False,
            "best bid, best ask and ten bids of UP after every message", best == tops, BUDGET,
        ),
    ]  # fmt: skip
    sdk = _sdk(messages[: max(n // 20, 100)])
    if sdk is not None:
        what = "Polymarket, decoded, against its own SDK"
        rows.append(Row("feeds", what, "messages/s", decoding.rate(n), "polymarket-client", sdk))
    return rows


def _stdlib(message: dict[str, Any]) -> int:
    """The fields that the decoder reads, as numbers."""
    for change in message.get("price_changes", ()):
        for field in ("price", "size", "best_bid", "best_ask"):
            change[field] = float(change[field])
    for side in ("bids", "asks"):
        for level in message.get(side, ()):
            level["price"], level["size"] = float(level["price"]), float(level["size"])
    return int(message["timestamp"])


def _dictionaries(messages: Sequence[bytes]) -> list[tuple[float, float, list[float]]]:
    """Best bid, best ask and ten bids of UP after every message, both books kept in dictionaries."""
    books: dict[str, dict[str, dict[float, float]]] = {}
    tops = []
    for payload in messages:
        message = json.loads(payload)
        _stdlib(message)
        if message["event_type"] == "book":
            sides = (("BUY", "bids"), ("SELL", "asks"))
            books[message["asset_id"]] = {s: {lv["price"]: lv["size"] for lv in message[name]} for s, name in sides}
        for change in message.get("price_changes", ()):
            books[change["asset_id"]][change["side"]][change["price"]] = change["size"]
        shown = {}
        for token, book in books.items():
            bids = sorted(book["BUY"].items(), reverse=True)[:10]
            shown[token] = bids, sorted(book["SELL"].items())[:10]
        bids, asks = shown[_UP]
        tops.append((bids[0][0], asks[0][0], [price for price, _ in bids]))
    return tops


def _sdk(messages: Sequence[bytes]) -> Figure | None:
    if find_spec("polymarket") is None:
        return None
    from polymarket.models.clob.market_events import parse_market_event

    took, _ = timed(lambda: [parse_market_event(json.loads(m)) for m in messages][-1], 3)
    return took.rate(len(messages))


def _venue(name: str, parser: Callable[[], Parser], messages: list[bytes], runs: int) -> Row:
    frames = _frames(name, messages)
    ours, _ = timed(lambda: _tables(parser(), frames), runs)
    stdlib, _ = timed(lambda: [_numbers(json.loads(m)) for m in messages][-1], runs)
    n = len(messages)
    return Row("feeds", f"{name}, to rows, 1 core", "messages/s", ours.rate(n), _STDLIB + ", no rows", stdlib.rate(n))


def _numbers(value: Any) -> Any:
    """Every text that is a number, as one."""
    if isinstance(value, dict):
        return {key: _numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _venues(n: int) -> list[tuple[str, Callable[[], Parser], list[bytes]]]:
    at = "2026-09-21T14:13:20.123456789Z"
    coins = ("BTC",)

    def coinbase(i: int) -> dict[str, Any]:
        ticker = {
            "type": "ticker", "product_id": "BTC-USD", "price": f"{64000 + i % 9}", "volume_24_h": "91000",
            "best_bid": "63999.5", "best_bid_quantity": "1.2", "best_ask": "64010", "best_ask_quantity": "0.7",
        }  # fmt: skip
        events = [{"type": "update", "tickers": [ticker]}]
        return {"channel": "ticker", "client_id": "", "timestamp": at, "sequence_num": i, "events": events}

    def okx(i: int) -> dict[str, Any]:
        best = {"asks": [["64000.1", "11", "0", "3"]], "bids": [[f"{63990 + i % 9}", "5", "0", "2"]], "seqId": i}
        return {"arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"}, "data": [best | {"ts": str(_T0_MS + i)}]}

    def bybit(i: int) -> dict[str, Any]:
        best = {"s": "BTCUSDT", "b": [[f"{63990 + i % 9}", "0.006"]], "a": [["64000", "0.029"]], "u": 2 + i, "seq": i}
        return {"topic": "orderbook.1.BTCUSDT", "ts": _T0_MS + i, "type": "snapshot", "data": best, "cts": _T0_MS + i}

    def kraken(i: int) -> dict[str, Any]:
        ticker = {
            "symbol": "BTC/USD", "bid": 63990.0 + i % 9, "bid_qty": 0.74, "ask": 64000.1, "ask_qty": 1.36,
            "last": 63995.5, "volume": 997.0, "vwap": 64000.5, "low": 63000.1, "high": 65000.1, "timestamp": at,
        }  # fmt: skip
        return {"channel": "ticker", "type": "update", "data": [ticker]}

    def rtds(i: int) -> dict[str, Any]:
        payload = {"symbol": "btc/usd", "timestamp": _T0_MS + 1000 * i, "value": 64000.5, "window_s": 60}
        exact = {"full_accuracy_value": "64000500000000000000000"}
        return {"topic": "crypto_prices_twap_sixty", "type": "update", "timestamp": _T0_MS, "payload": payload | exact}

    def binance(i: int) -> dict[str, Any]:
        return {"u": i, "s": "BTCUSDT", "b": f"{63990 + i % 9}", "B": "31.21", "a": "64000.1", "A": "40.66"}

    def bitfinex(i: int) -> Any:
        if i == 0:
            return {"event": "subscribed", "channel": "ticker", "chanId": 7, "symbol": "tBTCUSD", "pair": "BTCUSD"}
        return [7, [63990.0 + i % 9, 31.9, 64000.1, 43.4, -550.8, -0.07, 63995.5, 8314.7, 65000, 63000], i, _T0_MS + i]

    feeds = [
        (CoinbaseFeed, coinbase), (BinanceUsFeed, binance), (OkxFeed, okx), (BybitFeed, bybit), (KrakenFeed, kraken),
        (BitfinexFeed, bitfinex), (RtdsFeed, rtds),
    ]  # fmt: skip
    return [
        (feed.name, feed(coins).parser, [json.dumps(message(i), separators=(",", ":")).encode() for i in range(n)])
        for feed, message in feeds
    ]
