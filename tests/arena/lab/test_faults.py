"""What breaks is caught under its rule, row by row, and earns nobody anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from arena.causality import Frames
from arena.costs import COST_MODELS
from arena.engine.execution import ExecutionModel
from arena.engine.prepare import prepare
from arena.engine.replay import SETTLED
from arena.engine.run import replay_fixed
from arena.errors import ConfigError, DataError
from arena.lab.config import LabConfig
from arena.lab.fault_streams import FITS
from arena.lab.faults import STANDARD, FaultConfig, inject
from arena.lab.generate import generate
from arena.lab.tables import LabTables
from arena.market.build import tapes
from arena.market.quality import check_times, screen
from arena.market.schema import TABLES
from arena.market.windows import Market, find_windows
from arena.strategies import load
from arena.units import SECOND

STRATEGY = load("BTC_5M")
BASE = STRATEGY.configure(
    STRATEGY.preset("corrected"), {"min_edge": 0.10, "min_price": 0.05, "max_price": 0.95, "model_weight": 1.0}
)
FAST = ExecutionModel(1, 50_000_000, 0)
Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def clean() -> Tables:
    return dict(generate(LabConfig(mode="efficient", days=1, seed=12)).items())


def screened(tables: Tables) -> tuple[Tables, dict[str, pl.DataFrame]]:
    """Clean and refused rows of each table, as a catalog would part them."""
    windows, bad_windows = screen(TABLES["windows"], tables["windows"])
    good, bad = {"windows": windows}, {"windows": bad_windows}
    for name, frame in tables.items():
        if name != "windows":
            markets = windows["market_id"] if name == "binary_quotes" else None
            good[name], bad[name] = screen(TABLES[name], frame, markets)
    return good, bad


def bets(tables: Tables) -> np.ndarray:
    """Return of every settled bet of a fast strategy, at the venue's fee."""
    data = Frames(tables)
    days = tapes(data, Market(), find_windows(data, Market(), None, None))
    prepared = prepare(STRATEGY, BASE.observe, BASE.decide, days, FAST)
    trades = replay_fixed(prepared, BASE.decide, FAST, COST_MODELS["venue"])
    done = trades[trades["status"] == SETTLED]
    return np.asarray(done["payout"] / (done["notional"] + done["fee"]) - 1.0)


def test_without_faults_nothing_changes(clean: Tables) -> None:
    out, ledger = inject(clean, FaultConfig(), np.random.default_rng(1))
    assert all(out[name].equals(frame) for name, frame in clean.items())
    assert ledger.height == 0


def test_the_same_generator_breaks_the_same_rows(clean: Tables) -> None:
    one, two = (inject(clean, STANDARD, np.random.default_rng(3)) for _ in range(2))
    assert one[1].equals(two[1])
    assert all(one[0][name].equals(two[0][name]) for name in clean)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_broken_row_is_refused_under_its_rule_and_no_other_row_is(clean: Tables, seed: int) -> None:
    out, ledger = inject(clean, STANDARD, np.random.default_rng(seed))
    for name, frame in out.items():
        numbered = frame.with_columns(pl.Series("__n", np.arange(frame.height)))
        markets = out["windows"]["market_id"] if name == "binary_quotes" else None
        kept, bad = screen(TABLES[name], frame, markets)
        want = ledger.filter((pl.col("table") == name) & pl.col("rule").is_not_null() & (pl.col("rule") != "gap"))
        assert dict(bad["rule"].value_counts().iter_rows()) == dict(want["rule"].value_counts().iter_rows()), name
        assert kept.height + bad.height == frame.height
        # The very rows, in order.
        rows = numbered.filter(pl.col("__n").is_in(want["row"].implode())).drop("__n")
        assert bad.drop("rule").equals(rows, null_equal=True), name
        named = want.sort("row")["rule"].to_list()
        assert bad["rule"].to_list() == named, name


def test_every_announced_silence_is_a_gap_and_holds_no_row(clean: Tables) -> None:
    out, ledger = inject(clean, FaultConfig(gaps=9), np.random.default_rng(4))
    told = out["gaps"].filter(pl.col("reason") == "injected")
    assert told.height == 9 == ledger.filter(pl.col("rule") == "gap").height
    for row in told.iter_rows(named=True):
        table, what = row["stream"].split("/")
        key = {"binary_quotes": "market_id", "spot": "venue", "oracle": "asset"}[table]
        stream = out[table].filter(pl.col(key) == what)["recv_ns"]
        assert not stream.is_between(row["recv_ns"], row["until_ns"], closed="none").any()
        assert row["until_ns"] - row["recv_ns"] > 20 * SECOND
        assert (stream == row["recv_ns"]).any()
        assert (stream == row["until_ns"]).any()


