"""Bybit spot: tickers (last price only) and the best level of the book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from live.feeds.base import KeepAlive
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.spot import SpotParser
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import Id, Millis, Price, Size, decode, decoder, millis

ADDRESS = "wss://stream.bybit.com/v5/public/spot"
KINDS = ("spot", "trades")
PATIENCE_S = 20.0


class _Message(msgspec.Struct):
    topic: str = ""
    type: Literal["snapshot", "delta", ""] = ""
    sent: Millis | None = msgspec.field(name="ts", default=None)
    matched: Millis | None = msgspec.field(name="cts", default=None)
    data: msgspec.Raw = msgspec.Raw(b"{}")
    op: str = ""
    success: bool | None = None


class _Ticker(msgspec.Struct):
    symbol: str
    last: Price = msgspec.field(name="lastPrice")


class _Level(msgspec.Struct, array_like=True):
    price: Price
    size: Size


class _Best(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    bids: list[_Level] = msgspec.field(name="b")
    asks: list[_Level] = msgspec.field(name="a")
    update: Id = msgspec.field(name="u")


_MESSAGE, _TICKER, _BEST = decoder(_Message), decoder(_Ticker), decoder(_Best)


class BybitFeed(VenueFeed):
    """Last prices and best levels of Bybit spot, to ``spot``. The best level is repeated every 3 s when idle."""

    name = "bybit"
    address = ADDRESS
    keepalive = KeepAlive(20.0, text(op="ping"))
    kinds = KINDS
    patience_s = PATIENCE_S

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """One message per coin, named by its symbol: one bad topic spoils a message, and at most ten fit."""
        return [text(req_id=f"{a}USDT", op=how, args=[f"tickers.{a}USDT", f"orderbook.1.{a}USDT"]) for a in assets]

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return BybitParser(self.assets)


class BybitParser(SpotParser):
    """``tickers`` and ``orderbook.1`` messages to rows of ``spot``."""

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__("bybit", "USDT", {f"{asset}USDT": asset for asset in assets}, KINDS, PATIENCE_S)

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        message: _Message = decode(frame.feed, _MESSAGE, frame.payload)
        time = message.matched or message.sent
        event_ns = None if time is None else millis(time)
        if message.topic.startswith("tickers."):
            self._ticker(frame, rows, event_ns, decode(frame.feed, _TICKER, bytes(message.data)))
        elif message.topic.startswith("orderbook.1."):
            self._best(frame, rows, event_ns, message.type, decode(frame.feed, _BEST, bytes(message.data)))
        elif message.success is False:
            self.signal("refused")
        else:
            self.counts["answers" if message.op else "unknown_topic"] += 1

    def _ticker(self, frame: Frame, rows: Rows, event_ns: int | None, ticker: _Ticker) -> None:
        if asset := self.asset(ticker.symbol):
            top = self.top(frame, asset)
            top.last = ticker.last
            self.quoted(frame, rows, asset, event_ns, top, "trades")

    def _best(self, frame: Frame, rows: Rows, event_ns: int | None, kind: str, best: _Best) -> None:
        asset = self.asset(best.symbol)
        if asset is None:
            return
        if best.update == 1:
            self.counts["resets"] += 1
            self.gaps.broke((f"spot/{self.venue}", asset), "reset")
        top = self.top(frame, asset)
        if kind != "delta":
            top.bid = top.bid_size = top.ask = top.ask_size = None
        for level in best.bids:
            top.bid, top.bid_size = (level.price, level.size) if level.size > 0 else (None, None)
        for level in best.asks:
            top.ask, top.ask_size = (level.price, level.size) if level.size > 0 else (None, None)
        self.quoted(frame, rows, asset, event_ns, top)
