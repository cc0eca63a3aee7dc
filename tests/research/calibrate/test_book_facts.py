from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from arena.units import SECOND
from research.calibrate.facts import book
from research.calibrate.facts.outcomes import outcome_memory, reliability
from research.calibrate.facts.reaction import reaction


def windows(n: int = 1) -> pl.DataFrame:
    open_ns = np.arange(n, dtype=np.int64) * 300 * SECOND
    return pl.DataFrame(
        {"market_id": [f"m{k}" for k in range(n)], "open_ns": open_ns, "close_ns": open_ns + 300 * SECOND}
    ).with_columns(outcome=pl.lit("up"))


def quotes(at_s: list[float], bid: list[float | None], ask: list[float | None], size: float = 100.0) -> pl.DataFrame:
    event = (np.array(at_s) * SECOND).astype(np.int64)
    return pl.DataFrame({"event_ns": event, "recv_ns": event, "up_bid": bid, "up_ask": ask}).with_columns(
        market_id=pl.lit("m0"), up_bid_size=pl.lit(size), up_ask_size=pl.lit(size)
    )


def test_a_spread_counts_for_as_long_as_it_stands() -> None:
    """Three quarters of the minute before the last two at one tick, a quarter at three."""
    at = [float(k) for k in range(60, 120)]
    ask = [0.51 if k % 4 else 0.53 for k in range(60)]
    rows = book.book_rows(quotes(at, [0.50] * 60, ask), windows())
    found = book.spread_by_left(rows)
    assert found.y[6] == pytest.approx(1.5, abs=0.05)
    assert np.isnan(found.y[:5]).all()
    assert book.spread_shares(rows).y[[0, 2]] == pytest.approx([0.75, 0.25], abs=0.02)


