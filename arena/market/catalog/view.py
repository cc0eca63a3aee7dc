"""What can be read of a catalog: the files one manifest lists."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from arena.errors import DataError
from arena.market.catalog.storage import Storage
from arena.market.manifest import Manifest, TableManifest
from arena.market.schema import TABLES, Table


class CatalogView:
    """Recorded market data as one manifest describes it, read lazily."""

    def __init__(self, storage: Storage, manifest: Manifest) -> None:
        self.storage = storage
        self.manifest = manifest

    def __repr__(self) -> str:
        held = ", ".join(f"{name} {t.rows:,}" for name, t in self.manifest.tables.items())
        return f"{type(self).__name__}({self.path!r}: {held or 'empty'})"

    @property
    def path(self) -> str:
        """Where the catalog is: a folder or ``scheme://...``."""
        return self.storage.where

    @property
    def name(self) -> str:
        """The last part of :attr:`path`."""
        return self.path.rstrip("/").rsplit("/", 1)[-1]

    def scan(
        self,
        table: str,
        *,
        asset: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        source: str | None = None,
        markets: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Rows of one table, lazily.

        Args:
            table: a name in :data:`arena.market.schema.TABLES`.
            asset: keep one asset.
            start_ns: first time kept, ns UTC, on the table's time column (inclusive).
            end_ns: end of the span, ns UTC (exclusive).
            source: keep one source. The same window or second may be recorded by several.
            markets: keep these market ids (tables with ``market_id`` only).

        Returns:
            A lazy frame with the table's columns. Rows are in time order within one asset and source whose
            files do not overlap in time; sort by time when you read several. No rows is an empty frame.
            Collect it within the grace for which a writer keeps the files it merges (an hour, see
            :data:`arena.market.catalog.commit.GRACE_S`); after that, open the catalog again.

        Raises:
            DataError: unknown table, a source the table does not hold, or ``markets`` of a table without.
        """
        spec = spec_of(table)
        held = self.manifest.tables.get(table, TableManifest(table))
        # A source without gaps, or an asset without an oracle, is no mistake; a source nobody recorded is.
        if source is not None and held.files and table != "gaps" and source not in held.sources:
            raise DataError(f"{self.path}: table {table!r} has no source {source!r}; it has {', '.join(held.sources)}.")
        if markets is not None and "market_id" not in spec.schema:
            raise DataError(f"Table {table!r} has no market_id, so it cannot be read by market; leave `markets` out.")
        files = [
            f
            for f in held.files
            if (asset is None or f.asset == asset)
            and (source is None or f.source == source)
            and (start_ns is None or f.last_ns >= start_ns)
            and (end_ns is None or f.first_ns < end_ns)
        ]
        if not files:
            return spec.empty().lazy()
        # Files that begin at one time stay in the order in which they were written.
        files.sort(key=lambda f: (f.asset, f.source, f.first_ns))
        frame = self.storage.scan([f.path for f in files])
        time = pl.col(spec.time)
        if start_ns is not None:
            frame = frame.filter(time >= start_ns)
        if end_ns is not None:
            frame = frame.filter(time < end_ns)
        if markets is not None:
            frame = frame.filter(pl.col("market_id").is_in(list(markets)))
        return frame

    def quarantined(self, table: str) -> pl.LazyFrame:
        """Refused rows of one table with the ``rule`` each of them broke."""
        spec = spec_of(table)
        files = self.manifest.tables.get(table, TableManifest(table)).quarantine
        if not files:
            return spec.empty().with_columns(pl.lit(None, pl.String).alias("rule")).lazy()
        return self.storage.scan([q.path for q in files])

    def sources(self, table: str) -> tuple[str, ...]:
        """Names of the sources that recorded the table, sorted."""
        spec_of(table)
        return tuple(self.manifest.tables[table].sources) if table in self.manifest.tables else ()

    def assets(self, table: str) -> tuple[str, ...]:
        """Names of the assets in the table, sorted."""
        spec_of(table)
        return tuple(self.manifest.tables[table].assets) if table in self.manifest.tables else ()

    def digest(self, table: str | None = None) -> str:
        """Hex SHA-256 over the file hashes of one table, or of all: what a run logs as its data hash.

        Two compacted catalogs with the same rows in the same order have the same digest, in however many
        appends the rows came; one changed byte changes it. Quarantined rows do not count: no run reads them.
        """
        if table is not None:
            spec_of(table)
            return self.manifest.tables.get(table, TableManifest(table)).digest()
        parts = "".join(f"{name} {t.digest()}\n" for name, t in sorted(self.manifest.tables.items()) if t.files)
        return hashlib.sha256(parts.encode()).hexdigest()


def spec_of(table: str) -> Table:
    """The table of that name.

    Raises:
        DataError: there is none.
    """
    if table not in TABLES:
        raise DataError(f"There is no table {table!r}; the tables are {', '.join(TABLES)}.")
    return TABLES[table]
