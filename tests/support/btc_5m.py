"""BTC_5M's features in plain Python: lists, dictionaries and scipy, straight from its description."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import norm

from tests.support.volatility import YEAR_S, PlainClock, plain_tick_vol

SECOND = 1_000_000_000


def plain_observe(ticks: Any, p: Any) -> list[dict[str, float]]:
    """Signal at every tick, each field recomputed from what the ticks up to it have shown."""
    updates: list[tuple[int, float]] = []
    clock = PlainClock(int(p.vol_window_s), 5, p.vol_jump_cut)
    clock_sigma = p.vol_fallback
    by_second: dict[int, dict[int, float]] = {}
    observed: dict[int, list[float]] = {}
    basis: dict[int, float] = {}
    last_ref = last_oracle = last_second = 0
    tick_sigma = p.vol_fallback
    out = []
    for tick in ticks:
        ts = int(tick["ts_ns"])
        second = ts // SECOND
        if int(tick["ref_recv_ns"]) != last_ref and tick["spot_px"][0] > 0:
            last_ref = int(tick["ref_recv_ns"])
            updates.append((last_ref, math.log(tick["spot_px"][0])))
            window_ns = int(p.vol_window_s * 1e9)
            updates = [u for u in updates if u[0] >= ts - window_ns]
            if p.vol_clock == 0:
                raw = plain_tick_vol(updates, ts, window_ns, int(p.vol_min_samples), 10**9)
                tick_sigma = p.vol_fallback if math.isnan(raw) else min(max(raw, p.vol_floor), p.vol_cap)
        report = int(tick["oracle_event_ns"])
        if p.basis_halflife_s > 0 and tick["strike_is_oracle"] and report not in (0, last_oracle):
            last_oracle = report
            shown = by_second.get(report // SECOND, {})
            for v, price in shown.items():
                seen = observed.setdefault(v, [])
                distance = math.log(tick["oracle_px"]) - price
                weight = max(1 - 0.5 ** (1 / p.basis_halflife_s), 1 / (len(seen) + 1))
                basis[v] = distance if not seen else basis[v] + weight * (distance - basis[v])
                seen.append(distance)
        fresh = [v for v in range(8) if tick["spot_age_ms"][v] <= p.spot_stale_ms and tick["spot_px"][v] > 0]
        foreign_strike = p.basis_halflife_s > 0 and tick["strike_is_oracle"]
        known = [v for v in fresh if v in basis or not foreign_strike]
        prices = [float(tick["spot_px"][v]) * math.exp(basis.get(v, 0.0)) for v in known]
        mid = float(np.median(prices)) if prices else math.nan
        if second > last_second:
            last_second = second
            by_second[second] = {v: math.log(tick["spot_px"][v]) for v in fresh}
            if p.vol_clock > 0:
                clock.add(second, math.log(mid) if prices else math.nan)
                raw = clock.value(int(p.vol_min_samples))
                clock_sigma = p.vol_fallback if math.isnan(raw) else min(max(raw, p.vol_floor), p.vol_cap)
        sigma = clock_sigma if p.vol_clock > 0 else tick_sigma
        market = p.market_rule > 0
        strike = float(tick["strike"] if market else tick["venue_strike"])
        usable = bool(prices) if market else bool(tick["spot_age_ms"][0] <= p.spot_stale_ms)
        left = (int(tick["close_ns"]) - ts) / 1e9
        fair = math.nan
        if strike > 0 and prices and usable and sigma > 0:
            fair = plain_fair(tick, p, mid, strike, sigma, left)
        out.append({"fair_up": fair, "mid": mid, "strike": strike, "sigma": sigma, "spot_fresh": int(usable)})
    return out


def plain_fair(tick: Any, p: Any, mid: float, strike: float, sigma: float, left: float) -> float:
    """Digital price under the market's averaging rule, or the seed's spot digital."""
    if p.market_rule == 0:
        t = left / YEAR_S
        d2 = (math.log(mid / strike) + (p.rate - sigma**2 / 2) * t) / (sigma * math.sqrt(t))
        return float(math.exp(-p.rate * t) * norm.cdf(d2))
    w = float(tick["lookback_s"])
    mean, seconds = mid, left
    if w > 0 and left >= w:
        seconds = left - 2 * w / 3
    elif w > 0:
        known = tick["twap_sum"] / tick["twap_n"] if tick["twap_n"] else mid
        mean, seconds = (known * (w - left) + mid * left) / w, left**3 / (3 * w * w)
    variance = sigma**2 * seconds / YEAR_S
    return float(norm.cdf((math.log(mean / strike) - variance / 2) / math.sqrt(variance)))
