"""Registration and the vault: sealed before any result, left out of every run, opened once it was earned."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from arena.errors import ConfigError, DataError
from arena.lab.config import LabConfig
from arena.market.catalog import MANIFEST, Catalog
from research import holdout
from research.cli.backtest import app
from research.experiment import Experiment, build
from research.holdout import Opened, Registered, open_holdout, register
from research.lab_store import lab_catalog
from research.policy import Policy
from research.provenance import code_digest
from research.record import world_of
from research.report.text import holdout as holdout_text
from research.report.text import registration as registration_text
from research.result import RunResult
from research.run import run
from research.standing import REGISTERED, RESULT, VERDICT
from research.trials.ledger import TrialLedger
from research.vault import OPENED, Seal, last_share, openings, seal, sealed_windows, seals, without_sealed

S = 1_000_000_000
MARKET = "polymarket/BTC/300s"
MIDNIGHT = int(datetime(2026, 9, 14, tzinfo=UTC).timestamp())


# The vault, on frames.


def frame(count: int, first: int = 0) -> pl.DataFrame:
    """Windows of five minutes, one after another."""
    opened = [(MIDNIGHT + 300 * k) * S for k in range(first, first + count)]
    ids = [f"w{k}" for k in range(first, first + count)]
    return pl.DataFrame({"market_id": ids, "open_ns": opened, "close_ns": [t + 300 * S for t in opened]})


@pytest.fixture
def files(tmp_path: Path) -> Catalog:
    """Two hours of windows in a catalog of one file per table."""
    with Catalog.create(tmp_path / "some") as writer:
        writer.write("spot", spot(frame(24)["open_ns"].to_list()))
    return Catalog.open(tmp_path / "some")


def spot(times: list[int]) -> pl.DataFrame:
    n = len(times)
    return pl.DataFrame(
        {
            "recv_ns": times, "event_ns": times, "asset": ["BTC"] * n, "venue": ["coinbase"] * n, "quote": ["USD"] * n,
            "bid": [100.0] * n, "ask": [101.0] * n, "last": [100.5] * n, "source": ["x"] * n,
        }
    )  # fmt: skip


def sealed_in(ledger: TrialLedger, catalog: Catalog, windows: pl.DataFrame, **changes: str) -> Seal:
    names = {"strategy": "S", "idea": "an idea", "experiment": "e1", "world": "recorded", "market": MARKET}
    return seal(ledger, catalog, windows, **(names | changes))


def test_the_last_share_of_the_windows_is_sealed() -> None:
    assert last_share(frame(40), 0.25)["market_id"].to_list() == [f"w{k}" for k in range(30, 40)]


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_share_that_leaves_nothing_on_one_side_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="choose another share"):
        last_share(frame(40), share)


def test_sealed_windows_are_left_out_wherever_they_are_read_from(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    assert without_sealed(frame(24), [held]).equals(frame(18))
    renamed = frame(30).with_columns(source=pl.lit("another recorder"))
    assert without_sealed(renamed, [held])["market_id"].to_list() == [f"w{k}" for k in (*range(18), *range(24, 30))]


def test_a_span_that_ends_inside_a_sealed_stretch_shows_none_of_it(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    assert without_sealed(frame(20), [held]).equals(frame(18))
    assert without_sealed(frame(12, 10), [held]).equals(frame(8, 10))


def test_a_span_that_is_sealed_altogether_is_refused(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    with pytest.raises(DataError, match="every window of this span is sealed"):
        without_sealed(frame(3, 19), [held])


def test_a_seal_holds_for_one_strategy_on_one_market_in_one_world(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    assert seals(ledger, "S", "recorded", MARKET) == [held]
    assert seals(ledger, "T", "recorded", MARKET) == []
    assert seals(ledger, "S", "lab-1", MARKET) == []
    assert seals(ledger, "S", "recorded", "polymarket/ETH/300s") == []


def test_what_was_sealed_is_found_again_while_nothing_has_changed(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    assert sealed_windows(held, files, frame(24)).equals(frame(6, 18))


def test_other_windows_than_were_sealed_are_refused(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    with pytest.raises(DataError, match="not in this catalog as they were sealed"):
        sealed_windows(held, files, frame(23))
    moved = frame(24).with_columns(close_ns=pl.col("close_ns") + 1)
    with pytest.raises(DataError, match="not in this catalog as they were sealed"):
        sealed_windows(held, files, moved)


def test_changed_bytes_are_refused_also_when_the_manifest_says_nothing_of_it(
    ledger: TrialLedger, files: Catalog
) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    (file,) = files.manifest.tables["spot"].files
    path = Path(files.path) / file.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="have changed since it was sealed"):
        sealed_windows(held, Catalog.open(files.path), frame(24))


def test_data_recorded_later_leaves_a_seal_intact(ledger: TrialLedger, files: Catalog) -> None:
    held = sealed_in(ledger, files, frame(6, 18))
    with Catalog.update(files.path) as writer:
        writer.write("spot", spot([(MIDNIGHT + 3 * 86_400) * S]))
    assert sealed_windows(held, Catalog.open(files.path), frame(24)).height == 6


# The whole way, on nine hours of a lab market that is read as if it had been recorded.


ONLY_CAUSAL = {name: {"need": "required" if name == "causal" else "reported"} for name in Policy.model_fields}


def experiment(catalog: Path, **changes: Any) -> Experiment:
    """108 windows, four configurations, two folds; only causality is required, so every verdict is EDGE."""
    raw: dict[str, Any] = {
        "idea": "be faster",
        "data": {"catalog": str(catalog), "end": "2026-09-14T09:00:00Z"},
        "grid": {"size": 4},
        "folds": {"count": 2, "train_blocks": 2},
        "objective": {"min_bets": 1},
        "holdout": {"share": 0.25},
        "gates": ONLY_CAUSAL,
    }
    return build(raw | changes, "test")


@pytest.fixture(scope="module")
def catalog(lab_folder: Path) -> Path:
    return lab_catalog(LabConfig(days=1, seed=3, lag_ms=1500), lab_folder).path


@dataclass(frozen=True)
class Way:
    """What each step of the way gave."""

    ledger: TrialLedger
    experiment: Experiment
    registered: Registered
    refused: str
    result: RunResult
    opened: Opened
    again: Opened
    after: RunResult


@pytest.fixture(scope="module")
def way(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Way:
    """Register, try to open, run, open, open again, run again."""
    folder = tmp_path_factory.mktemp("way")
    ledger, mine = TrialLedger(folder / "trials.db"), experiment(catalog)
    registered = register(mine, ledger, folder)
    with pytest.raises(ConfigError) as refused:
        open_holdout(mine, ledger, folder)
    result = run(mine, ledger=ledger, jobs=2)
    opened, again = open_holdout(mine, ledger, folder), open_holdout(mine, ledger, folder)
    after = run(mine, ledger=ledger, jobs=2)
    return Way(ledger, mine, registered, str(refused.value), result, opened, again, after)


def test_registering_pins_down_everything_that_decides_the_result(way: Way, catalog: Path) -> None:
    (note,) = way.ledger.notes("BTC_5M", REGISTERED)
    assert set(way.registered.digests) == {"code", "parameters", "costs", "data", "gates", "experiment"}
    assert {name: note.body[name] for name in way.registered.digests} == way.registered.digests
    assert note.digest == way.registered.entry
    assert way.registered.looks_before == 0
    held = way.registered.seal
    assert held is not None
    assert held.windows == 27
    assert held.from_ns == (MIDNIGHT + 81 * 300) * S


def test_an_experiment_is_registered_once(way: Way, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"registered already, as entry {way.registered.entry[:16]}"):
        register(way.experiment, way.ledger, tmp_path)


def test_no_run_ever_prepares_a_sealed_window(way: Way) -> None:
    held = way.registered.seal
    assert held is not None
    for result in (way.result, way.after):
        assert result.prepared.windows.shape[0] == 81
        assert result.prepared.windows["open_ns"].max() < held.from_ns
        assert "27 windows are sealed as holdout and were left out" in result.data.notes


def test_a_renamed_copy_is_sealed_too_also_for_another_idea_and_another_span(
    way: Way, catalog: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(catalog, copy)
    data = {"catalog": str(copy), "start": "2026-09-14T02:00:00Z", "end": "2026-09-14T08:00:00Z"}
    other = experiment(copy, idea="another", seed=9, data=data, holdout={})
    result = run(other, ledger=way.ledger, jobs=2, walk_forward=False)
    held = way.registered.seal
    assert held is not None
    assert result.prepared.windows["open_ns"].max() < held.from_ns
    assert result.prepared.windows.shape[0] == 81 - 24


def test_nothing_is_opened_before_a_verdict(way: Way) -> None:
    assert "no verdict since its holdout was sealed" in way.refused
    # The refusal was before the opening was noted: only the two that happened are.
    assert len(openings(way.ledger, "BTC_5M")) == 2


def test_the_opening_chooses_on_the_windows_before_and_scores_on_the_sealed_ones(way: Way) -> None:
    found = way.opened
    assert found.windows == 27
    assert found.configuration in way.result.walk_forward.grid  # type: ignore[union-attr]
    looks = [look for look in way.ledger.looks("BTC_5M") if look.look.kind == "holdout"]
    assert [look.configurations for look in looks] == [1, 1]
    assert looks[0].look.first_ns == found.seal.from_ns
    assert found.wins is not None
    assert found.p_value == pytest.approx(min(found.wins.p_value / 0.8, 1.0))


def test_a_second_opening_is_counted_shown_and_held_against_the_result(way: Way) -> None:
    assert (way.opened.openings, way.again.openings) == (1, 2)
    assert way.again.mean_return == way.opened.mean_return
    assert way.again.wins is not None
    assert way.again.wins == way.opened.wins
    assert way.again.p_value == pytest.approx(min(way.again.wins.p_value / 0.1, 1.0))
    walk = way.after.walk_forward
    assert walk is not None
    assert len(walk.standing.openings) == 2
    assert walk.standing.holdout["openings"] == 2
    gate = next(gate for gate in walk.verdict.gates if gate.name == "holdout")
    assert "opened 2 times, 2 by this idea" in gate.note
    assert holdout_text(walk.standing).startswith("holdout opened 2 times (")


def test_the_verdict_says_that_it_was_registered_and_what_has_changed(way: Way) -> None:
    walk = way.result.walk_forward
    assert walk is not None
    declared = walk.standing.registration
    assert declared is not None
    assert declared.entry == way.registered.entry
    assert declared.changed == ()
    assert walk.standing.seal == way.registered.seal
    assert registration_text(walk.standing).endswith("UTC, 0 looks before, code and data unchanged")
    assert holdout_text(walk.standing) == "holdout of 27 windows sealed, not opened"


def test_a_holdout_already_sealed_is_not_sealed_again(way: Way, catalog: Path, tmp_path: Path) -> None:
    held = way.registered.seal
    assert held is not None
    other = register(experiment(catalog, idea="a second idea"), way.ledger, tmp_path)
    assert other.seal is not None
    assert other.seal.to_ns <= held.from_ns
    assert other.looks_before > 0


def test_a_verdict_from_before_the_sealing_opens_nothing(catalog: Path, ledger: TrialLedger, tmp_path: Path) -> None:
    mine = experiment(catalog)
    said(ledger, mine, edge=True, failed=[])
    register(mine, ledger, tmp_path)
    with pytest.raises(ConfigError, match="no verdict since its holdout was sealed"):
        open_holdout(mine, ledger, tmp_path)


def said(ledger: TrialLedger, mine: Experiment, **changes: Any) -> None:
    """Note a verdict of the running program on the catalog of ``mine``."""
    world = world_of(Catalog.open(mine.data.catalog))
    body = {"experiment": mine.digest, "world": world, "market": "polymarket/BTC/300s", "code": code_digest()}
    ledger.note(VERDICT, "BTC_5M", mine.idea_name, {**body, "edge": True, "failed": [], **changes})


@pytest.mark.parametrize("changes", [{"world": "another"}, {"market": "polymarket/ETH/300s"}])
def test_a_verdict_from_elsewhere_opens_nothing(
    catalog: Path, ledger: TrialLedger, tmp_path: Path, changes: dict[str, str]
) -> None:
    mine = experiment(catalog)
    register(mine, ledger, tmp_path)
    said(ledger, mine, **changes)
    with pytest.raises(ConfigError, match="no verdict since its holdout was sealed"):
        open_holdout(mine, ledger, tmp_path)


def test_a_verdict_on_another_program_opens_nothing(catalog: Path, ledger: TrialLedger, tmp_path: Path) -> None:
    mine = experiment(catalog)
    register(mine, ledger, tmp_path)
    said(ledger, mine, code="another program")
    with pytest.raises(ConfigError, match="the program has changed since the last verdict"):
        open_holdout(mine, ledger, tmp_path)


def test_what_was_seen_before_the_sealing_is_held_against_the_opening(
    catalog: Path, ledger: TrialLedger, tmp_path: Path
) -> None:
    clean, mine = TrialLedger(tmp_path / "clean.db"), experiment(catalog)
    run(experiment(catalog, seed=5, holdout={}), ledger=ledger)
    found = []
    for book in (clean, ledger):
        register(mine, book, tmp_path)
        said(book, mine)
        run(experiment(catalog, seed=6, holdout={}), ledger=book)
        said(book, mine)
        found.append(open_holdout(mine, book, tmp_path))
    alone, burdened = found
    assert alone.wins is not None
    assert alone.wins == burdened.wins
    assert alone.p_value == pytest.approx(min(1.0, alone.wins.p_value / 0.8))
    assert burdened.p_value is not None
    assert burdened.p_value >= min(1.0, alone.wins.p_value / 0.1)


@pytest.fixture
def ready(catalog: Path, ledger: TrialLedger, tmp_path: Path) -> Experiment:
    """A registered experiment whose ledger says that its verdict was EDGE."""
    mine = experiment(catalog)
    register(mine, ledger, tmp_path)
    said(ledger, mine, edge=True, failed=[])
    return mine


def test_an_opening_is_noted_before_anything_is_computed(
    ready: Experiment, ledger: TrialLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        assert len(openings(ledger, "BTC_5M")) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(holdout, "prepare", crash)
    with pytest.raises(KeyboardInterrupt):
        open_holdout(ready, ledger, tmp_path)
    assert len(openings(ledger, "BTC_5M")) == 1
    assert ledger.notes("BTC_5M", RESULT) == []


def test_a_later_verdict_of_no_edge_keeps_it_sealed(ready: Experiment, ledger: TrialLedger, tmp_path: Path) -> None:
    said(ledger, ready, edge=False, failed=["profit"])
    with pytest.raises(ConfigError, match=r"NO EDGE \(profit\); its holdout stays sealed"):
        open_holdout(ready, ledger, tmp_path)
    assert openings(ledger, "BTC_5M") == []


def test_the_verdict_of_another_experiment_opens_nothing(
    catalog: Path, ready: Experiment, ledger: TrialLedger, tmp_path: Path
) -> None:
    other = experiment(catalog, seed=2)
    register(other, ledger, tmp_path)
    with pytest.raises(ConfigError, match="no verdict since"):
        open_holdout(other, ledger, tmp_path)


def test_nothing_can_be_opened_that_was_not_sealed(catalog: Path, ledger: TrialLedger, tmp_path: Path) -> None:
    mine = experiment(catalog, holdout={})
    assert register(mine, ledger, tmp_path).seal is None
    with pytest.raises(ConfigError, match="nothing was sealed for this experiment"):
        open_holdout(mine, ledger, tmp_path)


def test_a_share_that_seals_nothing_registers_nothing(catalog: Path, ledger: TrialLedger, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose another share"):
        register(experiment(catalog, holdout={"share": 0.001}), ledger, tmp_path)
    assert ledger.notes("BTC_5M") == []


def test_changed_data_cannot_be_opened_and_the_attempt_is_no_look(
    catalog: Path, ledger: TrialLedger, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(catalog, copy)
    mine = experiment(copy)
    register(mine, ledger, tmp_path)
    said(ledger, mine, edge=True, failed=[])
    manifest = json.loads((copy / MANIFEST).read_text())
    file = next(iter(Catalog.open(copy).manifest.tables["binary_quotes"].files))
    data = bytearray((copy / file.path).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file.path).write_bytes(bytes(data))
    assert json.loads((copy / MANIFEST).read_text()) == manifest
    with pytest.raises(DataError, match="have changed since it was sealed"):
        open_holdout(mine, ledger, tmp_path)
    assert ledger.notes("BTC_5M", OPENED) == []


# The commands.


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Path:
    """A folder with an experiment file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_TRIALS", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "some.toml").write_text(
        f"grid.size = 4\nholdout.share = 0.25\nfolds = {{count = 2, train_blocks = 2}}\nobjective.min_bets = 1\n"
        f'data = {{catalog = "{catalog}", end = 2026-09-14T09:00:00Z}}\n'
    )
    return tmp_path


