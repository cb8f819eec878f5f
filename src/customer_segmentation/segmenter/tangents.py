"""Mean distances to clusters, bounded from those at a place nearby."""

from __future__ import annotations

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.anchors import SAFE, TINY, UNKNOWN
from customer_segmentation.segmenter.places import Places

CLOSE = 0.1  # of the mean distance


class Tangents:
    """Where the cluster with the smallest mean distance is clear.

    A distance is convex: along an offset it grows at least as its slope at the place says. It grows
    at most by the squared offset over twice the distance more, and by twice the offset, which says
    more where a member is close to the place. So do their means.

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
        values, slopes, bends, close = zip(*found, strict=True)
        self._values, self._bends, self._close = (np.array(a).T for a in (values, bends, close))
        self._slopes = np.array(slopes).transpose(1, 0, 2)

    def codes_of(self, X: FloatArray) -> IntArray:
        """Cluster of each row, -2 where it takes all distances to tell."""
        rows = self.places.locate(X)
        lowest = self._values[rows.at]
        lowest += np.einsum("ij,ikj->ik", rows.offsets, self._slopes[rows.at])
        codes, everyone = lowest.argmin(axis=1), np.arange(len(X))
        more = rows.away * self._bends[rows.at, codes] + self._close[rows.at, codes]
        highest = lowest[everyone, codes] + rows.away * more
        lowest[everyone, codes] = np.inf
        clear = highest + TINY * (1 + rows.away) < SAFE * lowest.min(axis=1)
        return np.where(clear, codes, UNKNOWN)


def _mean_distance(centres: FloatArray, points: FloatArray) -> tuple[FloatArray, ...]:
    """Mean distance of the points from each centre, its slope, and what bounds how it bends."""
    values, bends, close = np.empty((3, len(centres)))
    slopes = np.empty_like(centres)
    for place, centre in enumerate(centres):
        away = centre - points
        distances = np.linalg.norm(away, axis=1)
        values[place], far = distances.mean(), distances > CLOSE * distances.mean()
        distances = np.maximum(distances, 1e-100)
        slopes[place] = (away / distances[:, None]).mean(axis=0)
        bends[place], close[place] = (far / (2 * distances)).mean(), 2 * (~far).mean()
    return values, slopes, bends, close
