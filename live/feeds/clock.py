"""Measurements of our clock, which the recorder makes, to rows of ``clock``."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec

from live.feeds.base import BadFrame
from live.feeds.frame import Frame, Kind, note
from live.feeds.rows import Rows
from live.feeds.wire import decode, decoder

Offset = Annotated[float, msgspec.Meta(gt=-1e12, lt=1e12)]
RoundTrip = Annotated[float, msgspec.Meta(ge=0.0, lt=1e9)]


class _Measurement(msgspec.Struct):
    server: str
    offset_ms: Offset
    round_trip_ms: RoundTrip


_MEASUREMENT = decoder(_Measurement)


def measurement(server: str, offset_ms: float, round_trip_ms: float) -> bytes:
    """The payload of a ``CLOCK`` frame: our clock minus ``server``'s, and the round trip that bounds its error."""
    return note(server=server, offset_ms=offset_ms, round_trip_ms=round_trip_ms)


class ClockParser:
    """``CLOCK`` frames to rows of ``clock``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def feed(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.base.Parser`."""
        if frame.kind != Kind.CLOCK:
            return
        try:
            measured: _Measurement = decode(frame.feed, _MEASUREMENT, frame.payload)
        except BadFrame:
            self.counts["bad_frame"] += 1
            raise
        rows.clock(frame.recv_ns, measured.server, measured.offset_ms, measured.round_trip_ms)
