"""Customers in the plane: the two directions in which they differ most, and who is drawn."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.style import percent

BLOCK = 65_536  # rows handled at once: bounds the memory


def directions(matrix: FloatArray) -> tuple[FloatArray, FloatArray, list[str]]:
    """Project customers to their first two principal components (Pearson 1901).

    The sign of a component is arbitrary: its largest loading is made positive. A single column
    has a second component of zeros.

    Parameters
    ----------
    matrix : array, shape (n_customers, n_features)

    Returns
    -------
    points : array, shape (n_customers, 2)
    loadings : array, shape (n_features, 2)
        The directions, each of length 1.
    labels : list of 2 str
        Of the axes, with the share of the variance.

    Examples
    --------
    >>> points, loadings, labels = directions(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]))
    >>> points[:, 0].tolist(), np.abs(loadings[:, 0]).round(1).tolist()
    ([-2.5, 2.5], [0.6, 0.0, 0.8])
    >>> labels
    ['Direction 1 (100 % of all differences)', 'Direction 2 (0 % of all differences)']
    """
    mean = matrix.mean(axis=0)
    with threadpool_limits(limits=1):  # products so small keep a second thread waiting
        spectrum, found = np.linalg.eigh(_scatter(matrix, mean))
    missing = max(2 - len(spectrum), 0)
    spectrum = np.pad(spectrum, (missing, 0))
    loadings = np.pad(found, ((0, 0), (missing, 0)))[:, ::-1][:, :2]
    loadings = loadings * np.sign(loadings[np.abs(loadings).argmax(axis=0), [0, 1]])
    points = matrix @ loadings
    points -= mean @ loadings
    shares = (spectrum[::-1][:2] / max(float(spectrum.sum()), 1e-300)).clip(0)
    labels = [
        f"Direction {i} ({percent(float(share))} of all differences)"
        for i, share in enumerate(shares, 1)
    ]
    return points, loadings, labels


def _scatter(matrix: FloatArray, mean: FloatArray) -> FloatArray:
    """Sums of squares and products about the mean, block by block."""
    blocks = (matrix[start : start + BLOCK] - mean for start in range(0, len(matrix), BLOCK))
    return np.asarray(sum(block.T @ block for block in blocks))


def evenly(segments: IntArray, most: int) -> IntArray:
    """Positions of at most `most` customers, every segment by its share.

    Examples
    --------
    >>> evenly(np.array([2, 1, 1, 2]), 2).tolist()
    [1, 3]
    """
    order: IntArray = np.argsort(segments, kind="stable").astype(np.int64)
    if len(order) > most:
        order = order[np.linspace(0, len(order) - 1, most).astype(int)]
    return order
