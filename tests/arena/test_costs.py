from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.costs import COST_MODELS, CostModel, cost_model, entry_cost_per_share, fee_per_share
from arena.engine.execution import charge, execution_model
from arena.errors import ConfigError
from arena.units import MICRO

VENUE = COST_MODELS["venue"]
cents = st.integers(1, 999).map(lambda k: k / 1000)


@pytest.mark.parametrize(
    ("price", "per_share", "bps", "break_even"),
    [
        (0.1, 0.00630, 630, 0.1063),
        (0.3, 0.01470, 490, 0.3147),
        (0.5, 0.01750, 350, 0.5175),
        (0.7, 0.01470, 210, 0.7147),
        (0.9, 0.00630, 70, 0.9063),
    ],
)
def test_the_fee_in_force_since_april_2026(price: float, per_share: float, bps: float, break_even: float) -> None:
    """Venue notes, section 2.1."""
    fee = fee_per_share(price, 0.07, 1.0)
    assert fee == pytest.approx(per_share, abs=1e-12)
    assert fee / price * 1e4 == pytest.approx(bps, abs=1e-8)
    assert entry_cost_per_share(price, 0.07, 1.0, VENUE) == pytest.approx(break_even, abs=1e-12)


@pytest.mark.parametrize(("price", "per_hundred"), [(0.10, "0.20"), (0.50, "1.56"), (0.99, "0.0025")])
def test_the_fee_of_early_2026(price: float, per_hundred: str) -> None:
    """Published examples per 100 shares, rounded as published."""
    places = Decimal(per_hundred)
    assert Decimal(100 * fee_per_share(price, 0.25, 2.0)).quantize(places, ROUND_HALF_UP) == places


def test_an_order_seen_on_chain_was_charged_to_the_fifth_decimal() -> None:
    notional, fee = charge(108 * MICRO, 0.36, 0.07, 1.0, VENUE)
    assert Decimal(fee) / MICRO == Decimal("1.74182")
    assert Decimal(notional) / MICRO == Decimal("38.88")


def test_flat_presets_are_the_seeds_basis_points_of_stake() -> None:
    assert charge(200 * MICRO, 0.5, 0.07, 1.0, COST_MODELS["seed-default"]) == (100 * MICRO, 180_000)
    assert charge(200 * MICRO, 0.5, 0.07, 1.0, COST_MODELS["seed-tuned"]) == (100 * MICRO, 20_000)


def test_an_unknown_cost_model_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'free'.*venue"):
        cost_model("free")
    assert cost_model("venue") is VENUE


@given(cents, st.integers(1, 10**10))
def test_rounding_never_undercharges_the_notional(price: float, shares: int) -> None:
    exact = Decimal(str(price)) * shares
    notional, _ = charge(shares, price, 0.07, 1.0, VENUE)
    assert exact <= notional < exact + 1


@given(cents, st.integers(1, 10**10), st.sampled_from([(0.07, 1.0), (0.25, 2.0)]))
def test_the_fee_is_the_curve_to_the_nearest_fifth_decimal(
    price: float, shares: int, curve: tuple[float, float]
) -> None:
    p = Decimal(str(price))
    exact = Decimal(str(curve[0])) * (p * (1 - p)) ** int(curve[1]) * shares
    _, fee = charge(shares, price, *curve, VENUE)
    assert fee % 10 == 0
    assert abs(Decimal(fee) - exact) <= Decimal("5.001")


@given(cents, st.floats(0.0, 0.1), st.floats(0.0, 0.01))
def test_cost_rises_with_every_part_of_the_model(price: float, rate: float, flat: float) -> None:
    none = entry_cost_per_share(price, rate, 1.0, CostModel(0.0, 0.0))
    assert none == price
    assert entry_cost_per_share(price, rate, 1.0, CostModel(flat, 0.0)) >= none
    assert entry_cost_per_share(price, rate, 1.0, CostModel(flat, 1.0)) >= entry_cost_per_share(
        price, rate, 1.0, CostModel(flat, 0.0)
    )


@pytest.mark.parametrize("changed", [(0.4, 0.07, 1.0), (0.3, 0.06, 1.0), (0.3, 0.07, 2.0)])
def test_every_argument_of_the_fee_matters(changed: tuple[float, float, float]) -> None:
    assert fee_per_share(*changed) != fee_per_share(0.3, 0.07, 1.0)


def test_execution_models_are_chosen_by_name() -> None:
    assert execution_model("touch", 70.0) == (0, 0, 0)
    assert execution_model("latency", 12.5) == (1, 12_500_000, 1)
    with pytest.raises(ConfigError, match=r"'market'.*touch, latency"):
        execution_model("market")
    with pytest.raises(ConfigError, match="-1"):
        execution_model("latency", -1)
