"""The manifest of a catalog: which files are in it, what they hold, and what was refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from arena.errors import DataError
from arena.market.schema import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One Parquet file of clean rows: ``path`` relative to the catalog, times in ns UTC, size in bytes.

    ``first_ns`` and ``last_ns`` are of the table's time column, ``first_event_ns`` and ``last_event_ns`` of
    ``event_ns``: None where the table has none or a row lacks it.
    """

    path: str
    asset: str
    date: str
    source: str
    rows: int
    first_ns: int
    last_ns: int
    size: int
    sha256: str
    first_event_ns: int | None = None
    last_event_ns: int | None = None
    _json: str = field(default="", init=False, repr=False, compare=False)

    @property
    def partition(self) -> tuple[str, str, str]:
        """Asset, UTC date and source: rows that compaction brings into one file."""
        return self.asset, self.date, self.source


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One Parquet file of rows that broke ``rule``; it has the table's columns plus ``rule``."""

    path: str
    rule: str
    source: str
    rows: int
    size: int
    sha256: str
    _json: str = field(default="", init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class TableManifest:
    """What the catalog holds of one table.

    ``files`` of one partition, and ``quarantine`` of one rule and source, are in the order in which they were
    written. ``known_defects`` maps a source to sentences about it; ``gaps`` counts the rows of the ``gaps``
    table that speak of this table's streams.
    """

    name: str
    files: tuple[FileEntry, ...] = ()
    quarantine: tuple[QuarantineEntry, ...] = ()
    known_defects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gaps: int = 0
    _json: str = field(default="", init=False, repr=False, compare=False)

    @property
    def entries(self) -> tuple[FileEntry | QuarantineEntry, ...]:
        """Every file of the table, clean rows first."""
        return (*self.files, *self.quarantine)

    @property
    def rows(self) -> int:
        """Clean rows."""
        return sum(f.rows for f in self.files)

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last time, ns UTC; None when there are no rows."""
        if not self.files:
            return None
        return min(f.first_ns for f in self.files), max(f.last_ns for f in self.files)

    @property
    def sources(self) -> dict[str, int]:
        """Clean rows per source, by name."""
        return count_by_name((f.source, f.rows) for f in self.files)

    @property
    def assets(self) -> dict[str, int]:
        """Clean rows per asset, by name."""
        return count_by_name((f.asset, f.rows) for f in self.files)

    @property
    def quarantined(self) -> dict[str, int]:
        """Refused rows per rule, by name."""
        return count_by_name((q.rule, q.rows) for q in self.quarantine)

    def digest(self) -> str:
        """Hex SHA-256 over the table's file hashes, in an order that does not depend on who wrote first."""
        lines = sorted(f"{self.name} {f.asset} {f.date} {f.source} {f.sha256}\n" for f in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


T = TypeVar("T", bound=FileEntry | QuarantineEntry | TableManifest)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The truth about a catalog: the version of its tables, what each of them holds, and its writers' notes.

    ``notes`` are texts by name, for writers that have to know what they did: a note and the rows it speaks of are
    committed in one step.
    """

    schema_version: int
    tables: Mapping[str, TableManifest]
    notes: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The manifest as JSON, one line per file; totals are for the reader, files are what is read back."""
        # A recorder commits every few seconds: what did not change since the last time is not put into words again.
        tables = ",\n".join(f"{json.dumps(name)}: {_kept(t, _table_json)}" for name, t in sorted(self.tables.items()))
        notes = json.dumps(dict(sorted(self.notes.items())))
        return f'{{"schema_version": {self.schema_version}, "notes": {notes}, "tables": {{\n{tables}\n}}}}\n'

    @property
    def paths(self) -> set[str]:
        """Paths of every file, relative to the catalog."""
        return {entry.path for table in self.tables.values() for entry in table.entries}

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Manifest:
        """Read what :meth:`to_json` wrote, of the catalog at ``where``.

        Raises:
            DataError: not a manifest, or one of another schema version.
        """
        raw = parse(data, where)
        version = raw["schema_version"]
        if version != SCHEMA_VERSION:
            older = isinstance(version, int) and 0 < version < SCHEMA_VERSION
            advice = f"run `arena-data migrate {where}`" if older else "read it with a newer Arena, or import again"
            raise DataError(
                f"The catalog at {where} has schema version {version}, this Arena reads version {SCHEMA_VERSION}; "
                f"{advice}."
            )
        return cls.from_raw(raw, where)

    @classmethod
    def from_raw(cls, raw: dict[str, Any], where: str) -> Manifest:
        """The manifest in what :func:`parse` read, whatever its version.

        Raises:
            DataError: something is missing or has another shape.
        """
        try:
            tables = {name: _table_from(name, t) for name, t in raw["tables"].items()}
            return cls(raw["schema_version"], tables, dict(raw.get("notes", {})))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(f"The manifest of {where} is damaged ({error!r}); import the data again.") from error


def parse(data: bytes, where: str) -> dict[str, Any]:
    """The JSON of a manifest, of any version.

    Raises:
        DataError: it is no manifest.
    """
    try:
        raw: dict[str, Any] = json.loads(data)
        raw["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"The manifest of {where} is not a catalog manifest ({error!r}); import again.") from error
    return raw


def _table_from(name: str, raw: dict[str, Any]) -> TableManifest:
    return TableManifest(
        name=name,
        files=tuple(FileEntry(**f) for f in raw["files"]),
        quarantine=tuple(QuarantineEntry(**q) for q in raw["quarantine"]),
        known_defects={source: tuple(texts) for source, texts in raw["known_defects"].items()},
        gaps=int(raw["gaps"]),
    )


def _table_json(table: TableManifest) -> str:
    totals = {
        "rows": table.rows,
        "span": table.span,
        "sources": table.sources,
        "quarantined": table.quarantined,
        "gaps": table.gaps,
        "known_defects": {source: list(texts) for source, texts in sorted(table.known_defects.items())},
    }
    fields = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in totals.items()]
    fields += [_entries_json("files", table.files), _entries_json("quarantine", table.quarantine)]
    return "{\n" + ",\n".join(fields) + "}"


def _entries_json(name: str, entries: Iterable[FileEntry] | Iterable[QuarantineEntry]) -> str:
    lines = [entry._json or _kept(entry, _entry_json) for entry in entries]
    return f'"{name}": [\n' + ",\n".join(lines) + "]"


def _entry_json(entry: FileEntry | QuarantineEntry) -> str:
    return json.dumps({slot: getattr(entry, slot) for slot in entry.__slots__ if slot != "_json"})


def _kept(thing: T, words: Callable[[T], str]) -> str:
    """The JSON of something that never changes, made once."""
    if not thing._json:
        object.__setattr__(thing, "_json", words(thing))
    return thing._json


def count_by_name(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Rows added up by name, names in order."""
    totals: dict[str, int] = {}
    for name, rows in pairs:
        totals[name] = totals.get(name, 0) + rows
    return dict(sorted(totals.items()))
