"""Gaps between clusters: who is on this side of them is out of the reach of the other one."""

from __future__ import annotations

from typing import Any

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray

SLACK = 1e-9  # of the largest coordinate: more than rounding makes of it


class Gaps:
    """Where each cluster starts, seen from each other one: along the line through their means.

    Planes like these tell clusters apart in many columns too, where all distances are alike.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    codes : ndarray of shape (n_points,)
        Clusters of the points.
    reach : ndarray of shape (n_clusters,)
        Of each cluster.

    Examples
    --------
    >>> gaps = Gaps(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), np.array([2.5, 1.0]))
    >>> gaps.apart(np.array([[2.0], [3.0]]), np.array([0, 0]))
    array([ True, False])
    """

    def __init__(self, points: FloatArray, codes: IntArray, reach: FloatArray) -> None:
        names = np.unique(codes)
        clusters = [points[codes == name] for name in names]
        means = np.array([cluster.mean(axis=0) for cluster in clusters])
        slack = SLACK * (1 + np.abs(points).max())
        self._seen: dict[int, tuple[FloatArray, FloatArray]] = {}
        for own, name in enumerate(names):
            lines = np.delete(means - means[own], own, axis=0)
            lines /= np.maximum(np.linalg.norm(lines, axis=1), 1e-300)[:, None]
            others = clusters[:own] + clusters[own + 1 :]
            starts = [(cluster @ line).min() for cluster, line in zip(others, lines, strict=True)]
            farther = np.maximum(reach[name], np.delete(reach[names], own))
            self._seen[int(name)] = lines.T, np.array(starts) - slack - farther

    def apart(self, X: FloatArray, codes: IntArray) -> Any:
        """Whether surely nobody of another cluster is within its reach, nor within that of `codes`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        codes : ndarray of shape (n_samples,)
            The cluster that is no other one.

        Returns
        -------
        ndarray of bool, shape (n_samples,)
        """
        found = np.zeros(len(X), dtype=bool)
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            lines, starts = self._seen[int(code)]
            found[rows] = (starts - X[rows] @ lines).min(axis=1, initial=np.inf) > 0
        return found
