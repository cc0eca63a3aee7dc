"""What the manifest says of a file is true of that file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.research.importers.rows import quote, save_quotes, save_windows
from tests.research.importers.support import AT_MS, imported, save


def said(folder: Path, table: str) -> str:
    texts = imported(folder).manifest.tables[table].known_defects.values()
    return " ".join(text for listed in texts for text in listed)


def test_figures_of_the_known_recording_are_not_said_of_another(tmp_path: Path) -> None:
    rows = [{"ts_ms": AT_MS + t * 1000, "recv_ms": AT_MS + t * 1000 + 900, "price": 7e4} for t in (0, 1, 2, 1_000)]
    save(tmp_path / "in", "chainlink_btcusd_1s", rows)
    text = said(tmp_path / "in", "oracle")
    assert "97.9" not in text
    assert "2026-06-08" not in text
    assert "4 rows" in text
    assert "2026-04-13 12:00:00 to 2026-04-13 12:16:40" in text
    assert "longest silence 16.6 min" in text


def test_a_recorder_nobody_knows_is_measured(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {}, {"market_id": "m", "venue": "lab", "outcome": None, "outcome_source": None})
    save_quotes(tmp_path / "in", quote(), quote(5, up_bid=None, up_bid_size=None))
    text = said(tmp_path / "in", "windows")
    assert "2 rows" in text
    assert "outcome 50.0 %" in text
    assert "updown_quotes.parquet" in said(tmp_path / "in", "binary_quotes")


def test_importing_again_says_nothing_twice(tmp_path: Path) -> None:
    save_windows(tmp_path / "in")
    assert said(tmp_path / "in", "windows") == said(tmp_path / "in", "windows")


@pytest.mark.recordings
def test_figures_are_said_of_the_recording_they_were_measured_on(recordings_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "chainlink_btcusd_1s.parquet").symlink_to(recordings_folder / "chainlink_btcusd_1s.parquet")
    assert "97.9 %" in said(folder, "oracle")
