"""The kernel cache: named after the sources, moved when it cannot be written, off on request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arena.errors import ConfigError
from arena.jit import is_tracked


def _cache_folder(**environment: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "ARENA_KERNEL_CACHE")} | environment
    code = "from arena.jit import CACHE_FOLDER as f; from arena.pricing import norm_cdf; print(norm_cdf(0.0)); print(f)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    value, folder = done.stdout.split("\n")[:2]
    assert value == "0.5"
    return folder


def test_a_chosen_folder_is_used(tmp_path: Path) -> None:
    assert _cache_folder(NUMBA_CACHE_DIR=str(tmp_path)).startswith(str(tmp_path))
    assert list(tmp_path.rglob("*.nbi"))


def test_an_unwritable_cache_folder_moves_the_cache_and_kernels_still_run(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    folder = _cache_folder(XDG_CACHE_HOME=str(blocked), TMPDIR=str(tmp_path))
    assert folder.startswith(str(tmp_path / "arena-"))


def test_without_any_writable_folder_kernels_compile_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code = (
        f"import tempfile; tempfile.gettempdir = lambda: {str(blocked)!r}\n"
        "from arena.jit import CACHE_FOLDER; from arena.pricing import norm_cdf; print(norm_cdf(0.0), CACHE_FOLDER)"
    )
    env = os.environ | {"XDG_CACHE_HOME": str(blocked)}
    env.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.split() == ["0.5", "None"]


def test_the_cache_can_be_switched_off() -> None:
    assert _cache_folder(ARENA_KERNEL_CACHE="0") == "None"


def test_the_folder_is_named_after_the_sources(tmp_path: Path) -> None:
    import shutil

    import arena

    copy = tmp_path / "copy"
    shutil.copytree(Path(arena.__file__).parent, copy / "arena", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from arena.jit import CACHE_FOLDER; print(CACHE_FOLDER.name)"

    def name() -> str:
        env = os.environ | {"PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, cwd=copy
        ).stdout.strip()

    before = name()
    assert name() == before
    edited = copy / "arena" / "strategies" / "btc_5m.py"
    edited.write_text(edited.read_text() + "\n# edited\n")
    assert name() != before


def test_a_strategy_from_outside_the_package_is_refused_while_kernels_are_cached() -> None:
    from typing import NamedTuple

    from arena.jit import CACHE_FOLDER
    from arena.strategies.base import implement

    class Params(NamedTuple):
        x: float = 0.0

    assert not is_tracked(__name__)
    if CACHE_FOLDER is None:
        pytest.skip("kernels are not cached in this environment, so nothing can be stale")
    with pytest.raises(ConfigError, match="ARENA_KERNEL_CACHE=0"):
        implement(Params, None, Params, None)
