from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.causality import Frames, first_difference
from arena.lab.tables import LabTables
from arena.market.build import build_tape, tapes
from arena.market.tape import DOWN, NEVER_MS, UNKNOWN, UP, Tape
from arena.market.windows import Market, find_windows
from arena.units import SECOND
from tests.support.frames import minute_reports, mirrored, ns, oracle, quotes, spot, windows

COARSE = Market(step_ms=7000)


def build(market: Market, rows: pl.DataFrame, **tables: pl.DataFrame) -> Tape:
    return build_tape(Frames(tables), market, rows)[0]


def at(tape: Tape, seconds: float) -> Any:
    """The first tick at or after a moment."""
    return tape.ticks[np.searchsorted(tape.ticks["ts_ns"], ns(seconds))]


def one_quote() -> pl.DataFrame:
    return quotes([mirrored(0, "w0", 0.49, 0.51)])


def one_price() -> pl.DataFrame:
    return spot([(-10, "coinbase", 100.0)])


# The join, against the slowest and most obvious one.


def random_market(seed: int) -> dict[str, pl.DataFrame]:
    """Two windows; times on a 500 ms lattice, so many fall together, on ticks and on the boundaries."""
    r = random.Random(seed)
    half = lambda a, b: r.randrange(2 * a, 2 * b) / 2  # noqa: E731
    book_times = sorted(half(-30, 610) for _ in range(r.randrange(1, 40)))
    books = []
    for t in book_times:
        row: dict[str, Any] = {"t": t, "market_id": r.choice(["w0", "w1"])}
        for side in ("up_bid", "up_ask", "down_bid", "down_ask"):
            if r.random() < 0.8:
                row[side] = r.randrange(1, 99) / 100
                if r.random() < 0.7:
                    row[f"{side}_size"] = r.randrange(1, 1000) / 4
        books.append(row)
    prices = [
        (half(-30, 610), v, r.randrange(9000, 11000) / 100) for v in ("okx", "coinbase", "kraken") for _ in range(9)
    ]
    reports = []
    arrived = -1e9
    for s in sorted(r.sample(range(-80, 605), r.choice([0, 300, 560, 640, 680]))):
        arrived = max(arrived, s + half(0, 6))
        reports.append((s, arrived, r.randrange(9000, 11000) / 100))
    return {
        "windows": windows(2),
        "binary_quotes": quotes(books),
        "spot": spot(sorted(prices)),
        "oracle": oracle(reports),
    }


def plain_tick(ts: int, tables: dict[str, pl.DataFrame]) -> dict[str, Any]:
    """What one may know at ``ts``, found by reading every row."""
    opened = [w for w in tables["windows"].iter_rows(named=True) if w["open_ns"] <= ts < w["close_ns"]]
    seen = {k: [q for q in f.iter_rows(named=True) if q["recv_ns"] <= ts] for k, f in tables.items() if k != "windows"}
    tick: dict[str, Any] = {"ts_ns": ts}
    for slot, venue in enumerate(("coinbase", "kraken", "okx")):
        mine = [q for q in seen["spot"] if q["venue"] == venue]
        tick[f"spot_px{slot}"] = mine[-1]["last"] if mine else math.nan
        tick[f"spot_age{slot}"] = (ts - mine[-1]["recv_ns"]) // 1_000_000 if mine else NEVER_MS
    mine = [q for q in seen["spot"] if q["venue"] == "coinbase"]
    tick["ref_recv_ns"] = mine[-1]["recv_ns"] if mine else 0
    reports = seen["oracle"]
    tick["oracle_px"] = reports[-1]["price"] if reports else math.nan
    tick["oracle_event_ns"] = reports[-1]["event_ns"] if reports else 0
    window = opened[0] if opened else None
    inside = [q for q in reports if window and window["close_ns"] - 60 * SECOND < q["event_ns"] <= window["close_ns"]]
    tick["twap_n"], tick["twap_sum"] = len(inside), math.fsum(q["price"] for q in inside)
    books = [q for q in seen["binary_quotes"] if window and q["market_id"] == window["market_id"]]
    tick["book_age_ms"] = (ts - books[-1]["recv_ns"]) // 1_000_000 if books else NEVER_MS
    for side in ("up_bid", "up_ask", "down_bid", "down_ask"):
        tick[side] = books[-1][side] if books and books[-1][side] is not None else math.nan
        size = (books[-1][f"{side}_size"] if books[-1][f"{side}_size"] is not None else math.inf) if books else 0.0
        tick[f"{side}_size"] = size
    tick["open_ns"] = window["open_ns"] if window else 0
    tick["close_ns"] = window["close_ns"] if window else 0
    tick["strike"] = plain_strike(ts, window, tables["oracle"]) if window else math.nan
    tick["venue_strike"] = plain_venue_strike(ts, window, tables["spot"]) if window else math.nan
    return tick


