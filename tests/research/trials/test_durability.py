"""The ledger under processes that write at once and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from research.trials.ledger import TrialLedger

CHILD = """
import sys
from pathlib import Path
import numpy as np
from research.trials.ledger import TrialLedger
from tests.research.trials.conftest import look_at, seen

path, name, looks = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
outcomes = seen(np.array([[1.0, 0.0], [-1.0, 0.5], [0.0, 0.0]]))
print("ready", flush=True)
sys.stdin.readline()
ledger = TrialLedger(path)
for k in range(looks):
    number = ledger.begin(look_at(3, evaluation=name), [{"edge": k / 7}, {"edge": k / 7}])
    print("begun", number, flush=True)
    if k % 3 == 2:
        ledger.fail(number, "on purpose")
        print("failed", number, flush=True)
    else:
        ledger.finish(number, outcomes)
        print("finished", number, flush=True)
    print("noted", ledger.note("verdict", "BTC_5M", name, {"look": number}), flush=True)
"""


def start(path: Path, name: str, looks: int) -> subprocess.Popen[str]:
    """A child that has imported everything and waits for a line before it opens the ledger."""
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), name, str(looks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def acknowledged(child: subprocess.Popen[str]) -> list[list[str]]:
    """What a child that has ended had printed; a line cut short by a kill was not said."""
    assert child.stdout is not None
    assert child.stdin is not None
    with child, child.stdout, child.stdin:
        return [line.split() for line in child.stdout if line.endswith("\n")]


def kept(ledger: TrialLedger, said: list[list[str]]) -> bool:
    """Whether the ledger holds everything that was acknowledged."""
    states = {record.number: record.state for record in ledger.looks("BTC_5M")}
    notes = {note.digest for note in ledger.notes("BTC_5M")}
    looks = {int(what): verb for verb, what in said if verb != "noted"}
    return all(
        number in states and (verb == "begun" or states[number] == verb) for number, verb in looks.items()
    ) and notes >= {what for verb, what in said if verb == "noted"}


@pytest.mark.parametrize(("processes", "looks"), [(2, 200), (6, 20)])
def test_processes_that_create_and_fill_a_ledger_at_once_lose_nothing(
    tmp_path: Path, processes: int, looks: int
) -> None:
    path = tmp_path / "trials.db"
    children = [start(path, f"child {k}", looks) for k in range(processes)]
    for child in children:
        go(child)
    said = [acknowledged(child) for child in children]
    assert [child.returncode for child in children] == [0] * processes
    assert [len(lines) for lines in said] == [3 * looks] * processes
    ledger = TrialLedger(path)
    assert all(kept(ledger, lines) for lines in said)
    records = ledger.looks("BTC_5M")
    assert len(records) == processes * looks
    assert {record.state for record in records} == {"finished", "failed"}
    found = ledger.verify()
    assert (found.entries, found.broken) == (3 * processes * looks, 0)
    # Both configurations of a look, and every child's k-th look, are one and the same.
    assert len(ledger.trials("BTC_5M", "recorded")) == looks


def kill_while_writing(tmp_path: Path, kills: int) -> None:
    rng = np.random.default_rng(kills)
    path = tmp_path / "trials.db"
    said: list[list[str]] = []
    for round_ in range(kills):
        child = start(path, f"round {round_}", 10_000)
        go(child)
        assert child.stdout is not None
        # Counted in lines and not in time only, so that a busy machine is interrupted at work as well.
        said += [child.stdout.readline().split() for _ in range(int(rng.integers(0, 12)))]
        time.sleep(float(rng.uniform(0.0, 0.01)))
        os.kill(child.pid, signal.SIGKILL)
        said += acknowledged(child)
        assert child.returncode == -signal.SIGKILL
        if path.exists():
            ledger = TrialLedger(path)
            assert ledger.verify().broken == 0
            assert kept(ledger, said)
    ledger = TrialLedger(path)
    assert kept(ledger, said)
    assert len(said) > kills
    table = ledger.trials("BTC_5M", "recorded")
    assert table.finished.any()
    assert (table.bets[table.finished] > 0).all()


def test_what_was_acknowledged_survives_twenty_kills(tmp_path: Path) -> None:
    kill_while_writing(tmp_path, 20)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_hundred_kills(tmp_path: Path) -> None:
    kill_while_writing(tmp_path, 100)


def test_a_writer_is_not_held_up_by_one_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    doomed, other = start(path, "doomed", 10_000), start(path, "other", 50)
    go(doomed)
    go(other)
    assert doomed.stdout is not None
    before = [doomed.stdout.readline().split() for _ in range(10)]
    os.kill(doomed.pid, signal.SIGKILL)
    said = acknowledged(other)
    assert other.returncode == 0
    assert len(said) == 150
    ledger = TrialLedger(path)
    assert kept(ledger, said + before + acknowledged(doomed))
    assert ledger.verify().broken == 0
