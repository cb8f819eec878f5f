"""Balls within which every customer joins the same cluster, so that few need a search."""

from __future__ import annotations

from copy import copy

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.neighbours import Index
from customer_segmentation.segmenter.places import Located, Places

OWN, OTHERS = 32, 256  # nearest points that a radius is computed from
MOST = 64  # nearest points that have to agree, or else nothing is known
PART = 64  # places at once: the planes around them fill 4 MB
UNKNOWN = -2  # neither a cluster nor an outlier
TINY = 1e-9  # of a radius or squared distance: so far answers keep from where rounding matters
SAFE = 0.999  # share of a radius


class Anchors:
    """Places with the radius around each in which the answer is known without a search.

    Parameters
    ----------
    places : Places
    codes : ndarray of shape (n_places,)
        Cluster of whoever is within the radius.
    radii : ndarray of shape (n_places,)
        Computed ones; a little is taken off, so that rounding cannot matter.

    Examples
    --------
    >>> places = Places(np.array([[0.0], [9.0]]))
    >>> anchors = Anchors(places, (places.centres[:, 0] > 5).astype(int), np.array([2.0, 2.0]))
    >>> anchors.codes_of(np.array([[-1.0], [4.0], [8.0]]))
    array([ 0, -2,  1])
    """

    def __init__(self, places: Places, codes: IntArray, radii: FloatArray) -> None:
        self.places, self.codes, self.radii = places, codes, SAFE * radii - TINY

    def codes_of(self, X: FloatArray) -> IntArray:
        """Cluster of each row, -2 where it takes a search to tell."""
        return self.codes_at(self.places.locate(X))

    def codes_at(self, rows: Located) -> IntArray:
        """Cluster of each row, -2 where it takes a search to tell; see :meth:`codes_of`."""
        return np.where(rows.away < self.radii[rows.at], self.codes[rows.at], UNKNOWN)


def by_nearest(
    places: Places, points: FloatArray, codes: IntArray, k: int = 1, rivals: int = 1
) -> Anchors:
    """Anchors of the rule that the `k` nearest points are in one cluster.

    On one side of the plane halfway between them, a row is nearer to a point p than to q. So around
    a place, as far as the k-th farthest of the planes between q and points of its own cluster, k of
    these are nearer than q. The radius is the smallest such distance over points q of all other
    clusters; those that are not looked at are too far away to matter.

    Parameters
    ----------
    places : Places
    points : ndarray of shape (n_points, n_features)
    codes : ndarray of shape (n_points,)
        Clusters of the points.
    k : int
    rivals : int
        So many points of other clusters have to be nearer than those to put the rule in doubt.

    Examples
    --------
    >>> points, codes = np.array([[0.0], [1.0], [4.0]]), np.array([0, 0, 1])
    >>> np.sort(by_nearest(Places(points), points, codes).radii.round(1))
    array([1.5, 1.5, 2.5])
    """
    names = np.unique(codes)
    mine, share = max(OWN, 2 * min(k, MOST)), max(OTHERS // len(names), 4)
    near = [_Nearest(places.centres, points[codes == name], max(mine, share)) for name in names]
    own = np.array([cluster.distances[:, 0] for cluster in near]).argmin(axis=0)
    radii = np.zeros(len(own))
    for start in range(0, len(own), PART):
        for place in np.unique(own[start : start + PART]):
            rows = start + np.flatnonzero(own[start : start + PART] == place)
            others = [cluster.only(rows, share) for i, cluster in enumerate(near) if i != place]
            if k <= min(MOST, near[place].distances.shape[1]):
                radii[rows] = _radii(near[place].only(rows, mine), others, k, rivals)
    return Anchors(places, names[own], radii)


class _Nearest:
    """Points of a cluster that are nearest to each of some centres, as seen from there."""

    def __init__(self, centres: FloatArray, points: FloatArray, most: int) -> None:
        self.distances, positions = Index(points).nearest(centres, most)
        self.points = points[positions] - centres[:, None]
        self.whole = len(points) <= most

    def only(self, rows: IntArray, most: int) -> _Nearest:
        """The same for some of the centres, and fewer points."""
        fewer = copy(self)
        fewer.distances, fewer.points = self.distances[rows, :most], self.points[rows, :most]
        fewer.whole = self.whole and self.distances.shape[1] <= most
        return fewer


def _radii(own: _Nearest, others: list[_Nearest], k: int, rivals: int) -> FloatArray:
    n = len(own.points)
    if sum(other.points.shape[1] for other in others) < rivals:
        return np.full(n, np.inf)
    planes = _planes(own.points, np.concatenate([other.points for other in others], axis=1), k)
    radii = np.partition(planes, rivals - 1, axis=1)[:, rivals - 1]
    for other in others:
        if not other.whole:
            radii = np.minimum(radii, (other.distances[:, -1] - own.distances[:, k - 1]) / 2)
    return radii


def _planes(P: FloatArray, Q: FloatArray, k: int) -> FloatArray:
    """How far from the origin `k` of the points P are nearer than a point Q; axis 0 = origins."""
    p, q = (P**2).sum(axis=2)[:, None, :], (Q**2).sum(axis=2)[:, :, None]
    between = np.maximum(p + q - 2 * (Q @ P.transpose(0, 2, 1)), TINY * q + 1e-300)
    planes = (q * (1 - TINY) - p) / (2 * np.sqrt(between))
    return np.asarray(np.partition(planes, -k, axis=2)[:, :, -k])
