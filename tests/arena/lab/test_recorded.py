"""A recorded path: what was seen is kept, what lies between is bridged, gaps stay gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from arena.causality import Frames
from arena.errors import ConfigError, DataError
from arena.lab.config import DAY_S, MONDAY_2026_09_14_NS, LabConfig
from arena.lab.generate import generate
from arena.lab.options import RecordedModel
from arena.lab.path import Path, common_draws
from arena.lab.recorded import Observations, RecordedPath, digest_of, observe, variances
from arena.lab.streams import days
from arena.lab.tables import LabTables
from arena.market.schema import BARS, ORACLE, SPOT
from arena.units import SECOND, YEAR_S

START = MONDAY_2026_09_14_NS
GAP = (START + 6 * 3600 * SECOND, START + 8 * 3600 * SECOND)


def recording() -> Observations:
    """Minutes of one day and ten minutes before, but for two hours; volatility 40 %, then 80 %."""
    rng = np.random.default_rng(5)
    t = START - 600 * SECOND + np.arange(0, DAY_S + 661, 60, dtype=np.int64) * SECOND
    sd = np.where(t < START + DAY_S // 2 * SECOND, 0.4, 0.8) / np.sqrt(365.25 * 1440)
    price = 60_000.0 * np.exp(np.cumsum(rng.standard_normal(t.size) * sd))
    there = (t <= GAP[0]) | (t >= GAP[1])
    return Observations(t[there], price[there])


SEEN = {"BTC": recording()}
CONFIG = LabConfig(
    mode="efficient", days=1, recorded=RecordedModel("made", "bars", "me", "binance", digest_of(SEEN), 90.0)
)


@pytest.fixture(scope="module")
def semi() -> LabTables:
    return generate(CONFIG, SEEN)


@pytest.fixture(scope="module")
def path() -> Path:
    assert CONFIG.recorded is not None
    day = next(days(CONFIG))
    stream = RecordedPath(CONFIG, CONFIG.coin("BTC"), CONFIG.recorded, SEEN["BTC"])
    return stream.next(day, common_draws(CONFIG, day, alts=False))


def test_the_path_goes_through_every_observation(path: Path) -> None:
    seen = SEEN["BTC"]
    assert path.at(seen.t_ns) == pytest.approx(np.log(seen.price), abs=1e-12)


def test_between_observations_it_moves_at_the_local_volatility(path: Path) -> None:
    """Steps of 50 ms; the volatility that is shown is that of the recording within its half an hour of memory."""
    steps = np.diff(path.log_price) * np.sqrt(20 * YEAR_S)
    t = path.origin_ns + np.arange(steps.size) * 50_000_000
    noon = START + DAY_S // 2 * SECOND
    calm = (t > START) & (t < GAP[0] - SECOND)
    wild = (t > noon + 3600 * SECOND) & (t < START + DAY_S * SECOND)
    assert steps[calm].std() == pytest.approx(0.4, rel=0.1)
    assert steps[wild].std() == pytest.approx(0.8, rel=0.1)
    second = path.origin_ns + np.arange(path.sigma.size) * SECOND
    assert path.sigma[(second > START) & (second < GAP[0])].mean() == pytest.approx(0.4, rel=0.1)


def test_inside_a_gap_it_stands_still(path: Path) -> None:
    inside = path.at(np.arange(GAP[0], GAP[1], 60 * SECOND))
    assert np.unique(inside).size == 1


def test_windows_inside_a_gap_are_left_out_and_a_row_says_so(semi: LabTables) -> None:
    inside = (semi.windows["close_ns"] > GAP[0]) & (semi.windows["open_ns"] < GAP[1])
    assert not inside.any()
    # 24 windows lie in the two hours; the one after needs a minute of reports from before its open.
    assert semi.windows.height == 288 - 25
    row = semi.gaps.filter((pl.col("stream") == "path") & (pl.col("recv_ns") == GAP[0]))
    assert row.select("until_ns", "reason").rows() == [(GAP[1], "not_recorded")]
    for frame in (semi.spot, semi.oracle):
        assert not frame["event_ns"].is_between(GAP[0] + 1, GAP[1] - 1).any()
    assert set(semi.binary_quotes["market_id"]) == set(semi.windows["market_id"])


def test_outcomes_follow_from_the_path(semi: LabTables) -> None:
    price = dict(semi.oracle.select("event_ns", "price").iter_rows())
    for row in semi.windows[::29].iter_rows(named=True):
        start, end = (np.mean([price[at - k * SECOND] for k in range(60)]) for at in (row["open_ns"], row["close_ns"]))
        assert row["outcome"] == ("up" if end >= start else "down")


def test_the_truth_names_the_recording() -> None:
    assert "recorded by me (bars of binance)" in CONFIG.truth
    assert "no strategy has an edge" not in CONFIG.truth


def test_other_observations_are_another_market_and_are_not_mistaken(semi: LabTables) -> None:
    other = {"BTC": Observations(SEEN["BTC"].t_ns, SEEN["BTC"].price * 1.001)}
    assert digest_of(other) != digest_of(SEEN)
    assert CONFIG.recorded is not None
    assert replace(CONFIG, recorded=replace(CONFIG.recorded, digest=digest_of(other))).name != CONFIG.name
    with pytest.raises(ConfigError, match="digest"):
        generate(CONFIG, other)
    with pytest.raises(ConfigError, match="no recorded prices of BTC"):
        generate(CONFIG)
    with pytest.raises(ConfigError, match="names no recording"):
        generate(LabConfig(days=1), SEEN)


def test_a_bar_counts_at_its_close_a_quote_as_its_mid_and_a_report_at_its_second() -> None:
    t = START + np.arange(3, dtype=np.int64) * 60 * SECOND
    base = pl.DataFrame({"event_ns": t, "recv_ns": t + 60 * SECOND}).with_columns(
        asset=pl.lit("BTC"), source=pl.lit("me")
    )
    words = {"venue": "v", "symbol": "s", "quote": "USD", "kind": "trade", "feed": "v"}
    base = base.with_columns(pl.lit(text).alias(name) for name, text in words.items())
    one = pl.Series([1.0, 2.0, 3.0])
    bars = base.drop("feed").with_columns(interval_s=60, close=one)
    spot = base.drop("feed", "symbol", "kind").with_columns(bid=one, ask=one + 2.0)
    oracle = base.select("event_ns", "recv_ns", "asset", "source", "feed", price=one + 6.0)
    data = Frames({"bars": BARS.conform(bars), "spot": SPOT.conform(spot), "oracle": ORACLE.conform(oracle)})
    seen = {table: observe(data, table, "BTC", "me", "v") for table in ("bars", "spot", "oracle")}
    assert (seen["bars"].t_ns == t + 60 * SECOND).all()
    assert seen["bars"].price.tolist() == [1.0, 2.0, 3.0]
    assert (seen["spot"].t_ns == t).all()
    assert seen["spot"].price.tolist() == [2.0, 3.0, 4.0]
    assert seen["oracle"].price.tolist() == [7.0, 8.0, 9.0]
    with pytest.raises(DataError, match="holds 0 prices"):
        observe(data, "oracle", "BTC", "me", "elsewhere")


def of_unlike_minutes(days_: int) -> Observations:
    """Minutes whose volatility differs from one to the next: log returns are Student's t with five degrees."""
    rng = np.random.default_rng(8)
    t = START - 600 * SECOND + np.arange(0, days_ * DAY_S + 661, 60, dtype=np.int64) * SECOND
    sd = 0.5 / np.sqrt(365.25 * 1440) / np.sqrt(5 / 3)
    return Observations(t, 60_000.0 * np.exp(np.cumsum(rng.standard_t(5, t.size) * sd)))


