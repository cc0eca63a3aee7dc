"""``arena-data lab``: every setting from outside the code, and what a mistake says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from arena.errors import ConfigError
from arena.lab.config import MONDAY_2026_09_14_NS, VENUES, LabConfig
from arena.lab.options import RelatedModel, TakerModel, WalletModel
from arena.lab.recorded import digest_of
from arena.market.catalog import Catalog
from arena.units import SECOND
from research.cli.data import app
from research.lab_settings import lab_config, read_settings, recorded_market
from research.lab_store import write_faulty_lab, write_lab

ONE_VENUE = """
seed = 5
[[venues]]
name = "coinbase"
quote = "USD"
lag_ms = 20
rate = 1.0
noise_bps = 0.3
half_spread_bps = 0.05
basis_bps = 0.0
basis_sd_bps = 0.3
"""
"""A market that is quick to make."""


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(app, ["lab", *(str(a) for a in args)])


def toml(folder: Path, text: str) -> Path:
    file = folder / "lab.toml"
    file.write_text(text)
    return file


def test_a_file_sets_any_field_and_groups_are_tables(tmp_path: Path) -> None:
    text = 'mode = "efficient"\nassets = ["BTC", "ETH"]\nintervals_s = [300, 900]\nsigma = 0.6\n[takers]\nrate = 2.0\n'
    text += "[wallets]\n[related]\nmispricing = 0.05\n"
    assert lab_config(read_settings(toml(tmp_path, text)), "file") == LabConfig(
        mode="efficient",
        assets=("BTC", "ETH"),
        intervals_s=(300, 900),
        sigma=0.6,
        takers=TakerModel(rate=2.0),
        wallets=WalletModel(),
        related=RelatedModel(mispricing=0.05),
    )


def test_a_list_of_groups_replaces_the_list(tmp_path: Path) -> None:
    config = lab_config(read_settings(toml(tmp_path, ONE_VENUE)), "file")
    assert [v.name for v in config.venues] == ["coinbase"]
    assert len(VENUES) > 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sigm = 0.6", "no setting 'sigm'; did you mean 'sigma'?"),
        ("[takers]\nrat = 1.0", r"\[takers\]: the lab has no setting 'rat'; did you mean 'rate'?"),
        ("[[venues]]\nnmae = 'x'", r"\[venues\]: the lab has no setting 'nmae'; did you mean 'name'?"),
        ("zzz = 1", "there are mode, days"),
        ("takers = 3", r"write it as a table \[takers\]"),
        ("sigma = 'x'", "sigma = 'x': input should be a valid number"),
        ("sigma = ", "not TOML"),
        ("days = 500", "1 to 120 days"),
        ("[takers]\nsell_share = 2.0", "sell_share is a probability"),
        ("[wallets]", "takers too"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        lab_config(read_settings(toml(tmp_path, text)), "file")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--config", "absent.toml"), "there is no file absent.toml"),
        (("--assets", "BTC,XYZ"), "no coin 'XYZ'"),
        (("--intervals", "5x"), "'5x' is not a window length"),
        (("--intervals", "7m"), "420 s do not divide the day"),
        (("--faults", "all"), "there is standard"),
        (("--mode", "fair"), "unknown lab mode 'fair'"),
        (("--path-from", "nowhere"), "no catalog at nowhere"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*args)
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1


def test_options_win_over_the_file_and_the_catalog_keeps_the_truth(tmp_path: Path) -> None:
    file = toml(tmp_path, ONE_VENUE + "\n[takers]\nrate = 0.05\n")
    done = run("--config", file, "--days", "1", "--mode", "efficient", "--to", tmp_path / "c")
    assert done.exit_code == 0, done.output
    catalog = Catalog.open(tmp_path / "c")
    truth = catalog.manifest.tables["windows"].known_defects["lab"][0]
    assert truth.startswith("the maker prices the real settlement rule")
    assert "Takers: noise has no edge" in truth
    assert truth in done.output
    assert catalog.manifest.tables["binary_trades"].rows > 1_000
    again = run("--config", file, "--to", tmp_path / "c")
    assert again.exit_code == 2
    assert "is there already" in again.output


def test_a_catalog_of_days_has_one_file_a_day_and_the_same_bytes_again(tmp_path: Path) -> None:
    config = lab_config(read_settings(toml(tmp_path, ONE_VENUE)) | {"days": 2, "mode": "efficient"}, "file")
    for name in ("one", "two"):
        write_lab(config, tmp_path / name)
    one, two = (Catalog.open(tmp_path / name) for name in ("one", "two"))
    assert one.digest() == two.digest()
    files = one.manifest.tables["binary_quotes"].files
    # The last words of the last evening arrive after midnight.
    assert [f.date for f in sorted(files, key=lambda f: f.date)][:2] == ["2026-09-14", "2026-09-15"]
    assert len({f.date for f in files}) == len(files)
    quotes = one.scan("binary_quotes").collect()
    assert quotes["recv_ns"].is_sorted()


def test_a_faulty_market_is_screened_and_its_ledger_lies_beside_it(tmp_path: Path) -> None:
    from arena.lab.faults import FaultConfig

    config = lab_config(read_settings(toml(tmp_path, ONE_VENUE)) | {"days": 1}, "file")
    faults = FaultConfig(crossed_books=4, duplicates=3, gaps=3, missing_windows=1)
    ledger = pl.read_parquet(write_faulty_lab(config, faults, tmp_path / "c"))
    tables = Catalog.open(tmp_path / "c").manifest.tables
    refused = {(n, rule): rows for n, t in tables.items() for rule, rows in t.quarantined.items()}
    want = ledger.filter(pl.col("rule").is_not_null() & (pl.col("rule") != "gap")).group_by("table", "rule").len()
    assert refused == {(n, rule): rows for n, rule, rows in want.iter_rows()}
    assert "4 crossed_books" in tables["windows"].known_defects["lab"][1]
    gaps = Catalog.open(tmp_path / "c").scan("gaps").filter(pl.col("reason") == "injected").collect()
    assert gaps.height == 3


# Recorded paths.


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Minute closes of one morning on two venues."""
    path = tmp_path_factory.mktemp("recorded") / "catalog"
    t = MONDAY_2026_09_14_NS + np.arange(241, dtype=np.int64) * 60 * SECOND
    price = 50_000.0 * np.exp(np.cumsum(np.random.default_rng(1).standard_normal(241) * 5e-4))
    rows = [
        pl.DataFrame({"event_ns": t, "recv_ns": t, "last": price}).with_columns(
            venue=pl.lit(venue), asset=pl.lit("BTC"), quote=pl.lit("USD"), source=pl.lit("me")
        )
        for venue in ("binance", "kraken")
    ]
    with Catalog.create(path) as writer:
        writer.write("spot", pl.concat(rows))
    return path


