"""Frames of the raw log through the feeds' parsers into tables of the catalog.

The tables are a function of the log alone: how often they are committed, and how often the recorder was killed,
changes nothing. The place in the log up to which they go is part of the catalog's manifest, and is replaced
together with it.

Whatever is in a frame, the tables go on: one that no parser can believe, that makes a parser fail, or that was
received at an impossible time is counted, and stays in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from arena.errors import DataError
from arena.market.catalog import Catalog
from arena.market.quality import EARLIEST_NS, LATEST_NS
from live.feeds.base import BadFrame, Parser
from live.feeds.frame import Frame, Kind, note
from live.feeds.parsing import FeedParser
from live.feeds.rows import Rows
from live.recorder import origin
from live.recorder.carry import Carry, first_name
from live.recorder.origin import Origin, Word
from live.recorder.segments import Block, Position, check_from, read_blocks
from live.recorder.tables import Batch, Tables

NOTE = "recorder"
"""Name of the recorder's note in the manifest."""
FAULT = "parser_fault"
"""Reason of the gaps that a parser's failure makes."""

Parsers = Callable[[Origin], dict[str, Parser]]
"""Makes the parsers of a session, one per feed that may be in its part of the log."""


class Place(NamedTuple):
    """One frame of the log: ``number`` of the block that begins at ``block``."""

    block: Position
    number: int


class Progress(msgspec.Struct, frozen=True):
    """How far the tables go.

    Attributes:
        position: end of the last block that is in the tables.
        session: session of that block.
        before: what was known when that session began, or where the parser of a feed was renewed in it.
        now: what is known at ``position``.
        renewed: where the parser of a feed was renewed for the last time in that session.
        origin: what its parsers need to know.
        start_ns: when that session began, ns UTC.
    """

    position: Position
    session: int
    before: Carry
    now: Carry
    renewed: dict[str, Place] = {}
    origin: Origin | None = None
    start_ns: int = 0

    @classmethod
    def of(cls, catalog: Catalog) -> Progress | None:
        """What the manifest of ``catalog`` says; None when no recorder wrote to it.

        Raises:
            DataError: its note was not written by a recorder.
        """
        text = catalog.manifest.notes.get(NOTE)
        try:
            return None if text is None else msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise DataError(
                f"The manifest of {catalog.path} does not say how far its tables go ({error}); rebuild the catalog "
                "from its raw log with `arena-data reparse`."
            ) from error