def plain_strike(ts: int, window: dict[str, Any], reports: pl.DataFrame) -> float:
    """The mean of the reports of the minute up to the open, once the report for the open (or a later one) is in."""
    every = list(reports.iter_rows(named=True))
    minute = [q for q in every if window["open_ns"] - 60 * SECOND < q["event_ns"] <= window["open_ns"]]
    passed = [q for q in every if q["recv_ns"] <= ts and q["event_ns"] >= window["open_ns"]]
    if len(minute) < 48 or not passed:
        return math.nan
    return math.fsum(q["price"] for q in minute) / len(minute)


def plain_venue_strike(ts: int, window: dict[str, Any], prices: pl.DataFrame) -> float:
    """Coinbase at or just before the open within 5 s, else the first price within 5 s after, once it is there."""
    mine = [q for q in prices.iter_rows(named=True) if q["venue"] == "coinbase"]
    before = [q for q in mine if window["open_ns"] - 5 * SECOND <= q["recv_ns"] <= window["open_ns"]]
    after = [q for q in mine if window["open_ns"] < q["recv_ns"] <= min(ts, window["open_ns"] + 5 * SECOND)]
    if before:
        return float(before[-1]["last"])
    return float(after[0]["last"]) if after else math.nan


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([7000, 2500, 0]))
def test_a_tick_shows_the_last_row_received_at_or_before_it_and_nothing_else(seed: int, step_ms: int) -> None:
    tables = random_market(seed)
    if not (tables["binary_quotes"]["recv_ns"] < ns(600)).any():
        return
    tape = build(Market(step_ms=step_ms), tables["windows"], **tables)
    for tick in tape.ticks[:: 1 if step_ms == 0 else 3]:
        expected = plain_tick(int(tick["ts_ns"]), tables)
        for name, value in expected.items():
            if name.startswith("spot_"):
                shown = tick["spot_px" if "px" in name else "spot_age_ms"][int(name[-1])]
            else:
                shown = tick[name]
            assert shown == pytest.approx(value, rel=1e-12, abs=0, nan_ok=True), (name, tick["ts_ns"])


def test_event_driven_ticks_are_the_distinct_times_of_books_and_prices() -> None:
    books = quotes([mirrored(t, "w0", 0.4, 0.5) for t in (0, 3, 3, 8, 300)])
    prices = spot([(-5, "coinbase", 1.0), (3, "okx", 1.0), (9, "coinbase", 1.0)])
    tape = build(Market(step_ms=0), windows(1), binary_quotes=books, spot=prices)
    assert tape.ticks["ts_ns"].tolist() == [ns(0), ns(3), ns(8), ns(9)]


def test_a_book_of_a_market_that_is_not_open_is_no_reason_to_decide() -> None:
    """Else the decision times of a day would depend on which other days are in the tape."""
    rows = [mirrored(2, "w1", 0.4, 0.5), mirrored(3, "w0", 0.4, 0.5), mirrored(303, "w0", 0.4, 0.5)]
    tape = build(Market(step_ms=0), windows(2), binary_quotes=quotes(rows), spot=spot([(4, "coinbase", 1.0)]))
    assert tape.ticks["ts_ns"].tolist() == [ns(3), ns(4)]


def test_a_grid_tape_runs_from_the_first_open_to_the_last_close() -> None:
    tape = build(Market(step_ms=90), windows(2), binary_quotes=one_quote(), spot=one_price())
    ts = tape.ticks["ts_ns"]
    assert ts[0] == ns(0)
    assert set(np.diff(ts)) == {90_000_000}
    assert ns(600) - 90_000_000 <= ts[-1] < ns(600)


