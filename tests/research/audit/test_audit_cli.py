"""``arena-data audit``: page, terminal, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from arena.market.catalog import Catalog
from arena.market.schema import TABLES
from research.audit import CHECKS, Status, View, audit
from research.cli.data import app
from tests.support.recorded import Recording, recording


def write(found: Recording, path: Path) -> Path:
    with Catalog.create(path) as writer:
        for name in TABLES:
            if name in found.tables:
                writer.write(name, found[name], known_defects={"arena": "One <b>coin</b> only."})
    return path


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(recording(), tmp_path_factory.mktemp("audit") / "clean")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = recording()
    crossed = found.change("binary_quotes", pl.int_range(pl.len()) % 8 == 0, up_bid=0.99)
    return write(crossed, tmp_path_factory.mktemp("audit") / "faulty")


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_page_is_one_file_that_names_every_check(clean: Path, tmp_path: Path) -> None:
    code, said = run(clean, "--out", tmp_path / "a.html")
    assert code == 0
    assert "0 failed" in said
    text = (tmp_path / "a.html").read_text()
    body = text[text.index("</head>") :]
    assert "One &lt;b&gt;coin&lt;/b&gt; only." in body
    assert Catalog.open(clean).digest() in body
    for name in ("missing_windows", "stale_books", "basis_drift", "l2_sequence"):
        assert f'id="{name}"' in body
    assert "<script src" not in body
    assert "http://" not in body


def test_json_is_all_that_is_printed(clean: Path, tmp_path: Path) -> None:
    code, said = run(clean, "--json", "--out", tmp_path / "a.html")
    document = json.loads(said)
    assert code == 0
    assert document["status"] == "pass"
    assert {c["status"] for c in document["checks"]} == {"pass", "none"}
    assert document["digest"] == Catalog.open(clean).digest()


def test_what_was_refused_is_judged_and_shown(faulty: Path, tmp_path: Path) -> None:
    opened = Catalog.open(faulty)
    found = {f.check.name: f for f in audit(View(opened, opened)).findings}
    refused = found["quarantine"]
    assert refused.status is Status.FAIL
    assert refused.subjects[0].name == "binary_quotes (arena)"
    assert "crossed_book 675" in refused.subjects[0].detail
    assert refused.examples
    run(faulty, "--out", tmp_path / "a.html")
    assert "<b>crossed_book</b>" in (tmp_path / "a.html").read_text()


def test_a_failed_check_is_an_error_only_when_asked_to_be_strict(faulty: Path, clean: Path, tmp_path: Path) -> None:
    assert run(faulty, "--out", tmp_path / "a.html")[0] == 0
    assert run(faulty, "--strict", "--out", tmp_path / "a.html")[0] == 1
    assert run(clean, "--strict", "--out", tmp_path / "a.html")[0] == 0


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    path = write(recording(), tmp_path / "c")
    file = next(path.glob("table=clock/**/*.parquet"))
    held = bytearray(file.read_bytes())
    held[len(held) // 2] ^= 1
    file.write_bytes(bytes(held))
    opened = Catalog.open(path)
    check = next(c for c in CHECKS if c.name == "file_hashes")
    measured = check.measure(View(opened, opened))
    assert measured.subjects["figure"].to_list() == [1.0]
    assert file.name in measured.subjects["detail"][0]


def test_no_catalog_is_one_line(tmp_path: Path) -> None:
    code, said = run(tmp_path / "nothing")
    assert code == 2
    assert said.count("\n") == 1
