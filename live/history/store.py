"""What a job has fetched so far, on its way into the catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import polars as pl

from arena.errors import ConfigError
from arena.market.catalog import MANIFEST, Catalog
from arena.market.schema import TABLES
from live.history.journal import Journal
from live.history.spans import Span
from live.rest.http import Reply

NOT_SERVED = "not_served"
"""Reason of a gap: the venue answered, and had nothing for that time."""
COMMIT_EVERY_S = 15.0


class Store:
    """Rows that wait, and the catalog they go to.

    Commits come every :data:`COMMIT_EVERY_S` seconds and at the end, also after an error or Ctrl-C. What a killed
    process had not committed is in the journal, from which the next run takes it.

    Args:
        catalog: folder; made when the first reply comes, if it does not exist.
        job: names the folder of the raw replies.
        clock: monotonic, seconds.
        wall_ns: wall clock, ns UTC.
        known_defects: what a reader must know, as text, by table and source.
    """

    def __init__(
        self,
        catalog: str | Path,
        job: str,
        *,
        clock: Callable[[], float],
        wall_ns: Callable[[], int],
        known_defects: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        if "://" in str(catalog):
            raise ConfigError(
                f"{catalog} is not on this machine; fetch into a folder, and copy that to where it should be."
            )
        self.path = Path(catalog)
        self.journal = Journal(self.path, job, wall_ns)
        self._clock = clock
        self._defects = known_defects or {}
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._committed_at = clock()
        self._touched: set[str] = set()
        self.quarantined: dict[str, int] = {}
        """Rows that the catalog's quality rules refused, by rule."""

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.commit()
            self._compact()
        finally:
            self.journal.close()

    def keep(self, reply: Reply) -> None:
        """Keep a raw reply beside the catalog, which is made, empty, if this is the first."""
        if not (self.path / MANIFEST).is_file():
            with Catalog.append_or_create(self.path):
                pass
        self.journal.keep(reply)

    def scan(self, table: str, source: str | None = None) -> pl.LazyFrame:
        """Rows of the catalog as of the last commit; none where there is no catalog."""
        if not (self.path / MANIFEST).is_file():
            return TABLES[table].empty().lazy()
        catalog = Catalog.open(self.path)
        if source is not None and source not in catalog.sources(table):
            return TABLES[table].empty().lazy()
        return catalog.scan(table, source=source)

    def not_served(self, stream: str, asset: str, source: str) -> list[Span]:
        """Spans of a stream for which the venue had nothing when it was asked."""
        rows = self.scan("gaps").filter(
            (pl.col("stream") == stream)
            & (pl.col("asset") == asset)
            & (pl.col("source") == source)
            & (pl.col("reason") == NOT_SERVED)
        )
        return list(rows.select("recv_ns", "until_ns").collect().iter_rows())

    def forget_gaps(self, source: str, which: pl.Expr) -> None:
        """Forget that the venue had nothing, for those rows of ``gaps`` that ``which`` picks: it is asked again."""
        gaps = self.scan("gaps", source).collect()
        stale = which & (pl.col("reason") == NOT_SERVED)
        if gaps.filter(stale).height:
            with Catalog.update(self.path) as writer:
                writer.drop("gaps", [source])
                writer.write("gaps", gaps.filter(~stale))

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Hand in rows; they are committed soon."""
        if frame.height:
            self._waiting.setdefault(table, []).append(TABLES[table].conform(frame))

    def add_gap(self, stream: str, asset: str, source: str, span: Span) -> None:
        """Write down that the venue has nothing for ``span`` of ``stream``."""
        row = {
            "recv_ns": span[0],
            "until_ns": span[1],
            "stream": stream,
            "asset": asset,
            "reason": NOT_SERVED,
            "source": source,
        }
        self.add("gaps", pl.DataFrame([row], schema=TABLES["gaps"].schema))

    def breathe(self) -> None:
        """Commit if the last commit is some time ago; call between pages."""
        if self._clock() - self._committed_at >= COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Put what waits into the catalog, then let go of the raw replies it came from."""
        if self._waiting:
            with Catalog.append_or_create(self.path) as writer:
                for name in TABLES:  # windows first: what refers to them is checked against them
                    if frames := self._waiting.get(name):
                        frame = pl.concat(frames).sort(TABLES[name].time, maintain_order=True)
                        refused = writer.write(name, frame, known_defects=self._defects.get(name), upsert=True)
                        self._touched.add(name)
                        for rule, rows in refused.items():
                            self.quarantined[rule] = self.quarantined.get(rule, 0) + rows
            self._waiting.clear()
        self.journal.seal()
        self._committed_at = self._clock()

    def _compact(self) -> None:
        if self._touched:
            with Catalog.update(self.path) as writer:
                for name in sorted(self._touched):
                    writer.compact(name)
