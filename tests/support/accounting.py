"""A replay and an account in plain Python: loops, lists and decimals, no arrays, nothing shared with the kernels."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

from arena.costs import CostModel
from arena.engine.execution import ExecutionModel
from arena.market.tape import Tape
from arena.sizing import Account

MICRO = 1_000_000


@dataclass
class PlainTrade:
    """One order that filled, in micro-shares and micro-dollars."""

    window: int
    side: int
    decision_ns: int
    fill_ns: int
    shares: int
    notional: int
    fee: int
    payout: int = -1
    settle_ns: int = -1
    multiplier: float = 1.0
    attempts: int = 1


@dataclass
class PlainRun:
    """Trades in order of decision, the cash at the end, and what was counted on the way."""

    cash: int
    trades: list[PlainTrade] = field(default_factory=list)
    unfilled: int = 0
    partial: int = 0
    too_small: int = 0
    refused: int = 0


def dec(x: float) -> Decimal:
    """The decimal a quoted number stands for."""
    return Decimal(repr(round(float(x), 9)))


def plain_charge(shares: int, price: float, rate: float, exponent: float, costs: CostModel) -> tuple[int, int]:
    """Notional rounded up to the micro-dollar; venue fee to the fifth decimal, flat cost to the nearest micro."""
    p = dec(price)
    notional = int((p * shares).to_integral_value(ROUND_CEILING))
    curve = dec(costs.fee_weight) * dec(rate) * (p * (1 - p)) ** int(exponent) * shares
    fee = int((curve / 10).quantize(Decimal(1), ROUND_HALF_UP)) * 10
    flat = int((dec(costs.flat_rate) * p * shares).quantize(Decimal(1), ROUND_HALF_UP))
    return notional, fee + flat


def multiplier_of(returns: list[float], alpha: float, cap: float) -> float:
    """Seed notes 7.1 and 7.2 from the list of past returns."""
    n = len(returns)
    if n == 0:
        return 1.0
    mean, downside, variance = returns[0], max(0.0, -returns[0]), 0.0
    for r in returns[1:]:
        mean = (1 - alpha) * mean + alpha * r
        downside = (1 - alpha) * downside + alpha * max(0.0, -r)
        variance = (1 - alpha) * variance + alpha * (r - mean) ** 2
    wins = sum(r >= 0 for r in returns) / n
    confidence = min(1.0, n / 40)
    quality = mean / max(1e-6, variance) ** 0.5 / 0.55 + (wins - 0.5) * 1.4
    if n < 30:
        return min(max(1 + 0.20 * quality * confidence, 0.80), 1.20)
    if mean <= -0.25 or (n >= 40 and wins <= 0.35 and mean <= -0.15):
        return 0.25
    return min(max(1 + 0.45 * quality * confidence - downside * (1.2 + (1 - confidence) * 0.6), 0.25), cap)


def plain_replay(
    tape: Tape,
    decisions: Any,
    execution: ExecutionModel,
    costs: CostModel,
    account: Account,
    fixed_stake: int = 0,
) -> PlainRun:
    """Decision, arrival, fill, settlement, one tick after the other, every tick of the tape.

    ``decisions`` are those of a flat strategy at every tick; holding is worked out here. With
    ``fixed_stake`` every bet is that many micro-dollars and money is not shared between windows.
    """
    windows = [{name: w[name].item() for name in w.dtype.names} for w in tape.windows]
    first = tape.books.first.tolist()
    book_times = tape.books.event_ns.tolist()
    run = PlainRun(cash=round(account.bankroll_usd * MICRO))
    taken: set[int] = set()
    attempts: dict[int, int] = {}
    open_trades: list[PlainTrade] = []
    returns: list[float] = []
    flight: dict[str, Any] | None = None

    def fill_from_book(order: dict[str, Any]) -> tuple[int, int, int]:
        w, rules = order["window"], windows[order["window"]]
        if execution.meets_book == 0:
            return order["wanted"], *plain_charge(
                order["wanted"], order["limit"], rules["fee_rate"], rules["fee_exponent"], costs
            )
        if order["arrival"] >= rules["close_ns"]:
            return 0, 0, 0
        row = bisect_right(book_times, order["arrival"], first[w], first[w + 1]) - 1
        if row < first[w]:
            return 0, 0, 0
        side = "up" if order["side"] == 1 else "down"
        levels = zip(
            getattr(tape.books, f"{side}_ask")[row].tolist(),
            getattr(tape.books, f"{side}_ask_size")[row].tolist(),
            strict=True,
        )
        got, notional, fee = 0, 0, 0
        for price, size in levels:
            if price != price or dec(price) > dec(order["limit"]) or got == order["wanted"]:
                break
            lot = min(order["wanted"] - got, int(size * MICRO))
            n, f = plain_charge(lot, price, rules["fee_rate"], rules["fee_exponent"], costs) if lot else (0, 0)
            got, notional, fee = got + lot, notional + n, fee + f
        return got, notional, fee

    def advance(until: int) -> None:
        nonlocal flight
        while True:
            events = [(t.settle_ns, 1, k) for k, t in enumerate(open_trades)]
            if flight is not None:
                events.append((flight["arrival"], 0, -1))
            due = min((e for e in events if e[0] <= until), default=None)
            if due is None:
                return
            if due[1] == 1:
                trade = open_trades.pop(due[2])
                trade.payout = trade.shares if windows[trade.window]["outcome"] == trade.side else 0
                run.cash += trade.payout
                returns.append((trade.payout - trade.notional - trade.fee) / trade.notional)
                continue
            order, flight = flight, None
            assert order is not None
            shares, notional, fee = fill_from_book(order)
            run.cash += order["reserved"] - notional - fee
            if shares == 0:
                run.unfilled += 1
                taken.discard(order["window"])
                continue
            run.partial += shares < order["wanted"]
            trade = PlainTrade(
                order["window"], order["side"], order["decided"], order["arrival"], shares, notional, fee,
                settle_ns=windows[order["window"]]["settle_ns"], multiplier=order["multiplier"],
                attempts=attempts[order["window"]],
            )  # fmt: skip
            run.trades.append(trade)
            open_trades.append(trade)

    acting = [i for i, a in enumerate(decisions["action"].tolist()) if a]
    for i in acting:
        tick = tape.ticks[i]
        ts, w = int(tick["ts_ns"]), int(tick["window"])
        advance(ts)
        if w < 0 or flight is not None or w in taken or windows[w]["outcome"] < 0:
            continue
        multiplier = 1.0
        stake = fixed_stake
        if fixed_stake == 0:
            if account.allocator > 0:
                multiplier = multiplier_of(returns, account.ema_alpha, account.multiplier_cap)
            committed = sum(t.notional + t.fee for t in open_trades)
            total = run.cash + committed
            ceiling = run.cash * account.max_fraction
            base = min(run.cash * account.position_pct / 100, ceiling)
            caps = (account.strategy_cap, account.family_cap, account.global_cap)
            room = max(0, min(run.cash, *(int(cap * total) - committed for cap in caps)))
            size = min(base * min(max(multiplier, 0.0), account.multiplier_clamp), ceiling, room)
            if base < account.min_bet_usd * MICRO or size < account.min_bet_usd * MICRO:
                run.too_small += 1
                continue
            stake = int(size)
        limit = dec(decisions["limit_price"][i])
        rules = windows[w]
        worst = limit * (1 + dec(costs.flat_rate)) + dec(costs.fee_weight) * dec(rules["fee_rate"]) * (
            limit * (1 - limit)
        ) ** int(rules["fee_exponent"])
        slack = 10 * (1 + tape.books.up_ask.shape[1])
        attempts[w] = attempts.get(w, 0) + 1
        flight = {
            "window": w, "side": 1 if decisions["action"][i] == 1 else 0, "decided": ts, "limit": float(limit),
            "wanted": int((stake - slack) / worst), "reserved": stake, "multiplier": multiplier,
            "arrival": ts + execution.network_ns + execution.delay_weight * rules["delay_ns"],
        }  # fmt: skip
        taken.add(w)
        run.cash -= stake
        if execution.meets_book == 0:
            advance(ts)
    advance(2**62)
    return run


def plain_equity(initial: int, trades: list[PlainTrade]) -> list[tuple[int, Decimal]]:
    """Equity at cost after every fill and settlement, dollars, in order of time."""
    events = [(t.fill_ns, 0, Decimal(0)) for t in trades]
    events += [(t.settle_ns, 1, Decimal(t.payout - t.notional - t.fee) / MICRO) for t in trades]
    equity = Decimal(initial) / MICRO
    path = []
    for when, _, profit in sorted(events, key=lambda e: e[:2]):
        equity += profit
        path.append((when, equity))
    return path
