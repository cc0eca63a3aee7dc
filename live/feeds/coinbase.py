"""Coinbase Advanced Trade: tickers and the full order book, each on a connection of its own.

Every message of a connection, heartbeats included, carries the next ``sequence_num``: a gap is a lost message.
The ticker fires on matches, so its best prices may be old in quiet moments; the order book is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Literal

import msgspec

from live.feeds.base import BadFrame, Seen
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.spot import SpotParser, Top
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import Id, MaybePrice, MaybeSize, Price, Size, decode, decoder, known, rfc3339

ADDRESS = "wss://advanced-trade-ws.coinbase.com"


class _Envelope(msgspec.Struct):
    channel: str = ""
    timestamp: str = ""
    sequence_num: Id | None = None
    events: msgspec.Raw = msgspec.Raw(b"[]")
    type: str = ""


class _Ticker(msgspec.Struct):
    product_id: str
    price: Price
    best_bid: MaybePrice = None
    best_ask: MaybePrice = None
    best_bid_quantity: MaybeSize = None
    best_ask_quantity: MaybeSize = None


class _TickerEvent(msgspec.Struct):
    tickers: list[_Ticker]


class _Level(msgspec.Struct, gc=False):
    side: Literal["bid", "offer"]
    event_time: str
    price_level: Price
    new_quantity: Size


class _BookEvent(msgspec.Struct):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[_Level]


_ENVELOPE = decoder(_Envelope)
_TICKERS = decoder(list[_TickerEvent])
_BOOKS = decoder(list[_BookEvent])


def _symbols(assets: Sequence[str]) -> dict[str, str]:
    return {f"{asset}-USD": asset for asset in assets}


class _CoinbaseFeed(VenueFeed):
    address = ADDRESS
    channel: str
    pace_s = 0.3

    @property
    def venue(self) -> str:
        """Both connections are of one venue."""
        return "coinbase"

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """One message per coin: a product that is not listed spoils a message. Eight a second are allowed."""
        return [text(type=how, channel=self.channel, product_ids=[product]) for product in _symbols(assets)]

    def subscribe(self) -> list[bytes]:
        """The coins, and heartbeats, which keep quiet subscriptions open."""
        return [*super().subscribe(), text(type="subscribe", channel="heartbeats", product_ids=[])]


class CoinbaseFeed(_CoinbaseFeed):
    """Tickers of Coinbase, to ``spot``."""

    name = "coinbase"
    channel = "ticker"

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return CoinbaseParser(self.assets)

    def react(self, signal: str) -> Seen:
        """A lost ticker is replaced by the next one: a gap is recorded, the connection stays."""
        return Seen() if signal == "sequence" else Seen(reconnect=signal)


class CoinbaseL2Feed(_CoinbaseFeed):
    """Order books of Coinbase, to ``l2``."""

    name = "coinbase_l2"
    channel = "level2"
    kinds = ("l2",)
    first_s = 5.0

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return CoinbaseL2Parser(self.assets)

    def react(self, signal: str) -> Seen:
        """A lost change leaves the book wrong until a snapshot: ask for one by subscribing again."""
        if signal != "sequence":
            return Seen(reconnect=signal)
        return Seen(send=[*self.ask(self.assets, "unsubscribe"), *self.ask(self.assets)])


class CoinbaseParser(SpotParser):
    """``ticker`` messages to rows of ``spot``."""

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__("coinbase", "USD", _symbols(assets))

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        envelope: _Envelope = decode(frame.feed, _ENVELOPE, frame.payload)
        events: list[_TickerEvent] = []
        event_ns = None
        if envelope.channel == "ticker":
            events = decode(frame.feed, _TICKERS, bytes(envelope.events))
            event_ns = rfc3339(frame.feed, envelope.timestamp)
        _number(self, frame, envelope)
        for event in events:
            for ticker in event.tickers:
                if asset := self.asset(ticker.product_id):
                    top = Top(
                        known(ticker.best_bid), known(ticker.best_ask), ticker.price,
                        known(ticker.best_bid_quantity), known(ticker.best_ask_quantity),
                    )  # fmt: skip
                    self.quoted(frame, rows, asset, event_ns, top)


class CoinbaseL2Parser(FeedParser):
    """``l2_data`` messages to rows of ``l2``; after a lost message a book is broken until its next snapshot.

    ``first_id`` and ``last_id`` are the message's ``sequence_num``. ``event_ns`` is the time of the change; the
    levels of a snapshot have the time of the message. ``seq`` is the place of a level in the message.
    """

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__([("l2/coinbase", asset) for asset in assets], _symbols(assets))
        self._seeded: set[tuple[int, str]] = set()

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        envelope: _Envelope = decode(frame.feed, _ENVELOPE, frame.payload)
        if envelope.channel != "l2_data":
            self._numbered(frame, envelope)
            return
        events: list[_BookEvent] = decode(frame.feed, _BOOKS, bytes(envelope.events))
        if envelope.sequence_num is None:
            raise BadFrame(frame.feed, "l2_data without sequence_num")
        sent_ns = rfc3339(frame.feed, envelope.timestamp)
        places = count()
        books = [(event, self._levels(frame, event, sent_ns, envelope.sequence_num, places)) for event in events]
        self._numbered(frame, envelope)
        for event, levels in books:
            asset = self.symbols.get(event.product_id)
            if asset is None:
                self.counts["unknown_symbol"] += 1
                continue
            stream, book = ("l2/coinbase", asset), (frame.conn, asset)
            if event.type == "snapshot":
                self._seeded.add(book)
            if book in self._seeded:
                self.seen(stream, frame, rows)
            else:
                self.counts["before_snapshot"] += 1
            rows.levels(levels)

    def _levels(
        self, frame: Frame, event: _BookEvent, sent_ns: int | None, number: int, places: Iterator[int]
    ) -> list[tuple[Any, ...]]:
        asset, symbol = self.symbols.get(event.product_id, ""), event.product_id.lower()
        is_snapshot = event.type == "snapshot"
        times: dict[str, int | None] = {}
        if not is_snapshot:
            times = {text: rfc3339(frame.feed, text) for text in {level.event_time for level in event.updates}}
        return [
            (
                sent_ns if is_snapshot else times[level.event_time], frame.recv_ns, "coinbase", symbol, asset,
                "bid" if level.side == "bid" else "ask", level.price_level, level.new_quantity, is_snapshot,
                number, number, next(places),
            )
            for level in event.updates
        ]  # fmt: skip

    def _numbered(self, frame: Frame, envelope: _Envelope) -> None:
        if not _number(self, frame, envelope):
            self._seeded = {book for book in self._seeded if book[0] != frame.conn}

    def lost(self, conn: int) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        super().lost(conn)
        self._seeded = {book for book in self._seeded if book[0] != conn}


def _number(parser: FeedParser, frame: Frame, envelope: _Envelope) -> bool:
    """Check the message's number, and whether it is a refusal; whether nothing is missing before it."""
    if envelope.type == "error":
        parser.signal("refused")
    return envelope.sequence_num is None or parser.in_order(frame, envelope.sequence_num)
