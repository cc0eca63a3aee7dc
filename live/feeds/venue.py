"""What the public feeds share: coins and their symbols, and a supervisor's eyes made of the feed's own parser."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

from live.feeds.base import NOTHING, BadFrame, Feed, Seen, Stream, StreamKey, Watch
from live.feeds.frame import Frame, Kind
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows

COINS = ("BTC", "ETH", "SOL")

How = Literal["subscribe", "unsubscribe"]


def text(**message: Any) -> bytes:
    """One message to a venue: compact JSON."""
    return json.dumps(message, separators=(",", ":")).encode()


class VenueFeed(Feed):
    """A feed of a few coins whose subscriptions never change.

    Args:
        assets: coins to follow.
        url: where to connect; the venue's public address unless told otherwise.
        silent_s: how long a coin may be silent before it is asked for again; None = as the venue is.
    """

    address: str
    kinds: tuple[str, ...] = ("spot",)
    patience_s: float = 60.0
    first_s: float | None = None

    def __init__(self, assets: Sequence[str] = COINS, *, url: str | None = None, silent_s: float | None = None) -> None:
        self.assets = tuple(assets)
        self.url = url or self.address
        self.silent_s = silent_s or self.patience_s

    def streams(self) -> Sequence[Stream]:
        """One stream per coin and channel."""
        return [
            Stream(f"{kind}/{self.venue}", asset, self.silent_s, first_s=self.first_s)
            for kind in self.kinds
            for asset in self.assets
        ]

    @property
    def venue(self) -> str:
        """The venue's name in the tables."""
        return self.name

    @abstractmethod
    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """Messages that subscribe to some coins, or end it."""

    def subscribe(self) -> list[bytes]:
        """Every coin."""
        return self.ask(self.assets)

    def again(self, assets: Sequence[str], parser: FeedParser) -> list[bytes]:
        """Messages that make some coins begin anew; ``parser`` has read the connection so far."""
        return [*self.ask(assets, "unsubscribe"), *self.ask(assets)]

    @abstractmethod
    def parser(self) -> FeedParser:
        """A fresh parser of this feed's frames."""

    def watch(self) -> Watch:
        """Eyes that read every message as the recording will be read."""
        return _ParsingWatch(self)

    def react(self, signal: str) -> Seen:
        """What to do about a signal of the parser: reconnect, unless the feed knows better."""
        return Seen(reconnect=signal)


class _ParsingWatch:
    """Sees with the feed's own parser, so that what counts as data is defined once."""

    def __init__(self, feed: VenueFeed) -> None:
        self._feed = feed
        self._parser = feed.parser()
        self._streams = {stream[:2] for stream in feed.streams()}
        self._rows = Rows()

    def see(self, payload: bytes) -> Seen:
        """See :class:`live.feeds.base.Watch`."""
        parser = self._parser
        try:
            parser.feed(Frame(self._feed.name, 0, 0, 0, Kind.DATA, payload), self._rows)
        except BadFrame:
            return NOTHING
        finally:
            self._rows.clear()
        talked = [key for key in parser.talked if key in self._streams]
        if not (parser.signals or parser.broken):
            return Seen(talked)
        reactions = [self._feed.react(signal) for signal in parser.signals if signal != "refused"]
        is_refused = "refused" in parser.signals
        return Seen(
            talked,
            [message for reaction in reactions for message in reaction.send],
            next((reaction.reconnect for reaction in reactions if reaction.reconnect), None),
            list(parser.broken),
            self._named(payload) if is_refused else (),
            f"{self._feed.name} refused: {payload[:300].decode(errors='replace')}" if is_refused else "",
        )

    def look(self) -> Seen:
        """See :class:`live.feeds.base.Watch`: every message was read already."""
        return NOTHING

    def again(self, streams: Sequence[Stream]) -> Sequence[bytes]:
        """See :class:`live.feeds.base.Watch`: whole coins begin anew."""
        return self._feed.again(list(dict.fromkeys(stream.asset for stream in streams)), self._parser)

    def _named(self, payload: bytes) -> list[StreamKey]:
        """Streams of the coins whose symbols stand in a refusal; venues put them into different places."""
        said = payload.decode(errors="replace")
        edge = "[A-Za-z0-9]"
        assets = {
            asset
            for symbol, asset in self._parser.symbols.items()
            if re.search(f"(?<!{edge}){re.escape(symbol)}(?!{edge})", said, re.IGNORECASE)
        }
        return [key for key in self._streams if key[1] in assets]
