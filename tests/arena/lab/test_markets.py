"""Several coins and window lengths, and streams that leave one another alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from arena.causality import Frames
from arena.errors import ConfigError
from arena.lab.config import LabConfig
from arena.lab.generate import generate, parts
from arena.lab.options import COINS, CoinModel, TakerModel, WalletModel
from arena.lab.streams import stream
from arena.lab.tables import LabTables
from arena.market.build import tapes
from arena.market.quality import screen
from arena.market.schema import TABLES
from arena.market.windows import Market, find_windows
from arena.units import SECOND

THREE = LabConfig(days=1, seed=3, assets=("BTC", "ETH", "SOL"), intervals_s=(300, 900))


@pytest.fixture(scope="module")
def three() -> LabTables:
    return generate(THREE)


def minute_returns(lab: LabTables) -> np.ndarray:
    wide = lab.oracle.filter(pl.col("event_ns") % (60 * SECOND) == 0).pivot(
        on="asset", index="event_ns", values="price"
    )
    return np.diff(np.log(wide.sort("event_ns").select("BTC", "ETH", "SOL").to_numpy()), axis=0)


def test_coins_move_together_as_measured(three: LabTables) -> None:
    """Loadings 1, 0.76 and 0.75 on the market, 0.47 twice on the alts' factor.

    From how often two coins move the same way, sin(pi (P - 1/2)): what volatility does to all at once is not in it.
    1,455 minutes leave a standard error of 0.025.
    """
    up = minute_returns(three) > 0.0
    for one, two, loading in ((0, 1, 0.76), (0, 2, 0.75), (1, 2, 0.76 * 0.75 + 0.47**2)):
        together = float((up[:, one] == up[:, two]).mean())
        assert np.sin(np.pi * (together - 0.5)) == pytest.approx(loading, abs=0.08)


def test_each_coin_has_its_own_volatility(three: LabTables) -> None:
    usual = np.median(np.abs(minute_returns(three)), axis=0)
    assert usual[1] / usual[0] == pytest.approx(1.90, rel=0.12)
    assert usual[2] / usual[0] == pytest.approx(2.11, rel=0.12)


def test_every_coin_and_length_has_its_windows_and_a_tape(three: LabTables) -> None:
    data = Frames(dict(three.items()))
    for asset in THREE.assets:
        for interval in THREE.intervals_s:
            market = Market(asset=asset, interval_s=interval, step_ms=1000)
            windows = find_windows(data, market, None, None)
            assert windows.height == 86_400 // interval
            tape, notes = next(iter(tapes(data, market, windows.head(4))))
            assert (tape.ticks["book_age_ms"] < 60_000).mean() > 0.95
            assert np.isfinite(tape.ticks["strike"]).mean() > 0.9
            assert notes.missing_strikes == 0


def test_no_row_of_three_coins_breaks_a_rule(three: LabTables) -> None:
    for name, frame in three.items():
        markets = three.windows["market_id"] if name == "binary_quotes" else None
        assert screen(TABLES[name], frame, markets)[1].height == 0, name


def test_more_coins_and_lengths_leave_the_first_alone(three: LabTables) -> None:
    alone = generate(replace(THREE, assets=("BTC",), intervals_s=(300,)))
    ids = alone.windows["market_id"].implode()
    for name, frame in alone.items():
        if name == "gaps":  # several lengths are several connections, each under its own name
            continue
        kept = pl.col("market_id").is_in(ids) if "market_id" in frame.columns else pl.col("asset") == "BTC"
        assert getattr(three, name).filter(kept).equals(frame), name


def test_takers_and_wallets_leave_prices_reports_and_the_makers_own_rows_alone() -> None:
    plain = LabConfig(days=1, seed=4, mode="efficient")
    before, after = (generate(c) for c in (plain, replace(plain, takers=TakerModel(), wallets=WalletModel())))
    for name in ("windows", "spot", "oracle", "gaps"):
        assert getattr(before, name).equals(getattr(after, name)), name
    kept = after.binary_quotes.join(before.binary_quotes, on=before.binary_quotes.columns[:2], how="semi")
    assert kept.height == before.binary_quotes.height
    assert kept.select(before.binary_quotes.columns[:8]).equals(before.binary_quotes.select(kept.columns[:8]))


def test_wallets_do_not_change_what_noise_takers_want() -> None:
    """With seers who never come, the trades are the same; only their owners get names."""
    takers = LabConfig(days=1, seed=4, mode="efficient", takers=TakerModel(rate=0.2))
    silent = replace(takers, wallets=WalletModel(seers=0))
    assert generate(takers).binary_trades.equals(generate(silent).binary_trades)


def test_days_come_one_at_a_time_and_add_up_to_the_market() -> None:
    config = LabConfig(days=2, seed=6)
    seen: dict[str, int] = {}
    for name, rows in parts(config):
        time = rows[TABLES[name].time]
        first, last = (config.start_ns + d * 86_400 * SECOND for d in (seen.get(name, 0), seen.get(name, 0) + 1))
        if name != "gaps":
            assert seen.get(name, 0) == 0 or time.min() >= first, name  # type: ignore[operator]
            assert seen.get(name, 0) == 1 or time.max() < last, name  # type: ignore[operator]
        seen[name] = seen.get(name, 0) + 1
    assert set(seen.values()) == {2}


def test_midnight_does_not_show_in_the_price_or_the_strikes() -> None:
    config = LabConfig(days=2, seed=6)
    lab = generate(config)
    oracle = lab.oracle.sort("event_ns")
    assert (oracle["event_ns"].diff().drop_nulls() == SECOND).all()
    jump = oracle["price"].log().diff().abs()
    near = (oracle["event_ns"] - config.start_ns - 86_400 * SECOND).abs() <= 2 * SECOND
    assert jump.filter(near).max() < 8 * jump.std()  # type: ignore[operator]
    windows = lab.windows.sort("open_ns")
    assert (windows["settle_price"][:-1] == windows["strike"][1:]).all()
    for name in ("spot", "binary_quotes"):
        frame = getattr(lab, name)
        assert screen(TABLES[name], frame)[1].height == 0, name


def test_a_stream_depends_on_its_seed_and_its_name_alone() -> None:
    assert stream(1, "a", 2).random() == stream(1, "a", 2).random()
    assert len({stream(s, *n).random() for s, n in ((1, ("a", 2)), (2, ("a", 2)), (1, ("b", 2)), (1, ("a", 3)))}) == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"assets": ("BTC", "XYZ")}, "no coin 'XYZ'"),
        ({"assets": ()}, "at least one"),
        ({"assets": ("BTC", "BTC")}, "named twice"),
        ({"intervals_s": (420,)}, "420 s"),
        ({"depth_levels": 11}, "0 to 10"),
        ({"wallets": WalletModel()}, "takers too"),
        ({"takers": TakerModel(levels=10)}, "at most 9"),
    ],
)
def test_impossible_markets_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LabConfig(**wrong)  # type: ignore[arg-type]


def test_loadings_cannot_explain_more_than_everything() -> None:
    with pytest.raises(ConfigError, match="more than all"):
        CoinModel("X", 1.0, 1.0, 0.9, 0.9, 0.0, 0.01, 1.0)


def test_the_name_changes_with_every_option() -> None:
    base = LabConfig()
    others = [
        replace(base, assets=("BTC", "ETH")),
        replace(base, intervals_s=(300, 900)),
        replace(base, depth_levels=5),
        replace(base, takers=TakerModel()),
        replace(base, takers=TakerModel(rate=2.0)),
        replace(base, takers=TakerModel(), wallets=WalletModel()),
        replace(base, coins=(*COINS[:2], replace(COINS[2], volatility=3.0))),
    ]
    assert len({c.name for c in [base, *others]}) == len(others) + 1


def test_the_default_market_says_what_it_always_said() -> None:
    assert LabConfig(mode="efficient").truth == (
        "the maker prices the real settlement rule from the current price: no strategy has an edge after cost"
    )
    assert LabConfig().truth == "the maker is 1500 ms late: there is an edge for whoever reaches the book faster"
