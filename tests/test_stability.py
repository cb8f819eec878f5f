"""Bootstrap stability: one where clusters are far apart, low where there is nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from customer_segmentation.evidence import stability
from customer_segmentation.evidence.stability import Resample, best_jaccard, bootstrap, rand_index
from customer_segmentation.profiles.borderline import most_frequent, steadiness

labellings = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), min_size=2, max_size=60)


def kmeans(k):
    return KMeans(k, n_init=2, random_state=0).fit_predict


def blobs(distance):
    X = np.random.default_rng(0).normal(size=(300, 2))
    X[150:, 0] += distance
    return X


def test_far_blobs_come_back():
    X = blobs(30)
    found = bootstrap(kmeans(2), X, kmeans(2)(X), seed=0)
    assert found["stability"] == found["jaccard_min"] == found["jaccard_mean"] == 1
    assert found["jaccard"] == [1, 1]


def test_too_many_clusters_dissolve():
    X = blobs(10)
    two, seven = (bootstrap(kmeans(k), X, kmeans(k)(X), seed=0) for k in (2, 7))
    assert two["jaccard_min"] > 0.98
    assert seven["jaccard_min"] < 0.75
    assert two["unstable"] == 0
    assert seven["unstable"] > 0.3


def test_random_labels_do_not_come_back():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    found = bootstrap(lambda X: rng.integers(0, 4, len(X)), blobs(0), labels, seed=0)
    assert abs(found["stability"]) < 0.05
    assert found["jaccard_mean"] < 0.5


def test_the_seed_fixes_the_result():
    X = blobs(2)
    first, second = (bootstrap(kmeans(3), X, kmeans(3)(X), seed=s) for s in (1, 1))
    np.testing.assert_equal(first, second)


def test_a_cluster_that_no_subsample_meets_is_dissolved(monkeypatch):
    monkeypatch.setattr(stability, "ROWS", 20)
    X, labels = blobs(9), np.repeat([0, 1], 150)
    labels[0] = 2
    found = bootstrap(kmeans(2), X, labels, seed=0)
    assert not any(0 in resample.rows for resample in found["resamples"])
    assert found["jaccard"][2] == 0


def test_clusters_dissolve_where_refits_find_none():
    found = bootstrap(lambda S: np.full(len(S), -1), blobs(0), np.repeat([0, 1], 150), seed=0)
    assert found["jaccard"] == [0, 0]
    assert found["unstable"] == 1


@settings(deadline=None, derandomize=True)
@given(labellings)
def test_rand_index_is_that_of_scikit_learn(pairs):
    a, b = np.array(pairs).T
    assert rand_index(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


@settings(deadline=None, derandomize=True)
@given(labellings)
def test_jaccard_is_a_share_and_one_with_itself(pairs):
    a, b = np.array(pairs).T
    k = int(a.max()) + 1
    overlap, same = best_jaccard(a, b, k), best_jaccard(a, a, k)
    assert ((overlap >= 0) & (overlap <= 1) | np.isnan(overlap)).all()
    assert (same[~np.isnan(same)] == 1).all()


def test_jaccard_with_outliers_and_an_absent_cluster():
    a = np.array([0, 0, 1, 1, -1])
    assert best_jaccard(a, np.array([0, 0, -1, -1, -1]), 2).tolist() == [1, 0]
    assert best_jaccard(a, np.full(5, -1), 2).tolist() == [0, 0]
    assert np.isnan(best_jaccard(a, a, 3)[2])


def found_again(X, k):
    labels = kmeans(k)(X)
    return labels, bootstrap(kmeans(k), X, labels, seed=0)["resamples"]


def test_far_blobs_are_steady():
    labels, resamples = found_again(blobs(30), 2)
    steady = steadiness(labels, resamples)
    assert (steady["resamples"] == np.bincount(np.concatenate([r.rows for r in resamples]))).all()
    assert (steady["steadiness"].dropna() == 1).all()
    assert steady["steadiness"].isna().equals(steady["resamples"] < 2)
    assert steady["flips_to"].isna().all()


def test_those_at_the_border_flip_to_the_cluster_across_it():
    X = blobs(3)
    labels, resamples = found_again(X, 2)
    steady = steadiness(labels, resamples)
    flip = steady["steadiness"] < 1
    assert 0 < flip.sum() < 60
    assert np.abs(X[flip, 0] - 1.5).max() < 1
    assert (steady.loc[flip, "flips_to"] == 1 - labels[flip]).all()


def test_a_cluster_that_vanishes_and_one_that_is_new():
    labels = np.repeat([0, 1, 2], [10, 5, 4])
    merged = Resample(np.arange(19), np.repeat([0, 1], [15, 4]))
    steady = steadiness(labels, [merged, merged])
    assert steady["steadiness"].tolist() == [1] * 10 + [0] * 5 + [1] * 4
    assert steady["flips_to"].dropna().tolist() == [0] * 5
    halved = Resample(np.arange(19), np.repeat([0, 3, 1, 2], [6, 4, 5, 4]))
    steady = steadiness(labels, [halved, halved])
    assert steady["steadiness"].tolist() == [1] * 6 + [0] * 4 + [1] * 9
    assert steady["flips_to"].isna().all()


def test_outliers_are_steady_as_outliers():
    labels = np.array([0, 0, 0, -1, -1])
    found = Resample(np.arange(5), np.array([-1, 4, 4, 4, -1]))
    steady = steadiness(labels, [found, found])
    assert steady["steadiness"].tolist() == [0, 1, 1, 0, 1]
    assert steady["flips_to"].tolist() == [-1, pd.NA, pd.NA, 0, pd.NA]


def test_nothing_is_known_without_resamples():
    steady = steadiness(np.array([0, 1]), [])
    assert steady["resamples"].tolist() == [0, 0]
    assert steady[["steadiness", "flips_to"]].isna().all(axis=None)


@settings(deadline=None, derandomize=True)
@given(labellings, st.permutations(range(5)))
def test_steadiness_is_blind_to_numbers(pairs, renumbering):
    a, b = np.array(pairs).T
    renumbered = np.where(b >= 0, np.array(renumbering)[b], -1)
    rows = np.arange(len(a))
    same = steadiness(a, [Resample(rows, a)] * 2)
    assert (same["steadiness"] == 1).all()
    both = [steadiness(a, [Resample(rows, x)] * 2)["steadiness"].sum() for x in (b, renumbered)]
    assert both[0] == pytest.approx(both[1])


def test_the_most_frequent_value_of_each_row():
    rows, values = np.array([2, 2, 2, 0, 0]), np.array([7, 3, 7, 9, 1])
    assert most_frequent(rows, values, 4).tolist() == [1, pd.NA, 7, pd.NA]