def test_the_close_belongs_to_the_next_window_or_to_none() -> None:
    rows = windows(3)[[0, 2]]
    tape = build(Market(step_ms=100_000), rows, binary_quotes=one_quote(), spot=one_price())
    assert tape.ticks["window"].tolist() == [0, 0, 0, -1, -1, -1, 1, 1, 1]
    assert tape.ticks["close_ns"][3] == 0


def test_an_age_is_whole_milliseconds_since_receipt_rounded_down() -> None:
    prices = spot([(-0.25, "coinbase", 1.0)]).with_columns(recv_ns=pl.col("recv_ns") - 999_999)
    tape = build(COARSE, windows(1), binary_quotes=one_quote(), spot=prices)
    assert tape.ticks["spot_age_ms"][0, 0] == 250


# Strikes and outcomes.


def reported(rows: list[tuple[float, float, float]], n: int = 2, **columns: Any) -> Tape:
    return build(
        Market(step_ms=500), windows(n, **columns), binary_quotes=one_quote(), spot=one_price(), oracle=oracle(rows)
    )


def test_a_strike_is_shown_when_the_report_of_the_open_has_arrived() -> None:
    tape = reported(minute_reports(-59, 400, relay=2.5))
    assert math.isnan(at(tape, 2.0)["strike"])
    assert at(tape, 2.5)["strike"] == 100.0


def test_a_missing_report_of_the_open_is_only_known_to_be_missing_when_the_next_one_is_here() -> None:
    rows = [r for r in minute_reports(-59, 400, relay=1.5) if r[0] not in (0, 1)]
    tape = reported(rows)
    assert math.isnan(at(tape, 3.0)["strike"])
    assert at(tape, 3.5)["strike"] == 100.0


def test_a_strike_is_never_shown_when_no_report_after_the_gap_exists() -> None:
    tape = reported(minute_reports(-59, 0))
    assert np.isnan(tape.ticks["strike"]).all()


def test_a_report_that_was_overtaken_changes_the_outcome_but_no_strike_already_shown() -> None:
    late = [r if r[0] != -30 else (-30, 20.0, 160.0) for r in minute_reports(-59, 700)]
    tape = reported(sorted(late, key=lambda r: r[1]))
    assert at(tape, 1.0)["strike"] == 100.0
    assert at(tape, 250.0)["strike"] == 100.0
    # The official average over all sixty reports is 101, so the unchanged price at the close is below it.
    assert tape.windows["outcome"].tolist() == [DOWN, UP]


def test_an_average_with_under_four_fifths_of_its_reports_is_no_strike() -> None:
    enough = [r for r in minute_reports(-59, 400) if not -47 <= r[0] < -35]
    assert at(reported(enough), 100)["strike"] == 100.0
    assert math.isnan(at(reported([r for r in enough if r[0] != -20]), 100)["strike"])


def test_the_strike_is_the_mean_of_the_sixty_reports_that_end_at_the_open() -> None:
    tape = reported([(s, s + 1.0, 100.0 + s) for s in range(-70, 400)])
    assert at(tape, 10)["strike"] == pytest.approx(100.0 + sum(range(-59, 1)) / 60, rel=1e-13)


def test_a_recorded_strike_without_an_oracle_is_shown_two_seconds_after_the_open() -> None:
    tape = build(Market(step_ms=500), windows(1, strike=99.0), binary_quotes=one_quote(), spot=one_price())
    assert math.isnan(at(tape, 1.5)["strike"])
    assert at(tape, 2.0)["strike"] == 99.0


def test_the_spot_rule_takes_the_report_of_the_boundary() -> None:
    rows = [(s, s + 1.0, 100.0 + s) for s in range(-10, 700)]
    tape = reported(rows, settlement_rule="spot")
    assert (at(tape, 1.0)["strike"], at(tape, 301.0)["strike"]) == (100.0, 400.0)
    stale = reported([r for r in rows if not -5 <= r[0] <= 0], settlement_rule="spot")
    assert math.isnan(at(stale, 200)["strike"])


