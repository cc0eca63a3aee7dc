"""What the recorder says of itself in the log: how a session began, whose parser was renewed, and that it ended."""

from __future__ import annotations

import msgspec

from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind, note

FEED = "recorder"


class Origin(msgspec.Struct, frozen=True):
    """Everything about a session that its parsers need to know; the first frame of it.

    Attributes:
        assets: symbols.
        intervals_s: lengths of the windows, seconds.
        feeds: names of the feeds.
        source: who records: the ``source`` of every row.
    """

    assets: tuple[str, ...]
    intervals_s: tuple[int, ...]
    feeds: tuple[str, ...]
    source: str

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


class Word(msgspec.Struct, frozen=True):
    """A later frame of the recorder.

    Attributes:
        renewed: feed whose parser begins afresh here; what it has to know of before is said again behind it.
        ended: whether the session ends here, in order.
    """

    renewed: str = ""
    ended: bool = False

    @classmethod
    def of(cls, frame: Frame) -> Word:
        """What a frame of feed :data:`FEED` says; nothing, if it is a session's first.

        Raises:
            BadFrame: it is no such frame.
        """
        if frame.kind != Kind.CLOSED:
            return cls()
        try:
            return msgspec.json.decode(frame.payload, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadFrame(FEED, f"not a word of the recorder ({error})") from error


def renewed(feed: str, recv_ns: int, mono_ns: int) -> Frame:
    """The frame at which the parser of ``feed`` begins afresh (wall clock, ns UTC, and monotonic, ns)."""
    return Frame(FEED, 0, recv_ns, mono_ns, Kind.CLOSED, note(renewed=feed))


def ended(recv_ns: int, mono_ns: int) -> Frame:
    """The last frame of a session that ends in order (wall clock, ns UTC, and monotonic, ns)."""
    return Frame(FEED, 0, recv_ns, mono_ns, Kind.CLOSED, note(ended=True))
