"""How good each labelling of a path is: silhouettes in one pass over the distances, and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist

from customer_segmentation.labels import FloatArray, IntArray, sampled_rows

EXACT_ROWS = 20_000  # all pairs of so many rows are 400 million distances, about 2 s
BLOCK = 1_000_000  # distances computed at once: 8 MB, which stay in a processor's cache
FEWEST = 200  # customers sampled at least: the standard error is then about 0.02
ROWS = 16_384  # customers whose distance to their centre is computed at once


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


def _standard_error(widths: FloatArray, n: int) -> float:
    """Of the mean silhouette of a sample drawn without replacement from n (Cochran 1977)."""
    known = widths[np.isfinite(widths)]
    if len(known) < 2:
        return np.nan
    left = 1 - len(widths) / n
    return float(known.std(ddof=1) * np.sqrt(left / len(known)))


def cluster_means(X: FloatArray, labels: IntArray) -> FloatArray:
    """Mean of every cluster, outliers left out.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier.

    Returns
    -------
    ndarray of shape (n_clusters, n_features)

    Examples
    --------
    >>> cluster_means(np.array([[0.0], [2.0], [9.0]]), np.array([0, 0, -1]))
    array([[1.]])
    """
    inside = labels >= 0
    kept, own = (X, labels) if inside.all() else (X[inside], labels[inside])
    sums = [np.bincount(own, weights=column) for column in kept.T]
    return np.asarray(np.column_stack(sums) / np.bincount(own)[:, None])


def wcss(X: FloatArray, labels: IntArray) -> float:
    """Within-cluster sum of squares (squared units of `X`), outliers left out; NaN with no cluster.

    Examples
    --------
    >>> wcss(np.array([[0.0], [2.0], [9.0]]), np.array([0, 0, -1]))
    2.0
    """
    return _compactness(X, labels)[0]


class Scores(NamedTuple):
    """Scores of some labellings, as :func:`score` describes them."""

    table: pd.DataFrame  #: a row per labelling
    silhouettes: list[FloatArray]  #: shape (n_scored,), one per labelling
    rows: IntArray  #: shape (n_scored,): the customers whose silhouettes they are

    def widths(self, position: int, n: int) -> FloatArray:
        """Silhouettes under one labelling of all `n` customers, NaN for those not scored."""
        result = np.full(n, np.nan)
        result[self.rows] = self.silhouettes[position]
        return result


def score(
    X: FloatArray, labelings: Sequence[IntArray], *, seed: int, exact_rows: int = EXACT_ROWS
) -> Scores:
    """Scores of every labelling of `X`; what cannot be computed is NaN, with its reason.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labelings : sequence of ndarray of shape (n_samples,)
    seed : int
        Draws the customers whose silhouettes are computed when there are more than `exact_rows`.
    exact_rows : int
        Up to so many customers all silhouettes are computed. Beyond, those of a random sample,
        each against all customers: the mean is unbiased, unlike that of a table thinned out. The
        sample shrinks as the table grows, for the same number of distances.

    Returns
    -------
    Scores
        Its table has ``n_segments``, ``wcss``, ``silhouette``, ``calinski_harabasz``,
        ``davies_bouldin`` (outliers left out of each), ``coverage`` (share of customers that the
        scores speak of),
        ``outlier_share``, ``smallest_share``, ``largest_share``, ``sizes`` and
        ``silhouette_per_segment`` (as text, the largest segment first) and ``absent``, the reason
        why scores are missing ("" when none is). Where silhouettes are estimated also
        ``silhouette_se``, the standard error of their mean.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> table, *_ = score(X, [np.array([0, 0, 0, 0]), np.array([0, 0, 1, 1])], seed=0)
    >>> table[["n_segments", "wcss", "silhouette", "absent"]].round(3).values.tolist()
    [[1, 101.0, nan, 'one segment: nothing to compare it with'], [2, 1.0, 0.9, '']]
    """
    sample = sampled_rows(len(X), scored_rows(len(X), exact_rows), seed)
    silhouettes = silhouette_samples(X, labelings, sample)
    table = pd.DataFrame(
        [
            _scores_of(X, labels, labels[sample], widths)
            for labels, widths in zip(labelings, silhouettes, strict=True)
        ]
    )
    if len(sample) < len(X):
        table["silhouette_se"] = [_standard_error(widths, len(X)) for widths in silhouettes]
    return Scores(table, silhouettes, sample)


def _scores_of(
    X: FloatArray, labels: IntArray, scored: IntArray, widths: FloatArray
) -> dict[str, object]:
    inside = labels >= 0
    sizes = np.bincount(labels[inside])
    absent = _why_absent(len(sizes), int(inside.sum()))
    two = not absent
    spread, ratio, similarity = _compactness(X, labels)
    return {
        "n_segments": len(sizes),
        "wcss": spread,
        "silhouette": float(np.nanmean(widths)) if two and np.isfinite(widths).any() else np.nan,
        "calinski_harabasz": ratio if two else np.nan,
        "davies_bouldin": similarity if two else np.nan,
        "coverage": float(inside.mean()),
        "outlier_share": float(1 - inside.mean()),
        "smallest_share": float(sizes.min() / len(labels)) if len(sizes) else np.nan,
        "largest_share": float(sizes.max() / len(labels)) if len(sizes) else np.nan,
        "sizes": ", ".join(map(str, sorted(sizes, reverse=True))),
        "silhouette_per_segment": _per_segment(widths, scored, sizes) if two else "",
        "absent": absent,
    }


def _compactness(X: FloatArray, labels: IntArray) -> tuple[float, float, float]:
    """WCSS, Calinski and Harabasz (1974), Davies and Bouldin (1979), from one set of distances."""
    if not (labels >= 0).any():
        return np.nan, np.nan, np.nan
    means, sizes = cluster_means(X, labels), np.bincount(labels[labels >= 0])
    n, k = int(sizes.sum()), len(sizes)
    squares, lengths = _spreads(X, labels, means)
    spread = float(squares.sum())
    between = float(sizes @ np.square(means - sizes @ means / n).sum(axis=1))
    # With no spread inside clusters the ratio is a division by zero, which scikit-learn calls 1.
    ratio = between / (k - 1) / (spread / (n - k)) if spread > 0 and 1 < k < n else np.nan
    radius = lengths / sizes
    apart = cdist(means, means)
    both = radius[:, None] + radius
    alike = np.divide(both, apart, out=np.zeros_like(apart), where=apart > 0)
    return spread, ratio, float(alike.max(axis=1).mean())


def _spreads(X: FloatArray, labels: IntArray, means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Per cluster the squared and the plain distances to its mean, summed up block by block."""
    squares, lengths = np.zeros(len(means)), np.zeros(len(means))
    for start in range(0, len(X), ROWS):
        own = labels[start : start + ROWS]
        inside = own >= 0
        own = own[inside]
        off = X[start : start + ROWS][inside] - means[own]
        square = np.einsum("ij,ij->i", off, off)
        squares += np.bincount(own, weights=square, minlength=len(means))
        lengths += np.bincount(own, weights=np.sqrt(square), minlength=len(means))
    return squares, lengths


def _per_segment(widths: FloatArray, labels: IntArray, sizes: IntArray) -> str:
    """Mean silhouette of each cluster, the largest first, as segments are numbered."""
    known = np.isfinite(widths)  # not those of outliers
    counts = np.bincount(labels[known], minlength=len(sizes))
    sums = np.bincount(labels[known], weights=widths[known], minlength=len(sizes))
    means = sums / np.maximum(counts, 1)
    return ", ".join(f"{means[cluster]:.3f}" for cluster in np.argsort(-sizes, kind="stable"))


def _why_absent(n_clusters: int, n_inside: int) -> str:
    if n_clusters == 0:
        return "no cluster found: every customer is an outlier"
    if n_clusters == 1:
        return "one segment: nothing to compare it with"
    if n_clusters >= n_inside:
        return "every segment holds a single customer"
    return ""
