"""Density algorithms over their grids: every value of the grid is a cut of a spanning tree.

DBSCAN at a radius, and HDBSCAN's hierarchy, follow from the minimum spanning tree of the mutual
reachability distances (Campello et al. 2013), which takes memory for the customers alone, and not
for the pairs of them that are near each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import quitefastmst
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from sklearn.base import clone

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray

BLOCK = 1_000_000  # distances computed at once: 8 MB
FEW = 200  # neighbours that a search tree finds faster than all distances are looked through
SMALLEST = 1e-100  # a length of none, for libraries that take a zero for no edge at all


@dataclass(frozen=True)
class Reach:
    """Who reaches whom at which radius.

    Attributes
    ----------
    lengths : ndarray of shape (n_samples - 1,)
        Mutual reachability distances of the edges of the tree.
    ends : ndarray of shape (n_samples - 1, 2)
    near : ndarray of shape (n_samples, min_samples - 1)
        Distances to the nearest other customers, ascending; the last is the core distance.
    whose : ndarray of shape (n_samples, min_samples - 1)
        Who they are.
    """

    lengths: FloatArray
    ends: IntArray
    near: FloatArray
    whose: IntArray


def reach(X: FloatArray, min_samples: int) -> Reach:
    """Tree and nearest customers from which DBSCAN is read off at any radius.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    min_samples : int
        Customers, itself included, that make a core customer; 2 at least.
    """
    quitefastmst.omp_set_num_threads(1)
    plane = X if X.shape[1] > 1 else np.column_stack([X, np.zeros(len(X))])  # it takes no line
    lengths, ends, near, whose = quitefastmst.mst_euclid(plane, M=min_samples - 1)
    return Reach(lengths, ends, near, whose)


def dbscan(found: Reach, eps: float) -> IntArray:
    """Labels that DBSCAN gives at a radius, border customers as scikit-learn does.

    Clusters are connected core customers, numbered by their first one. A border customer joins the
    first cluster that reaches it. It has fewer than ``min_samples`` customers around it, so all of
    them are among its nearest.

    Parameters
    ----------
    found : Reach
    eps : float

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [2.9], [9.0]])
    >>> dbscan(reach(X, 3), 1.0), dbscan(reach(X, 3), 0.5)
    (array([ 0,  0,  0,  0, -1]), array([-1, -1, -1, -1, -1]))
    """
    n, core = len(found.near), found.near[:, -1] <= eps
    ends = found.ends[found.lengths <= eps]
    edges = csr_matrix((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), shape=(n, n))
    joined = connected_components(edges, directed=False)[1][core]
    first, where = np.unique(joined, return_index=True, return_inverse=True)[1:]
    labels = np.full(n, n, dtype=np.int64)  # n: of no cluster so far
    labels[core] = np.argsort(np.argsort(first))[where]
    border = np.flatnonzero(~core)
    around = np.where(found.near[border] <= eps, labels[found.whose[border]], n)
    labels[border] = np.where(core[found.whose[border]], around, n).min(axis=1, initial=n)
    labels[labels == n] = OUTLIER
    return labels


def core_distances(X: FloatArray, sizes: Sequence[int]) -> FloatArray:
    """Distance of every customer to the k-th nearest, itself the first, for several k at once.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    sizes : sequence of int
        At most `n_samples` each.

    Returns
    -------
    ndarray of shape (n_samples, n_sizes)

    Examples
    --------
    >>> core_distances(np.array([[0.0], [1.0], [3.0]]), [2, 3]).tolist()
    [[1.0, 3.0], [1.0, 2.0], [2.0, 3.0]]
    """
    if max(sizes) <= FEW:
        return np.asarray(KDTree(X, balanced_tree=False).query(X, list(sizes))[0])
    places, result = [size - 1 for size in sizes], np.empty((len(X), len(sizes)))
    step = max(1, BLOCK // len(X))
    for start in range(0, len(X), step):
        distances = cdist(X[start : start + step], X)
        distances.partition(sorted(set(places)), axis=1)
        result[start : start + step] = distances[:, places]
    return result


def spanning_tree(X: FloatArray, core: FloatArray) -> tuple[FloatArray, IntArray]:
    """Minimum spanning tree of the mutual reachability distances (Prim 1957).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    core : ndarray of shape (n_samples,)
        Core distances, of whatever size of neighbourhood.

    Returns
    -------
    lengths : ndarray of shape (n_samples - 1,)
    ends : ndarray of shape (n_samples - 1, 2)

    Examples
    --------
    >>> spanning_tree(np.array([[0.0], [1.0], [3.0]]), np.zeros(3))[0].tolist()
    [1.0, 2.0]
    """
    n, now = len(X), 0
    lengths, ends = np.empty(n - 1), np.empty((n - 1, 2), dtype=np.int64)
    # Those outside the tree, and for each the edge that would join it; who joins is overwritten.
    who, points, own = np.arange(1, n), X[1:].copy(), core[1:].copy()
    edge, end = np.full(n - 1, np.inf), np.zeros(n - 1, dtype=np.int64)
    for step in range(n - 1):
        left = n - 1 - step
        away = np.maximum(cdist(X[now : now + 1], points[:left])[0], own[:left])
        np.maximum(away, core[now], out=away)
        closer = away < edge[:left]
        edge[:left][closer], end[:left][closer] = away[closer], now
        nearest = int(edge[:left].argmin())
        now, lengths[step] = int(who[nearest]), edge[nearest]
        ends[step] = end[nearest], now
        for column in (who, points, own, edge, end):
            column[nearest] = column[left - 1]
    return lengths, ends


def hdbscan(estimator: Any, lengths: FloatArray, ends: IntArray) -> IntArray:
    """Labels that HDBSCAN reads off a tree; its settings but those of the distances hold.

    Parameters
    ----------
    estimator : HDBSCAN
    lengths, ends
        As :func:`spanning_tree` gives them.

    Examples
    --------
    >>> from sklearn.cluster import HDBSCAN
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> tree = spanning_tree(X, core_distances(X, [2])[:, 0])
    >>> hdbscan(HDBSCAN(min_cluster_size=2, copy=True), *tree)
    array([0, 0, 0, 1, 1, 1])
    """
    # As distances between the customers that the tree joins, of whom each is a core by itself:
    # so the library takes the lengths as they are.
    one, other = ends.T
    both = np.maximum(np.concatenate([lengths, lengths]), SMALLEST)
    shape = (len(lengths) + 1,) * 2
    where = (np.concatenate([one, other]), np.concatenate([other, one]))
    graph = coo_array((both, where), shape=shape).tocsr()
    model = clone(estimator).set_params(metric="precomputed", min_samples=1, copy=True)
    return np.asarray(model.fit(graph).labels_, dtype=np.int64)
