from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arena.costs import COST_MODELS, CostModel
from arena.engine.execution import ExecutionModel, execution_model, take_levels
from arena.engine.prepare import Prepared, prepare
from arena.engine.replay import IDLE, SETTLED, TRADE_DTYPE, new_books
from arena.engine.run import AccountRun, equity_curve, replay_fixed, run_account, sweep
from arena.errors import DataError
from arena.market.tape import DOWN, UNKNOWN, UP
from arena.sizing import Account
from arena.strategies.base import Configuration
from arena.units import MICRO
from tests.arena.engine.conftest import LATENCY, TOUCH, Slice
from tests.support.accounting import PlainRun, PlainTrade, plain_equity, plain_replay

VENUE = COST_MODELS["venue"]
PRESETS = ("seed", "seed-default", "corrected")


def account_run(
    prepared: Prepared,
    configuration: Configuration,
    execution: ExecutionModel = LATENCY,
    costs: CostModel = VENUE,
    account: Account | None = None,
) -> AccountRun:
    whole = [(0, prepared.windows.shape[0], configuration)]
    return run_account(prepared, whole, execution, costs, account or configuration.account)


def as_plain(run: AccountRun) -> list[PlainTrade]:
    trades = [
        PlainTrade(
            int(w), int(t["side"]), int(t["decision_ns"]), int(t["fill_ns"]), int(t["shares"]), int(t["notional"]),
            int(t["fee"]), int(t["payout"]), int(t["settle_ns"]), round(float(t["multiplier"]), 9), int(t["attempts"]),
        )
        for w, t in zip(run.window, run.trades, strict=True)
    ]  # fmt: skip
    return sorted(trades, key=lambda t: t.decision_ns)


def rounded(run: PlainRun) -> list[PlainTrade]:
    return [replace(t, multiplier=round(t.multiplier, 9)) for t in run.trades]


# Against a plain Python replay of every tick.


@pytest.mark.parametrize(
    "execution", [TOUCH, LATENCY, execution_model("latency", 900.0)], ids=["touch", "50ms", "900ms"]
)
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("depth", [False, True], ids=["touch-only book", "deep book"])
def test_the_kernel_makes_the_trades_that_plain_python_makes(
    some_hours: Slice, deep_hours: Slice, preset: str, execution: ExecutionModel, depth: bool
) -> None:
    hours = deep_hours if depth else some_hours
    c = hours.strategy.preset(preset)
    costs = VENUE if preset == "corrected" else COST_MODELS[preset.replace("seed", "seed-tuned", preset == "seed")]
    run = account_run(hours.prepared([c], execution), c, execution, costs)
    plain = plain_replay(hours.tape, hours.decisions[preset], execution, costs, c.account)
    assert len(plain.trades) > 5
    assert as_plain(run) == rounded(plain)
    assert run.ledger["cash"][0] == plain.cash
    assert (run.unfilled, run.partial, run.rejects[7]) == (plain.unfilled, plain.partial, plain.too_small)
    assert run.unbalanced == 0


def test_a_small_account_with_every_rule_biting_is_the_plain_one_too(deep_hours: Slice) -> None:
    """Caps below the usual stake, an allocator that moves, fast smoothing."""
    c = deep_hours.strategy.preset("corrected")
    account = Account(
        position_pct=5.0, max_fraction=0.06, allocator=1.0, ema_alpha=0.3, multiplier_cap=3.0, multiplier_clamp=1.1,
        strategy_cap=0.05, family_cap=0.5, global_cap=0.9, bankroll_usd=400.0, min_bet_usd=4.0,
    )  # fmt: skip
    run = account_run(deep_hours.prepared([c], LATENCY), c, account=account)
    plain = plain_replay(deep_hours.tape, deep_hours.decisions["corrected"], LATENCY, VENUE, account)
    assert as_plain(run) == rounded(plain)
    assert run.ledger["cash"][0] == plain.cash
    assert len({t.multiplier for t in plain.trades}) > 5
    assert plain.partial > 0


