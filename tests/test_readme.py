"""What the README shows can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("check", "ls", "trials", "register", "open", "plan", "study", "import", "show", "lab")
README = (ROOT / "README.md").read_text()


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(compile(code, "README.md", "exec"), {})
    assert "corrected" in capsys.readouterr().out


def _commands() -> list[str]:
    blocks = re.findall(r"```\n(.*?)```", README, re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("arena-backtest", "arena-data"))]


@pytest.mark.parametrize("command", _commands())
def test_every_command_shown_has_options_that_exist(command: str) -> None:
    from typer.testing import CliRunner

    from research.cli import backtest, data

    program, *words = shlex.split(command)
    app = backtest.app if program == "arena-backtest" else data.app
    shown = CliRunner().invoke(app, [words[0] if words[0] in COMMANDS else "run", "--help"])
    assert shown.exit_code == 0
    for word in words:
        if word.startswith("--"):
            assert word in shown.output, f"{word} of {command!r} is not an option"


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
