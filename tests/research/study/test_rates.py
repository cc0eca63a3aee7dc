"""Rates of promotion, and the two curves of self-deception."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import beta

from research.study.rates import obstacles, persistence, promotions
from research.study.records import Attempts, MarketRecord, Researcher, SeedSays
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
    assert rows[0].rule_booked is None


def test_the_seed_is_asked_for_its_rule_and_for_its_whole_method_on_both_kinds_of_books() -> None:
    found = replace(ONE, seed_honest=SeedSays(rule=True, method=False), seed_booked=SeedSays(rule=True, method=True))
    (row,) = promotions([market(0, Researcher((found,)))], 0.05)
    assert (row.rule_honest.estimate, row.method_honest.estimate) == (1.0, 0.0)
    assert row.rule_booked is not None
    assert row.method_booked is not None
    assert (row.rule_booked.estimate, row.method_booked.estimate) == (1.0, 1.0)


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


@pytest.mark.parametrize(
    ("promoted", "of", "broken", "kept"),
    [
        pytest.param(2, 10, False, False, id="2 of 10: from 2.5 % to 55.6 %"),
        pytest.param(20, 100, True, False, id="20 of 100: from 12.7 %"),
        pytest.param(0, 100, False, True, id="0 of 100: up to 3.6 %"),
    ],
)
def test_a_promise_is_broken_or_kept_when_the_whole_interval_says_so(
    promoted: int, of: int, broken: bool, kept: bool
) -> None:
    settings = Settings.of("efficient", days=1, grid=20)
    records = [market(k, Researcher((replace(ONE, edge=k < promoted),))) for k in range(of)]
    verdict = summarise(settings, records).claims[0]
    assert (verdict.broken, verdict.kept) == (broken, kept)
