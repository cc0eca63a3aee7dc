"""Lab catalogs on disk: generated once, found again by a name that changes with every setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from arena.lab.config import LabConfig
from arena.lab.faults import FaultConfig, inject
from arena.lab.generate import generate, parts
from arena.lab.recorded import Observations
from arena.lab.streams import stream
from arena.market.catalog import MANIFEST, Catalog

Written = Callable[[str, int], None]
"""Hears of every piece written: its table and number of rows."""


def _quietly(table: str, rows: int) -> None:
    """Tell nobody."""


def lab_catalog(config: LabConfig, folder: Path) -> Catalog:
    """The catalog of ``config`` under ``folder``, generated now if it is not there yet."""
    path = folder / config.name
    if not (path / MANIFEST).is_file():
        write_lab(config, path)
    return Catalog.open(path)


def write_lab(
    config: LabConfig, path: Path, seen: Mapping[str, Observations] | None = None, written: Written = _quietly
) -> None:
    """Generate the market of ``config`` and write it as a catalog, all or nothing, a day at a time.

    ``seen`` holds the recorded prices of a market on a recorded path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with Catalog.create(path) as writer:
        for name, frame in parts(config, seen):
            # The generator's rows keep every quality rule (a test holds it to that), so they are not screened again.
            writer.write(name, frame, known_defects={"lab": [config.truth]}, screen=False)
            written(name, frame.height)


def write_faulty_lab(
    config: LabConfig,
    faults: FaultConfig,
    path: Path,
    seen: Mapping[str, Observations] | None = None,
    written: Written = _quietly,
) -> Path:
    """The same market with faults in it, screened as a recording is; the whole of it is held in memory.

    Returns:
        The ledger of the faults, a Parquet file beside the catalog.
    """
    tables, ledger = inject(dict(generate(config, seen).items()), faults, stream(config.seed, "faults"))
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger_file = path.with_name(f"{path.name}-ledger.parquet")
    with Catalog.create(path) as writer:
        for name, frame in tables.items():
            writer.write(name, frame, known_defects={"lab": [config.truth, faults.text]})
            written(name, frame.height)
    ledger.write_parquet(ledger_file)
    return ledger_file
