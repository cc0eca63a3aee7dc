"""Which files are recordings: by name, because their columns are checked when they are read; raw frames by shape."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from arena.errors import DataError
from research.importers.raw_market import SUFFIX, RawMarket, is_raw_market
from research.importers.recording import Imported
from research.importers.recordings import RECORDINGS


class Reader(Protocol):
    """What reads a file; of files that describe the same rows, the one of the lowest priority wins."""

    @property
    def priority(self) -> int:
        """See above."""

    def read(self, path: Path) -> Imported:
        """What the file holds."""


def recognise(paths: list[Path]) -> tuple[list[tuple[Reader, Path]], dict[str, str]]:
    """The recordings among ``paths``, best first, and what else was there with the reason why it is left out.

    Args:
        paths: files, and folders (their files, not their subfolders).

    Raises:
        DataError: a path does not exist, a file given by name is no recording, or nothing is.
    """
    known = ", ".join(sorted(RECORDINGS))
    found: list[tuple[Reader, Path]] = []
    skipped: dict[str, str] = {}
    for path in paths:
        if path.is_dir():
            for entry in sorted(path.iterdir()):
                reader = _reader(entry)
                if reader is not None:
                    found.append((reader, entry))
                elif not entry.name.startswith(".") and entry.suffix != ".md":
                    skipped[str(entry)] = _why_not(entry)
        elif not path.exists():
            raise DataError(f"There is no file or folder {path}; check the path.")
        elif (reader := _reader(path)) is not None:
            found.append((reader, path))
        elif path.name.endswith(SUFFIX):
            raise DataError(f"{path} holds raw frames, not rows; bring them in with arena-data reparse.")
        else:
            raise DataError(f"{path} is not a recording Arena can read; it reads (by file name) {known}.")
    if not found:
        where = ", ".join(str(p) for p in paths)
        raise DataError(f"Nothing in {where} is a recording Arena can read; it reads (by file name) {known}.")
    return sorted(found, key=lambda item: (item[0].priority, str(item[1]))), skipped


def _reader(path: Path) -> Reader | None:
    if path.is_file() and path.suffix == ".parquet":
        return RECORDINGS.get(path.stem)
    return RawMarket() if path.is_file() and path.name.endswith(SUFFIX) and is_raw_market(path) else None


def _why_not(entry: Path) -> str:
    if entry.is_dir():
        return "a folder: import it by its own path"
    return "raw frames: use arena-data reparse" if entry.name.endswith(SUFFIX) else "not recognised"