def test_a_freeze_is_the_same_silence_and_nobody_says_so(clean: Tables) -> None:
    out, ledger = inject(clean, FaultConfig(freezes=9), np.random.default_rng(4))
    assert out["gaps"].equals(clean["gaps"])
    assert ledger.height == 9
    assert sum(out[name].height for name in clean) < sum(frame.height for frame in clean.values()) - 9 * 30


def test_rows_in_milliseconds_are_named_and_where_none_is_tolerated_refused(clean: Tables) -> None:
    out, ledger = inject(clean, FaultConfig(unit_slips=3), np.random.default_rng(5))
    assert set(ledger["rule"]) == {"time_unit"}
    for name in ("binary_quotes", "spot", "oracle"):
        named = screen(TABLES[name], out[name])[1].filter(rule="time_unit")
        assert named.height == ledger.filter(table=name).height
        with pytest.raises(DataError, match="time_unit"):
            check_times(TABLES[name], out[name], name)


def test_a_wrong_outcome_contradicts_its_own_prices(clean: Tables) -> None:
    """No row rule can tell; the window's own settle price can."""
    out, ledger = inject(clean, FaultConfig(wrong_outcomes=5), np.random.default_rng(6))
    up = out["windows"]["settle_price"] >= out["windows"]["strike"]
    liar = out["windows"].filter((pl.col("outcome") == "up") != up)["market_id"]
    assert set(liar) == set(ledger["stream"])
    assert liar.len() == 5


def test_a_one_sided_book_is_no_mistake(clean: Tables) -> None:
    out, ledger = inject(clean, FaultConfig(one_sided=8), np.random.default_rng(7))
    assert ledger["rule"].null_count() == 8
    assert screened(out)[1]["binary_quotes"].height == 0
    assert out["binary_quotes"][ledger["row"]]["up_ask"].null_count() == 8


@pytest.mark.slow
@pytest.mark.parametrize("fault", sorted({*FITS, "missing_windows"} - {"unit_slips"}))
def test_no_fault_earns_anything(clean: Tables, fault: str) -> None:
    """Sixty strikes of one kind in an efficient day, screened: what is earned stays what it was, or falls.

    A window can lose or win a bet by accident, so the mean return may rise by two standard errors, not more.
    """
    broken, _ = inject(clean, replace(FaultConfig(), **{fault: 60}), np.random.default_rng(8))
    before, after = bets(clean), bets(screened(broken)[0])
    error = after.std(ddof=1) / np.sqrt(after.size)
    assert after.mean() < before.mean() + 2.0 * error
    assert after.mean() < 2.0 * error
    assert after.size > 0.5 * before.size


@pytest.mark.slow
def test_a_wrong_outcome_pays_the_underdog_until_its_own_prices_are_asked(clean: Tables) -> None:
    """The one fault that no row rule can see earns: a losing bet at 0.10 is paid as a winner at ten times its price.

    Windows whose outcome contradicts their own strike and settle price have to go; without them nothing is earned.
    """
    broken, _ = inject(clean, FaultConfig(wrong_outcomes=60), np.random.default_rng(8))
    windows = broken["windows"]
    agrees = (windows["outcome"] == "up") == (windows["settle_price"] >= windows["strike"])
    honest = {**broken, "windows": windows.filter(agrees)}
    before, paid, after = bets(clean), bets(broken), bets(honest)
    assert paid.mean() > before.mean()
    assert after.mean() < 2.0 * after.std(ddof=1) / np.sqrt(after.size)


def test_the_standard_faults_earn_nothing_and_crash_nothing(clean: Tables) -> None:
    after = bets(screened(inject(clean, STANDARD, np.random.default_rng(9))[0])[0])
    assert after.mean() < 2.0 * after.std(ddof=1) / np.sqrt(after.size)


def test_faults_need_room(clean: Tables) -> None:
    few = {name: frame.head(1500) for name, frame in clean.items()}
    with pytest.raises(ConfigError, match="no room"):
        inject(few, FaultConfig(duplicates=30), np.random.default_rng(1))
    with pytest.raises(ConfigError, match="there is none"):
        inject({"windows": clean["windows"]}, FaultConfig(gaps=1), np.random.default_rng(1))
    with pytest.raises(ConfigError, match="cannot go wrong"):
        inject(clean, FaultConfig(wrong_outcomes=1000), np.random.default_rng(1))
    with pytest.raises(ConfigError, match="negative"):
        FaultConfig(gaps=-1)


def test_a_busy_market_can_be_broken_too(busy: LabTables) -> None:
    out, ledger = inject(dict(busy.items()), STANDARD, np.random.default_rng(2))
    _, bad = screened(out)
    want = ledger.filter(pl.col("rule").is_not_null() & (pl.col("rule") != "gap"))
    assert sum(frame.height for frame in bad.values()) == want.height
