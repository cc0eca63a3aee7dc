from __future__ import annotations

import tracemalloc
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arena.errors import ValidationError
from arena.validation.cscv import null_band, overfitting
from arena.validation.cscv_blocks import split_count


def exact_cscv(matrix: np.ndarray, blocks: int) -> tuple[list[int], list[Fraction]]:
    """Winner and out-of-sample mid-rank per split in rational arithmetic, for whole-number payoffs."""
    rows = matrix.shape[0] // blocks
    used = matrix[matrix.shape[0] - rows * blocks :].astype(int)
    parts = used.reshape(blocks, rows, -1)

    def scores(chosen: tuple[int, ...]) -> list[Fraction | None]:
        half = np.concatenate([parts[b] for b in chosen])
        sums, squares = half.sum(axis=0), (half**2).sum(axis=0)
        return [Fraction(int(s * abs(s)), int(q)) if q else None for s, q in zip(sums, squares, strict=True)]

    best, ranks = [], []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = scores(chosen)
        outside = [u or Fraction(0) for u in scores(tuple(b for b in range(blocks) if b not in chosen))]
        played = [u for u in inside if u is not None]
        winner = inside.index(max(played)) if played else 0
        best.append(winner)
        mine = outside[winner]
        ranks.append(sum(u < mine for u in outside) + Fraction(sum(u == mine for u in outside) + 1, 2))
    return best, ranks


