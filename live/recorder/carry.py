"""What one parser leaves to the next: what was refused so far, and when each stream talked last.

Parsers begin afresh with a session, and now and then within one. This is all they take over, so that a time when
nobody recorded becomes a row of ``gaps`` per stream, from its last message before to its first one after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from arena.units import SECOND
from live.feeds.base import Parser
from live.feeds.connection import PLANNED
from live.feeds.parsing import FeedParser
from live.feeds.polymarket.parser import PolymarketParser
from live.feeds.rows import Rows
from live.rest.gamma import INTERVAL_NAMES

STOPPED = "recorder_stopped"
_MARKET = "binary_"
_NEVER_NS = 2**63 - 1
_LENGTHS = {name: seconds for seconds, name in INTERVAL_NAMES.items()}


class Last(msgspec.Struct, frozen=True, array_like=True):
    """A stream, its coin, its last message (ns UTC), and why it is broken since then (None = it is not)."""

    stream: str
    asset: str
    last_ns: int
    reason: str | None

    @property
    def until_ns(self) -> int:
        """When it ends, ns UTC: a market at its close, as its name has it; other streams never."""
        table, _, slug = self.stream.partition("/")
        length, _, epoch = slug.partition("-updown-")[2].partition("-")
        if not table.startswith(_MARKET) or length not in _LENGTHS or not epoch.isdecimal():
            return _NEVER_NS
        return (int(epoch) + _LENGTHS[length]) * SECOND


class Carry(msgspec.Struct, frozen=True):
    """What is known at one place of the log.

    Attributes:
        refused: how often what was refused, by feed and reason.
        streams: when each stream talked last, by feed.
        at_ns: when the last frame before that place was received, ns UTC.
    """

    refused: dict[str, dict[str, int]] = {}
    streams: dict[str, list[Last]] = {}
    at_ns: int = 0

    def after(self, parsers: Mapping[str, Parser], at_ns: int) -> Carry:
        """The same at ``at_ns``, some way into the session of ``parsers``, which began with this."""
        refused = self.refused
        streams = {}
        for feed, parser in _each(parsers):
            refused = _added(refused, feed, parser.counts)
            streams[feed] = lasts(parser)
        return Carry(
            {feed: dict(sorted(counts.items())) for feed, counts in sorted(refused.items()) if counts},
            {feed: found for feed, found in streams.items() if found},
            at_ns,
        )

    def renewed(self, feed: str, parser: Parser, at_ns: int) -> Carry:
        """The same after ``feed`` got another parser than ``parser`` at ``at_ns`` (ns UTC)."""
        living = [last for last in lasts(parser) if last.until_ns > at_ns or last.reason is not None]
        return Carry(_added(self.refused, feed, parser.counts), {**self.streams, feed: living}, self.at_ns)

    def hand_to(self, parsers: Mapping[str, Parser], rows: Rows, start_ns: int) -> None:
        """Give the parsers of a session that begins at ``start_ns`` what they have to know of the one before.

        A market may have ended meanwhile, so what was missed of it, up to its close, is written down at once.
        """
        for feed, known in self.streams.items():
            parser = parsers.get(feed)
            if not isinstance(parser, FeedParser):
                continue
            for last in known:
                key, end_ns = (last.stream, last.asset), min(start_ns, last.until_ns)
                if not last.stream.startswith(_MARKET):
                    parser.gaps.resume(key, last.last_ns, STOPPED)
                elif last.reason is not None or last.until_ns > self.at_ns:
                    if last.last_ns < end_ns:
                        rows.gap(last.last_ns, end_ns, *key, STOPPED)
                    if start_ns < last.until_ns:
                        parser.gaps.resume(key, start_ns, STOPPED)

    def hand_on(self, feed: str, parser: Parser) -> None:
        """Give a parser that goes on within a session what the one before it left."""
        if isinstance(parser, FeedParser):
            for last in self.streams.get(feed, ()):
                parser.gaps.resume((last.stream, last.asset), last.last_ns, last.reason or PLANNED)


def lasts(parser: Parser) -> list[Last]:
    """When each stream of ``parser`` talked last; markets with an outcome are over and left out."""
    if not isinstance(parser, FeedParser):
        return []
    markets = parser.markets.by_condition.values() if isinstance(parser, PolymarketParser) else ()
    over = {market.stream for market in markets if market.row.get("outcome") is not None}
    return [Last(*key, last_ns, why) for key, last_ns, why in sorted(parser.gaps.state()) if key not in over]


def first_name(parsers: Mapping[str, Parser], parser: Parser) -> str:
    """The name under which a parser's part is kept: one of them may read several feeds."""
    return next(feed for feed, one in parsers.items() if one is parser)


def _each(parsers: Mapping[str, Parser]) -> list[tuple[str, Parser]]:
    """Every parser once, under the first of its names."""
    return sorted((feed, parser) for feed, parser in parsers.items() if first_name(parsers, parser) == feed)


def _added(refused: Mapping[str, Mapping[str, int]], feed: str, counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    total = Counter(refused.get(feed, {}))
    total.update(counts)
    return {**{name: dict(held) for name, held in refused.items()}, feed: dict(total)}
