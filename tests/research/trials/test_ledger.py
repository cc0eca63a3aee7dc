"""The ledger: what counts as a trial, what is kept, and what is refused."""

from __future__ import annotations

import doctest
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import research.trials
from research.trials import store
from research.trials.ledger import TrialLedger, ledger_path
from research.trials.records import LedgerError, Look, Outcomes
from research.trials.sketch import DIMENSIONS, sketch
from tests.research.trials.conftest import look_at, open_times, seen

ONE, OTHER = {"min_edge": 0.02, "max_price": 0.9}, {"min_edge": 0.04, "max_price": 0.9}


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def count(ledger: TrialLedger, world: str = "recorded") -> int:
    return len(ledger.trials("BTC_5M", world))


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///mlflow.db", "trials.db"),
        ("sqlite:///some/mlflow.db", "some/trials.db"),
        ("sqlite:////data/mlflow.db?timeout=3", "/data/trials.db"),
        ("http://127.0.0.1:5000", "trials.db"),
        ("file:///tmp/mlruns", "trials.db"),
    ],
)
def test_the_ledger_lies_beside_the_tracking_store(uri: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARENA_TRIALS", raising=False)
    assert ledger_path(uri) == Path(path)
    monkeypatch.setenv("ARENA_TRIALS", "elsewhere/looks.db")
    assert ledger_path(uri) == Path("elsewhere/looks.db")


def test_a_configuration_counts_from_the_moment_its_look_begins(ledger: TrialLedger) -> None:
    ledger.begin(look_at(), [ONE, OTHER])
    table = ledger.trials("BTC_5M", "recorded")
    assert len(table) == 2
    assert not table.finished.any()
    assert not table.sketch.any()
    assert table.slots.tolist() == table.bets.tolist() == [0, 0]
    assert ledger.looks("BTC_5M")[0].state == "unfinished"


def test_a_failed_look_counts_and_says_why(ledger: TrialLedger) -> None:
    number = ledger.begin(look_at(), [ONE, OTHER])
    ledger.fail(number, "interrupted")
    [record] = ledger.looks("BTC_5M")
    assert (record.state, record.why, record.configurations) == ("failed", "interrupted", 2)
    assert record.ended_ns >= record.at_ns
    assert count(ledger) == 2


def test_a_finished_look_keeps_moments_and_sketches_in_its_order(ledger: TrialLedger) -> None:
    returns = np.array([[0.5, 0.0, 0.1], [-1.0, 0.0, 0.1], [0.5, 0.0, 0.1], [0.0, 0.0, 0.1]])
    number = ledger.begin(look_at(4), [ONE, OTHER, {"min_edge": 0.5, "max_price": 0.1}])
    ledger.finish(number, seen(returns))
    table = ledger.trials("BTC_5M", "recorded")
    assert table.finished.all()
    assert table.slots.tolist() == [4, 4, 4]
    assert table.bets.tolist() == [3, 0, 4]
    assert table.mean.tolist() == pytest.approx([0.0, 0.0, 0.1])
    assert table.deviation.tolist() == pytest.approx([np.sqrt(1.5 / 3), 0.0, 0.0])
    assert table.deviation[2] == 0.0
    assert table.varies.tolist() == [True, False, False]
    assert table.sketch.dtype == np.float32
    assert np.array_equal(table.sketch, sketch(returns, open_times(4)))
    assert ledger.looks("BTC_5M")[0].state == "finished"


def test_the_table_tells_of_the_look_that_was_first(ledger: TrialLedger) -> None:
    first = ledger.begin(look_at(evaluation="e1", idea="one", kind="slider"), [ONE])
    second = ledger.begin(look_at(evaluation="e2", idea="two", kind="sweep"), [OTHER, ONE])
    table = ledger.trials("BTC_5M", "recorded")
    assert table.look.tolist() == [first, second]
    assert table.evaluation.tolist() == ["e1", "e2"]
    assert table.idea.tolist() == ["one", "two"]
    assert table.kind.tolist() == ["slider", "sweep"]
    assert table.market.tolist() == ["polymarket/BTC/300s"] * 2
    assert table.first_ns.tolist() == [look_at().first_ns] * 2
    assert table.last_ns.tolist() == [look_at().last_ns] * 2


def test_a_trial_first_lost_and_then_repeated_has_the_outcome_of_the_repetition(ledger: TrialLedger) -> None:
    ledger.fail(ledger.begin(look_at(3, evaluation="e1"), [ONE]), "killed")
    ledger.finish(ledger.begin(look_at(3, evaluation="e2"), [ONE]), seen(np.array([[1.0], [0.0], [0.0]])))
    table = ledger.trials("BTC_5M", "recorded")
    assert (table.evaluation.tolist(), table.finished.tolist(), table.bets.tolist()) == (["e1"], [True], [1])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("market", "polymarket/ETH/300s"),
        ("data", "cd34"),
        ("first_ns", 5),
        ("last_ns", 2**62),
        ("execution", "touch"),
        ("costs", "seed-default"),
    ],
)
def test_what_a_configuration_is_evaluated_on_makes_another_trial(
    ledger: TrialLedger, field: str, value: object
) -> None:
    ledger.begin(look_at(), [ONE])
    ledger.begin(replace(look_at(), **{field: value}), [ONE])  # type: ignore[arg-type]
    assert count(ledger) == 2


