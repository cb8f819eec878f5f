"""Density algorithms over their grids: every value of the grid is a cut of a spanning tree.

DBSCAN at a radius, and HDBSCAN's hierarchy, follow from the minimum spanning tree of the mutual
reachability distances (Campello et al. 2013), which takes memory for the customers alone, and not
for the pairs of them that are near each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import quitefastmst
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray

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
    """Tree and nearest customers: DBSCAN at any radius, HDBSCAN at any size of a cluster.

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


def dbscan(found: Reach, estimator: DBSCAN) -> IntArray:
    """Labels that DBSCAN gives at its radius, border customers as scikit-learn does.

    Clusters are connected core customers, numbered by their first one. A border customer joins the
    first cluster that reaches it. It has fewer than ``min_samples`` customers around it, so all of
    them are among its nearest.

    Parameters
    ----------
    found : Reach
    estimator : DBSCAN

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [2.9], [9.0]])
    >>> dbscan(reach(X, 3), DBSCAN(eps=1.0)), dbscan(reach(X, 3), DBSCAN(eps=0.5))
    (array([ 0,  0,  0,  0, -1]), array([-1, -1, -1, -1, -1]))
    """
    eps = estimator.eps
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


def hdbscan(found: Reach, estimator: HDBSCAN) -> IntArray:
    """Labels that HDBSCAN reads off the tree; its settings but those of the distances hold.

    Parameters
    ----------
    found : Reach
    estimator : HDBSCAN

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> hdbscan(reach(X, 2), HDBSCAN(min_cluster_size=2, copy=True))
    array([0, 0, 0, 1, 1, 1])
    """
    # As distances between the customers that the tree joins, of whom each is a core by itself:
    # so the library takes the lengths as they are.
    one, other = found.ends.T
    both = np.maximum(np.concatenate([found.lengths, found.lengths]), SMALLEST)
    shape = (len(found.near),) * 2
    where = (np.concatenate([one, other]), np.concatenate([other, one]))
    graph = coo_array((both, where), shape=shape).tocsr()
    model = clone(estimator).set_params(metric="precomputed", min_samples=1, copy=True)
    return np.asarray(model.fit(graph).labels_, dtype=np.int64)
