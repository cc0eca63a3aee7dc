"""The promotion policy: what ships is the default, and what cannot be is named in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from arena.errors import ConfigError
from research.experiment import build, evaluation_id, read
from research.policy import Policy, read_policy

FILE = Path(__file__).resolve().parents[2] / "experiments" / "gates.toml"


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "gates.toml"
    path.write_text(text)
    return path


def test_the_policy_that_ships_is_the_default_written_out() -> None:
    assert read_policy(FILE) == Policy()
    written = tomllib.loads(FILE.read_text())
    assert set(written) == set(Policy.model_fields)
    for name, gate in written.items():
        held = Policy().model_dump(exclude_none=True)[name]
        assert gate == held


def test_a_gate_or_threshold_left_out_keeps_its_default(tmp_path: Path) -> None:
    policy = read_policy(policy_file(tmp_path, "[latency]\nmargin_ms = 20\n[profit]\nneed = 'reported'\n"))
    assert policy.latency.margin_ms == 20.0
    assert policy.latency.need == "required"
    assert policy.profit.need == "reported"
    assert policy.profit.level == 0.95
    assert policy.costs == Policy().costs


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[lukc]\nalpha = 0.05\n", "lukc: extra inputs are not permitted"),
        ("[discovery]\nalhpa = 0.05\n", "discovery.alhpa: extra inputs are not permitted"),
        ("[discovery]\nalpha = 0.7\n", "discovery.alpha: input should be less than 0.5"),
        ("[costs]\nneed = 'perhaps'\n", "costs.need: input should be 'required' or 'reported'"),
        ("[costs\n", "is not valid TOML"),
    ],
)
def test_what_a_policy_cannot_say_is_one_line_that_names_it(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_policy(policy_file(tmp_path, text))
    assert names in str(caught.value)
    assert "gates.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_policy_says_where_one_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no gates file .*experiments/gates\.toml"):
        read_policy(tmp_path / "none.toml")


def test_an_experiment_names_its_policy_by_a_file_beside_it(tmp_path: Path) -> None:
    policy_file(tmp_path, "[deflation]\nmin_dsr = 0.9\n")
    (tmp_path / "some.toml").write_text("gates = 'gates.toml'\n")
    assert read(tmp_path / "some.toml").gates.deflation.min_dsr == 0.9


def test_another_bar_is_another_experiment_but_not_another_look() -> None:
    one, other = build({}, "x"), build({"gates": {"deflation": {"min_dsr": 0.9}}}, "x")
    assert one.digest != other.digest
    assert evaluation_id(one, {"spot": "ab"}) == evaluation_id(other, {"spot": "ab"})
    assert evaluation_id(one, {"spot": "ab"}) != evaluation_id(one, {"spot": "cd"})
    assert evaluation_id(one, {"spot": "ab"}) != evaluation_id(build({"seed": 2}, "x"), {"spot": "ab"})
