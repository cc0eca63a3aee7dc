"""Rows to Parquet files: one partition, one file, and equal rows are equal bytes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import polars as pl

from arena.errors import DataError
from arena.market.catalog.storage import Storage
from arena.market.manifest import FileEntry, QuarantineEntry
from arena.market.schema import Table

_ROW_GROUP = 262_144
_PATH_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_THREADS = max(8, os.cpu_count() or 8)
"""More than there are processors: a file that is made durable waits for the disk, milliseconds each."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file: its path in the catalog, bytes, hash, and whether it was not there before."""

    path: str
    size: int
    sha256: str
    new: bool


def write_parquet(storage: Storage, frame: pl.LazyFrame, folder: str, stem: str) -> Written:
    """Write rows, in their order, to ``folder/stem-<start of the hash>.parquet``.

    Rows are streamed: more of them need not fit into memory. The bytes depend on the rows only, not on the
    chunks or files they came in, because row groups have one size.
    """
    file = storage.scratch()
    try:
        frame.sink_parquet(file, compression="zstd", row_group_size=_ROW_GROUP)
        sha256, size = sha256_of(file), file.stat().st_size
        path = f"{folder}/{stem}-{sha256[:16]}.parquet"
        return Written(path, size, sha256, storage.adopt(file, path))
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def write_partitions(storage: Storage, spec: Table, frame: pl.DataFrame) -> list[tuple[FileEntry, bool]]:
    """Write clean rows, one file per asset, partition and source; with each entry, whether its file is new."""

    def write_one(part: pl.DataFrame) -> tuple[FileEntry, bool]:
        asset, source = part["asset"][0], part["source"][0]
        first, last = int(part[spec.time][0]), int(part[spec.time][-1])
        date = part[:1].select(spec.first_day).item().isoformat()
        folder = f"table={spec.name}/asset={_safe(asset)}/date={date}"
        file = write_parquet(storage, part.lazy(), folder, _safe(source))
        return FileEntry(
            *(file.path, asset, date, source, part.height, first, last, file.size, file.sha256), *_event_span(part)
        ), file.new

    return in_threads(write_one, [piece for part in _by_stream(frame) for piece in _by_partition(spec, part)])


def write_quarantine(storage: Storage, spec: Table, bad: pl.DataFrame) -> list[tuple[QuarantineEntry, bool]]:
    """Write refused rows, one file per rule and source; with each entry, whether its file is new."""
    entries = []
    for (rule, source), part in bad.partition_by(["rule", "source"], maintain_order=True, as_dict=True).items():
        name = "unknown" if source is None else str(source)
        folder = f"quarantine/table={spec.name}/rule={rule}"
        file = write_parquet(storage, part.lazy(), folder, _safe(name))
        entries.append((QuarantineEntry(file.path, str(rule), name, part.height, file.size, file.sha256), file.new))
    return entries


def merge_partition(storage: Storage, spec: Table, files: Sequence[FileEntry]) -> tuple[FileEntry, bool]:
    """One file with the rows of several of one partition, given in the order in which they were written.

    Only files that overlap in time are held in memory together.
    """
    first = files[0]
    frame = pl.concat([_in_time_order(storage, spec, group) for group in _overlapping(files)])
    written = write_parquet(storage, frame, first.path.rsplit("/", 1)[0], first.source)
    events = [(f.first_event_ns, f.last_event_ns) for f in files]
    known = [span for span in events if span[0] is not None and span[1] is not None]
    whole = len(known) == len(events)
    return FileEntry(
        path=written.path,
        asset=first.asset,
        date=first.date,
        source=first.source,
        rows=sum(f.rows for f in files),
        first_ns=min(f.first_ns for f in files),
        last_ns=max(f.last_ns for f in files),
        size=written.size,
        sha256=written.sha256,
        first_event_ns=min(first for first, _ in known if first is not None) if whole else None,
        last_event_ns=max(last for _, last in known if last is not None) if whole else None,
    ), written.new


def merge_quarantine(storage: Storage, entries: Sequence[QuarantineEntry]) -> tuple[QuarantineEntry, bool]:
    """One file with the refused rows of several of one rule and source, one after the other."""
    first = entries[0]
    frame = pl.concat([storage.scan([q.path]) for q in entries])  # one file may be there twice: its rows count twice
    file = write_parquet(storage, frame, first.path.rsplit("/", 1)[0], first.source)
    rows = sum(q.rows for q in entries)
    return QuarantineEntry(file.path, first.rule, first.source, rows, file.size, file.sha256), file.new


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """``function`` of each item, in order, computed side by side."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, items))


def sha256_of(file: Path) -> str:
    """Hex SHA-256 of a local file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _by_stream(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows of one asset and source each, in their order."""
    names = ["asset", "source"]
    # Copying rows costs more than writing them compressed saves: one group is the frame itself.
    one = frame.height > 0 and all(bool((frame[name] == frame[name][0]).all()) for name in names)
    return [frame] if one else frame.partition_by(names, maintain_order=True)


def _by_partition(spec: Table, part: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows of one partition each, sorted by time; rows of one time keep their order."""
    if not part[spec.time].is_sorted():
        part = part.sort(spec.time, maintain_order=True)
    time = part[spec.time]
    first, last = part[[0, -1]].select(spec.first_day).to_series()
    starts = pl.date_range(first, last, spec.partition, eager=True).dt.epoch("ns")
    bounds = [*(int(time.search_sorted(start, "left")) for start in starts), part.height]
    return [part[start:end] for start, end in pairwise(bounds) if start < end]


def _in_time_order(storage: Storage, spec: Table, files: Sequence[FileEntry]) -> pl.LazyFrame:
    frame = storage.scan([f.path for f in files])
    return frame.sort(spec.time, maintain_order=True) if len(files) > 1 else frame


def _overlapping(files: Sequence[FileEntry]) -> list[list[FileEntry]]:
    """Groups that do not touch one another in time, earliest first; within a group, in the order given."""
    by_start = sorted(range(len(files)), key=lambda i: files[i].first_ns)
    groups: list[list[int]] = []
    end = -1
    for i in by_start:
        if groups and files[i].first_ns <= end:
            groups[-1].append(i)
        else:
            groups.append([i])
        end = max(end, files[i].last_ns)
    return [[files[i] for i in sorted(group)] for group in groups]


def _event_span(part: pl.DataFrame) -> tuple[int | None, int | None]:
    if "event_ns" not in part.columns or part["event_ns"].null_count():
        return None, None
    events = part["event_ns"].to_numpy()
    return int(events.min()), int(events.max())


def _safe(name: str) -> str:
    if not _PATH_SAFE.fullmatch(name):
        raise DataError(
            f"{name!r} cannot be part of a file name; use letters, digits, dot, dash and underscore for assets "
            "and sources."
        )
    return name
