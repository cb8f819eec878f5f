"""Algorithms on more customers than they can take: fitted, or started, on a sample of them."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.cluster import (
    AffinityPropagation,
    AgglomerativeClustering,
    BisectingKMeans,
    KMeans,
    MiniBatchKMeans,
    SpectralClustering,
)
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.utils import gen_batches

from customer_segmentation.labels import FloatArray, IntArray, sampled_rows
from customer_segmentation.paths import blur, mixtures
from customer_segmentation.rfm import RFMScores

# Time and memory grow as the number of customers does. All others are fitted on a sample: most
# look at pairs of customers, and nothing is known of those that a user brings.
LINEAR = (
    KMeans,
    MiniBatchKMeans,
    BisectingKMeans,
    GaussianMixture,
    BayesianGaussianMixture,
    RFMScores,
)


# The distances of all pairs of so many customers are 36 MB: more are never held at once.
PAIR_ROWS = 3_000
# Of so many a segment of a tenth of them has 20,000: its mean is known to 0.007 of its deviation.
MIXTURE_ROWS = 200_000
BLOCK = 65_536  # customers to whom a mixture is applied at once: bounds the memory
HOLD_PAIRS = (AffinityPropagation, AgglomerativeClustering, SpectralClustering)


def fitted_rows(estimator: Any, n: int, exact_rows: int, seed: int) -> IntArray | None:
    """Rows that an algorithm is fitted on; None when it takes all of them.

    One that holds the distances of all pairs takes at most ``PAIR_ROWS``.

    Examples
    --------
    >>> from sklearn.cluster import DBSCAN
    >>> fitted_rows(DBSCAN(), 5, 3, seed=0)
    array([2, 3, 4])
    >>> len(fitted_rows(AgglomerativeClustering(linkage="average"), 9_000, 20_000, seed=0))
    3000
    >>> fitted_rows(KMeans(), 5, 3, seed=0), fitted_rows(DBSCAN(), 3, 3, seed=0)
    (None, None)
    """
    most = min(exact_rows, PAIR_ROWS) if _holds_pairs(estimator) else exact_rows
    if n <= most or isinstance(estimator, LINEAR):
        return None
    return sampled_rows(n, most, seed)


def _holds_pairs(estimator: Any) -> bool:
    """Whether the distances of all pairs are held; of a user's own library nothing is known."""
    return isinstance(estimator, HOLD_PAIRS) and not lean(estimator)


def lean(estimator: Any) -> bool:
    """Whether a tree is made from the customers alone, without their distances.

    Examples
    --------
    >>> lean(AgglomerativeClustering()), lean(AgglomerativeClustering(linkage="average"))
    (True, False)
    """
    return (
        isinstance(estimator, AgglomerativeClustering)
        and estimator.linkage in ("ward", "single")
        and estimator.metric == "euclidean"
        and estimator.connectivity is None
    )


def keeps_tree(fitted: Any) -> bool:
    """Whether an estimator that is fitted to the same table again keeps its spanning tree.

    Those of genieclust do; to import them only for this would take a second.

    Examples
    --------
    >>> from genieclust import Genie
    >>> keeps_tree(Genie()), keeps_tree(KMeans()), keeps_tree(None)
    (True, False, False)
    """
    return any(kind.__name__ == "MSTBase" for kind in type(fitted).__mro__)


@singledispatch
def fit(model: Any, X: FloatArray, sample: FloatArray | None, before: Any = None) -> Any:
    """Fit an estimator; with a sample, one that can go on from there tries its starts on it.

    Which of ten starts is the best a sample tells as well as the whole table, and from its optimum
    that of the table is a few steps away (Bradley and Fayyad 1998, *Refining initial points for
    k-means clustering*).

    Parameters
    ----------
    model : scikit-learn-compatible clusterer
    X : ndarray of shape (n_samples, n_features)
    sample : ndarray of shape (n_sampled, n_features) or None
    before : fitted estimator, optional
        Of the value before on the path, for an algorithm that can start from there.

    Returns
    -------
    fitted estimator
        With the settings of `model`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(500, 2)) + np.repeat([[0], [9]], 250, axis=0)
    >>> model = KMeans(2, n_init=5, random_state=0)
    >>> fitted = fit(model, X, X[::5])
    >>> np.bincount(fitted.labels_).tolist(), fitted.n_init
    ([250, 250], 5)
    """
    return model.fit(X)


@fit.register
def _(model: KMeans, X: FloatArray, sample: FloatArray | None, before: Any = None) -> Any:
    if sample is None or not isinstance(model.init, str):
        return model.fit(X)
    n_init, init = model.n_init, model.init
    first = clone(model).fit(sample)
    model.set_params(n_init=1, init=first.cluster_centers_).fit(X)
    return model.set_params(n_init=n_init, init=init)


@fit.register
def _(model: GaussianMixture, X: FloatArray, sample: FloatArray | None, before: Any = None) -> Any:
    if model.means_init is not None or model.warm_start:
        return model.fit(X)
    by = blur.factors(model, X)
    start_on, before = X if sample is None else sample, blur.stretched(before, by)
    start = blur.start(model, start_on, by)
    found = mixtures.best(model, blur.stretch(start_on, by), before, start)
    if sample is not None:
        rows = sampled_rows(len(X), MIXTURE_ROWS, seed=0)
        found = mixtures.go_on(model, blur.stretch(X[rows], by), found)
    return blur.stretched(found, 1 / by)


def labels_of(model: Any, X: FloatArray) -> IntArray:
    """Labels of the customers that a model was fitted on, or started on.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0], [0.1], [9.0]])
    >>> labels_of(GaussianMixture(2, random_state=0).fit(X), X).tolist() in ([0, 0, 1], [1, 1, 0])
    True
    """
    if hasattr(model, "labels_"):
        return np.asarray(model.labels_)
    return np.concatenate([model.predict(block) for block in _blocks(X)])


def bic_of(model: Any, X: FloatArray) -> float:
    """Bayesian information criterion of a mixture, as its ``bic``, block by block.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(BLOCK + 9, 1))
    >>> model = GaussianMixture(2, max_iter=2, tol=1, random_state=0).fit(X)
    >>> bool(np.isclose(bic_of(model, X), model.bic(X)))
    True
    """
    if len(X) <= BLOCK:
        return float(model.bic(X))
    found = [float(model.score_samples(block).sum()) for block in _blocks(X)]
    # What it charges for a parameter, and so how many there are, follows from one block.
    some = X[:BLOCK]
    parameters = (model.bic(some) + 2 * found[0]) / np.log(len(some))
    return float(parameters * np.log(len(X)) - 2 * sum(found))


def _blocks(X: FloatArray) -> list[FloatArray]:
    return [X[rows] for rows in gen_batches(len(X), BLOCK)]
