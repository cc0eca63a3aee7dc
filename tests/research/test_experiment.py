"""Experiment files: read, refused in one line, and digested."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.errors import ConfigError
from research.experiment import Experiment, build, read

FOLDER = Path(__file__).resolve().parents[2] / "experiments"


SHIPPED = sorted(path for path in FOLDER.glob("*.toml") if path.stem != "gates")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_experiment_that_ships_is_valid_and_named_after_its_file(path: Path) -> None:
    assert read(path).name == path.stem


def test_the_main_job_file_says_what_the_defaults_are() -> None:
    assert read(FOLDER / "btc_5m.toml") == Experiment(name="btc_5m", preset="corrected")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"gird": {}}, "gird"),
        ({"grid": {"size": 0}}, r"grid\.size"),
        ({"costs": "free"}, "costs"),
        ({"data": {"lab": {"mode": "lucky"}}}, r"data\.lab\.mode"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(raw: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build(raw, "file.toml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="experiments/"):
        read(tmp_path / "none.toml")


def test_text_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("grid = [")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read(bad)


def test_any_changed_setting_changes_the_digest() -> None:
    base = Experiment()
    changed = [build(raw, "x") for raw in ({"seed": 2}, {"grid": {"size": 201}}, {"levers": {"min_edge": 0.01}})]
    assert len({base.digest, *(e.digest for e in changed)}) == 4
