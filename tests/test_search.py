"""A path is searched for its best candidate: by evidence, within guards, beyond its grid."""

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.mixture import GaussianMixture

from customer_segmentation import selection
from customer_segmentation.evidence.scoring import Guards
from customer_segmentation.search import Algorithm, Selection, search

KMEANS = Algorithm("kmeans", KMeans(n_init=5, random_state=0), "n_clusters", range(1, 11))
WARD = Algorithm("ward", AgglomerativeClustering(), "n_clusters", range(1, 11))


def take(X, algorithm=KMEANS, rule=selection.by_evidence, **options):
    return search(X, algorithm, Selection(rule, **options), seed=0)


def blobs(k, n=600, std=0.6):
    corners = 5.0 * np.array([(x, y) for x in range(3) for y in range(2)])[:k]
    X, y = make_blobs(n, centers=corners, cluster_std=std, random_state=5)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.mark.parametrize("algorithm", [KMEANS, WARD], ids=lambda a: a.name)
def test_blobs_are_natural_segments(algorithm):
    found = take(blobs(4)[0], algorithm)
    assert found.row["n_segments"] == 4
    assert found.row["verdict"] == "natural"
    assert found.row["stability"] > 0.95
    assert min(found.jaccard) > 0.9


def test_one_gaussian_has_no_segments():
    X = np.random.default_rng(0).normal(size=(600, 3))
    for algorithm in (KMEANS, WARD):
        found = take(X, algorithm)
        assert found.row["score"] <= 0
        assert found.row["verdict"] in ("reproducible", "constructed")


@pytest.mark.parametrize("algorithm", [KMEANS, WARD], ids=lambda a: a.name)
def test_more_than_ten_segments_are_found_without_asking(algorithm):
    centres = np.array([(x, y) for x in range(4) for y in range(4)]) * 10.0
    X = np.concatenate(
        [np.random.default_rng(i).normal(c, 0.6, (60, 2)) for i, c in enumerate(centres)]
    )
    found = take((X - X.mean(axis=0)) / X.std(axis=0), algorithm)
    assert found.path.candidates[-1].value > 10
    assert 14 <= found.row["n_segments"] <= 18
    assert "the path was extended to 60 segments" in found.choice.reason
    bounded = take(X / X.std(axis=0), algorithm, largest_grid=10)
    assert len(bounded.path.candidates) == 10


def test_a_handful_of_customers_is_no_segment():
    X = np.concatenate(
        [np.random.default_rng(0).normal(size=(300, 2)), [[40, 40], [41, 40], [40, 41]]]
    )
    free = take(X, guards=Guards(smallest=1, smallest_share=0.0, largest_share=1.0))
    assert free.row["n_segments"] == 2
    guarded = take(X)
    two = guarded.scores[guarded.scores["n_segments"] == 2].iloc[0]
    assert "3 customers (limit 10)" in two["objection"]
    assert "no candidate is eligible" in guarded.choice.reason or guarded.row["objection"] == ""


def test_too_many_outliers_are_an_objection():
    X, _ = blobs(3, n=300, std=2.5)
    path = take(X, Algorithm("hdbscan", HDBSCAN(copy=True), "min_cluster_size")).scores
    noisy = path[(path["outlier_share"] > 0.15) & (path["n_segments"] > 1)]
    assert len(noisy)
    assert noisy["objection"].str.contains("outliers").all()


def test_gap_finds_the_blobs_and_may_say_one():
    assert take(blobs(4)[0], rule=selection.by_gap).row["n_segments"] == 4
    X = np.random.default_rng(0).normal(size=(400, 2))
    assert take(X, rule=selection.by_gap).row["n_segments"] == 1


def test_bic_takes_the_mixtures_own_and_judges_others_as_hard_mixtures():
    X, _ = blobs(4)
    gmm = Algorithm("gmm", GaussianMixture(random_state=0), "n_components", range(1, 8))
    by_bic = take(X, gmm, rule=selection.by_bic)
    assert by_bic.row["n_segments"] == 4
    assert by_bic.row["bic"] == by_bic.scores["bic"].min()
    assert take(X, rule=selection.by_bic).row["n_segments"] == 4


def test_a_path_of_mixtures_ends_early_only_where_nobody_asked_for_more():
    X = np.random.default_rng(0).normal(size=(600, 4)) + np.repeat([[0], [6]], 300, axis=0)
    mixture = GaussianMixture(random_state=0)
    ended, given, forced, extended = (
        take(X, Algorithm("gmm", mixture, "n_components", grid), **options)
        for grid, options in (
            (None, {}),
            (range(1, 11), {}),
            (None, {"n_segments": 9}),
            ([1, 2], {}),
        )
    )
    assert [len(found.scores) for found in (ended, given, forced)] == [6, 10, 10]
    assert "the path ends at 6 segments, where BIC had" in ended.choice.reason
    assert "the path ends" not in given.choice.reason + forced.choice.reason
    assert extended.scores["value"].tolist() == [1, 2, 3, 4, 5, 6]
    for found in (ended, given, extended):
        assert found.row["n_segments"] == 2


def test_a_number_that_was_asked_for_wins_over_the_evidence():
    found = take(blobs(4)[0], n_segments=6)
    assert found.row["n_segments"] == 6
    assert len(found.jaccard) == 6
    assert found.row["stability"] < 0.95
    assert len(found.path.candidates) == 10


def test_only_candidates_that_can_win_are_bootstrapped():
    scores = take(blobs(4)[0]).scores
    assert 1 <= scores["stability"].notna().sum() <= selection.EXAMINED


def test_the_same_seed_gives_the_same_evidence():
    X, _ = blobs(5, std=1.5)
    first, second = take(X).scores, take(X).scores
    for column in ("score", "stability", "jaccard_min", "likelihood", "overlap"):
        np.testing.assert_array_equal(first[column], second[column])
