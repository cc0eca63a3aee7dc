"""The first frame of a session: what is recorded, by whom, and since when nobody did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from arena.errors import DataError
from live.feeds.base import BadFrame, Stream
from live.feeds.frame import Frame, Kind
from live.feeds.rows import Rows

FEED = "recorder"


class Origin(msgspec.Struct, frozen=True):
    """Everything about a session that its parsers need to know.

    Attributes:
        assets: symbols.
        intervals_s: lengths of the windows, seconds.
        feeds: names of the feeds.
        source: who records: the ``source`` of every row.
        streams: name and asset of every stream that exists from the start.
        after_ns: receive time of the last frame of the session before, ns UTC; None = there was none.
    """

    assets: tuple[str, ...]
    intervals_s: tuple[int, ...]
    feeds: tuple[str, ...]
    source: str
    streams: tuple[tuple[str, str], ...] = ()
    after_ns: int | None = None

    def frame(self, recv_ns: int, mono_ns: int) -> Frame:
        """As the first frame of a session that begins now (wall clock, ns UTC, and monotonic, ns)."""
        return Frame(FEED, 0, recv_ns, mono_ns, Kind.OPENED, msgspec.json.encode(self))

    @classmethod
    def of(cls, frame: Frame) -> Origin:
        """What a session's first frame says.

        Raises:
            BadFrame: it is no first frame.
        """
        if frame.feed != FEED or frame.kind != Kind.OPENED:
            raise BadFrame(frame.feed, "a session begins with a frame of the recorder itself")
        try:
            return msgspec.json.decode(frame.payload, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadFrame(FEED, f"not the beginning of a session ({error})") from error


def named(streams: Sequence[Stream]) -> tuple[tuple[str, str], ...]:
    """Names and assets of streams."""
    return tuple((stream.name, stream.asset) for stream in streams)


class OriginParser:
    """First frames to rows of ``gaps``: every stream was missed since the last frame of the session before."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def feed(self, frame: Frame, rows: Rows) -> None:
        """One session to one gap per stream; none when it is the first."""
        try:
            origin = Origin.of(frame)
        except DataError:
            self.counts["bad_frame"] += 1
            raise
        if origin.after_ns is not None and origin.after_ns < frame.recv_ns:
            for name, asset in origin.streams:
                rows.gap(origin.after_ns, frame.recv_ns, name, asset, "recorder_stopped")
