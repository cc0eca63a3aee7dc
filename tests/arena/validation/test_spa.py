from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from arena.errors import ValidationError
from arena.validation.bootstrap import long_run_deviation, optimal_block_length, stationary_indices
from arena.validation.spa import step_down, superior_ability

P_VALUES = ("lower", "consistent", "upper", "white")


def family(seed: int = 0, rows: int = 120, count: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(rng.normal(0.0, 0.1, count), rng.uniform(0.5, 3.0, count), (rows, count))


def run(x: np.ndarray, **options: Any) -> Any:
    options = {"block": 3.0, "draws": 200} | options
    return superior_ability(x, np.random.default_rng(5), **options)


def plain_deviation(x: np.ndarray, block: float) -> float:
    """Section 5's kernel, as printed."""
    size, q = len(x), 1.0 / block
    mean = sum(x) / size
    total = sum((v - mean) ** 2 for v in x) / size
    for i in range(1, size):
        kappa = (1 - i / size) * (1 - q) ** i + i / size * (1 - q) ** (size - i)
        total += 2 * kappa * sum((x[t] - mean) * (x[t + i] - mean) for t in range(size - i)) / size
    return math.sqrt(total)


def plain_p_values(x: np.ndarray, block: float, draws: int, seed: int) -> dict[str, float]:
    """Hansen (2005) and White (2000), one draw at a time."""
    rows = x.shape[0]
    mean, root = x.mean(axis=0), math.sqrt(rows)
    w = np.array([plain_deviation(column, block) for column in x.T])
    cut = -w * math.sqrt(2 * math.log(math.log(rows)) / rows)
    centre = {"lower": np.maximum(mean, 0.0), "consistent": np.where(mean >= cut, mean, 0.0), "upper": mean}
    observed = max(0.0, (root * mean / w).max())
    reached = dict.fromkeys(P_VALUES, 1)
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        again = x[stationary_indices(rows, block, rng)].mean(axis=0)
        for name, g in centre.items():
            reached[name] += max(0.0, (root * (again - g) / w).max()) >= observed - 1e-12
        reached["white"] += (root * (again - mean)).max() >= root * mean.max() - 1e-12
    return {name: count / (draws + 1) for name, count in reached.items()}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.floats(1, 40))
def test_the_long_run_deviation_is_the_kernel_sum(seed: int, rows: int, block: float) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, 2)).cumsum(axis=0)
    block = min(block, rows)
    expected = [plain_deviation(column, block) for column in x.T]
    np.testing.assert_allclose(long_run_deviation(x, block), expected, rtol=1e-10)


def test_the_long_run_deviation_is_that_of_resampled_means() -> None:
    x = np.convolve(np.random.default_rng(3).normal(size=130), np.ones(5), mode="valid")
    rng = np.random.default_rng(0)
    means = [x[stationary_indices(x.size, 6.0, rng)].mean() for _ in range(20_000)]
    assert long_run_deviation(x[:, None], 6.0)[0] == pytest.approx(np.std(means) * math.sqrt(x.size), rel=0.02)
    assert long_run_deviation(x[:, None], 1.0)[0] == pytest.approx(x.std())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 4.0]))
def test_p_values_are_those_of_one_draw_at_a_time(seed: int, block: float) -> None:
    x = family(seed, rows=40, count=4)
    ours = superior_ability(x, np.random.default_rng(seed), block=block, draws=60)
    for name, p in plain_p_values(x, block, 60, seed).items():
        assert getattr(ours, name) == pytest.approx(p, abs=1e-12)


def test_white_is_the_arch_packages_reality_check_draw_by_draw() -> None:
    spa = pytest.importorskip("arch.bootstrap").SPA
    x = family(7)
    # arch takes losses, calls White's p-value the upper one, and does not count the sample among the draws.
    theirs = spa(np.zeros(120), -x, block_size=5, reps=400, bootstrap="stationary", seed=1)
    theirs.compute()
    ours = superior_ability(x, np.random.default_rng(1), block=5.0, draws=400)
    assert round(ours.white * 401) - 1 == round(float(theirs.pvalues["upper"]) * 400) > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_lower_is_at_most_consistent_is_at_most_upper(seed: int) -> None:
    r = run(family(seed))
    assert 1 / 201 <= r.lower <= r.consistent <= r.upper <= 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_the_unit_of_a_column_does_not_matter(seed: int, unit: float) -> None:
    x = family(seed)
    scaled = x * np.where(np.arange(x.shape[1]) == 2, unit, 1.0)
    a, b = run(x), run(scaled)
    assert (a.lower, a.consistent, a.upper, a.best) == (b.lower, b.consistent, b.upper, b.best)
    np.testing.assert_allclose(a.t_statistics, b.t_statistics, rtol=1e-9)