def test_one_of_several_recordings_has_to_be_chosen(recorded: Path) -> None:
    result = run("--path-from", recorded)
    assert result.exit_code == 2
    assert "me/binance (spot), me/kraken (spot)" in result.output
    assert "no recorded BTC price of you" in run("--path-from", f"{recorded}:you").output
    assert "no recorded ETH price" in run("--path-from", f"{recorded}:me/kraken", "--assets", "ETH").output


def test_the_recording_sets_the_span_and_the_name(recorded: Path) -> None:
    config, seen = recorded_market(LabConfig(), f"{recorded}:me/kraken", None)
    assert config.start_ns == MONDAY_2026_09_14_NS
    assert config.days == 1
    assert config.recorded is not None
    assert config.recorded.digest == digest_of(seen)
    assert config.recorded.max_gap_s == 90.0
    assert config.name != LabConfig(days=1).name


def test_windows_beyond_the_recording_are_left_out(recorded: Path, tmp_path: Path) -> None:
    file = toml(tmp_path, ONE_VENUE)
    done = run("--config", file, "--path-from", f"{recorded}:me/kraken", "--mode", "efficient", "--to", tmp_path / "c")
    assert done.exit_code == 0, done.output
    assert "recorded by me (spot of kraken)" in done.output
    catalog = Catalog.open(tmp_path / "c")
    # Four hours; the first window has no minute of reports before it.
    assert catalog.manifest.tables["windows"].rows == 47
    gaps = catalog.scan("gaps").filter(pl.col("stream") == "path").collect()
    assert gaps.height == 2
