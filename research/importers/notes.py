"""What is said of imported rows: how their recorder worked, and figures that are true of this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from arena.market.quality import EARLIEST_NS, LATEST_NS
from arena.market.schema import Table
from arena.units import MINUTE, SECOND


@dataclass(frozen=True, slots=True)
class Note:
    """``always`` holds of whatever file of the name; ``seen`` only of the one it was measured on."""

    always: str = ""
    seen: str = ""

    def text(self, looked_at: bool) -> str:
        """What can be said of a file; empty when that is nothing."""
        return " ".join(part for part in (self.always, self.seen if looked_at else "") if part)


Said = Note | tuple[Note, ...]
Notes = Mapping[str, Said]
"""What is known of each source."""


def said(table: Table, frame: pl.DataFrame, notes: Notes, file: str, looked_at: bool) -> dict[str, tuple[str, ...]]:
    """What the manifest says of each source of one table of a file.

    Args:
        table: the table that ``frame`` conforms to.
        frame: the file's rows.
        notes: what is known of its sources.
        file: its name.
        looked_at: whether it is the very file whose figures the notes quote; any other is measured.
    """
    texts: dict[str, list[str]] = {}
    for source, listed in notes.items():
        several = (listed,) if isinstance(listed, Note) else listed
        texts[source] = [text for note in several if (text := note.text(looked_at))]
    if not looked_at:
        sources = frame["source"].drop_nulls().unique().sort()
        for source in sources:
            rows = frame if len(sources) == 1 else frame.filter(pl.col("source") == source)
            texts.setdefault(source, []).append(_measured(table, rows, file))
    return {source: tuple(listed) for source, listed in texts.items() if listed}


def _measured(table: Table, rows: pl.DataFrame, file: str) -> str:
    times = rows[table.time].drop_nulls()
    times = times.filter(times.is_between(EARLIEST_NS, LATEST_NS))
    parts = [f"{rows.height:,} rows"]
    if len(times):
        times = times if times.is_sorted() else times.sort()
        parts.append(f"{_utc(times[0])} to {_utc(times[-1])} UTC")
        silence = int(times.diff().max() or 0)  # type: ignore[arg-type]
        if table.time == "recv_ns" and silence:
            parts.append(f"longest silence {_long(silence)}")
    empty = {name: rows[name].null_count() / max(rows.height, 1) for name in table.schema}
    shares = ", ".join(f"{name} {share:.1%}".replace("%", " %") for name, share in empty.items() if 0.0 < share < 1.0)
    if shares:
        parts.append(f"empty in part: {shares}")
    return f"Measured when {file} was imported: {'; '.join(parts)}."


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _long(ns: int) -> str:
    for unit, name in ((60 * MINUTE, "h"), (MINUTE, "min")):
        if ns >= 2 * unit:
            return f"{ns / unit:.1f} {name}"
    return f"{ns / SECOND:.1f} s"
