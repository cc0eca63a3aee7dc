"""A thousand dual moving-average pairs over 100,000 bars: our bar engine, vectorbt, backtesting.py."""

from __future__ import annotations

import math
import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.engine.bars import BarSweep, sweep_bars
from benchmarks.lab import LabMarket
from benchmarks.measure import Figure, in_child, timed
from benchmarks.rows import Row, Sizes

FEE = 0.0005
_COLUMNS = 50
_STATED_VECTORBT_S, _STATED_BACKTESTING_S, _STATED_VECTORBT_MIB = 17.7, 449.0, 3.5 * 1024


def closes(n: int) -> npt.NDArray[np.float64]:
    """One-minute closes: a seeded geometric random walk around 100 USD."""
    steps = np.random.default_rng(0).normal(0.0, 4e-4, n)
    return np.asarray(100.0 * np.exp(np.cumsum(steps)))


def grid(fast: tuple[int, ...], slow: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Every pair of the two lists, fast-major."""
    return np.repeat(fast, len(slow)), np.tile(slow, len(fast))


def run(sizes: Sizes, lab: LabMarket) -> list[Row]:
    """Time against both peers, and memory for two numbers of configurations."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # progress bars are not part of the race
    close = closes(sizes.bars)
    fast, slow = grid(sizes.fast, sizes.slow)
    jobs = os.cpu_count() or 1
    ours, swept = timed(lambda: sweep_bars(close, fast, slow, FEE, jobs=jobs), sizes.runs + 2)
    what = f"{fast.size:,} SMA pairs x {close.size:,} bars, {jobs} threads"
    return [
        _against_vectorbt(sizes, close, fast, slow, what, ours, swept),
        _against_backtesting(sizes, close, fast, slow, what, ours, swept.returns),
        _memory(sizes, fast.size),
    ]


def _against_vectorbt(sizes: Sizes, close: Any, fast: Any, slow: Any, what: str, ours: Figure, swept: BarSweep) -> Row:
    returns = swept.returns
    peer = f"vectorbt (numba, {_COLUMNS} columns a call)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pandas as pd
            import vectorbt as vbt
    except ImportError:
        theirs = Figure.single(_STATED_VECTORBT_S) if sizes.full else None
        return Row("sma", what, "s", ours, peer, theirs, True, "peer absent", None, 0.3)
    vbt.settings["engine"] = "numba"
    series = pd.Series(close, index=pd.date_range("2024-01-01", periods=close.size, freq="1min"))

    def sweep() -> Any:
        parts = []
        # Told how many orders to expect, it reserves no more memory than it needs: its best case.
        for k in range(0, fast.size, _COLUMNS):
            chunk = slice(k, k + _COLUMNS)
            quick = vbt.MA.run(series, window=fast[chunk].tolist(), short_name="fast", run_unique=True)
            lagging = vbt.MA.run(series, window=slow[chunk].tolist(), short_name="slow", run_unique=True)
            portfolio = vbt.Portfolio.from_signals(
                series, quick.ma_crossed_above(lagging), quick.ma_crossed_below(lagging),
                size=np.inf, fees=FEE, init_cash=1.0, freq="1min", max_orders=2 * int(swept.trades[chunk].sum()) + 1,
            )  # fmt: skip
            parts.append(np.atleast_1d(portfolio.total_return()))
        return np.concatenate(parts)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, their_returns = timed(sweep, sizes.runs)
    worst = float(np.abs(their_returns - returns).max())
    return Row(
        "sma", what, "s", ours, peer, theirs, False,
        f"{returns.size:,} returns, largest difference {worst:.1e} (tolerance 1e-12)", worst <= 1e-12, 0.3,
    )  # fmt: skip


def _against_backtesting(sizes: Sizes, close: Any, fast: Any, slow: Any, what: str, ours: Figure, returns: Any) -> Row:
    peer = f"backtesting.py, one pair x {fast.size:,}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import backtesting
            import pandas as pd
    except ImportError:
        theirs = Figure.single(_STATED_BACKTESTING_S) if sizes.full else None
        return Row("sma", what, "s", ours, peer, theirs, True, "peer absent", None)
    chosen = fast.size // 5
    windows = int(fast[chosen]), int(slow[chosen])

    class Cross(backtesting.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            prices = pd.Series(self.data.Close)
            self.fast, self.slow = (self.I(lambda w=w: prices.rolling(w).mean()) for w in windows)

        def next(self) -> None:
            quick, lagging = self.fast, self.slow
            if not self.position:
                if quick[-1] > lagging[-1] and quick[-2] <= lagging[-2]:
                    self.buy()
            elif quick[-1] < lagging[-1] and quick[-2] >= lagging[-2]:
                self.position.close()

    bars = pd.DataFrame(
        dict.fromkeys(("Open", "High", "Low", "Close"), close),
        index=pd.date_range("2024-01-01", periods=close.size, freq="1min"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # So much cash that trading whole units leaves nothing over worth mentioning.
        test = backtesting.Backtest(bars, Cross, cash=1e12, commission=FEE, trade_on_close=True)
        one, result = timed(test.run, sizes.runs)
    difference = abs(float(result["Equity Final [$]"]) / 1e12 - 1.0 - float(returns[chosen]))
    return Row(
        "sma", what, "s", ours, peer, one.times(fast.size), False,
        f"return of one pair, difference {difference:.1e} (tolerance 1e-6: whole units)", difference <= 1e-6,
        note=f"peer: median of one pair {one.median:.3f} s, times {fast.size:,}",
    )  # fmt: skip


def _memory(sizes: Sizes, pairs: int) -> Row:
    fewer = max(1, pairs // 10)
    many, few = (in_child("sma_memory", str(sizes.bars), str(n))["mib"] for n in (pairs, fewer))
    return Row(
        "sma", f"peak memory of the sweep, {pairs:,} pairs", "MiB", Figure.single(many),
        "vectorbt", Figure.single(_STATED_VECTORBT_MIB) if sizes.full else None, True,
        f"{fewer:,} pairs need {few:.1f} MiB: independent of their number", math.isclose(many, few, abs_tol=4.0), 512.0,
    )  # fmt: skip
