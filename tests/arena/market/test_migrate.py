"""A catalog of schema version 1, made as version 1 made it, becomes one of this version."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.catalog import MANIFEST, Catalog, Terms
from arena.market.migrate import STEPS, migrate
from arena.market.schema import SCHEMA_VERSION, TABLES
from tests.support.catalogs import T0, spots
from tests.support.rows import frame

SPOT_1 = {"event_ns": pl.Int64, "recv_ns": pl.Int64, "venue": pl.String, "asset": pl.String, "quote": pl.String}
SPOT_1 |= {"bid": pl.Float64, "ask": pl.Float64, "last": pl.Float64, "source": pl.String}
WINDOWS_1 = [
    *("market_id", "venue", "asset", "interval_s", "open_ns", "close_ns", "strike", "strike_source", "settle_price"),
    *("settlement_rule", "outcome", "outcome_source", "resolved_ns", "fee_rate", "fee_exponent", "tick_size"),
    *("min_order_size", "volume", "source"),
]
WINDOW = {"market_id": "m1", "venue": "lab", "asset": "BTC", "interval_s": 300, "open_ns": T0, "source": "old"}
ORACLE = {"event_ns": T0, "recv_ns": T0 + 1, "asset": "BTC", "feed": "chainlink", "price": 9.0, "source": "old"}
GAP = {"recv_ns": T0, "until_ns": T0 + 1, "stream": "spot/coinbase", "asset": "BTC", "reason": "silence"}


def spot_1(recv_ns: int, last: float) -> pl.DataFrame:
    row = {"recv_ns": recv_ns, "venue": "coinbase", "asset": "BTC", "quote": "USD", "last": last, "source": "old"}
    return pl.DataFrame([row], schema=SPOT_1)


def windows_1() -> pl.DataFrame:
    schema = {name: TABLES["windows"].schema[name] for name in WINDOWS_1}
    return pl.DataFrame([WINDOW | {"close_ns": T0 + 300 * 10**9, "strike": 7.0}], schema=schema)


def file_1(root: Path, folder: str, frame: pl.DataFrame, time: str) -> dict[str, Any]:
    (root / folder).mkdir(parents=True)
    frame.write_parquet(root / folder / "x.parquet", compression="zstd", row_group_size=262_144)
    data = (root / folder / "x.parquet").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    path = f"{folder}/old-{sha256[:16]}.parquet"
    (root / folder / "x.parquet").rename(root / path)
    entry: dict[str, Any] = {"path": path, "source": "old", "rows": frame.height, "size": len(data), "sha256": sha256}
    if "rule" in frame.columns:
        return entry | {"rule": frame["rule"][0]}
    return entry | {"asset": "BTC", "date": "2026-03-01", "first_ns": frame[time].min(), "last_ns": frame[time].max()}


def catalog_1(root: Path) -> Path:
    def table(files: list[dict[str, Any]], quarantine: list[dict[str, Any]], gaps: int = 0) -> dict[str, Any]:
        return {
            **{"rows": 1, "span": [T0, T0], "sources": {"old": 1}, "quarantined": {}, "gaps": gaps},
            **{"known_defects": {"old": ["Made by hand."]}, "files": files, "quarantine": quarantine},
        }

    day = "asset=BTC/date=2026-03-01"
    bad = spot_1(T0 + 1, -1.0).with_columns(rule=pl.lit("price_out_of_range"))
    oracle = pl.DataFrame([ORACLE], schema=TABLES["oracle"].schema)
    gaps = pl.DataFrame([GAP | {"source": "old"}], schema=TABLES["gaps"].schema)
    tables = {
        "windows": table([file_1(root, f"table=windows/{day}", windows_1(), "open_ns")], []),
        "spot": table(
            [file_1(root, f"table=spot/{day}", spot_1(T0, 5.0), "recv_ns")],
            [file_1(root, "quarantine/table=spot/rule=price_out_of_range", bad, "recv_ns")],
            gaps=1,
        ),
        "oracle": table([file_1(root, f"table=oracle/{day}", oracle, "recv_ns")], []),
        "gaps": table([file_1(root, f"table=gaps/{day}", gaps, "recv_ns")], []),
    }
    (root / MANIFEST).write_text(json.dumps({"schema_version": 1, "tables": tables}, indent=1) + "\n")
    return root


def test_opening_says_how_to_migrate(tmp_path: Path) -> None:
    path = catalog_1(tmp_path / "c")
    with pytest.raises(DataError, match=f"has schema version 1, .* run `arena-data migrate {path}`"):
        Catalog.open(path)


def test_every_row_defect_and_count_comes_along(tmp_path: Path) -> None:
    path = catalog_1(tmp_path / "c")
    done = migrate(path)
    assert (done.before, done.after, done.rewritten, done.kept) == (1, SCHEMA_VERSION, 3, 2)
    catalog = Catalog.open(path)
    catalog.verify()
    for name in ("windows", "spot", "oracle", "gaps"):
        frame = catalog.scan(name).collect()
        assert (frame.height, dict(frame.schema)) == (1, TABLES[name].schema)
        assert catalog.manifest.tables[name].known_defects == {"old": ("Made by hand.",)}
    assert catalog.scan("windows").select("strike", "condition_id").collect().rows() == [(7.0, None)]
    assert catalog.quarantined("spot").select("last", "bid_size", "rule").collect().rows() == [
        (-1.0, None, "price_out_of_range")
    ]
    assert catalog.manifest.tables["spot"].gaps == 1


def test_a_migrated_catalog_goes_on(tmp_path: Path) -> None:
    path = catalog_1(tmp_path / "c")
    migrate(path)
    with Catalog.update(path) as writer:
        writer.write("oracle", pl.DataFrame([ORACLE | {"feed": "pyth"}]))
        assert writer.write("oracle", pl.DataFrame([ORACLE])) == {"duplicate": 1}
        writer.write("spot", spots(5))
        writer.compact()
    assert Catalog.open(path).manifest.tables["oracle"].rows == 2


def test_l2_rows_of_version_2_have_no_place_and_go_on(tmp_path: Path) -> None:
    path = tmp_path / "c"
    old = frame("l2").drop("seq").with_columns(source=pl.lit("old"), recv_ns=pl.lit(T0), event_ns=pl.lit(T0))
    entry = file_1(path, "table=l2/asset=BTC/date=2026-03-01", old, "recv_ns")
    held = {"gaps": 0, "known_defects": {}, "files": [entry], "quarantine": []}
    (path / MANIFEST).write_text(json.dumps({"schema_version": 2, "tables": {"l2": held}}))
    assert migrate(path).rewritten == 1
    assert Catalog.open(path).scan("l2").collect()["seq"].to_list() == [None]
    with Catalog.update(path) as writer:
        assert writer.write("l2", old) == {"duplicate": 1}


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = catalog_1(tmp_path / "c")
    migrate(path)
    manifest = (path / MANIFEST).read_bytes()
    assert migrate(path).rewritten == 0
    assert (path / MANIFEST).read_bytes() == manifest


def test_an_interrupted_migration_leaves_the_old_catalog(tmp_path: Path) -> None:
    path = catalog_1(tmp_path / "c")
    before = {p.relative_to(path): p.read_bytes() for p in path.rglob("*.parquet")}

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(path, interrupt)
    assert {p.relative_to(path): p.read_bytes() for p in path.rglob("*.parquet")} == before
    assert json.loads((path / MANIFEST).read_text())["schema_version"] == 1


def test_old_files_stay_for_the_grace_and_no_longer(tmp_path: Path) -> None:
    path = catalog_1(tmp_path / "c")
    before = set(path.rglob("*.parquet"))
    migrate(path)
    assert before <= set(path.rglob("*.parquet"))
    Catalog.clean(path, Terms(grace_s=0.0))
    assert {p.relative_to(path).as_posix() for p in path.rglob("*.parquet")} == Catalog.open(path).manifest.paths


@pytest.mark.parametrize("version", [0, 99, "two"])
def test_unknown_versions_are_refused(tmp_path: Path, version: Any) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"schema_version": version, "tables": {}}))
    with pytest.raises(DataError, match=f"has schema version {version}"):
        migrate(tmp_path)
    with pytest.raises(DataError, match=rf"has schema version {version}, .*newer Arena"):
        Catalog.open(tmp_path)


def test_there_is_a_step_from_every_version() -> None:
    assert list(STEPS) == list(range(1, SCHEMA_VERSION))
