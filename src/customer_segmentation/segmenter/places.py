"""Places: boxes around a few points each, with their middles, found in no time for any row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from customer_segmentation.labels import FloatArray, IntArray

MAX_PLACES = 256  # more take longer to find and to prepare than what they save
MAX_FITTED = 5_000  # points that tell where the places should be


class Located(NamedTuple):
    """Rows of a matrix by the place of each, as seen from the middle of that."""

    at: IntArray
    offsets: FloatArray
    away: FloatArray  # length of the offsets

    def only(self, rows: Any) -> Located:
        """Some of the rows, by their positions."""
        return Located(self.at[rows], self.offsets[rows], self.away[rows])


class Places:
    """Boxes that halve the variance of the points again and again, and the mean of each.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)

    Attributes
    ----------
    centres : ndarray of shape (n_places, n_features)

    Examples
    --------
    >>> places = Places(np.array([[0.0], [5.0]]))
    >>> places.locate(np.array([[4.0], [-1.0]])).away
    array([1., 1.])
    """

    def __init__(self, points: FloatArray) -> None:
        some = points[:: -(-len(points) // MAX_FITTED)]
        self._boxes = DecisionTreeRegressor(max_leaf_nodes=MAX_PLACES, random_state=0)
        tree = self._boxes.fit(some, some).tree_
        leaves = np.flatnonzero(tree.children_left < 0)
        self._place = np.zeros(tree.node_count, dtype=np.int16)
        self._place[leaves] = np.arange(len(leaves))
        self.centres = np.ascontiguousarray(tree.value[leaves, :, 0])

    def locate(self, X: FloatArray) -> Located:
        """Find the place of each row."""
        at = self._place[self._boxes.apply(X)]
        offsets = X - self.centres[at]
        return Located(at, offsets, np.sqrt(np.einsum("ij,ij->i", offsets, offsets)))
