"""Frames of the raw log through the feeds' parsers into tables of the catalog.

The tables are a function of the log alone: how often they are committed, and how often the recorder was killed,
changes nothing. The place in the log up to which they go is part of the catalog's manifest, and is replaced
together with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from arena.errors import DataError
from arena.market.catalog import Catalog, CatalogView
from arena.market.schema import TABLES
from live.feeds.base import BadFrame, Parser
from live.feeds.rows import Rows
from live.recorder import origin
from live.recorder.carry import Carry
from live.recorder.origin import Origin
from live.recorder.segments import Block, Position, check_from, read_blocks

NOTE = "recorder"
"""Name of the recorder's note in the manifest."""

Parsers = Callable[[Origin], Mapping[str, Parser]]
"""Makes the parsers of a session, one per feed that may be in its part of the log."""


class Progress(msgspec.Struct, frozen=True):
    """How far the tables go.

    Attributes:
        position: end of the last block that is in the tables.
        session: session of that block.
        before: what was known when that session began.
        now: what is known at ``position``.
    """

    position: Position
    session: int
    before: Carry
    now: Carry

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


@dataclass(frozen=True, slots=True)
class Batch:
    """What one block of ``frames`` frames, the last received at ``last_ns``, became: rows and refused rows by table."""

    frames: int
    last_ns: int
    rows: Mapping[str, pl.DataFrame]
    refused: Mapping[str, pl.DataFrame]


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
        self._catalog, self._raw, self._make = catalog, raw, parsers
        self._parsers: Mapping[str, Parser] = {}
        self._rows = Rows()
        self._waiting: list[Batch] = []
        self._session = 0
        self._before = Carry()
        self.committed = Progress.of(Catalog.open(catalog))
        """How far the tables go; None = nothing is in them."""
        self.position = self.committed.position if self.committed else None
        """End of the last block that was read."""
        check_from(raw, self.position)
        self.last_refusal = ""
        """The last frame that was refused, and why."""

    @property
    def waiting(self) -> int:
        """Blocks that were read and are not in the catalog yet."""
        return len(self._waiting)

    @property
    def known(self) -> Carry:
        """What is known at :attr:`position`."""
        if self._session:
            return self._before.after(self._parsers)
        return self.committed.now if self.committed else Carry()

    def read(self, end: Position | None = None) -> Iterator[Batch]:
        """Read the blocks behind :attr:`position`, up to ``end``.

        Parsers begin afresh with a session. Where the tables end inside of one, its parsers first read it again up
        to there, to know what they knew.

        Raises:
            DataError: the log is damaged, or holds a feed that nobody can parse.
        """
        for block in read_blocks(self._raw, self.position, end):
            if block.session != self._session:
                self._begin(block.session)
            self._parse(block)
            self.position = block.end
            batch = Batch(len(block.frames), block.frames[-1].recv_ns, self._rows.take(), self._rows.take_refused())
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
        progress = Progress(self.position, self._session, self._before, self.known)
        rows: Counter[str] = Counter()
        with Catalog.update(self._catalog) as writer:
            for name, frame in _joined(batch.rows for batch in self._waiting).items():
                if name == "windows":
                    writer.write(name, _completed(writer.so_far(), frame), upsert=True)
                else:
                    writer.write(name, frame)
                rows[name] += frame.height
            for name, frame in _joined(batch.refused for batch in self._waiting).items():
                writer.quarantine(name, frame)
                rows[name] += frame.height
            writer.note(NOTE, msgspec.json.encode(progress).decode())
        self._waiting.clear()
        self.committed = progress
        return dict(rows)

    def _begin(self, session: int) -> None:
        first = next(read_blocks(self._raw, Position(session, 0))).frames[0]
        resumed = self.committed if self._session == 0 else None
        cut = resumed is not None and resumed.session == session
        self._before = resumed.before if resumed is not None and cut else self.known
        said = Origin.of(first)
        self._parsers, self._rows, self._session = self._make(said), Rows(said.source), session
        self._before.hand_to(self._parsers, self._rows, first.recv_ns)
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
                if frame.feed == origin.FEED:
                    continue
                raise DataError(
                    f"The log in {self._raw} holds frames of feed {frame.feed!r}, which this Arena cannot parse; "
                    "read it with the version that recorded it, or with a later one."
                )
            try:
                parser.feed(frame, rows)
            except BadFrame as error:
                self.last_refusal = str(error)


def _joined(batches: Iterator[Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """Rows of several batches by table, in the order in which tables are written."""
    parts: dict[str, list[pl.DataFrame]] = {}
    for batch in batches:
        for name, frame in batch.items():
            parts.setdefault(name, []).append(frame)
    return {name: pl.concat(parts[name]) for name in TABLES if name in parts}


def _completed(held: CatalogView, windows: pl.DataFrame) -> pl.DataFrame:
    """``windows`` with what an earlier row of the same window said and a later one leaves out.

    The venue shows a tick size only while a window is open, and an outcome only when it is over.
    """
    key, named = list(TABLES["windows"].key), windows["market_id"].unique().to_list()
    earlier = held.scan("windows", markets=named).join(windows.lazy(), on=key, how="semi").collect()
    both = pl.concat([earlier, windows]).group_by(key, maintain_order=True).agg(pl.all().drop_nulls().last())
    return both.select(windows.columns)
