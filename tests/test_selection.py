"""Which candidate is taken."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from customer_segmentation import paths, selection, validity


def table(**columns):
    n = len(next(iter(columns.values())))
    whole = {
        "value": range(n),
        "n_segments": range(1, n + 1),
        "wcss": [1.0] * n,
        "silhouette": [0.1] * n,
        "objection": [""] * n,
        "coverage": [1.0] * n,
    }
    return pd.DataFrame(whole | columns)


@pytest.fixture(scope="module")
def mall_path(income_spending):
    path = paths.fit_path(
        KMeans(n_init=10, random_state=0),
        income_spending,
        algorithm="kmeans",
        parameter="n_clusters",
    )
    scores, *_ = validity.score(income_spending, path.labelings, seed=0)
    return scores.assign(value=[c.value for c in path.candidates], objection="")


def test_silhouette_takes_five_on_the_mall(mall_path):
    assert (
        mall_path["n_segments"][selection.choose(mall_path, selection.by_silhouette, None).index]
        == 5
    )


def test_elbow_takes_the_knee_on_the_mall(mall_path):
    choice = selection.choose(mall_path, selection.by_elbow, None)
    assert mall_path["n_segments"][choice.index] == 5
    assert "elbow" in choice.reason


def test_a_number_that_was_asked_for_is_taken(mall_path):
    choice = selection.choose(mall_path, selection.by_silhouette, None, n_segments=3)
    assert mall_path["n_segments"][choice.index] == 3


def test_a_number_that_the_path_has_not_is_refused_with_what_it_has():
    with pytest.raises(selection.SelectionError, match=r"\[1, 2, 3\]"):
        selection.choose(
            table(silhouette=[0.1, 0.2, 0.3]), selection.by_silhouette, None, n_segments=9
        )


def test_a_brilliant_silhouette_of_a_minority_does_not_count():
    path = table(silhouette=[0.9, 0.3, 0.2], objection=["80% outliers", "", ""])
    assert selection.by_silhouette(path, None).index == 1


def test_without_clusters_the_outcome_says_so():
    nothing = ["fewer than two segments"] * 2
    path = table(
        n_segments=[0, 0], objection=nothing, silhouette=[np.nan, np.nan], coverage=[0.0, 0.0]
    )
    assert selection.by_silhouette(path, None).reason == "no cluster was found"
    one = table(
        n_segments=[1, 0], objection=nothing, silhouette=[np.nan, np.nan], coverage=[1.0, 0.0]
    )
    assert selection.by_silhouette(one, None).index == 0


def test_paths_without_an_order_of_segments_have_no_elbow():
    path = table(n_segments=[5, 3, 4], silhouette=[0.1, 0.2, 0.3])
    choice = selection.by_elbow(path, None)
    assert choice.index == 2
    assert "no elbow" in choice.reason
