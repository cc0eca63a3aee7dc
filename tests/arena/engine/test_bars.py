from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.engine.bars import replay_bars, sma_table, sweep_bars
from arena.errors import ConfigError, DataError

FEE = 0.0005


def plain_average(close: list[float], window: int) -> list[float]:
    return [
        math.fsum(close[t + 1 - window : t + 1]) / window if t + 1 >= window else math.nan for t in range(len(close))
    ]


def plain_equity(close: list[float], fast: list[float], slow: list[float], fee: float) -> tuple[list[float], list[int]]:
    """Value of the account at every close, and the bars at which it bought."""
    cash, units = 1.0, 0.0
    equity, bought = [1.0], []
    for t in range(1, len(close)):
        if not units and fast[t - 1] <= slow[t - 1] and fast[t] > slow[t]:
            cash, units = 0.0, cash / (close[t] * (1 + fee))
            bought.append(t)
        elif units and fast[t - 1] >= slow[t - 1] and fast[t] < slow[t]:
            cash, units = units * close[t] * (1 - fee), 0.0
        equity.append(cash + units * close[t])
    return equity, bought


# Quarter-dollar prices add up exactly, so both ways of averaging give the same bits, ties included.
prices = st.lists(st.integers(1, 60).map(lambda q: q / 4), min_size=1, max_size=60)
pairs = st.tuples(st.integers(1, 6), st.integers(1, 12)).filter(lambda p: p[0] < p[1])


def walk(bars: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 2e-3, bars)))


@settings(deadline=None)
@given(prices, st.lists(st.integers(1, 70), min_size=1, max_size=4))
def test_an_average_is_the_mean_of_its_window_and_nan_before_it_is_full(close: list[float], windows: list[int]) -> None:
    assert np.array_equal(sma_table(close, windows), [plain_average(close, w) for w in windows], equal_nan=True)


@settings(deadline=None)
@given(prices, pairs, st.sampled_from([0.0, FEE, 0.1]))
def test_a_replay_equals_a_plain_account(close: list[float], pair: tuple[int, int], fee: float) -> None:
    fast, slow = (plain_average(close, w) for w in pair)
    equity, bought = plain_equity(close, fast, slow, fee)
    total_return, trades = replay_bars(close, fast, slow, fee)
    assert total_return == pytest.approx(equity[-1] - 1.0, abs=1e-12)
    assert trades == len(bought)


@settings(deadline=None)
@given(prices, st.lists(pairs, min_size=1, max_size=8))
def test_a_sweep_is_one_replay_per_pair(close: list[float], chosen: list[tuple[int, int]]) -> None:
    fast, slow = zip(*chosen, strict=True)
    swept = sweep_bars(close, fast, slow, FEE)
    each = [replay_bars(close, *sma_table(close, pair), FEE) for pair in chosen]
    assert list(zip(swept.returns, swept.trades, strict=True)) == each


@settings(deadline=None)
@given(prices, pairs, st.data())
def test_bars_that_have_not_closed_yet_change_nothing(
    close: list[float], pair: tuple[int, int], data: st.DataObject
) -> None:
    known = data.draw(st.integers(1, len(close)))
    fast, slow = sma_table(close, pair)
    equity, bought = plain_equity(close, list(fast), list(slow), FEE)
    cut = sma_table(close[:known], pair)
    assert np.array_equal(cut, [fast[:known], slow[:known]], equal_nan=True)
    total_return, trades = replay_bars(close[:known], *cut, FEE)
    assert total_return == pytest.approx(equity[known - 1] - 1.0, abs=1e-12)
    assert trades == sum(t < known for t in bought)


def test_a_cross_fills_at_the_close_that_made_it() -> None:
    close, fast, slow = [4.0, 4.0, 5.0, 10.0], [1.0, 1.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0]
    assert replay_bars(close, fast, slow, 0.0) == (1.0, 1)
    assert replay_bars(close[:3], fast[:3], slow[:3], 0.25) == (pytest.approx(1 / 1.25 - 1), 1)


def test_a_down_cross_sells_everything_and_pays_the_fee_again() -> None:
    close, fast, slow = [4.0, 4.0, 8.0, 1.0], [1.0, 3.0, 1.0, 1.0], [2.0] * 4
    assert replay_bars(close, fast, slow, 0.25) == (pytest.approx(2.0 * 0.75 / 1.25 - 1.0), 1)


def test_touching_averages_are_a_cross_only_when_they_part() -> None:
    close, slow = [1.0, 2.0, 4.0, 8.0], [2.0] * 4
    assert replay_bars(close, [1.0, 2.0, 3.0, 3.0], slow, 0.0) == (1.0, 1)
    assert replay_bars(close, [3.0, 3.0, 2.0, 3.0], slow, 0.0) == (0.0, 1)


def test_an_average_that_becomes_known_is_no_cross() -> None:
    assert replay_bars([1.0, 1.0, 2.0], [math.nan, 3.0, 3.0], [2.0] * 3, 0.0) == (0.0, 0)


