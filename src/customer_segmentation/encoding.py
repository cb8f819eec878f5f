"""Columns of few values among those of a matrix: categories, and what was counted or rounded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from customer_segmentation.labels import FloatArray

FEW_LEVELS = 12  # flags, counts, scales of 0 to 10 and what was filled in have no more values


def categories(X: FloatArray) -> list[list[int]]:
    """Columns that encode categories: alone a yes/no column, together those of several levels.

    Of the columns of one category, which lie side by side, exactly one is on in every row. Each
    taken for a column of its own, what is known once would count several times.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    list of list of int
        Columns with two values, each once.

    Examples
    --------
    >>> city, club = np.eye(3)[[0, 1, 2, 1]], np.array([0, 1, 1, 0])
    >>> categories(np.c_[np.arange(4), city, club])
    [[1, 2, 3], [4]]
    """
    low, high = X.min(axis=0), X.max(axis=0)
    on = low < X
    two = ~(on & (high > X)).any(axis=0) & (low < high)
    found, first = [], 0
    while first < len(two):
        size = _together(on[:, first:], two[first:]) if two[first] else 1
        if two[first]:
            found.append(list(range(first, first + size)))
        first += size
    return found


def _together(on: NDArray[np.bool_], two: NDArray[np.bool_]) -> int:
    """How many of the first columns encode one category; 1 when the first is on its own."""
    count = np.zeros(len(on), dtype=np.int64)
    for size, (column, binary) in enumerate(zip(on.T, two, strict=True), start=1):
        count += column
        if not binary or count.max() > 1:
            return 1
        if size > 1 and count.min() == 1:
            return size
    return 1


def spread(X: FloatArray, seed: int) -> FloatArray:
    """Columns of few values with each value spread evenly over its step, as before rounding.

    Between the steps of a count or a scale there is nothing in any data: such a gap is no valley.
    Columns of two values are left as they are.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    seed : int
        Fixes where in its step a value comes to lie.

    Examples
    --------
    >>> X = np.c_[np.repeat([0.0, 1.0, 2.0], 4), np.linspace(0, 1, 12)]
    >>> moved = spread(X, seed=0)
    >>> bool((moved[:, 0].round() == X[:, 0]).all()), len(np.unique(moved[:, 0]))
    (True, 12)
    """
    rng, found = np.random.default_rng(seed), X.copy()
    for column in range(X.shape[1]):
        values = np.unique(X[:, column])
        if 2 < len(values) < min(FEW_LEVELS + 1, len(X)):
            found[:, column] += np.median(np.diff(values)) * rng.uniform(-0.5, 0.5, len(X))
    return found
