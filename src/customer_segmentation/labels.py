"""Labels of customers: tidied to 0..n_clusters-1, cut from a tree, and whose are looked at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OUTLIER = -1


def tidy(labels: Iterable[int]) -> IntArray:
    """Labels as 0..n_clusters-1, every negative one as -1.

    Examples
    --------
    >>> tidy([7, 7, -2, 3])
    array([ 1,  1, -1,  0])
    """
    array = np.asarray(labels, dtype=np.int64)
    inside = array >= 0
    result = np.full(len(array), OUTLIER, dtype=np.int64)
    result[inside] = np.searchsorted(np.unique(array[inside]), array[inside])
    return result


def narrow(labels: IntArray) -> IntArray:
    """The same labels in fewer bytes: a path over a million customers holds dozens of labellings.

    Examples
    --------
    >>> narrow(np.array([0, 1, -1])).dtype, narrow(np.array([40_000])).dtype
    (dtype('int16'), dtype('int64'))
    """
    fits = labels.max(initial=0) < np.iinfo(np.int16).max  # one more is room for the outliers
    return np.asarray(labels, dtype=np.int16 if fits else np.int64)


def join_nearest(X: FloatArray, labels: IntArray) -> IntArray:
    """Give every outlier the label of its nearest clustered customer, if there is one.

    Examples
    --------
    >>> join_nearest(np.array([[0.0], [4.0], [5.0]]), np.array([0, -1, 1]))
    array([0, 1, 1])
    """
    out = labels == OUTLIER
    joined = labels.copy()
    if out.any() and not out.all():
        nearest = NearestNeighbors(n_neighbors=1).fit(X[~out])
        joined[out] = labels[~out][nearest.kneighbors(X[out], return_distance=False)[:, 0]]
    return joined


def sampled_rows(n: int, rows: int, seed: int) -> IntArray:
    """Row numbers of a sample without replacement, ascending; all of them when they are few.

    Examples
    --------
    >>> sampled_rows(3, 10, seed=0).tolist()
    [0, 1, 2]
    """
    if n <= rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, rows, replace=False))


def cut_tree(linkage: FloatArray, n_clusters: int) -> IntArray:
    """Labels with exactly `n_clusters` clusters from a linkage tree, ties or not.

    Parameters
    ----------
    linkage : ndarray of shape (n_samples - 1, 4)
        As scipy's ``linkage`` returns it.
    n_clusters : int

    Examples
    --------
    >>> from scipy.cluster.hierarchy import linkage
    >>> cut_tree(linkage(np.array([[0.0], [1.0], [9.0]]), "ward"), 2)
    array([0, 0, 1])
    """
    n = len(linkage) + 1
    merges = n - n_clusters
    children = linkage[:merges, :2].astype(int).ravel()
    parents = np.repeat(np.arange(n, n + merges), 2)
    size = n + merges
    forest = csr_matrix((np.ones(len(parents)), (parents, children)), shape=(size, size))
    return tidy(connected_components(forest, directed=False)[1][:n])
