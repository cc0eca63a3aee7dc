"""The catalog: recorded market data as Parquet files and one manifest that is the truth about them.

Layout of a catalog folder::

    manifest.json
    table=spot/asset=BTC/date=2026-03-01/aegis-3f2a….parquet
    quarantine/table=binary_quotes/rule=crossed_book/thevalerka-9b1c….parquet

``date`` is the UTC day of the table's time column, or the first day of its year in tables of few rows a day.
A file holds one source and is sorted by time. Readers open only the files the manifest lists, so a writer
adds files first and replaces the manifest last, in one atomic step: an interrupted write leaves the
catalog as it was.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from arena.errors import DataError
from arena.market.manifest import FileEntry, Manifest, QuarantineEntry, TableManifest, count_by_name
from arena.market.quality import check_times, screen
from arena.market.schema import SCHEMA_VERSION, TABLES, Table

MANIFEST = "manifest.json"

_PATH_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WRITERS = max(2, min(8, os.cpu_count() or 2))


class Catalog:
    """Recorded market data, read lazily.

    Open one with :meth:`open`; write one with :meth:`create` or :meth:`update`.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    def __repr__(self) -> str:
        held = ", ".join(f"{name} {t.rows:,}" for name, t in self.manifest.tables.items())
        return f"Catalog({str(self.path)!r}: {held or 'empty'})"

    @classmethod
    def open(cls, path: str | Path) -> Catalog:
        """Open a catalog folder.

        Raises:
            DataError: the folder, its manifest or a file the manifest lists is missing or has another
                size, or the schema version is unknown.
        """
        path = Path(path)
        if not path.is_dir():
            raise DataError(f"There is no catalog at {path}; make one with `arena-data import PATH --to {path}`.")
        if not (path / MANIFEST).is_file():
            raise DataError(
                f"{path} is a folder without {MANIFEST}, so it is not a catalog; make one with "
                "`arena-data import PATH --to FOLDER`."
            )
        manifest = Manifest.from_json((path / MANIFEST).read_text(encoding="utf-8"), path / MANIFEST)
        for table in manifest.tables.values():
            for entry in table.entries:
                file = path / entry.path
                size = file.stat().st_size if file.is_file() else None
                if size != entry.size:
                    what = "is missing" if size is None else f"has {size} bytes instead of {entry.size}"
                    raise DataError(
                        f"{file} {what}, but the manifest of {path} lists it; restore the file or import again."
                    )
        return cls(path, manifest)

    @classmethod
    @contextmanager
    def create(cls, path: str | Path) -> Iterator[CatalogWriter]:
        """Write a new catalog: a context manager that yields a :class:`CatalogWriter`.

        Everything goes into a hidden sibling folder that takes the name ``path`` when the block ends
        well. An error or Ctrl-C removes it and leaves nothing behind.

        Raises:
            DataError: ``path`` already exists and is not an empty folder.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise DataError(f"{path} already exists; add to it with Catalog.update, or choose another name.")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
        try:
            writer = CatalogWriter(partial, Manifest(SCHEMA_VERSION, {}))
            yield writer
            _write_manifest(partial, writer.finish())
            partial.chmod(0o755)  # mkdtemp makes it private; a catalog is an ordinary folder
            partial.replace(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    @classmethod
    @contextmanager
    def update(cls, path: str | Path) -> Iterator[CatalogWriter]:
        """Add to an existing catalog: a context manager that yields a :class:`CatalogWriter`.

        New files are written beside the old ones and the manifest is replaced last, atomically. An error
        or Ctrl-C removes the new files. Files replaced by the update are deleted after that, so open the
        catalog again to read on.

        Raises:
            DataError: there is no catalog at ``path``, or another process changed it meanwhile.
        """
        before = cls.open(path)
        writer = CatalogWriter(before.path, before.manifest)
        try:
            yield writer
            after = writer.finish()
            found = Manifest.from_json((before.path / MANIFEST).read_text(encoding="utf-8"), before.path / MANIFEST)
            if found != before.manifest:
                raise DataError(f"Another process changed {before.path} during this update; run the update again.")
            _write_manifest(before.path, after)
        except BaseException:
            _remove(before.path, writer.written)
            raise
        _remove(before.path, _paths(before.manifest) - _paths(after))

    def scan(
        self,
        table: str,
        *,
        asset: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        source: str | None = None,
        markets: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Rows of one table, lazily.

        Args:
            table: a name in :data:`arena.market.schema.TABLES`.
            asset: keep one asset.
            start_ns: first time kept, ns UTC, on the table's time column (inclusive).
            end_ns: end of the span, ns UTC (exclusive).
            source: keep one source. The same window or second may be recorded by several.
            markets: keep these market ids (tables with ``market_id`` only).

        Returns:
            A lazy frame with the table's columns. Rows are in time order within one asset and source
            whose spans do not overlap; sort by time when you read several. No rows is an empty frame.

        Raises:
            DataError: unknown table, a source the table does not hold, or ``markets`` of a table without.
        """
        spec = _spec(table)
        held = self.manifest.tables.get(table, TableManifest(table))
        # A source without gaps, or an asset without an oracle, is no mistake; a source nobody recorded is.
        if source is not None and held.files and table != "gaps" and source not in held.sources:
            raise DataError(f"{self.path}: table {table!r} has no source {source!r}; it has {', '.join(held.sources)}.")
        if markets is not None and "market_id" not in spec.schema:
            raise DataError(f"Table {table!r} has no market_id, so it cannot be read by market; leave `markets` out.")
        files = [
            f
            for f in held.files
            if (asset is None or f.asset == asset)
            and (source is None or f.source == source)
            and (start_ns is None or f.last_ns >= start_ns)
            and (end_ns is None or f.first_ns < end_ns)
        ]
        if not files:
            return spec.empty().lazy()
        files.sort(key=lambda f: (f.asset, f.source, f.first_ns, f.path))
        frame = pl.scan_parquet([self.path / f.path for f in files], hive_partitioning=False)
        time = pl.col(spec.time)
        if start_ns is not None:
            frame = frame.filter(time >= start_ns)
        if end_ns is not None:
            frame = frame.filter(time < end_ns)
        if markets is not None:
            frame = frame.filter(pl.col("market_id").is_in(list(markets)))
        return frame

    def quarantined(self, table: str) -> pl.LazyFrame:
        """Refused rows of one table with the ``rule`` each of them broke."""
        spec = _spec(table)
        files = self.manifest.tables.get(table, TableManifest(table)).quarantine
        if not files:
            return spec.empty().with_columns(pl.lit(None, pl.String).alias("rule")).lazy()
        return pl.scan_parquet([self.path / q.path for q in files], hive_partitioning=False)

    def sources(self, table: str) -> tuple[str, ...]:
        """Names of the sources that recorded the table, sorted."""
        _spec(table)
        return tuple(self.manifest.tables[table].sources) if table in self.manifest.tables else ()

    def assets(self, table: str) -> tuple[str, ...]:
        """Names of the assets in the table, sorted."""
        _spec(table)
        return tuple(self.manifest.tables[table].assets) if table in self.manifest.tables else ()

    def digest(self, table: str | None = None) -> str:
        """Hex SHA-256 over the file hashes of one table, or of all: what a run logs as its data hash.

        Two catalogs with the same rows written in the same calls have the same digest; one changed byte
        changes it. Quarantined rows do not count: no run reads them.
        """
        if table is not None:
            _spec(table)
            return self.manifest.tables.get(table, TableManifest(table)).digest()
        parts = "".join(f"{name} {t.digest()}\n" for name, t in sorted(self.manifest.tables.items()) if t.files)
        return hashlib.sha256(parts.encode()).hexdigest()

    def verify(self) -> None:
        """Read every file and compare its bytes with the manifest.

        Raises:
            DataError: names the first file whose SHA-256 differs.
        """
        entries = [e for t in self.manifest.tables.values() for e in t.entries]
        with ThreadPoolExecutor(_WRITERS) as pool:
            hashes = list(pool.map(lambda e: _sha256(self.path / e.path), entries))
        for entry, found in zip(entries, hashes, strict=True):
            if found != entry.sha256:
                raise DataError(
                    f"{self.path / entry.path} was changed after it was written (its SHA-256 is {found[:12]}…, the "
                    f"manifest says {entry.sha256[:12]}…); restore the file or import again."
                )


