"""The ledger's file: a chain of entries in SQLite that can only grow.

Everything is committed to disk before a call returns (WAL, ``synchronous=FULL``). Triggers in the file refuse
changes by any program; whoever removes them breaks the chain of digests. Large arrays are payloads, stored
once under the digest of their bytes, so that a repeated look costs a few hundred bytes.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from research.trials.records import LedgerError, Verification

SCHEMA = 1
APPLICATION = 0x4152544C
"""``application_id`` of the file: "ARTL"."""
PATIENCE_S = 60.0
"""How long a writer waits for another one."""
GENESIS = bytes(32)
"""What the first entry names as its predecessor."""

_STATEMENTS = (
    "CREATE TABLE payloads (digest BLOB PRIMARY KEY NOT NULL, bytes BLOB NOT NULL)",
    """CREATE TABLE entries (
        number INTEGER PRIMARY KEY,
        at_ns INTEGER NOT NULL,
        kind TEXT NOT NULL,
        strategy TEXT NOT NULL,
        about INTEGER,
        body TEXT NOT NULL,
        payload BLOB,
        previous BLOB NOT NULL,
        digest BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX ends ON entries (about) WHERE about IS NOT NULL",
    "CREATE INDEX by_strategy ON entries (strategy, kind)",
    # INSERT OR REPLACE deletes without firing a trigger on DELETE, so what may be inserted is fixed as well.
    """CREATE TRIGGER entries_chain BEFORE INSERT ON entries
        WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM entries)
        OR NEW.previous IS NOT coalesce((SELECT digest FROM entries ORDER BY number DESC LIMIT 1), zeroblob(32))
        BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END""",
    """CREATE TRIGGER payloads_once BEFORE INSERT ON payloads
        WHEN EXISTS (SELECT 1 FROM payloads WHERE digest = NEW.digest)
        BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END""",
    *(
        f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the trial ledger is append-only'); END"
        for table in ("entries", "payloads")
        for verb in ("UPDATE", "DELETE")
    ),
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {SCHEMA}",
)


class Entry(NamedTuple):
    """One link of the chain; ``about`` is the look it ends, ``payload`` the digest of its array."""

    number: int
    at_ns: int
    kind: str
    strategy: str
    about: int | None
    body: str
    payload: bytes | None
    previous: bytes
    digest: bytes

    def expected(self) -> bytes:
        """The digest that this content behind this predecessor must have."""
        payload = self.payload.hex() if self.payload is not None else None
        content = json.dumps([self.number, self.at_ns, self.kind, self.strategy, self.about, self.body, payload])
        return hashlib.sha256(self.previous + content.encode()).digest()


# An edit may have left another type behind; it must be named by verify, not stop it.
_BYTES = ("payload", "previous", "digest")
_COLUMNS = ", ".join(f"CAST({name} AS BLOB)" if name in _BYTES else name for name in Entry._fields)


