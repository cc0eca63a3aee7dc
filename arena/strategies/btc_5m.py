"""BTC_5M: buy the side of a five-minute up/down window that a fair value says is cheap, hold to resolution.

Two presets matter. ``seed`` is the original engine to the letter: Coinbase strike, plain median of six
venues, tick volatility, spot digital, best side chosen before the band test. ``corrected`` mends what
is known to be wrong with it: the market's own settlement rule and source, measured basis, volatility
that survives bid-ask bounce, the true fee inside the edge, filters before the choice of side, and
ranking by expected log growth.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from arena.costs import fee_per_share
from arena.jit import Record, jit
from arena.market.tape import F8, MAX_VENUES
from arena.pricing import digital_up, kelly_fraction, log_growth, twap_digital_up
from arena.sizing import Account
from arena.strategies.base import Action, Configuration, Intent, Lever, Strategy, implement
from arena.volatility import (
    CLOCK_VOL_DTYPE,
    TICK_VOL_DTYPE,
    clock_vol,
    clock_vol_add,
    tick_vol,
    tick_vol_add,
)

_RING_S = 128
_SLOW_S = 5
_BUY_UP = int(Action.BUY_UP)
_BUY_DOWN = int(Action.BUY_DOWN)
_NONE = int(Action.NONE)


class Reason(IntEnum):
    """Why a tick did not enter, in the order the gates are asked; 0 = every gate passed."""

    ENTER = 0
    DISABLED = 1
    NO_WINDOW = 2
    BOOK_STALE = 3
    SPOT_STALE = 4
    TOO_LATE = 5
    NO_FAIR_VALUE = 6
    PARITY = 7
    PRICE_BAND = 8
    SPREAD = 9
    EDGE = 10
    HELD = 11


_ENTER = int(Reason.ENTER)
_DISABLED = int(Reason.DISABLED)
_NO_WINDOW = int(Reason.NO_WINDOW)
_BOOK_STALE = int(Reason.BOOK_STALE)
_SPOT_STALE = int(Reason.SPOT_STALE)
_TOO_LATE = int(Reason.TOO_LATE)
_NO_FAIR_VALUE = int(Reason.NO_FAIR_VALUE)
_PARITY = int(Reason.PARITY)
_PRICE_BAND = int(Reason.PRICE_BAND)
_SPREAD = int(Reason.SPREAD)
_EDGE = int(Reason.EDGE)
_HELD = int(Reason.HELD)


class ObserveParams(NamedTuple):
    """Levers that shape the fair value; defaults are the seed's."""

    spot_stale_ms: float = 2500.0
    vol_clock: float = 0.0
    vol_window_s: float = 300.0
    vol_min_samples: float = 12.0
    vol_floor: float = 0.10
    vol_cap: float = 2.00
    vol_fallback: float = 0.65
    vol_jump_cut: float = 0.0
    rate: float = 0.045
    market_rule: float = 0.0
    basis_halflife_s: float = 0.0


class DecideParams(NamedTuple):
    """Levers of the entry gates; defaults are the seed's tuned values."""

    enabled: float = 1.0
    min_net_return: float = 0.003
    min_edge: float = 0.0
    flat_cost_rate: float = 0.0002
    fee_weight: float = 0.0
    min_price: float = 0.15
    max_price: float = 0.85
    max_spread: float = 0.08
    max_parity: float = 0.02
    min_seconds_left: float = 12.0
    book_stale_ms: float = 1500.0
    filter_first: float = 0.0
    model_weight: float = 1.0


SIGNAL_DTYPE = np.dtype(
    [
        ("fair_up", np.float64),
        ("mid", np.float64),
        ("strike", np.float64),
        ("sigma", np.float64),
        ("spot_fresh", np.int64),
    ]
)
"""What the gates read: fair UP price, spot on the settlement source, strike, annualised volatility."""

STATE_DTYPE = np.dtype(
    [
        ("tick_vol", TICK_VOL_DTYPE),
        ("clock_vol", CLOCK_VOL_DTYPE),
        ("sigma", np.float64),
        ("last_ref_ns", np.int64),
        ("last_second", np.int64),
        ("last_oracle_ns", np.int64),
        ("last_strike_open_ns", np.int64),
        ("ring_second", np.int64, (_RING_S,)),
        ("ring_log", np.float64, (_RING_S, MAX_VENUES)),
        ("basis", np.float64, (MAX_VENUES,)),
        ("basis_n", np.int64, (MAX_VENUES,)),
        ("factor", np.float64, (MAX_VENUES,)),
        ("scratch", np.float64, (MAX_VENUES,)),
        ("started", np.int64),
    ]
)


