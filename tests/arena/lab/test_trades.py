"""Trades agree with the book they were made against, and only those earn who know something."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.lab.options import TakerModel, WalletModel
from arena.lab.people import Population, population
from arena.lab.streams import days
from arena.lab.tables import LabTables
from arena.lab.takers import arrivals
from arena.market.quality import screen
from arena.market.schema import TABLES
from arena.units import SECOND


@pytest.fixture(scope="module")
def met(busy: LabTables) -> pl.DataFrame:
    """Every trade beside the book that stood before its taker came, the levels on the side it took first."""
    books = busy.binary_quotes.sort("event_ns", maintain_order=True)
    trades = busy.binary_trades.sort("event_ns", maintain_order=True)
    joined = trades.join_asof(
        books.drop("asset", "source", "recv_ns", "native"),
        on="event_ns",
        by="market_id",
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    side = pl.concat_str("token", pl.when(pl.col("taker_side") == "buy").then(pl.lit("_ask")).otherwise(pl.lit("_bid")))
    pick = {
        what: pl.coalesce(
            pl.when(side == name).then(pl.col(f"{name}{suffix}"))
            for name in ("up_ask", "up_bid", "down_ask", "down_bid")
        )
        for what, suffix in (("best", ""), ("best_size", "_size"), ("px", "s_px"), ("sz", "s_sz"))
    }
    return joined.with_columns(**pick)


def test_every_trade_is_at_or_through_the_standing_best_price(met: pl.DataFrame) -> None:
    assert met.height > 20_000
    worse = pl.when(pl.col("taker_side") == "buy").then(pl.col("price") - pl.col("best"))
    worse = worse.otherwise(pl.col("best") - pl.col("price"))
    gap = met.select(worse.round(6)).to_series()
    assert gap.null_count() == 0
    assert gap.min() >= 0.0  # type: ignore[operator]
    assert (gap == 0.0).mean() > 0.7  # type: ignore[operator]
    assert (gap > 0.0).any()


def test_nobody_takes_more_than_was_displayed(met: pl.DataFrame) -> None:
    taken = met.explode("px", "sz").filter((pl.col("px") - pl.col("price")).abs() < 1e-9)
    assert taken.height == met.filter(pl.col("px").list.len() > 0).height
    assert (taken["size"] <= taken["sz"] + 1e-9).all()


def test_the_book_after_a_trade_shows_what_is_left(busy: LabTables, met: pl.DataFrame) -> None:
    """Of a trade that left some of the touch: the row of that moment has the rest at the same price."""
    touch = met.filter(
        (pl.col("token") == "up")
        & (pl.col("taker_side") == "buy")
        & (pl.col("price") == pl.col("best"))
        & (pl.col("size") < pl.col("best_size") - 0.02)
    )
    after = touch.select("market_id", "event_ns", "size", "best", "best_size", "price").join(
        busy.binary_quotes.select("market_id", "event_ns", "up_ask", "up_ask_size"), on=["market_id", "event_ns"]
    )
    assert after.height == touch.height > 5_000
    assert ((after["up_ask_size"] + after["size"] - after["best_size"]).abs() < 0.011).all()
    assert (after["up_ask"] == after["best"]).all()


def test_the_levels_are_a_book(busy: LabTables) -> None:
    assert screen(TABLES["binary_quotes"], busy.binary_quotes, busy.windows["market_id"])[1].height == 0
    assert busy.binary_quotes["up_asks_px"].list.len().max() == 3
    assert LabConfig().depth_levels == 0


def test_depth_is_null_where_none_was_asked_for(lab: LabTables) -> None:
    for name in ("up_bids_px", "up_asks_sz", "down_bids_px", "down_asks_sz"):
        assert lab.binary_quotes[name].null_count() == lab.binary_quotes.height


def test_trades_are_heard_of_between_their_neighbours(busy: LabTables) -> None:
    for name in ("binary_quotes", "binary_trades"):
        frame = getattr(busy, name)
        for _, rows in frame.group_by("market_id"):
            assert rows["recv_ns"].is_sorted()
            assert rows["event_ns"].is_sorted()
        assert (frame["recv_ns"] >= frame["event_ns"]).all()


def test_takers_come_when_the_phase_says(busy: LabTables) -> None:
    """Weights 0, 1 and 3 over the thirds of a window: none, a quarter, three quarters; exact binomial bounds."""
    config = LabConfig(days=1, takers=TakerModel(rate=0.5, phase=(0.0, 1.0, 3.0), fast_rate=0.0))
    assert config.takers is not None
    windows = busy.windows.filter(pl.col("interval_s") == 300)
    came = arrivals(config, config.takers, config.coin("BTC"), 300, next(days(config)), windows)
    life = came.t_ns % (300 * SECOND) / (300 * SECOND)
    first, second, third = np.histogram(life, bins=3, range=(0, 1))[0]
    n = came.t_ns.size
    assert n == pytest.approx(0.5 * 86_400, abs=4 * np.sqrt(0.5 * 86_400))
    assert first == 0
    assert third == pytest.approx(0.75 * n, abs=4 * np.sqrt(n * 0.75 * 0.25))
    assert second + third == n
    assert (came.t_ns // (300 * SECOND) - came.t_ns[0] // (300 * SECOND) == came.window - came.window[0]).all()
    assert (np.diff(came.t_ns) > 0).all()


# Wallets.


def profit(lab: LabTables, fee: bool = True) -> pl.DataFrame:
    """Each wallet fill of a taker with what it earned per share by the end of its window."""
    fills = lab.wallet_fills.join(lab.windows.select("market_id", "outcome", "fee_rate"), on="market_id")
    worth = (pl.col("token") == pl.col("outcome")).cast(pl.Float64)
    sign = pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
    cost = pl.col("fee_rate") * pl.col("price") * (1 - pl.col("price")) if fee else pl.lit(0.0)
    return fills.with_columns(gain=sign * (worth - pl.col("price")) - cost)


def per_window(fills: pl.DataFrame) -> np.ndarray:
    """Mean gain per share of each market: windows are independent, trades inside one are not."""
    return fills.group_by("market_id").agg(pl.col("gain").mean()).sort("market_id")["gain"].to_numpy()


@pytest.fixture(scope="module")
def people(busy_config: LabConfig) -> Population:
    assert busy_config.wallets is not None
    return population(busy_config.seed, busy_config.wallets)


def test_fills_agree_with_trades(busy: LabTables, people: Population) -> None:
    """Same transaction, token, price and size; the block closes after the trade, within its length."""
    takers = busy.wallet_fills.filter(pl.col("wallet") != people.maker)
    both = busy.binary_trades.join(takers, on=["tx_hash", "market_id", "token", "price", "size"], suffix="_fill")
    assert both.height == busy.binary_trades.height == takers.height
    assert (both["taker_side"] == both["side"]).all()
    wait = both["event_ns_fill"] - both["event_ns"]
    assert (both["event_ns_fill"] % (2 * SECOND) == 0).all()
    assert wait.min() > 0  # type: ignore[operator]
    assert wait.max() <= 2 * SECOND  # type: ignore[operator]
    assert (busy.wallet_fills["recv_ns"] > busy.wallet_fills["event_ns"]).all()
    assert busy.wallet_fills["recv_ns"].is_sorted()


def test_nobody_sells_what_it_did_not_buy(busy: LabTables, people: Population) -> None:
    takers = busy.wallet_fills.filter(pl.col("wallet") != people.maker)
    signed = pl.when(pl.col("side") == "buy").then(pl.col("size")).otherwise(-pl.col("size"))
    held = takers.group_by("wallet", "market_id", "token").agg(signed.sum().alias("left"))
    assert held["left"].min() > -1e-6  # type: ignore[operator]
    assert (takers["side"] == "sell").any()


def test_noise_wallets_have_no_edge_after_cost(busy: LabTables, people: Population) -> None:
    """Before the fee they lose half a spread: within 3 standard errors of a small loss, and far below any gain."""
    noise = profit(busy).filter(pl.col("wallet").is_in(people.noise) & (pl.col("side") == "buy"))
    gain = per_window(noise)
    error = gain.std(ddof=1) / np.sqrt(gain.size)
    assert gain.size > 350
    assert gain.mean() < 0.0
    assert gain.mean() < -2.0 * error
    gross = per_window(profit(busy, fee=False).filter(pl.col("wallet").is_in(people.noise) & (pl.col("side") == "buy")))
    assert gross.mean() == pytest.approx(0.0, abs=3.0 * gross.std(ddof=1) / np.sqrt(gross.size) + 0.005)


def test_seers_are_right_as_often_as_said(busy: LabTables, people: Population, busy_config: LabConfig) -> None:
    """Exact binomial bounds (three standard deviations) on one order per transaction."""
    orders = busy.wallet_fills.filter(pl.col("wallet").is_in(people.seers)).unique("tx_hash")
    right = orders.join(busy.windows.select("market_id", "outcome"), on="market_id")
    hits, n = (right["token"] == right["outcome"]).sum(), right.height
    assert busy_config.wallets is not None
    accuracy = busy_config.wallets.accuracy
    assert n > 1_000
    # A seer that is wrong meets a cheap token more often, at which nobody trades below a cent: a little above.
    assert abs(hits - accuracy * n) < 3.5 * np.sqrt(n * accuracy * (1 - accuracy)) + 0.03 * n


def test_seers_earn_and_fast_wallets_find_nothing_where_the_maker_is_punctual(
    busy: LabTables, people: Population
) -> None:
    gains = profit(busy)
    gain = per_window(gains.filter(pl.col("wallet").is_in(people.seers)))
    assert gain.mean() > 3.0 * gain.std(ddof=1) / np.sqrt(gain.size)
    # A quote is up to 50 ms old, which now and then is worth more than what patience leaves of the fee.
    assert gains.filter(pl.col("wallet").is_in(people.fast)).height < 0.004 * gains.height


def test_fast_wallets_earn_against_a_late_maker() -> None:
    config = LabConfig(days=1, seed=9, takers=TakerModel(rate=0.05), wallets=WalletModel(seers=0))
    lab = generate(config)
    fast = population(config.seed, WalletModel(seers=0)).fast
    gain = per_window(profit(lab).filter(pl.col("wallet").is_in(fast)))
    assert gain.size > 100
    assert gain.mean() > 3.0 * gain.std(ddof=1) / np.sqrt(gain.size)


def test_the_maker_buys_below_the_bid(busy: LabTables, people: Population) -> None:
    """Whatever it got was a step or more behind the best bid of its token when the taker came."""
    fills = busy.wallet_fills.filter(pl.col("wallet") == people.maker)
    came = busy.binary_trades.group_by("tx_hash").agg(pl.col("event_ns").first().alias("came_ns"))
    books = busy.binary_quotes.select("market_id", "event_ns", "up_bid", "down_bid").sort("event_ns")
    stood = fills.drop("event_ns").join(came, on="tx_hash").sort("came_ns")
    stood = stood.join_asof(
        books, left_on="came_ns", right_on="event_ns", by="market_id", allow_exact_matches=False, check_sortedness=False
    )
    bid = pl.when(pl.col("token") == "up").then(pl.col("up_bid")).otherwise(pl.col("down_bid"))
    below = stood.select(bid - pl.col("price")).to_series()
    assert below.len() > 500
    assert below.null_count() == 0
    assert below.min() > 0.0009  # type: ignore[operator]
    assert (fills["side"] == "buy").all()
