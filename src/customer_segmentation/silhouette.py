"""Silhouettes of many labellings from one pass over the distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist

from customer_segmentation.labels import FloatArray, IntArray

EXACT_ROWS = 20_000  # all pairs of so many rows are 400 million distances, about 2 s
BLOCK = 1_000_000  # distances computed at once: 8 MB, which stay in a processor's cache
FEWEST = 200  # customers sampled at least: the standard error is then about 0.02


def silhouette_samples(
    X: FloatArray, labelings: Sequence[IntArray], rows: IntArray | None = None
) -> list[FloatArray]:
    """Silhouette of every customer under each labelling, from one pass over the distances.

    Customers that are together in every labelling form a cell. The distances to each cell are
    summed up once; the sums for the clusters of all labellings are sums over their cells.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labelings : sequence of ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier. Outliers belong to no cluster.
    rows : ndarray of shape (n_scored,), optional
        The customers to score, each against all others; all by default.

    Returns
    -------
    list of ndarray of shape (n_scored,)
        On [-1, 1]; NaN for outliers, and for everyone when there are fewer than two clusters or as
        many clusters as customers.

    Notes
    -----
    Rousseeuw (1987), *Silhouettes*. A cluster of one scores 0, as he defines it.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> silhouette_samples(X, [np.array([0, 0, 1, 1])])[0].round(3)
    array([0.905, 0.895, 0.895, 0.905])
    """
    rows = np.arange(len(X)) if rows is None else rows
    widths = [int(labels.max(initial=-1)) + 1 for labels in labelings]
    totals = np.split(_sums(X, rows, labelings, widths), np.cumsum(widths)[:-1], axis=1)
    result = []
    for labels, sums in zip(labelings, totals, strict=True):
        sizes = np.bincount(labels[labels >= 0], minlength=sums.shape[1])
        result.append(_silhouette_from_sums(sums, labels[rows], sizes))
    return result


def _sums(
    X: FloatArray, rows: IntArray, labelings: Sequence[IntArray], widths: Sequence[int]
) -> FloatArray:
    """Sum of the distances of some rows to every cluster of every labelling, side by side."""
    cell = _cells(labelings, widths)
    order = np.argsort(cell, kind="stable")
    starts = np.r_[0, np.cumsum(np.bincount(cell))[:-1]]
    everyone, cells = X[order], np.column_stack([labels[order[starts]] for labels in labelings])
    where, which = np.nonzero(cells >= 0)
    column = cells[where, which] + np.r_[0, np.cumsum(widths)][which]
    shape = (sum(widths), len(cells))
    members = csr_matrix((np.ones(len(where)), (column, where)), shape=shape)
    totals, step = np.empty((len(rows), shape[0])), max(1, BLOCK // len(X))
    distances = np.empty((min(step, len(rows)), len(X)))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        found = cdist(X[some], everyone, out=distances[: len(some)])
        sums = np.add.reduceat(found, starts, axis=1)
        totals[start : start + step] = (members @ sums.T).T
    return totals


def _cells(labelings: Sequence[IntArray], widths: Sequence[int]) -> IntArray:
    """Number the groups of customers that no labelling tells apart."""
    cell = np.zeros(len(labelings[0]), dtype=np.int64)
    for labels, width in zip(labelings, widths, strict=True):
        cell = pd.factorize(cell * (width + 1) + labels + 1)[0].astype(np.int64)
    return cell


def _silhouette_from_sums(totals: FloatArray, labels: IntArray, sizes: IntArray) -> FloatArray:
    """Silhouettes of scored customers from their distances to each cluster, summed up."""
    result = np.full(len(labels), np.nan)
    if not 2 <= len(sizes) < sizes.sum():
        return result
    inside = np.flatnonzero(labels >= 0)
    own, sums = labels[inside], totals[inside]
    rows = np.arange(len(inside))
    within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    nearest = means.min(axis=1)
    larger = np.maximum(within, nearest)
    width = np.divide(nearest - within, larger, out=np.zeros_like(larger), where=larger > 0)
    result[inside] = np.where(sizes[own] == 1, 0.0, width)
    return result


def scored_rows(n: int, exact_rows: int = EXACT_ROWS) -> int:
    """How many of `n` customers get a silhouette: as many as make the distances of the limit.

    Examples
    --------
    >>> scored_rows(500), scored_rows(100_000), scored_rows(1_000_000)
    (500, 4000, 400)
    """
    return n if n <= exact_rows else min(n, max(exact_rows**2 // n, FEWEST))


def standard_error(widths: FloatArray, n: int) -> float:
    """Of the mean of a sample drawn without replacement (Cochran 1977, *Sampling techniques*).

    Parameters
    ----------
    widths : ndarray of shape (n_scored,)
        Silhouettes, NaN for outliers.
    n : int
        Customers that the sample was drawn from.

    Examples
    --------
    >>> round(standard_error(np.array([0.1, 0.3, np.nan, 0.2]), 8), 3)
    0.041
    """
    known = widths[np.isfinite(widths)]
    if len(known) < 2:
        return np.nan
    left = 1 - len(widths) / n
    return float(known.std(ddof=1) * np.sqrt(left / len(known)))
