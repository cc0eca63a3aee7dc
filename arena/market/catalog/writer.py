"""Writing into a catalog: screened appends, replacing, upserting and merging, up to the manifest to commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

import polars as pl

from arena.errors import DataError
from arena.market.catalog import files as parquet
from arena.market.catalog.seam import holding, overlapped, seam_of
from arena.market.catalog.storage import Storage
from arena.market.catalog.tiers import merge_from
from arena.market.catalog.view import CatalogView, spec_of
from arena.market.manifest import FileEntry, Manifest, QuarantineEntry, TableManifest, count_by_name
from arena.market.quality import MOST, check_times, impossible, screen
from arena.market.schema import SCHEMA_VERSION, Table

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""
Entry = TypeVar("Entry", FileEntry, QuarantineEntry)

_screen = screen  # CatalogWriter.write has an argument of that name


class CatalogWriter:
    """Writes tables into a catalog that is being created or updated; see :meth:`Catalog.create`."""

    def __init__(self, storage: Storage, before: Manifest, tables: Mapping[str, TableManifest] | None = None) -> None:
        self._storage = storage
        self._before = before
        self._tables = dict(before.tables if tables is None else tables)
        self._notes: dict[str, str] = {}
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
        upsert: bool = False,
        row_by_row: bool = False,
    ) -> dict[str, int]:
        """Add rows to a table.

        Rows are screened as if they had been written together with everything the catalog holds of their
        sources: a row that repeats a held one is a ``duplicate``, a row earlier than its stream's latest is
        ``time_back``. That costs nothing when times go on from where the catalog ends, and the reading of what
        they reach back into when they do not. To add older rows of a stream, write all of it with ``replace``.

        A quote is screened against the windows that are there when it is written: one that comes before its
        window stays in quarantine as ``unknown_market``. An import is repaired by importing it again, with its
        windows; a recording by ``arena-data reparse``, once its parsers read what they could not.

        Args:
            table: a name in :data:`arena.market.schema.TABLES`. Write ``windows`` before
                ``binary_quotes``: quotes of a market without a window are quarantined, always.
            frame: the table's columns, any order of columns, rows in file order per stream.
            known_defects: what is wrong with a source, as text, by source.
            screen: run the quality rules; rows they refuse go to quarantine.
            replace: drop what the catalog holds of this table from the sources in ``frame``, first.
            upsert: good rows replace held rows with the same key, and earlier ones in ``frame``. For tables
                whose rows are completed later (``windows``): rows are not compared with one another, so nothing
                is a ``duplicate`` or ``time_back``, and partitions that lose rows, or hold the same times, are
                written anew, in the order of time and key.
            row_by_row: impossible times are quarantined as ``time_unit`` even where half the rows or more have
                them. For recorders, whose write may be one row: no row may stop them.

        Returns:
            Rows quarantined, by rule.

        Raises:
            DataError: wrong columns, times that are not ns UTC in half the rows or more (unscreened: in any), a
                source or asset that cannot be part of a path, or the very rows of a file already written
                (unscreened).
        """
        spec = spec_of(table)
        frame = spec.conform(frame)
        if not (screen and row_by_row):
            check_times(spec, frame, f"table {table!r}", tolerated=MOST if screen else 0.0)
        if replace:
            self.drop(table, frame["source"].drop_nulls().unique())
        bad = frame.clear().with_columns(pl.lit(None, pl.String).alias("rule"))
        if screen:
            wrong = impossible(spec, frame)
            # A row from 1970 would have all files read that it could come before.
            possible = frame if wrong is None else frame.filter(~wrong.fill_null(False))
            seam = None if upsert else seam_of(self.so_far(), spec, possible)
            frame, bad = _screen(spec, frame, self._markets(table, frame), seam, compare=not upsert)
        for name in ("asset", "source", spec.time):
            if frame[name].null_count():
                raise DataError(f"table {table!r}: column {name!r} has nulls; screen the rows or fill it.")
        if upsert:
            frame = self._take_replaced(spec, frame.unique(spec.key, keep="last", maintain_order=True))
        held = self._tables.get(table, TableManifest(table))
        files = self._made(parquet.write_partitions(self._storage, spec, frame))
        quarantine = self._made(parquet.write_quarantine(self._storage, spec, bad))
        twice = {f.path for f in held.files} & {f.path for f in files}
        if twice:
            raise DataError(
                f"{self._storage.where}: {min(twice)} is already in the catalog with these very rows; "
                "pass replace=True to write the source again."
            )
        self._tables[table] = TableManifest(
            name=table,
            files=_by_partition((*held.files, *files)),
            quarantine=_by_rule((*held.quarantine, *quarantine)),
            known_defects=_merge_defects(held.known_defects, known_defects or {}),
            gaps=held.gaps,
        )
        self._merge_small(spec, files, quarantine)
        return count_by_name((q.rule, q.rows) for q in quarantine)

    def quarantine(self, table: str, refused: pl.DataFrame) -> None:
        """Add rows that were refused before they came here.

        Args:
            table: a name in :data:`arena.market.schema.TABLES`.
            refused: the table's columns and ``rule``, the name of the rule each row breaks.

        Raises:
            DataError: wrong columns.
        """
        spec = spec_of(table)
        rows = spec.conform(refused.drop("rule")).with_columns(refused["rule"])
        made = self._made(parquet.write_quarantine(self._storage, spec, rows))
        held = self._tables.get(table, TableManifest(table))
        self._tables[table] = replace(held, quarantine=_by_rule((*held.quarantine, *made)))
        self._merge_small(spec, [], made)

    def note(self, name: str, text: str) -> None:
        """Keep ``text`` in the manifest under ``name``; committed together with what this writer writes."""
        self._notes[name] = text

    def drop(self, table: str, sources: Iterable[str]) -> None:
        """Forget what the catalog holds of ``table`` from ``sources``, clean and quarantined."""
        spec_of(table)
        if table in self._tables:
            held, dropped = self._tables[table], set(sources)
            self._tables[table] = replace(
                held,
                files=tuple(f for f in held.files if f.source not in dropped),
                quarantine=tuple(q for q in held.quarantine if q.source not in dropped),
            )

    def compact(self, table: str | None = None, progress: Progress | None = None) -> None:
        """Merge each partition of a table (default: of all) into one file, and its quarantine by rule and source.

        The same rows, written in the same order, come out as the same bytes, in however many calls they were
        written. Known defects and gap counts stay. Memory: the rows of files that overlap in time.

        Raises:
            DataError: unknown table.
        """
        names = list(self._tables) if table is None else [spec_of(table).name]
        groups = {n: _grouped(self._tables[n]) for n in names if n in self._tables}
        steps = sum(len(clean) + len(refused) for clean, refused in groups.values())
        done = 0
        for name, (clean, refused) in groups.items():
            merged: tuple[list[FileEntry], list[QuarantineEntry]] = ([], [])
            for files in clean:
                merged[0].append(self._merged(spec_of(name), files))
                done += 1
                if progress is not None:
                    progress(done, steps)
            for entries in refused:
                merged[1].append(self._merged_refused(entries))
                done += 1
                if progress is not None:
                    progress(done, steps)
            self._tables[name] = replace(self._tables[name], files=tuple(merged[0]), quarantine=tuple(merged[1]))

    def so_far(self) -> CatalogView:
        """The catalog as it will be: what it had, and what this writer wrote up to now."""
        return CatalogView(self._storage, self._manifest())

    def finish(self) -> Manifest:
        """The manifest of what was written, with the gaps of each table counted."""
        gaps, before = self._tables.get("gaps"), self._before.tables
        if gaps is not None and (before.get("gaps") != gaps or before.keys() != self._tables.keys()):
            kind = pl.col("stream").str.split("/").list.first()
            counts = dict(self.so_far().scan("gaps").group_by(kind).len().collect().iter_rows())
            for name, held in self._tables.items():
                self._tables[name] = replace(held, gaps=int(counts.get(name, 0)))
        return self._manifest()

    def _manifest(self) -> Manifest:
        return Manifest(SCHEMA_VERSION, dict(self._tables), {**self._before.notes, **self._notes})

    def _take_replaced(self, spec: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with the rows that stay of the partitions it meets, in the order of time and key.

        It meets partitions in which it replaces rows, or whose rows are of the same times; they are dropped. So
        the order of rows, and with it a file's bytes, does not depend on which came first.
        """
        view = self.so_far()
        key = list(spec.key)
        order = list(dict.fromkeys([spec.time, *key]))
        touched = overlapped(view, spec, frame)
        for file in holding(view, spec, frame):
            rows = self._storage.scan([file.path]).select(key).collect()
            if rows.join(frame.select(key), on=key, how="semi", nulls_equal=True).height:
                touched.add(file.partition)
        if not touched:
            return frame.sort(order)
        held = self._tables[spec.name]
        taken = [f for f in held.files if f.partition in touched]
        self._tables[spec.name] = replace(held, files=tuple(f for f in held.files if f.partition not in touched))
        rest = self._storage.scan([f.path for f in taken]).collect()
        rest = rest.join(frame.select(key), on=key, how="anti", nulls_equal=True, maintain_order="left")
        return pl.concat([rest, frame]).sort(order)

    def _markets(self, table: str, frame: pl.DataFrame) -> pl.Series | None:
        """Those market ids of ``frame`` that have a windows row; None for tables that are not checked."""
        if table != "binary_quotes" or frame.is_empty():
            return None
        windows = self._tables.get("windows", TableManifest("windows"))
        missing = frame["market_id"].drop_nulls().unique()
        known = [missing.clear()]
        middle = int(frame.select(pl.col("recv_ns").median().fill_null(0)).item())
        # The nearest days first: a recorder's quotes belong to windows of today.
        for file in sorted(windows.files, key=lambda f: max(f.first_ns - middle, middle - f.last_ns)):
            if missing.is_empty():
                break
            rows = self._storage.scan([file.path]).select("market_id").collect().to_series()
            known.append(missing.filter(missing.is_in(rows.implode())))
            missing = missing.filter(~missing.is_in(rows.implode()))
        return pl.concat(known)

    def _merge_small(self, spec: Table, new: Iterable[FileEntry], refused: Iterable[QuarantineEntry]) -> None:
        """Keep the files of each partition that got new ones few (:mod:`arena.market.catalog.tiers`)."""
        held = self._tables[spec.name]
        touched, named = {f.partition for f in new}, {(q.rule, q.source) for q in refused}
        clean, other = _split(held.files, lambda f: f.partition in touched)
        bad, rest = _split(held.quarantine, lambda q: (q.rule, q.source) in named)
        groups = _grouped(TableManifest(spec.name, tuple(clean), tuple(bad)))
        merged = [f for group in groups[0] for f in _end_merged(group, lambda part: self._merged(spec, part))]
        joined = [q for group in groups[1] for q in _end_merged(group, self._merged_refused)]
        if len(merged) + len(joined) < len(clean) + len(bad):
            files, quarantine = _by_partition((*other, *merged)), _by_rule((*rest, *joined))
            self._tables[spec.name] = replace(held, files=files, quarantine=quarantine)

    def _merged(self, spec: Table, files: Sequence[FileEntry]) -> FileEntry:
        if len(files) == 1:
            return files[0]
        return self._made([parquet.merge_partition(self._storage, spec, files)])[0]

    def _merged_refused(self, entries: Sequence[QuarantineEntry]) -> QuarantineEntry:
        if len(entries) == 1:
            return entries[0]
        return self._made([parquet.merge_quarantine(self._storage, entries)])[0]

    def _made(self, entries: list[tuple[Entry, bool]]) -> list[Entry]:
        # A file that was there already has the same bytes: it is not ours to remove on error.
        self.written |= {entry.path for entry, new in entries if new}
        return [entry for entry, _ in entries]


