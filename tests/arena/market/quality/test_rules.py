"""Every rule names exactly the row it is about, in every table it reads."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.market.quality import RULES, rules_for, screen
from arena.market.quality.ranges import UNBOUNDED
from arena.market.quality.records import VOCABULARIES
from arena.market.schema import TABLES
from arena.units import SECOND
from tests.support.rows import GOOD, T0, frame, row

NAN, INF = float("nan"), float("inf")
LADDER = {"up_bids_px": [0.48, 0.47], "up_bids_sz": [5.0, 7.0]}
QUOTE_BAR = {"kind": "quote", "bid_open": 99.0, "ask_open": 99.5, "bid_close": 99.0, "ask_close": 99.5}

DAY_NS = 86_400 * SECOND
TWO_CLOCKS = [n for n, t in TABLES.items() if {"event_ns", "recv_ns"} <= set(t.schema) and n != "bars"]

FAULTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("binary_quotes", {"source": None}, "null_required"),
    ("bars", {"event_ns": None}, "null_required"),
    ("funding", {"rate": None}, "null_required"),
    ("binary_quotes", {"up_bid_size": NAN}, "not_finite"),
    ("spot", {"last": INF}, "not_finite"),
    ("clock", {"offset_ms": -INF}, "not_finite"),
    ("wallet_ranks", {"pnl_usd": NAN}, "not_finite"),
    ("windows", {"strike": 0.0}, "price_out_of_range"),
    ("binary_quotes", {"up_bid": 0.0}, "price_out_of_range"),
    ("binary_quotes", {"down_ask": 1.0}, "price_out_of_range"),
    ("binary_trades", {"price": 49.0}, "price_out_of_range"),
    ("marks", {"yes_price": 1.01}, "price_out_of_range"),
    ("spot", {"bid": -1.0}, "price_out_of_range"),
    ("trades", {"price": 0.0}, "price_out_of_range"),
    ("l2", {"price": -5.0}, "price_out_of_range"),
    ("bars", {"low": 0.0}, "price_out_of_range"),
    ("oracle", {"price": 0.0}, "price_out_of_range"),
    ("wallet_fills", {"price": 1.0}, "price_out_of_range"),
    ("universe", {"best_ask": 1.5}, "price_out_of_range"),
    ("universe_quotes", {"bid": 0.0}, "price_out_of_range"),
    ("pairs", {"inner_ask": 1.0}, "price_out_of_range"),
    ("windows", {"volume": -1.0}, "negative_size"),
    ("binary_quotes", {"up_ask_size": -1.0}, "negative_size"),
    ("binary_trades", {"size": -1.0}, "negative_size"),
    ("spot", {"bid_size": -1.0}, "negative_size"),
    ("trades", {"size": -1.0}, "negative_size"),
    ("l2", {"size": -1.0}, "negative_size"),
    ("bars", {"volume": -1.0}, "negative_size"),
    ("bars", {"trades": -1}, "negative_size"),
    ("wallet_fills", {"usd": -1.0}, "negative_size"),
    ("wallet_ranks", {"volume_usd": -1.0}, "negative_size"),
    ("universe", {"liquidity": -1.0}, "negative_size"),
    ("universe_quotes", {"ask_size": -1.0}, "negative_size"),
    ("pairs", {"depth_usd": -1.0}, "negative_size"),
    ("binary_trades", {"size": 0.0}, "empty_trade"),
    ("trades", {"size": 0.0}, "empty_trade"),
    ("wallet_fills", {"size": 0.0}, "empty_trade"),
    ("binary_quotes", {"up_ask_size": 0.0}, "phantom_level"),
    ("spot", {"ask_size": 0.0}, "phantom_level"),
    ("universe_quotes", {"bid_size": 0.0}, "phantom_level"),
    ("l2", {"is_snapshot": True, "size": 0.0}, "phantom_level"),
    ("binary_quotes", {"up_bid": 0.50}, "crossed_book"),
    ("binary_quotes", {"down_ask": 0.50}, "crossed_book"),
    ("spot", {"bid": 102.0}, "crossed_book"),
    ("universe_quotes", {"bid": 0.6}, "crossed_book"),
    ("bars", QUOTE_BAR | {"bid_close": 100.0}, "crossed_book"),
    ("universe", {"best_bid": 0.9, "best_ask": 0.1}, "crossed_book"),
    ("binary_quotes", LADDER | {"up_bids_sz": [5.0]}, "bad_depth"),
    ("binary_quotes", LADDER | {"up_bids_px": [0.48, 0.49]}, "bad_depth"),
    ("binary_quotes", LADDER | {"up_bids_px": [0.47, 0.46]}, "bad_depth"),
    ("binary_quotes", LADDER | {"up_bids_sz": [5.0, 0.0]}, "bad_depth"),
    ("binary_quotes", {"up_bids_px": [], "up_bids_sz": []}, "bad_depth"),
    ("binary_quotes", LADDER | {"up_bid_size": 5.1}, "bad_depth"),
    ("binary_quotes", dict.fromkeys(("up_bid", "up_ask", "down_bid", "down_ask")), "empty_book"),
    ("spot", dict.fromkeys(("bid", "ask", "last")), "empty_book"),
    ("marks", dict.fromkeys(("yes_price", "no_price")), "empty_book"),
    ("universe_quotes", dict.fromkeys(("bid", "ask")), "empty_book"),
    ("bars", dict.fromkeys(("open", "high", "low", "close")), "empty_book"),
    ("binary_quotes", {"up_bid": 0.4, "up_ask": 0.48, "down_bid": 0.4, "down_ask": 0.49}, "parity_break"),
    ("binary_quotes", {"up_bid": 0.52, "up_ask": 0.53, "down_bid": 0.51, "down_ask": 0.53}, "parity_break"),
    ("binary_quotes", {"native": "up", "down_ask": 0.55}, "complement_break"),
    ("binary_quotes", {"native": "down", "up_bid": 0.45}, "complement_break"),
    ("windows", {"close_ns": T0 + 301 * SECOND}, "bad_window"),
    ("windows", {"open_ns": T0 + SECOND, "close_ns": T0 + 301 * SECOND}, "bad_window"),
    ("windows", {"interval_s": 0, "close_ns": T0}, "bad_window"),
    ("windows", {"up_token_id": "7", "down_token_id": "7"}, "bad_identity"),
    ("windows", {"asset": "ETH"}, "bad_identity"),
    ("windows", {"interval_s": 900, "close_ns": T0 + 900 * SECOND}, "bad_identity"),
    ("windows", {"open_ns": T0 + 300 * SECOND, "close_ns": T0 + 600 * SECOND}, "bad_identity"),
    ("windows", {"outcome": "UP"}, "bad_outcome"),
    ("windows", {"resolved_ns": T0}, "bad_outcome"),
    ("windows", {"fee_rate": 7.0}, "bad_terms"),
    ("windows", {"fee_exponent": -1.0}, "bad_terms"),
    ("windows", {"rebate_rate": 20.0}, "bad_terms"),
    ("windows", {"tick_size": 0.0}, "bad_terms"),
    ("windows", {"min_order_size": -5.0}, "bad_terms"),
    ("bars", {"interval_s": 0}, "bad_interval"),
    ("funding", {"interval_s": -1}, "bad_interval"),
    ("bars", {"high": 100.5}, "bad_bar"),
    ("bars", {"low": 100.5}, "bad_bar"),
    ("bars", {"taker_buy_volume": 5.1}, "bad_bar"),
    ("bars", {"bid_open": 99.0, "bid_high": 98.0}, "bad_bar"),
    ("bars", {"close": None}, "bad_bar"),
    ("bars", {"recv_ns": T0 + 59 * SECOND}, "bar_known_early"),
    ("bars", {"recv_ns": T0 + 400 * DAY_NS}, "bar_known_late"),
    *((table, {"event_ns": T0 + 2 * DAY_NS}, "event_ahead") for table in TWO_CLOCKS),
    ("l2", {"first_id": 3}, "bad_ids"),
    ("wallet_fills", {"usd": 1e9}, "bad_value"),
    ("wallet_fills", {"usd": 11.1}, "bad_value"),
    ("funding", {"rate": 0.12}, "funding_unit"),
    ("funding", {"rate": -0.12}, "funding_unit"),
    ("implied_vol", {"value": 45.0}, "vol_unit"),
    ("implied_vol", {"value": 0.0045}, "vol_unit"),
    ("l2", {"side": "buy"}, "unknown_word"),
    ("trades", {"taker_side": "Buy"}, "unknown_word"),
    ("binary_trades", {"token": "yes"}, "unknown_word"),
    ("binary_quotes", {"native": "no"}, "unknown_word"),
    ("bars", {"kind": "mid"}, "unknown_word"),
    ("wallet_fills", {"side": "redeem"}, "unknown_word"),
    ("pairs", {"cost": 0.88}, "bad_cost"),
    ("universe", {"lower": 200.0}, "bad_band"),
    ("universe", {"end_ns": T0 - 1}, "bad_band"),
    ("wallet_ranks", {"rank_pnl": 0}, "bad_rank"),
    ("clock", {"round_trip_ms": -0.1}, "bad_round_trip"),
    ("gaps", {"until_ns": T0}, "bad_gap"),
)  # fmt: skip

LEGAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("binary_quotes", LADDER),
    ("binary_quotes", {"up_bid": None, "down_ask": None, "up_bids_px": [], "up_bids_sz": []}),
    ("binary_quotes", {"up_bid": None, "up_ask": 0.001, "down_bid": 0.999, "down_ask": None}),  # one-sided
    ("binary_quotes", {"down_ask": 0.481, "down_bid": 0.47}),  # 0.981: within the slack
    ("binary_quotes", {"up_bid": 0.4, "up_ask": 0.49, "down_bid": 0.4, "down_ask": 0.49}),  # exactly the slack
    ("binary_quotes", LADDER | {"up_bid_size": 5.0}),
    ("binary_quotes", LADDER | {"up_bid_size": None}),
    ("binary_quotes", {"native": "up", "down_ask": 0.531}),  # a cent beside the complement: within the slack
    ("binary_quotes", {"native": "both", "down_ask": 0.55}),
    ("spot", {"bid": 101.0}),  # locked, as feeds of best prices are for a moment
    ("universe_quotes", {"bid": 0.5}),
    ("universe", {"best_bid": 0.0, "best_ask": 0.0}),
    ("bars", QUOTE_BAR | {"bid_close": 99.5}),
    ("bars", {"recv_ns": T0 + 300 * DAY_NS}),
    ("spot", {"event_ns": T0 + DAY_NS}),
    ("l2", {"first_id": 2, "last_id": 2}),
    ("wallet_fills", {"usd": 10.7}),  # worth of a winner's shares, with a fee
    ("windows", {"market_id": "a-market-of-another-kind", "asset": "ETH"}),
    ("spot", {"bid": None}),
    ("spot", {"bid": None, "bid_size": 0.0}),  # a size of nothing where there is no price
    ("windows", {"open_ns": T0 + SECOND, "close_ns": T0 + 301 * SECOND, "venue": "lab"}),
    ("windows", {"outcome": None}),
    ("windows", {"fee_rate": 0.25, "fee_exponent": 2.0, "tick_size": 0.001}),
    ("marks", {"yes_price": 1.0, "no_price": 0.0}),
    ("l2", {"size": 0.0}),  # a level that goes
    ("trades", {"taker_side": None}),
    ("bars", QUOTE_BAR | dict.fromkeys(("open", "high", "low", "close"))),
    ("bars", {"recv_ns": T0 + 61 * SECOND}),
    ("funding", {"rate": -0.0003, "interval_s": None}),
    ("implied_vol", {"value": 1.9}),
    ("wallet_fills", {"token": "Trump", "usd": None}),
    ("pairs", {"cost": 0.9049}),
    ("pairs", {"outer_ask": None}),
    ("universe", {"lower": None, "best_ask": 1.0}),
    ("clock", {"round_trip_ms": 0.0}),
)  # fmt: skip


def rule_of(table: str, changes: dict[str, Any]) -> str | None:
    clean, bad = screen(TABLES[table], frame(table, row(table, **changes)))
    assert clean.height + bad.height == 1
    return bad["rule"][0] if bad.height else None


@pytest.mark.parametrize("table", TABLES)
def test_a_good_row_breaks_no_rule(table: str) -> None:
    assert rule_of(table, {}) is None


@pytest.mark.parametrize(("table", "changes", "rule"), FAULTS)
def test_a_faulty_row_is_named_by_its_rule(table: str, changes: dict[str, Any], rule: str) -> None:
    assert rule_of(table, changes) == rule


def test_all_rows_of_a_crossed_snapshot_are_refused_and_no_other_snapshot() -> None:
    def book(best_bid: float, best_ask: float, **ids: Any) -> list[dict[str, Any]]:
        levels = [("bid", best_bid), ("bid", 90.0), ("ask", best_ask), ("ask", 110.0)]
        return [row("l2", side=side, price=price, is_snapshot=True, **ids) for side, price in levels]

    rows = [*book(99.0, 101.0, last_id=2), *book(102.0, 101.0, last_id=3), *book(101.0, 101.0, last_id=None)]
    change = row("l2", side="bid", price=120.0, last_id=2)  # an update is no book
    clean, bad = screen(TABLES["l2"], frame("l2", *rows, change))
    assert bad["rule"].to_list() == ["crossed_book"] * 4
    assert bad["last_id"].unique().to_list() == [3]
    assert clean.height == 9


@pytest.mark.parametrize(("table", "changes"), LEGAL)
def test_an_odd_but_legal_row_is_kept(table: str, changes: dict[str, Any]) -> None:
    assert rule_of(table, changes) is None


def test_every_row_rule_is_seen_to_fire_in_every_table_it_speaks_of() -> None:
    everywhere = {"null_required", "time_unit", "not_finite", "unknown_market"}
    want = {(t, r.name) for r in RULES if not r.relational and r.name not in everywhere for t in r.tables}
    want -= {("bars", "event_ahead"), ("l2", "crossed_book")}  # known early before that; and a matter of whole books
    assert want == {(t, rule) for t, _, rule in FAULTS if rule not in everywhere}


@pytest.mark.parametrize("table", TABLES)
def test_every_time_of_every_table_lies_in_this_century(table: str) -> None:
    times = [c.name for c in TABLES[table].columns if c.unit == "ns UTC"]
    assert [rule_of(table, {name: far}) for name in times for far in (0, 2**62)] == ["time_unit"] * 2 * len(times)


def test_every_number_of_every_table_has_a_range_or_is_known_to_have_none() -> None:
    for name, table in TABLES.items():
        for column in table.columns:
            if column.dtype != pl.Float64 or column.name in UNBOUNDED.get(name, ()):
                continue
            far = [rule_of(name, {column.name: value}) for value in (-1e12, 1e12)]
            assert far != [None, None], f"{name}.{column.name} may be anything"


def test_vocabularies_are_the_units_that_the_schema_states() -> None:
    words = [
        (name, c.name, tuple(c.unit.split("|")))
        for name, table in TABLES.items()
        for c in table.columns
        if "|" in c.unit and not c.name.startswith("outcome")  # outcomes have a rule of their own
    ]
    assert words == [(table, column, known) for table, held in VOCABULARIES.items() for column, known in held.items()]


def test_every_rule_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.doc.endswith(".") and set(rule.tables) <= set(TABLES) for rule in RULES)
    assert [rule.name for rule in rules_for("gaps")] == ["null_required", "time_unit", "bad_gap", "duplicate"]


WILD = [None, -1.0, 0.0, 0.2, 0.5, 0.9, 1.0, 7.0, NAN]
WORDS = [None, "up", "buy", "BUY", "a"]
INTS = [None, -1, 0, 60, 300]


def _value(table: str, name: str) -> st.SearchStrategy[Any]:
    dtype, good = TABLES[table].schema[name], st.just(GOOD[table].get(name))
    if dtype == pl.Float64:
        return good | st.sampled_from(WILD)
    if dtype == pl.String:
        return good | st.sampled_from(WORDS)
    if dtype == pl.Boolean:
        return st.booleans()
    if name.endswith("_ns"):
        return good | st.integers(T0, T0 + 3)
    if dtype in (pl.Int32, pl.Int64):
        return good | st.sampled_from(INTS)
    return good


@pytest.mark.parametrize("table", TABLES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_screening_is_a_partition_and_screening_again_finds_nothing(table: str, data: st.DataObject) -> None:
    spec = TABLES[table]
    # Few columns change per example, so that rows often stay good, repeat one another and go back in time.
    names = data.draw(st.lists(st.sampled_from(list(spec.schema)), max_size=3, unique=True))
    rows = data.draw(st.lists(st.fixed_dictionaries({name: _value(table, name) for name in names}), max_size=12))
    given_rows = frame(table, *(row(table, **changes) for changes in rows)) if rows else spec.empty()
    clean, bad = screen(spec, given_rows)
    assert bad["rule"].null_count() == 0
    assert _counted(pl.concat([clean, bad.drop("rule")])) == _counted(given_rows)
    assert screen(spec, clean)[1].is_empty()


def _counted(rows: pl.DataFrame) -> list[str]:
    return sorted(str(r) for r in rows.iter_rows())