class Normaliser:
    """Keeps the tables of one catalog up with a raw log.

    Args:
        catalog: folder of the catalog; it has to exist.
        raw: folder of the log.
        parsers: makes the parsers of a session.

    Raises:
        DataError: the catalog was not made of this log.
    """

    def __init__(self, catalog: Path, raw: Path, parsers: Parsers) -> None:
        self._raw, self._make, self._tables = raw, parsers, Tables(catalog)
        self._origin = Origin((), (), (), "")
        self._parsers: dict[str, Parser] = {}
        self._rows = Rows()
        self._waiting: list[Batch] = []
        self._session = 0
        self._before = Carry()
        self._renewed: dict[str, Place] = {}
        self._faulty: set[str] = set()
        self._start_ns = self._at_ns = 0
        self.committed = Progress.of(Catalog.open(catalog))
        """How far the tables go; None = nothing is in them."""
        self.position = self.committed.position if self.committed else None
        """End of the last block that was read."""
        check_from(raw, self.position)
        self.last_refusal = ""
        """The last frame that was refused, and why."""
        self.faults: dict[str, str] = {}
        """The last failure of a parser, by feed, as a sentence."""

    @property
    def waiting(self) -> int:
        """Blocks that were read and are not in the catalog yet."""
        return len(self._waiting)

    @property
    def known(self) -> Carry:
        """What is known at :attr:`position`."""
        if self._session:
            return self._before.after(self._parsers, self._at_ns)
        return self.committed.now if self.committed else Carry()

    @property
    def trouble(self) -> str:
        """The last rows that the catalog did not take, and why; empty before the first."""
        return self._tables.trouble

    def read(self, end: Position | None = None) -> Iterator[Batch]:
        """Read the blocks behind :attr:`position`, up to ``end``.

        Parsers begin afresh with a session, and where the log says so. Where the tables end inside of one, its
        parsers first read it again from there, to know what they knew.

        Raises:
            DataError: the log is damaged, or holds a feed that nobody can parse.
        """
        for block in read_blocks(self._raw, self.position, end):
            if block.session != self._session:
                self._begin(block.session)
            self._parse(block)
            self.position = block.end
            batch = self._batch(block)
            self._waiting.append(batch)
            yield batch

    def commit(self) -> dict[str, int]:
        """Put what was read since the last commit into the catalog, in one step.

        Returns:
            Rows by table, quarantined ones included.

        Raises:
            DataError: the catalog is not there, or another process keeps writing to it.
            OSError: the disk refuses; the catalog stays as it was.
        """
        if self.position is None or not self._waiting:
            return {}
        progress = Progress(
            self.position, self._session, self._before, self.known, dict(self._renewed), self._origin, self._start_ns
        )
        rows = self._tables.commit(self._waiting, {NOTE: msgspec.json.encode(progress).decode()})
        self._waiting.clear()
        self.committed = progress
        return rows

    def compact(self) -> None:
        """Merge the files of every partition; see :meth:`Tables.compact`."""
        self._tables.compact()

    def _begin(self, session: int) -> None:
        resumed = self.committed if self._session == 0 else None
        if resumed is None or resumed.session != session:
            self._before, self._renewed, resumed = self.known, {}, None
        else:
            self._before, self._renewed = resumed.before, dict(resumed.renewed)
        if resumed is not None and resumed.origin is not None:
            self._origin, self._start_ns = resumed.origin, resumed.start_ns
        else:
            first = next(read_blocks(self._raw, Position(session, 0))).frames[0]
            self._origin, self._start_ns = Origin.of(first), first.recv_ns
        self._parsers, self._rows, self._session = self._make(self._origin), Rows(self._origin.source), session
        fresh = {feed: parser for feed, parser in self._parsers.items() if feed not in self._renewed}
        self._before.hand_to(fresh, self._rows, self._start_ns)
        for feed in self._renewed:
            self._before.hand_on(feed, self._parsers[feed])
        if resumed is not None:
            self._again(Position(session, 0), self._origin.feeds)

    def _again(self, begin: Position, feeds: Iterable[str]) -> None:
        """Read what the parsers of ``feeds`` have read already, each from where it began."""
        start = min((self._renewed.get(feed, Place(begin, -1)).block for feed in feeds), default=begin)
        for block in read_blocks(self._raw, start, self.position):
            self._parse(block, again=True)
            self._rows.take()
            self._rows.take_refused()

    def _parse(self, block: Block, again: bool = False) -> None:
        parsers, rows, renewed = self._parsers, self._rows, self._renewed if again else {}
        for number, frame in enumerate(block.frames):
            if renewed and (block.begin, number) <= renewed.get(frame.feed, (block.begin, -1)):
                continue
            if not EARLIEST_NS <= frame.recv_ns <= LATEST_NS:
                self._impossible(frame)
                continue
            parser = parsers.get(frame.feed)
            if parser is None:
                self._own(frame, Place(block.begin, number), again)
                continue
            try:
                parser.feed(frame, rows)
            except BadFrame as error:
                self.last_refusal = str(error)
            except Exception as error:  # a mistake in a parser must cost its frame, not the tables
                self._fault(parser, frame, Place(block.begin, number), error)
        self._at_ns = block.frames[-1].recv_ns

    def _own(self, frame: Frame, place: Place, again: bool) -> None:
        if frame.feed != origin.FEED:
            raise DataError(
                f"The log in {self._raw} holds frames of feed {frame.feed!r}, which this Arena cannot parse; "
                "read it with the version that recorded it, or with a later one."
            )
        word = Word.of(frame)
        if again:
            return
        if word.renewed in self._parsers:
            self._renew(word.renewed, place, frame.recv_ns)
        if word.ended:
            for parser in dict.fromkeys(self._parsers.values()):
                if isinstance(parser, FeedParser):
                    parser.finish(frame.recv_ns, self._rows)

    def _renew(self, feed: str, place: Place, at_ns: int) -> None:
        """From ``place`` on, another parser reads ``feed``, and whatever else the one before it read."""
        old, new = self._parsers[feed], self._make(self._origin)[feed]
        name = first_name(self._parsers, old)
        self._before = self._before.renewed(name, old, at_ns)
        for other, parser in self._parsers.items():
            if parser is old:
                self._parsers[other], self._renewed[other] = new, place
        self._before.hand_on(name, new)

    def _impossible(self, frame: Frame) -> None:
        parser = self._parsers.get(frame.feed)
        if parser is not None:
            parser.counts["bad_frame"] += 1
            parser.counts["impossible_time"] += 1
        self.last_refusal = (
            f"Frame of feed {frame.feed!r} was received at {frame.recv_ns} ns, outside 2015-2100: this machine's clock "
            "was not set. It stays in the raw log."
        )

    def _fault(self, parser: Parser, frame: Frame, place: Place, error: Exception) -> None:
        """A parser failed on ``frame``: what it knows of that connection is worth nothing any more."""
        parser.counts["bad_frame"] += 1
        parser.counts[f"fault_{type(error).__name__}"] += 1
        self._faulty.add(frame.feed)
        self.last_refusal = self.faults[frame.feed] = (
            f"A frame of feed {frame.feed!r} in the block at {place.block} made its parser fail "
            f"({type(error).__name__}: {error}). It stays in the raw log; please report it."
        )
        try:
            parser.feed(frame._replace(kind=Kind.CLOSED, payload=note(reason=FAULT)), self._rows)
        except Exception:  # it fails on everything now
            self._renew(frame.feed, place, frame.recv_ns)

    def _batch(self, block: Block) -> Batch:
        """What the parsers made of ``block``. Rows that no table can be made of are lost; their frames are not."""
        try:
            rows, refused = self._rows.take(), self._rows.take_refused()
        except Exception as error:  # one value must not stop the tables
            rows, refused = {}, {}
            self._rows = Rows(self._rows.source)
            place = Place(block.begin, len(block.frames))
            self.last_refusal = self.faults[origin.FEED] = (
                f"The rows of the block that ends at {block.end} fit no table ({type(error).__name__}: {error}) and "
                "are left out; its frames stay in the raw log. Please report it."
            )
            for feed in {first_name(self._parsers, parser) for parser in self._parsers.values()}:
                self._parsers[feed].counts[f"fault_{type(error).__name__}"] += 1
                self._renew(feed, place, block.frames[-1].recv_ns)
                self._faulty.add(feed)
        faults, self._faulty = frozenset(self._faulty), set()
        return Batch(len(block.frames), block.frames[-1].recv_ns, block.end, rows, refused, faults)
