"""Where a catalog lives: what it needs of a folder or of an object store, and which one a path means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

MANIFEST = "manifest.json"
SCRATCH = ".tmp"
"""Ending of files that are being written."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as the store lists it: bytes, and when it was written, seconds since 1970 UTC."""

    size: int
    written_s: float


class Storage(Protocol):
    """One catalog's place. Paths are relative to it and use forward slashes."""

    where: str
    """The place as the user names it."""
    exclusive: bool
    """Whether :meth:`lock` keeps other writers out. Where it does not, :meth:`commit` finds out."""

    def lock(self, wait_s: float) -> AbstractContextManager[None]:
        """Keep other writers out while the block runs; wait for them at most ``wait_s`` seconds.

        Raises:
            DataError: another writer was there all the time.
        """
        ...

    def occupied(self) -> bool:
        """Whether anything is there that a catalog did not put there, a manifest included."""
        ...

    def load(self) -> tuple[bytes, str] | None:
        """The manifest and the version it has in the store; None when there is none."""
        ...

    def commit(self, manifest: bytes, version: str | None) -> bool:
        """Replace the manifest in one atomic step if it still is ``version`` (None: if there is none).

        False when somebody else replaced it; then nothing was changed.
        """
        ...

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...

    def sha256(self, path: str) -> str:
        """Hex SHA-256 of a file's bytes, read in pieces.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...

    def scratch(self) -> Path:
        """A new empty local file to write to, to be handed to :meth:`adopt`."""
        ...

    def adopt(self, file: Path, path: str) -> bool:
        """Move a local file to ``path``; False when a file of that name (and so of those bytes) was there."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Write a small file."""
        ...

    def sync(self, paths: Iterable[str]) -> None:
        """Return when the files, and the folders that name them, would survive a power cut."""
        ...

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """Bytes of those files that exist."""
        ...

    def listing(self, under: str = "") -> dict[str, Stored]:
        """Every file there is in the folder ``under`` (which ends in a slash) and below it."""
        ...

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files, those that are gone already included, and folders that become empty."""
        ...

    def scan(self, paths: list[str]) -> pl.LazyFrame:
        """Rows of Parquet files, one after the other, lazily."""
        ...


def storage_at(path: str | os.PathLike[str]) -> Storage:
    """The storage a path means: a folder, or ``scheme://...``.

    Raises:
        DataError: the scheme needs a package that is not installed, or is not known.
    """
    from arena.market.catalog.local import LocalStorage

    text = os.fspath(path)
    scheme, found, rest = text.partition("://")
    if not found:
        return LocalStorage(Path(text))
    if scheme in ("file", "local"):
        return LocalStorage(Path(rest))
    from arena.market.catalog.remote import remote_storage

    return remote_storage(text, scheme)
