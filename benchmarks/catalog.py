"""The catalog: writing with screening, reading, and many small commits, against plain polars on the same rows."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from arena.market.catalog import Catalog
from arena.market.schema import TABLES
from arena.units import SECOND
from benchmarks.lab import LabMarket
from benchmarks.measure import Figure, timed
from benchmarks.rows import Row, Sizes

T0 = 1_772_323_200 * SECOND
_VENUES = ("coinbase", "okx", "bybit", "kraken", "bitfinex", "binance_us")
_ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE")
_INGEST_ROWS_S = 1_000_000.0


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Ingest, scan, and a recorder's thousand commits."""
    rows = 5_000_000 if sizes.full else 50_000
    commits = 1_000 if sizes.full else 20
    runs = min(sizes.runs, 3)
    with tempfile.TemporaryDirectory(prefix="arena-catalog-", dir=Path.cwd()) as folder:
        return [*_bulk(Path(folder), spot_rows(rows, 1), runs), *_appends(Path(folder) / "appended", commits)]


def spot_rows(rows: int, seed: int, start_ns: int = T0) -> pl.DataFrame:
    """Spot quotes like a recorder's: six venues, 40 a second, prices on a grid."""
    rng = np.random.default_rng(seed)
    times = start_ns + np.cumsum(rng.integers(1, 50_000_000, rows))
    bid = 60_000.0 + np.round(np.cumsum(rng.normal(size=rows)), 1)
    venue = pl.Series("venue", np.asarray(_VENUES)[rng.integers(0, len(_VENUES), rows)])
    frame = pl.DataFrame({"event_ns": times - 1_000_000, "recv_ns": times, "bid": bid, "ask": bid + 0.1})
    sizes = pl.Series("bid_size", 0.001 + np.round(rng.exponential(size=rows), 3))
    return TABLES["spot"].conform(
        frame.with_columns(venue, sizes, asset=pl.lit("BTC"), quote=pl.lit("USD"), source=pl.lit("arena"))
    )


def _bulk(folder: Path, frame: pl.DataFrame, runs: int) -> list[Row]:
    recording, plain = folder / "recording.parquet", folder / "plain.parquet"
    frame.write_parquet(recording)
    count = 0

    def ingest() -> Path:
        nonlocal count
        count += 1
        path = folder / f"c{count}"
        with Catalog.create(path) as writer:
            writer.write("spot", pl.read_parquet(recording))
        return path

    ours, path = timed(ingest, runs)
    theirs, _ = timed(lambda: pl.read_parquet(recording).write_parquet(plain, compression="zstd"), runs)
    catalog = Catalog.open(path)
    scanned, back = timed(lambda: catalog.scan("spot").collect(), runs)
    read, same = timed(lambda: pl.read_parquet(plain), runs)
    assert_frame_equal(back, same)
    rows = frame.height
    return [
        Row(
            "catalog",
            f"ingest of {rows:,} spot rows: read Parquet, screen, write, hash, synchronise",
            "rows/s",
            ours.rate(rows),
            "polars read_parquet, write_parquet (zstd)",
            theirs.rate(rows),
            same="every row equal",
            agrees=True,
            budget=_INGEST_ROWS_S,
        ),
        Row(
            "catalog",
            f"scan of {rows:,} spot rows",
            "rows/s",
            scanned.rate(rows),
            "polars read_parquet",
            read.rate(rows),
            same="every row equal",
            agrees=True,
        ),
    ]


def _appends(path: Path, commits: int) -> list[Row]:
    """A recorder's flushes: 300 rows of each of five coins every five seconds, each one commit."""
    seconds = []
    frames = []
    for i in range(commits):
        one = spot_rows(300, i, T0 + i * 16 * SECOND).with_columns(event_ns=None)
        frame = pl.concat(one.with_columns(asset=pl.lit(asset)) for asset in _ASSETS)
        frames.append(frame)
        began = time.perf_counter()
        with Catalog.append_or_create(path) as writer:
            writer.write("spot", frame)
        seconds.append(time.perf_counter() - began)
    opened, catalog = timed(lambda: Catalog.open(path), 5)
    files, manifest = len(catalog.manifest.paths), (path / "manifest.json").stat().st_size

    def compact() -> None:
        with Catalog.update(path) as writer:
            writer.compact()

    compacted, _ = timed(compact, 1, warm=0)
    at_once = path.with_name("at-once")
    with Catalog.create(at_once) as writer:
        writer.write("spot", pl.concat(frames))
    agrees = Catalog.open(path).digest() == Catalog.open(at_once).digest()
    last = seconds[-max(1, commits // 5) :]
    what = f"{commits:,} commits of {len(_ASSETS) * 300:,} rows in {len(_ASSETS)} partitions"
    spread = Figure(median(seconds) * 1e3, min(seconds) * 1e3, max(seconds) * 1e3)
    note = f"median of the last fifth {median(last) * 1e3:.0f} ms"
    return [
        Row("catalog", f"{what}: one commit", "ms", spread, note=note),
        Row("catalog", f"{what}: open", "ms", opened.times(1e3), note=f"{files} files, manifest {manifest:,} bytes"),
        Row(
            *("catalog", f"{what}: compact", "s", compacted),
            peer="",
            same="digest of the same rows written at once",
            agrees=agrees,
        ),
    ]