def _split(entries: Iterable[Entry], wanted: Callable[[Entry], bool]) -> tuple[list[Entry], list[Entry]]:
    chosen: list[Entry] = []
    left: list[Entry] = []
    for entry in entries:
        (chosen if wanted(entry) else left).append(entry)
    return chosen, left


def _end_merged(group: list[Entry], merge: Callable[[Sequence[Entry]], Entry]) -> list[Entry]:
    start: int | None = merge_from([entry.rows for entry in group])
    if start is None:
        return group
    kept = group[:start]
    kept.append(merge(group[start:]))
    return kept


def _by_partition(files: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
    return tuple(sorted(files, key=lambda f: f.partition))


def _by_rule(entries: Iterable[QuarantineEntry]) -> tuple[QuarantineEntry, ...]:
    return tuple(sorted(entries, key=lambda q: (q.rule, q.source)))


def _grouped(table: TableManifest) -> tuple[list[list[FileEntry]], list[list[QuarantineEntry]]]:
    """Files by partition and refused rows by rule and source, each in the order of writing."""
    clean = groupby(_by_partition(table.files), key=lambda f: f.partition)
    refused = groupby(_by_rule(table.quarantine), key=lambda q: (q.rule, q.source))
    return [list(group) for _, group in clean], [list(group) for _, group in refused]


def _merge_defects(
    held: Mapping[str, tuple[str, ...]], new: Mapping[str, str | Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    merged = dict(held)
    for source, texts in new.items():
        listed = (texts,) if isinstance(texts, str) else tuple(texts)
        merged[source] = tuple(dict.fromkeys((*merged.get(source, ()), *listed)))
    return dict(sorted(merged.items()))