def test_a_fixed_stake_replay_is_the_plain_one(some_hours: Slice) -> None:
    c = some_hours.strategy.preset("corrected")
    trades = replay_fixed(some_hours.prepared([c], LATENCY), c.decide, LATENCY, VENUE, 35.0)
    plain = plain_replay(some_hours.tape, some_hours.decisions["corrected"], LATENCY, VENUE, Account(), 35 * MICRO)
    got = [
        (w, int(t["side"]), int(t["shares"]), int(t["notional"]), int(t["fee"]), int(t["payout"]))
        for w, t in enumerate(trades)
        if t["status"] == SETTLED
    ]
    assert got == sorted((t.window, t.side, t.shares, t.notional, t.fee, t.payout) for t in plain.trades)


# Accounting.


@pytest.mark.parametrize("execution", ["touch", "latency"])
@pytest.mark.parametrize("costs", list(COST_MODELS))
@pytest.mark.parametrize("preset", PRESETS)
def test_an_account_ends_where_its_trades_add_up_to_and_balances_after_every_event(
    two_days: dict[str, Prepared], some_hours: Slice, preset: str, costs: str, execution: str
) -> None:
    c = some_hours.strategy.preset(preset)
    run = account_run(two_days[preset], c, execution_model(execution), COST_MODELS[costs])
    ledger = run.ledger[0]
    path = plain_equity(run.initial, as_plain(run))
    assert ledger["cash"] == run.initial + int(run.pnl.sum()) == int(path[-1][1] * MICRO)
    assert run.unbalanced == 0
    assert (ledger["reserved"], ledger["positions"], ledger["by_strategy"].sum(), ledger["by_family"].sum()) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_every_fill_ends_in_the_payout_of_its_window(
    two_days: dict[str, Prepared], some_hours: Slice, preset: str
) -> None:
    p, c = two_days[preset], some_hours.strategy.preset(preset)
    run = account_run(p, c)
    trades, windows = run.trades, p.windows[run.window]
    assert (trades["shares"] > 0).all()
    won = trades["side"] == windows["outcome"]
    np.testing.assert_array_equal(trades["payout"], np.where(won, trades["shares"], 0))
    np.testing.assert_array_equal(trades["settle_ns"], windows["settle_ns"])
    assert (trades["decision_ns"] + 200_000_000 == trades["fill_ns"]).all()
    assert (trades["fill_ns"] < windows["close_ns"]).all()
    assert (windows["close_ns"] < trades["settle_ns"]).all()


@pytest.mark.parametrize("execution", ["touch", "latency"])
@pytest.mark.parametrize("preset", PRESETS)
def test_buying_the_side_that_wins_below_a_dollar_less_the_fee_never_loses(
    two_days: dict[str, Prepared], some_hours: Slice, preset: str, execution: str
) -> None:
    c = some_hours.strategy.preset(preset)
    results = {}
    for flip in (False, True):
        p = two_days[preset]
        if flip:
            windows = p.windows.copy()
            windows["outcome"] = 1 - windows["outcome"]
            p = replace(p, windows=windows)
        trades = replay_fixed(p, c.decide, execution_model(execution), VENUE)
        bet = trades["status"] == SETTLED
        trades = trades[bet]
        paid = trades["notional"] + trades["fee"]
        cheap = paid < trades["shares"]
        profit = trades["payout"] - paid
        assert (profit[(trades["won"] == 1) & cheap] > 0).all()
        assert (profit[trades["won"] == 0] == -paid[trades["won"] == 0]).all()
        assert set(trades["side"]) == {UP, DOWN}
        results[flip] = (bet, trades["won"])
    np.testing.assert_array_equal(results[False][0], results[True][0])
    np.testing.assert_array_equal(results[False][1], 1 - results[True][1])


