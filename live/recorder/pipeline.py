"""A thread that keeps the tables up with the raw log."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from errno import EDQUOT, ENOSPC

from arena.errors import DataError
from arena.units import SECOND
from live.recorder.normaliser import Normaliser
from live.recorder.segments import Position
from live.recorder.tables import Batch

BLOCKS_PER_COMMIT = 8
"""When the tables are behind, this many blocks go into the catalog in one step."""
RETRY_S = 5.0
"""Pause before a commit that failed is tried again, seconds."""


class Pipeline:
    """Reads the log as far as it is on the disk and commits what it finds.

    It reads the disk, not memory: however far it falls behind, no frame waits for it. A commit that fails because
    somebody else writes, or the disk has a bad moment, is tried again until it succeeds or the run ends. When it
    fails for good, recording goes on and :attr:`failure` says why; what is missing from the tables is in the log.

    Args:
        normaliser: what it drives.
        looked: called in the thread with every batch, for the view.
    """

    def __init__(self, normaliser: Normaliser, looked: Callable[[Batch], None]) -> None:
        self._normaliser, self._looked = normaliser, looked
        self._changed = threading.Condition()
        self._durable: Position | None = None
        self._done: Position | None = None
        self._read_ns = self._through_ns = 0
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="tables")
        self.failure: Exception | None = None
        """Why the tables stopped growing, if they did."""
        self.waits_for = ""
        """Why the last commit has to be tried again; empty when it succeeded."""
        self.rows: Counter[str] = Counter()
        """Rows committed by this pipeline, by table."""

    @property
    def position(self) -> Position | None:
        """How far the tables go."""
        return self._normaliser.committed.position if self._normaliser.committed else None

    @property
    def refused(self) -> Mapping[str, Mapping[str, int]]:
        """How often what was refused, by feed and reason, up to :attr:`position`."""
        return self._normaliser.committed.now.refused if self._normaliser.committed else {}

    @property
    def last_refusal(self) -> str:
        """The last frame that nobody could believe, and why; empty before the first."""
        return self._normaliser.last_refusal

    @property
    def faults(self) -> tuple[str, ...]:
        """What should not have happened, as sentences: parsers that failed, rows that no table takes."""
        return (*self._normaliser.faults.values(), *([self._normaliser.trouble] if self._normaliser.trouble else []))

    @property
    def caught_up(self) -> bool:
        """Whether the tables have everything that is on the disk."""
        return self._durable is None or self.position == self._durable

    def behind_s(self, now_ns: int) -> float:
        """Age of the newest frame in the tables at ``now_ns``, seconds; 0 when they have all that is on the disk."""
        return 0.0 if self.caught_up else (now_ns - self._through_ns) / SECOND

    def start(self, now_ns: int) -> None:
        """Begin, ``now_ns`` (ns UTC)."""
        self._through_ns = now_ns
        self._thread.start()

    def durable(self, end: Position) -> None:
        """The log is on the disk up to ``end``."""
        with self._changed:
            self._durable = end
            self._changed.notify()

    def finish(self) -> None:
        """Commit what is on the disk, compact the catalog, and end the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._has_work)
                    end, ending = self._durable, self._ending
                self._advance(end)
                self._done = end
                if ending:
                    break
            self._normaliser.compact()
        except Exception as error:  # the log must go on whatever happens to the tables
            self.failure = error

    def _has_work(self) -> bool:
        return self._ending or self._durable != self._done

    def _advance(self, end: Position | None) -> None:
        if end is None:
            return
        for batch in self._normaliser.read(end):
            self._looked(batch)
            self._read_ns = batch.last_ns
            if self._normaliser.waiting >= BLOCKS_PER_COMMIT:
                self._commit()
        self._commit()

    def _commit(self) -> None:
        while True:
            try:
                self.rows.update(self._normaliser.commit())
                break
            except (DataError, OSError) as error:
                if self._ending or (isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)):
                    raise
                self.waits_for = str(error)
            with self._changed:
                self._changed.wait_for(lambda: self._ending, RETRY_S)
        self.waits_for = ""
        self._through_ns = self._read_ns
