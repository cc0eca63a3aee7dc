"""A catalog in a folder: renames are atomic, one writer holds a lock, and what is committed is on the disk."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.catalog.storage import MANIFEST, SCRATCH, Stored

_LOCK = ".lock"
_WAITING = 8
"""Folders made durable side by side: each of them only waits for the disk."""
_OURS = (_LOCK, "quarantine", "superseded")
_POLL_S = 0.02


class LocalStorage:
    """A folder of a local file system."""

    exclusive = True

    def __init__(self, root: Path) -> None:
        self._root = root
        self.where = str(root)

    @contextmanager
    def lock(self, wait_s: float) -> Iterator[None]:
        """See :meth:`Storage.lock`. The lock ends with the process, however that ends."""
        made = not self._root.exists()
        deadline = time.monotonic() + wait_s
        while (handle := self._try_lock()) is None:
            if time.monotonic() >= deadline:
                raise DataError(f"Another process is writing to {self.where}; try again when it is done.")
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            if made and not (self._root / MANIFEST).exists():
                (self._root / _LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # somebody's file is in it
                    self._root.rmdir()
            os.close(handle)

    def _try_lock(self) -> int | None:
        self._root.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A writer that gave up creating this catalog has taken its lock file away: ours must be the one here.
            if os.fstat(handle).st_ino == (self._root / _LOCK).stat().st_ino:
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(handle)
        return None

    def occupied(self) -> bool:
        """See :meth:`Storage.occupied`. What a killed ``create`` leaves does not count."""
        if not self._root.is_dir():
            return self._root.exists()
        return any(
            not (p.name in _OURS or p.name.startswith("table=") or p.suffix == SCRATCH) for p in self._root.iterdir()
        )

    def load(self) -> tuple[bytes, str] | None:
        """See :meth:`Storage.load`."""
        try:
            data = (self._root / MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return data, hashlib.blake2b(data).hexdigest()

    def commit(self, manifest: bytes, version: str | None) -> bool:
        """See :meth:`Storage.commit`."""
        found = self.load()
        if (found and found[1]) != version:
            return False
        self.put(MANIFEST, manifest)
        self._sync_folder(self._root)
        return True

    def read(self, path: str) -> bytes:
        """See :meth:`Storage.read`."""
        return (self._root / path).read_bytes()

    def sha256(self, path: str) -> str:
        """See :meth:`Storage.sha256`."""
        with (self._root / path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def scratch(self) -> Path:
        """See :meth:`Storage.scratch`."""
        handle, name = tempfile.mkstemp(prefix=".", suffix=SCRATCH, dir=self._root)
        os.close(handle)
        return Path(name)

    def adopt(self, file: Path, path: str) -> bool:
        """See :meth:`Storage.adopt`."""
        target = self._root / path
        if target.exists():
            file.unlink()
            return False
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        file.chmod(0o644)  # scratch files are private; a catalog's are ordinary
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
        return True

    def put(self, path: str, data: bytes) -> None:
        """See :meth:`Storage.put`."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        file = self.scratch()
        try:
            with file.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            file.chmod(0o644)
            file.replace(target)
        except BaseException:
            file.unlink(missing_ok=True)
            raise

    def sync(self, paths: Iterable[str]) -> None:
        """See :meth:`Storage.sync`; file contents were synchronised when they were adopted."""
        folders = {self._root / folder for path in paths for folder in Path(path).parents}
        with ThreadPoolExecutor(_WAITING) as pool:
            list(pool.map(self._sync_folder, folders))

    def _sync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """See :meth:`Storage.sizes`."""
        found = {}
        for path in paths:
            with suppress(FileNotFoundError):
                found[path] = (self._root / path).stat().st_size
        return found

    def listing(self, under: str = "") -> dict[str, Stored]:
        """See :meth:`Storage.listing`."""
        found = {}
        for file in (self._root / under).rglob("*"):
            with suppress(FileNotFoundError):
                status = file.stat()
                if file.is_file() and file.name != _LOCK:
                    found[file.relative_to(self._root).as_posix()] = Stored(status.st_size, status.st_mtime)
        return found

    def remove(self, paths: Iterable[str]) -> None:
        """See :meth:`Storage.remove`."""
        for path in paths:
            (self._root / path).unlink(missing_ok=True)
            for folder in Path(path).parents:
                if folder == Path():
                    break
                try:
                    (self._root / folder).rmdir()
                except OSError:  # not empty, or gone
                    break

    def scan(self, paths: list[str]) -> pl.LazyFrame:
        """See :meth:`Storage.scan`."""
        return pl.scan_parquet([self._root / path for path in paths], hive_partitioning=False)
