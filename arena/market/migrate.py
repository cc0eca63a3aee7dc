"""Catalogs of older schema versions become catalogs of this one, in explicit steps; nothing is lost.

A step says what it does to the rows of a table. Steps are applied one after the other, from the catalog's version
to this Arena's, and files that no step touches stay as they are. The new manifest replaces the old one in one
atomic step; the old files stay for the catalog's grace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import polars as pl
from polars._typing import PolarsDataType

from arena.errors import DataError
from arena.market.catalog.commit import Terms, swap
from arena.market.catalog.files import in_threads, write_parquet
from arena.market.catalog.storage import Storage, storage_at
from arena.market.catalog.writer import Progress
from arena.market.manifest import FileEntry, Manifest, QuarantineEntry, TableManifest, parse
from arena.market.schema import SCHEMA_VERSION, TABLES


@dataclass(frozen=True, slots=True)
class Step:
    """From one version to the next.

    ``added`` are the columns each table gained, which old rows have as null.
    """

    doc: str
    added: Mapping[str, Mapping[str, PolarsDataType]]

    def apply(self, table: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of the next version."""
        return rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in self.added.get(table, {}).items())


STEPS: dict[int, Step] = {
    1: Step(
        "Sizes of the best spot prices; rebate, condition and token ids of windows; thirteen new tables. The feed "
        "became part of the key of oracle rows, which refuses no row that was good before.",
        {
            "spot": {"bid_size": pl.Float64, "ask_size": pl.Float64},
            "windows": {
                "rebate_rate": pl.Float64,
                "condition_id": pl.String,
                "up_token_id": pl.String,
                "down_token_id": pl.String,
            },
        },
    ),
    2: Step(
        "The place of an l2 row within its message, as part of the key, which refuses no row that was good before.",
        {"l2": {"seq": pl.Int64}},
    ),
}
"""The step from each version to the next."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration did: the versions, and how many files it wrote anew or left as they were."""

    before: int
    after: int
    rewritten: int
    kept: int


def migrate(path: str | os.PathLike[str], progress: Progress | None = None, terms: Terms | None = None) -> Migration:
    """Bring a catalog to this Arena's schema version; one that has it already is left alone.

    Args:
        path: where the catalog is.
        progress: called after each file.
        terms: how long to wait for another writer, and how long the old files stay.

    Raises:
        DataError: there is no catalog, its version is unknown or newer, another process is writing to it, or a
            file cannot be read.
    """
    storage, terms = storage_at(path), terms or Terms()
    if storage.load() is None:
        raise DataError(f"There is no catalog at {storage.where}; check the path.")
    with storage.lock(terms.wait_s):
        found = storage.load()
        if found is None:
            raise DataError(f"There is no catalog at {storage.where} any more; check the path.")
        data, version_in_store = found
        raw = parse(data, storage.where)
        version = raw["schema_version"]
        if version == SCHEMA_VERSION:
            return Migration(version, version, 0, 0)
        if version not in STEPS:
            raise DataError(
                f"The catalog at {storage.where} has schema version {version}; this Arena migrates "
                f"{', '.join(map(str, STEPS))} to {SCHEMA_VERSION}. Use a newer Arena, or import again."
            )
        old = Manifest.from_raw(raw, storage.where)
        steps = [STEPS[v] for v in range(version, SCHEMA_VERSION)]
        written: set[str] = set()
        try:
            tables = _tables(storage, old, steps, written, progress)
            new = replace(old, schema_version=SCHEMA_VERSION, tables=tables)
            swap(storage, version_in_store, old.paths, new, written, terms)
        except BaseException:
            if storage.exclusive and storage.load() == found:
                storage.remove(written)
            raise
    rewritten = len(new.paths - old.paths)
    return Migration(version, SCHEMA_VERSION, rewritten, len(new.paths) - rewritten)


def _tables(
    storage: Storage, old: Manifest, steps: list[Step], written: set[str], progress: Progress | None
) -> dict[str, TableManifest]:
    total = sum(len(table.entries) for table in old.tables.values())
    done = 0
    tables = {}
    for name, table in old.tables.items():
        if name not in TABLES:
            raise DataError(f"The catalog at {storage.where} has a table {name!r} this Arena does not know.")
        changed = any(name in step.added for step in steps)
        rewrite = _rewriter(storage, name, steps, written)
        entries = in_threads(rewrite, table.entries) if changed else list(table.entries)
        tables[name] = replace(
            table,
            files=tuple(e for e in entries if isinstance(e, FileEntry)),
            quarantine=tuple(e for e in entries if isinstance(e, QuarantineEntry)),
        )
        done += len(entries)
        if progress is not None:
            progress(done, total)
    return tables


def _rewriter(
    storage: Storage, table: str, steps: list[Step], written: set[str]
) -> Callable[[FileEntry | QuarantineEntry], FileEntry | QuarantineEntry]:
    columns = list(TABLES[table].schema)

    def rewrite(entry: FileEntry | QuarantineEntry) -> FileEntry | QuarantineEntry:
        rows = storage.scan([entry.path])
        for step in steps:
            rows = step.apply(table, rows)
        order = columns if isinstance(entry, FileEntry) else [*columns, "rule"]
        file = write_parquet(storage, rows.select(order), entry.path.rsplit("/", 1)[0], entry.source)
        if file.new:
            written.add(file.path)
        return replace(entry, path=file.path, size=file.size, sha256=file.sha256)

    return rewrite
