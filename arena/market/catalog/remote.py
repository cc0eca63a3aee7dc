"""A catalog in an object store, by way of fsspec.

A commit must not undo another one. S3 replaces the manifest on the condition that it still is the one that was
read (``If-Match``; ``If-None-Match: *`` for the first), so that writers need no lock. Other stores have no such
request that fsspec could send: there a writer holds the object ``.lock``, made by ``mode="create"``, which is as
exclusive as the store's driver makes it. S3 is read by polars itself, the columns and row groups it needs; other
stores by way of fsspec, whole files at a time.
"""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from arena.errors import DataError
from arena.market.catalog.storage import MANIFEST, SCRATCH, Storage, Stored

_LOCK = ".lock"
_POLL_S = 0.2
_S3 = ("s3", "s3a")
_FEW = 32
"""So many files are asked for one by one; more are found in a listing of all."""


def remote_storage(url: str, scheme: str) -> Storage:
    """The storage of ``scheme://...``.

    Raises:
        DataError: fsspec, or what it needs for the scheme, is not installed; or there is no such scheme.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise DataError(f"{url} needs the extra `arena[cloud]`: pip install 'arena[cloud]'.") from error
    try:
        # A listing that fsspec remembers would hide what other writers do.
        fs, root = url_to_fs(url, **({"use_listings_cache": False} if scheme in _S3 else {}))
    except ImportError as error:
        raise DataError(f"{url} needs a package that is not installed: {error}.") from error
    except ValueError as error:
        raise DataError(f"{url} is no place Arena knows ({error}); use a folder, s3://bucket/prefix, ...") from error
    return S3Storage(fs, root, url) if scheme in _S3 else ObjectStorage(fs, root, url)


class ObjectStorage:
    """A prefix of any store that fsspec knows."""

    exclusive = True

    def __init__(self, fs: Any, root: str, where: str) -> None:
        self.fs = fs
        self._root = root.rstrip("/")
        self.where = where.rstrip("/")

    def at(self, path: str) -> str:
        """The store's own name of a file of this catalog."""
        return f"{self._root}/{path}"

    @contextmanager
    def lock(self, wait_s: float) -> Iterator[None]:
        """See :meth:`Storage.lock`. A killed writer leaves its lock: the error says how to take it away."""
        self._make_room(_LOCK)
        deadline = time.monotonic() + wait_s
        mine = f"{socket.gethostname()} process {os.getpid()}".encode()
        while True:
            try:
                self.fs.pipe_file(self.at(_LOCK), mine, mode="create")
                break
            except FileExistsError as error:
                if time.monotonic() >= deadline:
                    raise DataError(
                        f"Another process is writing to {self.where}; try again when it is done. If it was killed, "
                        f"delete {self.where}/{_LOCK}, which says who it was."
                    ) from error
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            self.fs.rm_file(self.at(_LOCK))

    def occupied(self) -> bool:
        """See :meth:`Storage.occupied`."""
        ours = ("table=", "quarantine/", "superseded/", _LOCK)
        return any(not path.startswith(ours) for path in self.listing())

    def load(self) -> tuple[bytes, str] | None:
        """See :meth:`Storage.load`."""
        try:
            data = self.read(MANIFEST)
        except FileNotFoundError:
            return None
        return data, hashlib.blake2b(data).hexdigest()

    def commit(self, manifest: bytes, version: str | None) -> bool:
        """See :meth:`Storage.commit`; stores replace an object as a whole or not at all."""
        found = self.load()
        if (found and found[1]) != version:
            return False
        self.put(MANIFEST, manifest)
        return True

    def read(self, path: str) -> bytes:
        """See :meth:`Storage.read`."""
        data: bytes = self.fs.cat_file(self.at(path))
        return data

    def sha256(self, path: str) -> str:
        """See :meth:`Storage.sha256`."""
        with self.fs.open(self.at(path), "rb") as stream:
            found = hashlib.sha256()
            while piece := stream.read(1 << 22):
                found.update(piece)
        return found.hexdigest()

    def scratch(self) -> Path:
        """See :meth:`Storage.scratch`."""
        handle, name = tempfile.mkstemp(prefix="arena-", suffix=SCRATCH)
        os.close(handle)
        return Path(name)

    def adopt(self, file: Path, path: str) -> bool:
        """See :meth:`Storage.adopt`."""
        there = bool(self.fs.exists(self.at(path)))
        if self.exclusive and there:
            file.unlink()
            return False
        self._make_room(path)
        # Written again, a file is young: another writer that takes away what is old leaves it.
        self.fs.put_file(str(file), self.at(path))
        file.unlink()
        return not there

    def put(self, path: str, data: bytes) -> None:
        """See :meth:`Storage.put`."""
        self._make_room(path)
        self.fs.pipe_file(self.at(path), data)

    def _make_room(self, path: str) -> None:
        self.fs.makedirs(self.at(path).rsplit("/", 1)[0], exist_ok=True)

    def sync(self, paths: Iterable[str]) -> None:
        """See :meth:`Storage.sync`: a store that took an object has it."""

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """See :meth:`Storage.sizes`."""
        wanted = set(paths)
        if len(wanted) > _FEW:
            return {path: stored.size for path, stored in self.listing().items() if path in wanted}
        found = {}
        for path in wanted:
            with suppress(FileNotFoundError):
                found[path] = int(self.fs.info(self.at(path))["size"])
        return found

    def listing(self, under: str = "") -> dict[str, Stored]:
        """See :meth:`Storage.listing`."""
        folder = self.at(under).rstrip("/")
        found = self.fs.find(folder, detail=True)
        begin = len(self._root.lstrip("/")) + 1
        return {name.lstrip("/")[begin:]: Stored(int(info["size"]), _written_s(info)) for name, info in found.items()}

    def remove(self, paths: Iterable[str]) -> None:
        """See :meth:`Storage.remove`."""
        for path in paths:
            try:
                self.fs.rm_file(self.at(path))
            except FileNotFoundError:
                continue

    def scan(self, paths: list[str]) -> pl.LazyFrame:
        """See :meth:`Storage.scan`; the files are read now, and in whole."""
        files: list[Any] = [io.BytesIO(self.read(path)) for path in paths]
        return pl.scan_parquet(files, hive_partitioning=False)