@pytest.mark.parametrize(("field", "value"), [("idea", "late"), ("kind", "slider"), ("evaluation", "e2")])
def test_what_a_look_is_called_makes_no_other_trial(ledger: TrialLedger, field: str, value: str) -> None:
    ledger.begin(look_at(), [ONE])
    ledger.begin(replace(look_at(), **{field: value}), [ONE])  # type: ignore[arg-type]
    assert count(ledger) == 1


def test_strategies_and_worlds_are_kept_apart(ledger: TrialLedger) -> None:
    ledger.begin(look_at(), [ONE])
    ledger.begin(look_at(world="lab-efficient"), [ONE, OTHER])
    ledger.begin(look_at(strategy="ETH_15M"), [ONE])
    assert count(ledger) == 1
    assert count(ledger, "lab-efficient") == 2
    assert count(ledger, "lab-lagged") == 0
    assert ledger.strategies() == ["BTC_5M", "ETH_15M"]
    assert len(ledger.looks("BTC_5M")) == 2


@pytest.mark.parametrize(
    ("one", "other", "trials"),
    [
        (0.3, 0.1 + 0.2, 1),
        (0.3, 0.3000000000001, 1),
        (0.3, 0.30000000001, 2),
        (0.0, -0.0, 1),
        (1e300, 1.1e300, 2),
        (1, 1.0, 1),
    ],
)
def test_levers_count_to_twelve_digits(ledger: TrialLedger, one: float, other: float, trials: int) -> None:
    ledger.begin(look_at(), [{"edge": one}])
    ledger.begin(look_at(), [{"edge": other}])
    assert count(ledger) == trials


def test_the_name_of_a_lever_belongs_to_the_configuration(ledger: TrialLedger) -> None:
    ledger.begin(look_at(), [{"a": 1.0, "b": 2.0}])
    ledger.begin(look_at(), [{"b": 2.0, "a": 1.0}])
    ledger.begin(look_at(), [{"a": 1.0, "c": 2.0}])
    assert count(ledger) == 2


