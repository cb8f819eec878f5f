"""Guards, score, verdict and the end of a grid."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from customer_segmentation import selection
from customer_segmentation.evidence import measure
from customer_segmentation.evidence.scoring import (
    DEEP_WORTH,
    VALLEYS_WORTH,
    Guards,
    band,
    further_values,
    objections,
    score,
    verdict,
)
from customer_segmentation.search import Algorithm, Selection, search

ERRORS = ("unexplained", "absorbed", "unstable", "no_valley", "inner_gap", "hidden_valley")
shares = st.fixed_dictionaries(dict.fromkeys([*ERRORS, "jaccard_min"], st.floats(0, 1)))
FLAWLESS = dict.fromkeys(ERRORS, 0.0) | {"jaccard_min": 1.0}


def one(likelihood, shares, depth=np.inf):
    row = {"likelihood": likelihood, "valley_depth": depth} | shares
    return float(score(pd.DataFrame([row]))[0])


def measured(X, labels):
    """Evidence for labellings that always come back."""
    return measure(X, labels, seed=0).assign(jaccard_min=1.0, unstable=0.0)


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def found(X, estimator=None, parameter="n_clusters"):
    estimator = estimator or KMeans(n_init=3, random_state=0)
    algorithm = Algorithm("some", estimator, parameter, range(1, 7))
    return search(X, algorithm, Selection(selection.by_evidence), seed=0).row


@given(st.floats(-1, 1), shares)
def test_the_score_is_bounded_and_errors_never_raise_it(likelihood, shares):
    value = one(likelihood, shares)
    assert -3 <= value <= max(likelihood, DEEP_WORTH)
    assert value <= one(likelihood, FLAWLESS)


@given(st.floats(-1, 1), shares, st.sampled_from(ERRORS))
def test_no_error_is_for_free(likelihood, shares, error):
    assert one(likelihood, shares | {error: 1.0}) <= one(likelihood, shares)


@given(shares)
def test_without_a_bootstrap_the_score_is_an_upper_bound(shares):
    unknown = {"jaccard_min": np.nan, "unstable": np.nan}
    assert one(0.5, shares | unknown) >= one(0.5, shares)


def test_valleys_count_where_no_model_fits():
    worth = [one(-0.8, FLAWLESS, depth) for depth in (0.1, 0.5, 1.0)]
    assert VALLEYS_WORTH == worth[0] < worth[1] < worth[2] == DEEP_WORTH


def ring(rng, n, radius):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)] * radius + rng.normal(0, 0.07, (n, 2))


def test_pieces_of_a_curve_are_no_segments():
    rng = np.random.default_rng(0)
    X = standardised(np.r_[ring(rng, 300, 1), ring(rng, 500, 2)])
    whole = np.repeat([0, 1], [300, 500])
    quarters = whole * 4 + (X[:, 0] > 0) * 2 + (X[:, 1] > 0)
    evidence = measured(X, [whole, quarters])
    assert evidence["no_valley"].tolist() == [0, pytest.approx(1, abs=0.2)]
    assert score(evidence).idxmax() == 0


@pytest.mark.parametrize("distance", [4, 8])
def test_two_segments_are_found_and_natural(distance):
    X = np.random.default_rng(0).normal(size=(600, 3))
    X[300:, 0] += distance
    row = found(standardised(X))
    assert row["n_segments"] == 2
    assert row["verdict"] == "natural"


@pytest.mark.parametrize("kind", ["normal", "random"])
@pytest.mark.parametrize("columns", [2, 6])
def test_no_segments_in_data_without_structure(kind, columns):
    X = getattr(np.random.default_rng(3), kind)(size=(600, columns))
    row = found(standardised(X))
    assert row["score"] <= 0
    assert row["verdict"] != "natural"


def test_the_mall_has_five_segments_for_kmeans_and_mixtures_alike(income_spending):
    mixture = GaussianMixture(n_init=5, reg_covar=1e-3, random_state=0)
    for row in (found(income_spending), found(income_spending, mixture, "n_components")):
        assert row["n_segments"] == 5
        assert row["score"] > VALLEYS_WORTH  # the most that any coarser cut along valleys can get


def test_a_mixture_beats_its_splits():
    rng = np.random.default_rng(0)
    X = standardised(rng.normal(size=(750, 4)) + 4.5 * np.eye(4)[np.repeat([0, 1, 2], 250)])
    labels = [GaussianMixture(k, n_init=3, random_state=0).fit_predict(X) for k in range(2, 7)]
    assert score(measured(X, labels)).idxmax() == 1


def test_merged_segments_lose_where_the_rest_is_far_away():
    """What separates the far ones explains nearly all; that two were merged must still count."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [40, 0], [0, 40], [0, 44.5]])
    truth = np.repeat(range(4), 200)
    X = standardised(rng.normal(size=(800, 2)) + centres[truth])
    evidence = measured(X, [np.minimum(truth, 2), truth])
    assert evidence["unexplained"].round(2).tolist() == [pytest.approx(0.05, abs=0.03), 0]
    assert score(evidence).idxmax() == 1


def test_guards_name_every_reason():
    path = pd.DataFrame(
        {"n_segments": [3, 1], "outlier_share": [0.24, 0], "smallest_share": [0.006, 1],
         "largest_share": [0.5, 1]}
    )  # fmt: skip
    assert objections(path, Guards(), 600) == [
        "24 % outliers (limit 15 %); smallest segment has 4 customers (limit 10); "
        "smallest segment has 0.6 % (limit 1 %)",
        "fewer than two segments",
    ]


def test_guards_can_be_loosened():
    path = pd.DataFrame(
        {"n_segments": [2], "outlier_share": [0.3], "smallest_share": [0.005],
         "largest_share": [0.96]}
    )  # fmt: skip
    assert objections(path, Guards(0.5, 0.001, 2, 0.99), 1000) == [""]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "natural"),
        ({"overlap": 0.3}, "reproducible"),
        ({"inner_gap": 0.3}, "reproducible"),
        ({"score": 0.0}, "reproducible"),
        ({"jaccard_min": 0.59}, "reproducible"),
        ({"jaccard_mean": 0.74}, "constructed"),
        ({"jaccard_mean": np.nan}, "constructed"),
        ({"n_segments": 1}, "none"),
    ],
)
def test_verdicts(changes, word):
    row = {"n_segments": 3, "score": 0.5, "overlap": 0.0, "inner_gap": 0.0, "jaccard_mean": 0.9,
           "jaccard_min": 0.8}  # fmt: skip
    assert verdict(pd.Series(row | changes)) == word


def test_bands_are_hennigs():
    words = [band(value) for value in (0.85, 0.75, 0.6, 0.59)]
    assert words == ["highly stable", "stable", "pattern, doubtful members", "dissolved"]


def test_a_grid_is_extended_at_its_end_only():
    assert further_values(range(1, 11), 4, 60) == []
    assert further_values(range(1, 11), 9, 60)[-1] == 60
    assert further_values([40, 60], 60, 60) == []