def plain_cscv(matrix: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Winner and its two Sharpes per split by gathering the rows of each half."""
    parts = matrix[matrix.shape[0] % blocks :].reshape(blocks, -1, matrix.shape[1])
    best, inside, outside = [], [], []
    for chosen in combinations(range(blocks), blocks // 2):
        a = np.concatenate([parts[b] for b in chosen])
        b = np.concatenate([parts[b] for b in range(blocks) if b not in chosen])
        ra, rb = a.mean(0) / a.std(0, ddof=1), b.mean(0) / b.std(0, ddof=1)
        best.append(ra.argmax())
        inside.append(ra[best[-1]])
        outside.append(rb[best[-1]])
    return np.array(best), np.array(inside), np.array(outside)


def noise(rows: int = 96, columns: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


payoffs = arrays(np.float64, st.tuples(st.integers(8, 25), st.integers(2, 18)), elements=st.sampled_from([-1, 0, 0, 1]))


@settings(max_examples=60, deadline=None)
@given(payoffs, st.sampled_from([2, 4]))
def test_integer_payoffs_rank_as_in_rational_arithmetic(matrix: np.ndarray, blocks: int) -> None:
    used = matrix[matrix.shape[0] % blocks :]
    varying = np.flatnonzero((used != used[0]).any(axis=0))
    if varying.size < 2:
        with pytest.raises(ValidationError):
            overfitting(matrix, blocks, minimum_configurations=2)
        return
    best, ranks = exact_cscv(used[:, varying], blocks)
    result = overfitting(matrix, blocks, minimum_configurations=2)
    assert result.best.tolist() == varying[best].tolist()
    expected = np.array([float(r / (varying.size + 1 - r)) for r in ranks])
    np.testing.assert_allclose(np.exp(result.logits), expected, rtol=1e-12)
    assert result.pbo == np.mean([(2 * r < varying.size + 1) + 0.5 * (2 * r == varying.size + 1) for r in ranks])
    assert np.isfinite(result.logits).all()
    assert np.isfinite([result.slope, result.intercept, result.probability_of_loss]).all()
    assert not np.isnan(result.in_sample).any()
    assert not np.isnan(result.out_of_sample).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(24, 60), st.integers(2, 40), st.sampled_from([2, 4, 6]))
def test_block_sums_give_the_sharpes_of_gathered_rows(seed: int, rows: int, columns: int, blocks: int) -> None:
    matrix = noise(rows, columns, seed) + 0.3
    best, inside, outside = plain_cscv(matrix, blocks)
    result = overfitting(matrix, blocks, minimum_configurations=2)
    assert (result.best == best).all()
    np.testing.assert_allclose(result.in_sample, inside, rtol=1e-10)
    np.testing.assert_allclose(result.out_of_sample, outside, rtol=1e-9, atol=1e-12)
    assert result.probability_of_loss == np.mean(outside < 0)
    slope, intercept = np.polyfit(inside, outside, 1)
    np.testing.assert_allclose([result.slope, result.intercept], [slope, intercept], rtol=1e-6, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_the_order_and_the_unit_of_configurations_do_not_matter(seed: int, scale: float, threads: int) -> None:
    matrix = noise(seed=seed)
    order = np.random.default_rng(seed).permutation(matrix.shape[1])
    first, second = overfitting(matrix, 6), overfitting(scale * matrix[:, order], 6, threads=threads)
    assert 0.0 <= first.pbo_strict <= first.pbo <= first.pbo_inclusive <= 1.0
    assert (order[second.best] == first.best).all()
    assert second.logits.tobytes() == first.logits.tobytes()
    assert first.slope == pytest.approx(second.slope, rel=1e-9)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_bytes(threads: int) -> None:
    matrix = noise(203, 33)
    one, many = overfitting(matrix, 10), overfitting(matrix, 10, threads=threads)
    for name in ("logits", "best", "in_sample", "out_of_sample"):
        assert getattr(one, name).tobytes() == getattr(many, name).tobytes()
    a = null_band(matrix, 6, 25, np.random.default_rng(5))
    b = null_band(matrix, 6, 25, np.random.default_rng(5), threads=threads)
    assert a.draws.tobytes() == b.draws.tobytes()


@pytest.mark.parametrize(("blocks", "pbo"), [(16, 0.583916), (10, 0.531746), (8, 0.457143)])
def test_the_seeded_bench_matrix_has_its_known_pbo(blocks: int, pbo: float) -> None:
    matrix = np.random.default_rng(2).normal(0.0, 0.01, (2000, 500))
    assert overfitting(matrix, blocks, threads=2).pbo == pytest.approx(pbo, abs=5e-7)


def test_sixteen_blocks_of_five_hundred_configurations_fit_in_a_hundred_mebibytes() -> None:
    matrix = np.random.default_rng(2).normal(size=(4000, 500))
    tracemalloc.start()
    overfitting(matrix, 16)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_the_oldest_rows_are_dropped_when_blocks_do_not_divide_them() -> None:
    matrix = noise(99)
    matrix[:3] = 1e6
    result = overfitting(matrix, 8)
    assert (result.rows_used, result.rows_dropped) == (96, 3)
    assert result.logits.tobytes() == overfitting(matrix[3:], 8).logits.tobytes()


def test_a_column_order_matrix_gives_the_same_answer() -> None:
    assert overfitting(np.asfortranarray(noise()), 6).pbo == overfitting(noise(), 6).pbo


def test_configurations_that_never_bet_are_counted_and_left_out() -> None:
    matrix = np.insert(noise(), [0, 5], 0.0, axis=1)
    result, without = overfitting(matrix, 8), overfitting(noise(), 8)
    assert (result.configurations, result.constant_configurations) == (12, 2)
    assert result.logits.tobytes() == without.logits.tobytes()
    assert (matrix[:, result.best] == noise()[:, without.best]).all()


def test_a_configuration_is_not_picked_on_a_half_without_its_bets() -> None:
    matrix = -np.abs(noise(80, 11))
    matrix[:40, 3] = 0.0
    matrix[40:, 3] = np.where(np.arange(40) % 2, -3.0, -2.9)
    assert overfitting(matrix, 4).best[0] != 3  # the only column that loses nothing on blocks 0 and 1


def test_the_first_of_two_equal_configurations_wins_in_sample() -> None:
    matrix = noise(columns=12)
    matrix[:, 7] = 3.0 * matrix[:, 2]
    assert 7 not in overfitting(matrix, 8).best


def test_sums_that_differ_by_rounding_only_are_tied() -> None:
    rng = np.random.default_rng(6)
    block = np.tile([0.1, 0.2, -0.3, 0.9, -1.0, 0.7], 2)
    losing = np.array([rng.permuted(np.tile(block, (8, 1)), axis=1).ravel() for _ in range(12)]).T
    for matrix in (losing, losing - 0.1, np.where(losing > 0.5, 0.0, losing)):
        result = overfitting(matrix, 8)
        assert (result.best == 0).all()
        assert (result.pbo_strict, result.pbo, result.pbo_inclusive) == (0.0, 0.5, 1.0)


def test_a_sum_of_zero_is_no_loss_however_it_rounds() -> None:
    block = np.tile([0.1, 0.2, -0.3], 4)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        matrix = np.array([rng.permuted(np.tile(block, (8, 1)), axis=1).ravel() for _ in range(12)]).T
        result = overfitting(matrix, 8)
        assert (result.pbo, result.probability_of_loss) == (0.5, 0.0)
        assert (result.out_of_sample == 0.0).all()


def test_duplicates_of_one_configuration_have_a_pbo_of_one_half() -> None:
    result = overfitting(np.repeat(noise(columns=1) + 1.0, 12, axis=1), 8)
    assert (result.pbo_strict, result.pbo, result.pbo_inclusive) == (0.0, 0.5, 1.0)


def test_a_matrix_demeaned_over_the_full_sample_has_a_pbo_of_one() -> None:
    matrix = noise(240, 20)
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    result = overfitting(matrix, 8)
    assert (result.pbo, result.probability_of_loss) == (1.0, 1.0)


def test_a_configuration_that_leads_every_half_has_a_pbo_of_zero() -> None:
    matrix = noise()
    matrix[:, 4] += 5.0
    result = overfitting(matrix, 8)
    assert result.pbo == 0.0
    assert (result.best == 4).all()


def test_the_null_band_is_centred_although_the_matrix_holds_skill() -> None:
    matrix = noise(240, 20)
    matrix[:, 4] += 5.0
    band = null_band(matrix, 8, 300, np.random.default_rng(3), threads=2)
    assert abs(band.quantile_50 - 0.5) < 0.08
    assert 0.08 < band.quantile_05 < 0.24
    assert band.quantile_05 < band.quantile_25 < band.quantile_50 < band.quantile_95
    assert band.draws.shape == (300,)


def test_a_gap_leaves_out_slots_between_blocks_only() -> None:
    matrix = noise(8 * 12 + 7 * 3 + 2)
    result = overfitting(matrix, 8, gap=3)
    assert (result.rows_used, result.rows_dropped, result.gap) == (96, 2, 3)
    kept = np.concatenate([2 + b * 15 + np.arange(12) for b in range(8)])
    assert result.logits.tobytes() == overfitting(matrix[kept], 8).logits.tobytes()
    matrix[np.setdiff1d(np.arange(matrix.shape[0]), kept)] = 1e9
    assert overfitting(matrix, 8, gap=3).logits.tobytes() == result.logits.tobytes()


def test_the_null_band_has_the_gap_of_the_question() -> None:
    plain, spaced = (null_band(noise(117), 8, 20, np.random.default_rng(1), gap=gap).draws for gap in (0, 3))
    assert (plain != spaced).any()
    constant = noise(117)
    constant[:, 11] = 0.0
    constant[[14, 29, 44], 11] = 1.0  # bets in the gaps only
    assert overfitting(constant, 8, gap=3, minimum_configurations=11).constant_configurations == 1


def test_configurations_with_few_bets_in_a_block_are_reported_and_left_out_on_demand() -> None:
    matrix = noise()
    matrix[12:24, 3] = 0.0
    matrix[17, 3] = 1.0  # one bet in block 1
    assert overfitting(matrix, 8).fewest_bets == 1
    assert overfitting(noise(), 8).fewest_bets == 12
    strict = overfitting(matrix, 8, minimum_bets=2)
    assert (strict.sparse_configurations, strict.configurations, strict.fewest_bets) == (1, 11, 12)
    assert strict.logits.tobytes() == overfitting(np.delete(matrix, 3, axis=1), 8).logits.tobytes()
    assert 3 not in strict.best
    band = [null_band(m, 8, 20, np.random.default_rng(1), minimum_bets=2).draws for m in (matrix, noise())]
    assert (band[0] != band[1]).any()


def test_equal_skill_has_a_pbo_of_one_half_although_every_configuration_earns() -> None:
    found = [overfitting(noise(240, 20, seed) + 1.0, 8) for seed in range(200)]
    assert np.mean([r.pbo for r in found]) == pytest.approx(0.5, abs=3.5 * 0.21 / np.sqrt(200))
    assert max(r.probability_of_loss for r in found) == 0.0


def test_a_pool_of_losers_can_have_a_pbo_near_zero() -> None:
    result = overfitting(noise(960, 20) - np.linspace(0.5, 1.5, 20), 8)
    assert result.pbo < 0.05
    assert result.probability_of_loss == 1.0


def test_a_peek_at_the_outcome_has_a_pbo_of_zero() -> None:
    rng = np.random.default_rng(5)
    outcome = np.where(rng.random(480) < 0.5, 1.0, -1.0)
    matrix = np.where(rng.random((480, 20)) < 0.5, 1.0, -1.0)
    matrix[:, 13] = outcome * np.where(rng.random(480) < 0.9, outcome, -outcome)
    result = overfitting(matrix, 8)
    assert (result.pbo, result.probability_of_loss) == (0.0, 0.0)


def test_the_slope_of_pure_noise_is_negative() -> None:
    slopes = [overfitting(noise(480, 20, seed), 8).slope for seed in range(100)]
    assert np.mean(slopes) == pytest.approx(-0.522846, abs=3.5 * 0.374309 / 10)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 11))
def test_more_skill_in_the_winner_of_every_half_never_raises_pbo(seed: int, column: int) -> None:
    matrix = noise(seed=seed)
    matrix[:, column] += 1.0
    lifted = [overfitting(matrix + np.where(np.arange(12) == column, lift, 0.0), 8) for lift in (0.0, 1.0, 4.0)]
    if (lifted[0].best == column).all():
        assert lifted[0].pbo >= lifted[1].pbo >= lifted[2].pbo
    assert lifted[2].pbo == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(1e-3, 1e3), min_size=12, max_size=12))
def test_the_stake_of_each_configuration_does_not_matter(seed: int, stakes: list[float]) -> None:
    matrix = noise(seed=seed)
    first, second = overfitting(matrix, 6), overfitting(matrix * stakes, 6)
    assert (first.best == second.best).all()
    np.testing.assert_allclose(first.logits, second.logits)


def test_the_null_band_uses_its_generator_and_its_block() -> None:
    a = null_band(noise(), 6, 20, np.random.default_rng(1)).draws
    assert (a == null_band(noise(), 6, 20, np.random.default_rng(1)).draws).all()
    assert (a != null_band(noise(), 6, 20, np.random.default_rng(2)).draws).any()
    assert (a != null_band(noise(), 6, 20, np.random.default_rng(1), block=8.0).draws).any()


def test_configurations_whose_bets_all_pay_the_same_are_all_tied_in_the_null_band() -> None:
    slots = np.arange(96)[:, None]
    matrix = np.where(slots % np.arange(7, 19) == 0, -np.arange(1, 13) / 7.3, 0.0)
    assert (null_band(matrix, 6, 20, np.random.default_rng(1)).draws == 0.5).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": 7}, "even"),
        ({"blocks": 26}, "splits"),
        ({"blocks": 0}, "at least 2"),
        ({"returns": noise(31), "blocks": 16}, "at least 32 rows"),
        ({"returns": noise(columns=9)}, "9 of 9 configurations"),
        ({"returns": np.zeros((96, 12))}, "0 of 12 configurations"),
        ({"returns": np.where(np.arange(12) == 5, np.nan, noise())}, "column 5"),
        ({"returns": np.full((96, 12), 1e200) * noise()}, "too large"),
        ({"returns": np.zeros(96)}, "slots by configurations"),
        ({"returns": np.where(np.arange(96)[:, None] == 7, np.inf, noise())}, "row 7, column 0"),
        ({"gap": -1}, "gap"),
        ({"gap": 12}, "at least 100 rows"),
        ({"minimum_bets": 13}, "0 of 12 configurations vary over the slots used with at least 13 bets"),
        ({"minimum_bets": -1}, "minimum_bets"),
        ({"threads": 0}, "threads"),
    ],
)
def test_impossible_questions_are_refused_with_a_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        overfitting(**{"returns": noise(), "blocks": 8} | change)


def test_the_minimum_of_configurations_can_be_lowered() -> None:
    assert overfitting(noise(columns=3), 8, minimum_configurations=2).configurations == 3


def test_the_null_band_refuses_a_block_below_one_slot() -> None:
    with pytest.raises(ValidationError, match="block"):
        null_band(noise(), 8, 20, np.random.default_rng(0), block=0.5)


def test_the_split_count_is_the_central_binomial_coefficient() -> None:
    assert [split_count(s) for s in (2, 4, 16)] == [2, 6, 12870]
