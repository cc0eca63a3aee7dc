"""``arena-backtest trials``: what it shows, and what it refuses."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from arena.validation.deflation import expected_maximum
from research.cli.backtest import app
from research.trials.ledger import TrialLedger
from research.trials.view import view
from tests.research.trials.conftest import look_at, seen

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_TRIALS", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def book(tmp_path: Path) -> TrialLedger:
    """Two worlds, two ideas, a failed and an unfinished look, and a note."""
    ledger = TrialLedger(tmp_path / "trials.db")
    rng = np.random.default_rng(0)
    returns = np.repeat(rng.standard_normal((200, 3)), 10, axis=1) + 0.2 * rng.standard_normal((200, 30))
    ledger.finish(ledger.begin(look_at(200), [{"edge": k / 100} for k in range(30)]), seen(returns))
    ledger.fail(ledger.begin(look_at(200, idea="[ride] it", kind="slider"), [{"edge": 7.0}]), "interrupted")
    ledger.begin(look_at(200, idea="[ride] it", kind="evolution"), [{"edge": 8.0}, {"edge": 9.0}])
    ledger.finish(ledger.begin(look_at(200, world="lab-lagged"), [{"edge": 0.0}]), seen(returns[:, :1]))
    ledger.note("sealed", "BTC_5M", "[ride] it", {"windows": 900, "digest": "ab" * 40})
    return ledger


def shown(*arguments: str) -> str:
    outcome = RUNNER.invoke(app, ["trials", *arguments])
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stderr == ""
    return outcome.stdout


def line(text: str, begins: str) -> str:
    return next(row for row in text.splitlines() if row.strip().startswith(begins))


def test_without_a_strategy_the_strategies_are_listed(book: TrialLedger) -> None:
    book.begin(look_at(strategy="ETH_15M"), [{"edge": 1.0}])
    text = shown()
    assert line(text, "BTC_5M").split()[1] == "4"
    assert "recorded, lab-lagged" in line(text, "BTC_5M")
    assert line(text, "ETH_15M").split()[1] == "1"
    assert json.loads(shown("--json"))["strategies"] == ["BTC_5M", "ETH_15M"]


@pytest.mark.parametrize("name", ["BTC_5M", "btc_5m", "btc-5m"])
def test_a_strategy_shows_counts_ideas_looks_notes_and_the_chain(book: TrialLedger, name: str) -> None:
    text = shown(name)
    assert line(text, "trials       33").rstrip() == (
        "trials       33, 30 with an outcome, 3 without; all count. Looks: 1 finished, 1 failed, 1 unfinished"
    )
    assert "of 30 that bet differently: clusters 3, effective rank" in text
    assert line(text, "3      2").rstrip().endswith("[ride] it")
    assert line(text, "30      1").rstrip().endswith("fade the open")
    assert "failed: interrupted" in text
    assert "windows 900" in line(text, "8 ")
    assert f"chain intact: 8 entries, head {book.verify().head[:16]}" in text
    assert text.index("\nrecorded\n") < text.index("\nlab-lagged\n") < text.index("latest looks")


def test_luck_is_the_expected_best_of_all_trials(book: TrialLedger) -> None:
    table = book.trials("BTC_5M", "recorded")
    sharpes = table.mean[:30] / table.deviation[:30]
    recorded, lab = json.loads(shown("btc_5m", "--json"))["worlds"]
    assert recorded["variance"] == pytest.approx(sharpes.var(ddof=1))
    assert recorded["luck"] == pytest.approx(math.sqrt(sharpes.var(ddof=1)) * expected_maximum(33))
    assert recorded["best"]["sharpe"] == pytest.approx(sharpes.max())
    assert recorded["best"]["trial"] == table.trial[sharpes.argmax()]
    assert (lab["trials"], lab["variance"], lab["luck"]) == (1, None, None)
    assert f"{recorded['luck']:+.4f} is what luck alone expects of the best of 33" in shown("btc_5m")


def test_only_the_latest_looks_are_shown(book: TrialLedger) -> None:
    for k in range(12):
        book.begin(look_at(200, evaluation=f"again {k}"), [{"edge": 0.0}])
    assert [record.number for record in view(book, "BTC_5M").looks] == list(range(11, 21))


def test_a_broken_chain_is_named_and_the_exit_code_is_1(book: TrialLedger) -> None:
    with closing(sqlite3.connect(book.path)) as db:
        db.execute("DROP TRIGGER entries_update")
        db.execute("UPDATE entries SET at_ns = 5 WHERE number = 3")
        db.commit()
    outcome = RUNNER.invoke(app, ["trials", "btc_5m"])
    assert outcome.exit_code == 1
    assert "BROKEN: entry 3 is not what was written. Restore" in outcome.stdout
    assert json.loads(RUNNER.invoke(app, ["trials", "btc_5m", "--json"]).stdout)["verification"]["broken"] == 3


def test_a_broken_entry_that_cannot_even_be_read_is_named(book: TrialLedger) -> None:
    with closing(sqlite3.connect(book.path)) as db:
        db.execute("DROP TRIGGER entries_update")
        db.execute("UPDATE entries SET body = '{' WHERE number = 4")
        db.commit()
    outcome = RUNNER.invoke(app, ["trials", "btc_5m"])
    assert outcome.exit_code == 2
    assert "cannot be read" in outcome.stderr
    assert outcome.stderr.rstrip().endswith("Here: entry 4 is not what was written.")


def test_the_ledger_is_found_beside_the_store_by_name_or_by_environment(
    book: TrialLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert "33" in shown("btc_5m", "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db")
    assert "33" in shown("btc_5m", "--ledger", str(book.path))
    monkeypatch.setenv("ARENA_TRIALS", str(book.path))
    assert "33" in shown("btc_5m")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ledger", "none.db"], "there is no trial ledger at none.db yet"),
        (["eth_15m", "--ledger", "trials.db"], "nothing was ever tried for ETH_15M in trials.db; it holds BTC_5M."),
        (["--ledger", "text.db"], "is damaged"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    book: TrialLedger, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.db").write_text("not a database at all, but long enough to have a header" * 10)
    before = {path.name for path in tmp_path.iterdir()}
    outcome = RUNNER.invoke(app, ["trials", *arguments])
    assert outcome.exit_code == 2, outcome.output
    assert says in outcome.stderr
    assert outcome.stderr.strip().count("\n") == 0
    assert outcome.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} == before


def test_help_shows_how() -> None:
    text = shown("--help")
    for word in ("--ledger", "--tracking-uri", "--json", "ARENA_TRIALS", "arena-backtest trials btc_5m"):
        assert word in text
