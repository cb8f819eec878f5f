"""Nearest customers: an index that is rebuilt after loading, and the confidence it gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import KDTree

from customer_segmentation.labels import FloatArray, IntArray

N_NEIGHBORS = 10  # confidence in tenths is fine enough for a campaign
MAX_REFERENCE_ROWS = 10_000  # keeps the model below a few megabytes and scoring quick
MAX_THIN_ROWS = 2_000  # for a look-up that only tells the confidence: half the time
PARALLEL_ROWS = 20_000  # fewer are looked up before a second thread has started
SAME = 1e-9  # standardised features closer than this are the same customer, read twice


class Index:
    """The nearest of some points.

    Only the points are saved; the tree over them takes milliseconds to build and no library of
    safe model files knows it. Distances are computed pair by pair, so that a row gets the same
    answer alone and in a batch, which matrix products do not promise.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)

    Examples
    --------
    >>> Index(np.array([[0.0], [5.0]])).nearest(np.array([[4.0]]), 1)
    (array([[1.]]), array([[1]]))
    """

    def __init__(self, points: FloatArray) -> None:
        self.points = points
        # Without the median splits, which are slow where many customers share a value.
        self.tree = KDTree(points, balanced_tree=False)

    def nearest(self, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Distances and positions of the `k` nearest points, nearest first.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        k : int
            At most as many as there are points are given.

        Returns
        -------
        distances, positions : ndarray of shape (n_samples, min(k, n_points))
        """
        wanted = list(range(1, min(k, len(self.points)) + 1))
        distances, positions = self.tree.query(X, wanted, workers=_workers(X))
        return distances, positions

    def fellows(self, k: int) -> tuple[FloatArray, IntArray]:
        """Distances and positions of the `k` points nearest to each point, itself left out.

        Examples
        --------
        >>> Index(np.array([[0.0], [5.0], [6.0]])).fellows(1)[1].ravel()
        array([1, 2, 1])
        """
        distances, positions = self.nearest(self.points, k + 1)
        others = positions != np.arange(len(positions))[:, None]
        # Among many identical points, a point need not be among its own nearest.
        others[others.all(axis=1), -1] = False
        shape = (len(positions), positions.shape[1] - 1)
        return distances[others].reshape(shape), positions[others].reshape(shape)

    def count_within(self, radius: float) -> IntArray:
        """How many points lie within `radius` of each point, itself included."""
        workers = _workers(self.points)
        counts = self.tree.query_ball_point(
            self.points, radius, return_length=True, workers=workers
        )
        return np.asarray(counts, dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {"points": self.points}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Index.__init__(self, state["points"])


class Reference:
    """Customers of the training table, their clusters, and how mixed their surroundings are.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier.
    max_rows : int
        Most customers to keep; every cluster keeps one at least.

    Attributes
    ----------
    votes : ndarray of shape (n_kept, n_clusters + 1)
        How many of a customer's ten nearest fellow customers are in each cluster; the last
        column, which position -1 also means, is for the outliers.

    Examples
    --------
    >>> reference = Reference(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([0, 0, 1, 1]))
    >>> reference.confidence(np.array([0]), np.array([0])).round(2)
    array([0.33])
    """

    def __init__(self, X: FloatArray, labels: IntArray, max_rows: int = MAX_REFERENCE_ROWS) -> None:
        rows = spread(labels, max_rows)
        self.index, self.labels = Index(X[rows]), labels[rows]
        self.n_fellows = min(N_NEIGHBORS, len(rows) - 1)
        self.votes = np.zeros((len(rows), int(labels.max(initial=-1)) + 2), dtype=np.uint8)
        everyone = np.arange(len(rows))
        for fellow in self.index.fellows(N_NEIGHBORS)[1].T:
            self.votes[everyone, self.labels[fellow]] += 1

    def nearest(self, X: FloatArray) -> tuple[IntArray, Any]:
        """Position of the nearest customer to each row, and whether it is the same one."""
        distances, positions = self.index.nearest(X, 1)
        return positions[:, 0], distances[:, 0] <= SAME

    def confidence(self, positions: IntArray, labels: IntArray) -> FloatArray:
        """Share of the nearest customer's ten nearest fellows that are in cluster `labels`."""
        if self.n_fellows == 0:
            return np.ones(len(labels))
        return np.asarray(self.votes[positions, labels] / self.n_fellows)

    def thinned(self) -> Reference:
        """Fewer of the customers, so that scoring stays quick."""
        if len(self.labels) <= MAX_THIN_ROWS:
            return self
        rows = spread(self.labels, MAX_THIN_ROWS)
        fewer = Reference.__new__(Reference)
        fewer.index, fewer.labels = Index(self.index.points[rows]), self.labels[rows]
        fewer.n_fellows, fewer.votes = self.n_fellows, self.votes[rows]
        return fewer


def spread(labels: IntArray, max_rows: int) -> IntArray:
    """At most `max_rows` rows, evenly spread over the table, and the first of every label.

    Examples
    --------
    >>> spread(np.array([0, 0, 0, 0, 0, 1]), 3)
    array([0, 2, 4, 5])
    """
    if len(labels) <= max_rows:
        return np.arange(len(labels))
    even = np.arange(max_rows) * len(labels) // max_rows
    return np.union1d(even, np.unique(labels, return_index=True)[1])


def _workers(X: FloatArray) -> int:
    return -1 if len(X) > PARALLEL_ROWS else 1
