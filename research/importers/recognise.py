"""Which files are recordings: by name, because their columns are checked when they are read."""

from __future__ import annotations

from pathlib import Path

from arena.errors import DataError
from research.importers.recording import Recording
from research.importers.recordings import RECORDINGS

_RAW = ".jsonl.gz"


def recognise(paths: list[Path]) -> tuple[list[tuple[Recording, Path]], dict[str, str]]:
    """The recordings among ``paths``, best first, and what else was there with the reason why it is left out.

    Args:
        paths: files, and folders (their files, not their subfolders).

    Raises:
        DataError: a path does not exist, a file given by name is no recording, or nothing is.
    """
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
        elif path.name.endswith(_RAW):
            raise DataError(f"{path} holds raw frames, not rows; bring them in with arena-data reparse.")
        else:
            raise DataError(f"{path} is not a recording Arena can read; it reads (by file name) {known}.")
    if not found:
        where = ", ".join(str(p) for p in paths)
        raise DataError(f"Nothing in {where} is a recording Arena can read; it reads (by file name) {known}.")
    return sorted(found, key=lambda item: (item[0].priority, str(item[1]))), skipped


def _why_not(entry: Path) -> str:
    if entry.is_dir():
        return "a folder: import it by its own path"
    return "raw frames: use arena-data reparse" if entry.name.endswith(_RAW) else "not recognised"
