"""A writer that is killed at any instruction leaves the last good state, and nothing that cleaning does not find."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from arena.market.catalog import Catalog, Terms
from tests.support.catalogs import T0


def check(path: Path, least: int) -> int:
    """Every commit that was reported is there in whole, and at most the one under way besides."""
    catalog = Catalog.open(path)
    catalog.verify()
    rows = catalog.scan("spot").select("asset", "recv_ns").sort("recv_ns", "asset").collect()
    commits = rows.height // 2
    assert least <= commits <= least + 1
    assert rows["asset"].to_list() == ["BTC", "ETH"] * commits
    assert rows["recv_ns"].to_list() == [T0 + i for i in range(commits) for _ in range(2)]
    return commits


def check_cleaned(path: Path, commits: int) -> None:
    Catalog.clean(path, Terms(grace_s=0.0))
    files = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    assert files == Catalog.open(path).manifest.paths | {"manifest.json", ".lock"}
    assert check(path, commits) == commits


def killed(path: Path, *when: str, after_s: float | None = None) -> int:
    """Run the writer until it dies (``after_s`` after its first commit); commits it reported in all its lives."""
    command = [sys.executable, "-m", "tests.support.killed_writer", str(path), *when]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline()]
        if after_s is not None:
            time.sleep(after_s)
            writer.kill()
        said += writer.stdout
    return int(said[-1] or said[0] or -1) + 1


def killed_at_random(path: Path, kills: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    commits = 0
    for _ in range(kills):
        commits = check(path, killed(path, after_s=float(rng.uniform(0.0, 0.1))))
    check_cleaned(path, commits)


def test_twelve_kills_at_random_leave_whole_commits(tmp_path: Path) -> None:
    killed_at_random(tmp_path / "c", kills=12, seed=0)


@pytest.mark.slow
def test_two_hundred_kills_at_random_leave_whole_commits(tmp_path: Path) -> None:
    killed_at_random(tmp_path / "c", kills=200, seed=1)


@pytest.mark.parametrize(
    ("event", "ending", "count"),
    [
        pytest.param("os.rename", "manifest.json", 2, id="right before the manifest is replaced"),
        pytest.param("os.rename", "manifest.json", 3, id="right before the manifest of a compaction is replaced"),
        pytest.param("open", "/c", 4, id="after the manifest is replaced, before its folder is synchronised"),
        pytest.param("os.rename", ".parquet", 2, id="between two files of an append"),
        pytest.param("os.rename", ".parquet", 8, id="between two merged files of a compaction"),
        pytest.param("os.rename", ".json", 4, id="before it is noted which files a compaction replaced"),
        pytest.param("os.remove", ".parquet", 1, id="before the first replaced file is removed"),
        pytest.param("os.remove", ".parquet", 2, id="between the removal of two replaced files"),
    ],
)
def test_a_kill_at_one_step_leaves_whole_commits(tmp_path: Path, event: str, ending: str, count: int) -> None:
    reported = killed(tmp_path / "c", event, ending, str(count))
    check_cleaned(tmp_path / "c", check(tmp_path / "c", reported))
