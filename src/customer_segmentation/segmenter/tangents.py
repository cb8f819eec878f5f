"""Mean distances to clusters, bounded from those at a place nearby."""

from __future__ import annotations

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.anchors import SAFE, TINY, UNKNOWN
from customer_segmentation.segmenter.places import Places


class Tangents:
    """Where the cluster with the smallest mean distance is clear.

    A distance is convex: along an offset it grows at least as its slope at the place says, and at
    most by the squared offset over twice the distance more. So do their means.

    Parameters
    ----------
    places : Places
    members : list of ndarray of shape (n_members, n_features)
        Of each cluster.

    Examples
    --------
    >>> members = [np.array([[0.0], [1.0]]), np.array([[9.0], [10.0]])]
    >>> tangents = Tangents(Places(np.array([[-2.0], [7.0]])), members)
    >>> tangents.codes_of(np.array([[-1.0], [5.0]]))
    array([ 0, -2])
    """

    def __init__(self, places: Places, members: list[FloatArray]) -> None:
        self.places = places
        found = [_mean_distance(places.centres, points) for points in members]
        values, slopes, bends = zip(*found, strict=True)
        self._values, self._bends = np.array(values).T, np.array(bends).T
        self._slopes = np.array(slopes).transpose(1, 0, 2)

    def codes_of(self, X: FloatArray) -> IntArray:
        """Cluster of each row, -2 where it takes all distances to tell."""
        rows = self.places.locate(X)
        lowest = self._values[rows.at]
        lowest += np.einsum("ij,ikj->ik", rows.offsets, self._slopes[rows.at])
        codes, everyone = lowest.argmin(axis=1), np.arange(len(X))
        highest = lowest[everyone, codes] + rows.away**2 * self._bends[rows.at, codes]
        lowest[everyone, codes] = np.inf
        clear = highest + TINY * (1 + rows.away) < SAFE * lowest.min(axis=1)
        return np.where(clear, codes, UNKNOWN)


def _mean_distance(centres: FloatArray, points: FloatArray) -> tuple[FloatArray, ...]:
    """Mean distance of the points from each centre, its slope, and half the most it bends."""
    values, slopes, bends = np.empty(len(centres)), np.empty_like(centres), np.empty(len(centres))
    for place, centre in enumerate(centres):
        away = centre - points
        distances = np.maximum(np.linalg.norm(away, axis=1), 1e-100)
        values[place], bends[place] = distances.mean(), (0.5 / distances).mean()
        slopes[place] = (away / distances[:, None]).mean(axis=0)
    return values, slopes, bends
