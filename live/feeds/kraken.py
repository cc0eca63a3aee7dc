"""Kraken, version 2: tickers at every change of the best prices."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from live.feeds.base import KeepAlive
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.spot import SpotParser, Top
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import Price, Size, decode, decoder, rfc3339

ADDRESS = "wss://ws.kraken.com/v2"


class _Message(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    method: str = ""
    success: bool | None = None


class _Ticker(msgspec.Struct):
    symbol: str
    bid: Price
    bid_qty: Size
    ask: Price
    ask_qty: Size
    last: Price
    timestamp: str | None = None


class _Status(msgspec.Struct):
    system: str


_MESSAGE, _TICKERS, _STATUS = decoder(_Message), decoder(list[_Ticker]), decoder(list[_Status])


class KrakenFeed(VenueFeed):
    """Tickers of Kraken, to ``spot``. The default trigger is trades, so every change of the best is asked for."""

    name = "kraken"
    address = ADDRESS
    keepalive = KeepAlive(20.0, text(method="ping"))

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """One message for all coins."""
        symbols = [f"{asset}/USD" for asset in assets]
        return [text(method=how, params={"channel": "ticker", "symbol": symbols, "event_trigger": "bbo"})]

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return KrakenParser(self.assets)


class KrakenParser(SpotParser):
    """``ticker`` messages to rows of ``spot``; the time is the ticker's own, null where it has none."""

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__("kraken", "USD", {f"{asset}/USD": asset for asset in assets})

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        message: _Message = decode(frame.feed, _MESSAGE, frame.payload)
        if message.channel == "ticker":
            tickers: list[_Ticker] = decode(frame.feed, _TICKERS, bytes(message.data))
            times = [None if t.timestamp is None else rfc3339(frame.feed, t.timestamp) for t in tickers]
            for ticker, event_ns in zip(tickers, times, strict=True):
                if asset := self.asset(ticker.symbol):
                    top = Top(ticker.bid, ticker.ask, ticker.last, ticker.bid_qty, ticker.ask_qty)
                    self.quoted(frame, rows, asset, event_ns, top)
        elif message.channel == "status":
            for status in decode(frame.feed, _STATUS, bytes(message.data)):
                self.counts[f"status_{status.system}"[:40]] += 1
        elif message.success is False:
            self.signal("refused")
        elif message.channel != "heartbeat":
            self.counts["answers" if message.method else "unknown_channel"] += 1
