"""The one door to numba: every kernel is compiled through :func:`jit`.

Compiled code is cached on disk under a folder named by a digest of the package's own sources.
Numba invalidates a cached kernel when *its* file changes, but not when a function that was inlined
into it changes; with the digest in the path an edited strategy can never run as yesterday's machine
code. If the folder cannot be written the cache moves to a private temporary folder, and if that
fails too the kernels compile in memory: slower, never broken.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

Record = Any
"""One row of a structured array inside a kernel: fields are read and written as attributes."""


def _source_digest() -> str:
    """Hex digest over every Python source of the package, plus numba's version."""
    root = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path | None:
    """First writable of: ``NUMBA_CACHE_DIR``, the user's cache folder, a per-user temporary folder.

    None, meaning compile in memory, if none is writable or ``ARENA_KERNEL_CACHE`` is 0.
    """
    if os.environ.get("ARENA_KERNEL_CACHE") == "0":
        return None
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    roots = [home / "arena", Path(tempfile.gettempdir()) / f"arena-{user}"]
    if os.environ.get("NUMBA_CACHE_DIR"):
        roots.insert(0, Path(os.environ["NUMBA_CACHE_DIR"]))
    digest = _source_digest()
    for root in roots:
        folder = root / "numba" / digest
        if _writable(folder):
            return folder
    return None


CACHE_FOLDER = _cache_folder()
if CACHE_FOLDER is not None:
    numba.config.CACHE_DIR = str(CACHE_FOLDER)


def compiled_before() -> bool:
    """Whether kernels of this very source are on disk already."""
    return CACHE_FOLDER is not None and next(CACHE_FOLDER.rglob("*.nbi"), None) is not None


def is_tracked(module: str) -> bool:
    """Whether the source of ``module`` is covered by the digest that names the cache folder."""
    return module.split(".")[0] == __name__.split(".")[0]


def jit(function: F) -> F:
    """Compile ``function`` in nopython mode, cached on disk, releasing the GIL.

    Division by zero follows IEEE (inf or NaN) instead of raising, so that loops stay branch-free;
    kernels test their inputs where that matters. The GIL is released so that callers run
    independent pieces on plain threads. Functions from outside the package are compiled in memory,
    because the digest does not cover their source.
    """
    tracked = CACHE_FOLDER is not None and is_tracked(function.__module__)
    compiled = numba.njit(cache=tracked, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)
