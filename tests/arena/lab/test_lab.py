from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest

from arena.causality import Frames
from arena.costs import COST_MODELS
from arena.engine.execution import ExecutionModel, execution_model
from arena.engine.prepare import Prepared, prepare
from arena.engine.replay import SETTLED
from arena.engine.run import replay_fixed
from arena.errors import ConfigError
from arena.lab.config import VENUES, LabConfig
from arena.lab.generate import generate
from arena.lab.tables import LabTables
from arena.market.build import tapes
from arena.market.quality import screen
from arena.market.schema import TABLES
from arena.market.windows import Market, find_windows
from arena.strategies import load
from arena.units import SECOND

STRATEGY = load("BTC_5M")
BASE = STRATEGY.configure(
    STRATEGY.preset("corrected"), {"min_edge": 0.10, "min_price": 0.05, "max_price": 0.95, "model_weight": 1.0}
)
FAST = ExecutionModel(1, 50_000_000, 0)


def ready(lab: LabTables, execution: ExecutionModel = FAST) -> Prepared:
    data = Frames(dict(lab.items()))
    days = tapes(data, Market(), find_windows(data, Market(), None, None))
    return prepare(STRATEGY, BASE.observe, BASE.decide, days, execution)


@pytest.fixture(scope="module")
def efficient() -> LabTables:
    return generate(LabConfig(mode="efficient", days=4, seed=21))


@pytest.fixture(scope="module")
def efficient_run(efficient: LabTables) -> Prepared:
    return ready(efficient)


@pytest.fixture(scope="module")
def lagged() -> LabTables:
    return generate(LabConfig(mode="lagged", days=4, seed=22, lag_ms=1000))


@pytest.fixture(scope="module")
def one_day() -> tuple[LabConfig, LabTables]:
    config = LabConfig(days=1, seed=5)
    return config, generate(config)


# Generation.


def test_the_same_settings_generate_the_same_tables(one_day: tuple[LabConfig, LabTables]) -> None:
    config, lab = one_day
    for (name, one), (_, two) in zip(lab.items(), generate(config).items(), strict=True):
        assert one.equals(two), name


def test_another_seed_is_another_market(one_day: tuple[LabConfig, LabTables], lab: LabTables) -> None:
    assert not one_day[1].oracle["price"].equals(lab.oracle["price"].head(one_day[1].oracle.height))


def test_changing_one_venue_leaves_the_other_streams_alone(one_day: tuple[LabConfig, LabTables]) -> None:
    config, lab = one_day
    other = generate(replace(config, venues=(*VENUES[:5], replace(VENUES[5], rate=0.5))))
    for name in ("windows", "binary_quotes", "oracle"):
        assert getattr(lab, name).equals(getattr(other, name)), name
    kept = pl.col("venue") != "bitfinex"
    assert lab.spot.filter(kept).equals(other.spot.filter(kept))
    assert other.spot.filter(~kept).height < 0.6 * lab.spot.filter(~kept).height


