"""Lab catalogs on disk: generated once, found again by a name that changes with every setting."""

from __future__ import annotations

from pathlib import Path

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.market.catalog import MANIFEST, Catalog


def lab_catalog(config: LabConfig, folder: Path) -> Catalog:
    """The catalog of ``config`` under ``folder``, generated now if it is not there yet."""
    path = folder / config.name
    if not (path / MANIFEST).is_file():
        write_lab(config, path)
    return Catalog.open(path)


def write_lab(config: LabConfig, path: Path) -> None:
    """Generate the market of ``config`` and write it as a catalog, all or nothing."""
    tables = generate(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Catalog.create(path) as writer:
        for name, frame in tables.items():
            # The generator's rows keep every quality rule (a test holds it to that), so they are not screened again.
            writer.write(name, frame, known_defects={"lab": [config.truth]}, screen=False)
