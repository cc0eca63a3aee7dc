"""What the lab generates: the catalog's tables of one market."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SOURCE = "lab"
"""``source`` of every row the lab generates."""


@dataclass(frozen=True, slots=True)
class LabTables:
    """The generated tables, in the catalog's schemas."""

    windows: pl.DataFrame
    binary_quotes: pl.DataFrame
    spot: pl.DataFrame
    oracle: pl.DataFrame
    gaps: pl.DataFrame

    def items(self) -> list[tuple[str, pl.DataFrame]]:
        """(table name, frame), in the order a catalog wants them."""
        return [(name, getattr(self, name)) for name in ("windows", "binary_quotes", "spot", "oracle", "gaps")]
