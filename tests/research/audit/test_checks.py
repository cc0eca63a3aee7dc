"""What the checks compute, against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.market.schema import TABLES
from arena.units import MS, SECOND
from research.audit import CHECKS, Limits, Measured, Status, View, audit, find
from research.audit.basis import basis
from research.audit.books import ages
from research.audit.coverage import days, missing
from research.audit.timing import delays
from research.audit.view import undeclared
from tests.support.recorded import T0, Recording, recording


def measured(check: str, found: Recording) -> Measured:
    return next(c for c in CHECKS if c.name == check).measure(View(found))


def oracle(prices: list[float], step_s: int = 1) -> Recording:
    at = [T0 + k * step_s * SECOND for k in range(len(prices))]
    rows = {"event_ns": at, "recv_ns": at, "asset": "BTC", "feed": "chainlink", "price": prices, "source": "arena"}
    return Recording({"oracle": TABLES["oracle"].conform(pl.DataFrame(rows))})


@pytest.fixture(scope="module")
def good() -> Recording:
    return recording()


@pytest.mark.parametrize(
    ("figure", "status"),
    [(math.nan, Status.NONE), (1.0, Status.PASS), (1.1, Status.WARN), (5.0, Status.WARN), (5.1, Status.FAIL)],
)
def test_a_figure_is_judged_by_what_lies_above_its_limits(figure: float, status: Status) -> None:
    assert Limits(1.0, 5.0, "s", "a reason").judge(figure) is status


def test_every_check_says_what_it_measures_why_its_limits_and_what_it_would_do() -> None:
    assert len({c.name for c in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.question.endswith("?")
        assert check.effect.endswith(".")
        assert check.measures
        assert check.limits.why
        assert check.limits.warn <= check.limits.fail


def test_a_frozen_price_is_told_from_a_coarse_one() -> None:
    rng = np.random.default_rng(3)
    # Half of all steps stand still.
    coarse = np.round(100.0 + np.cumsum(rng.choice([0.0, 0.0, 0.01, -0.01], 20_000)), 2)
    assert measured("frozen_feed", oracle(coarse.tolist())).subjects["figure"].to_list() == [0.0]
    coarse[5000:5200] = coarse[5000]
    found = measured("frozen_feed", oracle(coarse.tolist()))
    assert found.subjects["figure"][0] == pytest.approx(199.0, abs=8.0)  # the price may stand before and after, too
    assert abs(found.examples["at_ns"][0] - (T0 + 5000 * SECOND)) <= 8 * SECOND


def walk(n: int) -> list[float]:
    steps = np.random.default_rng(4).choice([-0.01, 0.0, 0.01], n)
    return (100.0 + np.cumsum(steps)).tolist()


@pytest.mark.parametrize("updates", [1, 2, 3])
def test_a_false_price_that_is_sent_more_than_once_is_one_spike(updates: int) -> None:
    prices = walk(5000)
    for k in range(updates):
        prices[2000 + k] *= 1.02
    found = measured("price_spike", oracle(prices))
    assert found.subjects["figure"].to_list() == [pytest.approx(1e5 / 30_000)]
    assert found.examples["at_ns"].to_list() == [T0 + 2000 * SECOND]


def test_a_price_that_moves_and_stays_is_no_spike() -> None:
    prices = walk(5000)
    moved = [p * (1.02 if k >= 2000 else 1.0) for k, p in enumerate(prices)]
    assert measured("price_spike", oracle(moved)).subjects["figure"].to_list() == [0.0]


@pytest.mark.parametrize(("spikes", "status"), [(0, Status.PASS), (1, Status.WARN), (3, Status.WARN), (4, Status.FAIL)])
def test_a_spike_in_a_short_stream_is_a_warning_and_four_are_a_failure(spikes: int, status: Status) -> None:
    prices = walk(3000)
    for k in range(spikes):
        prices[500 * (k + 1)] *= 1.02
    check = next(c for c in CHECKS if c.name == "price_spike")
    assert find(check, View(oracle(prices))).status is status


def minute_bars(minutes: list[int], kind: str = "trade") -> Recording:
    at = [T0 + m * 60 * SECOND for m in minutes]
    of = {"venue": "x", "symbol": "btcusd", "asset": "BTC", "quote": "USD", "kind": kind, "source": "test"}
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    rows = {"event_ns": at, "recv_ns": [t + 60 * SECOND for t in at], "interval_s": 60} | of | prices
    return Recording({"bars": TABLES["bars"].conform(pl.DataFrame(rows))})


def test_minutes_in_which_nothing_traded_are_no_missing_bars() -> None:
    traded = [m for m in range(700) if m % 7 not in (2, 3)]
    found = measured("missing_bars", minute_bars(traded))
    assert found.subjects["figure"].to_list() == [0.0]
    outage = [m for m in traded if not 100 <= m < 180]
    assert measured("missing_bars", minute_bars(outage)).examples["what"].str.extract(r"(\d+) bars").cast(int)[0] >= 80


def test_in_a_stream_that_leaves_no_minute_out_each_absent_bar_is_missing() -> None:
    found = measured("missing_bars", minute_bars([m for m in range(700) if m not in (300, 301)]))
    assert found.subjects["figure"].to_list() == [pytest.approx(2 / 700)]
    quotes = minute_bars([m for m in range(700) if m % 7], "quote")
    assert measured("missing_bars", quotes).subjects["figure"][0] == pytest.approx(1 / 7, abs=0.01)


def test_the_basis_is_that_of_one_moment_by_the_venues_clocks(good: Recording) -> None:
    late = good.change("spot", pl.lit(True), recv_ns=pl.col("recv_ns") + 40 * SECOND)
    assert View(late).once(basis)["bps"].abs().max() < 0.01
    shifted = good.change("oracle", pl.lit(True), price=pl.col("price") * math.exp(5e-4))
    assert measured("basis_level", shifted).subjects["figure"].to_list() == pytest.approx([5.0] * 3, abs=0.01)


def test_the_age_of_a_book_counts_from_the_open_until_the_first_one(good: Recording) -> None:
    first = good["windows"]["market_id"][0]
    only = good.with_(binary_quotes=good["binary_quotes"].filter(pl.col("market_id") == first)[[100]])  # 200.5 s in
    found = dict(View(only).once(ages).select("left_s", "age_s").iter_rows())
    assert [found[left] for left in (240, 90, 2)] == pytest.approx([60.0, 9.5, 97.5])


def test_latency_and_lead_are_quantiles_of_receive_minus_venue_time() -> None:
    lag = np.arange(-10, 91)  # ms
    at = T0 + np.arange(lag.size, dtype=np.int64) * SECOND
    rows = {"event_ns": at, "recv_ns": at + lag * MS, "asset": "BTC", "feed": "x", "price": 1.0, "source": "arena"}
    found = delays(View(Recording({"oracle": TABLES["oracle"].conform(pl.DataFrame(rows))})))
    assert found.select("p1", "p50", "p99", "least", "most").row(0) == (-9.0, 40.0, 89.0, -10.0, 90.0)
    assert found["early"][0] == pytest.approx(10 / 101)


def test_a_silence_is_hidden_only_as_far_as_no_gap_covers_it() -> None:
    spans = pl.DataFrame(
        {"stream": "spot/x", "asset": "BTC", "source": "arena", "begin_ns": [0, 1000], "end_ns": [100, 1100]}
    )
    declared = {"stream": ["spot/x", "spot/y"], "recv_ns": [40, 1000], "until_ns": [90, 1100]}
    gaps = pl.DataFrame(declared | {"asset": "BTC", "source": "arena"})
    assert undeclared(spans, gaps)["undeclared_ns"].to_list() == [50, 100]


@settings(max_examples=40, deadline=None)
@given(lost=st.sets(st.integers(1, 34), max_size=20))
def test_missing_windows_are_counted_exactly(lost: set[int]) -> None:
    keep = [k for k in range(36) if k not in lost]
    opens = [T0 + k * 300 * SECOND for k in keep]
    windows = pl.DataFrame(
        {
            "market_id": [f"m{k}" for k in keep], "venue": "polymarket", "asset": "BTC", "interval_s": 300,
            "open_ns": opens, "close_ns": [t + 300 * SECOND for t in opens], "source": "arena",
        }
    )  # fmt: skip
    found = measured("missing_windows", Recording({"windows": TABLES["windows"].conform(windows)}))
    assert found.subjects["figure"][0] == pytest.approx(len(lost) / 36)
    assert found.subjects["over"][0] == 36


@settings(max_examples=40, deadline=None)
@given(lost=st.sets(st.integers(1, 198), max_size=60))
def test_every_lost_depth_message_is_a_skip_where_the_next_one_is_there(lost: set[int]) -> None:
    keep = np.array([k for k in range(200) if k not in lost])
    rows = {
        "event_ns": T0 + keep * SECOND, "recv_ns": T0 + keep * SECOND, "venue": "v", "symbol": "s", "asset": "BTC",
        "side": "bid", "price": 1.0, "size": 1.0, "is_snapshot": False, "first_id": keep, "last_id": keep,
        "source": "arena",
    }  # fmt: skip
    found = measured("l2_sequence", Recording({"l2": TABLES["l2"].conform(pl.DataFrame(rows))}))
    skips = (np.diff(keep) > 1).mean()  # of the messages that have one before them
    assert found.subjects["figure"][0] == pytest.approx(skips)


def test_venues_that_do_not_number_their_messages_are_not_judged() -> None:
    ids = np.arange(100) * 7
    rows = {
        "event_ns": T0 + ids, "recv_ns": T0 + ids, "venue": "v", "symbol": "s", "asset": "BTC", "side": "bid",
        "price": 1.0, "size": 1.0, "is_snapshot": False, "first_id": ids, "last_id": ids, "source": "arena",
    }  # fmt: skip
    found = measured("l2_sequence", Recording({"l2": TABLES["l2"].conform(pl.DataFrame(rows))}))
    assert math.isnan(found.subjects["figure"][0])


def test_the_calendar_counts_hours_and_the_gap_list_begins_with_the_longest(good: Recording) -> None:
    view = View(good.without("windows", pl.int_range(pl.len()).is_between(12, 14)))
    covered = view.once(days).filter(pl.col("stream") == "windows · arena")
    assert covered.select("hours", "rows").row(0) == (3, 33)
    what, stream, begin, end, said = missing(view).row(0)
    assert (what, stream, said) == ("3 windows", "polymarket BTC 300 s (arena)", False)
    assert (begin, end) == (T0 + 3600 * SECOND, T0 + 4500 * SECOND)


@pytest.mark.slow
def test_a_clean_lab_has_no_failure() -> None:
    lab = Recording(dict(generate(LabConfig(days=1, mode="efficient")).items()))
    assert {f.check.name: f.status for f in audit(View(lab)).findings if f.status is Status.FAIL} == {}