def test_the_unit_of_a_column_matters_to_white() -> None:
    x = family(1)
    assert run(x * [1, 1, 100, 1, 1, 1]).white != run(x).white


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_columns_does_not_matter_and_a_copy_changes_nothing(seed: int) -> None:
    x = family(seed)
    order = np.random.default_rng(seed).permutation(x.shape[1])
    a, shuffled, copied = run(x), run(x[:, order]), run(np.column_stack([x, x[:, 3]]))
    for name in P_VALUES:
        assert getattr(a, name) == getattr(shuffled, name) == getattr(copied, name)
    assert order[shuffled.best] == a.best
    first, second = step(x), step(np.column_stack([x, x[:, 3]]))
    np.testing.assert_array_equal(first.p_values, second.p_values[:-1])
    assert second.p_values[-1] == second.p_values[3]


def step(x: np.ndarray, **options: Any) -> Any:
    return step_down(x, np.random.default_rng(5), **{"block": 3.0, "draws": 200} | options)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_step_down_begins_with_the_upper_test_and_follows_the_textbook(seed: int) -> None:
    x = family(seed) + np.array([0.4, 0, 0, 0.1, 0, 0])
    s, r = step(x), run(x)
    if r.statistic > 0.0:
        assert s.p_values.min() == r.upper
    level = 0.1
    superior, t = [], s.t_statistics
    rng = np.random.default_rng(5)
    draws = np.array([x[stationary_indices(120, 3.0, rng)].mean(axis=0) - x.mean(axis=0) for _ in range(200)])
    z = draws * math.sqrt(120) / long_run_deviation(x, 3.0)
    while len(superior) < x.shape[1]:
        left = [k for k in range(x.shape[1]) if k not in superior]
        top = z[:, left].max(axis=1)
        won = [k for k in left if (1 + (top >= t[k] - 1e-12).sum()) / 201 <= level]
        if not won:
            break
        superior += won
    assert sorted(step(x, level=level).superior) == sorted(superior)


def test_the_step_down_names_the_good_columns_best_first() -> None:
    x = np.random.default_rng(0).normal(0, 1, (500, 8))
    x[:, 2] += 0.2
    x[:, 6] += 0.4
    s = step(x, draws=500)
    assert s.superior.tolist() == [6, 2]
    assert step(x, level=0.003, draws=500).superior.tolist() == [6, 2]
    assert step(x, level=0.001, draws=500).superior.tolist() == []  # 500 draws cannot show 0.001


def test_the_step_down_keeps_its_family_wise_error() -> None:
    false = 0
    for seed in range(200):
        x = np.random.default_rng(seed).normal(size=(300, 5))
        x[:, 0] += 0.5
        found = step_down(x, np.random.default_rng(seed), block=1.0, draws=200, level=0.10).superior
        assert 0 in found
        false += found.size > 1
    assert false / 200 <= 0.10 + 3 * math.sqrt(0.1 * 0.9 / 200)


def test_p_values_of_noise_are_about_uniform() -> None:
    p = []
    for seed in range(300):
        x = np.random.default_rng(seed).normal(size=(400, 4))
        r = superior_ability(x, np.random.default_rng(seed), block=1.0, draws=200)
        p.append((r.upper, r.white))
    for column in np.array(p).T:
        # Studentising by an estimate makes the test a little liberal: 6-7 % at 5 %.
        assert kstest(column, "uniform").statistic < 0.09
        assert 0.02 <= (column <= 0.05).mean() <= 0.10


def test_noisy_losers_silence_white_but_not_hansen() -> None:
    hansen = white = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = rng.normal(0.0, 1.0, (300, 20))
        x[:, 0] += 0.2
        x[:, 10:] = 4.0 * x[:, 10:] - 0.5
        r = superior_ability(x, rng, block=1.0, draws=200)
        hansen, white = hansen + (r.consistent <= 0.05), white + (r.white <= 0.05)
    assert hansen >= 18
    assert white <= 1


def test_performance_is_profit_so_losing_more_is_not_better() -> None:
    x = family(2) + 1.0
    assert run(x).consistent == 1 / 201
    assert run(-x).consistent == 1.0