class Store:
    """The file at ``path``, created if it is not there. A connection lives as long as one call.

    Raises:
        LedgerError: any failure of the file, in one sentence.
    """

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self.path = path
        self._clock = clock
        with self._failures():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection("rwc") as db:
                if not self._is_ledger(db):
                    _patiently(lambda: db.execute("PRAGMA journal_mode = WAL"))
                    with self._transaction(db):
                        if not self._is_ledger(db):
                            for statement in _STATEMENTS:
                                db.execute(statement)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file."""
        with self._failures(), self._connection("rw") as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection that is the only writer; what it appends is on disk when the block has been left."""
        with self._failures(), self._connection("rw") as db, self._transaction(db):
            yield db

    def append(
        self,
        db: sqlite3.Connection,
        kind: str,
        strategy: str,
        body: str,
        *,
        about: int | None = None,
        payload: bytes | None = None,
    ) -> Entry:
        """Add an entry to the end of the chain."""
        key = None
        if payload is not None:
            key = hashlib.sha256(payload).digest()
            if db.execute("SELECT 1 FROM payloads WHERE digest = ?", (key,)).fetchone() is None:
                db.execute("INSERT INTO payloads VALUES (?, ?)", (key, payload))
        last = db.execute("SELECT number, digest FROM entries ORDER BY number DESC LIMIT 1").fetchone() or (0, GENESIS)
        entry = Entry(last[0] + 1, self._clock(), kind, strategy, about, body, key, last[1], b"")
        entry = entry._replace(digest=entry.expected())
        db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", entry)
        return entry

    def entries(self, db: sqlite3.Connection, where: str = "TRUE", values: tuple[object, ...] = ()) -> Iterator[Entry]:
        """Entries that satisfy a condition, in order."""
        rows = db.execute(f"SELECT {_COLUMNS} FROM entries WHERE {where} ORDER BY number", values)
        return map(Entry._make, rows)

    def payload(self, db: sqlite3.Connection, key: bytes | None) -> bytes:
        """The bytes stored under a digest."""
        found = db.execute("SELECT CAST(bytes AS BLOB) FROM payloads WHERE digest = ?", (key,)).fetchone()
        if found is None:
            raise LedgerError(f"the trial ledger {self.path} lacks a payload; verify it and restore it from a copy.")
        payload: bytes = found[0]
        return payload

    def verify(self) -> Verification:
        """Walk the chain from the first entry to the last and recompute every digest."""
        with self.reading() as db:
            count, head = 0, GENESIS
            total = int(db.execute("SELECT count(*) FROM entries").fetchone()[0])
            for entry in self.entries(db):
                why = self._fault(db, entry, count + 1, head)
                if why:
                    return Verification(total, head.hex(), count + 1, why)
                count, head = count + 1, entry.digest
            # A sound chain behind a damaged index could still hide a look.
            said = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            if said != "ok":
                raise LedgerError(f"the trial ledger {self.path} {_damaged(said)}")
            return Verification(total, head.hex(), 0, "")

    def _fault(self, db: sqlite3.Connection, entry: Entry, number: int, head: bytes) -> str:
        if entry.number != number:
            return f"entry {number} is missing"
        if entry.previous != head:
            return f"entry {number} does not follow entry {number - 1}"
        if entry.digest != entry.expected():
            return f"entry {number} is not what was written"
        if entry.payload is not None:
            found = db.execute("SELECT CAST(bytes AS BLOB) FROM payloads WHERE digest = ?", (entry.payload,)).fetchone()
            if found is None or hashlib.sha256(found[0]).digest() != entry.payload:
                return f"the payload of entry {number} is {'missing' if found is None else 'not what was written'}"
        return ""

    @contextmanager
    def _connection(self, mode: str) -> Iterator[sqlite3.Connection]:
        address = f"{self.path.resolve().as_uri()}?mode={mode}"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=PATIENCE_S)) as db:
            # The first reading opens the log, which another process may just be removing.
            _patiently(lambda: db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone())
            db.text_factory = lambda text: text.decode(errors="replace")
            db.execute("PRAGMA synchronous = FULL")
            yield db

    def _is_ledger(self, db: sqlite3.Connection) -> bool:
        """False for a new file; a file that is something else is an error."""
        # Asked first: another process may make the ledger between the questions, tables and marks at once.
        used = db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if application == APPLICATION and version == SCHEMA:
            return True
        if application == APPLICATION:
            raise LedgerError(
                f"the trial ledger {self.path} has format {version}, this version of Arena knows {SCHEMA}; "
                "use the Arena that wrote it, or name another file with ARENA_TRIALS."
            )
        if used:
            raise LedgerError(f"{self.path} is a database but not a trial ledger; name another file with ARENA_TRIALS.")
        return False

    @contextmanager
    def _transaction(self, db: sqlite3.Connection) -> Iterator[None]:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Failures of the file as one sentence."""
        try:
            yield
        except OSError as error:
            raise LedgerError(
                f"the folder of the trial ledger {self.path} cannot be made ({error.strerror}); "
                "name another file with ARENA_TRIALS."
            ) from error
        except sqlite3.Error as error:
            raise LedgerError(f"the trial ledger {self.path} {_explain(error)}") from error
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise LedgerError(
                f"the trial ledger {self.path} holds an entry that cannot be read ({error}); somebody changed it. "
                "Restore it from a copy; `arena-backtest trials` names the first broken entry."
            ) from error


def _patiently(call: Callable[[], object]) -> None:
    """SQLite does not wait while another process switches to WAL or removes its log; this does."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            call()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _explain(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"was locked by another program for {PATIENCE_S:g} s; "
            "close whatever has it open (a database browser?) and try again."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return (
            f"cannot be opened or written ({error}); check the rights of the file and of its folder, "
            "or name another file with ARENA_TRIALS."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(str(error))
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return f"could not be written to disk ({error}); make room or check the disk, then try again."
    return f"failed: {error}."


def _damaged(how: str) -> str:
    return (
        f"is damaged ({how}); restore it from a copy, or save what is left with `sqlite3 FILE .recover`. "
        "Do not start afresh: what was looked at stays looked at."
    )
