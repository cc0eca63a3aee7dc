"""``arena-data record`` and ``arena-data reparse`` as commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.market.catalog import Catalog
from live.recorder.feeds import FEEDS, feed_names
from research.cli.data import app
from tests.live.recorder.logs import catalog_of, digest_of, read_all
from tests.live.recorder.test_normaliser import three_sessions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--for", "yesterday"], "is no duration"),
        (["--feeds", "nasdaq"], "There is no feed 'nasdaq'"),
        (["--feeds", "polybolt"], "needs an account"),
        (["--assets", ","], "names nothing"),
        (["--intervals", "7m"], "no up/down windows of 420 s"),
        (["--url", "okx"], "is not NAME=URL"),
        (["--url", "nasdaq=ws://x"], "There is no feed 'nasdaq' to give an address"),
    ],
)
def test_a_wrong_option_is_one_line(options: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["record", "--to", str(tmp_path / "x"), *options], env={"POLYMARKET_API_KEY": ""})
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_a_catalog_is_rebuilt_from_its_log(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path / "recorded")
    three_sessions(catalog / "raw")
    read_all(catalog, catalog / "raw")
    result = CliRunner().invoke(app, ["reparse", str(catalog), "--to", str(tmp_path / "again")])
    assert result.exit_code == 0, result.output
    assert "bad_frame 1" in result.output
    assert digest_of(tmp_path / "again") == digest_of(catalog)
    assert Catalog.open(tmp_path / "again").digest()[:12] in result.output


def test_without_a_log_there_is_nothing_to_reparse(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["reparse", str(tmp_path), "--to", str(tmp_path / "again")])
    assert result.exit_code == 2
    assert "There is no raw log" in result.stderr


def test_a_rebuilt_catalog_replaces_nothing(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path / "recorded")
    three_sessions(catalog / "raw")
    result = CliRunner().invoke(app, ["reparse", str(catalog), "--to", str(catalog)])
    assert result.exit_code == 2
    assert "already exists" in result.stderr


def test_the_market_channel_brings_gamma_and_credentials_bring_polybolt() -> None:
    keys = dict.fromkeys(("POLYMARKET_API_KEY", "POLYMARKET_API_SECRET", "POLYMARKET_API_PASSPHRASE"), "x")
    assert feed_names(["polymarket"], {}) == ("polymarket", "gamma")
    assert feed_names(None, {}) == FEEDS
    assert feed_names(None, keys) == (*FEEDS, "polybolt")
