"""Related markets are consistent unless the configuration says for how long they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.lab.options import RelatedModel
from arena.lab.related import mispricing_ledger, nested
from arena.lab.tables import LabTables
from arena.units import SECOND

FEE = 0.07


def with_fee(price: pl.Expr) -> pl.Expr:
    return price + FEE * price * (1 - price)


def band_sums(lab: LabTables) -> pl.DataFrame:
    """Sum of the asks (and of the bids) of all bands whenever one changed; an absent bid counts 0."""
    wide = lab.universe_quotes.with_columns(pl.col("bid").fill_null(0.0), pl.col("ask").fill_null(1.0))
    sums = []
    for side in ("ask", "bid"):
        table = wide.pivot(on="market_id", index="event_ns", values=side).sort("event_ns")
        table = table.with_columns(pl.all().exclude("event_ns").fill_null(strategy="forward"))
        sums.append(table.select("event_ns", pl.sum_horizontal(pl.all().exclude("event_ns")).alias(side)))
    return sums[0].join(sums[1], on="event_ns")


def nest(lab: LabTables) -> pl.DataFrame:
    """Both books of each pair of windows that end together, whenever one changed; strikes beside them."""
    windows = lab.windows.select("market_id", "interval_s", "close_ns", "strike")
    inner, outer = (windows.filter(pl.col("interval_s") == s) for s in (300, 900))
    pairs = inner.join(outer, on="close_ns", suffix="_outer").select(
        "market_id", "market_id_outer", "strike", "strike_outer"
    )
    books = lab.binary_quotes.select("market_id", "event_ns", "up_bid", "up_ask").sort("event_ns", maintain_order=True)
    own = books.join(pairs, on="market_id", maintain_order="left")
    return own.join_asof(
        books.rename({"market_id": "market_id_outer", "up_bid": "up_bid_outer", "up_ask": "up_ask_outer"}),
        on="event_ns",
        by="market_id_outer",
        check_sortedness=False,
    ).drop_nulls()


@pytest.fixture(scope="module")
def config() -> LabConfig:
    return LabConfig(mode="efficient", days=1, seed=8, intervals_s=(300, 900), related=RelatedModel())


@pytest.fixture(scope="module")
def consistent(config: LabConfig) -> LabTables:
    return generate(config)


@pytest.fixture(scope="module")
def off_config(config: LabConfig) -> LabConfig:
    return replace(config, related=RelatedModel(mispricing=0.2, mispricings_per_day=96))


@pytest.fixture(scope="module")
def off(off_config: LabConfig) -> LabTables:
    return generate(off_config)


def test_bands_exclude_one_another_and_leave_nothing_out(consistent: LabTables) -> None:
    opened = consistent.universe.filter(pl.col("outcome").is_null()).sort("lower", nulls_last=False)
    decided = consistent.universe.filter(pl.col("outcome").is_not_null())
    assert opened.height == decided.height == 11
    assert (opened["upper"][:-1] == opened["lower"][1:]).all()
    assert opened["lower"].null_count() == opened["upper"].null_count() == 1
    assert ((opened["upper"] - opened["lower"]).drop_nulls() == 2000.0).all()
    assert decided["outcome"].to_list().count("yes") == 1
    assert opened["group_id"].n_unique() == 1


def test_the_band_that_pays_holds_the_last_report_of_the_day(consistent: LabTables, config: LabConfig) -> None:
    final = consistent.oracle.filter(pl.col("event_ns") == config.end_ns)["price"][0]
    won = consistent.universe.filter(pl.col("outcome") == "yes").row(0, named=True)
    assert (won["lower"] or 0.0) <= final < (won["upper"] or np.inf)


def test_no_set_of_bands_earns_where_prices_are_consistent(consistent: LabTables) -> None:
    sums = band_sums(consistent)
    assert sums["ask"].min() >= 1.0  # type: ignore[operator]
    assert sums["bid"].max() <= 1.0  # type: ignore[operator]


def test_a_shorter_window_and_the_one_around_it_agree_after_cost(consistent: LabTables) -> None:
    """UP on the lower strike and DOWN on the higher one pay at least a dollar together: never for less, fees paid."""
    both = nest(consistent)
    assert both.height > 200_000
    low_inner = pl.col("strike") <= pl.col("strike_outer")
    up = pl.when(low_inner).then(pl.col("up_ask")).otherwise(pl.col("up_ask_outer"))
    down = 1.0 - pl.when(low_inner).then(pl.col("up_bid_outer")).otherwise(pl.col("up_bid"))
    cost = both.select(with_fee(up) + with_fee(down)).to_series()
    # Each maker quotes what it knew when it last acted; a jump between two acts shows for a moment.
    assert (cost < 1.0).mean() < 1e-4  # type: ignore[operator]


def test_a_mispricing_has_the_size_and_the_time_the_ledger_says(
    off: LabTables, consistent: LabTables, off_config: LabConfig
) -> None:
    ledger = mispricing_ledger(off_config)
    assert set(ledger["market"]) == {"5m", "bands"}
    assert (ledger["shift"].abs() == 0.2).all()
    mids = [
        lab.binary_quotes.filter(pl.col("market_id").str.contains("-5m-"))
        .select("market_id", "event_ns", mid=(pl.col("up_bid") + pl.col("up_ask")) / 2)
        .drop_nulls()
        .sort("event_ns", maintain_order=True)
        for lab in (off, consistent)
    ]
    both = (
        mids[0].join_asof(mids[1], on="event_ns", by="market_id", suffix="_fair", check_sortedness=False).drop_nulls()
    )
    spells = ledger.filter(pl.col("market") == "5m").sort("start_ns")
    at = both.join_asof(spells, left_on="event_ns", right_on="start_ns", strategy="backward")
    # The last quote before a spell stands until the maker acts again.
    inside = (at["event_ns"] < at["stop_ns"]).fill_null(False)
    wide = at.with_columns(inside=inside, moved=pl.col("mid") - pl.col("mid_fair"))
    free = wide.filter(pl.col("mid_fair").is_between(0.3, 0.7))
    moved = free.filter("inside")
    assert (moved["moved"] - moved["shift"]).mean() == pytest.approx(0.0, abs=0.005)
    assert free.filter(~pl.col("inside"))["moved"].abs().mean() < 0.002  # type: ignore[operator]


def test_buying_the_set_pays_while_a_band_is_cheap(off: LabTables, off_config: LabConfig) -> None:
    cheap = mispricing_ledger(off_config).filter((pl.col("market") == "bands") & (pl.col("shift") < 0))
    sums = band_sums(off)
    for start, stop in cheap.select("start_ns", "stop_ns").iter_rows():
        inside = sums.filter(pl.col("event_ns").is_between(start, stop - 1))
        assert inside["ask"].min() < 1.0 - 0.1  # type: ignore[operator]
    spells = mispricing_ledger(off_config).filter(pl.col("market") == "bands").sort("start_ns")
    at = sums.join_asof(spells, left_on="event_ns", right_on="start_ns", strategy="backward")
    outside = at.filter((pl.col("event_ns") >= pl.col("stop_ns")).fill_null(True))
    assert outside["ask"].min() >= 1.0  # type: ignore[operator]


def test_the_longest_window_and_prices_are_never_off(off: LabTables, consistent: LabTables) -> None:
    long = pl.col("market_id").str.contains("-15m-")
    assert off.binary_quotes.filter(long).equals(consistent.binary_quotes.filter(long))
    assert off.spot.equals(consistent.spot)


def test_only_windows_inside_longer_ones_are_nested() -> None:
    assert nested(LabConfig(intervals_s=(300, 900))) == (300,)
    assert nested(LabConfig(intervals_s=(300,))) == ()
    assert nested(LabConfig(intervals_s=(300, 900, 3600))) == (300, 900)


def test_other_coins_have_bands_of_a_round_width() -> None:
    lab = generate(LabConfig(days=1, assets=("SOL",), venues=LabConfig().venues[:1], related=RelatedModel()))
    width = (lab.universe["upper"] - lab.universe["lower"]).drop_nulls()
    assert width.n_unique() == 1
    assert width[0] == pytest.approx(4.0)
    assert (lab.universe_quotes["recv_ns"] >= lab.universe_quotes["event_ns"]).all()
    assert lab.universe_quotes["recv_ns"].max() - lab.universe_quotes["recv_ns"].min() > 80_000 * SECOND  # type: ignore[operator]