@jit
def _sort_eight(x: F8) -> None:
    """Sort eight numbers in place by Batcher's odd-even merge network (1968).

    The venues' order changes from tick to tick, and a branch on it is a coin toss; this has none.
    """
    a, b, c, d, e, f, g, h = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    a, b = min(a, b), max(a, b)
    c, d = min(c, d), max(c, d)
    e, f = min(e, f), max(e, f)
    g, h = min(g, h), max(g, h)
    a, c = min(a, c), max(a, c)
    b, d = min(b, d), max(b, d)
    e, g = min(e, g), max(e, g)
    f, h = min(f, h), max(f, h)
    b, c = min(b, c), max(b, c)
    f, g = min(f, g), max(f, g)
    a, e = min(a, e), max(a, e)
    b, f = min(b, f), max(b, f)
    c, g = min(c, g), max(c, g)
    d, h = min(d, h), max(d, h)
    c, e = min(c, e), max(c, e)
    d, f = min(d, f), max(d, f)
    b, c = min(b, c), max(b, c)
    d, e = min(d, e), max(d, e)
    f, g = min(f, g), max(f, g)
    x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7] = a, b, c, d, e, f, g, h


@jit
def _median_fresh(state: Record, tick: Record, stale_ms: float, measured_only: bool) -> float:
    """Median of the venues' fresh prices, each brought to the settlement source; NaN when none is fresh.

    With ``measured_only`` a venue whose basis was never measured is left out: next to five corrected
    prices its raw one would be the odd one out, not a sixth opinion.
    """
    n = 0
    x = state.scratch
    for v in range(MAX_VENUES):
        known = not measured_only or state.basis_n[v] > 0
        fresh = known and tick.spot_age_ms[v] <= stale_ms and tick.spot_px[v] > 0.0
        x[v] = tick.spot_px[v] * state.factor[v] if fresh else math.inf
        n += fresh
    if n == 0:
        return math.nan
    _sort_eight(x)
    return 0.5 * float(x[(n - 1) // 2] + x[n // 2])


@jit
def _learn_basis(state: Record, venue: int, observation: float, weight: float) -> None:
    """Fold one log(settlement source / venue) into the venue's running basis."""
    if state.basis_n[venue] == 0:
        state.basis[venue] = observation
    else:
        # The first observations are averaged evenly, so one odd start cannot linger.
        w = max(weight, 1.0 / (state.basis_n[venue] + 1.0))
        state.basis[venue] += w * (observation - state.basis[venue])
    state.basis_n[venue] += 1
    state.factor[venue] = math.exp(state.basis[venue])


@jit
def _sample_second(state: Record, tick: Record, second: int, stale_ms: float) -> None:
    """Remember each fresh venue's raw log price at this UTC second."""
    slot = second % _RING_S
    state.ring_second[slot] = second
    for v in range(MAX_VENUES):
        fresh = tick.spot_age_ms[v] <= stale_ms and tick.spot_px[v] > 0.0
        state.ring_log[slot, v] = math.log(tick.spot_px[v]) if fresh else math.nan


@jit
def _basis_from_oracle(state: Record, tick: Record, params: ObserveParams) -> None:
    """Compare a new oracle report with what each venue showed in the second the report is for."""
    state.last_oracle_ns = tick.oracle_event_ns
    second = tick.oracle_event_ns // 1_000_000_000
    slot = second % _RING_S
    if state.ring_second[slot] != second or not tick.oracle_px > 0.0:
        return
    weight = 1.0 - math.exp(-math.log(2.0) / params.basis_halflife_s)
    target = math.log(tick.oracle_px)
    for v in range(MAX_VENUES):
        d = target - state.ring_log[slot, v]
        if not math.isnan(d):
            _learn_basis(state, v, d, weight)


@jit
def _basis_from_strike(state: Record, tick: Record, params: ObserveParams) -> None:
    """Without an oracle stream each newly published strike is one observation of the basis.

    It is compared with the venue's own average over the strike's look-back.
    """
    state.last_strike_open_ns = tick.open_ns
    weight = 1.0 - math.exp(-math.log(2.0) * (tick.close_ns - tick.open_ns) / 1e9 / params.basis_halflife_s)
    last = tick.open_ns // 1_000_000_000
    span = min(max(int(tick.lookback_s), 1), _RING_S - 8)
    for v in range(MAX_VENUES):
        total = 0.0
        n = 0
        for second in range(last - span + 1, last + 1):
            slot = second % _RING_S
            if state.ring_second[slot] == second and not math.isnan(state.ring_log[slot, v]):
                total += state.ring_log[slot, v]
                n += 1
        if n > 0:
            _learn_basis(state, v, math.log(tick.strike) - total / n, weight)


@jit
def _update_sigma(state: Record, raw: float, params: ObserveParams) -> None:
    if math.isnan(raw):
        state.sigma = params.vol_fallback
    else:
        state.sigma = min(max(raw, params.vol_floor), params.vol_cap)


@jit
def observe(state: Record, tick: Record, params: ObserveParams, out: Record) -> None:
    """Update volatility, basis and fair value with one tick; write the signal into ``out``."""
    if state.started == 0:
        state.started = 1
        state.factor[:] = 1.0
        state.ring_log[:] = math.nan
        state.sigma = params.vol_fallback
    by_market = params.market_rule > 0.0
    second = tick.ts_ns // 1_000_000_000

    if params.vol_clock <= 0.0 and tick.ref_recv_ns != state.last_ref_ns and tick.spot_px[0] > 0.0:
        state.last_ref_ns = tick.ref_recv_ns
        tick_vol_add(state.tick_vol, tick.ref_recv_ns, math.log(tick.spot_px[0]))
        raw = tick_vol(state.tick_vol, tick.ts_ns, int(params.vol_window_s * 1e9), int(params.vol_min_samples))
        _update_sigma(state, raw, params)

    foreign_strike = params.basis_halflife_s > 0.0 and tick.strike_is_oracle != 0
    if foreign_strike:
        if tick.oracle_event_ns != 0:
            if tick.oracle_event_ns != state.last_oracle_ns:
                _basis_from_oracle(state, tick, params)
        elif tick.strike > 0.0 and tick.open_ns != state.last_strike_open_ns:
            _basis_from_strike(state, tick, params)

    mid = _median_fresh(state, tick, params.spot_stale_ms, foreign_strike)
    if second > state.last_second:
        state.last_second = second
        _sample_second(state, tick, second, params.spot_stale_ms)
        if params.vol_clock > 0.0:
            log_mid = math.log(mid) if mid > 0.0 else math.nan
            clock_vol_add(state.clock_vol, second, log_mid, int(params.vol_window_s), _SLOW_S, params.vol_jump_cut)
            _update_sigma(state, clock_vol(state.clock_vol, _SLOW_S, int(params.vol_min_samples)), params)

    left = (tick.close_ns - tick.ts_ns) * 1e-9
    strike = tick.strike if by_market else tick.venue_strike
    fair = math.nan
    fresh = tick.spot_age_ms[0] <= params.spot_stale_ms
    if by_market:
        fresh = mid > 0.0
    if strike > 0.0 and mid > 0.0 and fresh and state.sigma > 0.0:
        if by_market:
            known = tick.twap_sum / tick.twap_n if tick.twap_n > 0 else mid
            fair = twap_digital_up(mid, strike, state.sigma, left, tick.lookback_s, known)
        else:
            fair = digital_up(mid, strike, state.sigma, left, params.rate)
    out.fair_up = fair
    out.mid = mid
    out.strike = strike
    out.sigma = state.sigma
    out.spot_fresh = 1 if fresh else 0


@jit
def _side(fair: float, bid: float, ask: float, tick: Record, params: DecideParams) -> tuple[int, float, float]:
    """One side's first failing gate (0 = none), expected net return on stake, and cost per share."""
    cost = ask * (1.0 + params.flat_cost_rate) + params.fee_weight * fee_per_share(
        ask, tick.fee_rate, tick.fee_exponent
    )
    net = (fair - cost) / ask
    gate = _ENTER
    if ask < params.min_price or ask > params.max_price:
        gate = _PRICE_BAND
    elif ask - bid > params.max_spread + 1e-9:
        gate = _SPREAD
    elif not (net >= params.min_net_return and fair - cost >= params.min_edge):
        gate = _EDGE
    return gate, net, cost


@jit
def _refuse(reason: int) -> Intent:
    return Intent(_NONE, reason, 0.0, 0.0, 0.0)


@jit
def decide(signal: Record, tick: Record, held: int, params: DecideParams) -> Intent:
    """The nine entry gates in the seed's order; pure. ``held`` is 1 while a position or order is open."""
    if params.enabled <= 0.0:
        return _refuse(_DISABLED)
    if tick.close_ns == 0:
        return _refuse(_NO_WINDOW)
    up_ok = 0.0 < tick.up_bid <= tick.up_ask and tick.up_ask > 0.0
    down_ok = 0.0 < tick.down_bid <= tick.down_ask and tick.down_ask > 0.0
    if not (up_ok and down_ok) or tick.book_age_ms > params.book_stale_ms:
        return _refuse(_BOOK_STALE)
    if signal.spot_fresh == 0:
        return _refuse(_SPOT_STALE)
    if not (tick.close_ns - tick.ts_ns) * 1e-9 > params.min_seconds_left:
        return _refuse(_TOO_LATE)
    fair_up = signal.fair_up
    if math.isnan(fair_up):
        return _refuse(_NO_FAIR_VALUE)
    parity = 0.5 * (tick.up_bid + tick.up_ask + tick.down_bid + tick.down_ask) - 1.0
    if abs(parity) > params.max_parity + 1e-9:
        return _refuse(_PARITY)

    fair_down = 1.0 - fair_up
    if params.model_weight < 1.0:
        # Each side towards its own mid: a higher weight then never closes a gate that a lower one passes.
        mid_up, mid_down = 0.5 * (tick.up_bid + tick.up_ask), 0.5 * (tick.down_bid + tick.down_ask)
        fair_up = mid_up + params.model_weight * (fair_up - mid_up)
        fair_down = mid_down + params.model_weight * (fair_down - mid_down)
    gate_up, net_up, cost_up = _side(fair_up, tick.up_bid, tick.up_ask, tick, params)
    gate_down, net_down, cost_down = _side(fair_down, tick.down_bid, tick.down_ask, tick, params)
    buy_up = net_up >= net_down
    if params.filter_first > 0.0:
        if (gate_up == _ENTER) != (gate_down == _ENTER):
            buy_up = gate_up == _ENTER
        elif gate_up == _ENTER:
            grow_up = log_growth(fair_up, cost_up, kelly_fraction(fair_up, cost_up))
            grow_down = log_growth(fair_down, cost_down, kelly_fraction(fair_down, cost_down))
            buy_up = grow_up >= grow_down
        else:
            # Neither side qualifies: report the gate the better-placed side died at.
            buy_up = gate_up >= gate_down
    gate = gate_up if buy_up else gate_down
    if gate != _ENTER:
        return _refuse(gate)
    if held != 0:
        return _refuse(_HELD)
    if buy_up:
        return Intent(_BUY_UP, _ENTER, tick.up_ask, fair_up, net_up)
    return Intent(_BUY_DOWN, _ENTER, tick.down_ask, fair_down, net_down)


implement(ObserveParams, observe, DecideParams, decide)

LEVERS = (
    Lever("spot_stale_ms", "observe", "ms", 100, 65_000, "a spot price older than this is not used"),
    Lever(
        "vol_clock", "observe", "0|1", 0, 1, "0 = seed's tick volatility, 1 = two-scales on a 1 s clock", integer=True
    ),
    Lever("vol_window_s", "observe", "s", 30, 1800, "look-back of the volatility estimate"),
    Lever("vol_min_samples", "observe", "returns", 2, 600, "fewer returns than this: use the fallback", integer=True),
    Lever("vol_floor", "observe", "per sqrt(year)", 0.01, 2, "volatility is never taken lower"),
    Lever("vol_cap", "observe", "per sqrt(year)", 0.1, 10, "volatility is never taken higher"),
    Lever("vol_fallback", "observe", "per sqrt(year)", 0, 5, "volatility until there are samples; 0 = do not trade"),
    Lever("vol_jump_cut", "observe", "sd", 0, 20, "larger moves count as this large; 0 = no cap (clock estimator)"),
    Lever("rate", "observe", "per year", 0, 0.2, "risk-free rate of the seed's digital"),
    Lever("market_rule", "observe", "0|1", 0, 1, "1 = price the market's own settlement rule and strike", integer=True),
    Lever("basis_halflife_s", "observe", "s", 0, 86_400, "memory of the venue-to-oracle basis; 0 = assume none"),
    Lever("enabled", "decide", "0|1", 0, 1, "0 switches the strategy off", "higher", integer=True, seed_lever=3),
    Lever(
        "min_net_return",
        "decide",
        "fraction of stake",
        0,
        1,
        "least expected net return on stake",
        "lower",
        "linear",
        0.0,
        0.20,
        seed_lever=5,
    ),
    Lever(
        "min_edge",
        "decide",
        "USD/share",
        0,
        0.5,
        "least fair value minus cost, in probability points",
        "lower",
        "linear",
        0.0,
        0.10,
    ),
    Lever(
        "flat_cost_rate",
        "decide",
        "fraction of stake",
        0,
        0.1,
        "flat cost the strategy believes in",
        "lower",
        seed_lever=1,
    ),
    Lever("fee_weight", "decide", "0|1", 0, 1, "1 = the market's own fee is inside the edge"),
    Lever("min_price", "decide", "USD/share", 0, 1, "cheapest ask it buys", "lower", "linear", 0.05, 0.45),
    Lever("max_price", "decide", "USD/share", 0, 1, "dearest ask it buys", "higher", "linear", 0.55, 0.95),
    Lever(
        "max_spread",
        "decide",
        "USD/share",
        0.001,
        0.3,
        "widest bid-ask spread it buys into",
        "higher",
        "linear",
        0.01,
        0.08,
    ),
    Lever("max_parity", "decide", "USD", 0.001, 0.5, "largest |UP mid + DOWN mid - 1|", "higher"),
    Lever(
        "min_seconds_left",
        "decide",
        "s",
        0,
        3600,
        "no entry with this much time left or less",
        "lower",
        "linear",
        5.0,
        180.0,
    ),
    Lever("book_stale_ms", "decide", "ms", 50, 600_000, "a book older than this is not used", "higher"),
    Lever("filter_first", "decide", "0|1", 0, 1, "1 = test both sides before choosing one", integer=True),
    Lever(
        "model_weight",
        "decide",
        "1",
        0,
        1,
        "weight of the model against the book's mid in the fair value",
        "higher",
        "linear",
        0.3,
        1.0,
    ),
    Lever("position_pct", "account", "% of cash", 0.1, 5.0, "base stake", seed_lever=2),
    Lever("max_fraction", "account", "fraction of cash", 0.01, 1, "largest single position"),
    Lever("min_bet_usd", "account", "USD", 1, 1000, "smaller bets are skipped"),
    Lever("allocator", "account", "0|1", 0, 1, "1 = scale stakes by the adaptive multiplier", integer=True),
    Lever("ema_alpha", "account", "1", 0.01, 0.5, "smoothing of the allocator per settled trade", seed_lever=4),
    Lever("multiplier_cap", "account", "1", 1, 3, "highest multiplier the allocator gives", seed_lever=6),
    Lever("multiplier_clamp", "account", "1", 0, 3, "highest multiplier the sizing step accepts", seed_lever=7),
    Lever("strategy_cap", "account", "fraction of equity", 0.05, 1, "largest committed share of one strategy"),
    Lever("family_cap", "account", "fraction of equity", 0.1, 1, "largest committed share of one family"),
    Lever("global_cap", "account", "fraction of equity", 0.1, 1, "largest committed share overall"),
    Lever("bankroll_usd", "account", "USD", 10, 1e9, "starting cash"),
)

PRESETS = {
    "seed": Configuration(ObserveParams(), DecideParams(), Account()),
    "seed-default": Configuration(
        ObserveParams(),
        DecideParams(min_net_return=0.004, flat_cost_rate=0.0018),
        Account(position_pct=1.7, ema_alpha=0.08, multiplier_cap=1.65, multiplier_clamp=2.0),
    ),
    "corrected": Configuration(
        ObserveParams(
            vol_clock=1.0,
            vol_window_s=600.0,
            vol_min_samples=60.0,
            vol_fallback=0.0,
            vol_jump_cut=4.0,
            rate=0.0,
            market_rule=1.0,
            basis_halflife_s=120.0,
        ),
        DecideParams(
            min_net_return=0.0,
            min_edge=0.03,
            flat_cost_rate=0.0,
            fee_weight=1.0,
            filter_first=1.0,
            # A model that enters where it disagrees most with the market is, on average, wrong by part of the
            # disagreement (the winner's curse); without evidence for either side both get half the weight.
            model_weight=0.5,
        ),
        Account(allocator=0.0),
    ),
}
"""``seed`` = the original with its seven tuned levers, ``seed-default`` = before the tuning,
``corrected`` = the same idea with the known errors mended."""

STRATEGY = Strategy(
    id="BTC_5M",
    family="FAIR_VALUE",
    title="Five-minute up/down window against a digital-option fair value",
    asset="BTC",
    interval_s=300,
    venue="polymarket",
    levers=LEVERS,
    presets=PRESETS,
    default_preset="corrected",
    reasons=Reason,
    state_dtype=STATE_DTYPE,
    signal_dtype=SIGNAL_DTYPE,
)
