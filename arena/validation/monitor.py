"""Watching a live strategy without a penalty for looking: the bankroll as an e-value.

If every bet is fair, the bankroll that stakes a fraction fixed before the outcome is a non-negative
martingale, so it ever reaches ``1 / alpha`` times its start with probability at most ``alpha`` (Ville 1939).
Peek as often as you like; stop for success at 20 for a 5 % error. A low bankroll is no evidence of anything.

A fraction must be decided before its slot is settled, from what was known then. Nothing here can check that.
Bets that are open at the same time belong to one slot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ValidationError
from arena.validation.checks import Floats, Ints, inside, integers, outcomes, probabilities, same_length, vector


class Bankroll(NamedTuple):
    """State of the martingale: natural log of the bankroll and of its highest value, and slots settled.

    ``Bankroll()`` is the start, a bankroll of 1.
    """

    log_value: float = 0.0
    log_peak: float = 0.0
    slots: int = 0

    @property
    def p_value(self) -> float:
        """Anytime-valid p-value ``1 / max bankroll``; it never rises."""
        return math.exp(-self.log_peak)

    def settle(self, fraction: ArrayLike, break_even: ArrayLike, won: ArrayLike) -> Bankroll:
        """The state after the bets of one slot: ``1 + sum f_i r_i`` times the bankroll.

        Shapes ``(bets,)``: bet i staked ``fraction_i`` of the bankroll at ``break_even_i``. The sum is a fair
        factor whatever the dependence between the bets. Raises :class:`ValidationError` when a fraction is
        not in [0, 1) or the fractions of the slot add up to 1 or more.
        """
        f, p, y = _bets(fraction, break_even, won)
        value = self.log_value + float(_log_factors(f, p, y, np.zeros(1, dtype=np.int64))[0])
        return Bankroll(value, max(self.log_peak, value), self.slots + 1)


@dataclass(frozen=True, slots=True)
class Monitoring:
    """The path of a bankroll that started at 1: ``log_values`` has one entry per slot in order.

    ``crossed`` is the first slot (counted from 0) at whose settlement the bankroll stood at ``1 / alpha`` or
    more, None if it never did.
    """

    log_values: Floats
    final: Bankroll
    crossed: int | None
    alpha: float


def _bets(fraction: ArrayLike, break_even: ArrayLike, won: ArrayLike) -> tuple[Floats, Floats, Floats]:
    f, p = vector(fraction, "fraction"), probabilities(break_even, "break_even", open_interval=True)
    y = outcomes(won, "won")
    same_length([("fraction", f), ("break_even", p), ("won", y)])
    wrong = (f < 0.0) | (f >= 1.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValidationError(f"fraction is {f[row]} in row {row}; it must be at least 0 and below 1.")
    return f, p, y


def _log_factors(f: Floats, p: Floats, y: Floats, starts: Ints) -> Floats:
    """Log of ``1 + sum f r`` of each slot; slot k begins at row ``starts[k]``."""
    total = np.add.reduceat(f, starts)
    if (total >= 1.0).any():
        slot = int(np.argmax(total >= 1.0))
        raise ValidationError(
            f"the fractions of the slot that begins in row {starts[slot]} add up to {total[slot]:g}; "
            "scale them to less than 1."
        )
    return np.log((1.0 - total) + np.add.reduceat(f * y / p, starts))


def monitor(
    fraction: ArrayLike, break_even: ArrayLike, won: ArrayLike, slot: ArrayLike, alpha: float = 0.05
) -> Monitoring:
    """Settle all bets in order. Shapes ``(bets,)``; ``slot`` numbers must not decrease.

    Equal to :meth:`Bankroll.settle` slot by slot. Raises :class:`ValidationError` as it does, and for slots
    out of order.
    """
    f, p, y = _bets(fraction, break_even, won)
    label = integers(slot, "slot")
    same_length([("fraction", f), ("slot", label)])
    steps = np.diff(label)
    if (steps < 0).any():
        raise ValidationError(f"slot decreases in row {int(np.argmax(steps < 0)) + 1}; sort the bets by slot.")
    target = -math.log(inside(alpha, "alpha", 0.0, 1.0))
    starts = np.concatenate(([0], np.flatnonzero(steps) + 1)).astype(np.int64)
    path = np.cumsum(_log_factors(f, p, y, starts))
    final = Bankroll(float(path[-1]), max(0.0, float(path.max())), int(path.size))
    reached = np.flatnonzero(path >= target)
    return Monitoring(path, final, int(reached[0]) if reached.size else None, alpha)


def half_kelly(win_probability: ArrayLike, break_even: ArrayLike) -> Floats:
    """Half the Kelly fraction ``(w - b)/(1 - b)`` of each bet, 0 without an edge; shapes ``(bets,)``.

    ``win_probability`` is what the strategy stated before the outcome, which makes the fraction predictable.
    A wrong statement costs power, never validity. Half, because the statement is itself an estimate.
    """
    w = probabilities(win_probability, "win_probability")
    b = probabilities(break_even, "break_even", open_interval=True)
    same_length([("win_probability", w), ("break_even", b)])
    return 0.5 * np.maximum((w - b) / (1.0 - b), 0.0)
