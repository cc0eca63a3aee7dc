"""Recordings to a catalog: rows per second from Parquet to screened, sorted, hashed Parquet, and books replayed.

Needs the recordings (``ARENA_SHARED`` or ``../shared``); without them there is nothing to measure and one row
says so. The peer is what any ingest has to do at least: polars reading the same files and writing them again,
unconverted, unscreened and unsorted.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import polars as pl

from arena.market.book_replay import replay
from arena.market.catalog import Catalog
from benchmarks.lab import LabMarket
from benchmarks.measure import ROOT, Figure, timed
from benchmarks.rows import Row, Sizes
from research.importers import import_path

DATA = Path(os.environ.get("ARENA_SHARED", ROOT.parent / "shared")) / "data"
BUDGET = 1_000_000.0
"""Rows a second."""
_LARGE = 300_000
_NEEDS = {"updown_quotes": "updown_windows", "polymarket_btc5m_book10": "updown_windows"}
"""Quotes are screened against their windows, which are imported with them and not counted."""


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Rows a second of the whole folder, of each large file, and of the replay of its books."""
    del lab  # the lab's rows are made in memory; this is about files
    files = sorted(DATA.glob("*.parquet"))
    if not files:
        return [Row("ingest", "recordings are not on this machine", "rows/s", Figure.single(0.0))]
    large = [file for file in files if _rows([file]) >= _LARGE]
    runs = sizes.runs if sizes.full else 1
    rows = [] if not sizes.full else [_ingest("the whole folder", files, files, runs, budget=BUDGET)]
    for file in large if sizes.full else large[:1]:
        with_it = [file, *(DATA / f"{stem}.parquet" for stem in [_NEEDS.get(file.stem)] if stem)]
        rows.append(_ingest(file.name, with_it, [file], runs))
    return [*rows, _replay(runs)]


def _ingest(what: str, files: list[Path], counted: list[Path], runs: int, budget: float | None = None) -> Row:
    with tempfile.TemporaryDirectory(prefix="arena-ingest-") as folder:
        catalog, copies = Path(folder) / "catalog", Path(folder) / "copies"

        def ingest() -> None:
            shutil.rmtree(catalog, ignore_errors=True)
            import_path(files, catalog)

        def copy() -> None:
            shutil.rmtree(copies, ignore_errors=True)
            copies.mkdir()
            for file in files:
                pl.read_parquet(file).write_parquet(copies / file.name, compression="zstd")

        ours, _ = timed(ingest, runs)
        theirs, _ = timed(copy, runs)
    n = _rows(counted)
    return Row(
        "ingest",
        f"{what}, {n:,} rows into a catalog",
        "rows/s",
        ours.rate(n),
        "polars read + write",
        theirs.rate(n),
        budget=budget,
        note=f"{ours.median:.2f} s",
    )


def _replay(runs: int) -> Row:
    with tempfile.TemporaryDirectory(prefix="arena-ingest-") as folder:
        import_path(DATA / "crypto_depth_diffs.parquet", Path(folder) / "catalog")
        rows = (
            Catalog.open(Path(folder) / "catalog").scan("l2").filter(venue="binance_usdm", symbol="btcusdt").collect()
        )
    seconds, found = timed(lambda: replay(rows, levels=10, contiguous=False), runs)
    what = f"order book, {rows.height:,} levels changed, ten levels after each of {len(found.status):,} messages"
    return Row("ingest", what, "rows/s", seconds.rate(rows.height), note=f"{seconds.median * 1e3:.0f} ms")


def _rows(files: list[Path]) -> int:
    return sum(int(pl.scan_parquet(file).select(pl.len()).collect().item()) for file in files)
