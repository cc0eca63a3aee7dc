"""What one session leaves to the next: what was refused so far, and when each stream talked last.

Parsers begin afresh with a session. This is all they take over, so that a time when nobody recorded becomes a row of
``gaps`` per stream, from its last message before to its first one after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from live.feeds.base import Parser
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows

STOPPED = "recorder_stopped"
_MARKET = "binary_"


class Last(msgspec.Struct, frozen=True, array_like=True):
    """A stream, its coin, its last message (ns UTC), and why it is broken since then (None = it is not)."""

    stream: str
    asset: str
    last_ns: int
    reason: str | None


class Carry(msgspec.Struct, frozen=True):
    """What is known at one place of the log.

    Attributes:
        refused: how often what was refused, by feed and reason.
        streams: when each stream talked last, by feed.
    """

    refused: dict[str, dict[str, int]] = {}
    streams: dict[str, list[Last]] = {}

    def after(self, parsers: Mapping[str, Parser]) -> Carry:
        """The same, some way into the session of ``parsers``, which began with this."""
        refused = {feed: Counter(counts) for feed, counts in self.refused.items()}
        streams = {}
        for feed, parser in _each(parsers):
            refused.setdefault(feed, Counter()).update(parser.counts)
            if isinstance(parser, FeedParser):
                streams[feed] = [Last(*key, last_ns, reason) for key, last_ns, reason in sorted(parser.gaps.state())]
        return Carry(
            {feed: dict(sorted(counts.items())) for feed, counts in sorted(refused.items()) if counts},
            {feed: lasts for feed, lasts in streams.items() if lasts},
        )

    def hand_to(self, parsers: Mapping[str, Parser], rows: Rows, start_ns: int) -> None:
        """Give the parsers of a session that begins at ``start_ns`` what they have to know of the one before.

        A market may have ended meanwhile, so what was missed of it is written down at once; one that said nothing
        for a whole session has ended.
        """
        for feed, lasts in self.streams.items():
            parser = parsers.get(feed)
            if not isinstance(parser, FeedParser):
                continue
            for last in lasts:
                key = (last.stream, last.asset)
                if not last.stream.startswith(_MARKET):
                    parser.gaps.resume(key, last.last_ns, STOPPED)
                elif last.reason != STOPPED:
                    rows.gap(last.last_ns, start_ns, *key, STOPPED)
                    parser.gaps.resume(key, start_ns, STOPPED)


def _each(parsers: Mapping[str, Parser]) -> list[tuple[str, Parser]]:
    """Every parser once, under the first of its names: one of them may read several feeds."""
    first: dict[int, tuple[str, Parser]] = {}
    for feed, parser in parsers.items():
        first.setdefault(id(parser), (feed, parser))
    return sorted(first.values(), key=lambda named: named[0])
