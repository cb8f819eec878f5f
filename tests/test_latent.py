"""Latent classes: groups that show in the answers, beside numbers or without any."""

import numpy as np
import pytest
import skops.io
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import parametrize_with_checks

from customer_segmentation.latent import LatentClasses
from customer_segmentation.segmenter import TRUSTED_TYPES

ROWS = 600


@parametrize_with_checks([LatentClasses()])
def test_it_is_a_scikit_learn_clusterer(estimator, check):
    check(estimator)


def survey(seed=0):
    """Three groups of people, who answer ten questions with four levels, and one yes/no."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, ROWS, p=[0.5, 0.4, 0.1])
    own = np.array([rng.permutation(4)[:3] for _ in range(10)])  # each group's favourite answer
    said = np.where(rng.random((ROWS, 10)) < 0.6, own[:, y].T, rng.integers(0, 4, (ROWS, 10)))
    answers = np.eye(4)[said].reshape(ROWS, -1) * np.sqrt(0.5)
    return np.hstack([answers, rng.integers(0, 2, (ROWS, 1)).astype(float)]), y


def test_groups_that_show_in_answers_only_are_found_and_counted():
    X, y = survey()
    models = [LatentClasses(k, random_state=0).fit(X) for k in range(1, 6)]
    assert int(np.argmin([model.bic(X) for model in models])) == 2
    assert adjusted_rand_score(y, models[2].labels_) > 0.85


def test_answers_and_numbers_count_together():
    X, y = survey()
    rng = np.random.default_rng(1)
    both = np.c_[rng.normal(size=(ROWS, 2)) + 2 * y[:, None], X]
    alone = adjusted_rand_score(y, LatentClasses(3, random_state=0).fit(X).labels_)
    assert adjusted_rand_score(y, LatentClasses(3, random_state=0).fit(both).labels_) > alone


def test_on_numbers_alone_it_is_a_mixture_of_one_shape():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(ROWS, 3)) + 3 * rng.integers(0, 3, (ROWS, 1))
    ours = LatentClasses(3, tol=1e-7, random_state=0).fit(X)
    theirs = GaussianMixture(3, covariance_type="tied", tol=1e-7, reg_covar=1e-3, random_state=0)
    assert ours.bic(X) == pytest.approx(theirs.fit(X).bic(X), rel=1e-4)


def test_a_level_that_nobody_had_speaks_for_no_class():
    X, _ = survey()
    model = LatentClasses(3, random_state=0).fit(X)
    silent = X.copy()
    silent[:, :4] = 0  # the first question was answered in a way that nobody did
    others = LatentClasses(3, random_state=0).fit(X[:, 4:])
    assert (model.predict(silent) == _same_names(others.labels_, model.labels_)).mean() > 0.95


def _same_names(labels, as_in):
    return np.array([np.bincount(as_in[labels == c]).argmax() for c in range(3)])[labels]


def test_it_is_saved_and_loaded_without_pickle():
    X, _ = survey()
    model = LatentClasses(3, random_state=0).fit(X)
    again = skops.io.loads(skops.io.dumps(model), trusted=TRUSTED_TYPES)
    assert (again.predict(X) == model.labels_).all()
