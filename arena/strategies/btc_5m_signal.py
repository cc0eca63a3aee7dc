"""What BTC_5M knows: volatility, the basis of each venue to the settlement feed, and a fair value.

The gates that act on it are in :mod:`arena.strategies.btc_5m`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from arena.jit import Record, jit
from arena.market.tape import F8, MAX_VENUES
from arena.pricing import digital_up, twap_digital_up
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
