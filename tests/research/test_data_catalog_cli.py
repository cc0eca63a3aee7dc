"""``arena-data sql``, ``verify``, ``compact``, ``migrate`` and ``clean``: what a user sees."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from arena.market.catalog import MANIFEST, Catalog
from research.cli.data import app
from tests.support.catalogs import T0, spots


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data/recorded"
    for i in range(3):
        with Catalog.append_or_create(path) as writer:
            writer.write("spot", pl.concat([spots(i), spots(i, asset="ETH"), spots(i, price=-1.0)]))
    return path


def test_an_answer_is_a_table_with_readable_times(catalog: Path) -> None:
    result = run("sql", "select asset, count(*) as n, min(recv_ns) as first_ns from spot group by 1 order by 1")
    assert result.exit_code == 0, result.output
    for text in ("asset", "BTC", "ETH", "3", "2026-03-01 00:00:00 UTC"):
        assert text in result.output


def test_csv_and_json_carry_integers(catalog: Path) -> None:
    query = "select asset, min(recv_ns) as first_ns from spot group by 1 order by 1"
    assert run("sql", query, "--format", "csv").output == f"asset,first_ns\nBTC,{T0}\nETH,{T0}\n"
    answer = json.loads(run("sql", query, "--format", "json", "--limit", "1").output)
    assert answer == [{"asset": "BTC", "first_ns": T0}]


def test_a_table_says_what_it_leaves_out(catalog: Path) -> None:
    assert "2 of 6 rows; --limit shows more." in run("sql", "select * from spot", "--limit", "2").output


def test_refused_rows_can_be_asked_for(catalog: Path) -> None:
    result = run("sql", "select rule, count(*) as n from quarantine_spot group by 1", "--format", "csv")
    assert result.output == "rule,n\nprice_out_of_range,3\n"


def test_a_wrong_query_is_one_line_and_exit_code_2(catalog: Path) -> None:
    result = run("sql", "select * from sopt")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "relation 'sopt' was not found" in result.stderr


def test_verify_counts_files_and_names_a_changed_one(catalog: Path) -> None:
    assert "all as written" in run("verify", "recorded").output
    file = catalog / Catalog.open(catalog).manifest.tables["spot"].files[0].path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    result = run("verify", "recorded")
    assert result.exit_code == 2
    assert f"{file.name} was changed" in result.stderr


def test_compact_then_clean_leave_one_file_per_partition(catalog: Path) -> None:
    assert "9 files are now 3" in run("compact", "recorded").output
    assert "0 files removed" in run("clean", "recorded").output
    assert run("clean", "recorded", "--grace", "0").exit_code == 0
    on_disk = {p.relative_to(catalog).as_posix() for p in catalog.rglob("*.parquet")}
    assert on_disk == Catalog.open(catalog).manifest.paths
    assert len(on_disk) == 3


def test_migrate_says_when_there_is_nothing_to_do_and_what_it_cannot_read(catalog: Path) -> None:
    assert "nothing to do" in run("migrate", "recorded").output
    (catalog / MANIFEST).write_text('{"schema_version": 99, "tables": {}}')
    result = run("migrate", "recorded")
    assert result.exit_code == 2
    assert "has schema version 99" in result.stderr
