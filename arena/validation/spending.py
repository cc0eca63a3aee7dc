"""How much of the error rate each of several experiments on the same windows may spend.

Correcting each experiment for what was tried before it is not enough when experiments follow one another: if every
one may err with probability alpha, ten of them err more often than one. An online procedure gives the k-th a share of
alpha that depends only on k, and the shares add up to at most one: then the chance that *any* of however many
experiments errs is at most alpha. Foster & Stine (2008), J. R. Statist. Soc. B 70; Tian & Ramdas (2021), Statistical
Methods in Medical Research 30.
"""

from __future__ import annotations

from arena.validation.checks import inside, whole


def alpha_share(attempt: int, first: float) -> float:
    """Share of alpha for experiment number ``attempt`` (from 1): ``first``, then ``(1 - first) / (k (k - 1))``.

    The first experiment is favoured because it is the one that nothing on its windows has informed. The shares of
    the others add up to ``1 - first`` over infinitely many of them (a telescoping sum).
    """
    k, share = whole(attempt, "attempt", 1), inside(first, "first", 0.0, 1.0)
    return share if k == 1 else (1.0 - share) / (k * (k - 1))


def spent_p_value(p_value: float, attempt: int, first: float) -> float:
    """``p_value`` divided by its share of alpha, at most 1: compare it with alpha itself."""
    return min(1.0, p_value / alpha_share(attempt, first))
