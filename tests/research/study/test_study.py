"""A study end to end: the same for any number of workers, resumed where it stopped, and true to the pipeline."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from arena.errors import ConfigError, DataError
from research.cli.backtest import app
from research.study import pool
from research.study.attempts import attempts
from research.study.fair import redraw
from research.study.market import LabMarket, open_market, part_of, plan_of
from research.study.naive import p_alone
from research.study.pool import HEADER, MARKETS, run_study
from research.study.rates import persistence
from research.study.records import read
from research.study.report import render
from research.study.screen import show
from research.study.settings import Settings, Task
from research.study.summary import summarise, to_json
from research.walk import stitch
from tests.research.study.conftest import RUNS, Study

RUNNER = CliRunner()
REPLAYS = {"honest costs", "causal", "survives latency", "survives cost", "no needle"}


def test_an_interrupt_waits_for_both_workers_whose_records_are_those_of_one(fair: Study, tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(fair.settings, RUNS, tmp_path, workers=2, progress=stop)
    assert read(tmp_path / MARKETS) == fair.records


def test_a_study_that_is_complete_is_not_run_again(fair: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_work", None)
    before = (fair.folder / MARKETS).read_bytes()
    assert run_study(fair.settings, RUNS, fair.folder, workers=1) == fair.records
    assert (fair.folder / MARKETS).read_bytes() == before


def test_an_interrupted_study_resumes_and_a_torn_line_is_done_again(
    fair: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(fair.folder / HEADER, tmp_path)
    first, second = (fair.folder / MARKETS).read_bytes().splitlines(keepends=True)
    (tmp_path / MARKETS).write_bytes(first + second[: len(second) // 2])
    opened = []

    def again(study: Settings, task: Task, causal: bool) -> object:
        opened.append(task)
        return fair.records[task.run]

    monkeypatch.setattr(pool, "_work", again)
    assert run_study(fair.settings, RUNS, tmp_path, workers=1) == fair.records
    assert opened == [Task(1, 0)]
    assert (tmp_path / MARKETS).read_bytes() == first + second


def test_markets_that_had_finished_survive_an_interrupt(
    fair: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(fair.folder / HEADER, tmp_path)

    def one_then_stop(study: Settings, task: Task, causal: bool) -> object:
        if task.run == 1:
            raise KeyboardInterrupt
        return fair.records[task.run]

    monkeypatch.setattr(pool, "_work", one_then_stop)
    with pytest.raises(KeyboardInterrupt):
        run_study(fair.settings, RUNS, tmp_path, workers=1)
    assert read(tmp_path / MARKETS) == fair.records[:1]


def test_a_folder_holds_one_study(fair: Study) -> None:
    with pytest.raises(ConfigError, match="holds another study"):
        run_study(replace(fair.settings, seed=99), RUNS, fair.folder, workers=1)


def test_new_markets_are_not_mixed_with_those_of_other_code(fair: Study, tmp_path: Path) -> None:
    shutil.copytree(fair.folder, tmp_path, dirs_exist_ok=True)
    header = json.loads((tmp_path / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps(header | {"code": "older"}))
    assert run_study(fair.settings, RUNS, tmp_path, workers=1) == fair.records
    with pytest.raises(ConfigError, match="another version of the code"):
        run_study(fair.settings, RUNS + 1, tmp_path, workers=1)


def test_a_line_that_is_no_market_is_named(fair: Study, tmp_path: Path) -> None:
    (tmp_path / MARKETS).write_bytes((fair.folder / MARKETS).read_bytes() + b'{"run": 3}\n')
    with pytest.raises(DataError, match="line 3"):
        read(tmp_path / MARKETS)


def test_each_draw_is_another_researcher_and_each_market_another_world(fair: Study) -> None:
    p_values = [r.found[-1].p_value for record in fair.records for r in record.researchers]
    assert len(p_values) == RUNS * fair.settings.redraws
    assert len(set(p_values)) > 1
    assert fair.records[0].researchers != fair.records[1].researchers


def test_fewer_trials_are_the_first_configurations_of_the_same_grid(market: LabMarket, fair: Study) -> None:
    assert [found.trials for found in fair.records[0].researchers[0].found] == [10, 25, 40]
    todo = plan_of(market.todo, slice(10))
    assert todo.grid == market.todo.grid[:10]
    assert todo.experiment.grid.size == 10


def test_a_first_attempt_is_held_to_its_share_of_alpha_and_no_adjustment_helps(fair: Study) -> None:
    asked = [f for record in fair.records for r in record.researchers for f in r.found if f.adjusted_p is not None]
    assert all(f.adjusted_p == pytest.approx(min(1.0, f.p_value / 0.8)) for f in asked)
    for record in fair.records:
        for researcher in record.researchers:
            assert researcher.attempts is not None
            pairs = zip(researcher.attempts.p_values, researcher.attempts.adjusted, strict=True)
            assert all(adjusted is None or adjusted >= p for p, adjusted in pairs)


def test_the_ledger_charges_a_second_attempt_for_the_first(market: LabMarket) -> None:
    windows = market.prepared.windows
    table = redraw(market.table, windows["outcome"], np.random.default_rng(11).random(windows.size))
    found = attempts(market, table, alpha=1.1)
    first, second = found.adjusted
    assert first == pytest.approx(min(1.0, found.p_values[0] / 0.8))
    assert second is not None
    # A tenth of alpha is left for it, and what the first grid showed is in its family.
    assert second >= min(1.0, found.p_values[1] / 0.1)
    assert second > found.p_values[1]


def test_attempts_are_asked_of_the_ledger_exactly_where_they_pass_alone(fair: Study) -> None:
    for record in fair.records:
        for researcher in record.researchers:
            assert researcher.attempts is not None
            pairs = zip(researcher.attempts.p_values, researcher.attempts.adjusted, strict=True)
            assert all((p < 0.05) == (adjusted is not None) for p, adjusted in pairs)


def test_the_more_attempts_the_more_pass_and_never_more_by_the_ledger_than_alone(fair: Study) -> None:
    rows = persistence(fair.records, 0.5)
    assert [row.attempts for row in rows] == [1, 2]
    for before, after in pairwise(rows):
        assert after.alone.estimate >= before.alone.estimate
        assert after.ledger.estimate >= before.ledger.estimate
    assert all(row.ledger.estimate <= row.alone.estimate for row in rows)


def test_the_whole_verdict_is_asked_in_efficient_and_lagged_markets(efficient: Study, lagged: Study) -> None:
    for study in (efficient, lagged):
        for record in study.records:
            for found in record.researchers[0].found:
                assert found.edge == (not found.failed)
                assert "causal" not in found.failed
    assert any(REPLAYS & set(f.failed) for f in efficient.records[0].researchers[0].found)
    assert efficient.records[0].researchers[0].found[-1].seed_booked is not None


def test_a_lagged_researcher_s_bets_are_those_of_the_walk_on_the_same_windows(lagged: Study) -> None:

    opened = open_market(lagged.settings.experiment(Task(0, 1500)))
    table = part_of(opened.table, slice(288), slice(None))
    _, stitched = stitch(table, opened.prepared.windows, opened.todo.experiment, opened.stake_fraction)
    found = lagged.records[0].researchers[0].found[0]
    assert found.p_value == p_alone(stitched.won, stitched.cost)
    assert found.wins == int((stitched.won == 1).sum())


def test_settings_drop_what_their_mode_does_not_use() -> None:
    assert Settings.of("efficient", redraws=3, lags_ms=(1,)).digest == Settings.of("efficient").digest
    assert Settings.of("fair", redraws=3).digest != Settings.of("fair").digest
    assert Settings.of("lagged", days=5, at_days=(2, 5, 9)).at_days == (2, 5)


def test_the_page_and_the_json_hold_every_table_of_every_mode(fair: Study, efficient: Study, lagged: Study) -> None:
    figures = {"fair": {"promotions", "persistence", "p-values"}, "efficient": {"promotions", "p-values"}}
    figures["lagged"] = {"power"}
    for study in (fair, efficient, lagged):
        summary = summarise(study.settings, study.records)
        html = render(summary, True)
        shown = set(re.findall(r'data-into="f-([\w-]+)"', html))
        assert shown == figures[study.settings.mode]
        assert json.loads(json.dumps(to_json(summary), allow_nan=False))["researchers"] == summary.researchers


def test_the_screen_shows_rates_with_intervals(fair: Study) -> None:
    from rich.console import Console

    console = Console(record=True, width=120, quiet=False, file=None, force_terminal=False)
    with console.capture() as captured:
        show(summarise(fair.settings, fair.records), console)
    assert re.search(r"^ +40 .* \d+\.\d \(\d+\.\d–\d+\.\d\)", captured.get(), re.MULTILINE)


def test_the_command_writes_its_folder_and_says_where(tmp_path: Path) -> None:
    arguments = ["study", "--mode", "fair", "--runs", "1", "--days", "1", "--grid", "10", "--redraws", "1"]
    outcome = RUNNER.invoke(app, [*arguments, "--workers", "1", "--out", str(tmp_path / "s")])
    assert outcome.exit_code == 0, outcome.output
    assert {p.name for p in (tmp_path / "s").iterdir()} == {HEADER, MARKETS, "summary.json", "study.html"}
    assert "study.html" in outcome.stdout
    assert json.loads((tmp_path / "s" / "summary.json").read_text())["markets"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mode", "lucky"], "unknown mode 'lucky'"),
        (["--mode", "fair", "--grid", "9"], "too small"),
        (["--mode", "fair", "--redraws", "0"], "at least one"),
        (["--mode", "fair", "--days", "0"], "data.lab.days"),
        (["--mode", "lagged", "--lag-ms", "soon"], "not a list of whole numbers"),
        (["--mode", "lagged", "--lag-ms", "-5"], "negative"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = RUNNER.invoke(app, ["study", *arguments])
    assert outcome.exit_code == 2
    assert says in outcome.stderr
    assert outcome.stderr.strip().count("\n") == 0
    assert list(tmp_path.iterdir()) == []
