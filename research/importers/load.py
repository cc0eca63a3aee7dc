"""Bring recordings into a catalog: recognise, read, merge, screen, write, and report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.catalog import Catalog, CatalogWriter
from arena.market.schema import TABLES, Table
from research.importers.gaps import FINDERS, FOUND_HERE
from research.importers.merge import in_time_order, merge
from research.importers.recording import Imported, Recording
from research.importers.recordings import RECORDINGS

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

    Args:
        paths: a file, a folder (its files, not its subfolders) or several of them.
        catalog_path: the catalog folder.
        progress: see :data:`Progress`.

    Raises:
        DataError: nothing recognised, a file given by name is not recognised, a file cannot be read, has
            wrong columns or units, or holds quotes whose windows are nowhere.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found, skipped = _recognise([Path(p) for p in given])
    steps = len(found) + len(TABLES)
    done = 0

    def tell(what: str) -> None:
        nonlocal done
        if progress is not None:
            progress(what, done, steps)
        done += 1

    imported: list[Imported] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reading = pool.map(lambda item: item[0].read(item[1]), found)
        for _, path in found:
            tell(f"reading {path.name}")
            imported.append(next(reading))

    reports: list[TableReport] = []
    with Catalog.append_or_create(catalog_path) as writer:
        for name in TABLES:  # windows first: quotes are checked against them
            tell(f"writing {name}")
            frames = [part.tables[name] for part in imported if name in part.tables]
            if frames:
                reports.append(_write_table(writer, TABLES[name], frames, imported, found))
    if progress is not None:
        progress("done", steps, steps)
    return ImportReport(str(catalog_path), tuple(str(path) for _, path in found), skipped, tuple(reports))


RAW = ".jsonl.gz"
NOT_RECOGNISED, FOLDER, RAW_FRAMES = (
    "not recognised",
    "a folder: import it by its own path",
    ("raw frames: use arena-data reparse"),
)


def _recognise(paths: list[Path]) -> tuple[list[tuple[Recording, Path]], dict[str, str]]:
    known = ", ".join(sorted(RECORDINGS))
    found: list[tuple[Recording, Path]] = []
    skipped: dict[str, str] = {}
    for path in paths:
        if path.is_dir():
            for entry in sorted(path.iterdir()):
                if entry.is_file() and entry.suffix == ".parquet" and entry.stem in RECORDINGS:
                    found.append((RECORDINGS[entry.stem], entry))
                elif not entry.name.startswith(".") and entry.suffix != ".md":
                    skipped[str(entry)] = _why_not(entry)
        elif not path.exists():
            raise DataError(f"There is no file or folder {path}; check the path.")
        elif path.suffix == ".parquet" and path.stem in RECORDINGS:
            found.append((RECORDINGS[path.stem], path))
        elif path.name.endswith(RAW):
            raise DataError(f"{path} holds raw frames, not rows; bring them in with arena-data reparse.")
        else:
            raise DataError(f"{path} is not a recording Arena can read; it reads (by file name) {known}.")
    if not found:
        where = ", ".join(str(p) for p in paths)
        raise DataError(f"Nothing in {where} is a recording Arena can read; it reads (by file name) {known}.")
    return sorted(found, key=lambda item: (item[0].priority, str(item[1]))), skipped


def _why_not(entry: Path) -> str:
    if entry.is_dir():
        return FOLDER
    return RAW_FRAMES if entry.name.endswith(RAW) else NOT_RECOGNISED


def _write_table(
    writer: CatalogWriter,
    table: Table,
    frames: list[pl.DataFrame],
    imported: list[Imported],
    found: list[tuple[Recording, Path]],
) -> TableReport:
    so_far = writer.so_far()
    read = sum(frame.height for frame in frames)
    sources = sorted(set().union(*(frame["source"].unique().to_list() for frame in frames)))
    if table.name == "binary_quotes" and not so_far.sources("windows"):
        names = ", ".join(
            path.name for (_, path), part in zip(found, imported, strict=True) if table.name in part.tables
        )
        raise DataError(
            f"{names}: these quotes have no windows yet; import updown_windows.parquet with them or before."
        )

    # What the catalog refused before comes along: it is screened again with its neighbours, and counted.
    held = pl.concat([so_far.scan(table.name), so_far.quarantined(table.name).drop("rule")])
    held_rows = held.filter(pl.col("source").is_in(sources)).collect()
    if held_rows.height:
        frames = [*frames, held_rows.sort(table.time, maintain_order=True)]
    merged, repeated = merge(table, frames)
    known_defects: dict[str, list[str]] = {}
    for part in imported:
        for source, text in part.known_defects.get(table.name, {}).items():
            known_defects.setdefault(source, []).extend((text,) if isinstance(text, str) else text)
    quarantined = writer.write(table.name, in_time_order(table, merged), known_defects=known_defects, replace=True)
    gaps = _write_gaps(writer, table.name, sources)
    written = writer.so_far().manifest.tables[table.name].sources
    rows = sum(written.get(source, 0) for source in sources)
    return TableReport(table.name, read, repeated, rows, quarantined, gaps)


def _write_gaps(writer: CatalogWriter, table: str, sources: list[str]) -> int:
    if table not in FINDERS:
        return 0
    so_far = writer.so_far()
    finder = FINDERS[table]
    rows = so_far.scan(table).filter(pl.col("source").is_in(sources)).select(finder.columns).collect()
    new = finder.find(rows, so_far.scan("windows"))
    found_before = pl.col("stream").str.starts_with(f"{table}/") & pl.col("reason").is_in(FOUND_HERE)
    others = so_far.scan("gaps").filter(pl.col("source").is_in(sources) & ~found_before).collect()
    writer.drop("gaps", sources)
    gaps = pl.concat([others, new]).sort("recv_ns", maintain_order=True)
    if gaps.height:
        writer.write("gaps", gaps)
    return new.height
