from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.multiple import benjamini_hochberg, benjamini_yekutieli, bonferroni, hochberg, holm, sidak

ALL = [bonferroni, sidak, holm, hochberg, benjamini_hochberg, benjamini_yekutieli]
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize("adjust", ALL)
@settings(max_examples=40, deadline=None)
@given(values=p_values, seed=st.integers(0, 1000))
def test_adjustment_keeps_order_never_helps_and_ignores_position(
    adjust: Callable[[object], np.ndarray], values: list[float], seed: int
) -> None:
    p = np.array(values)
    q = adjust(p)
    assert ((q >= p - 1e-15) & (q <= 1.0)).all()
    assert (np.diff(q[np.argsort(p)]) >= -1e-15).all()
    order = np.random.default_rng(seed).permutation(p.size)
    np.testing.assert_allclose(adjust(p[order]), q[order], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(p_values, st.floats(0.001, 0.3))
def test_step_procedures_reject_what_their_textbook_rules_reject(values: list[float], level: float) -> None:
    p = np.array(values)
    ordered, m = np.sort(p), p.size
    down = next((k for k in range(m) if ordered[k] > level / (m - k)), m)
    assert (holm(p) <= level * (1 + 1e-12)).sum() >= down
    assert (holm(p) <= level * (1 - 1e-12)).sum() <= down
    up = max((k + 1 for k in range(m) if ordered[k] <= level / (m - k)), default=0)
    assert (hochberg(p) <= level * (1 + 1e-12)).sum() >= up
    assert (hochberg(p) <= level * (1 - 1e-12)).sum() <= up
    up = max((k + 1 for k in range(m) if ordered[k] <= level * (k + 1) / m), default=0)
    assert (benjamini_hochberg(p) <= level * (1 + 1e-12)).sum() >= up
    assert (benjamini_hochberg(p) <= level * (1 - 1e-12)).sum() <= up


@settings(max_examples=40, deadline=None)
@given(p_values)
def test_methods_are_ordered_from_strict_to_lenient(values: list[float]) -> None:
    p = np.array(values)
    assert (bonferroni(p) >= sidak(p) - 1e-15).all()
    assert (bonferroni(p) >= holm(p) - 1e-15).all()
    assert (holm(p) >= hochberg(p) - 1e-15).all()
    assert (hochberg(p) >= benjamini_hochberg(p) - 1e-15).all()
    assert (benjamini_yekutieli(p) >= benjamini_hochberg(p) - 1e-15).all()


def test_a_family_counts_tests_that_are_not_shown() -> None:
    assert bonferroni([0.01], family=20)[0] == pytest.approx(0.2)
    assert sidak([0.01], family=20)[0] == pytest.approx(1 - 0.99**20)
    with pytest.raises(ValidationError, match="family"):
        sidak([0.1, 0.2], family=1)


def test_sidak_keeps_the_precision_of_tiny_p_values() -> None:
    assert sidak([1e-20], family=100)[0] == pytest.approx(1e-18)
    assert sidak([0.0, 1.0]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("adjust", ALL)
@pytest.mark.parametrize("bad", [[0.1, 1.2], [float("nan")], []])
def test_values_that_are_no_probabilities_are_refused(adjust: Callable[[object], np.ndarray], bad: list[float]) -> None:
    with pytest.raises(ValidationError):
        adjust(bad)
