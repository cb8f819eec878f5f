"""The model: numbers that stay, new customers, and a life on disk without pickle."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from conftest import INCOME, SPENDING
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, AgglomerativeClustering, Birch, KMeans
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from customer_segmentation import features, paths
from customer_segmentation.segmenter import TRUSTED_TYPES, SchemaError, Segmenter, number_segments

TRANSFORMS = [
    {"columns": [INCOME, SPENDING], "transform": StandardScaler()},
    {
        "columns": ["Gender"],
        "transform": OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
    },
]


def model(mall, estimator, parameter, value, transforms=TRANSFORMS[:1]):
    built = features.build(mall, transforms, name="x")
    path = paths.fit_path(estimator, built.matrix, algorithm="a", parameter=parameter, grid=[value])
    segmenter = Segmenter(built, path.candidates[0], seed=0)
    segmenter.name_segments({n: f"name {n}" for n in range(1, segmenter.segments_.max() + 1)})
    return segmenter


ESTIMATORS = [
    (KMeans(n_init=3, random_state=0), "n_clusters", 5, "predict"),
    (GaussianMixture(random_state=0), "n_components", 5, "predict"),
    (AgglomerativeClustering(), "n_clusters", 5, "neighbours"),
    (Birch(threshold=0.1), "n_clusters", 5, "neighbours"),
    (DBSCAN(), "eps", 0.36, "neighbours"),
]


@pytest.mark.parametrize(("estimator", "parameter", "value", "assigner"), ESTIMATORS)
def test_every_kind_of_algorithm_scores_customers_from_disk(
    mall, tmp_path, estimator, parameter, value, assigner
):
    segmenter = model(mall, estimator, parameter, value)
    assert segmenter.assigner == assigner
    assert segmenter.fidelity_ > 0.9
    skops.io.dump(segmenter, tmp_path / "m.skops")
    loaded = skops.io.load(tmp_path / "m.skops", trusted=TRUSTED_TYPES)
    scored = loaded.predict(mall)
    pd.testing.assert_frame_equal(scored, segmenter.predict(mall))
    assert (scored["segment"] == segmenter.segments_).mean() > 0.9
    assert scored["confidence"].between(0, 1).all()
    assert set(scored["segment_name"]) <= {*segmenter.names.values()}


def test_predict_takes_whole_numbers_gaps_text_numbers_and_new_categories(mall):
    segmenter = model(mall, KMeans(random_state=0), "n_clusters", 3, TRANSFORMS)
    new = pd.DataFrame(
        {SPENDING: ["81", None], INCOME: [15, 90], "Gender": ["Male", "Unknown"], "extra": [1, 2]},
        index=["x", "y"],
    )
    scored = segmenter.predict(new)
    assert list(scored.index) == ["x", "y"]
    assert scored["segment"].between(1, 3).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns=[INCOME]), ["without", INCOME]),
        (lambda t: t.assign(**{INCOME: "much"}), ["'much'", INCOME]),
        (lambda t: t.assign(**{INCOME: np.inf}), ["infinite", INCOME]),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused(mall, change, words):
    segmenter = model(mall, KMeans(random_state=0), "n_clusters", 3)
    with pytest.raises(SchemaError) as error:
        segmenter.predict(change(mall))
    assert all(word in str(error.value) for word in words)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(deadline=None, max_examples=50)
def test_equal_partitions_get_equal_numbers(seed, k):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 2)).round(1)
    labels = np.concatenate([np.arange(k), rng.integers(-1, k, 30 - k)])
    renamed = np.append(rng.permutation(k), -1)
    order = rng.permutation(30)
    numbers = number_segments(X, labels)
    again = number_segments(X[order], renamed[labels][order])
    np.testing.assert_array_equal(numbers, again[renamed[:-1]])
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    assert list(sizes[np.argsort(numbers)]) == sorted(sizes, reverse=True)
    assert sorted(numbers) == list(range(1, k + 1))


def test_no_cluster_is_a_model_of_outliers(mall):
    segmenter = model(mall, DBSCAN(min_samples=150), "eps", 0.01)
    assert set(segmenter.predict(mall)["segment"]) == {-1}
