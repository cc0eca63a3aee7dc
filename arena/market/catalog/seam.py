"""What new rows have to be compared with: rows the catalog holds that they could repeat or come before.

Files are chosen by the times the manifest gives for them. A recorder appends in time order, so that in the
ordinary case no file is read at all; rows that reach back cost the reading of what they reach back into.
"""

from __future__ import annotations

import polars as pl

from arena.market.catalog.view import CatalogView
from arena.market.manifest import FileEntry, TableManifest
from arena.market.quality import Seam, duplicate_key, rules_for
from arena.market.schema import Table


def seam_of(view: CatalogView, spec: Table, frame: pl.DataFrame) -> Seam | None:
    """The held rows that matter to ``frame`` (which conforms to ``spec``); None when there are none."""
    held = view.manifest.tables.get(spec.name, TableManifest(spec.name))
    if frame.is_empty() or not held.entries:
        return None
    sources = frame["source"].drop_nulls().unique()
    compares = {rule.name for rule in rules_for(spec.name) if rule.relational}
    keys = _keys(view, spec, frame, held, sources)
    latest = _latest(view, spec, frame, held, sources) if "time_back" in compares else _no_latest(spec)
    return Seam(keys, latest) if keys.height or latest.height else None


def holding(view: CatalogView, spec: Table, frame: pl.DataFrame) -> list[FileEntry]:
    """Files of the table that may hold a row with the key of a row in ``frame``."""
    held = view.manifest.tables.get(spec.name, TableManifest(spec.name))
    sources = set(frame["source"].drop_nulls())
    times, events = _span(spec, frame, spec.time), _span(spec, frame, "event_ns")
    return [
        f
        for f in held.files
        if f.source in sources
        and _meet(times, (f.first_ns, f.last_ns))
        and _meet(events, (f.first_event_ns, f.last_event_ns))
    ]


def overlapped(view: CatalogView, spec: Table, frame: pl.DataFrame) -> set[tuple[str, str, str]]:
    """Partitions that hold rows between the first and the last time that ``frame`` has in them."""
    time = pl.col(spec.time)
    spans = frame.group_by("asset", spec.first_day.dt.to_string().alias("date"), "source").agg(
        time.min().alias("first"), time.max().alias("last")
    )
    new = {(asset, date, source): (first, last) for asset, date, source, first, last in spans.iter_rows()}
    held = view.manifest.tables.get(spec.name, TableManifest(spec.name)).files
    return {f.partition for f in held if f.partition in new and _meet(new[f.partition], (f.first_ns, f.last_ns))}


def _span(spec: Table, frame: pl.DataFrame, column: str) -> tuple[int, int] | None:
    """First and last time of a column of the key; None where it does not tell rows apart."""
    if column not in spec.key or frame.is_empty() or frame[column].null_count():
        return None
    first, last = frame.select(pl.min(column).alias("first"), pl.max(column).alias("last")).row(0)
    return int(first), int(last)


def _meet(new: tuple[int, int] | None, held: tuple[int | None, int | None]) -> bool:
    first, last = held
    return new is None or first is None or last is None or (first <= new[1] and last >= new[0])


def _keys(view: CatalogView, spec: Table, frame: pl.DataFrame, held: TableManifest, sources: pl.Series) -> pl.DataFrame:
    key = duplicate_key(spec)
    ours = pl.col("source").is_in(sources.implode())
    paths = [f.path for f in holding(view, spec, frame)]
    # A row out of its time was still seen: a second copy of it is a repeat, however the two were written.
    late = [q.path for q in held.quarantine if q.rule in ("time_back", "time_jump") and q.source in set(sources)]
    near = [
        pl.col(name).is_between(pl.lit(frame[name].min()), pl.lit(frame[name].max()))
        for name in key
        if spec.schema[name] == pl.Int64 and not frame[name].null_count()
    ]
    frames = [view.storage.scan(p).filter(ours, *near).select(key) for p in (paths, late) if p]
    return pl.concat([frame.select(key).clear().lazy(), *frames]).collect()


def _latest(
    view: CatalogView, spec: Table, frame: pl.DataFrame, held: TableManifest, sources: pl.Series
) -> pl.DataFrame:
    if frame["recv_ns"].null_count() == frame.height:
        return _no_latest(spec)
    begin, wanted = int(frame.select(pl.min("recv_ns")).item()), set(sources)
    paths = [f.path for f in held.files if f.source in wanted and f.last_ns > begin]
    if not paths:
        return _no_latest(spec)
    later = view.storage.scan(paths).filter(pl.col("source").is_in(sources.implode()), pl.col("recv_ns") > begin)
    return later.group_by(spec.stream).agg(pl.col("recv_ns").max()).collect()


def _no_latest(spec: Table) -> pl.DataFrame:
    return pl.DataFrame(schema={**{name: spec.schema[name] for name in spec.stream}, "recv_ns": pl.Int64})
