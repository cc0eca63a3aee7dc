"""The catalog: recorded market data as Parquet files and one manifest that is the truth about them.

Layout of a catalog, in a folder or under a prefix of an object store::

    manifest.json
    table=spot/asset=BTC/date=2026-03-01/aegis-3f2a….parquet
    quarantine/table=binary_quotes/rule=crossed_book/thevalerka-9b1c….parquet
    superseded/1772323200000000000.json

``date`` is the UTC day of the table's time column, or the first day of its year in tables of few rows a day.
A file holds one source and is sorted by time; its name ends in the start of its SHA-256. Readers open only
the files the manifest lists. A writer adds files, makes them durable, and replaces the manifest last, in one
atomic step: whoever is killed at whatever instruction leaves the catalog as it was, and some files nobody
lists.

Many small appends are merged as they come, so that a partition never has more than a few dozen files;
``compact`` merges each partition into one file whose bytes do not depend on how its rows came in. A merged
file stays for a grace (``superseded/`` says since when), so that whoever is reading it can read on.
"""

from __future__ import annotations

from arena.market.catalog.catalog import Catalog
from arena.market.catalog.commit import Terms
from arena.market.catalog.storage import MANIFEST
from arena.market.catalog.view import CatalogView
from arena.market.catalog.writer import CatalogWriter

__all__ = ["MANIFEST", "Catalog", "CatalogView", "CatalogWriter", "Terms"]
