"""PolyBolt, the successor of RTDS: Chainlink averages with sequence numbers, for account holders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from live.feeds.base import BadFrame, KeepAlive, Seen, Stream
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.rtds import OracleParser
from live.feeds.venue import COINS, How, VenueFeed, text
from live.feeds.wire import Id, Millis, Price, decode, decoder, millis

ADDRESS = "wss://ws-live-v2.polymarket.com/ws"
CHANNEL = "price.crypto.twap"
AVERAGES = {30: "polybolt_twap30", 60: "polybolt_twap60"}
"""Length of the average in seconds, and its feed in ``oracle``: not RTDS', which brings the same reports."""
FATAL = (4001, 4008)
"""Close codes after which the same attempt can only fail again: credentials refused, policy broken."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Credentials:
    """API key of a CLOB account. Never printed, never recorded."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)


class _Point(msgspec.Struct):
    timestamp: Millis
    value: Price
    exact: Price | None = msgspec.field(name="full_accuracy_value", default=None)


class _Payload(msgspec.Struct):
    symbol: str
    timestamp: Millis | None = None
    value: Price | None = None
    exact: Price | None = msgspec.field(name="full_accuracy_value", default=None)
    window_seconds: int | None = None
    data: list[_Point] | None = None


class _Message(msgspec.Struct):
    op: str = ""
    code: str = ""
    version: int | None = msgspec.field(name="v", default=None)
    channel: str = ""
    seq: Id | None = None
    dropped: Id = 0
    payload: _Payload | None = None


_MESSAGE = decoder(_Message)


class PolyBoltFeed(VenueFeed):
    """Chainlink averages of PolyBolt, to ``oracle``. Subscriptions follow once the credentials are accepted.

    Args:
        credentials: of a CLOB account; needed even for prices.
        assets: coins to follow.
        windows_s: lengths of the averages, seconds.
        url: where to connect.
        silent_s: how long a stream may be silent.
    """

    name = "polybolt"
    address = ADDRESS
    keepalive = KeepAlive(30.0, text(op="ping"))
    patience_s = 20.0
    fatal_codes = FATAL

    def __init__(
        self,
        credentials: Credentials,
        assets: Sequence[str] = COINS,
        *,
        windows_s: Sequence[int] = tuple(AVERAGES),
        url: str | None = None,
        silent_s: float | None = None,
    ) -> None:
        super().__init__(assets, url=url, silent_s=silent_s)
        self._credentials = credentials
        self.windows_s = tuple(windows_s)

    def streams(self) -> list[Stream]:
        """One stream per average and coin."""
        feeds = [AVERAGES[seconds] for seconds in self.windows_s]
        return [Stream(f"oracle/{feed}", asset, self.silent_s) for feed in feeds for asset in self.assets]

    def subscribe(self) -> list[bytes]:
        """The credentials."""
        keys = self._credentials
        auth = {"apiKey": keys.api_key, "secret": keys.secret, "passphrase": keys.passphrase}
        return [text(op="auth", rid="1", auth=auth)]

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """One message for all coins."""
        wanted = [
            {"channel": CHANNEL, "filter": {"symbol": f"{asset.lower()}usd", "window_seconds": seconds}}
            for seconds in self.windows_s
            for asset in assets
        ]
        return [text(op=how, rid="2", subscriptions=wanted)]

    def again(self, assets: Sequence[str], parser: FeedParser) -> list[bytes]:
        """How to end a subscription is not documented: only a new connection begins anew."""
        return []

    def recorded(self, payload: bytes) -> bytes:
        """Credentials are left out of the recording."""
        return text(op="auth", rid="1", auth="left out") if payload in self.subscribe() else payload

    def react(self, signal: str) -> Seen:
        """Subscribe when let in. A gap cannot be refilled; the next report says all there is to say."""
        if signal == "authed":
            return Seen(send=self.ask(self.assets))
        return Seen() if signal in ("sequence", "dropped") else Seen(reconnect=signal)

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return PolyBoltParser(self.assets, self.windows_s)


class PolyBoltParser(OracleParser):
    """Frames of ``price.crypto.twap`` to rows of ``oracle``; numbers that are missing, and drops, are gaps."""

    def __init__(self, assets: tuple[str, ...], windows_s: Sequence[int] = tuple(AVERAGES)) -> None:
        self.feeds = [AVERAGES[seconds] for seconds in windows_s]
        super().__init__(assets)
        self.symbols = {f"{asset.lower()}usd": asset for asset in assets}

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        message: _Message = decode(frame.feed, _MESSAGE, frame.payload)
        if message.op:
            self._answer(message)
            return
        payload = message.payload
        if message.version != VERSION or message.seq is None or payload is None:
            raise BadFrame(frame.feed, "neither an answer nor a numbered report of version 1")
        points = payload.data
        if points is None:
            if payload.timestamp is None or payload.value is None:
                raise BadFrame(frame.feed, "a report without time or value")
            points = [_Point(payload.timestamp, payload.value, payload.exact)]
        self.in_order(frame, message.seq, message.channel)
        if message.dropped:
            self.gaps.lost(frame.conn, "dropped")
            self.counts["dropped_messages"] += message.dropped
            self.signals.append("dropped")
        asset, feed = self.symbols.get(payload.symbol.lower()), AVERAGES.get(payload.window_seconds or 0)
        if message.channel != CHANNEL or asset is None or feed is None:
            self.counts["unknown_report"] += 1
            return
        reports = [(millis(p.timestamp), p.value if p.exact is None else p.exact) for p in points]
        self.report(frame, rows, asset, feed, reports, payload.data is not None)

    def _answer(self, message: _Message) -> None:
        if message.op == "authed":
            self.signal("authed")
        elif message.op == "error":
            self.signal("refused")
        else:
            self.counts["answers"] += 1
