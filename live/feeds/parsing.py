"""What every parser shares: which streams are broken since when, and the notes that break them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from live.feeds.base import BadFrame, StreamKey
from live.feeds.frame import Frame, Kind
from live.feeds.rows import Rows

_NO_CONN = -1


class Gaps:
    """Turns breaks in streams into rows of ``gaps``.

    A stream that broke stays broken until it talks again; the row then spans from its last message before the
    break to its first after it, under the first reason given. A stream that was asked for and has not talked yet
    can break as well: its row begins when it was asked for. What is still broken when a stream or a session ends
    becomes a row by :meth:`end` and :meth:`finish`.
    """

    def __init__(self) -> None:
        self._last: dict[StreamKey, tuple[int, int]] = {}
        self._broken: dict[StreamKey, str] = {}
        self._unseen: set[StreamKey] = set()
        self._ends: dict[StreamKey, int] = {}

    def expect(self, stream: StreamKey, at_ns: int, conn: int) -> None:
        """The stream was asked for at ``at_ns`` on connection ``conn``."""
        if stream not in self._last:
            self._last[stream] = (at_ns, conn)
            self._unseen.add(stream)
        elif self._last[stream][1] == _NO_CONN:
            self._last[stream] = (self._last[stream][0], conn)

    def until(self, stream: StreamKey, end_ns: int) -> None:
        """The stream has nothing to say after ``end_ns``."""
        self._ends[stream] = end_ns

    def seen(self, stream: StreamKey, frame: Frame, rows: Rows) -> None:
        """The stream talked in ``frame``: ends its gap, if it was broken."""
        if self._broken or self._unseen:
            self._unseen.discard(stream)
            reason = self._broken.pop(stream, None)
            if reason is not None:
                self._row(stream, frame.recv_ns, reason, rows)
        self._last[stream] = (frame.recv_ns, frame.conn)

    def broke(self, stream: StreamKey, reason: str) -> None:
        """One stream is not to be trusted from its last message on."""
        if stream in self._last:
            self._broken.setdefault(stream, reason)

    def lost(self, conn: int, reason: str) -> None:
        """All streams of one connection broke."""
        for stream, (_, of) in self._last.items():
            if of == conn:
                self._broken.setdefault(stream, reason)

    def is_known(self, stream: StreamKey) -> bool:
        """Whether the stream was asked for or has talked, and has not ended."""
        return stream in self._last

    def state(self) -> list[tuple[StreamKey, int, str | None]]:
        """Every stream with its last message (ns UTC) and why it is broken since (None: it is not)."""
        return [(stream, last, self._broken.get(stream)) for stream, (last, _) in self._last.items()]

    def resume(self, stream: StreamKey, last_ns: int, reason: str) -> None:
        """Take over a stream that talked last at ``last_ns`` and broke, from a parser that ended."""
        self._last[stream] = (last_ns, _NO_CONN)
        self._broken[stream] = reason

    def finish(self, at_ns: int, rows: Rows, streams: Iterable[StreamKey] | None = None) -> None:
        """Write what is broken at ``at_ns``, of ``streams`` (None: of all); what comes after is a row of its own."""
        for stream in list(self._last) if streams is None else streams:
            if stream in self._unseen:
                self._unseen.discard(stream)
                self._broken.setdefault(stream, "silence")
            if stream in self._broken:
                self._row(stream, at_ns, self._broken[stream], rows)
                last_ns, conn = self._last[stream]
                self._last[stream] = (max(last_ns, at_ns), conn)

    def end(self, stream: StreamKey, rows: Rows) -> None:
        """The stream has ended: its silence is no gap any more, but what was broken before is."""
        if stream in self._last and stream in self._ends:
            self.finish(self._ends[stream], rows, (stream,))
        self._last.pop(stream, None)
        self._broken.pop(stream, None)
        self._ends.pop(stream, None)

    def _row(self, stream: StreamKey, until_ns: int, reason: str, rows: Rows) -> None:
        from_ns, until_ns = self._last[stream][0], min(until_ns, self._ends.get(stream, until_ns))
        if from_ns < until_ns:
            rows.gap(from_ns, until_ns, *stream, reason)


class _Note(msgspec.Struct):
    reason: str = "reconnect"
    streams: list[tuple[str, str]] = []


_NOTE = msgspec.json.Decoder(_Note)


class Numbers:
    """Sequence numbers that a venue counts up by one, per connection or per channel of it."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, str], int] = {}

    def missed(self, conn: int, number: int, channel: str = "") -> int:
        """How many messages are missing right before ``number``; 0 for the first one, and for repeats."""
        last = self._last.get((conn, channel))
        self._last[conn, channel] = number if last is None else max(last, number)
        return 0 if last is None else max(0, number - last - 1)

    def restart(self, conn: int) -> None:
        """The connection is new: its numbers may begin anywhere."""
        self._last = {key: number for key, number in self._last.items() if key[0] != conn}


