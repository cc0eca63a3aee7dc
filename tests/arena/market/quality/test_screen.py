"""Screening: the first rule names a row, rows are compared only with good ones, nothing is lost."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import DataError
from arena.market.quality import check_times, screen
from arena.market.schema import TABLES
from tests.support.rows import T0, row

WINDOWS, QUOTES, SPOT, L2 = (TABLES[n] for n in ("windows", "binary_quotes", "spot", "l2"))


def quote(**changes: Any) -> dict[str, Any]:
    return row("binary_quotes", **changes)


def window(**changes: Any) -> dict[str, Any]:
    return row("windows", **changes)


def spot(**changes: Any) -> dict[str, Any]:
    return row("spot", **changes)


def rule_of(table: Any, row: dict[str, Any], markets: Any = None) -> str | None:
    clean, bad = screen(table, pl.DataFrame([row], schema_overrides=table.schema), markets)
    assert clean.height + bad.height == 1
    return bad["rule"][0] if bad.height else None


def test_the_first_rule_names_a_row_that_breaks_two() -> None:
    assert rule_of(QUOTES, quote(up_bid=0.9, down_bid=0.9)) == "crossed_book"
    assert rule_of(QUOTES, quote(up_bid=1.2)) == "price_out_of_range"


def test_quotes_need_a_window_only_when_windows_are_known() -> None:
    assert rule_of(QUOTES, quote(), markets=["another"]) == "unknown_market"
    assert rule_of(QUOTES, quote(), markets=["btc-updown-5m-1776081600"]) is None
    assert rule_of(QUOTES, quote(), markets=None) is None


def test_the_second_of_two_equal_rows_is_the_duplicate() -> None:
    frame = pl.DataFrame([spot(), spot(recv_ns=T0 + 1), spot()], schema_overrides=SPOT.schema)
    clean, bad = screen(SPOT, frame)
    assert clean["recv_ns"].to_list() == [T0, T0 + 1]
    assert bad["rule"].to_list() == ["duplicate"]


def test_a_broken_first_copy_does_not_condemn_the_good_one() -> None:
    frame = pl.DataFrame([window(outcome="no"), window()], schema_overrides=WINDOWS.schema)
    clean, bad = screen(WINDOWS, frame)
    assert clean["outcome"].to_list() == ["up"]
    assert bad["rule"].to_list() == ["bad_outcome"]


def test_two_down_updates_in_one_instant_are_no_duplicate() -> None:
    frame = pl.DataFrame([quote(), quote(down_ask=0.53)], schema_overrides=QUOTES.schema)
    assert screen(QUOTES, frame)[1].is_empty()


def test_a_level_that_comes_back_within_one_message_is_no_duplicate() -> None:
    rows = [row("l2", size=size, seq=place) for place, size in enumerate([5.0, 0.0, 5.0])]
    clean, bad = screen(L2, pl.DataFrame([*rows, *rows], schema_overrides=L2.schema))
    assert clean["size"].to_list() == [5.0, 0.0, 5.0]
    assert bad["rule"].to_list() == ["duplicate"] * 3


def test_only_quotes_with_the_same_depth_are_duplicates() -> None:
    deep = {"up_bids_px": [0.48, 0.47], "up_bids_sz": [1.0, 2.0]}
    rows = [quote(**deep), quote(**deep | {"up_bids_sz": [1.0, 3.0]}), quote(**deep), quote(), quote()]
    clean, bad = screen(QUOTES, pl.DataFrame(rows, schema_overrides=QUOTES.schema))
    assert clean["up_bids_sz"].to_list() == [[1.0, 2.0], [1.0, 3.0], None]
    assert bad["up_bids_sz"].to_list() == [[1.0, 2.0], None]
    assert bad["rule"].to_list() == ["duplicate"] * 2


def test_every_row_behind_the_latest_time_of_its_own_stream_goes_back() -> None:
    times = [0, 5, 3, 4, 5, 6]
    rows = [spot(recv_ns=T0 + t, last=100.0 + i) for i, t in enumerate(times)]
    rows.append(spot(recv_ns=T0, venue="binance"))  # another stream is not behind
    clean, bad = screen(SPOT, pl.DataFrame(rows, schema_overrides=SPOT.schema))
    assert bad["recv_ns"].to_list() == [T0 + 3, T0 + 4]
    assert bad["rule"].unique().to_list() == ["time_back"]
    assert clean.height == 5


def test_an_unknown_or_absent_column_is_an_error() -> None:
    with pytest.raises(DataError, match="no column 'mid'"):
        screen(SPOT, pl.DataFrame([spot() | {"mid": 1.0}]))
    with pytest.raises(DataError, match="needs column 'venue'"):
        screen(SPOT, pl.DataFrame([spot()]).drop("venue"))


def test_milliseconds_read_as_nanoseconds_are_refused_with_row_and_rule() -> None:
    frame = SPOT.conform(pl.DataFrame([spot(), spot(recv_ns=T0 // 1_000_000)], schema_overrides=SPOT.schema))
    with pytest.raises(DataError, match=r"feed.parquet, row 1: recv_ns = 1776081600000 breaks rule time_unit"):
        check_times(SPOT, frame, "feed.parquet")


prices = st.sampled_from([None, -0.1, 0.0, 0.2, 0.49, 0.5, 0.51, 0.8, 1.0, float("nan")])
quotes = st.builds(
    quote,
    recv_ns=st.integers(T0, T0 + 5),
    up_bid=prices,
    up_ask=prices,
    down_bid=prices,
    down_ask=prices,
    up_bid_size=st.sampled_from([None, -1.0, 0.0, 1.0]),
    market_id=st.sampled_from(["a", "b"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(quotes, max_size=25))
def test_screening_loses_nothing_and_screening_again_finds_nothing(rows: list[dict[str, Any]]) -> None:
    frame = QUOTES.conform(pl.DataFrame(rows, schema=QUOTES.schema)).with_columns(
        asset=pl.int_range(pl.len()).cast(str)
    )
    clean, bad = screen(QUOTES, frame, ["a"])
    ids = pl.concat([clean["asset"], bad["asset"]]).cast(int).sort()
    assert ids.to_list() == list(range(frame.height))
    assert bad["rule"].null_count() == 0
    assert screen(QUOTES, clean, ["a"])[1].is_empty()
    assert clean["asset"].cast(int).is_sorted()
    for _, stream in clean.group_by("market_id", "source"):
        assert stream["recv_ns"].is_sorted()
