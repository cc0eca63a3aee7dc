"""How large a bet is: the seed's sizing rule and its adaptive multiplier, as transition functions.

Amounts are integer micro-dollars; rates and multipliers are plain fractions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from arena.jit import Record, jit
from arena.units import MICRO

MULTIPLIER_FLOOR = 0.25

ALLOCATOR_DTYPE = np.dtype(
    [
        ("trades", np.int64),
        ("wins", np.int64),
        ("ema_return", np.float64),
        ("ema_downside", np.float64),
        ("ema_variance", np.float64),
    ]
)
"""Per-strategy memory of the adaptive allocator: settled trades, wins and three EMAs of returns."""


class Account(NamedTuple):
    """Account-level levers.

    Attributes:
        position_pct: base stake, percent of available cash.
        max_fraction: largest share of cash in one position, a fraction.
        min_bet_usd: smaller bets are skipped, USD.
        allocator: 1 scales stakes by the seed's adaptive multiplier, 0 leaves them alone.
        ema_alpha: smoothing of the allocator's EMAs per settled trade.
        multiplier_cap: highest multiplier the allocator publishes.
        multiplier_clamp: highest multiplier the sizing step accepts.
        strategy_cap, family_cap, global_cap: largest committed share of equity.
        bankroll_usd: starting cash, USD.
    """

    position_pct: float = 3.5
    max_fraction: float = 0.35
    min_bet_usd: float = 10.0
    allocator: float = 1.0
    ema_alpha: float = 0.05
    multiplier_cap: float = 2.0
    multiplier_clamp: float = 3.0
    strategy_cap: float = 0.35
    family_cap: float = 0.60
    global_cap: float = 0.90
    bankroll_usd: float = 1000.0


@jit
def allocator_update(state: Record, trade_return: float, alpha: float) -> None:
    """Fold one settled return (pnl / notional) into the EMAs.

    The variance uses the already updated mean and starts at 0, as the seed does (biased low by
    ``(1 - alpha)^2``).
    """
    downside = max(0.0, -trade_return)
    if state.trades == 0:
        state.ema_return = trade_return
        state.ema_downside = downside
        state.ema_variance = 0.0
    else:
        state.ema_return = (1.0 - alpha) * state.ema_return + alpha * trade_return
        state.ema_downside = (1.0 - alpha) * state.ema_downside + alpha * downside
        deviation = trade_return - state.ema_return
        state.ema_variance = (1.0 - alpha) * state.ema_variance + alpha * deviation * deviation
    state.trades += 1
    if trade_return >= 0.0:
        state.wins += 1


@jit
def allocator_multiplier(state: Record, cap: float) -> float:
    """The seed's stake multiplier from the EMAs, between 0.25 and ``cap`` (0.80-1.20 under 30 trades)."""
    n = state.trades
    if n == 0:
        return 1.0
    win_rate = state.wins / n
    confidence = min(1.0, n / 40.0)
    sharpe = state.ema_return / math.sqrt(max(1e-6, state.ema_variance))
    quality = sharpe / 0.55 + (win_rate - 0.5) * 1.4
    if n < 30:
        return float(min(1.20, max(0.80, 1.0 + 0.20 * quality * confidence)))
    if state.ema_return <= -0.25:
        return MULTIPLIER_FLOOR
    if n >= 40 and win_rate <= 0.35 and state.ema_return <= -0.15:
        return MULTIPLIER_FLOOR
    penalty = state.ema_downside * (1.2 + (1.0 - confidence) * 0.6)
    return float(min(cap, max(MULTIPLIER_FLOOR, 1.0 + 0.45 * quality * confidence - penalty)))


@jit
def bet_size(cash: int, headroom: int, multiplier: float, account: Account) -> int:
    """Stake of the next bet, micro-dollars; 0 = skip.

    Base share of cash, capped at ``max_fraction``, times the clamped multiplier, capped again, cut to
    the ``headroom`` left under the caps; anything under the minimum at either step is 0.
    """
    minimum = account.min_bet_usd * MICRO
    ceiling = cash * account.max_fraction
    base = min(cash * account.position_pct / 100.0, ceiling)
    if base < minimum:
        return 0
    size = min(base * min(max(multiplier, 0.0), account.multiplier_clamp), ceiling, float(headroom))
    return int(size) if size >= minimum else 0
