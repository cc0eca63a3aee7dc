from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from arena.errors import DataError
from arena.lab.config import LabConfig
from arena.units import SECOND, YEAR_S
from research.calibrate.distance import Distance, distance
from research.calibrate.facts.curve import Curve
from research.calibrate.fit import UNKNOWN, compare
from research.calibrate.fit_path import fit_delay, fit_inertia, fit_path
from research.calibrate.lab import path_minutes
from research.calibrate.measure import Prepared
from research.calibrate.sample import Sample, recorded
from research.calibrate.settings_file import write_settings
from research.lab_settings import lab_config, read_settings

PRICES = {"event_ns": pl.Int64, "price": pl.Float64}
BOOK = {"market_id": pl.String, "event_ns": pl.Int64, "recv_ns": pl.Int64} | dict.fromkeys(
    ("up_bid", "up_ask", "up_bid_size", "up_ask_size"), pl.Float64
)
LIFE = {"market_id": pl.String, "open_ns": pl.Int64, "close_ns": pl.Int64, "outcome": pl.String}


def sample(**parts: pl.DataFrame) -> Sample:
    prices, books, lives = pl.DataFrame(schema=PRICES), pl.DataFrame(schema=BOOK), pl.DataFrame(schema=LIFE)
    oracle = pl.DataFrame(schema={"event_ns": pl.Int64, "recv_ns": pl.Int64, "price": pl.Float64})
    empty = Sample(oracle, prices, prices, prices, lives, books, lives, lives, books, prices, books)
    return replace(empty, **parts)  # type: ignore[arg-type]


def test_the_path_of_a_lab_is_found_again() -> None:
    """Minutes of a path with known settings; level, season and total memory come back within sampling error."""
    truth = LabConfig(days=60, seed=3, sigma=0.5, vol_components=((0.3, 1800.0),), jumps_per_day=0.0, jump_bps=1.0)
    found = fit_path(Prepared(sample(minutes=path_minutes(truth))), None, 0.0)
    assert found is not None
    assert math.sqrt(found.sigma**2 + found.jumps_per_day * (found.jump_bps * 1e-4) ** 2 * 365) == pytest.approx(
        0.5, rel=0.05
    )
    assert found.season == pytest.approx(truth.season, rel=0.12)
    assert found.vol_components[2][0] == pytest.approx(0.3, abs=0.06)
    assert sum(sd**2 for sd, _ in found.vol_components) == pytest.approx(0.09, abs=0.02)
    assert found.jumps_per_day * found.jump_bps**2 < 0.1 * 0.5**2 / 365 * 1e8


def test_a_few_days_of_minutes_say_nothing_of_the_path() -> None:
    assert fit_path(Prepared(sample(minutes=path_minutes(LabConfig(days=3)))), None, 0.0) is None
    assert fit_path(Prepared(sample()), None, 0.0) is None


def test_the_inertia_of_reports_is_found_again() -> None:
    rng = np.random.default_rng(1)
    steps, per_s, instant, smooth_s = 86_400 * 10, 10, 0.4, 2.5
    x = np.cumsum(rng.standard_normal(steps)) * 0.5 / math.sqrt(YEAR_S * per_s)
    from scipy.signal import lfilter

    decay = math.exp(-1.0 / (per_s * smooth_s))
    slow = lfilter([1 - decay], [1, -decay], x)
    report = np.exp(instant * x + (1 - instant) * slow)[::per_s]
    event = np.arange(report.size, dtype=np.int64) * SECOND
    frame = pl.DataFrame({"event_ns": event, "recv_ns": event + SECOND, "price": 1000.0 * report})
    found = fit_inertia(Prepared(sample(oracle=frame)))
    assert found is not None
    assert found.instant == pytest.approx(instant, abs=0.05)
    assert found.smooth_s == pytest.approx(smooth_s, rel=0.2)
    assert found.noise_bps < 0.05


def test_the_delay_is_the_lognormal_through_three_quantiles() -> None:
    rng = np.random.default_rng(2)
    event = np.arange(50_000, dtype=np.int64) * SECOND
    late = 600.0 + rng.lognormal(math.log(700.0), 0.35, event.size)
    frame = pl.DataFrame({"event_ns": event, "recv_ns": event + (late * 1e6).astype(np.int64)}).with_columns(
        price=pl.lit(1.0)
    )
    found = fit_delay(Prepared(sample(oracle=frame)))
    assert found is not None
    assert found[0] + found[1] == pytest.approx(1300.0, rel=0.01)
    assert found == pytest.approx((600.0, 700.0, 0.35), rel=0.12)


def test_settings_come_back_from_the_file_they_were_written_to(tmp_path) -> None:  # type: ignore[no-untyped-def]
    venues = tuple(replace(v, basis_sd_bps=1.25) if v.name == "binance" else v for v in LabConfig().venues)
    fitted = replace(LabConfig(), sigma=0.47, patience=0.6, touch_log_sd=(1.5, 1.0), venues=venues)
    rows = compare(LabConfig(), fitted, fitted, LabConfig(), sample())
    path = write_settings(fitted, rows, tmp_path / "fitted.toml")
    assert lab_config(read_settings(path), str(path)) == fitted
    assert next(row for row in rows if row.knob == "sigma").error == pytest.approx((abs(0.47 - LabConfig().sigma) / 2,))
    text = path.read_text()
    assert all(name in text for name in UNKNOWN)


def test_distances_follow_their_definitions() -> None:
    x, n = [0.0, 0.5, 1.0], 10
    one, two = Curve.of(x, [1.0, 2.0, 4.0], n), Curve.of(x, [2.0, 4.0, 8.0], n)
    assert distance(one, two, Distance.LOG_RATIO) == pytest.approx(math.log(2.0))
    assert distance(one, two, Distance.RMS) == pytest.approx(math.sqrt(7.0))
    assert distance(one, two, Distance.LARGEST) == pytest.approx(4.0)
    # Trapezoids of |1, 2, 4|.
    assert distance(one, two, Distance.WASSERSTEIN) == pytest.approx(2.25)


def test_a_distance_uses_common_points_only() -> None:
    one, two = Curve.of([1, 2], [1.0, np.nan], 1), Curve.of([1, 2], [3.0, 5.0], 1)
    assert distance(one, two, Distance.LARGEST) == 2.0
    assert math.isnan(distance(one, Curve.of([1, 2], [np.nan, 1.0], 1), Distance.RMS))


def test_halves_are_disjoint_and_complete() -> None:
    minutes = path_minutes(LabConfig(days=2))
    whole = sample(minutes=minutes)
    early, late = whole.halves()
    assert pl.concat([early.minutes, late.minutes]).equals(minutes)
    assert abs(early.minutes.height - late.minutes.height) <= 1


def test_a_catalog_without_anything_to_measure_is_refused() -> None:
    from arena.causality import Frames

    with pytest.raises(DataError, match="arena-data import"):
        recorded(Frames({}))