levers = st.integers(0, 4)
grids = st.lists(st.tuples(levers, levers), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(history=st.lists(st.tuples(grids, st.sampled_from(["finish", "fail", "kill"])), max_size=6))
def test_trials_are_the_distinct_configurations_in_the_order_of_their_first_look(
    history: list[tuple[list[tuple[int, int]], str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = TrialLedger(tmp_path_factory.mktemp("history") / "trials.db")
    first_look: dict[tuple[int, int], int] = {}
    known: set[tuple[int, int]] = set()
    for grid, end in history:
        number = ledger.begin(look_at(3), [{"a": a / 7, "b": b / 7} for a, b in grid])
        for configuration in grid:
            first_look.setdefault(configuration, number)
        if end == "finish":
            ledger.finish(number, seen(np.array([[a - b + 0.5, 0, 0] for a, b in grid]).T))
            known |= set(grid)
        elif end == "fail":
            ledger.fail(number, "why not")
    table = ledger.trials("BTC_5M", "recorded")
    assert table.look.tolist() == list(first_look.values())
    assert table.finished.tolist() == [configuration in known for configuration in first_look]
    expected = [(a - b + 0.5) / 3 if (a, b) in known else 0.0 for a, b in first_look]
    assert table.mean.tolist() == pytest.approx(expected)
    assert len(set(table.trial)) == len(table)
    assert ledger.verify().broken == 0


def test_repeating_a_look_changes_no_trial_and_stores_no_array_again(ledger: TrialLedger) -> None:
    grid = [{"edge": k / 300} for k in range(300)]
    outcomes = seen(np.random.default_rng(0).standard_normal((50, 300)))
    ledger.finish(ledger.begin(look_at(50), grid), outcomes)
    before, size = ledger.trials("BTC_5M", "recorded"), ledger.path.stat().st_size
    for _ in range(5):
        ledger.finish(ledger.begin(look_at(50), grid), outcomes)
    after = ledger.trials("BTC_5M", "recorded")
    for name in ("trial", "look", "evaluation", "finished", "mean", "deviation", "bets", "sketch"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    assert len(ledger.looks("BTC_5M")) == 6
    assert ledger.path.stat().st_size - size < 20_000 < size


def test_the_configurations_of_a_look_can_be_read_back_exactly(ledger: TrialLedger) -> None:
    rng = np.random.default_rng(0)
    grid = [{"b": float(rng.standard_normal()), "a": 1.0, "c": -1e-300} for _ in range(20)]
    number = ledger.begin(look_at(), grid)
    assert ledger.configurations(number) == grid
    assert ledger.configurations(ledger.begin(look_at(), [{}])) == [{}]


def test_notes_are_told_apart_by_kind_and_their_digest_is_in_the_chain(ledger: TrialLedger) -> None:
    sealed = ledger.note("sealed", "BTC_5M", "late", {"first_ns": 5, "levers": {"a": [1, 2.5, None, "é"]}})
    ledger.note("opened", "BTC_5M", "late", {})
    ledger.note("sealed", "ETH_15M", "late", {})
    assert [note.kind for note in ledger.notes("BTC_5M")] == ["sealed", "opened"]
    [note] = ledger.notes("BTC_5M", "sealed")
    assert note.body == {"first_ns": 5, "levers": {"a": [1, 2.5, None, "é"]}}
    assert (note.idea, note.digest, note.number) == ("late", sealed, 1)
    assert count(ledger) == 0
    assert ledger.strategies() == ["BTC_5M", "ETH_15M"]


def test_time_comes_from_the_clock_that_was_given(tmp_path: Path) -> None:
    ticks = iter([10, 20, 30])
    ledger = TrialLedger(tmp_path / "trials.db", clock=lambda: next(ticks))
    ledger.fail(ledger.begin(look_at(), [ONE]), "")
    ledger.note("sealed", "BTC_5M", "", {})
    [record] = ledger.looks("BTC_5M")
    assert (record.at_ns, record.ended_ns, ledger.notes("BTC_5M")[0].at_ns) == (10, 20, 30)


def outcomes(rows: int = 1, **changes: object) -> Outcomes:
    fields: dict[str, object] = {
        "slots": 3,
        "bets": np.ones(rows, dtype=np.int64),
        "mean": np.zeros(rows),
        "deviation": np.ones(rows),
        "sketch": np.zeros((rows, DIMENSIONS), dtype=np.float32),
    }
    return Outcomes(**(fields | changes))  # type: ignore[arg-type]


def test_a_look_ends_once_and_only_with_its_own_rows(ledger: TrialLedger) -> None:
    number = ledger.begin(look_at(), [ONE])
    with pytest.raises(LedgerError, match="began with 1 configurations but has 2 outcomes"):
        ledger.finish(number, outcomes(2))
    ledger.finish(number, outcomes())
    for again in (lambda: ledger.finish(number, outcomes()), lambda: ledger.fail(number, "late")):
        with pytest.raises(LedgerError, match=f"look {number} has already finished"):
            again()
    failed = ledger.begin(look_at(), [ONE])
    ledger.fail(failed, "x")
    with pytest.raises(LedgerError, match="has already failed"):
        ledger.finish(failed, outcomes())
    assert ledger.verify().entries == 4


@pytest.mark.parametrize("number", [0, 2, 99])
def test_a_number_that_is_no_look_is_refused(ledger: TrialLedger, number: int) -> None:
    ledger.begin(look_at(), [ONE])
    ledger.note("sealed", "BTC_5M", "", {})
    for act in (
        lambda: ledger.finish(number, outcomes()),
        lambda: ledger.fail(number, ""),
        lambda: ledger.configurations(number),
    ):
        with pytest.raises(LedgerError, match=f"has no look {number}"):
            act()


def test_what_makes_no_sense_is_refused_before_it_is_written(ledger: TrialLedger) -> None:
    with pytest.raises(LedgerError, match="at least one configuration"):
        ledger.begin(look_at(), [])
    with pytest.raises(LedgerError, match="configuration 1 has other levers"):
        ledger.begin(look_at(), [ONE, {"min_edge": 1.0}])
    with pytest.raises(LedgerError, match="not plain JSON"):
        ledger.note("sealed", "BTC_5M", "", {"figure": float("nan")})
    with pytest.raises(LedgerError, match="not plain JSON"):
        ledger.note("sealed", "BTC_5M", "", {"figure": object()})
    assert ledger.verify().entries == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "glance"}, "kind 'glance'; choose walk-forward"),
        ({"world": ""}, "needs a strategy"),
        ({"evaluation": ""}, "needs a strategy"),
        ({"last_ns": 0}, "before it begins"),
    ],
)
def test_a_look_that_cannot_be_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(LedgerError, match=says):
        look_at(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mean": np.array([np.nan])}, "NaN or an infinity"),
        ({"sketch": np.full((1, DIMENSIONS), np.inf, dtype=np.float32)}, "NaN or an infinity"),
        ({"deviation": np.zeros(2)}, "one row per configuration"),
        ({"sketch": np.zeros((1, 8), dtype=np.float32)}, "one row per configuration"),
    ],
)
def test_outcomes_that_cannot_be_are_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(LedgerError, match=says):
        outcomes(**changes)