def test_the_outcome_of_the_last_window_waits_for_reports_that_arrive_after_its_close() -> None:
    """They do arrive: a relay takes more than a second, and the tape ends with the close."""
    rows = [(s, s + 1.4, 100.0 if s < 299 else 90.0) for s in range(-59, 700)]
    alone, followed = reported(rows, n=1), reported(rows, n=2)
    assert followed.windows["outcome"][0] == DOWN
    assert alone.windows["outcome"][0] == DOWN


@pytest.mark.parametrize(("rule", "tie"), [("twap60", UP), ("spot", UP)])
def test_a_tie_settles_up_by_the_market_and_down_by_the_seed(rule: str, tie: int) -> None:
    prices = spot([(float(t), "coinbase", 100.0) for t in range(-1, 602)])
    tape = build(
        COARSE, windows(2, settlement_rule=rule), binary_quotes=one_quote(), spot=prices,
        oracle=oracle(minute_reports(-59, 700)),
    )  # fmt: skip
    assert tape.windows["outcome"].tolist() == [tie, tie]
    assert tape.windows["venue_outcome"].tolist() == [DOWN, DOWN]


def test_the_official_outcome_wins_over_the_computed_one() -> None:
    tape = reported([(s, s + 1.0, 100.0 + s) for s in range(-59, 700)], outcome=["down", None])
    assert tape.windows["outcome"].tolist() == [DOWN, UP]


def test_without_reports_or_an_official_outcome_the_outcome_is_unknown() -> None:
    tape = build(COARSE, windows(2, strike=100.0), binary_quotes=one_quote(), spot=one_price())
    assert tape.windows["outcome"].tolist() == [UNKNOWN, UNKNOWN]


# Rules and metadata.


def test_rules_follow_the_date_of_the_open() -> None:
    # 2026-08-14 00:00 UTC: 30 s averages before, 60 s after; delay 250 ms until 2026-08-17 11:00.
    edge = (1_786_665_600 * SECOND - ns(0)) / SECOND
    rows = windows(2, first=edge - 300)
    tape = build(
        COARSE,
        rows,
        binary_quotes=quotes([mirrored(edge - 300, "w0", 0.4, 0.5)]),
        spot=spot([(edge - 301, "coinbase", 1.0)]),
    )
    lookback = {int(w): float(x) for w, x in zip(tape.ticks["window"], tape.ticks["lookback_s"], strict=True)}
    assert lookback == {0: 30.0, 1: 60.0}
    assert tape.windows["delay_ns"].tolist() == [250_000_000] * 2


def test_recorded_metadata_wins_over_the_dated_table() -> None:
    own = windows(
        2, fee_rate=[0.01, None], fee_exponent=[2.0, None], tick_size=[0.005, None], settlement_rule=["spot", None]
    )
    tape = build(COARSE, own, binary_quotes=one_quote(), spot=one_price())
    assert tape.windows["fee_rate"].tolist() == [0.01, 0.07]
    assert tape.windows["fee_exponent"].tolist() == [2.0, 1.0]
    assert tape.windows["tick_size"].tolist() == [0.005, 0.01]
    assert (at(tape, 0)["lookback_s"], at(tape, 300)["lookback_s"]) == (0.0, 60.0)
    assert (at(tape, 0)["fee_rate"], at(tape, 300)["fee_rate"]) == (0.01, 0.07)


def test_payment_waits_for_the_recorded_resolution_or_the_usual_delay() -> None:
    rows = windows(3, resolved_ns=[ns(333), None, ns(10)])
    tape = build(COARSE, rows, binary_quotes=one_quote(), spot=one_price())
    assert tape.windows["settle_ns"].tolist() == [ns(333), ns(654), ns(954)]


def test_a_delay_override_replaces_the_table() -> None:
    tape = build(Market(delay_ms=9, step_ms=7000), windows(1), binary_quotes=one_quote(), spot=one_price())
    assert tape.windows["delay_ns"].tolist() == [9_000_000]


# Books.


def test_books_are_ordered_by_the_venues_clock_whatever_the_order_of_receipt() -> None:
    rows = [mirrored(5, "w0", 0.4, 0.5, e=4), mirrored(6, "w1", 0.3, 0.4, e=2), mirrored(7, "w0", 0.6, 0.7, e=3)]
    books = build(COARSE, windows(2), binary_quotes=quotes(rows), spot=one_price()).books
    assert books.first.tolist() == [0, 2, 3]
    assert books.event_ns.tolist() == [ns(3), ns(4), ns(2)]
    assert books.up_ask[:, 0].tolist() == [0.7, 0.5, 0.4]


