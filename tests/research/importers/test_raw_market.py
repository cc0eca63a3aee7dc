"""Raw frames of the market channel, of which nobody recorded which token is UP."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from arena.errors import DataError
from arena.market.book_replay import replay
from arena.market.catalog import Catalog
from arena.units import MS, SECOND
from research.importers import import_path
from tests.research.importers.rows import save_windows
from tests.research.importers.support import AT_MS, AT_NS, save

AT_S = AT_MS // 1000


def book(at_ms: int = 100, **changes: Any) -> dict[str, Any]:
    levels = {
        "bids": [{"price": "0.4", "size": "5"}, {"price": "0.48", "size": "7"}],
        "asks": [{"price": "0.6", "size": "9"}, {"price": "0.5", "size": "3"}],
    }
    head = {"event_type": "book", "asset_id": "111", "market": "0xm", "timestamp": str(AT_MS + at_ms)}
    return head | levels | changes


def change(at_ms: int = 200, **changes: Any) -> dict[str, Any]:
    level = {"asset_id": "111", "price": "0.48", "size": "0", "side": "BUY", "hash": "h"}
    head = {"event_type": "price_change", "market": "0xm", "timestamp": str(AT_MS + at_ms)}
    return head | {"price_changes": [level | changes, level | {"asset_id": "222", "price": "0.52", "side": "SELL"}]}


def last(at_ms: int = 300) -> dict[str, Any]:
    head = {"event_type": "last_trade_price", "asset_id": "111", "market": "0xm", "timestamp": str(AT_MS + at_ms)}
    return head | {"price": "0.5", "size": "2.5", "side": "SELL", "transaction_hash": "0x", "fee_rate_bps": "0"}


def save_raw(folder: Path, *lines: Any, name: str = "some_capture") -> Path:
    folder.mkdir(exist_ok=True)
    written = [line if isinstance(line, str) else json.dumps({"capturedAt": AT_S, "payload": line}) for line in lines]
    path = folder / f"{name}.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(written).encode()))
    return path


def catalog_of(path: Path) -> Catalog:
    import_path(path, path.parent.parent / "c")
    return Catalog.open(path.parent.parent / "c")


def test_books_and_changes_are_rows_of_the_token_known_when_their_second_was_over(tmp_path: Path) -> None:
    rows = catalog_of(save_raw(tmp_path / "in", book(), change())).scan("l2", markets=None).collect()
    assert rows["recv_ns"].unique().to_list() == [AT_NS + SECOND]
    assert rows.select("venue", "source", "asset").unique().rows() == [("polymarket", "some_capture", "OTHER")]
    first = rows.filter(symbol="111", is_snapshot=True).select("side", "price", "size", "event_ns").rows()
    assert sorted(first) == [
        *(("ask", 0.5, 3.0, AT_NS + 100 * MS), ("ask", 0.6, 9.0, AT_NS + 100 * MS)),
        *(("bid", 0.4, 5.0, AT_NS + 100 * MS), ("bid", 0.48, 7.0, AT_NS + 100 * MS)),
    ]
    changed = rows.filter(is_snapshot=False).sort("symbol").select("symbol", "side", "price", "size").rows()
    assert changed == [("111", "bid", 0.48, 0.0), ("222", "ask", 0.52, 0.0)]


def test_messages_of_one_second_stay_apart_and_replay_as_they_came(tmp_path: Path) -> None:
    second = book(150, bids=[{"price": "0.3", "size": "1"}])
    lines = [book(), change(120, price="0.49", size="4"), second, change(160, price="0.31", size="2")]
    rows = catalog_of(save_raw(tmp_path / "in", *lines)).scan("l2").filter(symbol="111").collect()
    found = replay(rows)
    assert found.bid_px[:, 0].tolist() == [0.48, 0.49, 0.3, 0.31]
    assert found.messages == {"applied": 4}


def test_last_trades_are_trades_of_the_token(tmp_path: Path) -> None:
    lines = [book(), last(), last()]
    rows = catalog_of(save_raw(tmp_path / "in", *lines)).scan("trades").collect()
    assert rows.select("symbol", "price", "size", "taker_side", "seq", "event_ns").rows() == [
        ("111", 0.5, 2.5, "sell", 0, AT_NS + 300 * MS),
        ("111", 0.5, 2.5, "sell", 1, AT_NS + 300 * MS),
    ]


def test_a_payload_may_hold_several_messages(tmp_path: Path) -> None:
    path = save_raw(tmp_path / "in", [book(), book(asset_id="222")], change())
    assert sorted(catalog_of(path).scan("l2").collect()["symbol"].unique()) == ["111", "222"]


def test_what_cannot_be_read_is_kept_counted_and_said(tmp_path: Path) -> None:
    best = {"event_type": "best_bid_ask", "asset_id": "111", "timestamp": str(AT_MS), "best_bid": "0.4"}
    odd = [best, "{half a line", '{"capturedAt": "x", "payload": {}}', change(price="?"), {"event_type": "news"}]
    catalog = catalog_of(save_raw(tmp_path / "in", book(), *odd))
    held = catalog.manifest.tables["l2"]
    assert held.quarantined == {"null_required": 3}
    assert "{half a line" in catalog.quarantined("l2").collect()["symbol"].to_list()
    text = " ".join(held.known_defects["some_capture"])
    assert "best_bid_ask 1" in text
    assert "2 lines could not be read" in text
    assert "news 1" in text


def test_importing_frames_again_or_in_another_cut_changes_nothing(tmp_path: Path) -> None:
    later = json.dumps({"capturedAt": AT_S + 1, "payload": change(1_200)})
    path = save_raw(tmp_path / "in", book(), change(), last(), later)
    before = catalog_of(path).digest()
    assert catalog_of(path).digest() == before
    save_raw(tmp_path / "in", later)
    assert catalog_of(path).digest() == before


def test_the_coin_of_a_token_is_that_of_the_window_that_names_it(tmp_path: Path) -> None:
    meta = {"market_id": f"eth-updown-5m-{AT_S}", "window_start_ms": AT_MS, "window_end_ms": AT_MS + 300_000}
    meta |= {"outcome": "up", "strike": 2e3, "tick_size": 0.01, "min_order_size": 5, "fee_rate": 0.07, "volume": 1.0}
    meta |= {"fee_exponent": 1, "closed_time": "2026-04-13 12:05:16+00", "fee_rebate_rate": 0.2, "condition_id": "0xm"}
    save(tmp_path / "in", "polymarket_btc5m_market_meta", [meta | {"up_token_id": "111", "down_token_id": "222"}])
    save_raw(tmp_path / "in", book(), change(), last(), book(asset_id="333"))
    import_path(tmp_path / "in", tmp_path / "c")
    rows = Catalog.open(tmp_path / "c").scan("l2").collect()
    said = rows.select("symbol", "asset").unique().sort("symbol").rows()
    assert said == [("111", "ETH"), ("222", "ETH"), ("333", "OTHER")]


def test_frames_of_another_shape_belong_to_another_command(tmp_path: Path) -> None:
    save_windows(tmp_path / "in")
    other = save_raw(tmp_path / "in", '{"recv_ns": 1, "text": "x"}', name="frames")
    report = import_path(tmp_path / "in", tmp_path / "c")
    assert report.skipped == {str(other): "raw frames: use arena-data reparse"}
    with pytest.raises(DataError, match="arena-data reparse"):
        import_path(other, tmp_path / "c")


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    path = save_raw(tmp_path / "in", *[book(i) for i in range(300)])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"some_capture.jsonl.gz is cut short"):
        import_path(path, tmp_path / "c")


@pytest.mark.recordings
def test_the_recorded_sample_replays_and_its_best_prices_agree(recordings_folder: Path, tmp_path: Path) -> None:
    import_path(recordings_folder / "polymarket_ws_raw_sample.jsonl.gz", tmp_path / "c")
    catalog = Catalog.open(tmp_path / "c")
    rows = catalog.scan("l2").collect()
    assert catalog.manifest.tables["l2"].quarantined == {}
    assert catalog.manifest.tables["trades"].rows == 71
    for symbol in rows["symbol"].unique():
        found = replay(rows.filter(symbol=symbol))
        assert set(found.messages) <= {"applied", "early"}
        sides = (found.bid_px[found.trusted, 0], found.ask_px[found.trusted, 0])
        assert (sides[0] < sides[1]).mean() > 0.99
