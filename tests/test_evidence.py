"""Evidence on data whose values are known, and what it must not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.datasets import make_circles

from customer_segmentation.evidence import COLUMNS, density, explained, measure
from customer_segmentation.evidence.density import borders, broken, neighbourhood
from customer_segmentation.evidence.likelihood import gain, table
from customer_segmentation.evidence.projection import projected_depths

OF_SHAPE = [
    "no_valley", "overlap", "absorbed", "inner_gap", "hidden_valley", "purity", "purity_min",
]  # fmt: skip
SHARES = [*OF_SHAPE, "unexplained"]
SHAPE = [*OF_SHAPE, "valley_depth"]
few = settings(max_examples=15, deadline=None, derandomize=True)


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def blobs(distance, columns=2, rows=300, seed=0):
    y = np.repeat([0, 1], rows)
    X = np.random.default_rng(seed).normal(size=(2 * rows, columns))
    X[:, 0] += distance * y
    return standardised(X), y


def one(X, labels, seed=0):
    return measure(X, [labels], seed=seed).iloc[0]


def some_labels(rng, n, k=3):
    return rng.integers(-1, k, n)


def test_two_far_blobs_have_perfect_evidence():
    X, y = blobs(0)
    row = one(X + 100 * y[:, None], y)
    assert row["purity"] == row["purity_min"] == pytest.approx(1, abs=0.001)
    assert row["no_valley"] == row["overlap"] == row["inner_gap"] == row["hidden_valley"] == 0
    assert row["valley_depth"] > 1


def test_one_cluster_over_two_blobs_has_a_gap():
    X, y = blobs(0)
    assert one(X + 100 * y[:, None], np.zeros_like(y))["inner_gap"] == 1


def test_one_cluster_over_two_overlapping_blobs_has_a_hidden_valley():
    X, y = blobs(5)
    assert one(X, np.zeros_like(y))["hidden_valley"] == 1
    assert one(X, y)["hidden_valley"] == 0


def test_gain_of_far_gaussians_is_the_variance_removed_less_the_cost_of_naming():
    X, y = blobs(20, rows=3000)
    spread = 1 + 20**2 / 4  # variance of the first column before it was standardised
    floor = 0.001 * spread
    expected = 0.5 * np.log(spread / (1 + floor)) - np.log(2)
    assert gain(table(X), y) == pytest.approx(expected, abs=0.02)


def test_gain_of_a_flag_is_what_it_tells_less_the_penalty():
    n = 4000
    flag = np.repeat([0, 1], n // 2)
    X = standardised(np.c_[np.random.default_rng(0).normal(size=(n, 1)), flag])
    # Naming the cluster costs log 2 nats a row and the flag gives them back; three parameters more.
    assert gain(table(X), flag) == pytest.approx(-1.5 * np.log(n) / n, abs=0.002)


@pytest.mark.parametrize("kind", ["normal", "random", "exponential"])
def test_halving_one_lump_explains_little_and_finds_no_valley(kind):
    X = standardised(getattr(np.random.default_rng(1), kind)(size=(1000, 2)))
    row = one(X, (X[:, 0] > np.median(X[:, 0])).astype(int))
    assert row["no_valley"] == row["overlap"] == 1
    assert kind == "exponential" or row["gain"] <= 0


def test_overlap_in_many_columns_is_seen_along_the_line_only():
    X, y = blobs(5, columns=10)
    row = one(X, y)
    assert row["no_valley"] == 1
    assert row["overlap"] == 0


def test_circles_have_valleys_and_no_gain():
    X, y = make_circles(800, noise=0.04, factor=0.45, random_state=0)
    row = one(standardised(X), y)
    assert row["gain"] < 0
    assert row["no_valley"] == row["inner_gap"] == 0


def test_what_is_merged_is_left_to_explain_and_what_is_told_apart_is_not():
    X, y = blobs(8, columns=3)
    evidence = measure(X, [np.zeros_like(y), y], seed=0)
    assert evidence["unexplained"].tolist() == [
        pytest.approx(evidence["likelihood"][1], abs=0.1),
        0,
    ]


@pytest.mark.parametrize("columns", [2, 6, 13])
def test_nothing_is_left_to_explain_in_one_gaussian(columns):
    X = np.random.default_rng(columns).normal(size=(200, columns))
    assert one(standardised(X), np.zeros(200, dtype=int))["unexplained"] == 0


def test_gaussians_laid_over_a_ring_leave_something_to_explain():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 800)
    X = standardised(np.c_[np.cos(angle), np.sin(angle)])
    assert one(X, (angle > np.pi).astype(int))["unexplained"] > 0.3


def test_flags_do_not_degenerate():
    rng = np.random.default_rng(0)
    flag = rng.integers(0, 2, 500)
    X = standardised(np.c_[rng.normal(size=(500, 2)), flag])
    assert gain(table(X), flag) < np.log(2)
    assert np.isfinite(one(standardised(np.c_[flag, 1 - flag]), flag)["gain"])


def test_few_rows_per_column_do_not_hide_segments_of_different_spread():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 90)
    X = rng.normal(size=(180, 12)) * np.where(y[:, None] == 0, 1, 2) + 1.2 * y[:, None]
    X = standardised(X @ rng.normal(size=(12, 12)))
    # A covariance per cluster is charged 78 parameters: with 90 rows that is more than it tells.
    assert gain(table(X), y) > 0.2
    assert gain(table(X), rng.permutation(y)) < 0


def test_many_flags_beside_one_count_are_a_space_and_few_are_not():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    flags = rng.random((300, 14)) < np.where(y[:, None] == 1, 0.9, 0.1)
    X = standardised(np.c_[flags, rng.integers(0, 5, 300)])
    assert one(X, y)["no_valley"] == 0
    assert one(X[:, -4:], y)["no_valley"] > 0.9


def test_all_outliers_have_no_evidence():
    X, y = blobs(4)
    assert one(X, np.full_like(y, -1)).isna().all()
    assert list(measure(X, [np.full_like(y, -1)], seed=0)) == list(COLUMNS)


def test_a_label_too_few_is_refused():
    X, y = blobs(4)
    with pytest.raises(ValueError, match="got 599 labels, expected one for each of 600 rows"):
        measure(X, [y[:-1]], seed=0)


def test_depths_are_symmetric_and_connected_blobs_whole():
    X, y = blobs(3)
    graph = neighbourhood(X, seed=0)
    for depth in (borders(graph, y, 2)[0], projected_depths(X, y, 2, {})):
        assert depth[0, 1] == depth[1, 0]
    assert not broken(graph, y, 2).any()


def test_the_sample_may_miss_a_cluster(monkeypatch):
    monkeypatch.setattr(density, "ROWS", 100)
    X, y = blobs(4, rows=1500)
    y = y.copy()
    y[0] = 2
    row = measure(X, [y], seed=0).iloc[0]
    assert row[SHARES].between(0, 1).all()


def test_a_matrix_is_prepared_once_and_another_one_anew():
    X, y = blobs(4)
    first = one(X, y)
    other = one(X[::-1].copy(), y)
    assert first.equals(one(X.copy(), y))
    assert first["gain"] == pytest.approx(other["gain"])


@few
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_density_has_no_unit_and_no_origin(seed, scale, shift):
    rng = np.random.default_rng(seed)
    X, labels = rng.normal(size=(150, 3)), some_labels(rng, 150)
    assert_allclose(one(scale * X + shift, labels)[SHAPE], one(X, labels)[SHAPE], atol=1e-6)


@few
@given(st.integers(0, 10**6))
def test_density_and_the_full_model_do_not_care_for_rotation(seed):
    rng = np.random.default_rng(seed)
    X, labels = rng.normal(size=(150, 3)), some_labels(rng, 150)
    turned = X @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert_allclose(one(turned, labels)[SHAPE], one(X, labels)[SHAPE], atol=1e-6)


@few
@given(st.integers(0, 10**6))
def test_names_of_clusters_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    X, labels = rng.normal(size=(120, 2)), some_labels(rng, 120)
    renamed = np.where(labels < 0, -1, np.array([7, 2, 30])[labels])
    assert one(X, labels).equals(one(X, renamed))


@few
@given(st.integers(0, 10**6))
def test_order_of_rows_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    X, labels = rng.normal(size=(120, 2)), some_labels(rng, 120)
    order = rng.permutation(120)
    assert_allclose(one(X[order], labels[order]), one(X, labels), atol=1e-9)


@few
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 6))
def test_shares_are_shares(seed, k, columns):
    rng = np.random.default_rng(seed)
    row = one(rng.normal(size=(90, columns)), rng.integers(0, k, 90))
    assert row[SHARES].between(0, 1).all()
    assert -1 <= row["likelihood"] < 1


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_the_explained_share_grows_with_the_gain(a, b):
    low, high = sorted((a, b))
    assert -1 <= explained(low) <= explained(high) <= 1


def test_a_crumb_beside_a_lump_is_absorbed_and_the_lump_is_not():
    X = standardised(np.random.default_rng(0).normal(size=(600, 2)))
    crumb = (X[:, 0] > np.quantile(X[:, 0], 0.8)).astype(int)
    row = one(X, crumb)
    assert row["overlap"] == 1
    assert row["absorbed"] == pytest.approx(0.2)
