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

from arena.costs import fee_per_share
from arena.jit import Record, jit
from arena.pricing import kelly_fraction, log_growth
from arena.sizing import Account
from arena.strategies.base import Action, Configuration, Intent, Lever, Strategy, implement
from arena.strategies.btc_5m_signal import SIGNAL_DTYPE, STATE_DTYPE, ObserveParams, observe

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
