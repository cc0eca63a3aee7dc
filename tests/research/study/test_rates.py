"""Rates of promotion, and the two curves of self-deception."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import beta

from research.study.rates import obstacles, persistence, promotions
from research.study.records import Attempts, MarketRecord, Researcher
from research.study.settings import Settings
from research.study.summary import summarise
from tests.research.study.test_power import ONE


def market(run: int, *researchers: Researcher) -> MarketRecord:
    return MarketRecord(run, 0, researchers)


def tried(p_values: tuple[float, ...], adjusted: tuple[float | None, ...]) -> Researcher:
    return Researcher((ONE,), Attempts(p_values, adjusted))


def test_researchers_are_counted_over_all_markets_and_draws() -> None:
    honest = replace(ONE, adjusted_p=None, naive=False)
    rows = promotions([market(0, Researcher((ONE,)), Researcher((honest,))), market(1, Researcher((honest,)))], 0.05)
    assert rows[0].researchers == 3
    assert rows[0].naive.estimate == pytest.approx(1 / 3)
    assert rows[0].discovery.estimate == pytest.approx(1 / 3)
    assert rows[0].verdict.estimate == 0.0
    assert rows[0].seed_booked is None


def test_intervals_are_clopper_and_pearson_s() -> None:
    rows = promotions([market(k, Researcher((replace(ONE, edge=k < 2),))) for k in range(20)], 0.05)
    assert rows[0].verdict.lower == pytest.approx(beta.ppf(0.025, 2, 19))
    assert rows[0].verdict.upper == pytest.approx(beta.ppf(0.975, 3, 18))


def test_a_p_value_at_the_level_is_not_a_discovery() -> None:
    rows = promotions([market(0, Researcher((replace(ONE, adjusted_p=0.05),)))], 0.05)
    assert rows[0].discovery.estimate == 0.0


def test_one_attempt_that_passed_is_enough_from_then_on() -> None:
    records = [
        market(0, tried((0.3, 0.01, 0.6), (None, 0.2, None))),
        market(1, tried((0.01, 0.3, 0.02), (0.0125, None, 0.4))),
    ]
    rows = persistence(records, 0.05)
    assert [row.alone.estimate for row in rows] == [0.5, 1.0, 1.0]
    assert [row.ledger.estimate for row in rows] == [0.5, 0.5, 0.5]


def test_obstacles_are_counted_once_per_researcher_the_busiest_first() -> None:
    found = [replace(ONE, failed=("profit",)), replace(ONE, failed=("power", "profit"))]
    assert [(o.gate, o.researchers) for o in obstacles(found)] == [("profit", 2), ("power", 1)]


def test_a_promise_is_broken_only_when_the_whole_interval_lies_above_it() -> None:
    settings = Settings.of("efficient", days=1, grid=20)
    few = summarise(settings, [market(k, Researcher((replace(ONE, edge=k < 2),))) for k in range(10)])
    assert few.claims[0].holds  # 2 of 10: 95 % interval from 2.5 %
    many = summarise(settings, [market(k, Researcher((replace(ONE, edge=k < 20),))) for k in range(100)])
    assert not many.claims[0].holds  # 20 of 100: from 12.7 %
