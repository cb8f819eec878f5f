"""New customers join the clusters as the algorithm itself would have it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, Birch, KMeans
from sklearn.datasets import make_blobs
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import parametrize_with_checks

from customer_segmentation.segmenter import assigners
from customer_segmentation.segmenter.assigners import (
    LinkageAssigner,
    NeighborsAssigner,
    PredictAssigner,
)
from customer_segmentation.segmenter.density_assigners import (
    CoreAssigner,
    ReachAssigner,
    core_customers,
)
from customer_segmentation.segmenter.fidelity import (
    MAX_ROWS,
    follow,
    most_faithful,
    out_of_sample,
    rules_for,
)
from customer_segmentation.segmenter.neighbours import Index, Reference, spread

ASSIGNERS = [
    NeighborsAssigner(),
    NeighborsAssigner(n_neighbors=1),
    *(LinkageAssigner(linkage) for linkage in ("ward", "average", "complete", "single")),
    CoreAssigner(eps=10.0, min_samples=1),  # no outliers, which the checks do not know
    ReachAssigner(),
]


@parametrize_with_checks(ASSIGNERS)
def test_they_are_scikit_learn_classifiers(estimator, check):
    check(estimator)


def blobs(n=600, seed=0):
    X, _ = make_blobs(n, centers=3, cluster_std=0.8, random_state=seed)
    return np.concatenate([X, np.random.default_rng(seed).uniform(-15, 15, size=(n // 15, 2))])


@pytest.mark.parametrize("min_samples", [1, 3, 8])
def test_core_customers_are_those_of_dbscan(min_samples):
    X = blobs()
    fitted = DBSCAN(eps=0.7, min_samples=min_samples).fit(X)
    found = np.flatnonzero(core_customers(X, 0.7, min_samples))
    np.testing.assert_array_equal(found, fitted.core_sample_indices_)


def test_a_customer_within_eps_of_a_core_customer_joins_it_and_no_other_does():
    X = blobs()
    fitted = DBSCAN(eps=0.7).fit(X)
    rule = CoreAssigner(0.7, 5).fit(X, fitted.labels_)
    new = blobs(seed=1)
    cores = X[fitted.core_sample_indices_]
    distances = np.linalg.norm(new[:, None] - cores, axis=2)
    of_nearest = fitted.labels_[fitted.core_sample_indices_][distances.argmin(axis=1)]
    expected = np.where(distances.min(axis=1) <= 0.7, of_nearest, -1)
    np.testing.assert_array_equal(rule.predict(new), expected)
    inside = fitted.labels_ >= 0
    assert (rule.predict(X)[inside] >= 0).all()
    assert (rule.predict(X)[~inside] == -1).all()


@pytest.mark.parametrize(
    ("linkage", "expected"), [("ward", 1), ("average", 1), ("complete", 1), ("single", 0)]
)
def test_a_linkage_rule_merges_as_its_tree_would(linkage, expected):
    # A long cluster whose end is nearer, and a short one whose middle is.
    X = np.array([[0.0], [2.0], [4.0], [6.0], [10.0], [10.2]])
    rule = LinkageAssigner(linkage).fit(X, [0, 0, 0, 0, 1, 1])
    assert rule.predict([[7.9]]) == [expected]


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_the_linkage_rules_are_what_they_say(seed):
    rng = np.random.default_rng(seed)
    X, new = rng.normal(size=(40, 2)), rng.normal(size=(10, 2))
    labels = np.concatenate([[0, 1, 2], rng.integers(0, 3, 37)])
    parts = [X[labels == c] for c in range(3)]
    distances = [np.linalg.norm(new[:, None] - part, axis=2) for part in parts]

    def error(part):
        return ((part - part.mean(axis=0)) ** 2).sum()

    ward = [[error(np.vstack([p, row])) - error(p) for p in parts] for row in new]
    expected = {
        "ward": np.argmin(ward, axis=1),
        "average": np.argmin([d.mean(axis=1) for d in distances], axis=0),
        "complete": np.argmin([d.max(axis=1) for d in distances], axis=0),
        "single": np.argmin([d.min(axis=1) for d in distances], axis=0),
    }
    for linkage, wanted in expected.items():
        np.testing.assert_array_equal(LinkageAssigner(linkage).fit(X, labels).predict(new), wanted)


def test_an_unknown_linkage_is_refused():
    with pytest.raises(ValueError, match="got linkage='median', expected 'ward'"):
        LinkageAssigner("median").fit([[0.0], [1.0]], [0, 1])


def test_a_customer_far_from_every_cluster_is_an_outlier_of_hdbscan():
    X = blobs()
    labels = HDBSCAN(min_cluster_size=15, copy=True).fit(X).labels_
    rule = ReachAssigner(15).fit(X, labels)
    middle = X[labels == 0].mean(axis=0)
    assert rule.predict([middle, [40.0, 40.0]]).tolist() == [0, -1]
    # No member is out of the reach of its own cluster.
    assert (rule.predict(X)[labels >= 0] >= 0).mean() > 0.99


def test_a_new_customer_gets_the_label_that_hdbscan_would_give_with_it_in_the_table():
    X, _ = make_blobs(480, 3, centers=4, cluster_std=2.2, random_state=4)
    old, new = X[:400], X[400:]
    algorithm = HDBSCAN(min_cluster_size=15, min_samples=5, copy=True)
    labels = algorithm.fit(old).labels_
    expected = []
    for customer in new:
        found = algorithm.fit(np.vstack([old, customer])).labels_
        same = labels[found[:-1] == found[-1]]  # numbers may differ from fit to fit
        expected.append(np.bincount(same + 1).argmax() - 1)
    rule, fidelity = follow(algorithm, old, labels, seed=0)
    assert rule.word == "reach"
    agree = (rule.predict(new) == expected).mean()
    assert agree > 0.95
    assert fidelity.overall == pytest.approx(agree, abs=0.05)


@pytest.mark.parametrize("rule", [CoreAssigner(), ReachAssigner(), NeighborsAssigner()])
def test_where_there_is_no_cluster_everyone_is_an_outlier(rule):
    X = np.arange(20.0)[:, None]
    assert set(rule.fit(X, np.full(20, -1)).predict(X + 0.3)) == {-1}


def test_a_number_that_no_customer_has_is_an_outlier():
    X = np.array([[0.0], [1.0], [9.0], [50.0]])
    own = KMeans(3, random_state=0).fit(X)
    rule = PredictAssigner(own).fit(X[:3], np.array([0, 0, 1]))
    assert rule.predict([[0.4], [9.5], [51.0]]).tolist() == [0, 1, -1]


def test_fidelity_is_measured_on_customers_that_were_held_out():
    X = np.random.default_rng(0).normal(size=(300, 2))
    labels = np.random.default_rng(1).integers(0, 2, 300)
    nearest = NeighborsAssigner(1)
    assert (nearest.fit(X, labels).predict(X) == labels).all()
    assert 0.35 < out_of_sample(nearest, X, labels, seed=0).overall < 0.65


def test_fidelity_counts_every_segment_however_large_the_table():
    X = np.linspace(0, 1, 40_000)[:, None]
    labels = (X[:, 0] > 0.9995).astype(int)
    found = out_of_sample(NeighborsAssigner(max_rows=2 * MAX_ROWS), X, labels, seed=0)
    assert set(found.each) == {0, 1}
    assert found.overall > 0.99
    shares = np.bincount(labels) / len(labels)
    assert found.overall == pytest.approx(sum(found.each[c] * shares[c] for c in (0, 1)))


def test_equal_fidelity_takes_the_first_rule():
    X, labels = np.array([[0.0], [0.1], [9.0], [9.1]]), np.array([0, 0, 1, 1])
    rule, found = most_faithful(rules_for(AgglomerativeClustering(2)), X, labels, seed=0)
    assert rule.word == "linkage"
    assert found.overall == 1


@pytest.mark.parametrize(
    ("clusterer", "words"),
    [
        (KMeans(3, random_state=0), {"predict"}),
        (Birch(n_clusters=3), {"neighbours"}),
        (DBSCAN(eps=0.7), {"core"}),
        (DBSCAN(eps=0.7, metric="manhattan"), {"neighbours"}),
        (HDBSCAN(copy=True), {"reach", "neighbours"}),
        (AgglomerativeClustering(3, linkage="complete"), {"linkage", "neighbours"}),
        (AgglomerativeClustering(3, linkage="average", metric="cosine"), {"neighbours"}),
        (None, {"neighbours"}),
    ],
)
def test_every_algorithm_finds_a_rule_that_follows_it(clusterer, words):
    X = blobs()
    labels = (clusterer or KMeans(3, random_state=0)).fit(X).labels_
    rule, found = follow(clusterer, X, labels, seed=0)
    assert rule.word in words
    assert found.overall > 0.9
    assert set(found.each) == set(labels)


# Short cuts ------------------------------------------------------------------------------------

TABLES = {
    "blobs": lambda rng: blobs(4000),
    "ties": lambda rng: rng.integers(0, 7, (4000, 3)).astype(float),
    "columns": lambda rng: make_blobs(4000, 20, centers=4, cluster_std=2.0, random_state=3)[0],
    "line": lambda rng: np.exp(rng.normal(size=(4000, 1))),
}
SEARCHING = [
    NeighborsAssigner(),
    NeighborsAssigner(1),
    *(LinkageAssigner(linkage) for linkage in ("average", "complete", "single")),
    *(CoreAssigner(eps, 8) for eps in (0.3, 2.5, 9.0)),
    *(ReachAssigner(n) for n in (5, 20, 200, 1)),
]


@pytest.mark.parametrize("rule", SEARCHING, ids=str)
@pytest.mark.parametrize("table", TABLES)
def test_many_customers_join_the_clusters_that_a_search_finds_for_each(rule, table, monkeypatch):
    monkeypatch.setattr(assigners, "MANY_ROWS", 2000)
    rng = np.random.default_rng(0)
    X = TABLES[table](rng)
    labels = KMeans(4, n_init=1, random_state=0).fit(X).labels_
    labels[rng.random(len(X)) < 0.02] = -1
    rule.fit(X[:800], labels[:800])
    nearby = X[:1000] + rng.choice([1e-9, 0.1], (1000, 1))
    new = np.concatenate([X, nearby, X[:50] * 10.0 ** rng.integers(0, 30, (50, 1))])
    parts = [rule.predict(part) for part in np.array_split(new, 4)]  # too few for short cuts
    np.testing.assert_array_equal(rule.predict(new), np.concatenate(parts))


def test_between_a_tight_and_a_loose_cluster_each_reaches_as_far_as_its_own_members(monkeypatch):
    monkeypatch.setattr(assigners, "MANY_ROWS", 2000)
    rng = np.random.default_rng(0)
    tight, loose = 0.05 * rng.normal(size=(600, 2)), 2.5 + rng.normal(size=(600, 2))
    rule = ReachAssigner().fit(np.vstack([tight, loose]), np.repeat([0, 1], 600))
    new = rng.uniform(-1, 4, (4000, 2))
    found = rule.predict(new)
    each = [rule.predict(part) for part in np.array_split(new, 4)]
    np.testing.assert_array_equal(found, np.concatenate(each))
    assert set(found) == {-1, 0, 1}


@pytest.mark.parametrize("rule", SEARCHING[:-2], ids=str)
def test_few_of_many_customers_are_searched_for(rule, monkeypatch):
    monkeypatch.setattr(assigners, "MANY_ROWS", 2000)
    centers = [[0, 0, 0], [9, 0, 0], [0, 9, 0]]
    X, labels = make_blobs(8000, centers=centers, cluster_std=1.2, random_state=0)
    rule.fit(X[:3000], labels[:3000])
    search, searched = type(rule)._searched, []

    def counted(self, rows):
        searched.append(len(rows))
        return search(self, rows)

    monkeypatch.setattr(type(rule), "_searched", counted)
    rule.predict(X[3000:])
    assert sum(searched) < 5000 / 3


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_mixture_predicts_as_it_does_by_itself(covariance):
    X = blobs()
    own = GaussianMixture(4, covariance_type=covariance, random_state=0).fit(X)
    new = np.random.default_rng(0).normal(size=(2000, 2)) * 8
    labels = own.predict(X)
    found = PredictAssigner(own).fit(X, labels).predict(new)
    np.testing.assert_array_equal(found, own.predict(new))


def test_a_twin_is_found_wherever_it_is():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(300, 3)), rng.normal(size=(9, 3)) * 1e25])
    moved = points + rng.uniform(-5e-10, 5e-10, points.shape)
    index = Index(points)
    np.testing.assert_array_equal(index.twins(moved), np.arange(309))
    assert (index.twins(rng.normal(size=(5000, 3))) == -1).all()
    line = np.unique(rng.normal(size=50_000).round(6))[:, np.newaxis]  # some at an edge of a shade
    for moved in (-9e-10, 9e-10):
        np.testing.assert_array_equal(Index(line).twins(line + moved), np.arange(len(line)))


def test_one_customer_is_followed():
    rule, found = follow(None, np.zeros((1, 2)), np.zeros(1, dtype=int), seed=0)
    assert rule.predict([[5.0, 5.0]]).tolist() == [0]
    assert found.overall == 1


def test_the_fellows_of_identical_customers_are_others():
    points = np.zeros((30, 2))
    distances, fellows = Index(points).fellows(10)
    assert fellows.shape == (30, 10)
    assert (distances == 0).all()
    assert (fellows != np.arange(30)[:, None]).all()


def test_a_reference_keeps_every_cluster():
    labels = np.zeros(500, dtype=int)
    labels[321], labels[77] = 1, -1
    assert {-1, 0, 1} <= set(labels[spread(labels, 10)])
    reference = Reference(np.arange(500.0)[:, None], labels, max_rows=10)
    assert set(reference.labels) == {-1, 0, 1}
    assert reference.votes.sum(axis=1).tolist() == [10] * len(reference.labels)


@pytest.mark.parametrize("columns", [4, 20])
def test_a_customer_of_the_reference_has_its_own_share_and_others_one_nearby(columns):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, columns))
    labels = (X[:, 0] > 0).astype(int)
    reference = Reference(X, labels)
    own = reference.votes[np.arange(3000), labels] / 10
    assert (own < 1).mean() > 0.2
    twins = reference.index.twins(X)
    np.testing.assert_array_equal(reference.confidence(X, labels, twins), own)
    new = rng.normal(size=(500, columns))
    near = labels[reference.index.nearest(new, 10)[1]] == (new[:, :1] > 0)
    found = reference.confidence(new, (new[:, 0] > 0).astype(int), np.full(500, -1))
    nearest = reference.votes[reference.index.nearest(new, 1)[1][:, 0], (new[:, 0] > 0) * 1] / 10
    error, usual = (np.abs(shares - near.mean(axis=1)).mean() for shares in (found, nearest))
    assert error < 1.05 * usual


def test_in_many_columns_the_nearest_are_those_of_all_distances():
    points = np.random.default_rng(0).normal(size=(500, 20))
    X = np.vstack([points[:30] + 0.3, points[30:40]])
    distances, _ = Index(points).nearest(X, 5)
    expected = np.sort(cdist(X, points), axis=1)[:, :5]
    np.testing.assert_allclose(distances, expected, atol=1e-12)
    np.testing.assert_array_equal(Index(points).twins(X), [-1] * 30 + list(range(30, 40)))
    alone = [Index(points).nearest(row[None], 5)[0][0] for row in X]
    np.testing.assert_array_equal(distances, alone)
    assert Index(points).nearest(X[:0], 5)[0].shape == (0, 5)