class S3Storage(ObjectStorage):
    """A prefix of an S3 bucket: writers do not wait for one another, commits are conditional."""

    exclusive = False

    @contextmanager
    def lock(self, wait_s: float) -> Iterator[None]:
        """See :meth:`Storage.lock`: there is none, :meth:`commit` finds out."""
        yield

    def load(self) -> tuple[bytes, str] | None:
        """See :meth:`Storage.load`; bytes and version (its ETag) come in one answer."""
        from fsspec.asyn import sync

        async def get() -> tuple[bytes, str]:
            bucket, key, _ = self.fs.split_path(self.at(MANIFEST))
            answer = await self.fs._call_s3("get_object", Bucket=bucket, Key=key)
            return await answer["Body"].read(), answer["ETag"]

        try:
            found: tuple[bytes, str] = sync(self.fs.loop, get)
        except FileNotFoundError:
            return None
        except Exception as error:  # a client library's own, of many kinds: no credentials, no such host, ...
            raise DataError(f"{self.where} cannot be read: {error}.") from error
        return found

    def commit(self, manifest: bytes, version: str | None) -> bool:
        """See :meth:`Storage.commit`."""
        bucket, key, _ = self.fs.split_path(self.at(MANIFEST))
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        known = self.fs.s3.meta.service_model.operation_model("PutObject").input_shape.members
        if not condition.keys() <= known.keys():  # s3fs would leave the condition out, and a commit could be lost
            raise DataError(f"{self.where}: the installed botocore knows no conditional writes; update s3fs.")
        try:
            self.fs.call_s3("put_object", Bucket=bucket, Key=key, Body=manifest, **condition)
        except OSError as error:
            if _lost(error):
                return False
            raise
        return True

    def _make_room(self, path: str) -> None:
        """Objects need no folders, and asking for one could make a bucket."""

    def scan(self, paths: list[str]) -> pl.LazyFrame:
        """See :meth:`Storage.scan`; polars asks the store for the columns and row groups it needs."""
        return pl.scan_parquet(
            [f"s3://{self.at(path)}" for path in paths],
            hive_partitioning=False,
            storage_options=_polars_options(self.fs),
        )


def _lost(error: OSError) -> bool:
    """Whether a conditional write failed because the object is another one now, or is being written."""
    response = getattr(error.__cause__, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return isinstance(error, FileExistsError) or code in ("PreconditionFailed", "ConditionalRequestConflict", "412")


def _written_s(info: dict[str, Any]) -> float:
    written: Any = info.get("LastModified") or info.get("mtime") or info.get("created") or info.get("updated") or 0.0
    return float(written.timestamp() if hasattr(written, "timestamp") else written)


def _polars_options(fs: Any) -> dict[str, str]:
    """What polars has to be told so that it reads from where s3fs writes; the rest it finds itself."""
    endpoint = fs.endpoint_url or fs.client_kwargs.get("endpoint_url") or fs.s3.meta.endpoint_url
    options = {
        "aws_endpoint_url": endpoint,
        "aws_region": fs.s3.meta.region_name or "us-east-1",
        "aws_allow_http": "true" if str(endpoint).startswith("http://") else None,
        "aws_access_key_id": fs.key,
        "aws_secret_access_key": fs.secret,
        "aws_session_token": fs.token,
        "aws_skip_signature": "true" if fs.anon else None,
    }
    return {name: value for name, value in options.items() if value is not None}