@pytest.mark.parametrize("jobs", [2, 3, 40])
def test_the_number_of_threads_changes_nothing(jobs: int) -> None:
    close, fast, slow = walk(3000), np.repeat([3, 5, 8], 5), np.tile([10, 20, 30, 40, 50], 3)
    one, many = sweep_bars(close, fast, slow, FEE), sweep_bars(close, fast, slow, FEE, jobs=jobs)
    assert one.returns.tobytes() == many.returns.tobytes()
    assert one.trades.tobytes() == many.trades.tobytes()


def test_a_higher_fee_costs_more() -> None:
    close = walk(3000)
    cheap, dear = (sweep_bars(close, [5], [20], fee) for fee in (0.0, 0.01))
    assert dear.returns[0] < cheap.returns[0]
    assert dear.trades[0] == cheap.trades[0] > 10


def test_an_empty_sweep_has_no_results() -> None:
    assert sweep_bars([1.0], [], [], 0.0).returns.shape == (0,)


@pytest.mark.parametrize("close", [[], [1.0, math.nan], [1.0, math.inf], [1.0, 0.0], [-1.0], [[1.0, 2.0]]])
def test_closes_that_are_no_prices_are_refused(close: Any) -> None:
    with pytest.raises(DataError):
        sma_table(close, [1])
    with pytest.raises(DataError):
        replay_bars(close, close, close, 0.0)
    with pytest.raises(DataError):
        sweep_bars(close, [1], [2], 0.0)


def test_the_first_bad_close_is_named() -> None:
    with pytest.raises(DataError, match="bar 2 is nan"):
        sma_table([1.0, 1.0, math.nan], [1])


def test_averages_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        replay_bars([1.0, 2.0], [1.0], [1.0, 2.0], 0.0)


@pytest.mark.parametrize("windows", [[0], [-3], [2.5], [[1, 2]]])
def test_windows_that_are_no_number_of_bars_are_refused(windows: Any) -> None:
    with pytest.raises(ConfigError):
        sma_table([1.0, 2.0], windows)


@pytest.mark.parametrize(
    ("fast", "slow", "fee", "jobs", "match"),
    [
        ([1, 2], [3], 0.0, 1, "pair up"),
        ([1, 5], [3, 5], 0.0, 1, "pair 1 has fast window 5 and slow window 5"),
        ([0], [3], 0.0, 1, "at least 1"),
        ([1], [3], -0.1, 1, "fee rate"),
        ([1], [3], 1.0, 1, "fee rate"),
        ([1], [3], math.nan, 1, "fee rate"),
        ([1], [3], 0.0, 0, "at least one thread"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(fast: Any, slow: Any, fee: float, jobs: int, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        sweep_bars([1.0, 2.0], fast, slow, fee, jobs=jobs)


def test_backtesting_py_earns_the_same() -> None:
    pd = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("backtesting")
    close = walk(1500, seed=5)
    fast, slow = sma_table(close, [5, 20])

    class Cross(library.Strategy):  # type: ignore[misc,name-defined]
        def init(self) -> None:
            self.fast, self.slow = self.I(lambda: fast), self.I(lambda: slow)

        def next(self) -> None:
            was, now = self.fast[-2] - self.slow[-2], self.fast[-1] - self.slow[-1]
            if not self.position and now > 0 >= was:
                self.buy()
            elif self.position and now < 0 <= was:
                self.position.close()

    bars = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = library.Backtest(
            bars, Cross, cash=1e12, commission=FEE, trade_on_close=True, finalize_trades=False
        ).run()
    total_return, trades = replay_bars(close, fast, slow, FEE)
    # It buys whole units: at most one price in 1e12 dollars is left over at each of the entries.
    assert float(result["Equity Final [$]"]) / 1e12 - 1.0 == pytest.approx(total_return, abs=1e-7)
    held = int(result["# Trades"]) + (1 if result._strategy.position else 0)
    assert held == trades > 20


@pytest.mark.slow
def test_vectorbt_earns_the_same_on_the_same_averages() -> None:
    pd = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vbt = pytest.importorskip("vectorbt")
        fast_windows, slow_windows = [5, 5, 8], [20, 30, 50]
        close = pd.Series(walk(3000, seed=6))
        fast = vbt.MA.run(close, window=fast_windows, short_name="fast")
        slow = vbt.MA.run(close, window=slow_windows, short_name="slow")
        portfolio = vbt.Portfolio.from_signals(
            close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), size=np.inf, fees=FEE, init_cash=1.0
        )
        theirs = portfolio.total_return().to_numpy()
    ours = sweep_bars(close.to_numpy(), fast_windows, slow_windows, FEE)
    assert np.array_equal(sma_table(close, fast_windows), fast.ma.to_numpy().T, equal_nan=True)
    assert ours.returns == pytest.approx(theirs, abs=1e-12)
    assert np.array_equal(ours.trades, portfolio.entry_trades.count().to_numpy())
    assert ours.trades.sum() > 50
