"""Bitfinex: tickers as arrays, with the time and sequence number that must be asked for.

The sizes in Bitfinex' tickers are sums over the 25 best orders, not sizes at the best price: they are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from live.feeds.base import BadFrame, Seen
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.spot import SpotParser, Top
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import Id, decode, decoder, millis

ADDRESS = "wss://api-pub.bitfinex.com/ws/2"
FLAGS = 32768 + 65536
"""Timestamps, and sequence numbers, appended to every array."""

_RECONNECT, _MAINTENANCE, _MAINTENANCE_OVER = 20051, 20060, 20061
_FIRST_MILLIS = 1_420_070_400_000
"""2015-01-01: a trailing integer from here on is a time, a smaller one a sequence number."""


class _Event(msgspec.Struct):
    event: str
    channel: str = ""
    chan: Id | None = msgspec.field(name="chanId", default=None)
    symbol: str = ""
    code: int | None = None


_ANY = msgspec.json.Decoder()
_EVENT = decoder(_Event)


class BitfinexFeed(VenueFeed):
    """Tickers of Bitfinex, to ``spot``."""

    name = "bitfinex"
    address = ADDRESS
    patience_s = 180.0

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """One message per coin. Only subscribing goes by symbol; see :meth:`again` for the other."""
        return [text(event=how, channel="ticker", symbol=f"t{asset}USD") for asset in assets]

    def subscribe(self) -> list[bytes]:
        """First the flags, then one message per coin."""
        return [text(event="conf", flags=FLAGS), *super().subscribe()]

    def again(self, assets: Sequence[str], parser: FeedParser) -> list[bytes]:
        """Channels end by their numbers, which only the parser knows."""
        held = parser.channels(assets) if isinstance(parser, BitfinexParser) else []
        return [*(text(event="unsubscribe", chanId=channel) for channel in held), *self.ask(assets)]

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return BitfinexParser(self.assets)

    def react(self, signal: str) -> Seen:
        """A lost ticker is replaced by the next one, and maintenance ends by itself."""
        return Seen() if signal in ("sequence", "maintenance") else Seen(reconnect=signal)


class BitfinexParser(SpotParser):
    """Ticker arrays to rows of ``spot``; channel numbers are those that the connection's ``subscribed`` gave."""

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__("bitfinex", "USD", {f"t{asset}USD": asset for asset in assets})
        self._channels: dict[tuple[int, int], str] = {}

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        if frame.payload[:1] == b"{":
            self._event(frame, decode(frame.feed, _EVENT, frame.payload))
            return
        message: Any = decode(frame.feed, _ANY, frame.payload)
        if not isinstance(message, list) or len(message) < 2 or type(message[0]) is not int:
            raise BadFrame(frame.feed, "no array that begins with a channel number")
        chan, body, *tail = message
        event_ns, number = _tail(frame, tail)
        ticker = None if body == "hb" else _ticker(frame, body)
        if number is not None:
            self.in_order(frame, number)
        symbol = self._channels.get((frame.conn, chan))
        if symbol is None:
            self.counts["unknown_channel"] += 1
        elif ticker is not None and (asset := self.asset(symbol)):
            self.quoted(frame, rows, asset, event_ns, ticker)

    def channels(self, assets: Sequence[str]) -> list[int]:
        """Numbers of the channels of some coins."""
        return [chan for (_, chan), symbol in self._channels.items() if self.symbols.get(symbol) in assets]

    def _event(self, frame: Frame, event: _Event) -> None:
        if event.event == "subscribed" and event.chan is not None:
            self._channels = {key: symbol for key, symbol in self._channels.items() if symbol != event.symbol}
            self._channels[frame.conn, event.chan] = event.symbol
        elif event.event == "error":
            self.signal("refused")
        elif event.event == "info" and event.code == _MAINTENANCE:
            self.gaps.lost(frame.conn, "maintenance")
            self.signal("maintenance")
        elif event.event == "info" and event.code in (_RECONNECT, _MAINTENANCE_OVER):
            self.signal("planned")
        else:
            self.counts["answers"] += 1

    def lost(self, conn: int) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        super().lost(conn)
        self._channels = {key: symbol for key, symbol in self._channels.items() if key[0] != conn}


def _tail(frame: Frame, tail: list[Any]) -> tuple[int | None, int | None]:
    """Event time (ns) and sequence number of what follows the body, told apart by their size."""
    event_ns, number = None, None
    for value in tail:
        if type(value) is not int or not 0 <= value < 4_102_444_800_000:
            raise BadFrame(frame.feed, f"{str(value)[:40]} is neither a time nor a sequence number")
        if value >= _FIRST_MILLIS:
            event_ns = millis(value)
        else:
            number = value
    return event_ns, number


def _ticker(frame: Frame, body: Any) -> Top:
    if not isinstance(body, list) or len(body) < 10:
        raise BadFrame(frame.feed, "a ticker has ten numbers")
    bid, ask, last = body[0], body[2], body[6]
    for value in (bid, ask, last):
        if type(value) not in (int, float) or not 0 < value < 1e12:
            raise BadFrame(frame.feed, f"{str(value)[:40]} is no price")
    return Top(float(bid), float(ask), float(last))
