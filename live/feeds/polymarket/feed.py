"""Connections to the market channel, whose subscriptions follow the windows as they come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arena.errors import ConfigError
from live.feeds.base import BadFrame, Feed, KeepAlive, Seen, Stream, Watch
from live.feeds.frame import Frame, Kind
from live.feeds.polymarket.parser import PolymarketParser
from live.feeds.rows import Rows
from live.feeds.venue import text

ADDRESS = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
MOST_ASSETS = 200
"""Tokens per connection. Above about 500 the venue sends no snapshots."""
PATIENCE_S = 30.0
FIRST_S = 5.0
"""Snapshots come at once; without them the rest is of no use."""


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
        self.changes = 0
        """How often windows came or went."""
        self._windows: dict[str, Window] = {}
        self._greeted = False
        self.add(windows)
        self._greeted = False

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
        if not new:
            return []
        self._windows |= new
        self.changes += 1
        return self._ask(new.values())

    def drop(self, market_ids: Iterable[str]) -> list[bytes]:
        """Follow windows no longer; what to tell an open connection."""
        gone = set(market_ids)
        dropped = [w for w in self._windows.values() if w.market_id in gone]
        for window in dropped:
            del self._windows[window.condition_id]
        self.changes += bool(dropped)
        return [text(operation="unsubscribe", assets_ids=_tokens(dropped))] if dropped else []

    def streams(self) -> Sequence[Stream]:
        """One stream per window, alive while it is open."""
        return [self.stream(window) for window in self._windows.values()]

    def stream(self, window: Window) -> Stream:
        """The stream of one window's books."""
        name = f"binary_quotes/{window.market_id}"
        return Stream(name, window.asset, self.silent_s, window.open_ns, window.close_ns, FIRST_S)

    def subscribe(self) -> list[bytes]:
        """One message with every token; nothing while there is no window."""
        self._greeted = False
        return self._ask(self._windows.values()) if self._windows else []

    def again(self, streams: Sequence[Stream]) -> list[bytes]:
        """Messages that bring new snapshots of some windows."""
        names = {stream.name for stream in streams}
        windows = [window for window in self._windows.values() if self.stream(window).name in names]
        if not windows:
            return []
        return [text(operation="unsubscribe", assets_ids=_tokens(windows)), *self._ask(windows)]

    def _ask(self, windows: Iterable[Window]) -> list[bytes]:
        """What subscribes to ``windows``; the first message of a connection has a form of its own."""
        how = {"operation": "subscribe"} if self._greeted else {"type": "market"}
        self._greeted = True
        return [text(**how, assets_ids=_tokens(windows), custom_feature_enabled=True)]

    def watch(self) -> Watch:
        """Eyes that keep the books, as the recording will."""
        return _MarketWatch(self)

    def parser(self) -> PolymarketParser:
        """A fresh parser; it wants the frames of feed ``gamma`` as well."""
        return PolymarketParser()


class _MarketWatch:
    """Reads with the recording's own parser: a market talks only while both its books are known."""

    def __init__(self, feed: PolymarketFeed) -> None:
        self._feed = feed
        self._parser = feed.parser()
        self._rows = Rows()
        self._changes = -1

    def see(self, payload: bytes) -> Seen:
        """See :class:`live.feeds.base.Watch`."""
        if self._feed.changes != self._changes:
            self._learn()
        try:
            self._parser.feed(_frame(Kind.DATA, payload), self._rows)
        except BadFrame:
            return Seen(broken=list(self._parser.broken))
        return Seen(list(self._parser.talked), broken=list(self._parser.broken))

    def look(self) -> Seen:
        """See :class:`live.feeds.base.Watch`: the books are brought up to date, and compared with the venue's word."""
        self._parser.broken.clear()
        self._parser.flush(self._rows)
        self._rows.clear()
        return Seen(broken=list(self._parser.broken))

    def again(self, streams: Sequence[Stream]) -> Sequence[bytes]:
        """See :class:`live.feeds.base.Watch`."""
        messages = self._feed.again(streams)
        for message in messages:
            self._parser.feed(_frame(Kind.SENT, message), self._rows)
        return messages

    def _learn(self) -> None:
        self._changes = self._feed.changes
        followed, markets = {window.condition_id: window for window in self._feed.windows}, self._parser.markets
        self._parser.flush(self._rows)
        for market in [m for condition, m in markets.by_condition.items() if condition not in followed]:
            self._parser.drop(market, self._rows)
        for condition, window in followed.items():
            if condition not in markets.by_condition:
                up, down = window.tokens
                markets.add({**asdict(window), "up_token_id": up, "down_token_id": down})


def _frame(kind: Kind, payload: bytes) -> Frame:
    return Frame(PolymarketFeed.name, 0, 0, 0, kind, payload)


def _tokens(windows: Iterable[Window]) -> list[str]:
    return [token for window in windows for token in window.tokens]
