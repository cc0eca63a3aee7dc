"""Connections to the market channel, whose subscriptions follow the windows as they come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from arena.errors import ConfigError
from live.feeds.base import NOTHING, Feed, KeepAlive, Seen, Stream, Watch
from live.feeds.polymarket.parser import PolymarketParser
from live.feeds.venue import text

ADDRESS = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
MOST_ASSETS = 200
"""Tokens per connection. Above about 500 the venue sends no snapshots."""
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Window:
    """A market to follow: its names, its (UP, DOWN) tokens, and when its book must be alive (ns UTC)."""

    market_id: str
    asset: str
    condition_id: str
    tokens: tuple[str, str]
    open_ns: int
    close_ns: int


def window_of(row: dict[str, Any]) -> Window:
    """The market of a row of ``windows`` that has its ids."""
    return Window(
        row["market_id"],
        row["asset"],
        row["condition_id"],
        (row["up_token_id"], row["down_token_id"]),
        row["open_ns"],
        row["close_ns"],
    )


class PolymarketFeed(Feed):
    """Up to a hundred windows on one connection.

    Windows are added early and dropped once they have resolved; a book must only be alive between its window's
    open and close. Both calls return what an open connection has to be told; a new one learns it by itself.

    Args:
        windows: what to follow from the start.
        url: where to connect.
        silent_s: how long the book of an open window may be silent.
    """

    name = "polymarket"
    keepalive = KeepAlive(10.0, b"PING")

    def __init__(self, windows: Iterable[Window] = (), *, url: str = ADDRESS, silent_s: float = PATIENCE_S) -> None:
        self.url = url
        self.silent_s = silent_s
        self._windows: dict[str, Window] = {}
        self.add(windows)

    @property
    def windows(self) -> tuple[Window, ...]:
        """What is followed now."""
        return tuple(self._windows.values())

    @property
    def room(self) -> int:
        """How many more windows fit this connection."""
        return MOST_ASSETS // 2 - len(self._windows)

    def add(self, windows: Iterable[Window]) -> list[bytes]:
        """Follow more windows; what to tell an open connection.

        Raises:
            ConfigError: they do not fit one connection; open another.
        """
        new = {w.condition_id: w for w in windows if w.condition_id not in self._windows}
        if len(new) > self.room:
            raise ConfigError(
                f"{len(new)} more windows do not fit a Polymarket connection that follows {len(self._windows)}: "
                f"it takes {MOST_ASSETS} tokens. Open another connection for them."
            )
        self._windows |= new
        if not new:
            return []
        return [text(operation="subscribe", assets_ids=_tokens(new.values()), custom_feature_enabled=True)]

    def drop(self, market_ids: Iterable[str]) -> list[bytes]:
        """Follow windows no longer; what to tell an open connection."""
        gone = set(market_ids)
        dropped = [w for w in self._windows.values() if w.market_id in gone]
        for window in dropped:
            del self._windows[window.condition_id]
        return [text(operation="unsubscribe", assets_ids=_tokens(dropped))] if dropped else []

    def streams(self) -> Sequence[Stream]:
        """One stream per window, alive while it is open."""
        return [self.stream(window) for window in self._windows.values()]

    def stream(self, window: Window) -> Stream:
        """The stream of one window's books."""
        name = f"binary_quotes/{window.market_id}"
        return Stream(name, window.asset, self.silent_s, window.open_ns, window.close_ns)

    def subscribe(self) -> list[bytes]:
        """One message with every token; nothing while there is no window."""
        tokens = _tokens(self._windows.values())
        return [text(type="market", assets_ids=tokens, custom_feature_enabled=True)] if tokens else []

    def watch(self) -> Watch:
        """Eyes that only look for whom a message is about."""
        return _MarketWatch(self)

    def parser(self) -> PolymarketParser:
        """A fresh parser; it wants the frames of feed ``gamma`` as well."""
        return PolymarketParser()

    def following(self, condition_id: str) -> Window | None:
        """The window with this condition id, if it is followed."""
        return self._windows.get(condition_id)


class _About(msgspec.Struct):
    market: str = ""


_ABOUT = msgspec.json.Decoder(_About | list[_About])


class _MarketWatch:
    def __init__(self, feed: PolymarketFeed) -> None:
        self._feed = feed

    def see(self, payload: bytes) -> Seen:
        """See :class:`live.feeds.base.Watch`."""
        try:
            decoded = _ABOUT.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return NOTHING
        about = decoded if isinstance(decoded, list) else [decoded]
        windows = [self._feed.following(message.market) for message in about]
        return Seen([self._feed.stream(window) for window in windows if window is not None])


def _tokens(windows: Iterable[Window]) -> list[str]:
    return [token for window in windows for token in window.tokens]
