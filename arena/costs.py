"""What a taker pays to enter, and the named cost models.

A *flat* cost is a fraction of the stake (the seed's model); the venue's fee is dollars per share,
``rate * (p (1-p))**exponent``, read per market from its recorded metadata or the dated venue table.
"""

from __future__ import annotations

from typing import NamedTuple

from arena.errors import ConfigError
from arena.jit import jit


class CostModel(NamedTuple):
    """How an entry is charged.

    Attributes:
        flat_rate: cost as a fraction of the stake (10 bps = 0.001).
        fee_weight: 1 charges the market's own fee curve, 0 ignores it.
    """

    flat_rate: float
    fee_weight: float


COST_MODELS: dict[str, CostModel] = {
    "venue": CostModel(flat_rate=0.0, fee_weight=1.0),
    "seed-default": CostModel(flat_rate=0.0018, fee_weight=0.0),
    "seed-tuned": CostModel(flat_rate=0.0002, fee_weight=0.0),
}
"""``venue``: the dated fee curve of the market. ``seed-default``: 10 + 8 bps of stake.
``seed-tuned``: 0 + 2 bps. The last two exist for ablation only."""


def cost_model(name: str) -> CostModel:
    """The named cost model.

    Raises:
        ConfigError: no such name.
    """
    if name not in COST_MODELS:
        raise ConfigError(f"unknown cost model {name!r}; choose one of {', '.join(COST_MODELS)}.")
    return COST_MODELS[name]


@jit
def fee_per_share(price: float, fee_rate: float, fee_exponent: float) -> float:
    """Polymarket's taker fee in dollars per share: ``rate * (p (1-p))**exponent``.

    ``rate`` 0.07 with exponent 1 since 2026-03-30, 0.25 with exponent 2 before.
    """
    base = price * (1.0 - price)
    if fee_exponent != 1.0:
        base = base**fee_exponent
    return fee_rate * base


@jit
def entry_cost_per_share(price: float, fee_rate: float, fee_exponent: float, costs: CostModel) -> float:
    """Price plus everything charged on entry, dollars per share."""
    return price * (1.0 + costs.flat_rate) + costs.fee_weight * fee_per_share(price, fee_rate, fee_exponent)
