"""Customers whose segment is in doubt are found, and nobody else is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.neighbors import NearestNeighbors

from customer_segmentation import selection
from customer_segmentation.evidence.stability import Resample
from customer_segmentation.profiles import borderline
from customer_segmentation.search import Algorithm, Selection, search
from customer_segmentation.style import OUTLIER

NAMES = {1: "Low", 2: "High"}


def ids(n):
    return pd.Index([f"c{i}" for i in range(n)], name="CustomerID")


def confidence_of(X, segments):
    near = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(return_distance=False)
    return (segments[near] == segments[:, None]).mean(axis=1)


def table(X, segments, resamples=(), confidence=None):
    numbers = pd.Series(segments, index=ids(len(X)))
    confidence = confidence_of(X, np.asarray(segments)) if confidence is None else confidence
    return borderline.table(numbers, NAMES, X=X, confidence=confidence, resamples=resamples)


def blobs(distance, n=150):
    X = np.random.default_rng(0).normal(size=(2 * n, 2))
    X[n:, 0] += distance
    return X


def same(segments, times=4):
    return [Resample(np.arange(len(segments)), np.asarray(segments))] * times


def test_far_apart_nobody_is_borderline():
    X, segments = blobs(30), np.repeat([1, 2], 150)
    found = table(X, segments, same(segments))
    assert found.empty
    assert list(found.columns) == list(borderline.COLUMNS)
    assert found.index.name == "CustomerID"


def test_those_between_two_segments_are_found_by_their_neighbours():
    X = blobs(2.5)
    segments = 1 + (X[:, 0] > 1.25)
    found = table(X, segments, same(segments))
    assert 0 < len(found) < 40
    distance = pd.Series(np.abs(X[:, 0] - 1.25), index=ids(300))
    assert distance[found.index].max() < distance.median()
    assert (found["next_best"] == 3 - found["segment"]).all()
    assert (found["confidence"] <= 0.5).all()
    assert found["confidence"].is_monotonic_increasing
    assert found["reason"].str.endswith("% of its nearest customers are in its segment").all()


def test_those_who_flip_are_found_however_sure_their_neighbours():
    X, segments = blobs(30), np.repeat([1, 2], 150)
    flipped = segments.copy()
    flipped[:3] = 2
    resamples = [*same(segments, 1), *same(flipped, 2)]
    found = table(X, segments, resamples)
    assert found.index.tolist() == ["c0", "c1", "c2"]
    assert found["next_best"].tolist() == [2, 2, 2]
    assert found["steadiness"].round(2).unique().tolist() == [0.33]
    assert found["reason"].iloc[0] == "elsewhere in 2 of 3 repetitions"


def test_one_flip_is_an_accident():
    X, segments = blobs(30), np.repeat([1, 2], 150)
    flipped = segments.copy()
    flipped[:3] = 2
    assert table(X, segments, [*same(segments, 2), *same(flipped, 1)]).empty


def test_the_most_doubtful_come_first_and_both_reasons_are_told():
    X, segments = blobs(30), np.repeat([1, 2], 150)
    flipped = segments.copy()
    flipped[:2] = 2
    sure = np.ones(300)
    sure[[1, 7, 8]] = 0.5, 0.1, 0.4
    found = table(X, segments, same(flipped, 3) + same(segments, 1), sure)
    assert found.index.tolist() == ["c1", "c7", "c0", "c8"]
    assert found["reason"].iloc[0] == (
        "only 50 % of its nearest customers are in its segment; elsewhere in 3 of 4 repetitions"
    )


def test_a_customer_without_enough_resamples_has_no_steadiness():
    X, segments = blobs(30), np.repeat([1, 2], 150)
    part = Resample(np.arange(100), segments[:100])
    found = table(X, segments, [part, part], np.full(300, 0.2))
    assert len(found) == 300
    assert found["steadiness"].notna().sum() == 100
    assert found["reason"].str.contains("only 20 %").all()


def test_outliers_are_borderline_only_when_they_join_a_segment():
    X, segments = blobs(30), np.repeat([1, 2], 150)
    segments[[0, 1]] = OUTLIER
    joined = segments.copy()
    joined[0] = 1
    found = table(X, segments, same(joined, 3))
    assert found.index.tolist() == ["c0"]
    assert found[["name", "next_best_name"]].iloc[0].tolist() == ["Outliers", "Low"]


def test_outliers_are_the_next_best_only_where_there_is_nothing_else():
    X, segments = blobs(30), np.repeat([1, OUTLIER], 150)
    segments[150] = 1
    found = table(X, segments)
    assert found.index.tolist() == ["c150"]
    assert found["next_best_name"].tolist() == ["Outliers"]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_and_equal_customers(n):
    found = table(np.zeros((n, 2)), np.arange(n) % 2 + 1, confidence=np.zeros(n))
    assert len(found) == n
    assert (found["next_best"].dropna() != found.loc[found["next_best"].notna(), "segment"]).all()


def test_equal_customers_are_not_their_own_neighbours():
    X = np.zeros((40, 1))
    segments = np.repeat([1, 2], 20)
    found = table(X, segments)
    assert (found["next_best"] == 3 - found["segment"]).all()


def test_segments_of_another_run_are_refused():
    with pytest.raises(ValueError, match="got 3 segments, 4 rows and 3 confidences"):
        borderline.table(pd.Series([1, 1, 2]), NAMES, X=np.zeros((4, 1)), confidence=np.ones(3))


@pytest.mark.parametrize(
    "algorithm",
    [
        Algorithm("kmeans", KMeans(n_init=3, random_state=0), "n_clusters", [2]),
        Algorithm("ward", AgglomerativeClustering(), "n_clusters", [2]),
        Algorithm("dbscan", DBSCAN(), "eps", [0.4]),
    ],
    ids=lambda algorithm: algorithm.name,
)
def test_what_a_search_found_makes_the_table(algorithm):
    X = blobs(3.5)
    chosen = search(X, algorithm, Selection(selection.by_silhouette), seed=0)
    labels = chosen.candidate.labels
    segments = np.where(labels >= 0, labels + 1, OUTLIER)
    found = table(X, segments, chosen.resamples)
    assert len(chosen.resamples) == 5
    assert 0 < len(found) < 60
    assert found["next_best"].notna().all()


def test_one_cluster_has_no_borderline():
    X = np.random.default_rng(0).normal(size=(100, 2))
    kmeans = Algorithm("kmeans", KMeans(n_init=1, random_state=0), "n_clusters", [1])
    chosen = search(X, kmeans, Selection(selection.by_silhouette), seed=0)
    assert chosen.resamples == []
    assert table(X, np.ones(100, dtype=int), chosen.resamples).empty