def test_register_prints_the_digests_and_what_was_sealed(elsewhere: Path) -> None:
    outcome = CliRunner().invoke(app, ["register", "some.toml"])
    assert outcome.exit_code == 0, outcome.output
    (note,) = TrialLedger(elsewhere / "trials.db").notes("BTC_5M", REGISTERED)
    assert note.digest in outcome.stdout
    assert all(note.body[name] in outcome.stdout for name in ("code", "parameters", "costs", "data", "gates"))
    assert "Sealed 27 windows, 2026-09-14 06:45 to" in outcome.stdout


def test_open_says_in_one_line_what_has_to_come_first(elsewhere: Path) -> None:
    for says in ("nothing was sealed for this experiment", "no verdict since its holdout was sealed"):
        outcome = CliRunner().invoke(app, ["open", "some.toml"])
        assert outcome.exit_code == 2
        assert says in outcome.stderr
        assert outcome.stderr.strip().count("\n") == 0
        CliRunner().invoke(app, ["register", "some.toml"])


def test_open_prints_what_the_sealed_stretch_showed(elsewhere: Path) -> None:
    from research.experiment import read

    CliRunner().invoke(app, ["register", "some.toml"])
    mine = read(Path("some.toml"))
    said(TrialLedger(elsewhere / "trials.db"), mine, edge=True, failed=[])
    first = CliRunner().invoke(app, ["open", "some.toml"])
    agreed = "HOLDOUT AGREES" in first.stdout
    assert agreed or "HOLDOUT DOES NOT AGREE" in first.stdout
    assert first.exit_code == (0 if agreed else 1)
    assert "27 windows" in first.stdout
    assert "Configuration: " in first.stdout
    assert "no holdout any more" not in first.stdout
    second = CliRunner().invoke(app, ["open", "some.toml"])
    assert "It has been opened 2 times: it is no holdout any more." in second.stdout
