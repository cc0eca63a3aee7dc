"""``arena-data``: what a user sees, and what a mistake says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from arena.market.catalog import Catalog
from research.cli.data import app

START_MS = 1_776_081_600_000


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    close = [70_000.0, 70_001.0, 70_001.0]
    bars = {"ts_ms": [START_MS, START_MS + 60_000, START_MS + 60_000]}
    bars |= dict.fromkeys(("open", "high", "low", "close"), close)
    bars |= dict.fromkeys(("volume", "quote_volume", "taker_buy_volume"), [1.0] * 3) | {"trades": [1] * 3}
    pl.DataFrame(bars).write_parquet(folder / "binance_btcusdt_1m.parquet")
    (folder / "holiday.csv").write_text("x")
    return folder


@pytest.fixture
def catalog(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run("import", recordings).exit_code == 0
    return tmp_path / "data" / "recorded"


def test_import_tells_what_came_in_what_was_refused_and_what_was_skipped(recordings: Path, tmp_path: Path) -> None:
    result = run("import", recordings, "--to", tmp_path / "c")
    assert result.exit_code == 0, result.output
    assert "Imported 1 recording(s)" in result.output
    assert "duplicate 1" in result.output
    assert "Skipped holiday.csv: not recognised" in result.output
    assert Catalog.open(tmp_path / "c").manifest.tables["spot"].rows == 2


def test_ls_lists_every_catalog_under_data(catalog: Path) -> None:
    result = run("ls")
    assert result.exit_code == 0, result.output
    assert "data/recorded" in result.output
    for text in ("spot", "2026-04-13 12:01:00", "aegis+wookie", Catalog.open(catalog).digest()[:12]):
        assert text in result.output


def test_show_prints_units_defects_quarantine_and_rows(catalog: Path) -> None:
    result = run("show", "recorded", "spot")
    assert result.exit_code == 0, result.output
    for text in ("quote/coin", "ns UTC", "Spot prices are", "duplicate", "70001.0"):
        assert text in result.output
    assert "70001.0" not in run("show", catalog, "spot", "--rows", "0").output


def test_a_mistake_is_one_line_on_stderr_and_exit_code_two(catalog: Path, tmp_path: Path) -> None:
    for args, text in (
        (("import", tmp_path / "none"), "There is no file or folder"),
        (("ls", tmp_path / "none"), "There is no catalog at"),
        (("show", "recorded", "sopt"), "There is no table 'sopt'"),
        (("show", "recorded", "oracle"), "has no oracle; it has bars, spot"),
    ):
        result = run(*args)
        assert result.exit_code == 2
        assert result.stderr.startswith("arena-data: ")
        assert text in result.stderr
        assert result.stderr.count("\n") == 1


def test_ls_without_any_catalog_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("ls")
    assert result.exit_code == 2
    assert "make one with `arena-data import PATH`" in result.stderr


@pytest.mark.parametrize("command", ["import", "ls", "show"])
def test_the_help_of_each_command_has_an_example(command: str) -> None:
    assert f"Example: arena-data {command} " in run(command, "--help").output


def test_help_does_not_load_polars_or_rich_tables() -> None:
    code = "import sys, research.cli.data; print(sorted({'polars', 'numpy', 'rich.table'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("package", "words"),
    [("msgspec", ["record", "--for", "1s"]), ("httpx", ["fetch", "candles", "--from", "1h"])],
)
def test_a_missing_extra_is_named_in_one_line(package: str, words: list[str], tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from research.cli.data import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--to", str(tmp_path / "c")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "pip install -e '.[record]'" in done.stderr
