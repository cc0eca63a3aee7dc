"""What a contract is worth to somebody who knows the efficient price of some moment."""

from __future__ import annotations

import math

from arena.jit import jit
from arena.market.tape import F8
from arena.pricing import twap_digital_up


@jit
def fair_up(
    now_ns: int,
    close_ns: int,
    strike: float,
    lookback_s: int,
    origin_ns: int,
    log_price: F8,
    sigma: F8,
    report_origin_ns: int,
    report_total: F8,
) -> float:
    """Fair price of UP for somebody who knows the efficient price and the reports up to ``now_ns``."""
    spot = math.exp(log_price[(now_ns - origin_ns) // 50_000_000])
    vol = sigma[(now_ns - origin_ns) // 1_000_000_000]
    left = (close_ns - now_ns) * 1e-9
    known = spot
    if left < lookback_s:
        # Reports for the seconds of the averaging window that lie behind us.
        a = (close_ns - lookback_s * 1_000_000_000 - report_origin_ns) // 1_000_000_000 + 1
        b = (now_ns - report_origin_ns) // 1_000_000_000 + 1
        if b > a:
            known = (report_total[b] - report_total[a]) / (b - a)
    return twap_digital_up(spot, strike, vol, left, float(lookback_s), known)
