"""How the maker quotes around a fair value: patiently, with a spread that widens, and with sizes that come and go."""

from __future__ import annotations

import math

from arena.jit import jit
from arena.lab.fair import Knowledge, fair_up
from arena.market.tape import F8, I8

NARROWS = 0.25
"""Chance that a refresh closes a spread of more than one tick again (assumed)."""


@jit
def make_quotes(
    open_ns: I8,
    strike: F8,
    known: Knowledge,
    interval_s: int,
    lookback_s: int,
    step_ms: int,
    lag_ms: int,
    patience: float,
    fee_rate: float,
    fee_exponent: float,
    fine_below: float,
    left_edges_s: F8,
    wide_ticks: F8,
    refresh_probability: F8,
    quiet_probability: float,
    off_start_ns: I8,
    off_stop_ns: I8,
    off_shift: F8,
    uniform: F8,
    event: I8,
    window: I8,
    bid: F8,
    ask: F8,
    tick_size: F8,
) -> int:
    """The maker's UP quotes: one row per price change or size refresh. Returns the number of rows.

    A quote stands until the fair value lies beyond it by more than ``patience`` times the taker fee: whoever takes
    a standing quote then pays at least ``1 - patience`` of the fee above its value. The quote follows by the
    shortest way: the side that was passed moves to the edge of the tolerance.
    """
    n = 0
    spell = 0
    steps = interval_s * 1000 // step_ms
    for w in range(open_ns.shape[0]):
        close_ns = open_ns[w] + interval_s * 1_000_000_000
        last_bid, last_ask, last_tick = -1.0, -1.0, 0.0
        for k in range(steps):
            draw = w * steps + k
            # The maker acts at an uneven pace, but prices what it knows at the very instant it acts.
            now = open_ns[w] + int((k + uniform[1, draw]) * step_ms * 1_000_000)
            seen = now - lag_ms * 1_000_000
            fair = fair_up(seen, close_ns, strike[w], lookback_s, known)
            while spell < off_start_ns.shape[0] and off_stop_ns[spell] <= now:
                spell += 1
            if spell < off_start_ns.shape[0] and off_start_ns[spell] <= now:
                fair = min(max(fair + off_shift[spell], 0.0), 1.0)
            place = 0
            while place < left_edges_s.shape[0] and (close_ns - now) * 1e-9 > left_edges_s[place]:
                place += 1
            tick = 0.001 if fair < fine_below or fair > 1.0 - fine_below else 0.01
            tolerance = patience * fee_rate * (fair * (1.0 - fair)) ** fee_exponent
            refresh = quiet_probability if last_bid <= 0.0 or last_ask >= 1.0 else refresh_probability[place]
            b_px, a_px = last_bid, last_ask
            if tick != last_tick or fair > last_ask + tolerance or fair < last_bid - tolerance:
                width = 1 + _geometric(uniform[2, draw], wide_ticks[place])
                if tick == last_tick and fair > last_ask + tolerance:
                    top = math.ceil((fair - tolerance) / tick - 1e-9)
                    bottom = top - width
                elif tick == last_tick:
                    bottom = math.floor((fair + tolerance) / tick + 1e-9)
                    top = bottom + width
                else:
                    bottom = math.floor(fair / tick)
                    top = bottom + width
                b_px = round(max(bottom * tick, 0.0), 4)
                a_px = round(min(top * tick, 1.0), 4)
            elif uniform[0, draw] >= refresh:
                continue
            elif a_px - b_px > 1.5 * tick and uniform[2, draw] < NARROWS:
                if a_px - fair > fair - b_px and fair <= b_px + tick + tolerance:
                    a_px = round(b_px + tick, 4)
                elif fair >= a_px - tick - tolerance:
                    b_px = round(a_px - tick, 4)
            event[n] = now
            window[n] = w
            bid[n] = b_px
            ask[n] = a_px
            tick_size[n] = tick
            n += 1
            last_bid, last_ask, last_tick = b_px, a_px, tick
    return n


@jit
def _geometric(uniform: float, mean: float) -> int:
    """Number of failures before a success with the given mean, from one uniform draw."""
    if mean <= 0.0:
        return 0
    return int(math.log(1.0 - uniform) / math.log(mean / (1.0 + mean)))
