"""The trial ledger: what was looked at, written down before it is looked at."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from arena.validation.checks import Floats
from research.trials.records import (
    LedgerError,
    Look,
    LookRecord,
    Note,
    Outcomes,
    State,
    TrialTable,
    Verification,
)
from research.trials.sketch import DIMENSIONS
from research.trials.store import Entry, Store

FILE = "trials.db"
VARIABLE = "ARENA_TRIALS"
"""Environment variable that names the ledger's file."""

_SQLITE = "sqlite:///"
_LOOK, _FINISHED, _FAILED, _NOTE = "look", "finished", "failed", "note"
_ID_BYTES = 16
_OUTCOME = np.dtype([("bets", "<i8"), ("mean", "<f8"), ("deviation", "<f8"), ("sketch", "<f4", (DIMENSIONS,))])


def ledger_path(tracking_uri: str) -> Path:
    """Where the ledger of a tracking store is: ``ARENA_TRIALS``, else ``trials.db`` beside a sqlite store's file,
    else ``trials.db`` in the current folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if tracking_uri.startswith(_SQLITE):
        return Path(tracking_uri.removeprefix(_SQLITE).split("?")[0]).with_name(FILE)
    return Path(FILE)


class TrialLedger:
    """The ledger in the file ``path``, which is created if it is not there.

    Every method may be called from any thread and any process at any time.

    Args:
        path: see :func:`ledger_path`.
        clock: ns UTC.

    Raises:
        LedgerError: from any method: the file is damaged, locked, not writable or not a ledger.
    """

    def __init__(self, path: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = Store(path, clock)

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self._store.path

    def begin(self, look: Look, configurations: Sequence[Mapping[str, float]]) -> int:
        """Announce a look; call it before any data is touched.

        The configurations (lever name to value) count from now on, whatever happens.

        Returns:
            The look's number, for :meth:`finish` or :meth:`fail`.

        Raises:
            LedgerError: there is no configuration, or not all have the same levers.
        """
        if not configurations:
            raise LedgerError("a look evaluates at least one configuration.")
        levers = sorted(configurations[0])
        for row, configuration in enumerate(configurations):
            if configuration.keys() != configurations[0].keys():
                raise LedgerError(f"configuration {row} has other levers than the first; begin a look of its own.")
        values = np.array([[float(c[name]) for name in levers] for c in configurations]) + 0.0
        values = values.reshape(len(configurations), len(levers))
        ids = b"".join(_trial_ids(look, levers, values))
        # By lever, because many levers do not vary within a look.
        packed = zlib.compress(values.astype("<f8").tobytes(order="F"), 1)
        body = _text({"look": asdict(look), "levers": levers, "configurations": len(configurations)})
        with self._store.writing() as db:
            return self._store.append(db, _LOOK, look.strategy, body, payload=ids + packed).number

    def finish(self, number: int, outcomes: Outcomes) -> None:
        """Record what a look saw.

        Raises:
            LedgerError: there is no such look, it has already ended, or the rows do not match its configurations.
        """
        rows = np.zeros(len(outcomes.bets), dtype=_OUTCOME)
        rows["bets"], rows["mean"] = outcomes.bets, outcomes.mean
        rows["deviation"], rows["sketch"] = outcomes.deviation, outcomes.sketch
        with self._store.writing() as db:
            begun = self._open_look(db, number)
            announced = json.loads(begun.body)["configurations"]
            if announced != rows.size:
                raise LedgerError(f"look {number} began with {announced} configurations but has {rows.size} outcomes.")
            body = _text({"slots": int(outcomes.slots)})
            self._store.append(db, _FINISHED, begun.strategy, body, about=number, payload=rows.tobytes())

    def fail(self, number: int, why: str) -> None:
        """Record that a look ended without outcomes; its configurations still count.

        Raises:
            LedgerError: there is no such look, or it has already ended.
        """
        with self._store.writing() as db:
            begun = self._open_look(db, number)
            self._store.append(db, _FAILED, begun.strategy, _text({"why": why}), about=number)

    def note(self, kind: str, strategy: str, idea: str, body: Mapping[str, Any]) -> str:
        """Record any other event, e.g. that a hold-out was sealed.

        Returns:
            The entry's digest (hex). Kept elsewhere, it proves that the ledger has lost nothing up to here.

        Raises:
            LedgerError: ``body`` cannot be written as JSON.
        """
        with self._store.writing() as db:
            text = _text({"kind": kind, "idea": idea, "body": dict(body)})
            return self._store.append(db, _NOTE, strategy, text).digest.hex()

    def notes(self, strategy: str, kind: str | None = None) -> list[Note]:
        """Notes on a strategy, oldest first; of one kind, if given."""
        found = []
        with self._store.reading() as db:
            for entry in self._store.entries(db, "strategy = ? AND kind = ?", (strategy, _NOTE)):
                held = json.loads(entry.body)
                if kind in (None, held["kind"]):
                    found.append(
                        Note(
                            number=entry.number,
                            at_ns=entry.at_ns,
                            kind=held["kind"],
                            strategy=entry.strategy,
                            idea=held["idea"],
                            body=held["body"],
                            digest=entry.digest.hex(),
                        )
                    )
        return found

    def looks(self, strategy: str) -> list[LookRecord]:
        """Looks of a strategy, oldest first."""
        with self._store.reading() as db:
            ends = {e.about: e for e in self._ends(db, strategy)}
            return [_record(entry, ends.get(entry.number)) for entry in self._looks(db, strategy)]

    def configurations(self, number: int) -> list[dict[str, float]]:
        """The configurations of a look, in its order.

        Raises:
            LedgerError: there is no such look.
        """
        with self._store.reading() as db:
            entry = self._look(db, number)
            held = json.loads(entry.body)
            rows, levers = held["configurations"], held["levers"]
            packed = self._store.payload(db, entry.payload)[rows * _ID_BYTES :]
            values = np.frombuffer(zlib.decompress(packed), dtype="<f8").reshape(len(levers), rows)
            return [dict(zip(levers, row, strict=True)) for row in values.T.tolist()]

    def strategies(self) -> list[str]:
        """Strategies that the ledger knows, by name."""
        with self._store.reading() as db:
            return [name for (name,) in db.execute("SELECT DISTINCT strategy FROM entries ORDER BY strategy")]

    def trials(self, strategy: str, world: str) -> TrialTable:
        """Every trial of a strategy in one world, in the order in which they were first looked at."""
        row_of: dict[tuple[bytes, bytes], int] = {}
        of_trial: dict[bytes, int] = {}
        first: list[tuple[int, Look]] = []
        outcome_of: dict[int, tuple[int, Any]] = {}
        with self._store.reading() as db:
            ends = {e.about: e for e in self._ends(db, strategy) if e.kind == _FINISHED}
            for entry in self._looks(db, strategy):
                look = _look_of(entry)
                if look.world != world:
                    continue
                payload = self._store.payload(db, entry.payload)
                end = ends.get(entry.number)
                slots, outcomes = 0, None
                if end is not None:
                    slots = json.loads(end.body)["slots"]
                    outcomes = np.frombuffer(self._store.payload(db, end.payload), dtype=_OUTCOME)
                for k in range(json.loads(entry.body)["configurations"]):
                    trial = payload[k * _ID_BYTES : (k + 1) * _ID_BYTES]
                    known = of_trial.get(trial)
                    if outcomes is None:
                        if known is None:
                            of_trial[trial] = len(first)
                            first.append((entry.number, look))
                        continue
                    saw = outcomes[k].tobytes()
                    if (trial, saw) in row_of:
                        continue
                    if known is None or known in outcome_of:
                        known = len(first)
                        first.append((entry.number, look))
                    of_trial[trial] = row_of[trial, saw] = known
                    outcome_of[known] = (slots, outcomes[k])
        names = [""] * len(first)
        for trial, row in [*of_trial.items(), *((trial, row) for (trial, _), row in row_of.items())]:
            names[row] = trial.hex()
        return _table(strategy, world, names, first, outcome_of)

    def verify(self) -> Verification:
        """Recompute every digest from the first entry to the last and name the first that is broken."""
        return self._store.verify()

    def _looks(self, db: sqlite3.Connection, strategy: str) -> list[Entry]:
        return list(self._store.entries(db, "strategy = ? AND kind = ?", (strategy, _LOOK)))

    def _ends(self, db: sqlite3.Connection, strategy: str) -> list[Entry]:
        return list(self._store.entries(db, "strategy = ? AND about IS NOT NULL", (strategy,)))

    def _look(self, db: sqlite3.Connection, number: int) -> Entry:
        found = next(self._store.entries(db, "number = ? AND kind = ?", (number, _LOOK)), None)
        if found is None:
            raise LedgerError(f"the trial ledger {self.path} has no look {number}.")
        return found

    def _open_look(self, db: sqlite3.Connection, number: int) -> Entry:
        entry = self._look(db, number)
        ended = next(self._store.entries(db, "about = ?", (number,)), None)
        if ended is not None:
            raise LedgerError(f"look {number} has already {ended.kind}; begin another one.")
        return entry


def _trial_ids(look: Look, levers: Sequence[str], values: Floats) -> list[bytes]:
    """Digest of each configuration with what it is evaluated on; values count to 12 significant digits."""
    setting = (look.strategy, look.world, look.market, look.data, look.first_ns, look.last_ns, look.execution)
    common = hashlib.sha256(json.dumps([*setting, look.costs, *levers]).encode())
    row = ",".join(["%.12g"] * len(levers))
    ids = []
    for configuration in values.tolist():
        digest = common.copy()
        digest.update((row % tuple(configuration)).encode())
        ids.append(digest.digest()[:_ID_BYTES])
    return ids


def _text(body: Mapping[str, Any]) -> str:
    try:
        return json.dumps(body, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"what the ledger should note is not plain JSON: {error}.") from error


def _look_of(entry: Entry) -> Look:
    return Look(**json.loads(entry.body)["look"])


def _record(entry: Entry, end: Entry | None) -> LookRecord:
    state: State = "unfinished" if end is None else "finished" if end.kind == _FINISHED else "failed"
    return LookRecord(
        number=entry.number,
        at_ns=entry.at_ns,
        look=_look_of(entry),
        configurations=json.loads(entry.body)["configurations"],
        state=state,
        ended_ns=end.at_ns if end is not None else 0,
        asked=(entry.payload or b"").hex(),
        outcomes=(end.payload or b"").hex() if end is not None and state == "finished" else "",
        why=json.loads(end.body)["why"] if end is not None and state == "failed" else "",
    )


def _table(
    strategy: str, world: str, trials: list[str], first: list[tuple[int, Look]], outcome_of: dict[int, tuple[int, Any]]
) -> TrialTable:
    outcomes = np.zeros(len(trials), dtype=_OUTCOME)
    slots = np.zeros(len(trials), dtype=np.int64)
    for row, (count, outcome) in outcome_of.items():
        slots[row], outcomes[row] = count, outcome
    finished = np.zeros(len(trials), dtype=np.bool_)
    finished[list(outcome_of)] = True
    looks = [look for _, look in first]
    return TrialTable(
        strategy=strategy,
        world=world,
        trial=np.array(trials, dtype=object),
        look=np.array([number for number, _ in first], dtype=np.int64),
        evaluation=np.array([look.evaluation for look in looks], dtype=object),
        idea=np.array([look.idea for look in looks], dtype=object),
        kind=np.array([look.kind for look in looks], dtype=object),
        market=np.array([look.market for look in looks], dtype=object),
        first_ns=np.array([look.first_ns for look in looks], dtype=np.int64),
        last_ns=np.array([look.last_ns for look in looks], dtype=np.int64),
        finished=finished,
        slots=slots,
        bets=outcomes["bets"].astype(np.int64),
        mean=outcomes["mean"].astype(np.float64),
        deviation=outcomes["deviation"].astype(np.float64),
        sketch=np.ascontiguousarray(outcomes["sketch"], dtype=np.float32),
    )