def test_marked_equity_is_cash_plus_shares_at_the_bid(some_hours: Slice) -> None:
    """Each point of the curve, added up again from the trades and the venue's books with plain loops."""
    c = some_hours.strategy.preset("corrected")
    p = some_hours.prepared([c], LATENCY)
    run = account_run(p, c)
    curve = equity_curve(p, run)
    books, windows = some_hours.tape.books, some_hours.tape.windows
    trades = as_plain(run)
    for when, equity in zip(curve.ts_ns[::7].tolist(), curve.equity_usd[::7].tolist(), strict=True):
        expected = run.initial / MICRO
        for t in trades:
            if t.fill_ns <= when:
                expected -= (t.notional + t.fee) / MICRO
            if t.settle_ns <= when:
                expected += t.payout / MICRO
            elif t.fill_ns <= when:
                # Until it pays, at the last bid of the ten-second grid inside the window.
                seen = min(when, int(windows[t.window]["close_ns"]) - 10 * 10**9)
                rows = range(books.first[t.window], books.first[t.window + 1])
                row = [k for k in rows if books.event_ns[k] <= seen][-1]
                bid = (books.up_bid if t.side == UP else books.down_bid)[row]
                # Marks are kept in single precision.
                expected += (0.0 if np.isnan(bid) else float(np.float32(bid))) * t.shares / MICRO
        assert equity == pytest.approx(expected, abs=1e-9 * run.initial / MICRO + 1e-9)
    assert curve.equity_usd[-1] == pytest.approx(run.ledger["cash"][0] / MICRO, abs=1e-9)
    assert (curve.drawdown <= 0).all()


def test_backtesting_py_earns_the_same(two_days: dict[str, Prepared], some_hours: Slice) -> None:
    """The same purchases in sequence, as a security that trades at the price paid and then at its payout.

    The peer wants positive prices and whole units: units are micro-shares, and a lost share is worth 1e-18.
    """
    backtesting = pytest.importorskip("backtesting")
    pd = pytest.importorskip("pandas")
    c = some_hours.strategy.preset("corrected")
    run = account_run(two_days["corrected"], c)
    trades = run.trades[:120]
    price = trades["notional"] / trades["shares"] / MICRO
    worth = np.where(trades["won"] == 1, 1.0 / MICRO, 1e-24)
    close = np.concatenate([[1.0], np.column_stack([price, worth]).ravel(), [1.0]])  # it acts on neither end
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close))
    frame.index = pd.date_range("2026-01-01", periods=len(close), freq="D")
    sizes = trades["shares"].tolist()
    fees = dict(zip(zip(sizes, price.tolist(), strict=True), (trades["fee"] / MICRO).tolist(), strict=True))

    def commission(size: float, at: float) -> float:
        return fees.get((abs(size), at), 0.0)  # redemption is free

    class Follow(backtesting.Strategy):  # type: ignore[misc, name-defined]
        def init(self) -> None:
            return

        def next(self) -> None:
            k, leg = divmod(len(self.data) - 2, 2)
            if k < len(sizes) and leg == 0:
                self.buy(size=sizes[k])
            else:
                self.position.close()

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stats = backtesting.Backtest(
            frame, Follow, cash=run.initial / MICRO, commission=commission, trade_on_close=True, finalize_trades=True
        ).run()
    equity = stats["_equity_curve"]["Equity"].to_numpy()
    ours = run.initial / MICRO + np.cumsum(run.pnl[:120]) / MICRO
    np.testing.assert_allclose(equity[2:-1:2], ours, rtol=1e-9)
    assert len(fees) == 120


# Sweeps.


