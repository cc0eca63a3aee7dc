from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from arena.errors import ValidationError
from arena.validation.haircut import haircut_share, haircut_sharpe, haircut_simulated, profit_hurdle
from arena.validation.sharpe import aggregation_factor

YEAR = math.sqrt(12.0)
# Harvey & Liu (2015) Exhibit 5: 120 months, annual Sharpe 1, autocorrelation 0.1, average correlation 0.4.
EXHIBIT_5 = 1.0 / YEAR * aggregation_factor(12, 0.1 ** np.arange(1, 12)) / YEAR


def test_exhibit_five_bonferroni_is_as_printed() -> None:
    h = haircut_sharpe(EXHIBIT_5, 120, 100, "bonferroni")
    assert h.sharpe * YEAR == pytest.approx(0.912, abs=5e-4)
    assert h.adjusted == pytest.approx(0.465, abs=5e-4)
    assert h.haircut_sharpe * YEAR == pytest.approx(0.232, abs=5e-4)
    assert h.share == pytest.approx(0.746, abs=5e-4)


@pytest.mark.parametrize(("method", "adjusted", "left"), [("holm", 0.409, 0.262), ("bhy", 0.169, 0.438)])
def test_exhibit_five_simulated_methods_are_within_their_noise(method: Any, adjusted: float, left: float) -> None:
    # The authors' code puts 100 other tests beside the one at hand.
    h = haircut_simulated(EXHIBIT_5, 120, 101, method, np.random.default_rng(0), correlation=0.4)
    assert h.adjusted == pytest.approx(adjusted, abs=0.01)
    assert h.haircut_sharpe * YEAR == pytest.approx(left, abs=0.01)


# A public transcription of Haircut_SR.m and sample_random_multests.m, 2,000 families; it states its own
# spread over seeds: 0.0003 for Holm, 0.0045 for BHY.
@pytest.mark.parametrize(
    ("sharpe", "months", "others", "holm", "bhy"),
    [
        (1.0, 240, 100, 0.7372469386728714, 0.7605725858413966),
        (1.0, 240, 315, 0.6588395495840108, 0.739384506502619),
        (0.75, 120, 315, 0.0, 0.15108679381138554),
        (0.3, 240, 315, 0.0, 0.0008803790037889812),
    ],
)
def test_simulated_haircuts_are_those_of_the_authors_code(
    sharpe: float, months: int, others: int, holm: float, bhy: float
) -> None:
    rng = np.random.default_rng(1)
    ours = [haircut_simulated(sharpe / YEAR, months, others + 1, m, rng) for m in ("holm", "bhy")]
    assert ours[0].haircut_sharpe * YEAR == pytest.approx(holm, abs=0.002)
    assert ours[1].haircut_sharpe * YEAR == pytest.approx(bhy, abs=0.02)


def test_a_strong_sharpe_ratio_keeps_a_finite_haircut() -> None:
    # 1 - tcdf is 0 here.
    h = haircut_sharpe(1.2, 240, 100, "bonferroni")
    assert 1.0 - student.cdf(1.2 * math.sqrt(240), 239) == 0.0
    assert 0.0 < h.adjusted < 1e-40
    assert 0.0 < h.haircut_sharpe < h.sharpe


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 0.5), st.integers(10, 2000), st.integers(1, 1000), st.sampled_from(["student", "normal"]))
def test_more_tests_cut_more_and_bonferroni_at_least_as_much_as_sidak(
    sr: float, count: int, tests: int, limit: Any
) -> None:
    b, s, more = (
        haircut_sharpe(sr, count, m, method, limit=limit)  # type: ignore[arg-type]
        for m, method in ((tests, "bonferroni"), (tests, "sidak"), (tests + 1, "sidak"))
    )
    assert 0.0 <= b.haircut_sharpe <= s.haircut_sharpe * (1 + 1e-9) <= sr * (1 + 1e-9)
    assert more.share >= s.share - 1e-9
    assert haircut_sharpe(sr, count, 1, limit=limit).share == pytest.approx(0.0, abs=1e-9)


def test_the_t_statistic_is_the_sharpe_over_its_error() -> None:
    plain, doubled = haircut_sharpe(0.3, 100, 10), haircut_sharpe(0.3, 100, 10, error=0.2)
    assert plain == haircut_sharpe(0.3, 100, 10, error=0.1)
    assert doubled.p_value == pytest.approx(2 * student.sf(1.5, 99))
    assert doubled.haircut_sharpe == pytest.approx(0.2 * student.isf(doubled.adjusted / 2, 99))


def test_student_has_heavier_tails_than_its_limit() -> None:
    assert haircut_sharpe(0.3, 50, 1).p_value > haircut_sharpe(0.3, 50, 1, limit="normal").p_value


def test_simulated_families_follow_their_generator_their_size_and_their_correlation() -> None:
    def share(seed: int = 0, tests: int = 50, method: Any = "bhy", **options: Any) -> float:
        return haircut_simulated(0.25, 120, tests, method, np.random.default_rng(seed), draws=100, **options).share

    assert share() == share()
    assert share(1) != share()
    assert share(tests=500) > share()
    assert share(method="holm") > share()
    assert share(correlation=0.8) > share(correlation=0.0)
    assert share(tests=1) == pytest.approx(0.0, abs=1e-9)


def test_the_hurdle_grows_with_risk_and_tests_and_shrinks_with_time() -> None:
    base = profit_hurdle(0.02, 100, 10)
    assert profit_hurdle(0.04, 100, 10) == pytest.approx(2 * base)
    assert profit_hurdle(0.02, 400, 10) == pytest.approx(base / 2)
    assert profit_hurdle(0.02, 100, 11) > base > profit_hurdle(0.02, 100, 10, method="sidak")
    assert profit_hurdle(0.02, 100, 10, alpha=0.10) < base
    assert profit_hurdle(1.0, 1, 1) == pytest.approx(1.959963984540054)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: haircut_sharpe(0.0, 100, 10), "positive"),
        (lambda: haircut_sharpe(0.1, 1, 10), "count"),
        (lambda: haircut_sharpe(0.1, 100, 0), "tests"),
        (lambda: haircut_sharpe(0.1, 100, 10, "holm"), "method"),  # type: ignore[arg-type]
        (lambda: haircut_sharpe(0.1, 100, 10, limit="cauchy"), "limit"),  # type: ignore[arg-type]
        (lambda: haircut_sharpe(0.1, 100, 10, error=0.0), "error"),
        (lambda: haircut_sharpe(9.0, 1000, 10, limit="normal"), "p-value below"),
        (lambda: haircut_simulated(0.1, 100, 10, "sidak", np.random.default_rng(0)), "method"),  # type: ignore[arg-type]
        (lambda: haircut_simulated(0.1, 100, 10, "holm", np.random.default_rng(0), correlation=0.9), "correlation"),
        (lambda: haircut_share(0.1, 0.05), "adjustment raises"),
        (lambda: haircut_share(0.0, 0.05), "between 0 and 1"),
        (lambda: profit_hurdle(0.0, 100, 10), "deviation"),
        (lambda: profit_hurdle(0.1, 100, 10, alpha=1.0), "alpha"),
        (lambda: profit_hurdle(0.1, 100, 10, method="bhy"), "method"),  # type: ignore[arg-type]
    ],
)
def test_haircuts_without_meaning_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        call()