def test_rates_count_rows_and_price_changes() -> None:
    """Two rows a second of which every second one moves the price."""
    at = [60 + 0.5 * k for k in range(120)]
    bid = [0.50 + 0.01 * ((k // 2) % 2) for k in range(120)]
    rows = book.book_rows(quotes(at, bid, [b + 0.02 for b in bid]), windows())
    assert book.update_rate(rows).y[6] == pytest.approx(2.0, rel=0.03)
    assert book.move_rate(rows).y[6] == pytest.approx(1.0, rel=0.05)


def test_rows_outside_the_window_do_not_count_and_silence_is_cut() -> None:
    rows = book.book_rows(quotes([-5.0, 10.0, 200.0, 301.0], [0.5] * 4, [0.51] * 4), windows())
    assert rows["left_s"].to_list() == [290.0, 100.0]
    assert rows["lasts"].to_list() == [10.0, 0.0]


def test_an_empty_side_is_quiet_time_and_counts_as_zero_or_one() -> None:
    rows = book.book_rows(quotes([10 + k for k in range(40)], [0.99] * 40, [None] * 40), windows())
    assert rows["mid"].unique().to_list() == [0.995]
    assert book.quiet_rate(rows) == pytest.approx(40 / 39)


def test_sub_cent_prices_are_found_where_they_are() -> None:
    low = quotes([10 + k for k in range(60)], [0.004] * 60, [0.005] * 60)
    high = quotes([100 + k for k in range(60)], [0.03] * 60, [0.04] * 60)
    rows = book.book_rows(pl.concat([low, high]), windows())
    assert book.fine_below(rows) == 0.005


def test_the_mid_of_a_martingale_has_a_flat_signature_and_a_smoothed_one_rises() -> None:
    rng = np.random.default_rng(1)
    step_ns = SECOND // 20
    x = 50.0 + np.cumsum(rng.standard_normal(3_500)) * 0.1
    smooth = np.convolve(x, np.ones(40) / 40, mode="valid")
    for series, flat in ((x, True), (smooth, False)):
        at = np.arange(series.size, dtype=np.int64) * step_ns + 5 * SECOND
        frame = pl.DataFrame(
            {"market_id": ["m0"] * series.size, "event_ns": at, "up_bid": series / 100, "up_ask": series / 100}
        ).with_columns(up_bid_size=pl.lit(1.0), up_ask_size=pl.lit(1.0))
        found = book.mid_signature(book.book_rows(frame, windows()), (0.05, 0.5, 5.0)).y
        assert (found[0] == pytest.approx(0.1 * math.sqrt(20), rel=0.05)) == flat
        assert (found[0] < 0.5 * found[2]) != flat


@pytest.mark.parametrize("lag_s", [0.0, 1.5, 4.0])
def test_the_lag_of_a_book_that_follows_spot_is_recovered(lag_s: float) -> None:
    """Spot ticks at random times, the book at others, and follows late: the peak is at the lag."""
    rng = np.random.default_rng(2)
    fine = np.cumsum(rng.standard_normal(400_000)) * 1e-5
    spot_step = np.sort(rng.choice(400_000, 40_000, replace=False))
    book_step = np.sort(rng.choice(np.arange(1_000, 400_000), 60_000, replace=False))
    ms = 10_000_000
    mid = 0.5 + 0.1 * fine[book_step - round(lag_s * 100)]
    found = reaction(
        spot_step * ms, np.exp(fine[spot_step]), np.zeros(60_000, np.int64), book_step * ms, mid,
        np.arange(-8.0, 8.01, 0.25), 15.0,
    )  # fmt: skip
    assert found.lag_s == pytest.approx(lag_s, abs=0.13)
    assert found.identified == (lag_s > 0.0)


def test_a_lag_below_the_sampling_of_spot_is_not_identified() -> None:
    rng = np.random.default_rng(3)
    fine = np.cumsum(rng.standard_normal(400_000)) * 1e-5
    ms = 10_000_000
    spot_step = np.arange(0, 400_000, 260)
    book_step = np.arange(1_000, 400_000, 50)
    found = reaction(
        spot_step * ms, np.exp(fine[spot_step]), np.zeros(book_step.size, np.int64), book_step * ms,
        0.5 + 0.1 * fine[book_step - 50], np.arange(-20.0, 20.01, 0.25), 15.0,
    )  # fmt: skip
    assert not found.identified
    assert "unknown" in found.says


def test_unrelated_series_have_no_peak() -> None:
    rng = np.random.default_rng(4)
    at = np.arange(20_000, dtype=np.int64) * SECOND
    spot, mid = (np.cumsum(rng.standard_normal(20_000)) * 1e-5 for _ in range(2))
    found = reaction(at, np.exp(spot), np.zeros(20_000, np.int64), at + SECOND // 3, mid, np.arange(-20, 20.5), 15.0)
    assert not found.identified
    assert "no peak" in found.says


def test_a_calibrated_market_lies_on_the_diagonal_and_an_overconfident_one_does_not() -> None:
    rng = np.random.default_rng(5)
    n = 20_000
    said = rng.random(n)
    for truth, inside in ((said, True), (0.5 + 0.5 * (said - 0.5), False)):
        won = rng.random(n) < truth
        frame = windows(n).with_columns(outcome=pl.Series(np.where(won, "up", "down")))
        at = frame["open_ns"] + 140 * SECOND
        seen = pl.DataFrame({"market_id": frame["market_id"], "recv_ns": at, "up_bid": said, "up_ask": said})
        found = reliability(seen, frame, 0.5)
        assert found.curve.n.sum() == n
        covered = ((found.lower <= found.curve.x) & (found.curve.x <= found.upper)).mean()
        assert (covered >= 0.8) == inside
        assert (np.abs(found.excess.y).max() < 0.03) == inside


def test_a_mid_that_is_too_old_is_unknown() -> None:
    frame = windows(2)
    at = pl.Series([0, 440]) * SECOND
    seen = pl.DataFrame({"market_id": ["m0", "m1"], "recv_ns": at, "up_bid": [0.4, 0.4], "up_ask": [0.4, 0.4]})
    assert reliability(seen, frame, 0.5).curve.n.sum() == 1


def test_outcomes_that_alternate_have_a_memory_of_minus_one_and_holes_do_not_shift_it() -> None:
    frame = windows(400).with_columns(outcome=pl.Series(["up", "down"] * 200)).with_row_index()
    holes = frame.filter(pl.col("index") % 7 != 0).drop("index")
    assert outcome_memory(holes, (1, 2)).y == pytest.approx([-1.0, 1.0], abs=0.02)