TABLES = ("entries", "payloads")


@pytest.mark.parametrize(
    "statement",
    [f"DELETE FROM {table}" for table in TABLES]
    + [f"UPDATE {table} SET digest = zeroblob(32)" for table in TABLES]
    + [
        "UPDATE entries SET body = replace(body, 'fade', 'ride')",
        "INSERT OR REPLACE INTO payloads SELECT digest, x'00' FROM payloads LIMIT 1",
        "INSERT OR REPLACE INTO entries SELECT number, at_ns, kind, strategy, about, 'x', payload, previous, digest "
        "FROM entries LIMIT 1",
        "INSERT INTO entries SELECT number + 5, at_ns, kind, strategy, 7, body, payload, digest, digest FROM entries",
        "INSERT INTO entries SELECT number + 1, at_ns, kind, strategy, 7, body, payload, previous, digest FROM entries",
    ],
)
def test_the_file_refuses_every_change_by_any_program(ledger: TrialLedger, statement: str) -> None:
    ledger.begin(look_at(), [ONE])
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        run_sql(ledger.path, statement)
    assert ledger.verify().broken == 0
    assert count(ledger) == 1


def filled(ledger: TrialLedger) -> None:
    number = ledger.begin(look_at(3), [ONE, OTHER])
    ledger.finish(number, seen(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])))
    ledger.note("sealed", "BTC_5M", "late", {"a": 1})
    ledger.note("opened", "BTC_5M", "late", {"a": 2})


