"""The splitters at work in scikit-learn, and on the leak bench."""

from __future__ import annotations

import copy
import doctest

import numpy as np
import pytest

from arena.errors import ValidationError
from arena.validation import leak as leak_module
from arena.validation import splitters as splitters_module
from arena.validation.leak import leak_accuracy, leak_spans, shuffled_accuracy
from arena.validation.splits import path_series
from arena.validation.splitters import CombinatorialPurgedCV, PurgedKFold, PurgedWalkForward

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

START = 60 * np.arange(240)
END = START + 300
SPLITTERS = (
    PurgedKFold(START, END, 4, embargo_ns=600, gap_ns=60),
    CombinatorialPurgedCV(START, END, 6, 2, embargo_ns=600),
    PurgedWalkForward(START, END, 5, scheme="anchored", gap_ns=60),
)


def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(240, 3))
    return x, (x[:, 0] + rng.normal(size=240) > 0).astype(int)


@pytest.mark.parametrize("cv", SPLITTERS, ids=repr)
def test_scikit_learn_scores_a_pipeline_on_the_purged_folds(cv: PurgedKFold) -> None:
    x, y = sample()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_score(model, x, y, cv=cv)
    by_hand = [model.fit(x[train], y[train]).score(x[test], y[test]) for train, test in cv.split(x)]
    assert scores.tolist() == by_hand
    assert len(by_hand) == cv.get_n_splits()


@pytest.mark.parametrize("cv", SPLITTERS, ids=repr)
def test_a_grid_search_can_be_cloned_and_fitted(cv: PurgedKFold) -> None:
    x, y = sample()
    search = clone(GridSearchCV(LogisticRegression(), {"C": [1e-6, 1.0]}, cv=cv)).fit(x, y)
    assert search.n_splits_ == cv.get_n_splits()
    assert search.best_score_ > 0.6


def test_purged_k_fold_predicts_every_row_once() -> None:
    x, y = sample()
    cv = SPLITTERS[0]
    predicted = cross_val_predict(LogisticRegression(), x, y, cv=cv)
    by_fold = [LogisticRegression().fit(x[f.train], y[f.train]).predict(x[f.test]) for f in cv.folds]
    assert (predicted == path_series(cv.folds, by_fold)[0]).all()


@pytest.mark.parametrize("cv", SPLITTERS[1:], ids=repr)
def test_splits_that_are_no_partition_cannot_be_pooled_by_cross_val_predict(cv: PurgedKFold) -> None:
    x, y = sample()
    with pytest.raises(ValueError, match="partitions"):
        cross_val_predict(LogisticRegression(), x, y, cv=cv)


@pytest.mark.parametrize("cv", SPLITTERS, ids=repr)
def test_rows_that_are_not_those_of_the_spans_are_refused(cv: PurgedKFold) -> None:
    for rows in (np.zeros((239, 1)), [[0.0]] * 239):
        with pytest.raises(ValidationError, match="239 rows but the splitter was built from 240"):
            cv.split(rows)
    assert len(list(cv.split([[0.0]] * 240))) == cv.get_n_splits()


def test_a_splitter_says_how_it_was_built_and_survives_a_copy() -> None:
    assert [repr(cv) for cv in SPLITTERS] == [
        "PurgedKFold(n_splits=4, gap_ns=60, embargo_ns=600, rows=240)",
        "CombinatorialPurgedCV(groups=6, test_groups=2, gap_ns=0, embargo_ns=600, rows=240)",
        "PurgedWalkForward(n_splits=5, scheme='anchored', train_blocks=3, gap_ns=60, rows=240)",
    ]
    assert [repr(copy.deepcopy(cv)) for cv in SPLITTERS] == [repr(cv) for cv in SPLITTERS]


def test_the_options_of_a_splitter_reach_its_folds() -> None:
    def trained(cv: PurgedKFold | CombinatorialPurgedCV | PurgedWalkForward) -> int:
        return sum(fold.train.size for fold in cv.folds)

    assert trained(PurgedKFold(START, END, 4)) > trained(PurgedKFold(START, END, 4, gap_ns=600))
    assert trained(PurgedKFold(START, END, 4)) > trained(PurgedKFold(START, END, 4, embargo_ns=600))
    few, many = CombinatorialPurgedCV(START, END), CombinatorialPurgedCV(START, END, gap_ns=600)
    assert trained(few) > trained(many)
    assert trained(PurgedWalkForward(START, END, 5)) > trained(PurgedWalkForward(START, END, 5, gap_ns=600))
    longer = PurgedWalkForward(START, END, 5, train_blocks=5)
    assert longer.folds[0].train.size > PurgedWalkForward(START, END, 5).folds[0].train.size


def test_shuffled_folds_leak_as_the_arcsine_law_says() -> None:
    # The neighbours on both sides are in the test fold with probability 1/20^2.
    leak = leak_accuracy(KFold(20, shuffle=True, random_state=0), np.random.default_rng(0), draws=40)
    assert leak.shuffled_accuracy == shuffled_accuracy(10) == pytest.approx(0.856434, abs=1e-6)
    assert leak.accuracy == pytest.approx(leak.shuffled_accuracy, abs=3.5 * leak.standard_error + 0.0005)
    assert leak.z_score > 100


@pytest.mark.parametrize("horizon", [1, 3, 10])
def test_purged_splitters_do_not_leak(horizon: int) -> None:
    spans = leak_spans(800, horizon)
    for cv in (PurgedKFold(*spans), CombinatorialPurgedCV(*spans), PurgedWalkForward(*spans)):
        leak = leak_accuracy(cv, np.random.default_rng(1), rows=800, horizon=horizon, draws=60)
        assert abs(leak.z_score) < 3.5
        assert leak.accuracy == pytest.approx(0.5, abs=0.03)


def test_forward_splits_without_a_purge_leak_at_the_seam() -> None:
    blind = leak_accuracy(TimeSeriesSplit(40), np.random.default_rng(2), rows=800, draws=60)
    spaced = leak_accuracy(TimeSeriesSplit(40, gap=10), np.random.default_rng(2), rows=800, draws=60)
    assert blind.z_score > 5
    assert abs(spaced.z_score) < 3.5


def test_the_examples_of_the_two_modules_run() -> None:
    for module in (splitters_module, leak_module):
        result = doctest.testmod(module)
        assert (result.failed, result.attempted > 0) == (0, True)


class _Splits:
    def __init__(self, *splits: tuple[list[int], list[int]]) -> None:
        self.splits = splits

    def split(self, X: object, y: object = None, groups: object = None) -> tuple[tuple[list[int], list[int]], ...]:
        return self.splits


def test_a_splitter_without_rows_is_refused_by_the_bench() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValidationError, match="tests no row"):
        leak_accuracy(_Splits(), rng)
    with pytest.raises(ValidationError, match="fold 1"):
        leak_accuracy(_Splits(([0], [1]), ([], [2])), rng)
    with pytest.raises(ValidationError, match="every draw"):
        leak_accuracy(_Splits(([0], [0])), rng)
