"""What comes later completes what came before: the catalog does not depend on the order of its imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.market.catalog import Catalog
from research.importers import import_path
from tests.research.importers.rows import LIFE, MARKET, book10, quote, save_book, save_quotes, save_windows
from tests.research.importers.support import AT_MS

OTHER = f"eth-updown-5m-{AT_MS // 1000}"


def test_quotes_that_came_before_their_windows_are_looked_at_again(tmp_path: Path) -> None:
    folder, later = tmp_path / "in", tmp_path / "later"
    save_quotes(folder, quote(), quote(100_000, market_id=OTHER), quote(200_000, market_id=OTHER), quote(250_000))
    save_windows(folder, {})
    import_path(folder, tmp_path / "steps")
    assert Catalog.open(tmp_path / "steps").manifest.tables["binary_quotes"].quarantined == {"unknown_market": 2}
    save_windows(later, {"market_id": OTHER, "asset": "ETH"})
    report = import_path(later, tmp_path / "steps")
    save_windows(folder, {}, {"market_id": OTHER, "asset": "ETH"})
    import_path(folder, tmp_path / "once")
    steps, once = Catalog.open(tmp_path / "steps"), Catalog.open(tmp_path / "once")
    assert steps.digest() == once.digest()
    assert (once.manifest.tables["binary_quotes"].rows, once.manifest.tables["binary_quotes"].quarantined) == (4, {})
    assert steps.scan("gaps").collect().equals(once.scan("gaps").collect())
    assert steps.manifest.tables["binary_quotes"].gaps == once.manifest.tables["binary_quotes"].gaps > 0
    assert [(t.name, t.read, t.rows, t.quarantined) for t in report.tables] == [
        ("windows", 1, 2, {}),
        ("binary_quotes", 0, 4, {}),
    ]


def test_quotes_whose_windows_are_still_missing_stay_where_they_are(tmp_path: Path) -> None:
    save_quotes(tmp_path / "in", quote(), quote(5, market_id=OTHER))
    save_windows(tmp_path / "in")
    import_path(tmp_path / "in", tmp_path / "c")
    save_windows(tmp_path / "later", {"market_id": "unheard-of", "venue": "lab"})
    report = import_path(tmp_path / "later", tmp_path / "c")
    assert [t.name for t in report.tables] == ["windows"]
    assert Catalog.open(tmp_path / "c").manifest.tables["binary_quotes"].quarantined == {"unknown_market": 1}


KALSHI = "KXZZZ15M-26APR131215-15"


@pytest.mark.parametrize("market", [KALSHI, "zcash-up-or-down-april-13-2026-8am-et"])
def test_the_coin_of_a_quote_is_that_of_its_window_whichever_came_first(tmp_path: Path, market: str) -> None:
    window = {"market_id": market, "venue": "kalshi", "asset": "ZEC", "interval_s": 300, **LIFE}
    save_windows(tmp_path / "in")
    save_quotes(tmp_path / "in", quote(), quote(5, market_id=market))
    import_path(tmp_path / "in", tmp_path / "c")
    save_windows(tmp_path / "later", window)
    import_path(tmp_path / "later", tmp_path / "c")
    rows = Catalog.open(tmp_path / "c").scan("binary_quotes").sort("recv_ns").collect()
    assert rows.select("market_id", "asset").rows() == [(MARKET, "BTC"), (market, "ZEC")]


def test_deep_books_are_of_the_recorder_of_the_same_markets_quotes(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {"source": "somebody"}, {"source": "newrec"})
    save_quotes(tmp_path / "in", quote(0, native="down", source="newrec"), quote(7, source="newrec"))
    save_book(tmp_path / "in", book10(0))
    import_path(tmp_path / "in", tmp_path / "c")
    rows = Catalog.open(tmp_path / "c").scan("binary_quotes").collect()
    assert (rows["source"].unique().to_list(), rows["up_bids_px"].null_count(), rows.height) == (["newrec"], 1, 2)


def test_deep_books_without_quotes_are_of_the_recorder_of_the_windows(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {"source": "newrec"})
    save_book(tmp_path / "in", book10(0))
    import_path(tmp_path / "in", tmp_path / "c")
    assert Catalog.open(tmp_path / "c").sources("binary_quotes") == ("newrec",)


def test_deep_books_of_nobody_have_a_neutral_name_until_their_windows_come(tmp_path: Path) -> None:
    save_windows(tmp_path / "in", {"market_id": OTHER, "asset": "ETH", "source": "newrec"})
    save_book(tmp_path / "in", book10(0))
    import_path(tmp_path / "in", tmp_path / "c")
    refused = Catalog.open(tmp_path / "c").quarantined("binary_quotes").collect()
    assert refused.select("source", "rule").rows() == [("polymarket_btc5m_book10", "unknown_market")]
    save_windows(tmp_path / "later", {"source": "newrec"})
    import_path(tmp_path / "later", tmp_path / "c")
    catalog = Catalog.open(tmp_path / "c")
    assert catalog.sources("binary_quotes") == ("newrec",)
    assert catalog.manifest.tables["binary_quotes"].quarantined == {}
