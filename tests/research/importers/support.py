"""Tiny recordings: a file of a few rows, through the reader of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from arena.market.catalog import Catalog
from arena.units import MS
from research.importers import RECORDINGS, import_path
from research.importers.recording import Imported

AT_MS = 1_776_081_600_000
"""2026-04-13 12:00 UTC."""
AT_NS = AT_MS * MS


def save(folder: Path, stem: str, rows: list[dict[str, Any]], **types: Any) -> Path:
    """Rows as a Parquet file that its reader recognises."""
    folder.mkdir(exist_ok=True)
    pl.DataFrame(rows, schema_overrides=types).write_parquet(folder / f"{stem}.parquet")
    return folder / f"{stem}.parquet"


def read(folder: Path, stem: str, rows: list[dict[str, Any]], **types: Any) -> Imported:
    """What the reader of that name makes of rows."""
    return RECORDINGS[stem].read(save(folder, stem, rows, **types))


def row(folder: Path, stem: str, table: str, values: dict[str, Any], **types: Any) -> dict[str, Any]:
    """What the reader makes of one row, in one table."""
    return read(folder, stem, [values], **types).tables[table].row(0, named=True)


def imported(folder: Path) -> Catalog:
    """The folder as a catalog."""
    import_path(folder, folder.parent / "catalog")
    return Catalog.open(folder.parent / "catalog")
