from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from arena.causality import Frames
from arena.lab.config import LabConfig
from arena.lab.generate import generate
from research.calibrate.fit import HOW, compare
from research.calibrate.measure import FACTS, Prepared
from research.calibrate.report import render
from research.calibrate.run import Calibration, Compared, extras
from research.calibrate.sample import Sample, at_minutes, generated
from research.calibrate.screen import show
from research.calibrate.summary import to_json
from research.cli.data import app


@pytest.fixture(scope="module")
def sample() -> Sample:
    tables = generate(LabConfig(days=1, seed=4))
    spot = tables.spot.filter(pl.col("venue") == "binance").sort("event_ns")
    minutes = at_minutes(spot.select("event_ns", price=(pl.col("bid") + pl.col("ask")) / 2))
    return generated(Frames(dict(tables.items())), minutes)


@pytest.fixture(scope="module")
def found(sample: Sample) -> Calibration:
    """A calibration in which recording and lab are one market, so that every distance is 0."""
    p = Prepared(sample)
    curves = {fact.key: fact.measure(p) for fact in FACTS}
    facts = tuple(
        Compared(fact, *(curves[fact.key],) * 3, before=0.1, after=0.0, held_out=0.2, floor=0.1, source="lab")
        for fact in FACTS
    )
    config = LabConfig()
    return Calibration(facts, config, compare(config, config, config, config, sample), extras(p), extras(p))


def test_every_fact_of_a_day_is_measured(found: Calibration) -> None:
    for compared in found.facts:
        assert pl.Series(compared.recorded.y).is_finite().any(), compared.fact.key


def test_the_lab_reads_its_own_truth_the_book_follows_by_its_lag(found: Calibration) -> None:
    assert found.lab.reaction.identified
    assert found.lab.reaction.lag_s == pytest.approx(1.5, abs=0.26)


def test_a_half_has_half_of_the_windows_and_no_quote_of_the_other(sample: Sample) -> None:
    early, late = (Prepared(half).book for half in sample.halves())
    assert not set(early["market_id"].unique()) & set(late["market_id"].unique())
    assert early.height + late.height == Prepared(sample).book.height


def test_the_page_shows_every_fact_every_number_and_what_is_unknown(found: Calibration) -> None:
    page = render(found)
    for compared in found.facts:
        assert compared.fact.title in page
    for knob in HOW:
        assert knob in page
    assert "Not identified" in page
    assert "NaN" not in page.split("<main>")[1]


def test_the_terminal_shows_the_distances(found: Calibration) -> None:
    console = Console(width=160, record=True, file=StringIO())
    show(found, console)
    text = console.export_text()
    assert "noise floor" in text
    assert f"{len(FACTS)} of {len(FACTS)} facts" in text


def test_the_json_is_plain(found: Calibration) -> None:
    document = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert set(document["facts"]) == {fact.key for fact in FACTS}
    assert document["facts"]["season"]["floor"] == 0.1


def test_a_missing_catalog_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["calibrate", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "no catalog" in result.output


@pytest.mark.slow
@pytest.mark.recordings
def test_the_recordings_are_fitted_and_the_lab_reads_what_was_written(recordings_folder: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    names = ("updown_windows", "polymarket_btc5m_book10", "kalshi_15m_quotes_1m", "chainlink_btcusd_1s")
    files = [str(recordings_folder / f"{name}.parquet") for name in (*names, "binance_btcusdt_1m")]
    assert runner.invoke(app, ["import", *files, "--to", str(tmp_path / "r")]).exit_code == 0
    page, settings = tmp_path / "c.html", tmp_path / "fitted.toml"
    done = runner.invoke(
        app, ["calibrate", str(tmp_path / "r"), "--out", str(page), "--write", str(settings), "--json"]
    )
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)["facts"]
    assert facts["tails_minutes"]["after"] < 2.0 * facts["tails_minutes"]["floor"]
    assert facts["size_left"]["after"] < facts["size_left"]["floor"]
    assert page.stat().st_size > 1_000_000
    made = runner.invoke(app, ["lab", "--config", str(settings), "--days", "1", "--to", str(tmp_path / "lab")])
    assert made.exit_code == 0, made.output