def test_the_chain_of_an_untouched_ledger_is_intact_and_its_head_is_the_last_note(ledger: TrialLedger) -> None:
    assert (ledger.verify().entries, ledger.verify().broken) == (0, 0)
    filled(ledger)
    head = ledger.note("verdict", "BTC_5M", "", {})
    found = ledger.verify()
    assert (found.entries, found.broken, found.why, found.head) == (5, 0, "", head)


DROP = tuple(
    f"DROP TRIGGER {name}"
    for name in ("entries_update", "entries_delete", "entries_chain", "payloads_update", "payloads_delete")
)


@pytest.mark.parametrize(
    ("statement", "broken", "why"),
    [
        ("UPDATE entries SET body = replace(body, '0.', '1.') || ' ' WHERE number = 2", 2, "not what was written"),
        ("UPDATE entries SET at_ns = at_ns + 1 WHERE number = 3", 3, "not what was written"),
        ("UPDATE entries SET kind = 'note' WHERE number = 1", 1, "not what was written"),
        ("UPDATE entries SET strategy = 'ETH_15M' WHERE number = 4", 4, "not what was written"),
        ("UPDATE entries SET about = NULL WHERE number = 2", 2, "not what was written"),
        ("UPDATE entries SET payload = NULL WHERE number = 2", 2, "not what was written"),
        ("UPDATE entries SET digest = zeroblob(32) WHERE number = 4", 4, "not what was written"),
        ("UPDATE entries SET previous = zeroblob(32) WHERE number = 3", 3, "does not follow"),
        ("UPDATE entries SET payload = 'text' WHERE number = 2", 2, "not what was written"),
        ("UPDATE entries SET body = CAST(x'7bff7d' AS TEXT) WHERE number = 2", 2, "not what was written"),
        ("DELETE FROM entries WHERE number = 1", 1, "entry 1 is missing"),
        ("DELETE FROM entries WHERE number = 3", 3, "entry 3 is missing"),
        ("DELETE FROM payloads WHERE digest = (SELECT payload FROM entries WHERE number = 2)", 2, "missing"),
        (
            "UPDATE payloads SET bytes = x'02' || substr(bytes, 2) "
            "WHERE digest = (SELECT payload FROM entries WHERE number = 2)",
            2,
            "payload of entry 2 is not what was written",
        ),
    ],
)
def test_an_edit_behind_the_triggers_is_found_and_named(
    ledger: TrialLedger, statement: str, broken: int, why: str
) -> None:
    filled(ledger)
    run_sql(ledger.path, *DROP, statement)
    found = ledger.verify()
    assert found.broken == broken
    assert why in found.why


def test_entries_cut_off_at_the_end_are_found_by_a_head_kept_elsewhere(ledger: TrialLedger) -> None:
    filled(ledger)
    head = ledger.verify().head
    run_sql(ledger.path, *DROP, "DELETE FROM entries WHERE number = 4")
    assert ledger.verify().broken == 0
    assert ledger.verify().head != head


def test_content_that_somebody_made_unreadable_is_one_sentence(ledger: TrialLedger) -> None:
    filled(ledger)
    run_sql(ledger.path, *DROP, "UPDATE entries SET body = '{' WHERE number = 1")
    for act in (lambda: ledger.looks("BTC_5M"), lambda: count(ledger), lambda: ledger.configurations(1)):
        with pytest.raises(LedgerError, match="cannot be read"):
            act()
    run_sql(ledger.path, "UPDATE payloads SET bytes = x'00'")
    with pytest.raises(LedgerError, match="cannot be read"):
        ledger.trials("BTC_5M", "recorded")


