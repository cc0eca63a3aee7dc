"""A thread that keeps the tables up with the raw log."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from arena.market.catalog import Catalog
from live.recorder.normaliser import Batch, Normaliser
from live.recorder.segments import Position

BLOCKS_PER_COMMIT = 16
"""When the tables are behind, this many blocks go into the catalog in one step."""
COMMITS_PER_COMPACTION = 150


class Pipeline:
    """Reads the log as far as it is on the disk and commits what it finds; compacts the catalog now and then.

    It reads the disk, not memory: however far it falls behind, no frame waits for it. When it fails, recording
    goes on and :attr:`failure` says why; what is missing from the tables is in the log.

    Args:
        normaliser: what it drives.
        catalog: folder of the catalog.
        looked: called in the thread with every batch, for the view.
        commits_per_compaction: how many commits lie between two compactions.
    """

    def __init__(
        self,
        normaliser: Normaliser,
        catalog: Path,
        looked: Callable[[Batch], None],
        commits_per_compaction: int = COMMITS_PER_COMPACTION,
    ) -> None:
        self._normaliser, self._catalog, self._looked = normaliser, catalog, looked
        self._commits_per_compaction = commits_per_compaction
        self._changed = threading.Condition()
        self._durable: Position | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="tables")
        self.failure: Exception | None = None
        """Why the tables stopped growing, if they did."""
        self.rows: Counter[str] = Counter()
        """Rows committed by this pipeline, by table."""
        self.commits = 0
        """Commits made by this pipeline."""

    @property
    def position(self) -> Position | None:
        """How far the tables go."""
        return self._normaliser.committed.position if self._normaliser.committed else None

    def start(self) -> None:
        """Begin, with what the log has and the tables lack."""
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
                if ending:
                    self._compact()
                    return
        except Exception as error:  # the log must go on whatever happens to the tables
            self.failure = error

    def _has_work(self) -> bool:
        return self._ending or self._durable not in (None, self._normaliser.position)

    def _advance(self, end: Position | None) -> None:
        if end is None:
            return
        for batch in self._normaliser.read(end):
            self._looked(batch)
            if self._normaliser.waiting >= BLOCKS_PER_COMMIT:
                self._commit()
        self._commit()

    def _commit(self) -> None:
        if self._normaliser.waiting:
            self.rows.update(self._normaliser.commit())
            self.commits += 1
            if self.commits % self._commits_per_compaction == 0:
                self._compact()

    def _compact(self) -> None:
        with Catalog.update(self._catalog) as writer:
            writer.compact()
