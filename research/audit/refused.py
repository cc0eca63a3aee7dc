"""Checks of the catalog itself: what ingest refused, and whether the files are still what was written."""

from __future__ import annotations

import polars as pl

from arena.errors import DataError
from research.audit.finding import Check, Limits, Measured, measured
from research.audit.view import View


def quarantine(view: View) -> Measured:
    """Share of a source's rows that broke a rule."""
    if view.catalog is None:
        return measured()
    rows, examples = [], []
    for name, held in view.catalog.manifest.tables.items():
        for source in sorted({*held.sources, *(q.source for q in held.quarantine)}):
            rules: dict[str, int] = {}
            for q in held.quarantine:
                if q.source == source:
                    rules[q.rule] = rules.get(q.rule, 0) + q.rows
            bad, good = sum(rules.values()), held.sources.get(source, 0)
            listed = ", ".join(f"{rule} {n:,}" for rule, n in sorted(rules.items())) or "none"
            rows.append((f"{name} ({source})", bad / (bad + good), bad + good, listed))
        if held.quarantine:
            time = "open_ns" if name == "windows" else "recv_ns"
            who = "market_id" if "market_id" in view.catalog.quarantined(name).collect_schema() else "asset"
            examples.append(
                view.catalog.quarantined(name)
                .select(
                    pl.format(f"{name} ({{}})", "source").alias("subject"),
                    pl.col(time).alias("at_ns"),
                    pl.format("{}: {}", "rule", who).alias("what"),
                )
                .unique(["subject", "what"], keep="first", maintain_order=True)
                .group_by("subject", maintain_order=True)
                .head(5)
                .collect()
            )
    subjects = pl.DataFrame(rows, schema=["subject", "figure", "over", "detail"], orient="row")
    return measured(subjects, pl.concat(examples) if examples else None)


def files(view: View) -> Measured:
    """Whether a file changed since it was written."""
    if view.catalog is None:
        return measured()
    held = view.catalog.manifest.tables.values()
    count = sum(len(t.entries) for t in held)
    try:
        view.catalog.verify()
    except DataError as error:
        changed, detail = 1.0, str(error)
    else:
        changed, detail = 0.0, f"{count:,} files have the SHA-256 of the manifest"
    return measured(
        pl.DataFrame({"subject": ["catalog"], "figure": [changed], "over": [count], "detail": [detail]})
        if count
        else None
    )


CHECKS = (
    Check(
        "quarantine",
        "How much did the quality rules refuse?",
        "Share of rows that broke a rule, per table and source",
        "What is refused is not traded on; where much is, the recorder is broken and what is left is a selection.",
        Limits(0.01, 0.1, "share", "a few books in ten thousand are usual; a tenth is a defect of the recorder"),
        quarantine,
    ),
    Check(
        "file_hashes",
        "Are the files what was written?",
        "Whether a file's SHA-256 differs from the manifest's",
        "A run would not be reproducible, and its data hash would be a lie.",
        Limits(0.0, 0.0, "changed", "no file may change"),
        files,
    ),
)
