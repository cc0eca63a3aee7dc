"""Bring recordings into a catalog: recognise, read, merge, screen, write, and report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.catalog import Catalog, CatalogView, CatalogWriter
from arena.market.schema import TABLES, Table
from research.importers.gaps import FINDERS, FOUND_HERE
from research.importers.merge import in_time_order, merge
from research.importers.recognise import recognise
from research.importers.recording import Imported
from research.importers.recordings.book10 import NOBODY
from research.importers.settle import UNNAMED, named, recorders, sources_of, waiting_for, with_coins

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """What one import did to one table.

    ``read`` rows came from the files; ``repeated`` of them describe rows that another file or the catalog
    already had (their empty columns were filled, or the fuller row was kept); ``quarantined`` counts the
    refused rows by rule; ``rows`` is what the catalog holds of the imported sources now.
    """

    name: str
    read: int
    repeated: int
    rows: int
    quarantined: dict[str, int]
    gaps: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: the files read, those left out with the reason, and each table."""

    catalog: str
    files: tuple[str, ...]
    skipped: Mapping[str, str]
    tables: tuple[TableReport, ...]


def import_path(
    paths: str | Path | Sequence[str | Path],
    catalog_path: str | Path,
    progress: Progress | None = None,
) -> ImportReport:
    """Import recordings into a catalog, which is made if it does not exist.

    Everything happens or nothing: on an error the catalog is as it was. Importing a file twice changes
    nothing. Rows that two files (or a file and the catalog) both describe are kept once: of windows with one
    key, empty columns are filled from the other; of quotes of one moment and token, the row with depth stays.
    Quotes that were refused because their market was unknown are looked at again when its window comes.

    Args:
        paths: a file, a folder (its files, not its subfolders) or several of them.
        catalog_path: the catalog folder.
        progress: see :data:`Progress`.

    Raises:
        DataError: nothing recognised, a file given by name is not recognised, a file cannot be read, has
            wrong columns or units, or holds quotes whose windows are nowhere.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found, skipped = recognise([Path(p) for p in given])
    steps = len(found) + len(TABLES) + 1
    done = 0

    def tell(what: str) -> None:
        nonlocal done
        if progress is not None:
            progress(what, done, steps)
        done += 1

    reports: list[TableReport] = []
    written: dict[str, list[str]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reading = [pool.submit(recording.read, path) for recording, path in found]
        imported: list[Imported] = []
        for (_, path), part in zip(found, reading, strict=True):
            tell(f"reading {path.name}")
            imported.append(part.result())
        with Catalog.append_or_create(catalog_path) as writer:
            # Tables are merged and sorted ahead, while the one before is being screened and written.
            held = writer.so_far()
            merged = [pool.submit(_merge, table, imported, held) for table in TABLES.values()]
            for name, waiting in zip(TABLES, merged, strict=True):  # windows first: quotes are checked against them
                tell(f"writing {name}")
                table = waiting.result()
                if table is not None:
                    if name == "binary_quotes" and not writer.so_far().sources("windows"):
                        files = zip(found, imported, strict=True)
                        raise _no_windows([path for (_, path), part in files if name in part.tables])
                    reports.append(_write_table(writer, table))
                    written[name] = table.sources
            tell("looking for gaps")
            gaps = _write_gaps(writer, written)
    if progress is not None:
        progress("done", steps, steps)
    tables = tuple(replace(report, gaps=gaps.get(report.name, 0)) for report in reports)
    return ImportReport(str(catalog_path), tuple(str(path) for _, path in found), skipped, tables)


@dataclass(frozen=True, slots=True)
class _Merged:
    """The rows of one table, as they will be screened: those of the files, and what the catalog had beside them.

    ``sources`` are rewritten whole.
    """

    table: Table
    rows: pl.DataFrame
    sources: list[str]
    read: int
    repeated: int
    known_defects: dict[str, list[str]]


def _merge(table: Table, imported: list[Imported], held: CatalogView) -> _Merged | None:
    frames = [part.tables[table.name] for part in imported if table.name in part.tables]
    read = sum(frame.height for frame in frames)
    renamed: dict[str, list[str]] = {}
    sources = set(sources_of(frames))
    if table.name == "binary_quotes":
        windows = [part.tables["windows"] for part in imported if "windows" in part.tables]
        sources.update(waiting_for(windows, frames, held))
        if NOBODY in sources:
            recorder = recorders(frames, windows, held)
            frames = [named(frame, recorder) for frame in frames]
            renamed[NOBODY] = sorted(set(recorder.values()))
            sources.update(sources_of(frames), renamed[NOBODY])
    if not sources:
        return None
    before = _held(table, held, sources)
    if before.height:
        frames.append(named(before, recorder) if NOBODY in sources else before)
    rows, repeated = merge(table, frames)
    rows = with_coins(table, rows, imported, held)
    known_defects: dict[str, list[str]] = {}
    for part in imported:
        for source, said in part.known_defects.get(table.name, {}).items():
            for name in renamed.get(source) or [source]:
                known_defects.setdefault(name, []).extend(said)
    return _Merged(table, in_time_order(table, rows), sorted(sources), read, repeated, known_defects)


def _held(table: Table, held: CatalogView, sources: set[str]) -> pl.DataFrame:
    """What the catalog holds of the sources, refused rows too: those are screened again with their neighbours."""
    both = pl.concat([held.scan(table.name), held.quarantined(table.name).drop("rule")])
    ours = pl.col("source").is_in(sorted(sources))
    rows = both.filter(ours | pl.col("source").is_null() if UNNAMED in sources else ours).collect()
    return rows.sort(table.time, maintain_order=True)


def _no_windows(quotes: list[Path]) -> DataError:
    names = ", ".join(file.name for file in quotes)
    return DataError(f"{names}: these quotes have no windows yet; import updown_windows.parquet with them or before.")


def _write_table(writer: CatalogWriter, merged: _Merged) -> TableReport:
    name = merged.table.name
    writer.drop(name, merged.sources)
    # Readers refused the files that have another unit: what is left is for single rows.
    quarantined = writer.write(name, merged.rows, known_defects=merged.known_defects, row_by_row=True)
    written = writer.so_far().manifest.tables[name].sources
    rows = sum(written.get(source, 0) for source in merged.sources)
    return TableReport(name, merged.read, merged.repeated, rows, quarantined, gaps=0)


def _write_gaps(writer: CatalogWriter, sources: Mapping[str, list[str]]) -> dict[str, int]:
    """Find the gaps of every table that was written, of all that the catalog holds of its sources; how many."""
    so_far = writer.so_far()
    new, kept = [], so_far.scan("gaps").collect()
    everybody: set[str] = set()
    for name, finder in FINDERS.items():
        if name not in sources:
            continue
        everybody.update(sources[name])
        ours = pl.col("source").is_in(sources[name])
        rows = so_far.scan(name).filter(ours).select(finder.columns).collect()
        new.append(finder.find(rows, so_far.scan("windows")).with_columns(pl.lit(name).alias("table")))
        found_before = pl.col("stream").str.starts_with(f"{name}/") & pl.col("reason").is_in(FOUND_HERE)
        kept = kept.filter(~(ours & found_before))
    if not new:
        return {}
    found = pl.concat(new)
    writer.drop("gaps", sorted(everybody))
    rows = pl.concat([kept.filter(pl.col("source").is_in(sorted(everybody))), found.drop("table")])
    if rows.height:
        writer.write("gaps", rows.sort("recv_ns", maintain_order=True))
    return dict(found.group_by("table").len().iter_rows())
