"""Rows become tables that conform to the schema, in the order in which they came."""

from __future__ import annotations

import polars as pl

from arena.market.schema import TABLES
from live.feeds.rows import Rows


def test_taken_tables_conform_to_the_schema_and_name_their_source() -> None:
    rows = Rows("mybox")
    rows.spot(None, 1, "okx", "BTC", "USDT", 1.0, 2.0, None, None, None)
    rows.trade(3, 4, "okx", "btc-usdt", "BTC", 1.0, 2.0, "buy", 7)
    rows.levels([(1, 2, "coinbase", "btc-usd", "BTC", "bid", 1.0, 2.0, True, 3, 3, 0)])
    rows.oracle(1, 2, "BTC", "chainlink", 3.0)
    rows.binary_trade(1, 2, "m", "BTC", "up", 0.5, 1.0, "buy", 0, None)
    rows.gap(1, 2, "spot/okx", "BTC", "silence")
    rows.clock(1, "clob", 2.0, 3.0)
    taken = rows.take()
    assert set(taken) == {"spot", "trades", "l2", "oracle", "binary_trades", "gaps", "clock"}
    for name, frame in taken.items():
        assert frame.schema == pl.Schema(TABLES[name].schema)
        assert frame["source"].to_list() == ["mybox"]


def test_taking_empties_the_rows() -> None:
    rows = Rows()
    rows.oracle(1, 2, "BTC", "chainlink", 3.0)
    rows.take()
    assert rows.take() == {}


def test_of_two_rows_of_one_market_the_later_is_kept() -> None:
    rows = Rows()
    rows.window({"market_id": "m", "strike": 1.0})
    rows.window({"market_id": "m", "strike": 2.0})
    assert rows.take()["windows"]["strike"].to_list() == [2.0]


def test_postponed_work_is_done_once_before_the_rows_are_taken() -> None:
    rows = Rows()

    def flush(to: Rows) -> None:
        to.oracle(1, 2, "BTC", "chainlink", 3.0)

    rows.later(flush)
    rows.later(flush)
    assert rows.take()["oracle"].height == 1
    assert rows.take() == {}


def test_refused_rows_keep_what_they_said_and_the_rule_they_broke() -> None:
    rows = Rows("mybox")
    rows.refuse("windows", "unknown_version", {"market_id": "m"})
    refused = rows.take_refused()["windows"]
    assert refused.columns == [*TABLES["windows"].schema, "rule"]
    assert refused.select("market_id", "source", "rule").rows() == [("m", "mybox", "unknown_version")]
    assert rows.take_refused() == {}
