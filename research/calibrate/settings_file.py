"""The fitted settings as a TOML file that ``arena-data lab --config`` reads, each number beside its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arena.lab.config import LabConfig
from research.calibrate.fit import UNKNOWN, Fitted
from research.report.page import write


def write_settings(config: LabConfig, fitted: Sequence[Fitted], path: Path) -> Path:
    """Write the settings that were fitted, and the venues in full, to ``path``."""
    return write(settings_text(config, fitted), path)


def settings_text(config: LabConfig, fitted: Sequence[Fitted]) -> str:
    """The file as text."""
    lines = [
        "# Settings of the lab, fitted by `arena-data calibrate`; generate a market with",
        "# `arena-data lab --config THIS_FILE`. What is not here keeps its default.",
        "# Each number: recording it comes from, method, and +- half the difference between the fits of two halves.",
        "",
    ]
    notes = []
    for row in fitted:
        told = f"{row.source}: {row.how}; +- {', '.join(f'{e:.2g}' for e in row.error)}"
        if "." in row.knob:
            notes.append(f"# {row.knob} = {row.value[0]:g}  ({told})")
        else:
            lines += [f"# {told}", f"{row.knob} = {_toml(getattr(config, row.knob))}"]
    lines += ["", "# Not identified by any recording:"]
    lines += [f"#   {name}: {why}" for name, why in UNKNOWN.items()]
    lines += ["", *notes]
    for venue in config.venues:
        lines += ["", "[[venues]]", *(f"{name} = {_toml(value)}" for name, value in asdict(venue).items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(x) for x in value)}]"
    return repr(value)
