"""Mixtures beside categories: no component shrinks onto one level of them."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from customer_segmentation.encoding import categories
from customer_segmentation.labels import FloatArray


def factors(model: Any, X: FloatArray) -> FloatArray:
    """What to multiply columns by, so that ``reg_covar`` blurs the levels of a category.

    A component that holds one level only has no variance there: its likelihood grows without
    end, for noise as for a segment. What is rounded to steps has at least the variance of
    rounding, a twelfth of the step squared (Sheppard 1898); here the step is the distance between
    two levels, and ``reg_covar`` of the model becomes that variance. A category then tells a
    mixture no more than the information in it: L levels alike, each in a component of its own,
    gain (L - 1) / 2 log(1 + 6 / L) nats a row, which is log L for two and three levels and a
    little less for more.

    Parameters
    ----------
    model : GaussianMixture
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    ndarray of shape (n_features,)
        1 for columns that encode no category, and for all when components are spherical: these
        have one variance for all columns.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> factors(GaussianMixture(reg_covar=1e-3), np.c_[[0.0, 1.0, 1.0], [0.1, 0.7, 0.4]]).round(2)
    array([0.11, 1.  ])
    """
    found = np.ones(X.shape[1])
    if model.covariance_type == "spherical":
        return found
    for columns in categories(X):
        spans = np.ptp(X[:, columns], axis=0)
        step = np.sqrt(np.mean(spans**2) * min(len(columns), 2))  # two levels differ in two columns
        found[columns] = min(np.sqrt(12 * model.reg_covar) / step, 1)
    return found


def stretch(X: FloatArray, by: FloatArray) -> FloatArray:
    """The columns multiplied by `by`; no copy when there is nothing to do.

    Examples
    --------
    >>> stretch(np.array([[1.0, 2.0]]), np.array([1.0, 0.5]))
    array([[1., 1.]])
    """
    return X if (by == 1).all() else X * by


def start(model: Any, X: FloatArray, by: FloatArray) -> dict[str, FloatArray]:
    """A start for the stretched columns, from k-means on the categories alone.

    Blurred, they have no say beside numbers in where k-means starts, and segments that lie in
    them would never be met.

    Parameters
    ----------
    model : GaussianMixture, unfitted
    X : ndarray of shape (n_samples, n_features)
        Not stretched.
    by : ndarray of shape (n_features,)

    Returns
    -------
    dict
        ``weights_init``, ``means_init`` and ``precisions_init``; empty where there are no numbers
        beside the categories, no categories, or fewer levels than components.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> X = np.c_[np.arange(6.0), [0, 0, 0, 0, 1, 1]]
    >>> found = start(GaussianMixture(2, random_state=0), X, np.array([1, 0.1]))
    >>> sorted(found["weights_init"].round(2).tolist())
    [0.33, 0.67]
    """
    k, coarse = model.n_components, by < 1
    if k == 1 or coarse.all() or not coarse.any():
        return {}
    if len(np.unique(X[:, coarse], axis=0)) < k:
        return {}
    means = KMeans(k, n_init=model.n_init, random_state=model.random_state)
    labels = means.fit_predict(X[:, coarse])
    Z, shares = stretch(X, by), np.bincount(labels, minlength=k) / len(X)
    centres = np.array([Z[labels == c].mean(axis=0) for c in range(k)])
    within = np.cov(Z - centres[labels], rowvar=False) + model.reg_covar * np.eye(Z.shape[1])
    precisions = np.linalg.inv(within)
    if model.covariance_type == "diag":
        precisions = np.tile(np.diagonal(precisions), (k, 1))
    elif model.covariance_type == "full":
        precisions = np.tile(precisions, (k, 1, 1))
    return {"weights_init": shares, "means_init": centres, "precisions_init": precisions}


def stretched(fitted: Any, by: FloatArray) -> Any:
    """The same mixture for columns multiplied by `by`.

    Parameters
    ----------
    fitted : GaussianMixture or None
        With spherical components only when nothing is stretched.
    by : ndarray of shape (n_features,)

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> X = np.random.default_rng(0).normal(size=(90, 2))
    >>> model = GaussianMixture(2, random_state=0).fit(X)
    >>> other = stretched(model, np.array([2.0, 3.0]))
    >>> bool((other.predict(X * [2.0, 3.0]) == model.predict(X)).all())
    True
    """
    if fitted is None or (by == 1).all():
        return fitted
    found, diagonal = copy(fitted), fitted.covariance_type == "diag"
    squares = by**2 if diagonal else np.outer(by, by)
    found.means_ = fitted.means_ * by
    found.covariances_ = fitted.covariances_ * squares
    found.precisions_ = fitted.precisions_ / squares
    found.precisions_cholesky_ = fitted.precisions_cholesky_ / (by if diagonal else by[:, None])
    found.lower_bound_ = fitted.lower_bound_ - float(np.log(by).sum())
    return found
