"""How much of the error rate each of several experiments on the same windows may spend.

Correcting each experiment for what was tried before it is not enough when experiments follow one another: if every
one may err with probability alpha, ten of them err more often than one. An online procedure gives the k-th a share of
alpha that depends only on k, and the shares add up to at most one: then the chance that *any* of however many
experiments errs is at most alpha. Foster & Stine (2008), J. R. Statist. Soc. B 70; Tian & Ramdas (2021), Statistical
Methods in Medical Research 30.
"""

from __future__ import annotations

from arena.validation.checks import whole

FIRST_SHARE = 0.8
"""Share of the first experiment. A constant, because a sequence that may be chosen as one goes adds up to anything."""


def alpha_share(attempt: int) -> float:
    """Share of alpha for experiment number ``attempt`` (from 1): F, then ``(1 - F) / (k (k - 1))``, F = FIRST_SHARE.

    The first experiment is favoured because it is the one that nothing on its windows has informed. The shares of
    the others add up to ``1 - F`` over infinitely many of them (a telescoping sum).
    """
    k = whole(attempt, "attempt", 1)
    return FIRST_SHARE if k == 1 else (1.0 - FIRST_SHARE) / (k * (k - 1))


def spent_p_value(p_value: float, attempt: int) -> float:
    """``p_value`` divided by its share of alpha, at most 1: compare it with alpha itself."""
    return min(1.0, p_value / alpha_share(attempt))
