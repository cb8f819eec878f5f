"""Segment numbers: from 1 on, in an order that the customers alone decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.validity import cluster_means


def number_segments(X: FloatArray, labels: IntArray) -> IntArray:
    """Segment number of every cluster: 1 for the largest, then by size.

    Equal sizes are ordered by the clusters' means, feature by feature, and equal means by the
    members, so that equal partitions get equal numbers whatever integers the algorithm used.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier.

    Returns
    -------
    ndarray of shape (n_clusters,)
        Position = cluster, value = segment number.

    Examples
    --------
    >>> number_segments(np.array([[1.0], [5.0], [5.5]]), np.array([0, 1, 1]))
    array([2, 1])
    """
    if labels.max(initial=-1) < 0:
        return np.zeros(0, dtype=np.int64)
    sizes = np.bincount(labels[labels >= 0])
    means = cluster_means(X, labels).round(9).tolist()
    keys: list[Any] = [(-size, mean) for size, mean in zip(sizes.tolist(), means, strict=True)]
    if any(keys.count(key) > 1 for key in keys):
        keys = [(key, _members(X, labels == cluster)) for cluster, key in enumerate(keys)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    numbers = np.empty(len(sizes), dtype=np.int64)
    numbers[order] = np.arange(1, len(sizes) + 1)
    return numbers


def _members(X: FloatArray, inside: Any) -> list[Any]:
    rows = X[inside]
    return list(rows[np.lexsort(rows.T[::-1])].tolist())


def renumbering(own: Iterable[int], numbers: Mapping[int, int]) -> dict[int, int]:
    """Check other numbers for some segments: from 1 on, a different one for each.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> renumbering([2, 1], {1: 5, 2: 3})
    {1: 5, 2: 3}
    """
    expected = sorted(int(number) for number in own)
    given = {number: int(numbers.get(number, 0)) for number in expected}
    if min(given.values(), default=1) < 1 or len(set(given.values())) < len(given):
        raise ValueError(
            f"got the numbers {dict(numbers)}, expected a different one from 1 on for each of "
            f"{expected}. Number every segment once."
        )
    return given