def test_the_venues_book_of_the_last_window_includes_what_reached_us_after_the_close() -> None:
    """An order in its last second meets it, as it would in any other window."""
    rows = [mirrored(1, "w0", 0.4, 0.5), mirrored(301, "w0", 0.6, 0.7, e=299)]
    for n in (1, 2):
        books = build(COARSE, windows(n), binary_quotes=quotes(rows), spot=one_price()).books
        assert books.up_ask[books.first[0] : books.first[1], 0].tolist() == [0.5, 0.7]


def test_depth_levels_are_padded_and_a_bare_row_keeps_its_touch() -> None:
    deep = mirrored(1, "w0", 0.49, 0.50, size=7.0, up_asks_px=[0.50, 0.52], up_asks_sz=[7.0, 9.0])
    books = build(
        COARSE, windows(1), binary_quotes=quotes([deep, mirrored(2, "w0", 0.48, 0.51, 5.0)]), spot=one_price()
    ).books
    np.testing.assert_array_equal(books.up_ask, [[0.50, 0.52], [0.51, np.nan]])
    np.testing.assert_array_equal(books.up_ask_size, [[7.0, 9.0], [5.0, 0.0]])
    np.testing.assert_array_equal(books.down_ask, [[0.51], [0.52]])


def test_an_unknown_size_is_infinite_and_a_missing_side_has_no_price() -> None:
    tape = build(
        COARSE, windows(1), binary_quotes=quotes([{"t": 0, "market_id": "w0", "up_ask": 0.5}]), spot=one_price()
    )
    tick = tape.ticks[0]
    assert tick["up_ask_size"] == math.inf
    assert math.isnan(tick["down_ask"])


# Venues.


def test_a_venue_keeps_its_slot_from_day_to_day() -> None:
    """Learnt bases are carried from one day's tape to the next by slot."""
    day = 86_400.0
    rows = pl.concat([windows(1), windows(1, first=day).with_columns(market_id=pl.lit("w1"))])
    books = quotes([mirrored(0, "w0", 0.4, 0.5), mirrored(day, "w1", 0.4, 0.5)])
    prices = spot([(-1, "coinbase", 1.0), (-1, "kraken", 2.0), (day - 1, "binance", 3.0), (day - 1, "kraken", 2.5)])
    one, two = tapes(Frames({"binary_quotes": books, "spot": prices}), COARSE, rows)
    assert one[1].venues == ("coinbase", "kraken")
    assert two[1].venues == ("coinbase", "kraken", "binance")
    np.testing.assert_array_equal(two[0].ticks["spot_px"][0, :3], [np.nan, 2.5, 3.0])


def test_the_reference_venue_comes_first() -> None:
    prices = spot([(-1, v, 1.0) for v in ("binance", "coinbase", "okx")])
    notes = build_tape(
        Frames({"binary_quotes": one_quote(), "spot": prices}), Market(reference_venue="okx"), windows(1)
    )[1]
    assert notes.venues == ("okx", "binance", "coinbase")


def test_recycled_memory_makes_the_same_tapes(lab: LabTables) -> None:
    """A day is built over the remains of another day; nothing of them may show."""
    data = Frames(dict(lab.items()))
    rows = find_windows(data, Market(step_ms=900), None, None)
    fresh = [tape.ticks for tape, _ in tapes(data, Market(step_ms=900), rows)]
    again = [tape.ticks.copy() for tape, _ in tapes(data, Market(step_ms=900), rows, recycle=1)]
    for one, two in zip(fresh, again, strict=True):
        assert first_difference(one, two, one.shape[0]) is None
    garbage = np.frombuffer(b"\x5a" * fresh[0].nbytes, dtype=fresh[0].dtype).copy()
    tape, _ = build_tape(data, Market(step_ms=900), rows[:288], (), garbage)
    assert first_difference(fresh[0], tape.ticks, fresh[0].shape[0]) is None
