"""The classical baseline: quintile scores and the groups that marketers know by name."""

import io

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.utils.estimator_checks import parametrize_with_checks

from customer_segmentation.rfm import GROUPS, RFMScores, bounds, groups
from customer_segmentation.segmenter import TRUSTED_TYPES
from customer_segmentation.segmenter.plain import is_plain

PEOPLE = arrays.arrays(
    np.float64, st.tuples(st.integers(5, 60), st.just(3)), elements=st.integers(0, 50).map(float)
)


@parametrize_with_checks([RFMScores()])
def test_it_is_a_scikit_learn_clusterer(estimator, check):
    check(estimator)


def grid() -> np.ndarray:
    """One customer for each of the 125 combinations of fifths, five values each."""
    fifths = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    return np.array(np.meshgrid(fifths, fifths, fifths)).reshape(3, -1).T


def test_every_combination_of_scores_has_one_group():
    covered = np.zeros((6, 6), dtype=int)
    for (r_low, r_high), (v_low, v_high) in GROUPS.values():
        covered[r_low : r_high + 1, v_low : v_high + 1] += 1
    assert (covered[1:, 1:] == 1).all()
    assert set(RFMScores().fit(grid()).labels_) == set(range(len(GROUPS)))


@pytest.mark.parametrize(
    ("customer", "group"),
    [
        ((1, 5, 5), "Champions"),
        ((1, 4, 5), "Champions"),
        ((2, 5, 4), "Loyal customers"),
        ((1, 1, 1), "New customers"),
        ((2, 1, 1), "Promising"),
        ((1, 2, 3), "Potential loyalists"),
        ((3, 3, 3), "Need attention"),
        ((3, 1, 2), "About to sleep"),
        ((5, 5, 5), "Cannot lose them"),
        ((5, 3, 4), "At risk"),
        ((4, 1, 1), "Hibernating"),
    ],
)
def test_the_groups_are_those_that_marketers_know(customer, group):
    """Recency counts backwards: fifth 1 has the fewest days."""
    model = RFMScores().fit(grid())
    assert model.cluster_names_[model.predict([customer])[0]] == group


def test_each_score_is_a_fifth_of_the_customers():
    X = np.random.default_rng(0).lognormal(size=(500, 3))
    scores = RFMScores().fit(X).scores(X)
    assert (np.apply_along_axis(np.bincount, 0, scores)[1:] == 100).all()


def test_equal_customers_are_scored_by_the_middle_of_them():
    """A third bought once: they are not pushed into the lowest fifth, nor split."""
    purchases = np.array([1.0] * 30 + [2.0] * 30 + [5.0] * 30)
    X = np.column_stack([purchases, purchases, purchases])
    assert set(RFMScores().fit(X).scores(X)[:, 1]) == {1, 3, 5}
    same = np.ones((9, 3))
    assert (RFMScores().fit(same).scores(same) == 3).all()
    assert RFMScores().fit(same).scores(same + 1)[:, 1].tolist() == [5] * 9


@given(PEOPLE)
def test_increasing_transforms_change_nothing(X):
    changed = np.column_stack([np.log1p(X[:, 0]), X[:, 1] ** 3, 5 * X[:, 2] - 7])
    assert RFMScores().fit(X).labels_.tolist() == RFMScores().fit(changed).labels_.tolist()


@given(PEOPLE)
def test_a_better_customer_never_scores_less(X):
    model = RFMScores().fit(X)
    better = X + np.array([-1.0, 1.0, 1.0])
    assert (model.scores(better) >= model.scores(X)).all()


def test_the_thresholds_are_those_of_the_training():
    X = np.random.default_rng(0).lognormal(size=(200, 3))
    model = RFMScores().fit(X)
    assert model.predict(X[:7]).tolist() == model.labels_[:7].tolist()
    later = model.predict(X * [100, 0.001, 0.001])  # all are lost, by old standards
    assert {model.cluster_names_[label] for label in later} == {"Hibernating"}


def test_a_group_without_training_customers_is_no_segment():
    model = RFMScores().fit(np.array([[days, 11.0 - days, 11.0 - days] for days in range(1, 11)]))
    assert "New customers" not in model.cluster_names_
    assert model.predict([[1.0, 1.0, 1.0]]).tolist() == [-1]


def test_it_is_saved_without_pickle():
    model = RFMScores().fit(grid())
    loaded = skops.io.load(io.BytesIO(skops.io.dumps(model)), trusted=TRUSTED_TYPES)
    assert is_plain(model)
    assert loaded.predict(grid()).tolist() == model.labels_.tolist()


def test_bounds_are_told_in_the_units_of_the_table(mall):
    table = mall[["Age", "Annual Income (k$)", "Spending Score (1-100)"]]
    X = np.sqrt(table.to_numpy(dtype=float))
    found = bounds(RFMScores().fit(X), X, table)
    ends = found["Age"].str.split(" to ", expand=True).astype(float)
    assert (ends[0].min(), ends[1].max()) == (table["Age"].min(), table["Age"].max())
    assert (ends[1].iloc[1:].to_numpy() < ends[0].iloc[:-1].to_numpy()).all()  # 5 is the youngest
    assert groups()["group"].tolist() == list(GROUPS)
