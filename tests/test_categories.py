"""Categories beside the numbers that tell customers apart: noise, and segments of their own."""

import composition
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hydra import compose, initialize_config_dir
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from customer_segmentation import evidence, features, paths, recommendation, search

ROWS = 600


def plan(algorithm):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("config", overrides=[f"algorithm={algorithm}", "features=auto"])
    return composition.algorithm(cfg, algorithm), composition.transforms(cfg), cfg


def matrix(table):
    return features.build(table, plan("kmeans")[1], name="auto").matrix


def recommended(table, *names):
    """What a sweep of some algorithms says, and the labels of the run that it takes."""
    rows, labels = [], {}
    for name in names:
        algorithm, transforms, cfg = plan(name)
        X = features.build(table, transforms, name="auto").matrix
        found = search.search(X, algorithm, composition.selection(cfg), seed=0)
        rows.append(found.row.to_dict() | {"run": name, "features": "auto"})
        labels[name] = found.candidate.labels
    answer = recommendation.recommend(recommendation.rank(pd.DataFrame(rows)), {})
    return answer, labels[answer.run]


def noise(rng, n=ROWS):
    """Sex, newsletter, region and channel, none of which goes with anything."""
    return {
        "sex": rng.choice(["f", "m"], n),
        "newsletter": rng.choice(["no", "yes"], n, p=[0.8, 0.2]),
        "region": rng.choice(["north", "east", "south", "west"], n),
        "channel": rng.choice(["app", "shop", "web"], n, p=[0.6, 0.3, 0.1]),
    }


def customers(seed=0):
    """Four groups in age, income and spend, and categories that are noise."""
    rng = np.random.default_rng(seed)
    y = rng.choice(4, ROWS, p=[0.4, 0.3, 0.2, 0.1])
    centres = np.array([[0, 0, 0], [4, 0, 2], [0, 4, 2], [4, 4, -1]])
    Z = rng.normal(size=(ROWS, 3)) + centres[y]
    table = {"age": 40 + 5 * Z[:, 0], "income": 30 + 9 * Z[:, 1], "spend": np.exp(4 + Z[:, 2] / 2)}
    return pd.DataFrame(table | noise(rng)), y


def test_segments_are_found_beside_categories_that_are_noise():
    table, y = customers()
    answer, labels = recommended(table, "kmeans", "gmm")
    assert adjusted_rand_score(y, labels) > 0.9
    assert answer.verdict == "natural"


def test_numbers_of_one_cloud_have_no_segments_whatever_the_categories():
    rng = np.random.default_rng(1)
    numbers = {name: rng.normal(size=ROWS) for name in ("age", "income", "spend")}
    answer, _ = recommended(pd.DataFrame(numbers | noise(rng)), "kmeans", "gmm")
    assert answer.verdict == recommendation.NO_SEGMENTS


@pytest.mark.parametrize("algorithm", ["gmm", "latent_classes"])
def test_segments_that_lie_in_the_categories_are_still_found(algorithm):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, ROWS)
    answers = {
        f"answer {i}": np.where(rng.random(ROWS) < 0.85, y, 1 - y).astype(str) for i in range(8)
    }
    table = pd.DataFrame({"age": rng.normal(size=ROWS), "income": rng.normal(size=ROWS)} | answers)
    model, transforms, _ = plan(algorithm)
    X = features.build(table, transforms, name="auto").matrix
    path = paths.fit_path(model.estimator, X, algorithm="a", parameter="n_components", grid=[2])
    assert adjusted_rand_score(y, path.candidates[0].labels) > 0.9


@pytest.mark.parametrize("column", ["sex", "newsletter", "region", "channel"])
def test_a_split_along_one_category_explains_nothing(column):
    table, _ = customers()
    labels = pd.factorize(table[column])[0]
    assert evidence.measure(matrix(table), [labels], seed=0)["gain"][0] <= 0


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_a_mixture_does_not_shrink_onto_a_level(kind):
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 300)
    coin = 6 * rng.integers(0, 2, ROWS)  # far apart, and all of its variance is in one cut
    X = np.c_[rng.normal(size=(ROWS, 2)) + 4 * y[:, None], coin]
    found = paths.fit_path(
        GaussianMixture(covariance_type=kind, reg_covar=1e-3, random_state=0),
        X,
        algorithm="gmm",
        parameter="n_components",
        grid=[2],
    ).candidates[0]
    assert adjusted_rand_score(y, found.labels) > 0.95
    assert (found.estimator.predict(X) == found.labels).all()
    assert found.scores["bic"] == pytest.approx(found.estimator.bic(X))


def test_gaps_between_the_steps_of_a_count_are_no_valleys():
    rng = np.random.default_rng(4)
    children = rng.integers(0, 4, ROWS)
    X = np.c_[rng.normal(size=(ROWS, 2)), children - children.mean()]
    found = evidence.measure(X, [np.zeros(ROWS, dtype=int), (children > 1).astype(int)], seed=0)
    assert found["hidden_valley"][0] == 0
    assert found["overlap"][1] == 1
