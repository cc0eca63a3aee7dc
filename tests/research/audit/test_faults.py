"""A fault put into a faultless recording is named by the checks it concerns, and by no other."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from arena.market.quality import screen
from arena.market.schema import TABLES
from arena.units import MS, SECOND
from research.audit import CHECKS, Status, View, audit
from tests.support.recorded import T0, Recording, recording

OF_THE_FILES = {"quarantine", "file_hashes"}
TWICE = {"window_conflicts"}  # needs a second recorder


def between(first_s: float, last_s: float, column: str = "recv_ns") -> pl.Expr:
    return pl.col(column).is_between(T0 + round(first_s * 1000) * MS, T0 + round(last_s * 1000) * MS)


def at(venue: str) -> pl.Expr:
    return pl.col("venue") == venue


@pytest.fixture(scope="module")
def good() -> Recording:
    return recording()


def troubled(found: Recording) -> dict[str, Status]:
    return {f.check.name: f.status for f in audit(View(found)).findings if f.status in (Status.WARN, Status.FAIL)}


def test_a_faultless_recording_passes_every_check_there_is(good: Recording) -> None:
    states = {f.check.name: f.status for f in audit(View(good)).findings}
    assert {name for name, status in states.items() if status is Status.NONE} == OF_THE_FILES | TWICE
    assert set(states.values()) == {Status.NONE, Status.PASS}


def test_a_faultless_recording_breaks_no_row_rule(good: Recording) -> None:
    for name, frame in good.tables.items():
        assert screen(TABLES[name], frame)[1].is_empty(), name


def frozen(r: Recording) -> Recording:
    return r.change("spot", at("kraken") & between(610, 760), bid=70_000.0, ask=70_001.0)


def spike(r: Recording) -> Recording:
    row = at("okx") & between(3630.01, 3630.03)
    return r.change("spot", row, bid=pl.col("bid") * 1.01, ask=pl.col("ask") * 1.01)


def silent(r: Recording) -> Recording:
    return r.without("spot", at("coinbase") & between(910, 1190))


def declared(r: Recording) -> Recording:
    gap = {
        "recv_ns": [T0 + 909 * SECOND], "until_ns": [T0 + 1191 * SECOND], "stream": ["spot/coinbase"],
        "asset": ["BTC"], "reason": ["outage"], "source": ["arena"],
    }  # fmt: skip
    return silent(r).with_(gaps=pl.DataFrame(gap))


def off(r: Recording) -> Recording:
    row = at("okx") & between(3610, 3790)  # inside one window: no boundary is touched
    return r.change("spot", row, bid=pl.col("bid") * 1.005, ask=pl.col("ask") * 1.005)


def shifted(r: Recording) -> Recording:
    return r.change("oracle", pl.lit(True), price=pl.col("price") * 1.001)


def drifting(r: Recording) -> Recording:
    hours = (pl.col("event_ns") - T0) / (3600.0 * SECOND)
    return r.change("oracle", pl.lit(True), price=pl.col("price") * (1.0 + 4e-4 * (hours - 1.5)))


def fewer_windows(r: Recording) -> Recording:
    lost = r["windows"]["market_id"][10:12].to_list()
    for table in ("windows", "binary_quotes", "binary_trades", "marks", "wallet_fills"):
        r = r.without(table, pl.col("market_id").is_in(lost))
    return r


def unsettled(r: Recording) -> Recording:
    return r.change("windows", pl.int_range(pl.len()) < 2, outcome=None)


def flipped(r: Recording, least_bps: float, most_bps: float) -> pl.DataFrame:
    """The windows with the outcome of the first one that moved by so much turned over."""
    move = 1e4 * (pl.col("settle_price") / pl.col("strike")).log().abs()
    rows = r["windows"].with_columns(move.is_between(least_bps, most_bps).alias("hit"))
    first = pl.int_range(pl.len()) == rows["hit"].arg_true()[0]
    other = pl.when(pl.col("outcome") == "up").then(pl.lit("down")).otherwise(pl.lit("up"))
    return rows.with_columns(pl.when(first).then(other).otherwise("outcome").alias("outcome")).drop("hit")


def wrong_close_call(r: Recording) -> Recording:
    return r.with_(windows=flipped(r, 1.0, 15.0))


def wrong_clear_move(r: Recording) -> Recording:
    return r.with_(windows=flipped(r, 21.0, 500.0))


def two_recorders(r: Recording) -> Recording:
    second = flipped(r, 1.0, 15.0).with_columns(pl.lit("other").alias("source"))
    return r.with_(windows=pl.concat([r["windows"], second]))


def lacking_asks(r: Recording) -> Recording:
    return r.change("binary_quotes", pl.int_range(pl.len()) % 5 == 0, up_ask=None)


def early_end(r: Recording) -> Recording:
    return r.without("binary_quotes", (pl.col("recv_ns") - T0) % (300 * SECOND) > 230 * SECOND)


def late_start(r: Recording) -> Recording:
    few = r["windows"]["market_id"][:4].to_list()
    late = (pl.col("recv_ns") - T0) % (300 * SECOND) < 200 * SECOND
    return r.without("binary_quotes", pl.col("market_id").is_in(few) & late)


def two_moments(r: Recording) -> Recording:
    return r.change("binary_quotes", pl.int_range(pl.len()) % 100 == 0, down_ask=pl.col("down_ask") + 0.06)


def fast_venue_clock(r: Recording) -> Recording:
    return r.change("spot", at("okx"), recv_ns=pl.col("event_ns") - 200 * MS)


def late_news(r: Recording) -> Recording:
    return r.change("spot", at("okx"), recv_ns=pl.col("event_ns") + 10 * SECOND)


FAULTS: tuple[tuple[Callable[[Recording], Recording], set[str]], ...] = (
    (frozen, {"frozen_feed", "stuck_feed", "venue_outlier"}),
    (spike, {"price_spike"}),
    (silent, {"silence", "stuck_feed"}),
    (declared, {"declared_gaps"}),
    (off, {"venue_outlier"}),
    (shifted, {"basis_level"}),
    (drifting, {"basis_drift"}),
    (fewer_windows, {"missing_windows"}),
    (unsettled, {"unknown_outcomes"}),
    (wrong_close_call, {"outcome_disagreement"}),
    (wrong_clear_move, {"outcome_disagreement", "outcome_contradiction"}),
    (two_recorders, {"outcome_disagreement", "window_conflicts"}),
    (lacking_asks, {"one_sided_books"}),
    (early_end, {"stale_books"}),
    (late_start, {"short_books"}),
    (two_moments, {"parity_residual"}),
    (lambda r: r.change("binary_trades", pl.int_range(pl.len()) == 3, market_id=pl.lit("x")), {"orphan_rows"}),
    (fast_venue_clock, {"clock_skew"}),
    (late_news, {"latency"}),
    (lambda r: r.change("clock", pl.lit(True), offset_ms=-1270.0), {"clock_offset"}),
    (lambda r: r.without("bars", pl.int_range(pl.len()) == 90), {"missing_bars", "stuck_feed"}),
    (lambda r: r.without("l2", pl.int_range(pl.len()) == 90), {"l2_sequence"}),
    (lambda r: r.change("funding", pl.lit(True), rate=0.01), {"funding_magnitude"}),
    (lambda r: r.change("wallet_fills", pl.int_range(pl.len()) == 3, usd=10.0), {"fill_value"}),
)


@pytest.mark.parametrize(("fault", "checks"), FAULTS, ids=["+".join(sorted(checks)) for _, checks in FAULTS])
def test_a_fault_is_named_by_the_checks_it_concerns(
    good: Recording, fault: Callable[[Recording], Recording], checks: set[str]
) -> None:
    assert set(troubled(fault(good))) == checks


def test_every_check_of_rows_is_seen_to_fire() -> None:
    assert {check.name for check in CHECKS} == OF_THE_FILES | {name for _, names in FAULTS for name in names}


def test_a_share_that_rests_on_few_windows_is_not_judged(good: Recording) -> None:
    few = unsettled(good).with_(windows=unsettled(good)["windows"].head(10))
    assert "unknown_outcomes" not in troubled(few)


def test_examples_say_where_to_look(good: Recording) -> None:
    found = next(f for f in audit(View(spike(good))).findings if f.check.name == "price_spike")
    assert [(e.subject, e.at_ns) for e in found.examples] == [("spot/okx BTC (arena)", T0 + 3630 * SECOND + 20 * MS)]
    assert found.examples[0].what.startswith("99.3 bps away")


def test_nothing_to_measure_is_neither_pass_nor_failure() -> None:
    empty = audit(View(Recording({})))
    assert {f.status for f in empty.findings} == {Status.NONE}
    assert empty.status is Status.NONE
