"""The first frame of a session: what is recorded, and by whom."""

from __future__ import annotations

import msgspec

from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind

FEED = "recorder"


class Origin(msgspec.Struct, frozen=True):
    """Everything about a session that its parsers need to know.

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