class FeedParser(ABC):
    """A parser that reads ``DATA`` frames and keeps its streams' gaps.

    Subclasses implement :meth:`data`, and :meth:`lost` where they hold state of a connection. What the last
    message means for the connection that brought it is left in ``talked`` (streams that carried data) and
    ``signals`` (see :meth:`live.feeds.venue.VenueFeed.react`), and ``broken`` (streams of no use until they begin
    anew); replays have no use for them.

    Args:
        expected: the streams that every connection is asked for.
        symbols: the venue's symbols and their coins.
    """

    def __init__(self, expected: Sequence[StreamKey] = (), symbols: Mapping[str, str] | None = None) -> None:
        self.expected = tuple(expected)
        self.symbols = dict(symbols or {})
        self.broken: list[StreamKey] = []
        self.counts: Counter[str] = Counter()
        self.gaps = Gaps()
        self.numbers = Numbers()
        self.talked: list[StreamKey] = []
        self.signals: list[str] = []

    def feed(self, frame: Frame, rows: Rows) -> None:
        """See :class:`live.feeds.base.Parser`."""
        self.talked.clear()
        self.signals.clear()
        self.broken.clear()
        try:
            if frame.kind == Kind.DATA:
                self.data(frame, rows)
            elif frame.kind in (Kind.OPENED, Kind.CLOSED, Kind.SILENT):
                self.note(frame)
        except BadFrame:
            self.counts["bad_frame"] += 1
            raise

    @abstractmethod
    def data(self, frame: Frame, rows: Rows) -> None:
        """Read one message of the venue. Raises BadFrame before anything of it became a row."""

    def lost(self, conn: int) -> None:
        """The connection is new, or gone: forget what was only true of it."""
        self.numbers.restart(conn)

    def seen(self, stream: StreamKey, frame: Frame, rows: Rows) -> None:
        """The stream carried data in ``frame``."""
        self.talked.append(stream)
        self.gaps.seen(stream, frame, rows)

    def in_order(self, frame: Frame, number: int, channel: str = "") -> bool:
        """Whether nothing is missing before message ``number``; otherwise every stream of the connection broke."""
        missed = self.numbers.missed(frame.conn, number, channel)
        if missed:
            self.counts["missed_messages"] += missed
            self.gaps.lost(frame.conn, "sequence")
            self.signals.append("sequence")
        return not missed

    def signal(self, name: str) -> None:
        """Note something that concerns the connection, and count it."""
        self.counts[name] += 1
        self.signals.append(name)

    def note(self, frame: Frame) -> None:
        """Read one of our own notes: a connection that opened or ended, a stream that fell silent."""
        try:
            note = _NOTE.decode(frame.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadFrame(frame.feed, f"note of kind {frame.kind} is unreadable: {error}") from None
        if frame.kind == Kind.SILENT:
            for stream in note.streams:
                self.gaps.broke(stream, "silence")
            return
        self.gaps.lost(frame.conn, "outage" if frame.kind == Kind.OPENED else note.reason)
        self.lost(frame.conn)
        if frame.kind == Kind.OPENED:
            for stream in self.expected:
                self.gaps.expect(stream, frame.recv_ns, frame.conn)

    def finish(self, at_ns: int, rows: Rows) -> None:
        """The session ended at ``at_ns`` (ns UTC): append what is broken and did not come back.

        The parser can go on, and can be finished again: nothing is written twice.
        """
        self.gaps.finish(at_ns, rows)
