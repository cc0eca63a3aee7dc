"""OKX: tickers, and best prices every 10 ms."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from live.feeds.base import KeepAlive
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.spot import SpotParser
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import MaybePrice, MaybeSize, Millis, Price, Size, decode, decoder, known, millis

ADDRESS = "wss://ws.okx.com:8443/ws/v5/public"
KINDS = ("spot", "trades")
PATIENCE_S = 30.0


class _Arg(msgspec.Struct):
    channel: str = ""
    symbol: str = msgspec.field(name="instId", default="")


class _Message(msgspec.Struct):
    arg: _Arg = msgspec.field(default_factory=_Arg)
    data: msgspec.Raw = msgspec.Raw(b"[]")
    event: str = ""
    code: str = ""


class _Ticker(msgspec.Struct):
    symbol: str = msgspec.field(name="instId")
    time: Millis = msgspec.field(name="ts")
    last: MaybePrice = None
    bid: MaybePrice = msgspec.field(name="bidPx", default=None)
    bid_size: MaybeSize = msgspec.field(name="bidSz", default=None)
    ask: MaybePrice = msgspec.field(name="askPx", default=None)
    ask_size: MaybeSize = msgspec.field(name="askSz", default=None)


class _Level(msgspec.Struct, array_like=True):
    price: Price
    size: Size


class _Best(msgspec.Struct):
    time: Millis = msgspec.field(name="ts")
    bids: list[_Level]
    asks: list[_Level]


_MESSAGE, _TICKERS, _BESTS = decoder(_Message), decoder(list[_Ticker]), decoder(list[_Best])


class OkxFeed(VenueFeed):
    """Tickers and best prices of OKX, to ``spot``. Text ``ping`` before 30 s of silence; ``pong`` is no data."""

    name = "okx"
    address = ADDRESS
    keepalive = KeepAlive(20.0, b"ping")
    kinds = KINDS
    patience_s = PATIENCE_S

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """Both channels of every coin, in one message."""
        args = [{"channel": c, "instId": f"{a}-USDT"} for c in ("tickers", "bbo-tbt") for a in assets]
        return [text(op=how, args=args)]

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return OkxParser(self.assets)


class OkxParser(SpotParser):
    """``tickers`` and ``bbo-tbt`` messages to rows of ``spot``."""

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__("okx", "USDT", {f"{asset}-USDT": asset for asset in assets}, KINDS, PATIENCE_S)

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        if frame.payload == b"pong":
            return
        message: _Message = decode(frame.feed, _MESSAGE, frame.payload)
        if message.event == "error":
            self.signal("refused")
        elif message.event == "notice":
            self.signal("planned")
        elif message.event:
            self.counts["answers"] += 1
        elif message.arg.channel == "tickers":
            self._tickers(frame, rows, decode(frame.feed, _TICKERS, bytes(message.data)))
        elif message.arg.channel == "bbo-tbt":
            self._bests(frame, rows, message.arg.symbol, decode(frame.feed, _BESTS, bytes(message.data)))
        else:
            self.counts["unknown_channel"] += 1

    def _tickers(self, frame: Frame, rows: Rows, tickers: list[_Ticker]) -> None:
        for ticker in tickers:
            if asset := self.asset(ticker.symbol):
                top = self.top(frame, asset)
                top.last = known(ticker.last)
                top.bid, top.bid_size = known(ticker.bid), known(ticker.bid_size)
                top.ask, top.ask_size = known(ticker.ask), known(ticker.ask_size)
                top.quoted_ns = frame.recv_ns
                self.quoted(frame, rows, asset, millis(ticker.time), top, "trades")

    def _bests(self, frame: Frame, rows: Rows, symbol: str, bests: list[_Best]) -> None:
        asset = self.asset(symbol)
        if asset is None:
            return
        for best in bests:
            top = self.top(frame, asset)
            top.bid, top.bid_size = (best.bids[0].price, best.bids[0].size) if best.bids else (None, None)
            top.ask, top.ask_size = (best.asks[0].price, best.asks[0].size) if best.asks else (None, None)
            self.quoted(frame, rows, asset, millis(best.time), top)
