"""One change of a catalog: lock, write, commit; and what becomes of the files it replaces.

A commit is one step: before it, readers see the old manifest and its files; after it, the new one. Files that
the new manifest no longer lists stay for a grace, for readers that opened before. ``superseded/<time>.json``
lists them; a later commit removes them when their grace is over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from arena.errors import DataError
from arena.market.catalog.rebase import rebased
from arena.market.catalog.storage import SCRATCH, Storage
from arena.market.catalog.writer import CatalogWriter
from arena.market.manifest import Manifest
from arena.market.schema import SCHEMA_VERSION
from arena.units import SECOND

GRACE_S = 3600.0
"""How long a file stays after a commit replaced it, seconds."""
WAIT_S = 30.0
"""How long a writer waits for another one, seconds."""
_ATTEMPTS = 20
_SUPERSEDED = "superseded/"

_LAST: dict[str, tuple[bytes, Manifest]] = {}
"""The manifest this process committed last, by place, with its bytes: a recorder reads its own again and again."""

Clock = Callable[[], int]
"""Nanoseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a writer waits and cleans up: ``wait_s`` for another writer, ``grace_s`` before replaced files go."""

    wait_s: float = WAIT_S
    grace_s: float = GRACE_S
    clock: Clock = time.time_ns


@contextmanager
def changing(storage: Storage, missing: str | None, terms: Terms) -> Iterator[CatalogWriter]:
    """Let the block write, and commit what it wrote; on an error the catalog is as it was.

    Args:
        storage: where the catalog is.
        missing: what to say when there is no catalog; None begins with an empty one.
        terms: how to wait and to clean up.

    Raises:
        DataError: ``missing``; another writer did not end in time, or wrote the same table and source.
    """
    with storage.lock(terms.wait_s):
        before, version = _load(storage)
        if version is None and missing is not None:
            raise DataError(missing)
        writer = CatalogWriter(storage, before)
        try:
            yield writer
            after = writer.finish()
            storage.sync(writer.written & after.paths)
            replaced, after = _commit(storage, before, version, after)
        except BaseException:
            if storage.exclusive:  # elsewhere another writer may count on a file of the same bytes: `clean` decides
                # Ctrl-C may come right after the commit: what is listed now stays.
                storage.remove(writer.written - _load(storage)[0].paths)
            raise
        kept = after.paths
        storage.remove(writer.written - kept)
        _retire(storage, replaced.paths - kept, kept, terms)


def swap(storage: Storage, version: str, replaced: set[str], after: Manifest, written: set[str], terms: Terms) -> None:
    """Put a manifest whose files are all there in place of another one, under the lock.

    Raises:
        DataError: somebody else changed the catalog meanwhile.
    """
    storage.sync(written)
    _check_there(storage, after, replaced)
    if not storage.commit(after.to_json().encode(), version):
        raise DataError(f"Another process changed {storage.where} meanwhile; run the command again.")
    _retire(storage, replaced - after.paths, after.paths, terms)


def unreferenced(storage: Storage, manifest: Manifest, terms: Terms) -> dict[str, int]:
    """Files nobody lists, and that nobody can be reading or about to list; with their bytes.

    They are older than the grace, and if a commit replaced them, it did so before the grace.
    """
    begin_ns = _grace_begin(terms)
    listing = storage.listing()
    kept = manifest.paths
    for record in listing:
        if _since(record) > begin_ns:
            kept |= {record, *json.loads(storage.read(record))}
    return {
        path: stored.size
        for path, stored in sorted(listing.items())
        if path not in kept and is_own(path) and stored.written_s * 1e9 <= begin_ns
    }


def is_own(path: str) -> bool:
    """Whether a file that is not listed was made by a writer; anything else in the folder is not ours."""
    return path.startswith(("table=", "quarantine/", _SUPERSEDED)) or path.endswith(SCRATCH)


def _load(storage: Storage) -> tuple[Manifest, str | None]:
    found = storage.load()
    if found is None:
        return Manifest(SCHEMA_VERSION, {}), None
    held = _LAST.get(storage.where)
    if held is not None and held[0] == found[0]:
        return held[1], found[1]
    return Manifest.from_json(found[0], storage.where), found[1]


def _commit(storage: Storage, before: Manifest, version: str | None, after: Manifest) -> tuple[Manifest, Manifest]:
    """Commit ``after``, on top of what others commit meanwhile; the manifest it replaced, and the one in place."""
    replaced, ours = before, after
    for _ in range(_ATTEMPTS):
        _check_there(storage, after, replaced.paths)
        data = after.to_json().encode()
        if storage.commit(data, version):
            _LAST.clear()
            _LAST[storage.where] = data, after
            return replaced, after
        theirs, version = _load(storage)
        if theirs == after:  # the store repeated a request whose answer was lost: it was ours that won
            return replaced, after
        rewriter = CatalogWriter(storage, theirs, rebased(before, ours, theirs, storage.where))
        for name, text in ours.notes.items():
            if before.notes.get(name) != text:
                rewriter.note(name, text)
        after = rewriter.finish()
        replaced = theirs
    raise DataError(f"Others kept changing {storage.where} during this update; run the update again.")


def _check_there(storage: Storage, after: Manifest, listed: set[str]) -> None:
    """Refuse a manifest whose new files are not there: a `clean` without grace may have taken them for leftovers."""
    new = {e.path: e.size for table in after.tables.values() for e in table.entries if e.path not in listed}
    sizes = storage.sizes(new)
    for path, size in new.items():
        if sizes.get(path) != size:
            what = "is missing" if path not in sizes else f"has {sizes[path]} bytes instead of {size}"
            raise DataError(f"{storage.where}: {path} {what} before this update could list it; run it again.")


def _retire(storage: Storage, replaced: set[str], kept: set[str], terms: Terms) -> None:
    """Note what was replaced, and remove what was replaced before the grace."""
    if replaced:
        storage.put(f"{_SUPERSEDED}{terms.clock()}.json", json.dumps(sorted(replaced)).encode())
    begin_ns = _grace_begin(terms)
    due = [record for record in storage.listing(_SUPERSEDED) if _since(record) <= begin_ns]
    if not due:
        return
    # Where writers do not wait for one another, one may be about to list such a file again: it wrote it anew.
    fresh = set() if storage.exclusive else {p for p, f in storage.listing().items() if f.written_s * 1e9 > begin_ns}
    for record in due:
        storage.remove([*set(json.loads(storage.read(record))) - kept - fresh, record])


def _grace_begin(terms: Terms) -> int:
    return terms.clock() - int(terms.grace_s * SECOND)


def _since(path: str) -> int:
    """When the files named in a record were replaced, ns UTC; 0 for paths that are no record."""
    stem = path.removeprefix(_SUPERSEDED).removesuffix(".json")
    return int(stem) if path.startswith(_SUPERSEDED) and stem.isdecimal() else 0
