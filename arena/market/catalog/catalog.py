"""The catalog as its users see it: open, create, update, query, check and clean one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from arena.errors import DataError
from arena.market.catalog import sql
from arena.market.catalog.commit import Terms, changing, unreferenced
from arena.market.catalog.files import in_threads
from arena.market.catalog.storage import MANIFEST, Storage, storage_at
from arena.market.catalog.view import CatalogView
from arena.market.catalog.writer import CatalogWriter, Progress
from arena.market.manifest import FileEntry, Manifest, QuarantineEntry

StrPath = str | os.PathLike[str]
"""A folder, or a place in an object store: ``s3://bucket/prefix``, ``memory://name``, ..."""

_TERMS = Terms()


class Catalog(CatalogView):
    """Recorded market data, read lazily.

    Open one with :meth:`open`; write one with :meth:`create`, :meth:`update` or :meth:`append_or_create`.
    """

    @classmethod
    def open(cls, path: StrPath) -> Catalog:
        """Open a catalog.

        Raises:
            DataError: the folder, its manifest or a file the manifest lists is missing or has another
                size, the schema version is not this Arena's, or a scheme is unknown.
        """
        storage = storage_at(path)
        catalog = cls(storage, _manifest(storage))
        entries = [entry for table in catalog.manifest.tables.values() for entry in table.entries]
        sizes = storage.sizes(entry.path for entry in entries)
        for entry in entries:
            if sizes.get(entry.path) != entry.size:
                found = sizes.get(entry.path)
                what = "is missing" if found is None else f"has {found} bytes instead of {entry.size}"
                raise DataError(
                    f"{catalog.path}: {entry.path} {what}, but the manifest lists it; restore the file or import again."
                )
        return catalog

    @classmethod
    @contextmanager
    def create(cls, path: StrPath, terms: Terms = _TERMS) -> Iterator[CatalogWriter]:
        """Write a new catalog: a context manager that yields a :class:`CatalogWriter`.

        The manifest is written when the block ends well: until then there is no catalog. An error or Ctrl-C
        removes what was written; a killed process leaves files that the next create (or ``clean``) deals with.

        Raises:
            DataError: ``path`` already exists and is not an empty folder; another process is writing there.
        """
        storage = storage_at(path)
        if storage.occupied():
            raise DataError(f"{path} already exists; add to it with Catalog.update, or choose another name.")
        with changing(storage, None, terms) as writer:
            if storage.load() is not None:
                raise DataError(f"Another process made {path} meanwhile; add to it with Catalog.update.")
            yield writer

    @classmethod
    @contextmanager
    def update(cls, path: StrPath, terms: Terms = _TERMS) -> Iterator[CatalogWriter]:
        """Add to an existing catalog: a context manager that yields a :class:`CatalogWriter`.

        New files are written beside the old ones and the manifest is replaced last, atomically. An error
        or Ctrl-C removes the new files. In a folder, a second writer waits for the first; in an object store
        both write, and the later commit is put on top of the earlier one unless both wrote one source of one
        table. Files that the update replaced stay for a grace, so that open catalogs can be read on.

        Args:
            path: where the catalog is.
            terms: how long to wait for another writer, and how long replaced files stay.

        Raises:
            DataError: there is no catalog at ``path``, or another process is writing to it.
        """
        storage = storage_at(path)
        with changing(storage, _missing(storage), terms) as writer:
            yield writer

    @classmethod
    @contextmanager
    def append_or_create(cls, path: StrPath, terms: Terms = _TERMS) -> Iterator[CatalogWriter]:
        """As :meth:`update` where there is a catalog, as :meth:`create` where there is none."""
        storage = storage_at(path)
        if storage.load() is None and storage.occupied():
            raise DataError(f"{path} exists and is not a catalog; choose another name.")
        with changing(storage, None, terms) as writer:
            yield writer

    @classmethod
    def clean(cls, path: StrPath, terms: Terms = _TERMS) -> dict[str, int]:
        """Remove files that no manifest lists: what killed writers left, and what commits replaced.

        Files younger than ``terms.grace_s``, or replaced more recently, stay. So do files that no writer of
        catalogs would have made.

        Returns:
            The removed paths with their bytes.

        Raises:
            DataError: there is no catalog at ``path``, or another process is writing to it.
        """
        storage = storage_at(path)
        manifest = _manifest(storage)
        with storage.lock(terms.wait_s):
            manifest = _manifest(storage)
            found = unreferenced(storage, manifest, terms)
            storage.remove(found)
        return found

    def sql(self, query: str) -> pl.DataFrame:
        """The answer to a SELECT over the catalog's tables and ``quarantine_<table>``; see :func:`sql.query`.

        Raises:
            DataError: a table or column is not there, or the query is not SQL that polars reads.
        """
        return sql.query(self, query)

    def verify(self, progress: Progress | None = None) -> None:
        """Read every file and compare its bytes with the manifest.

        Args:
            progress: called after each file.

        Raises:
            DataError: names the first file whose SHA-256 differs.
        """
        entries = [entry for table in self.manifest.tables.values() for entry in table.entries]
        done: list[None] = []  # threads append to it: a count they could add to would lose some

        def hash_of(entry: FileEntry | QuarantineEntry) -> str:
            found = self.storage.sha256(entry.path)
            done.append(None)
            if progress is not None:
                progress(len(done), len(entries))
            return found

        for entry, found in zip(entries, in_threads(hash_of, entries), strict=True):
            if found != entry.sha256:
                raise DataError(
                    f"{self.path}: {entry.path} was changed after it was written (its SHA-256 is {found[:12]}…, the "
                    f"manifest says {entry.sha256[:12]}…); restore the file or import again."
                )


def _manifest(storage: Storage) -> Manifest:
    found = storage.load()
    if found is None:
        raise DataError(_missing(storage))
    return Manifest.from_json(found[0], storage.where)


def _missing(storage: Storage) -> str:
    if storage.occupied():
        return (
            f"{storage.where} is there but has no {MANIFEST}, so it is not a catalog; make one with "
            "`arena-data import PATH --to FOLDER`."
        )
    return f"There is no catalog at {storage.where}; make one with `arena-data import PATH --to {storage.where}`."
