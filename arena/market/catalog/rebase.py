"""Two writers at once, on a store that cannot keep the second one out: whose changes go together."""

from __future__ import annotations

from arena.errors import DataError
from arena.market.manifest import Manifest, TableManifest


def rebased(base: Manifest, ours: Manifest, theirs: Manifest, where: str) -> dict[str, TableManifest]:
    """Tables with our changes since ``base`` put on top of theirs.

    Raises:
        DataError: both changed what one source recorded in one table: our rows were not compared with theirs.
    """
    tables = {}
    for name in sorted({*base.tables, *ours.tables, *theirs.tables}):
        b, o, t = (m.tables.get(name, TableManifest(name)) for m in (base, ours, theirs))
        changed = _changed(b, o)
        both = changed & _changed(b, t)
        if both:
            raise DataError(
                f"Another process changed {name} of source {min(both)!r} in {where} during this update; run it again."
            )
        tables[name] = TableManifest(
            name=name,
            files=(
                *(f for f in t.files if f.source not in changed),
                *(f for f in o.files if f.source in changed),
            ),
            quarantine=(
                *(q for q in t.quarantine if q.source not in changed),
                *(q for q in o.quarantine if q.source in changed),
            ),
            known_defects=dict(
                sorted(
                    {source: texts for source, texts in t.known_defects.items() if source not in changed}.items()
                    | {source: texts for source, texts in o.known_defects.items() if source in changed}.items()
                )
            ),
            gaps=t.gaps,
        )
    return tables


def _changed(before: TableManifest, after: TableManifest) -> set[str]:
    sources = {entry.source for table in (before, after) for entry in table.entries}
    sources |= {*before.known_defects, *after.known_defects}
    return {source for source in sources if _of(before, source) != _of(after, source)}


def _of(table: TableManifest, source: str) -> tuple[object, ...]:
    return (
        [f for f in table.files if f.source == source],
        [q for q in table.quarantine if q.source == source],
        table.known_defects.get(source),
    )