def test_a_format_from_the_future_is_refused(ledger: TrialLedger) -> None:
    run_sql(ledger.path, "PRAGMA user_version = 2")
    with pytest.raises(LedgerError, match="has format 2, this version of Arena knows 1; use the Arena that wrote it"):
        TrialLedger(ledger.path)


def test_another_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    run_sql(path, "CREATE TABLE experiments (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="is a database but not a trial ledger"):
        TrialLedger(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_one_sentence_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    path.write_bytes(b"these are not the trials you are looking for" * 100)
    with pytest.raises(LedgerError, match=r"is damaged .* restore it from a copy"):
        TrialLedger(path)
    assert path.read_bytes().startswith(b"these are not")


@pytest.mark.parametrize("page", range(12))
def test_a_page_overwritten_with_rubbish_never_goes_unnoticed(ledger: TrialLedger, page: int) -> None:
    for k in range(10):
        number = ledger.begin(look_at(3), [{"edge": k / 10}])
        ledger.finish(number, seen(np.array([[1.0], [0.0], [k]])))
    content = bytearray(ledger.path.read_bytes())
    assert len(content) >= 12 * 4096
    content[4096 * page : 4096 * (page + 1)] = b"\xa5" * 4096
    ledger.path.write_bytes(content)
    assert noticed(ledger)


def noticed(ledger: TrialLedger) -> bool:
    try:
        return ledger.verify().broken > 0
    except LedgerError as error:
        return "is damaged" in str(error)


def test_a_ledger_that_another_program_keeps_locked_is_one_sentence(
    ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PATIENCE_S", 0.05)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"was locked by another program for 0\.05 s; close whatever has it open"):
            ledger.begin(look_at(), [ONE])
        assert count(ledger) == 0
        other.execute("ROLLBACK")
    ledger.begin(look_at(), [ONE])
    assert count(ledger) == 1


@pytest.mark.parametrize("place", ["/proc/trials.db", "/proc/nowhere/trials.db", "."])
def test_a_place_where_nothing_can_be_written_is_one_sentence(place: str) -> None:
    with pytest.raises(LedgerError, match="ARENA_TRIALS"):
        TrialLedger(Path(place))


def test_a_read_only_ledger_can_be_read_but_not_written(ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.begin(look_at(), [ONE])
    # Rights do not bind root, so the connection itself is made read-only.
    connect = sqlite3.connect

    def read_only(address: str, **options: object) -> sqlite3.Connection:
        return connect(address.replace("mode=rw", "mode=ro"), **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert count(ledger) == 1
    with pytest.raises(LedgerError, match=r"cannot be opened or written \(attempt to write a readonly database\)"):
        ledger.begin(look_at(), [OTHER])
    assert count(ledger) == 1


def test_the_folder_of_a_new_ledger_is_made(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "new" / "folder" / "trials.db")
    ledger.begin(look_at(), [ONE])
    assert count(TrialLedger(ledger.path)) == 1


def test_every_commit_reaches_the_disk_before_the_call_returns(
    ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, object]] = []
    append = store.Store.append

    def spy(self: store.Store, db: sqlite3.Connection, *rest: object, **named: object) -> store.Entry:
        modes = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        asked.append((modes[0], modes[1]))
        return append(self, db, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(store.Store, "append", spy)
    ledger.fail(ledger.begin(look_at(), [ONE]), "")
    assert asked == [("wal", 2)] * 2


def test_a_look_is_what_was_asked_for(ledger: TrialLedger) -> None:
    look = look_at(idea="späte Drift", kind="evolution")
    ledger.begin(look, [ONE])
    assert ledger.looks("BTC_5M")[0].look == look
    assert isinstance(ledger.looks("BTC_5M")[0].look, Look)


def test_the_example_of_the_package_is_true() -> None:
    found = doctest.testmod(research.trials)
    assert found.attempted > 8
    assert found.failed == 0