def test_the_first_seconds_of_a_large_move_do_not_tell_where_it_ends() -> None:
    n = 8
    seen = of_unlike_minutes(n)
    model = RecordedModel("made", "bars", "me", "binance", digest_of({"BTC": seen}), 90.0)
    config = LabConfig(mode="efficient", days=n, recorded=model)
    stream_ = RecordedPath(config, config.coin("BTC"), model, seen)
    moved, rest = [], []
    for day in days(config):
        path = stream_.next(day, common_draws(config, day, alts=False))
        minute = day.open_ns + np.arange(DAY_S // 60, dtype=np.int64) * 60 * SECOND
        start, early, end = (path.at(minute + s * SECOND) for s in (0, 20, 60))
        moved.append(early - start)
        rest.append(end - early)
    a, b = np.concatenate(moved), np.concatenate(rest)
    for lo, hi in ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 99.0)):
        k = (np.abs(a) >= lo * a.std()) & (np.abs(a) < hi * a.std())
        gain = np.sign(a[k]) * b[k]
        assert abs(gain.mean()) < 4.0 * gain.std() / np.sqrt(k.sum()), (lo, hi)


def test_a_variance_of_a_move_has_the_mean_of_its_posterior() -> None:
    rng = np.random.default_rng(2)
    usual = np.full(400_000, 2.0)
    move = rng.standard_t(6, usual.size) * np.sqrt(usual * 4 / 6)
    drawn = variances(move, usual, rng)
    assert drawn.mean() == pytest.approx(2.0, rel=0.02)
    assert (move**2 / drawn).mean() == pytest.approx(1.0, rel=0.02)
    assert ((move**2 / drawn) ** 2).mean() == pytest.approx(3.0, rel=0.05)
