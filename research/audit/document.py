"""The audit as one JSON document for programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arena.market.catalog import Catalog
from research.audit.audit import Audit
from research.audit.coverage import missing
from research.audit.finding import Finding
from research.audit.view import View


def to_json(audit: Audit, view: View, catalog: Catalog, page: Path | None) -> dict[str, Any]:
    """The audit in plain JSON types: None for what could not be measured; times in ns UTC."""
    tables = {
        name: {
            "rows": held.rows, "span": held.span, "sources": held.sources, "quarantined": held.quarantined,
            "gaps": held.gaps, "known_defects": {s: list(texts) for s, texts in held.known_defects.items()},
            "digest": held.digest(),
        }
        for name, held in catalog.manifest.tables.items()
    }  # fmt: skip
    return {
        "catalog": str(catalog.path),
        "digest": catalog.digest(),
        "status": audit.status.value,
        "checks": [_finding(f) for f in audit.findings],
        "missing": missing(view).to_dicts(),
        "tables": tables,
        "page": str(page) if page is not None else None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    check = finding.check
    return {
        "name": check.name,
        "status": finding.status.value,
        "measures": check.measures,
        "effect": check.effect,
        "limits": asdict(check.limits),
        "subjects": [
            asdict(s) | {"figure": None if math.isnan(s.figure) else s.figure, "status": s.status.value}
            for s in finding.subjects
        ],
        "examples": [asdict(e) for e in finding.examples],
    }