def test_configurations_that_all_lose_have_p_value_one() -> None:
    r = run(family(4) - 5.0)
    assert (r.statistic, r.lower, r.consistent, r.upper) == (0.0, 1.0, 1.0, 1.0)


def test_no_p_value_is_zero() -> None:
    assert run(family(4) + 50.0, draws=99).white == 0.01


def test_a_resampled_maximum_equal_to_the_observed_one_counts() -> None:
    # Sixteen bets of +-1, twelve won: the null reaches 12 wins with positive probability, exactly.
    x = np.where(np.arange(16) < 12, 1.0, -1.0)[:, None]
    rng = np.random.default_rng(5)
    wins = np.array([(x[stationary_indices(16, 1.0, rng)] > 0).sum() for _ in range(2000)])
    r = superior_ability(x, np.random.default_rng(5), block=1.0, draws=2000)
    assert (wins == 16).any()
    assert r.white == r.upper == (1 + (wins - 12 >= 4).sum()) / 2001


def test_slots_are_resampled_across_all_columns_together() -> None:
    # Two copies of one bet are one test; drawn independently they would be two.
    one = np.random.default_rng(1).normal(0.1, 1.0, (200, 1))
    assert run(np.hstack([one] * 10)).upper == run(one).upper


def test_the_benchmark_is_subtracted_and_is_not_a_competitor() -> None:
    x, benchmark = family(3), np.random.default_rng(9).normal(0.1, 1.0, 120)
    a, b = run(x, relative_to=benchmark), run(x - benchmark[:, None])
    assert (a.consistent, a.white) == (b.consistent, b.white)
    assert run(x, relative_to=np.zeros(120)).consistent == run(x).consistent
    c = run(np.column_stack([x, benchmark]), relative_to=benchmark)
    assert (c.consistent, c.idle_configurations) == (a.consistent, 1)


def test_columns_without_a_bet_are_left_out_and_counted() -> None:
    x = family(3)
    r = run(np.insert(x, 2, 0.0, axis=1))
    assert r.idle_configurations == 1
    assert r.columns.tolist() == [0, 1, 3, 4, 5, 6]
    assert r.consistent == run(x).consistent
    assert r.best == run(x).best + (run(x).best >= 2)
    assert step(np.insert(x, 2, 0.0, axis=1)).columns.tolist() == [0, 1, 3, 4, 5, 6]


def test_the_block_is_the_longest_of_the_columns_the_overlap_and_one() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=300)
    smooth = np.convolve(rng.normal(size=309), np.ones(10), mode="valid")
    longest = max(optimal_block_length(noise).stationary, optimal_block_length(smooth).stationary)
    both = np.column_stack([noise, smooth])
    assert run(both, block=None).block == longest > 5
    assert run(both, block=None, overlap=60.0).block == 60.0
    alternating = np.tile([1.0, -1.0], 150)[:, None] + 0.01 * noise[:, None]
    assert run(alternating, block=None).block >= 1.0


def test_dependence_asks_for_longer_blocks() -> None:
    smooth = np.convolve(np.random.default_rng(8).normal(0.05, 1.0, 409), np.ones(10), mode="valid")[:, None]
    assert run(smooth, block=20.0, draws=2000).upper > run(smooth, block=1.0, draws=2000).upper


def broken(x: np.ndarray, row: int, column: int, value: float) -> np.ndarray:
    x = x.copy()
    x[row, column] = value
    return x


@pytest.mark.parametrize("test", [run, step])
@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (broken(family(), 7, 3, math.nan), {}, "nan in row 7, column 3"),
        (broken(family(), 7, 3, math.inf), {}, "inf in row 7, column 3"),
        (np.insert(family(), 2, 0.5, axis=1), {}, "column 2"),
        (np.zeros((50, 3)), {}, "nothing to test"),
        (family(rows=9), {}, "at least 10 rows"),
        (np.ones(50), {}, "two dimensions"),
        (family(), {"block": 0.5}, "at least 1"),
        (family(), {"block": 121.0}, "cannot be longer"),
        (family(), {"draws": 5}, "draws"),
        (family(), {"relative_to": np.zeros(7)}, "relative_to"),
        (family(), {"relative_to": np.zeros(119)}, "119 rows"),
        (family(), {"overlap": math.nan, "block": None}, "overlap"),
    ],
)
def test_input_without_an_answer_is_refused(test: Any, x: np.ndarray, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        test(x, **options)


def test_a_level_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValidationError, match="level"):
        step(family(), level=1.0)
