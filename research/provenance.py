"""Which program made a result: versions, and the commit of the checkout it ran from."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import arena

_PACKAGES = ("arena", "numpy", "numba", "scipy", "polars", "plotly", "mlflow")


@dataclass(frozen=True, slots=True)
class Checkout:
    """Commit of the source tree, ``dirty`` when it had changes that the commit does not hold."""

    commit: str
    dirty: bool


def versions() -> dict[str, str]:
    """Python and every package that can change a figure; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def code_digest() -> str:
    """Hex SHA-256 over every source and table of ``arena`` and ``research``, by path: what computed a figure."""
    root = Path(arena.__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for package in ("arena", "research"):
        for path in sorted(p for suffix in ("*.py", "*.toml") for p in (root / package).rglob(suffix)):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def checkout() -> Checkout | None:
    """The git checkout that holds the running ``arena``; None when it is installed, or git is not there."""
    root = Path(arena.__file__).resolve().parents[1]
    # A package inside somebody else's repository (a virtual environment, say) is not that repository's commit.
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return Checkout(commit, dirty=_git(root, "status", "--porcelain") != "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()
