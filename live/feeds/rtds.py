"""Polymarket's RTDS: the Chainlink reports that settle up/down windows, and their averages.

What a message holds is read from its payload, not from its label: the backfill that follows a subscription is
labelled ``crypto_prices`` although it is Chainlink's. A blank inside a filter silently kills all updates, and one
bad topic fails the whole message, so each topic and symbol is asked for in a message of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from live.feeds.base import BadFrame, KeepAlive, Stream
from live.feeds.frame import Frame
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.feeds.venue import How, VenueFeed, text
from live.feeds.wire import Millis, Price, decode, decoder, millis

ADDRESS = "wss://ws-live-data.polymarket.com"

TOPICS = {
    "chainlink": "crypto_prices_chainlink",
    "chainlink_twap30": "crypto_prices_twap_thirty",
    "chainlink_twap60": "crypto_prices_twap_sixty",
}
"""Feeds of the ``oracle`` table, and the topic each is asked for under."""
AVERAGES = {0: "chainlink", 30: "chainlink_twap30", 60: "chainlink_twap60"}
"""Length of the average in seconds, 0 for the report itself."""

_SCALE = 10**18
_TOLERANCE = 1e-6  # relative; the plain value is rounded


class _Point(msgspec.Struct):
    timestamp: Millis
    value: Price
    exact: str | None = msgspec.field(name="full_accuracy_value", default=None)


class _Payload(msgspec.Struct):
    symbol: str
    timestamp: Millis | None = None
    value: Price | None = None
    exact: str | None = msgspec.field(name="full_accuracy_value", default=None)
    window_s: int | None = None
    data: list[_Point] | None = None


class _Message(msgspec.Struct):
    topic: str = ""
    payload: _Payload | None = None


_MESSAGE = decoder(_Message)


class RtdsFeed(VenueFeed):
    """Chainlink reports and averages of RTDS, to ``oracle``. The venue never answers ``PING``."""

    name = "rtds"
    address = ADDRESS
    keepalive = KeepAlive(5.0, b"PING")
    patience_s = 20.0

    def streams(self) -> list[Stream]:
        """One stream per feed and coin."""
        return [Stream(f"oracle/{feed}", asset, self.silent_s) for feed in TOPICS for asset in self.assets]

    def ask(self, assets: Sequence[str], how: How = "subscribe") -> list[bytes]:
        """One message per topic and coin."""
        return [
            text(
                action=how,
                subscriptions=[
                    {"topic": topic, "type": "update", "filters": text(symbol=f"{asset.lower()}/usd").decode()}
                ],
            )
            for topic in TOPICS.values()
            for asset in assets
        ]

    def parser(self) -> FeedParser:
        """A fresh parser."""
        return OracleParser(self.assets)


class OracleParser(FeedParser):
    """Reports to rows of ``oracle``.

    A backfill repeats what is known; only reports that are newer than the newest known of their feed become rows,
    with the time at which they really came.
    """

    feeds: Sequence[str] = tuple(TOPICS)

    def __init__(self, assets: tuple[str, ...]) -> None:
        super().__init__([(f"oracle/{feed}", asset) for feed in self.feeds for asset in assets])
        self.symbols = {f"{asset.lower()}/usd": asset for asset in assets}
        self._newest: dict[tuple[str, str], int] = {}

    def data(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.parsing.FeedParser`."""
        if frame.payload in (b"", b"PONG"):
            return
        message: _Message = decode(frame.feed, _MESSAGE, frame.payload)
        payload = message.payload
        if payload is None:
            self.counts["answers"] += 1
            return
        asset = self.symbols.get(payload.symbol.lower())
        feed = _feed(message.topic, payload)
        if asset is None or feed is None:
            self.counts["unknown_symbol" if asset is None else "unknown_average"] += 1
            return
        points = payload.data
        if points is None:
            if payload.timestamp is None or payload.value is None:
                raise BadFrame(frame.feed, "a report without time or value")
            points = [_Point(payload.timestamp, payload.value, payload.exact)]
        reports = [(millis(point.timestamp), exact_value(frame.feed, point.value, point.exact)) for point in points]
        self.report(frame, rows, asset, feed, reports, payload.data is not None)

    def report(
        self, frame: Frame, rows: Rows, asset: str, feed: str, reports: list[tuple[int, float]], backfill: bool
    ) -> None:
        """Rows of one feed's reports (event_ns, price) in ``frame``."""
        newest = self._newest.get((asset, feed), 0)
        for event_ns, price in reports:
            if backfill and event_ns <= newest:
                self.counts["backfill_known"] += 1
                continue
            newest = max(newest, event_ns)
            rows.oracle(event_ns, frame.recv_ns, asset, feed, price)
        self._newest[asset, feed] = newest
        self.seen((f"oracle/{feed}", asset), frame, rows)


def _feed(topic: str, payload: _Payload) -> str | None:
    if payload.window_s is not None:
        return AVERAGES.get(payload.window_s)
    # A backfill of an average does not say its length; its label is right.
    return next((feed for feed, label in TOPICS.items() if label == topic), "chainlink")


def exact_value(feed: str, rounded: float, exact: str | None) -> float:
    """The exact value where it is given: an integer scaled by 1e18.

    Raises:
        BadFrame: it is no integer, or not the rounded value with more digits.
    """
    if exact is None:
        return rounded
    if not (exact.isascii() and exact.isdigit() and len(exact) <= 40):
        raise BadFrame(feed, f"full_accuracy_value {exact[:40]!r} is no integer")
    value = int(exact) / _SCALE
    if abs(value - rounded) > _TOLERANCE * rounded:
        raise BadFrame(feed, f"value {rounded} and full_accuracy_value {exact} are different prices")
    return value
