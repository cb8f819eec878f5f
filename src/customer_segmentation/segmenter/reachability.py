"""Mutual reachability: how far customers are from each other, seen from HDBSCAN.

Campello et al. (2013): two customers are as far apart as they are, but no nearer than either one's
core distance, within which it has a neighbourhood.
"""

from __future__ import annotations

import numpy as np

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.segmenter.neighbours import Index


def core_distances(X: FloatArray, min_samples: int) -> FloatArray:
    """Distance from each customer to the one who completes its neighbourhood, itself included.

    Campello et al. (2013).

    Examples
    --------
    >>> core_distances(np.array([[0.0], [1.0], [9.0]]), 2)
    array([1., 1., 8.])
    """
    return completing(Index(X).fellows(min_samples)[0], min_samples)


def completing(distances: FloatArray, min_samples: int) -> FloatArray:
    """Distance to the fellow customer who is the last of a neighbourhood; see above."""
    fellows = min(min_samples - 1, distances.shape[1])
    return distances[:, fellows - 1] if fellows > 0 else np.zeros(len(distances))


def own_reachability(X: FloatArray, labels: IntArray, cores: FloatArray, k: int) -> FloatArray:
    """Mutual reachability distance of each customer to the nearest member of a cluster.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
    cores : ndarray of shape (n_samples,)
        See :func:`core_distances`.
    k : int
        Nearest members to look at.

    Returns
    -------
    ndarray of shape (n_samples,)
        NaN for outliers, and where the nearest member is of another cluster.

    Examples
    --------
    >>> X, cores = np.array([[0.0], [1.0], [3.0], [9.0]]), np.array([1.0, 1.0, 2.0, 6.0])
    >>> own_reachability(X, np.array([0, 0, 0, -1]), cores, 2)
    array([ 1.,  1.,  2., nan])
    """
    needs, inside = np.full(len(X), np.nan), np.flatnonzero(labels != OUTLIER)
    if len(inside) > 1:
        found = Index(X[inside]).fellows(k)
        smallest, joined = smallest_reachability(cores[inside], *found, cores[inside])
        own = labels[inside] == labels[inside[joined]]
        needs[inside[own]] = smallest[own]
    return needs


def smallest_reachability(
    core: FloatArray, distances: FloatArray, near: IntArray, cores: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Smallest mutual reachability distance to some members, and to which of them it is.

    Parameters
    ----------
    core : ndarray of shape (n_samples,)
        Core distances of the rows.
    distances, near : ndarray of shape (n_samples, n_near)
        To members, and which these are.
    cores : ndarray of shape (n_members,)
    """
    mutual = np.maximum(np.maximum(distances, cores[near]), core[:, None])
    best, rows = mutual.argmin(axis=1), np.arange(len(near))
    return mutual[rows, best], near[rows, best]
