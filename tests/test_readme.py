"""What the README shows can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("check", "ls", "trials", "register", "open", "plan", "study")
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "validation.md").read_text()
DATA = (ROOT / "docs" / "data.md").read_text()


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(compile(code, "README.md", "exec"), {})
    assert "corrected" in capsys.readouterr().out


def test_the_example_of_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    exec(compile(code, "validation.md", "exec"), {})
    assert 0.3 < float(capsys.readouterr().out) < 0.7


def _commands() -> list[str]:
    blocks = re.findall(r"```\n(.*?)```", README + GUIDE + DATA, re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("arena-backtest", "arena-data"))]


@pytest.mark.parametrize("command", _commands())
def test_every_command_shown_has_options_that_exist(command: str) -> None:
    from typer.testing import CliRunner

    from research.cli import backtest, data

    program, *words = shlex.split(command)
    if program == "arena-data":
        app, verbs = data.app, words[: 2 if words[0] == "fetch" else 1]
    else:
        app, verbs = backtest.app, [words[0] if words[0] in COMMANDS else "run"]
    shown = CliRunner().invoke(app, [*verbs, "--help"])
    assert shown.exit_code == 0
    for word in words:
        if word.startswith("--"):
            assert word in shown.output, f"{word} of {command!r} is not an option"


def test_every_link_leads_somewhere() -> None:
    for folder, text in ((ROOT, README), (ROOT / "docs", GUIDE), (ROOT / "docs", DATA)):
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (folder / target).exists(), target


def test_every_function_the_guide_names_exists() -> None:
    import importlib
    import pkgutil

    import arena.validation

    modules = {
        m.name: importlib.import_module(f"arena.validation.{m.name}")
        for m in pkgutil.iter_modules(arena.validation.__path__)
    }
    named = re.findall(r"`(?:arena\.validation\.)?(\w+)\.(\w+)`", GUIDE)
    checked = [(module, name) for module, name in named if module in modules]
    assert len(checked) > 5
    assert [pair for pair in checked if not hasattr(modules[pair[0]], pair[1])] == []