def random_grid(hours: Slice, n: int) -> list[Configuration]:
    rng = np.random.default_rng(6)
    base = hours.strategy.preset("corrected")
    return [
        hours.strategy.configure(
            base,
            {
                "min_edge": rng.uniform(0.0, 0.12), "min_price": rng.uniform(0.05, 0.45),
                "max_price": rng.uniform(0.55, 0.95), "max_spread": rng.choice([0.01, 0.02, 0.08]),
                "min_seconds_left": rng.uniform(5, 180), "book_stale_ms": rng.choice([200, 1500]),
            },
        )
        for _ in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("leaf", [1, 4, 32])
def test_a_sweep_equals_each_configuration_replayed_over_every_tick(
    some_hours: Slice, leaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.engine.narrow._LEAF", leaf)
    monkeypatch.setattr("arena.engine.narrow._WORTH_TICKS", 0)
    grid = random_grid(some_hours, 15)
    table = sweep(some_hours.strategy, some_hours.prepared(grid, LATENCY), grid, LATENCY, VENUE)
    anything = grid[0].decide._replace(
        min_net_return=-99.0, min_edge=-99.0, min_price=0.0, max_price=1.0, max_spread=1.0, max_parity=9.0,
        min_seconds_left=-1.0, book_stale_ms=1e9,
    )  # fmt: skip
    every = prepare(some_hours.strategy, grid[0].observe, anything, [(some_hours.tape, some_hours.notes)], LATENCY)
    assert every.ticks.shape[0] > 0.75 * every.n_ticks
    for k, c in enumerate(grid):
        trades = replay_fixed(every, c.decide, LATENCY, VENUE)
        bet = trades["status"] == SETTLED
        np.testing.assert_array_equal(table.won[:, k], np.where(bet, trades["won"], -1))
        paid = trades["notional"] + trades["fee"]
        with np.errstate(invalid="ignore", divide="ignore"):
            np.testing.assert_array_equal(table.returns[:, k], np.where(bet, trades["payout"] / paid - 1, 0.0))
            np.testing.assert_array_equal(table.cost[:, k], np.where(bet, paid / trades["shares"], np.nan))
    assert table.bets.sum() > 50
    assert len(set(table.bets.tolist())) > 3


def test_a_sweep_is_the_same_bytes_whatever_the_number_of_threads(
    two_days: dict[str, Prepared], some_hours: Slice
) -> None:
    grid = random_grid(some_hours, 24)
    grid = [replace(c, decide=c.decide._replace(min_edge=max(0.05, c.decide.min_edge))) for c in grid]
    p = two_days["corrected"]
    tables = [sweep(some_hours.strategy, p, grid, LATENCY, VENUE, jobs=jobs) for jobs in (1, 2, 8)]
    for name in ("returns", "cost", "probability", "won"):
        assert len({getattr(t, name).tobytes() for t in tables}) == 1, name


def test_an_account_replay_is_the_same_bytes_twice(two_days: dict[str, Prepared], some_hours: Slice) -> None:
    c = some_hours.strategy.preset("seed")
    one, two = (account_run(two_days["seed"], c) for _ in range(2))
    assert one.trades.tobytes() == two.trades.tobytes()
    assert one.ledger.tobytes() == two.ledger.tobytes()


def test_a_schedule_in_pieces_is_the_whole(two_days: dict[str, Prepared], some_hours: Slice) -> None:
    """Orders and positions cross from one piece to the next; sitting out trades nothing there."""
    c, p = some_hours.strategy.preset("corrected"), two_days["corrected"]
    n = p.windows.shape[0]
    whole = account_run(p, c)
    pieces = run_account(p, [(0, 100, c), (100, 101, c), (101, n, c)], LATENCY, VENUE, c.account)
    assert whole.trades.tobytes() == pieces.trades.tobytes()
    rested = run_account(p, [(0, 100, c), (100, 200, None), (200, n, c)], LATENCY, VENUE, c.account)
    assert not ((rested.window >= 100) & (rested.window < 200)).any()
    assert rested.trades[rested.window < 100].tobytes() == whole.trades[whole.window < 100].tobytes()


# Every knob turns something.


def result(prepared: Prepared, c: Configuration, *setting: Any) -> tuple[bytes, ...]:
    run = account_run(prepared, c, *setting)
    return run.trades.tobytes(), run.ledger.tobytes(), run.rejects.tobytes()


@pytest.mark.parametrize(
    "changed",
    [{"meets_book": 0}, {"network_ns": 400_000_000}, {"delay_weight": 0}, {"flat_rate": 0.001}, {"fee_weight": 0.5}],
    ids=lambda c: next(iter(c)),
)
def test_every_field_of_execution_and_costs_matters(some_hours: Slice, changed: dict[str, Any]) -> None:
    c = some_hours.strategy.preset("corrected")

    def pick(model: Any) -> Any:
        return model._replace(**{k: v for k, v in changed.items() if k in model._fields})

    execution, costs = pick(LATENCY), pick(VENUE)
    usual = result(some_hours.prepared([c], LATENCY), c, LATENCY, VENUE)
    assert result(some_hours.prepared([c], execution), c, execution, costs) != usual


@pytest.mark.parametrize(
    "changed",
    [
        {"position_pct": 2.0}, {"max_fraction": 0.03}, {"min_bet_usd": 34.0}, {"allocator": 0.0}, {"ema_alpha": 0.2},
        {"multiplier_cap": 0.5}, {"multiplier_clamp": 0.9}, {"strategy_cap": 0.05}, {"family_cap": 0.05},
        {"global_cap": 0.05}, {"bankroll_usd": 900.0},
    ],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_every_field_of_the_account_matters(
    two_days: dict[str, Prepared], some_hours: Slice, changed: dict[str, Any]
) -> None:
    c = some_hours.strategy.preset("corrected")
    account = Account(position_pct=4.0, strategy_cap=0.15, family_cap=0.15, global_cap=0.15, ema_alpha=0.3)
    usual = result(two_days["corrected"], c, LATENCY, VENUE, account)
    assert result(two_days["corrected"], c, LATENCY, VENUE, account._replace(**changed)) != usual


def test_touch_and_latency_differ_in_what_is_filled(some_hours: Slice) -> None:
    c = some_hours.strategy.preset("corrected")
    seen = account_run(some_hours.prepared([c], TOUCH), c, TOUCH)
    met = account_run(some_hours.prepared([c], LATENCY), c, LATENCY)
    assert (seen.unfilled, seen.partial) == (0, 0)
    assert met.unfilled > 0
    assert met.partial > 0
    assert (seen.trades["fill_ns"] == seen.trades["decision_ns"]).all()


def test_a_window_is_settled_by_the_outcome_column_it_is_given(some_hours: Slice) -> None:
    """The seed settles on its own venue: ``venue_outcome`` put in place of ``outcome`` changes payouts only."""
    c = some_hours.strategy.preset("corrected")
    p = some_hours.prepared([c], LATENCY)
    windows = p.windows.copy()
    windows["venue_outcome"][::3] = 1 - windows["outcome"][::3]
    official = replay_fixed(replace(p, windows=windows), c.decide, LATENCY, VENUE)
    windows = windows.copy()
    windows["outcome"] = windows["venue_outcome"]
    booked = replay_fixed(replace(p, windows=windows), c.decide, LATENCY, VENUE)
    np.testing.assert_array_equal(official["shares"], booked["shares"])
    changed = official["won"] != booked["won"]
    bet = official["status"] == SETTLED
    np.testing.assert_array_equal(changed, bet & (p.windows["outcome"] != windows["venue_outcome"]))
    assert changed.any()


def test_a_window_of_unknown_outcome_is_never_bet_on(some_hours: Slice) -> None:
    c = some_hours.strategy.preset("corrected")
    p = some_hours.prepared([c], LATENCY)
    windows = p.windows.copy()
    windows["outcome"][::2] = UNKNOWN
    trades = replay_fixed(replace(p, windows=windows), c.decide, LATENCY, VENUE)
    assert (trades["status"][::2] == IDLE).all()
    assert (trades["status"][1::2] == SETTLED).any()


# Edges.


def test_an_order_that_arrives_at_or_after_the_close_returns_its_money(some_hours: Slice) -> None:
    slow = execution_model("latency", 40_000.0)
    c = some_hours.strategy.configure(some_hours.strategy.preset("corrected"), {"min_seconds_left": 0})
    p = some_hours.prepared([c], slow)
    run = account_run(p, c, slow)
    assert run.unfilled > 0
    assert run.unbalanced == 0
    assert (run.trades["fill_ns"] < p.windows["close_ns"][run.window]).all()
    plain = plain_replay(some_hours.tape, some_hours.decide(c), slow, VENUE, c.account)
    assert as_plain(run) == rounded(plain)
    assert run.ledger["cash"][0] == plain.cash


def test_an_order_buys_levels_up_to_its_limit_and_no_further() -> None:
    nan = np.nan
    px, size = np.array([0.40, 0.41, 0.42, nan]), np.array([10.0, 5.0, 100.0, 0.0])

    def take(limit: float, shares: float) -> tuple[int, int]:
        filled, notional, _ = take_levels(px, size, limit, round(shares * MICRO), 0.07, 1.0, VENUE)
        return filled, notional

    assert take(0.41, 12) == (12 * MICRO, 4_820_000)
    assert take(0.41, 50) == (15 * MICRO, 6_050_000)
    assert take(0.39, 50) == (0, 0)
    assert take(0.42, 10) == (10 * MICRO, 4_000_000)
    assert take_levels(np.array([nan]), np.array([5.0]), 0.9, MICRO, 0.07, 1.0, VENUE) == (0, 0, 0)


@pytest.mark.parametrize("side", ["up", "down"])
def test_latency_refuses_books_of_unknown_size_on_either_side(some_hours: Slice, side: str) -> None:
    books = some_hours.tape.books
    name = f"{side}_ask_size"
    size = getattr(books, name).copy()
    size[len(size) // 2] = np.inf
    assert np.isfinite(getattr(books, f"{side}_ask")[len(size) // 2, 0])
    tape = some_hours.tape._replace(books=books._replace(**{name: size}))
    c = some_hours.strategy.preset("corrected")
    with pytest.raises(DataError, match=r"^1 quotes carry no displayed size"):
        prepare(some_hours.strategy, c.observe, c.decide, [(tape, some_hours.notes)], LATENCY)
    prepare(some_hours.strategy, c.observe, c.decide, [(tape, some_hours.notes)], TOUCH)


def test_an_assumed_size_replaces_only_the_unknown_ones(some_hours: Slice) -> None:
    books = some_hours.tape.books
    size = np.full_like(books.up_ask_size, np.inf)
    tape = some_hours.tape._replace(books=books._replace(up_ask_size=size))
    c = some_hours.strategy.preset("corrected")
    p = prepare(
        some_hours.strategy, c.observe, c.decide, [(tape, some_hours.notes)], LATENCY, assumed_size_usd=37.0
    )  # fmt: skip
    known = np.isfinite(p.arrivals.up_ask[:, 0])
    np.testing.assert_allclose((p.arrivals.up_ask * p.arrivals.up_ask_size)[known, 0], 37.0)
    original = some_hours.prepared([c], LATENCY)
    np.testing.assert_array_equal(p.arrivals.down_ask_size, original.arrivals.down_ask_size)


def test_rounding_over_many_levels_never_outspends_the_reservation(some_hours: Slice) -> None:
    """Two hundred crumbs at the limit price itself: every level rounds its own notional and fee up."""
    c = some_hours.strategy.preset("corrected")
    p = some_hours.prepared([c], LATENCY)
    n, depth = p.arrivals.up_ask.shape[0], 200
    crumbs = np.full((n, depth), 0.003_457)
    books = {name: np.repeat(getattr(p.arrivals, name)[:, :1], depth, axis=1) for name in ("up_ask", "down_ask")} | {
        "up_ask_size": crumbs,
        "down_ask_size": crumbs,
    }
    account = Account(bankroll_usd=30.0, min_bet_usd=0.2, position_pct=0.9)
    run = account_run(replace(p, arrivals=p.arrivals._replace(**books)), c, account=account)
    assert run.trades.size > 10
    assert run.unbalanced == 0
    reserved = (run.trades["notional"] + run.trades["fee"]).max()
    assert reserved <= 0.009 * 40 * MICRO
    first = run.trades[0]
    assert first["notional"] + first["fee"] <= int(30 * MICRO * 0.9 / 100)


def test_the_trade_record_and_new_books_start_empty() -> None:
    books = new_books(3, 12.5)
    assert books.trades.dtype == TRADE_DTYPE
    assert books.ledger["cash"][0] == 12_500_000
    assert books.cursor["flight"][0] == -1
