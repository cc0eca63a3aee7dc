"""Frames of the raw log through the feeds' parsers into tables of the catalog.

One block of the log is one batch: whatever is compared row with row (duplicates, times that go back) is compared
within a block, so the tables do not depend on when, or how often, they were written. The place in the log up
to which the tables go is part of the manifest, and is replaced together with it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.catalog import Catalog
from live.feeds.base import BadFrame, Parser
from live.feeds.rows import Rows
from live.recorder.origin import Origin
from live.recorder.segments import Block, Position, read_blocks

NOTE = "recorder"
"""Name of the recorder's note in the manifest."""

Parsers = Callable[[Origin], Mapping[str, Parser]]
"""Makes the parsers of a session, one per feed that may be in its part of the log."""


Counts = dict[str, Counter[str]]
"""How often what was refused, by feed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the tables go, and what was refused on the way.

    Attributes:
        position: end of the last block that is in the tables.
        session: session of that block.
        earlier: what was refused before that session.
        refused: what was refused up to ``position``.
    """

    position: Position
    session: int
    earlier: Counts
    refused: Counts

    def to_json(self) -> str:
        """As the manifest keeps it."""
        return json.dumps(
            {
                "position": str(self.position),
                "session": self.session,
                "earlier": {feed: dict(sorted(counts.items())) for feed, counts in sorted(self.earlier.items())},
                "refused": {feed: dict(sorted(counts.items())) for feed, counts in sorted(self.refused.items())},
            }
        )

    @classmethod
    def of(cls, catalog: Catalog) -> Progress | None:
        """What the manifest of ``catalog`` says; None when no recorder wrote to it."""
        text = catalog.manifest.notes.get(NOTE)
        if text is None:
            return None
        raw = json.loads(text)
        earlier, refused = ({feed: Counter(c) for feed, c in raw[name].items()} for name in ("earlier", "refused"))
        return cls(Position.parse(raw["position"]), int(raw["session"]), earlier, refused)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one block of ``frames`` frames became: rows and refused rows, by table."""

    frames: int
    rows: Mapping[str, pl.DataFrame]
    refused: Mapping[str, pl.DataFrame]


class Normaliser:
    """Keeps the tables of one catalog up with a raw log.

    Args:
        catalog: folder of the catalog; it has to exist.
        raw: folder of the log.
        parsers: makes the parsers of a session.
    """

    def __init__(self, catalog: Path, raw: Path, parsers: Parsers) -> None:
        self._catalog, self._raw, self._make = catalog, raw, parsers
        self._parsers: Mapping[str, Parser] = {}
        self._rows = Rows()
        self._waiting: list[Batch] = []
        self._session = 0
        self._earlier: Counts = {}
        self.committed = Progress.of(Catalog.open(catalog))
        """How far the tables go; None = nothing is in them."""
        self.position = self.committed.position if self.committed else None
        """End of the last block that was read."""
        self.last_refusal = ""
        """The last frame that was refused, and why."""

    @property
    def waiting(self) -> int:
        """Blocks that were read and are not in the catalog yet."""
        return len(self._waiting)

    @property
    def refused(self) -> Counts:
        """What was refused so far: frames nobody can believe, and what the parsers counted."""
        totals = {feed: Counter(counts) for feed, counts in self._earlier.items()}
        for feed, parser in self._parsers.items():
            totals.setdefault(feed, Counter()).update(parser.counts)
        return {feed: counts for feed, counts in totals.items() if counts}

    def read(self, end: Position | None = None) -> Iterator[Batch]:
        """Read the blocks behind :attr:`position`, up to ``end``.

        Parsers begin afresh with a session. Where the tables end inside of one, they first read it again up to
        there, to know what they knew.

        Raises:
            DataError: the log is damaged, or holds a feed that nobody can parse.
        """
        for block in read_blocks(self._raw, self.position, end):
            if block.session != self._session:
                self._begin(block.session)
            self._parse(block)
            batch = Batch(len(block.frames), self._rows.take(), self._rows.take_refused())
            self.position = block.end
            self._waiting.append(batch)
            yield batch

    def commit(self) -> dict[str, int]:
        """Put what was read since the last commit into the catalog, in one step.

        Returns:
            Rows by table, quarantined ones included.

        Raises:
            DataError: the catalog refuses them.
            OSError: the disk does; the catalog stays as it was.
        """
        if self.position is None or not self._waiting:
            return {}
        progress = Progress(self.position, self._session, self._earlier, self.refused)
        rows: Counter[str] = Counter()
        with Catalog.update(self._catalog) as writer:
            for batch in self._waiting:
                for name, frame in batch.rows.items():
                    writer.write(name, frame, upsert=name == "windows")
                    rows[name] += frame.height
                for name, frame in batch.refused.items():
                    writer.quarantine(name, frame)
                    rows[name] += frame.height
            writer.note(NOTE, progress.to_json())
        self._waiting.clear()
        self.committed = progress
        return dict(rows)

    def _begin(self, session: int) -> None:
        tables_end = self.committed if self._session == 0 else None
        cut = tables_end is not None and tables_end.session == session
        if tables_end is None:
            self._earlier = self.refused
        else:
            self._earlier = tables_end.earlier if cut else tables_end.refused
        first = next(read_blocks(self._raw, Position(session, 0)))
        origin = Origin.of(first.frames[0])
        self._parsers, self._rows, self._session = self._make(origin), Rows(origin.source), session
        if cut:
            for block in read_blocks(self._raw, Position(session, 0), self.position):
                self._parse(block)
                self._rows.take()
                self._rows.take_refused()

    def _parse(self, block: Block) -> None:
        parsers, rows = self._parsers, self._rows
        for frame in block.frames:
            parser = parsers.get(frame.feed)
            if parser is None:
                raise DataError(
                    f"The log in {self._raw} holds frames of feed {frame.feed!r}, which this Arena cannot parse; "
                    "read it with the version that recorded it, or with a later one."
                )
            try:
                parser.feed(frame, rows)
            except BadFrame as error:
                self.last_refusal = f"{frame.feed}: {error.why}"
