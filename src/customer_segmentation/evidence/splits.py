"""Split evidence: what cutting the clusters of a partition in two would still explain.

A model that is right has nothing left to explain inside its clusters. One that merges segments, or
lays Gaussians over a shape that has none, has: each of its clusters falls in two with profit.
"""

from __future__ import annotations

import numpy as np

from customer_segmentation.cuts import SMALLEST, halves
from customer_segmentation.evidence.likelihood import FLOOR, Table, gain
from customer_segmentation.labels import FloatArray, IntArray

Known = dict[bytes, float]


def split_gain(parts: Table, labels: IntArray, known: Known | None = None) -> float:
    """Gain of cutting each cluster in two where that pays, summed over the clusters.

    Each is cut by :func:`customer_segmentation.cuts.halves`. Multinomial columns are left out:
    levels that go together (the answers of one survey) can always be cut further, and no segment
    ends there. A part needs as many rows as a Gaussian has parameters, and a twentieth of its
    cluster.

    Parameters
    ----------
    parts : Table
    labels : ndarray of shape (n_samples,)
        Clusters 0..k-1, -1 = outlier.
    known : dict, optional
        Remembers clusters between calls on the same table: the candidates of a sweep share many.

    Returns
    -------
    float
        Nats per row, 0 or above, as :func:`customer_segmentation.evidence.likelihood.gain`.

    Examples
    --------
    >>> from customer_segmentation.evidence.likelihood import table
    >>> rng = np.random.default_rng(0)
    >>> parts = table(np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 10] / 5)
    >>> whole, halves = np.zeros(400, dtype=int), np.repeat([0, 1], 200)
    >>> split_gain(parts, whole) > 1, split_gain(parts, halves)
    (True, 0.0)
    """
    if not parts.gaussian.shape[1]:
        return 0.0
    known = {} if known is None else known
    total = 0.0
    for cluster in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == cluster)
        key = rows.tobytes()
        if key not in known:
            known[key] = _cut_gain(parts.gaussian[rows], parts.floor)
        total += len(rows) * known[key]
    return total / len(labels)


def _cut_gain(Z: FloatArray, floor: FloatArray) -> float:
    """Gain of cutting one cluster, nats per row of it; 0 when it does not pay."""
    n, d = Z.shape
    fewest = max(d * (d + 3) / 2, SMALLEST * n, 5)
    if n < 2 * fewest:
        return 0.0
    cut = halves(Z, FLOOR)
    if not fewest <= cut.sum() <= n - fewest:
        return 0.0
    parts = Table(Z, [], [], Z.var(axis=0), floor)
    return max(gain(parts, cut.astype(np.int64)), 0.0)
