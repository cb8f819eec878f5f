"""Projected density: the valley on the line between two clusters.

In many columns neighbour distances see no valley between overlapping segments; the density along
the one line that tells two segments apart does.
"""

from __future__ import annotations

import hashlib

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray

WINDOW = 0.12  # half width of the counting windows, in units of the distance between two centres
STOPS = np.r_[0.0, 1.0, np.linspace(0.2, 0.8, 13)]  # both centres, then the way between them
FACING = 3  # borders are projected for the three nearest clusters only
FEWEST = 5  # rows that a cluster needs for a direction
SHRINKAGE = 0.05  # towards a sphere: a direction exists even with fewer rows than columns
TINY = 1e-12

Moments = tuple[int, FloatArray, FloatArray]  # rows, centre, sums of squares and products
Depths = dict[bytes, float]


def projected_depths(points: FloatArray, labels: IntArray, k: int, known: Depths) -> FloatArray:
    """Depth of the valley along the discriminant line of every two clusters that face each other.

    The direction is Fisher's (1936) for the two clusters. The depth is the log of the rows around
    the sparser centre over the rows in the emptiest window between the centres, less one standard
    error of that log ratio.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters 0..k-1, -1 = outlier.
    k : int
    known : dict
        Remembers depths between calls on the same points: the candidates of a sweep share many
        clusters.

    Returns
    -------
    ndarray of shape (k, k)
        Symmetric; infinite for clusters that do not face each other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(300, 6)), rng.normal(size=(300, 6)) + [5, 0, 0, 0, 0, 0]]
    >>> bool(projected_depths(X, np.repeat([0, 1], 300), 2, {})[0, 1] > 0.4)
    True
    """
    depths = np.full((k, k), np.inf)
    rows = [np.flatnonzero(labels == c) for c in range(k)]
    moments = {c: _moments(points[rows[c]]) for c in range(k) if len(rows[c]) >= FEWEST}
    names = {c: hashlib.blake2b(rows[c].tobytes(), digest_size=16).digest() for c in moments}
    for a, b in _facing(moments):
        pair = b"".join(sorted((names[a], names[b])))
        if pair not in known:
            both = points[np.r_[rows[a], rows[b]]]
            known[pair] = _line_depth(both, moments[a], moments[b])
        depths[a, b] = depths[b, a] = known[pair]
    return depths


def _moments(rows: FloatArray) -> Moments:
    centre = rows.mean(axis=0)
    centred = rows - centre
    return len(rows), centre, centred.T @ centred


def _facing(moments: dict[int, Moments]) -> list[tuple[int, int]]:
    """Pairs of clusters, each with its nearest few by centre."""
    clusters = list(moments)
    if len(clusters) < 2:
        return []
    centres = np.array([centre for _, centre, _ in moments.values()])
    distance = ((centres[:, None] - centres[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, : min(FACING, len(clusters) - 1)]
    ends = [(clusters[a], clusters[b]) for a, row in enumerate(nearest) for b in row]
    return sorted({(min(pair), max(pair)) for pair in ends})


def _line_depth(points: FloatArray, a: Moments, b: Moments) -> float:
    shift = b[1] - a[1]
    pooled = (a[2] + b[2]) / (a[0] + b[0])
    pooled.flat[:: len(pooled) + 1] += SHRINKAGE * float(pooled.trace()) / len(pooled) + TINY
    direction = np.linalg.solve(pooled, shift)
    along = (points - a[1]) @ direction / max(float(shift @ direction), TINY)
    along.sort()
    counts = along.searchsorted(STOPS + WINDOW) - along.searchsorted(STOPS - WINDOW) + 1
    peak, valley = float(counts[:2].min()), float(counts[2:].min())
    return float(np.log(peak / valley) - np.sqrt(1 / peak + 1 / valley))
