"""A catalog from a raw log alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from arena.errors import DataError
from arena.market.catalog import Catalog
from live.recorder.normaliser import Normaliser, Parsers
from live.recorder.pipeline import BLOCKS_PER_COMMIT
from live.recorder.plan import RAW
from live.recorder.segments import segment_numbers


@dataclass(frozen=True, slots=True)
class Reparsed:
    """What a log became: frames read, rows written by table, and what was refused, by feed and reason."""

    frames: int
    rows: dict[str, int]
    refused: dict[str, dict[str, int]]


def raw_folder(path: Path) -> Path:
    """The log that ``path`` means: a folder of segments, or a catalog that has one.

    Raises:
        DataError: there is none.
    """
    for folder in (path / RAW, path):
        if folder.is_dir() and segment_numbers(folder):
            return folder
    raise DataError(f"There is no raw log at {path}: it is neither a folder of segments nor a catalog with one inside.")


def reparse(raw: Path, to: Path, parsers: Parsers, told: Callable[[int], None] = lambda frames: None) -> Reparsed:
    """Build the catalog ``to`` from the log in ``raw``: the tables that the recorder built from it, byte for byte.

    Args:
        raw: folder of the log.
        to: the catalog to make.
        parsers: makes the parsers of a session.
        told: called now and then with the frames read so far.

    Raises:
        DataError: there is something at ``to``, or the log is damaged.
    """
    with Catalog.create(to):
        pass
    normaliser = Normaliser(to, raw, parsers)
    frames, rows = 0, dict[str, int]()
    for batch in normaliser.read():
        frames += batch.frames
        if normaliser.waiting >= BLOCKS_PER_COMMIT:
            _add(rows, normaliser.commit())
            told(frames)
    _add(rows, normaliser.commit())
    normaliser.compact()
    return Reparsed(frames, rows, normaliser.known.refused)


def _add(totals: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        totals[name] = totals.get(name, 0) + count
