"""The manifest of a catalog: which files are in it, what they hold, and what was refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from arena.errors import DataError
from arena.market.schema import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One Parquet file of clean rows: ``path`` relative to the catalog, times in ns UTC, size in bytes."""

    path: str
    asset: str
    date: str
    source: str
    rows: int
    first_ns: int
    last_ns: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One Parquet file of rows that broke ``rule``; it has the table's columns plus ``rule``."""

    path: str
    rule: str
    source: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TableManifest:
    """What the catalog holds of one table.

    ``known_defects`` maps a source to sentences about it; ``gaps`` counts the rows of the ``gaps`` table
    that speak of this table's streams.
    """

    name: str
    files: tuple[FileEntry, ...] = ()
    quarantine: tuple[QuarantineEntry, ...] = ()
    known_defects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gaps: int = 0

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


@dataclass(frozen=True, slots=True)
class Manifest:
    """The truth about a catalog: the version of its tables and what each of them holds."""

    schema_version: int
    tables: Mapping[str, TableManifest]

    def to_json(self) -> str:
        """The manifest as readable JSON; totals are written for the reader, files are what is read back."""
        tables = {
            name: {
                "rows": t.rows,
                "span": t.span,
                "sources": t.sources,
                "quarantined": t.quarantined,
                "gaps": t.gaps,
                "known_defects": {source: list(texts) for source, texts in sorted(t.known_defects.items())},
                "files": [asdict(f) for f in t.files],
                "quarantine": [asdict(q) for q in t.quarantine],
            }
            for name, t in sorted(self.tables.items())
        }
        return json.dumps({"schema_version": self.schema_version, "tables": tables}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, where: Path) -> Manifest:
        """Read what :meth:`to_json` wrote.

        Raises:
            DataError: not a manifest, or one of another schema version.
        """
        try:
            raw = json.loads(text)
            version = raw["schema_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{where} is not a catalog manifest ({error!r}); import the data again.") from error
        if version != SCHEMA_VERSION:
            raise DataError(
                f"{where} has schema version {version}, this Arena reads version {SCHEMA_VERSION}; "
                "import the recordings again with `arena-data import`."
            )
        try:
            return cls(version, {name: _table_from(name, t) for name, t in raw["tables"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{where} is damaged ({error!r}); import the data again.") from error


def _table_from(name: str, raw: dict[str, Any]) -> TableManifest:
    return TableManifest(
        name=name,
        files=tuple(FileEntry(**f) for f in raw["files"]),
        quarantine=tuple(QuarantineEntry(**q) for q in raw["quarantine"]),
        known_defects={source: tuple(texts) for source, texts in raw["known_defects"].items()},
        gaps=int(raw["gaps"]),
    )


def count_by_name(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Rows added up by name, names in order."""
    totals: dict[str, int] = {}
    for name, rows in pairs:
        totals[name] = totals.get(name, 0) + rows
    return dict(sorted(totals.items()))