def test_no_row_breaks_a_quality_rule(lab: LabTables) -> None:
    for name, frame in lab.items():
        markets = lab.windows["market_id"] if name == "binary_quotes" else None
        assert screen(TABLES[name], frame, markets)[1].height == 0, name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "fair"}, "'fair'"),
        ({"days": 0}, "1 to 120"),
        ({"lag_ms": -1}, "negative"),
        ({"patience": 1.0}, "below 1"),
        ({"season": (1.0,) * 23}, "season needs 24"),
        ({"touch_shares": (-1.0,) * 8}, "touch_shares needs 8"),
        ({"vol_components": ((0.3, 0.0),)}, "half-life"),
        ({"oracle_instant": 0.0}, "oracle_instant"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LabConfig(**wrong)  # type: ignore[arg-type]


def test_the_name_changes_with_every_setting() -> None:
    base = LabConfig()
    others = [
        replace(base, days=8),
        replace(base, sigma=0.41),
        replace(base, lag_ms=999),
        replace(base, mode="efficient"),
    ]
    assert len({c.name for c in [base, *others]}) == 5


# What it claims to look like.


def test_the_strike_is_the_mean_of_the_sixty_reports_up_to_the_open(lab: LabTables) -> None:
    event, price = lab.oracle["event_ns"].to_numpy(), lab.oracle["price"].to_numpy()
    for row in lab.windows[::37].iter_rows(named=True):
        for at, shown in ((row["open_ns"], row["strike"]), (row["close_ns"], row["settle_price"])):
            minute = price[(event > at - 60 * SECOND) & (event <= at)]
            assert minute.size == 60
            assert shown == pytest.approx(minute.mean(), rel=1e-12)


def test_one_window_settles_where_the_next_begins_and_a_tie_is_up(lab: LabTables) -> None:
    w = lab.windows.sort("open_ns")
    assert (w["settle_price"][:-1] == w["strike"][1:]).all()
    assert ((w["outcome"] == "up") == (w["settle_price"] >= w["strike"])).all()
    assert 0.4 < (w["outcome"] == "up").mean() < 0.6  # type: ignore[operator]


def test_the_books_mirror_each_other(lab: LabTables) -> None:
    q = lab.binary_quotes.drop_nulls(["up_bid", "up_ask"])
    assert (q["up_ask"] + q["down_bid"] - 1).abs().max() < 1e-9  # type: ignore[operator]
    assert (q["down_ask"] + q["up_bid"] - 1).abs().max() < 1e-9  # type: ignore[operator]
    assert (q["up_ask_size"] == q["down_bid_size"]).all()
    assert (q["up_bid_size"] == q["down_ask_size"]).all()


def test_the_spread_of_a_contested_market_is_one_tick_six_times_out_of_seven(lab: LabTables) -> None:
    """Of the time with more than a minute left; 86 % measured on recordings."""
    q = lab.binary_quotes.join(lab.windows.select("market_id", "close_ns"), on="market_id")
    q = q.sort("market_id", "event_ns").with_columns(
        lasts=(pl.col("event_ns").shift(-1) - pl.col("event_ns")).over("market_id")
    )
    q = q.filter(pl.col("up_bid").is_between(0.2, 0.8) & (pl.col("close_ns") - pl.col("event_ns") > 60 * SECOND))
    q = q.drop_nulls("lasts")
    spread = ((q["up_ask"] - q["up_bid"]) * 100).round().to_numpy()
    lasts = q["lasts"].to_numpy()
    assert lasts[spread == 1].sum() / lasts.sum() == pytest.approx(0.86, abs=0.03)


def test_each_venue_shows_its_basis(lab: LabTables) -> None:
    """Mean log distance to the report of the second, within three errors of the mean of a basis that wanders."""
    reports = lab.oracle.select("event_ns", "price").sort("event_ns")
    span_s = (lab.oracle["event_ns"][-1] - lab.oracle["event_ns"][0]) / SECOND
    for v in VENUES:
        rows = lab.spot.filter(pl.col("venue") == v.name).sort("event_ns")
        near = rows.join_asof(reports, on="event_ns", strategy="nearest")
        mid = (near["bid"] + near["ask"]) / 2
        basis = float(np.log(mid / near["price"]).mean()) * 1e4  # type: ignore[arg-type]
        error = v.basis_sd_bps * np.sqrt(2.0 * v.basis_halflife_s / np.log(2.0) / span_s)
        assert basis == pytest.approx(v.basis_bps, abs=3.0 * error + 0.05), v.name


def test_nothing_is_received_before_it_happened(lab: LabTables) -> None:
    for name in ("binary_quotes", "spot", "oracle"):
        frame = getattr(lab, name)
        assert (frame["recv_ns"] > frame["event_ns"]).all(), name


def test_reports_are_received_as_late_as_measured(lab: LabTables) -> None:
    delay = (lab.oracle["recv_ns"] - lab.oracle["event_ns"]).to_numpy() / 1e6
    assert delay.min() >= 569
    assert np.quantile(delay, 0.5) == pytest.approx(1320, abs=40)


# The truth it states.


@pytest.mark.parametrize("who", ["mid_up", "fair_up"])
def test_the_efficient_market_and_the_model_are_calibrated_at_half_time(efficient_run: Prepared, who: str) -> None:
    """1,152 windows in five bins, each within 3.5 standard errors; Brier score near that of a calibrated forecast."""
    p = np.asarray(getattr(efficient_run.sample, who))
    up = efficient_run.windows["outcome"] == 1
    known = np.isfinite(p)
    assert known.mean() > 0.97
    p, up = p[known], up[known]
    for low, high in zip(np.linspace(0, 0.8, 5), np.linspace(0.2, 1.0, 5), strict=True):
        bin_ = (p >= low) & (p <= high)
        error = np.sqrt((p[bin_] * (1 - p[bin_])).sum()) / bin_.sum()
        assert bin_.sum() > 50
        assert up[bin_].mean() == pytest.approx(p[bin_].mean(), abs=3.5 * error), (low, high)
    excess, spread = (p - up) ** 2 - p * (1 - p), p * (1 - p) * (1 - 2 * p) ** 2
    assert excess.sum() == pytest.approx(0.0, abs=3.5 * np.sqrt(spread.sum()))


def t_value(p: Prepared, execution: ExecutionModel) -> tuple[int, float]:
    """Number of bets and the t value of their mean return, at the venue's fee."""
    trades = replay_fixed(p, BASE.decide, execution, COST_MODELS["venue"])
    bet = trades[trades["status"] == SETTLED]
    r = bet["payout"] / (bet["notional"] + bet["fee"]) - 1.0
    return r.size, float(r.mean() / (r.std(ddof=1) / np.sqrt(r.size))) if r.size > 1 else 0.0


def test_a_late_maker_pays_whoever_is_faster(lagged: LabTables) -> None:
    """Maker 1,000 ms late, we 50 ms: over four days the mean return per bet is positive at t > 3."""
    bets, t = t_value(ready(lagged), FAST)
    assert bets > 150
    assert t > 3.0


def test_whoever_is_slower_than_the_maker_earns_nothing(lagged: LabTables) -> None:
    """Two seconds on the way to a maker who is one second late: no gain at t > 2."""
    slow = execution_model("latency", 2000.0)
    assert t_value(ready(lagged, slow), slow)[1] < 2.0


def test_a_punctual_maker_pays_nobody(efficient_run: Prepared) -> None:
    """The same bets against a maker without delay do not earn at t > 2."""
    assert t_value(efficient_run, FAST)[1] < 2.0


def test_the_noise_of_binance_lasts_as_measured_and_that_of_others_does_not() -> None:
    path = generate(LabConfig(mode="efficient", days=1, seed=4)).spot
    rv = {}
    for venue, step_s in product(("binance", "okx"), (0.25, 4.0)):
        rows = path.filter(pl.col("venue") == venue).select("event_ns", mid=(pl.col("bid") + pl.col("ask")) / 2)
        event, mid = rows["event_ns"].to_numpy(), rows["mid"].log().to_numpy()
        grid = np.arange(event[0], event[-1], int(step_s * SECOND))
        returns = np.diff(mid[np.searchsorted(event, grid, side="right") - 1])
        rv[venue, step_s] = float((returns**2).sum())
    assert rv["binance", 0.25] < 2.0 * rv["binance", 4.0]
    noise_per_update_bps = 0.30
    assert rv["okx", 0.25] - rv["okx", 4.0] > 86_400 * 2 * (noise_per_update_bps * 1e-4) ** 2
