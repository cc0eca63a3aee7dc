"""The picture of one window shows what was recorded, where it was received, and how it ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from arena.errors import DataError
from arena.lab.config import LabConfig
from arena.market.catalog import Catalog
from arena.market.schema import BINARY_TRADES
from arena.units import SECOND
from research.lab_store import lab_catalog
from research.report.window import to_plotly, window_figure, write_window
from research.window import WindowView, view_window


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A lab day with two trades in its 61st window, one of each token."""
    made = lab_catalog(LabConfig(days=1, seed=5), tmp_path_factory.mktemp("lab"))
    row = made.scan("windows").sort("open_ns").collect().row(60, named=True)
    trades = pl.DataFrame(
        {
            "recv_ns": [row["open_ns"] + 90 * SECOND, row["open_ns"] + 91 * SECOND],
            "market_id": [row["market_id"]] * 2,
            "asset": ["BTC"] * 2,
            "token": ["up", "down"],
            "price": [0.40, 0.55],
            "size": [12.0, 5.0],
            "taker_side": ["buy", "buy"],
            "source": ["lab"] * 2,
        }
    )
    with Catalog.update(made.path) as writer:
        writer.write("binary_trades", BINARY_TRADES.conform(trades))
    return Catalog.open(made.path)


@pytest.fixture(scope="module")
def view(catalog: Catalog) -> WindowView:
    row = catalog.scan("windows").sort("open_ns").collect().row(60, named=True)
    return view_window(catalog, row["market_id"])


def test_a_view_holds_the_ticks_of_its_window_and_no_other(view: WindowView) -> None:
    assert view.ticks["ts_ns"].min() >= view.open_ns
    assert view.ticks["ts_ns"].max() < view.close_ns
    assert len(np.unique(view.ticks["window"])) == 1
    assert view.quotes["market_id"].unique().to_list() == [view.market_id]


def test_the_fair_value_is_there_from_the_first_tick_because_earlier_windows_warmed_it_up(view: WindowView) -> None:
    fair = view.signals["fair_up"]
    assert np.isfinite(fair[view.ticks["ts_ns"] > view.open_ns + 5 * SECOND]).all()


def test_a_window_says_its_rule_strike_settlement_and_outcome(catalog: Catalog, view: WindowView) -> None:
    row = catalog.scan("windows").filter(pl.col("market_id") == view.market_id).collect().row(0, named=True)
    assert (view.rule, view.outcome, view.settle_price) == ("twap60", row["outcome"], row["settle_price"])
    assert view.strike == pytest.approx(row["strike"], abs=1e-6)


def test_a_trade_of_down_is_drawn_as_a_trade_of_up_at_the_complement(view: WindowView) -> None:
    traces = {trace["name"]: trace for trace in window_figure(view).traces}
    assert traces["taker bets UP"]["y"] == [0.4]
    assert traces["taker bets DOWN"]["y"] == [0.45]


def test_every_venue_the_feed_the_strike_and_the_payout_are_drawn(view: WindowView) -> None:
    names = [trace["name"] for trace in window_figure(view).traces]
    pays = 1 if view.outcome == "up" else 0
    for wanted in ("coinbase (USD)", "binance (USDT)", "chainlink", "strike", "settled at", f"UP pays {pays}"):
        assert wanted in names


def test_rows_are_drawn_at_the_time_we_received_them(view: WindowView) -> None:
    ask = next(trace for trace in window_figure(view).traces if trace["name"] == "UP ask")
    received = set((view.quotes["recv_ns"] // 1_000_000).to_list())
    assert set(ask["x"]) <= received


def test_a_notebook_gets_the_same_figure(view: WindowView) -> None:
    figure = window_figure(view)
    assert [trace.name for trace in to_plotly(figure).data] == [trace["name"] for trace in figure.traces]


def test_the_page_stands_alone(view: WindowView, tmp_path: Path) -> None:
    text = write_window(view, tmp_path / "w.html").read_text(encoding="utf-8")
    assert view.market_id in text
    assert "src=" not in text.split("<main>")[1]


def test_an_unknown_window_is_one_sentence_that_says_how_to_find_one(catalog: Catalog) -> None:
    with pytest.raises(DataError, match=r"no quotes of 'nowhere'.*arena-data sql"):
        view_window(catalog, "nowhere")


def test_prices_that_are_bars_give_a_fair_value_that_says_so(catalog: Catalog, tmp_path: Path) -> None:
    minute = 60 * SECOND
    spot = (
        catalog.scan("spot")
        .filter(pl.col("venue") == "binance")
        .with_columns(pl.col("recv_ns") // minute * minute)
        .unique("recv_ns", keep="first", maintain_order=True)
        .with_columns(event_ns=pl.col("recv_ns"))
        .collect()
    )
    with Catalog.create(tmp_path / "bars") as writer:
        for name in ("windows", "binary_quotes", "oracle"):
            writer.write(name, catalog.scan(name).collect(), screen=False)
        writer.write("spot", spot)
    row = catalog.scan("windows").sort("open_ns").collect().row(60, named=True)
    seen = view_window(Catalog.open(tmp_path / "bars"), row["market_id"])
    assert seen.coarse
    assert np.isfinite(seen.signals["fair_up"]).any()
    assert "fair value (from bars)" in [trace["name"] for trace in window_figure(seen).traces]
