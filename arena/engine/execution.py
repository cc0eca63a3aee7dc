"""Execution models: what becomes of an order between the decision and the fill.

``touch`` is the seed's: full size at the ask that was seen, at once. ``latency`` is the venue's: the
order travels, waits the venue's taker delay, then meets the book *as the venue had it at that moment*,
takes what is displayed at or below its limit, level by level, and the rest is cancelled (FAK).
"""

from __future__ import annotations

from typing import NamedTuple

from arena.costs import CostModel, fee_per_share
from arena.errors import ConfigError
from arena.jit import jit
from arena.market.tape import F8
from arena.units import MICRO

DEFAULT_NETWORK_MS = 50
_TICK_TOLERANCE = 1e-9


class ExecutionModel(NamedTuple):
    """How orders are filled.

    Attributes:
        meets_book: 1 = the order meets the venue's book on arrival, 0 = it fills as seen.
        network_ns: travel time from decision to venue, ns.
        delay_weight: 1 = the venue's taker delay applies, 0 = it does not.
    """

    meets_book: int
    network_ns: int
    delay_weight: int


MODELS = ("touch", "latency")


def execution_model(name: str, network_ms: float = DEFAULT_NETWORK_MS) -> ExecutionModel:
    """The named execution model; ``network_ms`` is the one-way travel time of ``latency``.

    Raises:
        ConfigError: no such model, or a negative travel time.
    """
    if network_ms < 0:
        raise ConfigError(f"network time {network_ms} ms is negative.")
    if name == "touch":
        return ExecutionModel(0, 0, 0)
    if name == "latency":
        return ExecutionModel(1, int(network_ms * 1_000_000), 1)
    raise ConfigError(f"unknown execution model {name!r}; choose one of {', '.join(MODELS)}.")


@jit
def charge(shares: int, price: float, fee_rate: float, fee_exponent: float, costs: CostModel) -> tuple[int, int]:
    """Notional and fee of buying ``shares`` micro-shares at ``price``, both in micro-dollars.

    The notional rounds up, against us; the venue fee rounds to 5 decimals as the venue's does.
    """
    exact = shares * price
    notional = int(exact)
    if exact - notional > 1e-6:
        notional += 1
    venue = costs.fee_weight * fee_per_share(price, fee_rate, fee_exponent) * shares
    fee = int(venue / 10.0 + 0.5) * 10 + int(costs.flat_rate * exact + 0.5)
    return notional, fee


@jit
def take_levels(
    price: F8, size: F8, limit: float, wanted: int, fee_rate: float, fee_exponent: float, costs: CostModel
) -> tuple[int, int, int]:
    """Buy up to ``wanted`` micro-shares from one side's levels at or below ``limit``.

    ``price`` and ``size`` (shares) are best first, NaN-padded. Returns filled micro-shares, notional
    and fee in micro-dollars.
    """
    filled, notional, fee = 0, 0, 0
    for k in range(price.shape[0]):
        if not price[k] <= limit + _TICK_TOLERANCE:
            break
        lot = min(wanted - filled, int(size[k] * MICRO))
        if lot <= 0:
            continue
        n, f = charge(lot, price[k], fee_rate, fee_exponent, costs)
        filled += lot
        notional += n
        fee += f
        if filled == wanted:
            break
    return filled, notional, fee
