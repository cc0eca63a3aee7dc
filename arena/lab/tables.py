"""What the lab generates: the catalog's tables of one market."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from arena.market.schema import TABLES

SOURCE = "lab"
"""``source`` of every row the lab generates."""

Part = tuple[str, pl.DataFrame]
"""A table's name and some rows of it."""


@dataclass(frozen=True, slots=True)
class LabTables:
    """The generated tables, in the catalog's schemas. Those that the configuration leaves out are empty."""

    windows: pl.DataFrame
    binary_quotes: pl.DataFrame
    spot: pl.DataFrame
    oracle: pl.DataFrame
    gaps: pl.DataFrame
    binary_trades: pl.DataFrame
    wallet_fills: pl.DataFrame
    universe: pl.DataFrame
    universe_quotes: pl.DataFrame

    def items(self) -> list[Part]:
        """(table name, frame) of the tables that have rows, in the order a catalog wants them."""
        held = [(name, getattr(self, name)) for name in self.__slots__]
        return [(name, frame) for name, frame in held if frame.height]


def gather(parts: Iterable[Part]) -> LabTables:
    """The tables that ``parts`` are pieces of."""
    pieces: dict[str, list[pl.DataFrame]] = {name: [TABLES[name].empty()] for name in LabTables.__slots__}
    for name, frame in parts:
        pieces[name].append(frame)
    return LabTables(**{name: pl.concat(frames) for name, frames in pieces.items()})
