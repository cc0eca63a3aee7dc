"""Which catalog a name on the command line means, and what the catalog commands show while they work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from research.cli.screen import bar_on, console_for

if TYPE_CHECKING:
    from arena.market.catalog import Catalog

DATA = Path("data")
"""Default folder of catalogs."""
RECORDED = DATA / "recorded"
"""Default catalog of imported recordings."""


def place_of(name: str) -> str:
    """The path of a catalog: ``recorded`` means ``data/recorded`` unless there is such a folder right here.

    Places in an object store (``s3://...``) are left as they are.
    """
    if "://" in name:
        return name
    short = DATA / name
    return str(short if not Path(name).exists() and short.is_dir() else name)


def open_catalog(name: str) -> Catalog:
    """The catalog that a name on the command line means.

    Raises:
        DataError: there is none.
    """
    from arena.market.catalog import Catalog

    return Catalog.open(place_of(name))


@contextmanager
def steps_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, silent where nobody watches; the block calls what it gets with steps done, in all."""
    with bar_on(console_for(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, steps: bar.update(task, completed=done, total=steps)
