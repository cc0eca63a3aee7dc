"""Blocks of rows into the catalog: in one step, each block by itself, whatever is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from arena.errors import DataError
from arena.market.catalog import Catalog, CatalogView
from arena.market.catalog.commit import Terms
from arena.market.catalog.writer import CatalogWriter
from arena.market.manifest import Manifest
from arena.market.schema import TABLES
from arena.units import SECOND
from live.recorder.segments import Position

LOCK_WAIT_S = 5.0
"""How long a commit waits for another writer of the catalog before the user is told, seconds."""
TIDY_AFTER_S = 600
"""Seconds after midnight (UTC) from which the files of the days before are merged."""
UNWRITABLE = "unwritable"
"""Rule of the rows of a block that the catalog refuses as a whole."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one block became.

    Attributes:
        frames: how many frames it has.
        last_ns: when the last of them was received, ns UTC.
        end: where it ends.
        rows: rows by table.
        refused: refused rows by table.
        faults: feeds whose parser failed on it: what they know since then is not all there is.
    """

    frames: int
    last_ns: int
    end: Position
    rows: Mapping[str, pl.DataFrame]
    refused: Mapping[str, pl.DataFrame]
    faults: frozenset[str] = frozenset()


class Tables:
    """The tables of the catalog in ``folder``.

    How many blocks are written in one step changes nothing: what the catalog holds is a function of the blocks.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tidied = ""
        self.trouble = ""
        """The last rows that the catalog did not take, and why; empty before the first."""

    def commit(self, batches: Sequence[Batch], notes: Mapping[str, str]) -> dict[str, int]:
        """Write ``batches``, and ``notes`` into the manifest, in one step.

        A table with many files of days that are over has them merged on the way, one table per commit.

        Returns:
            Rows by table, quarantined ones included.

        Raises:
            DataError: the catalog is not there, or another process keeps writing to it.
            OSError: the disk refuses; the catalog stays as it was.
        """
        rows: Counter[str] = Counter()
        with Catalog.update(self._folder, Terms(wait_s=LOCK_WAIT_S)) as writer:
            for group in _groups(batches):
                rows += self._write_group(writer, group)
            for name, text in notes.items():
                writer.note(name, text)
            if batches:
                self._tidy(writer, batches[-1].last_ns)
        return dict(rows)

    def compact(self) -> None:
        """Merge the files of every partition, one table per commit.

        Raises:
            DataError: the catalog is not there, or another process keeps writing to it.
            OSError: the disk refuses.
        """
        for name in Catalog.open(self._folder).manifest.tables:
            with Catalog.update(self._folder, Terms(wait_s=LOCK_WAIT_S)) as writer:
                writer.compact(name)

    def _write_group(self, writer: CatalogWriter, group: Sequence[Batch]) -> Counter[str]:
        rows: Counter[str] = Counter()
        for name in TABLES:
            parts = [batch for batch in group if name in batch.rows]
            if parts:
                self._write(writer, name, parts)
                rows[name] += sum(batch.rows[name].height for batch in parts)
        for name in TABLES:
            refused = [batch.refused[name] for batch in group if name in batch.refused]
            if refused:
                writer.quarantine(name, pl.concat(refused))
                rows[name] += sum(frame.height for frame in refused)
        return rows

    def _write(self, writer: CatalogWriter, name: str, batches: Sequence[Batch]) -> None:
        """Write a table's rows of some blocks; those of a block that the catalog does not take go to quarantine."""
        frame = pl.concat([batch.rows[name] for batch in batches])
        try:
            _put(writer, name, frame)
        except (DataError, pl.exceptions.PolarsError) as error:
            if len(batches) > 1:
                for batch in batches:
                    self._write(writer, name, [batch])
                return
            writer.quarantine(name, frame.with_columns(pl.lit(UNWRITABLE).alias("rule")))
            self.trouble = (
                f"{frame.height:,} rows of {name} of the block that ends at {batches[0].end} are in quarantine as "
                f"{UNWRITABLE}: {error}"
            )

    def _tidy(self, writer: CatalogWriter, now_ns: int) -> None:
        day = datetime.fromtimestamp(now_ns // SECOND - TIDY_AFTER_S, tz=UTC).date().isoformat()
        if day == self._tidied:
            return
        name = _untidy(writer.so_far().manifest, day)
        if name is None:
            self._tidied = day
        else:
            writer.compact(name)


def _groups(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Runs of blocks that may be written as one: what a block says of windows decides only about its own rows and
    later ones, so each block that has any begins a run.
    """
    group: list[Batch] = []
    for batch in batches:
        if group and "windows" in batch.rows:
            yield group
            group = []
        group.append(batch)
    if group:
        yield group


def _put(writer: CatalogWriter, name: str, frame: pl.DataFrame) -> None:
    if name == "windows":
        writer.write(name, _completed(writer.so_far(), frame), upsert=True, row_by_row=True)
    else:
        writer.write(name, frame, row_by_row=True)


def _completed(held: CatalogView, windows: pl.DataFrame) -> pl.DataFrame:
    """``windows`` with what an earlier row of the same window said and a later one leaves out.

    The venue shows a tick size only while a window is open, and an outcome only when it is over.
    """
    key, named = list(TABLES["windows"].key), windows["market_id"].unique().to_list()
    earlier = held.scan("windows", markets=named).join(windows.lazy(), on=key, how="semi").collect()
    both = pl.concat([earlier, windows]).group_by(key, maintain_order=True).agg(pl.all().drop_nulls().last())
    return both.select(windows.columns)


def _untidy(manifest: Manifest, day: str) -> str | None:
    """A table with several files of one partition before ``day`` (ISO)."""
    for name, table in manifest.tables.items():
        past = [file.partition for file in table.files if file.date < day]
        if len(past) > len(set(past)):
            return name
    return None
