"""The configurations a sweep tries: the base, and a Latin hypercube around it."""

from __future__ import annotations

import numpy as np

from arena.errors import ConfigError
from arena.strategies.base import Configuration, Strategy


def latin_hypercube(
    strategy: Strategy,
    base: Configuration,
    size: int,
    rng: np.random.Generator,
    ranges: dict[str, tuple[float, float]] | None = None,
) -> tuple[Configuration, ...]:
    """``size`` distinct configurations, the first of them ``base``.

    Each searched lever is cut into ``size - 1`` equal strata and every stratum is used once (McKay,
    Beckman & Conover 1979), so that a few hundred configurations cover every lever evenly. ``ranges``
    replaces the strategy's own search ranges, and then only those levers are searched.

    Raises:
        ConfigError: a range is empty, out of the lever's bounds, or names a lever that a sweep cannot vary.
    """
    if ranges:
        chosen = {strategy.lever(name).name: span for name, span in ranges.items()}
    else:
        chosen = {lever.name: (lever.search_low, lever.search_high) for lever in strategy.levers if lever.search}
    for name, (low, high) in chosen.items():
        lever = strategy.lever(name)
        if lever.group != "decide" or not lever.looser:
            raise ConfigError(
                f"the grid cannot vary {name!r}: only gate levers with a looser direction share features."
            )
        if not lever.low <= low < high <= lever.high:
            raise ConfigError(
                f"search range {low:g} to {high:g} of {name!r} must be increasing and within "
                f"{lever.low:g} to {lever.high:g} {lever.unit}."
            )
    n = size - 1
    columns: dict[str, np.ndarray] = {}
    for name, (low, high) in chosen.items():
        u = (rng.permutation(n) + rng.random(n)) / max(n, 1)
        if strategy.lever(name).search == "log":
            columns[name] = np.exp(np.log(low) + u * (np.log(high) - np.log(low)))
        else:
            columns[name] = low + u * (high - low)
    rest = (strategy.configure(base, {name: round(float(c[k]), 6) for name, c in columns.items()}) for k in range(n))
    return tuple(dict.fromkeys([base, *rest]))
