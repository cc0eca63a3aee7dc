"""What the public feeds share: coins and their symbols, and a supervisor's eyes made of the feed's own parser."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from live.feeds.base import NOTHING, BadFrame, Feed, Seen, Stream, Watch
from live.feeds.frame import Frame, Kind
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows

COINS = ("BTC", "ETH", "SOL")


def text(**message: Any) -> bytes:
    """One message to a venue: compact JSON."""
    return json.dumps(message, separators=(",", ":")).encode()


class VenueFeed(Feed):
    """A feed of a few coins whose subscriptions never change.

    Args:
        assets: coins to follow.
        url: where to connect; the venue's public address unless told otherwise.
        silent_s: how long a coin may be silent before the connection counts as frozen; None = as the venue is.
    """

    address: str
    kinds: tuple[str, ...] = ("spot",)
    patience_s: float = 60.0

    def __init__(self, assets: Sequence[str] = COINS, *, url: str | None = None, silent_s: float | None = None) -> None:
        self.assets = tuple(assets)
        self.url = url or self.address
        self.silent_s = silent_s or self.patience_s

    def streams(self) -> Sequence[Stream]:
        """One stream per coin and kind of data."""
        return [Stream(f"{kind}/{self.venue}", asset, self.silent_s) for kind in self.kinds for asset in self.assets]

    @property
    def venue(self) -> str:
        """The venue's name in the tables."""
        return self.name

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
        self._streams = {stream[:2]: stream for stream in feed.streams()}
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
        talked = [self._streams[key] for key in parser.talked if key in self._streams]
        if not parser.signals:
            return Seen(talked)
        reactions = [self._feed.react(signal) for signal in parser.signals]
        return Seen(
            talked,
            [message for reaction in reactions for message in reaction.send],
            next((reaction.reconnect for reaction in reactions if reaction.reconnect), None),
        )
