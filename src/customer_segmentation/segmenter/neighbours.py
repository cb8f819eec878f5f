"""Nearest customers: an index that is rebuilt after loading, and the confidence it gives."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial import KDTree
from sklearn.neighbors import NearestNeighbors
from sklearn.tree import DecisionTreeRegressor

from customer_segmentation.labels import FloatArray, IntArray

N_NEIGHBORS = 10  # confidence in tenths is fine enough for a campaign
MAX_REFERENCE_ROWS = 10_000  # keeps the model below a few megabytes and scoring quick
LEAF_ROWS = 5  # customers who vouch for their surroundings
PARALLEL_ROWS = 20_000  # fewer are looked up before a second thread has started
MANY_COLUMNS = 12  # beyond, a tree looks at nearly all points, and products do that sooner
SPARE = 4  # points more than asked for, among which products may err
SHADES = 1 << 20  # of a line that points fall on
SAME = 1e-9  # standardised features closer than this are the same customer, read twice


class Index:
    """The nearest of some points.

    Only the points are saved; the tree over them takes milliseconds to build and no library of
    safe model files knows it. Distances are computed pair by pair, so that a row gets the same
    answer alone and in a batch, which matrix products do not promise: these only tell, in many
    columns, between whom to compute them.

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
        self.tree = KDTree(points, leafsize=20, balanced_tree=False)

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
        k = min(k, len(self.points))
        if self._wide(X):
            return self._compared(X, k)
        wanted = list(range(1, k + 1))
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

    def within(self, X: FloatArray, radius: float) -> IntArray:
        """Position of the nearest point of each row, -1 where none is closer than `radius`.

        Examples
        --------
        >>> Index(np.array([[0.0], [5.0]])).within(np.array([[4.0], [3.0]]), 1.5)
        array([ 1, -1])
        """
        if self._wide(X):
            distances, positions = self.nearest(X, 1)
            return np.where(distances[:, 0] < radius, positions[:, 0], -1)
        found = self.tree.query(X, distance_upper_bound=radius, workers=_workers(X))[1]
        return np.where(found < len(self.points), found, -1)

    def twins(self, X: FloatArray) -> IntArray:
        """Position of the point that each row is the same customer as, -1 where there is none.

        Examples
        --------
        >>> Index(np.array([[0.0], [5.0]])).twins(np.array([[4.0], [5.0 + 1e-12]]))
        array([-1,  1])
        """
        found = np.full(len(X), -1)
        maybe = np.flatnonzero(self._shadow.may_be_in(X))
        found[maybe] = self.within(X[maybe], SAME)
        return found

    def _wide(self, X: FloatArray) -> bool:
        return X.shape[1] > MANY_COLUMNS and len(X) > 0  # which products need

    def _compared(self, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """As :meth:`nearest`, without the tree."""
        among = min(k + SPARE, len(self.points))
        search = NearestNeighbors(n_neighbors=among, algorithm="brute").fit(self.points)
        found = np.sort(search.kneighbors(X, return_distance=False), axis=1)
        offsets = (X - self.points[near] for near in found.T)
        squares = np.stack([np.einsum("ij,ij->i", each, each) for each in offsets], axis=1)
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]
        nearest, positions = (np.take_along_axis(each, order, axis=1) for each in (squares, found))
        return np.sqrt(nearest), positions

    @cached_property
    def _shadow(self) -> Shadow:
        return Shadow(self.points)

    def __getstate__(self) -> dict[str, Any]:
        return {"points": self.points}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Index.__init__(self, state["points"])


class Shadow:
    """Where points fall on a line: nobody who falls elsewhere is one of them.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)

    Examples
    --------
    >>> Shadow(np.array([[0.0], [5.0]])).may_be_in(np.array([[4.0], [5.0]]))
    array([False,  True])
    """

    def __init__(self, points: FloatArray) -> None:
        self._line = np.random.default_rng(0).normal(size=points.shape[1])
        shadows = points @ self._line
        # A shadow is as inexact as the largest term of its sum.
        blur = np.abs(self._line).sum() * (SAME + 1e-12 * np.abs(points).max(initial=0))
        self._start = shadows.min(initial=0) - blur
        self._width = max((shadows.max(initial=0) - self._start) / SHADES, 4 * blur)
        self._shades = np.zeros(SHADES + 2, dtype=bool)
        for moved in (-blur, blur):
            self._shades[self._shade(shadows + moved)] = True

    def may_be_in(self, X: FloatArray) -> Any:
        """Whether each row may be the same as a point; hardly any other one may."""
        return self._shades[self._shade(X @ self._line)]

    def _shade(self, shadows: FloatArray) -> IntArray:
        shades = (shadows - self._start) / self._width
        return np.asarray(np.clip(shades, 0, SHADES + 1).astype(np.int32))


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
    regions : DecisionTreeRegressor
        Cuts the space into boxes by the votes of the customers in them.

    Examples
    --------
    >>> reference = Reference(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([0, 0, 1, 1]))
    >>> X = np.array([[0.0]])
    >>> reference.confidence(X, np.array([0]), reference.index.twins(X)).round(2)
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
        self._cut()

    def confidence(self, X: FloatArray, labels: IntArray, twins: IntArray) -> FloatArray:
        """How many of ten customers around each row are in its cluster, as a share.

        For a customer of the training table they are its ten nearest fellows. For any other row it
        is the mean of these shares over the customers of its cluster in the same box; where there
        is none, the share that the nearest customer's fellows give it.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        labels : ndarray of shape (n_samples,)
            The clusters.
        twins : ndarray of shape (n_samples,)
            As :meth:`Index.twins` gives them.
        """
        if self.n_fellows == 0:
            return np.ones(len(labels))
        shares = self._shares[self.regions.apply(X), labels]
        near, alone = twins.copy(), np.flatnonzero(np.isnan(shares) & (twins < 0))
        near[alone] = self.index.nearest(X[alone], 1)[1][:, 0]
        known = np.flatnonzero(near >= 0)
        shares[known] = self.votes[near[known], labels[known]] / self.n_fellows
        return np.asarray(shares.round(3))

    def _cut(self) -> None:
        regions = DecisionTreeRegressor(min_samples_leaf=LEAF_ROWS, random_state=0)
        self.regions = regions.fit(self.index.points, self.votes)
        shape = (self.regions.tree_.node_count, self.votes.shape[1])
        votes, members = np.zeros(shape), np.zeros(shape)
        box = self.regions.apply(self.index.points)
        np.add.at(votes, (box, self.labels), self.votes[np.arange(len(box)), self.labels])
        np.add.at(members, (box, self.labels), 1)
        with np.errstate(invalid="ignore"):  # no members, no share
            self._shares = votes / members / max(self.n_fellows, 1)

    def __getstate__(self) -> dict[str, Any]:
        # Safe model files do not hold trees.
        cut = ("regions", "_shares")
        return {name: value for name, value in self.__dict__.items() if name not in cut}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._cut()


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
