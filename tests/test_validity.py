"""Scores equal scikit-learn's, outliers are left out, and what is missing says why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.cluster import KMeans

from customer_segmentation import validity


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray]]:
    n = draw(st.integers(6, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(n, draw(st.integers(1, 5)))) * draw(st.sampled_from([1e-3, 1.0, 1e4]))
    labelings = []
    for _ in range(draw(st.integers(1, 4))):
        raw = rng.integers(-1, draw(st.integers(1, 6)), size=n)
        inside = raw >= 0
        closed = np.full(n, -1)
        if inside.any():
            closed[inside] = np.unique(raw[inside], return_inverse=True)[1]
        labelings.append(closed)
    return X, labelings


@given(labelled())
@settings(deadline=None, max_examples=60)
def test_equal_to_scikit_learn_on_the_customers_inside(case):
    X, labelings = case
    table, silhouettes, _ = validity.score(X, labelings, seed=0)
    for row, labels, widths in zip(table.to_dict("records"), labelings, silhouettes, strict=True):
        inside = labels >= 0
        k = len(set(labels[inside]))
        assert row["n_segments"] == k
        assert row["coverage"] == pytest.approx(inside.mean())
        assert row["outlier_share"] == pytest.approx(1 - inside.mean())
        assert np.isnan(widths[~inside]).all()
        if not 2 <= k < inside.sum():
            assert row["absent"]
            assert np.isnan([row["silhouette"], row["davies_bouldin"]]).all()
            continue
        kept, own = X[inside], labels[inside]
        expected = metrics.silhouette_samples(kept, own)
        np.testing.assert_allclose(widths[inside], expected, atol=1e-9)
        assert row["silhouette"] == pytest.approx(expected.mean(), abs=1e-9)
        means = [expected[labels[inside] == cluster].mean() for cluster in range(k)]
        shown = [float(value) for value in row["silhouette_per_segment"].split(", ")]
        assert sorted(shown) == pytest.approx(sorted(means), abs=1e-3)
        sizes = [int(size) for size in row["sizes"].split(", ")]
        assert sizes == sorted(np.bincount(labels[inside]), reverse=True)
        assert row["calinski_harabasz"] == pytest.approx(metrics.calinski_harabasz_score(kept, own))
        assert row["davies_bouldin"] == pytest.approx(metrics.davies_bouldin_score(kept, own))


def test_wcss_is_the_inertia_of_kmeans(income_spending):
    model = KMeans(5, n_init=10, random_state=0).fit(income_spending)
    assert validity.wcss(income_spending, model.labels_) == pytest.approx(model.inertia_, abs=1e-9)


def test_an_outlier_far_away_changes_no_score(income_spending):
    labels = KMeans(5, n_init=10, random_state=0).fit_predict(income_spending)
    far = np.vstack([income_spending, [[1e6, -1e6]]])
    (before,) = validity.score(income_spending, [labels], seed=0)[0].to_dict("records")
    (after,) = validity.score(far, [np.append(labels, -1)], seed=0)[0].to_dict("records")
    for name in ("wcss", "silhouette", "calinski_harabasz", "davies_bouldin"):
        assert after[name] == pytest.approx(before[name], rel=1e-6)
    assert after["coverage"] == pytest.approx(200 / 201)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([-1, -1, -1, -1], "no cluster found"),
        ([0, 0, 0, 0], "one segment"),
        ([0, 1, 2, 3], "single customer"),
    ],
)
def test_a_score_that_cannot_be_computed_is_absent_with_its_reason(labels, reason):
    table, *_ = validity.score(np.arange(8.0).reshape(4, 2), [np.array(labels)], seed=0)
    assert reason in table["absent"][0]
    assert np.isnan(table["silhouette"][0])


def test_beyond_the_limit_the_silhouette_is_estimated_within_its_standard_error():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(m, 1, (n, 2)) for m, n in ((0, 3000), (3, 900), (7, 100))])
    labelings = [np.repeat([0, 1, 2], [3000, 900, 100]), np.repeat([0, 1, -1], [3000, 900, 100])]
    exact, each, _ = validity.score(X, labelings, seed=0)
    assert "silhouette_se" not in exact
    estimates = [validity.score(X, labelings, seed=seed, exact_rows=1500) for seed in range(40)]
    for place, (true, widths) in enumerate(zip(exact["silhouette"], each, strict=True)):
        found = np.array([table["silhouette"][place] for table, *_ in estimates])
        errors = np.array([table["silhouette_se"][place] for table, *_ in estimates])
        off = (found - true) / errors
        assert np.abs(off).max() < 4, "an estimate is not within its stated error"
        assert 0.6 < off.std() < 1.5, "the stated error is not the actual one"
        assert abs(off.mean()) < 0.6, "biased"
        sampled = estimates[0].widths(place, 4000)
        known = np.isfinite(sampled)
        assert known.sum() <= validity.scored_rows(4000, 1500) == 562
        np.testing.assert_allclose(sampled[known], widths[known])
    assert (estimates[0][0]["wcss"] == exact["wcss"]).all()
