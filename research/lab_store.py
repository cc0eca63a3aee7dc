"""Lab catalogs on disk: generated once, found again by a name that changes with every setting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from arena.lab.config import LabConfig
from arena.lab.generate import parts
from arena.market.catalog import MANIFEST, Catalog


def lab_catalog(config: LabConfig, folder: Path) -> Catalog:
    """The catalog of ``config`` under ``folder``, generated now if it is not there yet."""
    path = folder / config.name
    if not (path / MANIFEST).is_file():
        write_lab(config, path)
    return Catalog.open(path)


def write_lab(config: LabConfig, path: Path, written: Callable[[str, int], None] = lambda table, rows: None) -> None:
    """Generate the market of ``config`` and write it as a catalog, all or nothing, a day at a time.

    ``written`` hears of every piece: its table and number of rows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with Catalog.create(path) as writer:
        for name, frame in parts(config):
            # The generator's rows keep every quality rule (a test holds it to that), so they are not screened again.
            writer.write(name, frame, known_defects={"lab": [config.truth]}, screen=False)
            written(name, frame.height)
