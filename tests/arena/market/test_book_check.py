"""A replayed book against the best prices recorded beside it: what a check is, and what it finds."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from arena.errors import DataError
from arena.market.book_check import check_book, check_books
from arena.market.catalog import Catalog
from arena.market.schema import L2, SPOT
from arena.units import SECOND

NOW = 1_723_161_600 * SECOND


def depth(*levels: tuple[int, str, float, float, int], venue: str = "binance") -> pl.DataFrame:
    """Rows: (second, side, price, size, last id); the first second is a snapshot."""
    return L2.conform(
        pl.DataFrame(
            {
                "recv_ns": [NOW + t * SECOND for t, *_ in levels],
                "side": [side for _, side, *_ in levels],
                "price": [price for *_, price, _, _ in levels],
                "size": [size for *_, size, _ in levels],
                "is_snapshot": [t == levels[0][0] for t, *_ in levels],
                "first_id": [last for *_, last in levels],
                "last_id": [last for *_, last in levels],
            }
        ).with_columns(venue=pl.lit(venue), symbol=pl.lit("btcusdt"), asset=pl.lit("BTC"), source=pl.lit("test"))
    )


def best(*prices: tuple[int, float, float]) -> pl.DataFrame:
    """Rows: (second, bid, ask)."""
    frame = pl.DataFrame(prices, schema=["recv_ns", "bid", "ask"], orient="row")
    return SPOT.conform(
        frame.with_columns(
            recv_ns=NOW + pl.col("recv_ns") * SECOND,
            venue=pl.lit("binance"),
            asset=pl.lit("BTC"),
            quote=pl.lit("USDT"),
            source=pl.lit("test"),
        )
    )


BOOK = depth((1, "bid", 99.0, 1.0, 5), (1, "ask", 101.0, 1.0, 5), (2, "bid", 100.0, 1.0, 6), (4, "ask", 100.5, 2.0, 7))


def test_a_check_compares_with_the_last_best_prices_received_by_then() -> None:
    found = check_book(BOOK, best((1, 99.0, 101.0), (2, 100.0, 101.0), (3, 100.0, 100.4), (5, 100.0, 100.5)))
    assert (found.messages, found.checks, found.agreed) == ({"applied": 3}, 3, 2)
    assert found.agreement == pytest.approx(2 / 3)


def test_messages_before_any_best_price_and_after_a_gap_are_not_checked() -> None:
    missed = BOOK.with_columns(first_id=pl.Series([5, 5, 6, 9]), last_id=pl.Series([5, 5, 6, 9]))
    found = check_book(missed, best((2, 100.0, 101.0)))
    assert (found.messages, found.checks, found.agreed) == ({"applied": 2, "gap": 1}, 1, 1)
    futures = check_book(missed.with_columns(venue=pl.lit("binance_usdm")), best((2, 100.0, 101.0)))
    assert (futures.messages, futures.checks) == ({"applied": 3}, 2)
    assert math.isnan(check_book(BOOK, best((9, 1.0, 2.0))).agreement)


def test_a_catalog_is_checked_book_by_book(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("spot", best((1, 99.0, 101.0), (2, 100.0, 101.0), (4, 100.0, 100.5)))
        writer.write("l2", BOOK)
    (found,) = check_books(Catalog.open(tmp_path / "c"))
    assert (found.venue, found.symbol, found.source, found.rows, found.agreement) == (
        "binance",
        "btcusdt",
        "test",
        4,
        1,
    )


def test_what_cannot_be_checked_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no l2 rows to replay"):
        check_book(BOOK.clear(), best((1, 1.0, 2.0)))
    with pytest.raises(DataError, match="not in time order"):
        check_book(BOOK, best((2, 1.0, 2.0), (1, 1.0, 2.0)))
    with Catalog.create(tmp_path / "none") as writer:
        writer.write("spot", best((1, 99.0, 101.0)))
    with pytest.raises(DataError, match="has no l2 rows; import"):
        check_books(Catalog.open(tmp_path / "none"))
    with Catalog.create(tmp_path / "two") as writer:
        writer.write("l2", pl.concat([BOOK, BOOK.with_columns(symbol=pl.lit("btcusdt_quarter"))]).sort("recv_ns"))
        writer.write("spot", best((1, 99.0, 101.0)))
    with pytest.raises(DataError, match="2 books of BTC, and spot does not say which"):
        check_books(Catalog.open(tmp_path / "two"))


def test_several_books_without_best_prices_are_replayed_unchecked(tmp_path: Path) -> None:
    tokens = [BOOK.with_columns(venue=pl.lit("polymarket"), symbol=pl.lit(s), asset=pl.lit("OTHER")) for s in "ab"]
    with Catalog.create(tmp_path / "c") as writer:
        writer.write("l2", pl.concat([BOOK, *tokens]))
        writer.write("spot", best((1, 99.0, 101.0)))
    found = [(c.venue, c.symbol, c.checks) for c in check_books(Catalog.open(tmp_path / "c"))]
    assert found == [("binance", "btcusdt", 3), ("polymarket", "a", 0), ("polymarket", "b", 0)]
