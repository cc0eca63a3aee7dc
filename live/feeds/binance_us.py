"""Binance.US: best prices as they change (without a time) and trades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from live.feeds.base import BadFrame
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.spot import SpotParser
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import Amount, Id, Millis, Price, Size, decode, decoder, millis

ADDRESS = "wss://stream.binance.us:9443/ws"
KINDS = ("spot", "trades")
PATIENCE_S = 300.0


class _Quote(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    bid: Price = msgspec.field(name="b")
    bid_size: Size = msgspec.field(name="B")
    ask: Price = msgspec.field(name="a")
    ask_size: Size = msgspec.field(name="A")


class _Trade(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    id: Id = msgspec.field(name="t")
    price: Price = msgspec.field(name="p")
    size: Amount = msgspec.field(name="q")
    time: Millis = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class _Kind(msgspec.Struct):
    event: str = msgspec.field(name="e", default="")
    update: Id | None = msgspec.field(name="u", default=None)
    id: int | None = None
    error: Any = None
    code: int | None = None


_KIND, _QUOTE, _TRADE = decoder(_Kind), decoder(_Quote), decoder(_Trade)


class BinanceUsFeed(VenueFeed):
    """Best prices and trades of Binance.US, to ``spot`` and ``trades``.

    The venue pings by the protocol, which the connection answers, and hangs up after a day: we go before.
    It is thin: a coin may well be silent for minutes.
    """

    name = "binance_us"
    address = ADDRESS
    lifetime_s = 23.75 * 3600
    kinds = KINDS
    patience_s = PATIENCE_S

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """Quotes and trades of every coin, in one message."""
        streams = [f"{a.lower()}usdt@{kind}" for a in assets for kind in ("bookTicker", "trade")]
        return [text(method=how.upper(), params=streams, id=1)]

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return BinanceUsParser(self.assets)


class BinanceUsParser(SpotParser):
    """``bookTicker`` and ``trade`` messages to rows of ``spot``, and trades to ``trades`` as well."""

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__("binance_us", "USDT", {f"{asset}USDT": asset for asset in assets}, KINDS, PATIENCE_S)

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        kind: _Kind = decode(frame.feed, _KIND, frame.payload)
        if kind.event == "trade":
            self._trade(frame, rows)
        elif not kind.event and kind.update is not None:
            self._quote(frame, rows)
        elif kind.event == "serverShutdown":
            self.signal("planned")
        elif kind.error is not None or kind.code is not None:
            self.signal("refused")
        elif kind.event:
            self.counts["unknown_event"] += 1
        elif kind.id is None:
            raise BadFrame(frame.feed, "neither a quote, nor an event, nor an answer")

    def _quote(self, frame: Frame, rows: Rows) -> None:
        quote: _Quote = decode(frame.feed, _QUOTE, frame.payload)
        if asset := self.asset(quote.symbol):
            top = self.top(frame, asset)
            top.bid, top.bid_size, top.ask, top.ask_size = quote.bid, quote.bid_size, quote.ask, quote.ask_size
            self.quoted(frame, rows, asset, None, top)

    def _trade(self, frame: Frame, rows: Rows) -> None:
        trade: _Trade = decode(frame.feed, _TRADE, frame.payload)
        if asset := self.asset(trade.symbol):
            top = self.top(frame, asset)
            top.last = trade.price
            event_ns = millis(trade.time)
            self.quoted(frame, rows, asset, event_ns, top, "trades")
            rows.trade(
                event_ns, frame.recv_ns, "binance_us", trade.symbol.lower(), asset,
                trade.price, trade.size, "sell" if trade.buyer_is_maker else "buy", trade.id,
            )  # fmt: skip
