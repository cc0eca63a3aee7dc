"""A process that appends to a catalog until it is killed: two rows per commit, every third commit compacts.

``python -m tests.support.killed_writer CATALOG [EVENT ENDING COUNT]``. Prints the number of each commit when it is
done. With an audit event of Python (``os.rename``, ``open``, ...) it kills itself right before the COUNT-th one whose
last path ends in ENDING.
"""

from __future__ import annotations

import os
import signal
import sys

import polars as pl

from arena.market.catalog import Catalog, Terms
from tests.support.catalogs import spots


def die_at(event: str, ending: str, count: int) -> None:
    """Arrange for SIGKILL right before the ``count``-th ``event`` on a path that ends in ``ending``."""
    seen = 0

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        paths = [str(a) for a in arguments if isinstance(a, str | os.PathLike)]
        if name == event and paths and paths[-1].endswith(ending):
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    path = sys.argv[1]
    terms = Terms(grace_s=0.0)
    with Catalog.append_or_create(path, terms) as opened:
        held = opened.so_far().scan("spot").select(pl.len()).collect().item() // 2
    if len(sys.argv) > 2:
        die_at(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    for commit in range(held, held + 100_000):
        with Catalog.update(path, terms) as writer:
            writer.write("spot", pl.concat([spots(commit), spots(commit, asset="ETH")]))
            if commit % 3 == 2:
                writer.compact()
        print(commit, flush=True)