class CatalogWriter:
    """Writes tables into a catalog that is being created or updated; see :meth:`Catalog.create`."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self._tables = dict(manifest.tables)
        self.written: set[str] = set()
        """Paths of the files this writer made, relative to the catalog."""

    def write(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        known_defects: Mapping[str, str | Sequence[str]] | None = None,
        screen: bool = True,
        replace: bool = False,
    ) -> dict[str, int]:
        """Add rows to a table.

        Args:
            table: a name in :data:`arena.market.schema.TABLES`. Write ``windows`` before
                ``binary_quotes``: quotes of a market without a window are quarantined.
            frame: the table's columns, any order of columns, rows in file order per stream.
            known_defects: what is wrong with a source, as text, by source.
            screen: run the quality rules; rows they refuse go to quarantine. The rules that compare rows
                (``duplicate``, ``time_back``) see one call at a time.
            replace: drop what the catalog holds of this table from the sources in ``frame``, first.

        Returns:
            Rows quarantined, by rule.

        Raises:
            DataError: wrong columns, times that are not ns UTC, a source or asset that cannot be part of
                a path, the very rows of a file already written, or quotes before any window.
        """
        spec = _spec(table)
        frame = spec.conform(frame)
        check_times(spec, frame, f"table {table!r}")
        given = frame
        bad = frame.clear().with_columns(pl.lit(None, pl.String).alias("rule"))
        if screen:
            frame, bad = _screen(spec, frame, self._markets(table, frame))
        for name in ("asset", "source", spec.time):
            if frame[name].null_count():
                raise DataError(f"table {table!r}: column {name!r} has nulls; screen the rows or fill it.")
        held = self._tables.get(table, TableManifest(table))
        if replace:
            held = _without(held, given["source"].drop_nulls().unique().to_list())
        files, quarantine = self._write_files(spec, frame), self._write_quarantine(spec, bad)
        twice = {f.path for f in held.files} & {f.path for f in files}
        if twice:
            raise DataError(
                f"{self._root / min(twice)} is already in the catalog with these very rows; "
                "pass replace=True to write the source again."
            )
        self._tables[table] = TableManifest(
            name=table,
            files=tuple(sorted((*held.files, *files), key=lambda f: f.path)),
            # By path: the same refused rows, written twice, are one file and count once.
            quarantine=tuple(q for _, q in sorted({q.path: q for q in (*held.quarantine, *quarantine)}.items())),
            known_defects=_merge_defects(held.known_defects, known_defects or {}),
            gaps=held.gaps,
        )
        return count_by_name((q.rule, q.rows) for q in quarantine)

    def drop(self, table: str, sources: Iterable[str]) -> None:
        """Forget what the catalog holds of ``table`` from ``sources``, clean and quarantined."""
        _spec(table)
        if table in self._tables:
            self._tables[table] = _without(self._tables[table], list(sources))

    def so_far(self) -> Catalog:
        """The catalog as it will be: what it had, and what this writer wrote up to now."""
        return Catalog(self._root, Manifest(SCHEMA_VERSION, dict(self._tables)))

    def finish(self) -> Manifest:
        """The manifest of what was written, with the gaps of each table counted."""
        if "gaps" in self._tables:
            kind = pl.col("stream").str.split("/").list.first()
            counts = dict(self.so_far().scan("gaps").group_by(kind).len().collect().iter_rows())
            for name, held in self._tables.items():
                self._tables[name] = replace(held, gaps=int(counts.get(name, 0)))
        return Manifest(SCHEMA_VERSION, dict(self._tables))

    def _markets(self, table: str, frame: pl.DataFrame) -> pl.Series | None:
        if table != "binary_quotes" or frame.is_empty():
            return None
        windows = self._tables.get("windows")
        if windows is None or not windows.files:
            raise DataError(
                "table 'binary_quotes': the catalog has no windows yet, so every quote would belong to an unknown "
                "market; write the windows table first."
            )
        return self.so_far().scan("windows").select("market_id").unique().collect().to_series()

    def _write_files(self, spec: Table, frame: pl.DataFrame) -> list[FileEntry]:
        # The time column's name is kept out of the key: parts keep file order within one time (stable sort).
        parts = frame.with_columns(spec.first_day.alias("__date")).partition_by(
            ["asset", "source", "__date"], maintain_order=True, as_dict=True, include_key=True
        )

        def write_one(item: tuple[tuple[Any, ...], pl.DataFrame]) -> FileEntry:
            (asset, source, date), part = item
            part = part.drop("__date")
            if not part[spec.time].is_sorted():
                part = part.sort(spec.time, maintain_order=True)
            folder = f"table={spec.name}/asset={_safe(asset)}/date={date}"
            path, size, sha256 = self._write_parquet(part, folder, _safe(source))
            first, last = int(part[spec.time][0]), int(part[spec.time][-1])
            return FileEntry(path, asset, str(date), source, part.height, first, last, size, sha256)

        with ThreadPoolExecutor(_WRITERS) as pool:
            return list(pool.map(write_one, parts.items()))

    def _write_quarantine(self, spec: Table, bad: pl.DataFrame) -> list[QuarantineEntry]:
        entries = []
        for (rule, source), part in bad.partition_by(["rule", "source"], maintain_order=True, as_dict=True).items():
            name = "unknown" if source is None else str(source)
            folder = f"quarantine/table={spec.name}/rule={rule}"
            path, size, sha256 = self._write_parquet(part, folder, _safe(name))
            entries.append(QuarantineEntry(path, str(rule), name, part.height, size, sha256))
        return entries

    def _write_parquet(self, part: pl.DataFrame, folder: str, stem: str) -> tuple[str, int, str]:
        (self._root / folder).mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=self._root / folder)
        os.close(handle)
        try:
            # One row-group size whatever the chunks, so that equal rows are equal bytes.
            part.rechunk().write_parquet(temporary, compression="zstd", row_group_size=262_144)
            sha256 = _sha256(Path(temporary))
            path = f"{folder}/{stem}-{sha256[:16]}.parquet"
            # A file that is already there has the same bytes: it is not ours to remove on error.
            if not (self._root / path).exists():
                self.written.add(path)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(self._root / path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return path, (self._root / path).stat().st_size, sha256


_screen = screen  # CatalogWriter.write has an argument of that name


def _spec(table: str) -> Table:
    if table not in TABLES:
        raise DataError(f"There is no table {table!r}; the tables are {', '.join(TABLES)}.")
    return TABLES[table]


def _without(held: TableManifest, sources: Sequence[str]) -> TableManifest:
    return TableManifest(
        name=held.name,
        files=tuple(f for f in held.files if f.source not in sources),
        quarantine=tuple(q for q in held.quarantine if q.source not in sources),
        known_defects=held.known_defects,
        gaps=held.gaps,
    )


def _merge_defects(
    held: Mapping[str, tuple[str, ...]], new: Mapping[str, str | Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    merged = dict(held)
    for source, texts in new.items():
        listed = (texts,) if isinstance(texts, str) else tuple(texts)
        merged[source] = tuple(dict.fromkeys((*merged.get(source, ()), *listed)))
    return dict(sorted(merged.items()))


def _safe(name: str) -> str:
    if not _PATH_SAFE.fullmatch(name):
        raise DataError(
            f"{name!r} cannot be part of a file name; use letters, digits, dot, dash and underscore for assets "
            "and sources."
        )
    return name


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _paths(manifest: Manifest) -> set[str]:
    return {e.path for t in manifest.tables.values() for e in t.entries}


def _remove(root: Path, paths: Iterable[str]) -> None:
    for path in paths:
        file = root / path
        file.unlink(missing_ok=True)
        for folder in file.relative_to(root).parents:
            if folder == Path() or any((root / folder).iterdir()):
                break
            (root / folder).rmdir()


def _write_manifest(root: Path, manifest: Manifest) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{MANIFEST}.", dir=root)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(manifest.to_json())
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(root / MANIFEST)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
