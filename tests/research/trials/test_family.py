"""The family of an evaluation: what counts as earlier, and how many independent hypotheses it amounts to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ValidationError
from arena.validation.checks import Floats
from arena.validation.effective import cluster_trials, optimal_clusters, trial_correlation
from research.trials.family import MOST_COMPARED, Family, family_of
from research.trials.ledger import TrialLedger
from research.trials.records import TrialTable
from research.trials.sketch import DIMENSIONS
from tests.research.trials.conftest import MARKET, STEP_NS, look_at, seen

SLOTS = 800


def blocks(count: int, per_block: int, shared: float = 0.9, seed: int = 0, slots: int = SLOTS) -> Floats:
    """Returns of trials in blocks whose members correlate by ``shared`` and with nobody else."""
    rng = np.random.default_rng(seed)
    common = np.repeat(rng.standard_normal((slots, count)), per_block, axis=1)
    own = rng.standard_normal((slots, count * per_block))
    returns: Floats = np.sqrt(shared) * common + np.sqrt(1.0 - shared) * own
    return returns


class History:
    """Looks at one ledger, each with configurations of its own."""

    def __init__(self, ledger: TrialLedger) -> None:
        self.ledger = ledger
        self.used = 0

    def begin(self, configurations: int, **changes: object) -> int:
        grid = [{"edge": float(self.used + k)} for k in range(configurations)]
        self.used += configurations
        return self.ledger.begin(look_at(SLOTS, **changes), grid)  # type: ignore[arg-type]

    def finish(self, returns: Floats, **changes: object) -> None:
        self.ledger.finish(self.begin(returns.shape[1], **changes), seen(returns))

    def family(self, **changes: object) -> Family:
        asked = look_at(SLOTS)
        fields: dict[str, object] = {
            "evaluation": "mine",
            "market": MARKET,
            "first_ns": asked.first_ns,
            "last_ns": asked.last_ns,
            "slots": SLOTS,
            "rng": np.random.default_rng(0),
        }
        trials, looks = self.ledger.trials("BTC_5M", "recorded"), self.ledger.looks("BTC_5M")
        return family_of(trials, looks, **(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def history(ledger: TrialLedger) -> History:
    return History(ledger)


def test_with_nothing_in_the_ledger_a_result_is_one_hypothesis(history: History) -> None:
    found = history.family()
    assert (found.trials, found.earlier, found.effective, found.sidak_family, found.ideas) == (0, 0, 0, 1, 0)
    assert (found.variance, found.clusters, found.cluster_variance) == (None, None, None)


def test_what_was_looked_at_after_an_evaluation_does_not_count_when_it_is_repeated(history: History) -> None:
    history.finish(blocks(3, 10), evaluation="first", kind="walk-forward")
    history.finish(blocks(2, 10), evaluation="mine", kind="walk-forward")
    before = history.family()
    history.finish(blocks(4, 10), evaluation="later", kind="walk-forward")
    again = history.family()
    assert before.earlier == 30
    assert (again.earlier, again.effective, again.attempt) == (before.earlier, before.effective, before.attempt)
    assert again.trials == before.trials + 40


def test_every_walk_forward_on_the_same_windows_is_an_attempt_and_nothing_else_is(history: History) -> None:
    assert history.family().attempt == 1
    history.finish(blocks(1, 5), evaluation="sliders", kind="slider")
    history.finish(blocks(1, 5), evaluation="one", kind="walk-forward")
    history.finish(blocks(1, 5), evaluation="one", kind="walk-forward")
    history.begin(5, evaluation="two", kind="walk-forward")
    history.finish(blocks(1, 5), evaluation="elsewhere", kind="walk-forward", market="polymarket/ETH/300s")
    assert history.family().attempt == 3


def test_the_own_grid_counts_as_trials_but_not_as_earlier_hypotheses(history: History) -> None:
    history.finish(blocks(3, 10), evaluation="mine")
    found = history.family()
    assert (found.trials, found.earlier, found.sidak_family) == (30, 0, 1)
    assert found.clusters == 3


def test_everything_ever_begun_is_in_the_raw_count(history: History) -> None:
    history.finish(blocks(1, 5), evaluation="mine")
    history.ledger.fail(history.begin(7, evaluation="e2"), "killed")
    history.begin(4, evaluation="e3", market="polymarket/ETH/300s")
    assert history.family().trials == 16


@pytest.mark.parametrize(
    ("begin", "earlier"), [(-SLOTS, 0), (-SLOTS + 1, 1), (-1, 1), (0, 1), (SLOTS - 1, 1), (SLOTS, 0), (SLOTS + 1, 0)]
)
def test_only_spans_that_overlap_inform(history: History, begin: int, earlier: int) -> None:
    history.begin(1, begin=begin)
    assert history.family().earlier == earlier
    assert history.family().effective == earlier


def test_another_market_informs_nobody(history: History) -> None:
    history.begin(3, market="polymarket/ETH/300s")
    assert history.family().effective == 0
    assert history.family(market="polymarket/ETH/300s").effective == 3


def test_the_same_bets_under_many_configurations_are_one_hypothesis(history: History) -> None:
    one = np.random.default_rng(0).standard_normal((SLOTS, 1))
    history.finish(np.repeat(one, 50, axis=1))
    assert (history.family().earlier, history.family().effective, history.family().sidak_family) == (50, 1, 2)


def test_four_blocks_of_nearly_equal_trials_are_about_four_hypotheses(history: History) -> None:
    history.finish(blocks(4, 12, shared=0.97))
    assert 4 <= history.family().effective <= 6


def test_independent_trials_each_count(history: History) -> None:
    history.finish(np.random.default_rng(0).standard_normal((SLOTS, 60)))
    assert 57 <= history.family().effective <= 60


def test_hypotheses_are_never_fewer_than_ideas(history: History) -> None:
    one = np.random.default_rng(0).standard_normal((SLOTS, 1))
    for idea in ("fade", "ride", "wait"):
        history.finish(np.repeat(one, 5, axis=1), idea=idea)
    assert (history.family().ideas, history.family().effective) == (3, 3)


def test_trials_that_never_bet_are_an_idea_and_nothing_more(history: History) -> None:
    history.finish(np.zeros((SLOTS, 40)))
    assert (history.family().earlier, history.family().effective) == (40, 1)
    assert history.family().variance is None


def test_without_any_outcome_every_trial_counts(history: History) -> None:
    history.begin(6, evaluation="e1")
    history.ledger.fail(history.begin(5, evaluation="e2"), "killed")
    assert history.family().effective == 11


def test_lost_trials_of_an_evaluation_count_no_more_than_all_known_ones(history: History) -> None:
    history.begin(200, evaluation="killed once")
    history.begin(200, evaluation="killed twice")
    history.finish(np.repeat(blocks(1, 1), 30, axis=1), evaluation="mine")
    assert history.family().effective == 2
    history.begin(200, evaluation="mine")
    assert history.family().effective == 2


def test_lost_trials_come_on_top_of_known_ones(history: History) -> None:
    history.finish(blocks(5, 4, shared=0.999), evaluation="e1")
    known = history.family().effective
    assert known in (5, 6)
    history.begin(2, evaluation="e2")
    assert history.family().effective == known + 2
    history.begin(100, evaluation="e2")
    assert history.family().effective == 2 * known


def test_a_fine_grid_around_one_point_does_not_drown_what_was_tried_before(history: History) -> None:
    rng = np.random.default_rng(0)
    history.finish(rng.standard_normal((SLOTS, 30)), evaluation="e1")
    before = history.family()
    assert before.effective > 25
    assert before.variance is not None
    history.finish(blocks(1, MOST_COMPARED, shared=0.9999), evaluation="e2")
    after = history.family()
    assert after.earlier == 30 + MOST_COMPARED
    assert after.effective >= before.effective
    assert after.variance is not None
    assert after.variance > 0.5 * before.variance


def test_a_flood_of_similar_trials_does_not_make_fewer_of_those_before_it(history: History) -> None:
    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        history.finish(rng.standard_normal((SLOTS, 20)), evaluation=name)
    before = history.family().effective
    assert before > 30
    history.finish(blocks(1, 300, shared=0.9), evaluation="c")
    assert history.family().effective >= before


def test_edits_between_previews_count(history: History) -> None:
    rng, grid = np.random.default_rng(4), [{"edge": 1.0}]
    for _ in range(5):
        number = history.ledger.begin(look_at(SLOTS, evaluation="mine", kind="presets"), grid)
        history.ledger.finish(number, seen(rng.standard_normal((SLOTS, 1))))
    history.finish(rng.standard_normal((SLOTS, 3)), evaluation="mine", kind="walk-forward")
    assert history.family().earlier == 4
    assert history.family().effective >= 3


def test_a_lab_has_no_fresh_start(ledger: TrialLedger) -> None:
    span = look_at(SLOTS)
    quarter = (span.last_ns - span.first_ns) // 4
    history = History(TrialLedger(ledger.path, clock=lambda: span.first_ns))
    history.finish(blocks(1, 5), evaluation="1", kind="walk-forward", last_ns=span.first_ns + quarter, world="lab")
    asked = {"evaluation": "mine", "market": MARKET, "slots": SLOTS, "rng": np.random.default_rng(0)}
    trials, looks = history.ledger.trials("BTC_5M", "lab"), history.ledger.looks("BTC_5M")
    found = family_of(trials, looks, first_ns=span.first_ns + 2 * quarter, last_ns=span.last_ns, **asked)  # type: ignore[arg-type]
    assert found.attempt == 2


def test_an_edited_program_makes_another_experiment_of_the_same_evaluation(history: History) -> None:
    grid = [{"edge": 1.0}, {"edge": 2.0}]
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((SLOTS, 2)), rng.standard_normal((SLOTS, 2))
    for returns in (first, first, second):
        number = history.ledger.begin(look_at(SLOTS, evaluation="mine", kind="walk-forward"), grid)
        history.ledger.finish(number, seen(returns))
    found = history.family()
    assert (found.trials, found.earlier, found.attempt) == (4, 2, 2)


def test_a_preview_does_not_backdate_the_experiment(history: History) -> None:
    history.finish(blocks(1, 1), evaluation="mine", kind="presets")
    history.finish(np.random.default_rng(2).standard_normal((SLOTS, 11)), evaluation="others", kind="presets")
    history.finish(blocks(2, 5), evaluation="mine", kind="walk-forward")
    found = history.family()
    assert found.earlier == 11
    assert found.effective > 8


def test_spans_that_existed_already_are_attempts_and_data_that_arrived_later_are_a_fresh_start(
    ledger: TrialLedger,
) -> None:
    span = look_at(SLOTS)
    quarter = (span.last_ns - span.first_ns) // 4
    history = History(TrialLedger(ledger.path, clock=lambda: span.first_ns + 2 * quarter))
    history.finish(blocks(1, 5), evaluation="first", kind="walk-forward", last_ns=span.first_ns + quarter)
    existed = {"first_ns": span.first_ns + quarter, "last_ns": span.last_ns}
    assert history.family(**existed).attempt == 2
    assert history.family(first_ns=span.first_ns + 3 * quarter, last_ns=span.last_ns).attempt == 1


def test_the_variance_is_that_of_sharpe_ratios_on_one_number_of_slots(history: History) -> None:
    # Sharpe 0.5 on 4 slots and 0.25 on 16: sharpe sqrt(slots) is 1 in both; a third has -1.
    def returns(slots: int, sharpe: float) -> Floats:
        swing = np.tile([1.0, -1.0], slots // 2)
        series: Floats = (swing / swing.std(ddof=1) + sharpe)[:, None]
        return series

    ledger = history.ledger
    for k, (slots, sharpe) in enumerate([(4, 0.5), (16, 0.25), (16, -0.25)]):
        ledger.finish(ledger.begin(look_at(slots), [{"k": k}]), seen(returns(slots, sharpe)))
    # 1, 1, -1 have the variance 4/3.
    assert history.family(slots=100).variance == pytest.approx(4 / 3 / 100)
    assert history.family(slots=50).variance == pytest.approx(4 / 3 / 50)
    assert history.family(slots=50).slots == 50


def test_the_variance_of_skill_less_trials_is_one_over_the_slots(history: History) -> None:
    history.finish(np.random.default_rng(0).standard_normal((SLOTS, 600)))
    variance = history.family().variance
    assert variance is not None
    assert variance * SLOTS == pytest.approx(1.0, abs=0.15)


def test_clusters_and_their_variance_agree_with_those_of_the_returns_themselves(history: History) -> None:
    returns = blocks(5, 10, shared=0.8) + np.repeat([0.0, 0.1, 0.2, 0.3, -0.1], 10)
    history.finish(returns)
    exact = trial_correlation(returns)
    pair = cluster_trials(
        returns.mean(axis=0), returns.std(axis=0, ddof=1), exact, optimal_clusters(exact, np.random.default_rng(0))
    )
    found = history.family()
    assert found.clusters == pair.count == 5
    assert found.cluster_variance == pytest.approx(pair.variance, rel=0.1)
    half = history.family(slots=SLOTS // 2).cluster_variance
    assert half == pytest.approx(2.0 * found.cluster_variance)


def test_identical_trials_have_no_clusters(history: History) -> None:
    history.finish(np.repeat(np.random.default_rng(0).standard_normal((SLOTS, 1)), 9, axis=1))
    assert (history.family().clusters, history.family().cluster_variance) == (None, None)


def test_trials_on_disjoint_spans_fall_into_clusters_of_their_own(history: History) -> None:
    ledger, returns = history.ledger, blocks(1, 8, shared=0.95, slots=300)
    for k, begin in enumerate((0, 300, 600)):
        grid = [{"edge": float(j)} for j in range(8)]
        ledger.finish(ledger.begin(look_at(300, begin, evaluation=f"e{k}"), grid), seen(returns, begin))
    assert history.family().clusters == 3
    assert history.family().earlier == 24


def test_the_same_generator_gives_the_same_family(history: History) -> None:
    history.finish(blocks(6, 15, shared=0.5))
    assert history.family() == history.family()


@pytest.mark.parametrize("changes", [{"slots": 0}, {"first_ns": 5, "last_ns": 4}])
def test_a_test_span_that_cannot_be_is_refused(history: History, changes: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        history.family(**changes)


@st.composite
def tables(draw: st.DrawFn) -> TrialTable:
    """Any table: trials of a few evaluations, ideas, markets and spans, some lost, some that never bet."""
    count = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    finished = rng.random(count) < 0.7
    bets = np.where(finished, rng.integers(0, 4, count), 0)
    first = rng.integers(0, 5, count) * STEP_NS
    sketches = rng.standard_normal((4, DIMENSIONS))[rng.integers(0, 4, count)]
    sketches += rng.choice([0.0, 0.3]) * rng.standard_normal((count, DIMENSIONS))

    def among(*names: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        return np.array([names[k] for k in rng.integers(0, len(names), count)], dtype=object)

    return TrialTable(
        strategy="BTC_5M",
        world="recorded",
        trial=np.array([f"{k}" for k in range(count)], dtype=object),
        look=np.arange(count),
        evaluation=among("mine", "e1", "e2"),
        idea=among("fade", "ride", "wait", "hope"),
        kind=among("sweep"),
        market=among(MARKET, "other"),
        first_ns=first,
        last_ns=first + rng.integers(1, 4, count) * STEP_NS,
        finished=finished,
        slots=np.where(finished, rng.integers(2, 90, count), 0),
        bets=bets,
        mean=np.where(bets > 0, rng.standard_normal(count), 0.0),
        deviation=np.where(bets > 0, rng.random(count) + 0.1, 0.0),
        sketch=np.where((bets > 0)[:, None], sketches, 0.0).astype(np.float32),
    )


@settings(max_examples=80, deadline=None)
@given(table=tables(), begin=st.integers(0, 6), length=st.integers(1, 4))
def test_hypotheses_lie_between_ideas_and_trials_and_own_trials_do_not_matter(
    table: TrialTable, begin: int, length: int
) -> None:
    first, last = begin * STEP_NS, (begin + length) * STEP_NS
    found = family_of(
        table,
        [],
        evaluation="mine",
        market=MARKET,
        first_ns=first,
        last_ns=last,
        slots=50,
        rng=np.random.default_rng(0),
    )
    rows = [
        k
        for k in range(len(table))
        if table.evaluation[k] != "mine"
        and table.market[k] == MARKET
        and not (table.last_ns[k] <= first or table.first_ns[k] >= last)
    ]
    assert found.trials == len(table)
    assert found.earlier == len(rows)
    assert len({table.idea[k] for k in rows}) <= found.effective <= found.earlier
    renamed = replace(table, idea=np.where(table.evaluation == "mine", "unheard of", table.idea))
    again = family_of(
        renamed,
        [],
        evaluation="mine",
        market=MARKET,
        first_ns=first,
        last_ns=last,
        slots=50,
        rng=np.random.default_rng(0),
    )
    assert (again.earlier, again.effective) == (found.earlier, found.effective)
    for figure in (found.variance, found.cluster_variance):
        assert figure is None or (np.isfinite(figure) and figure >= 0.0)
