"""How good a labelling is: scores that leave outliers out and say when they cannot be computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    pairwise_distances_chunked,
)

from customer_segmentation.labels import FloatArray, IntArray, tidy

# All pairs of 20,000 rows are 400 million distances, about 10 s; beyond, a sample answers as well.
MAX_SILHOUETTE_ROWS = 20_000


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
    counts = np.bincount(labels[inside])
    sums = [np.bincount(labels[inside], weights=column[inside]) for column in X.T]
    return np.asarray(np.column_stack(sums) / counts[:, None])


def wcss(X: FloatArray, labels: IntArray) -> float:
    """Within-cluster sum of squares (squared units of `X`), outliers left out.

    Examples
    --------
    >>> wcss(np.array([[0.0], [2.0], [9.0]]), np.array([0, 0, -1]))
    2.0
    """
    inside = labels >= 0
    return float(((X[inside] - cluster_means(X, labels)[labels[inside]]) ** 2).sum())


def silhouette_samples(X: FloatArray, labelings: Sequence[IntArray]) -> list[FloatArray]:
    """Silhouette of every customer under each labelling, from one pass over the distances.

    One chunk of distances times a one-hot matrix of all labellings gives the sum of distances
    to every cluster of every labelling at once, so further labellings cost next to nothing.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labelings : sequence of ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier. Outliers belong to no cluster.

    Returns
    -------
    list of ndarray of shape (n_samples,)
        On [-1, 1]; NaN for outliers, and for everyone when there are fewer than two clusters or
        as many clusters as customers.

    Notes
    -----
    Rousseeuw (1987), *Silhouettes*. A cluster of one scores 0, as he defines it.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> silhouette_samples(X, [np.array([0, 0, 1, 1])])[0].round(3)
    array([0.905, 0.895, 0.895, 0.905])
    """
    widths = [int(labels.max(initial=-1)) + 1 for labels in labelings]
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(int)
    if not offsets[-1]:
        return [np.full(len(X), np.nan) for _ in labelings]
    one_hot = np.zeros((len(X), offsets[-1]))
    for labels, offset in zip(labelings, offsets[:-1], strict=True):
        rows = np.flatnonzero(labels >= 0)
        one_hot[rows, offset + labels[rows]] = 1.0

    def sums(chunk: FloatArray, _start: int) -> FloatArray:
        return np.asarray(chunk @ one_hot)

    totals = np.concatenate(list(pairwise_distances_chunked(X, reduce_func=sums)))
    return [
        _silhouette_from_sums(totals[:, offset : offset + width], labels)
        for labels, offset, width in zip(labelings, offsets[:-1], widths, strict=True)
    ]


def _silhouette_from_sums(totals: FloatArray, labels: IntArray) -> FloatArray:
    result = np.full(len(labels), np.nan)
    inside = np.flatnonzero(labels >= 0)
    own = labels[inside]
    sizes = np.bincount(own, minlength=totals.shape[1])
    if not 2 <= len(sizes) < len(inside):
        return result
    sums = totals[inside]
    rows = np.arange(len(inside))
    within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    nearest = means.min(axis=1)
    larger = np.maximum(within, nearest)
    width = np.divide(nearest - within, larger, out=np.zeros_like(larger), where=larger > 0)
    result[inside] = np.where(sizes[own] == 1, 0.0, width)
    return result


def score(
    X: FloatArray, labelings: Sequence[IntArray], *, seed: int
) -> tuple[pd.DataFrame, list[FloatArray]]:
    """Scores of every labelling of `X`; what cannot be computed is NaN, with its reason.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labelings : sequence of ndarray of shape (n_samples,)
    seed : int
        Draws the sample of customers that silhouettes are computed on when there are more than
        ``MAX_SILHOUETTE_ROWS``.

    Returns
    -------
    table : DataFrame, a row per labelling
        ``n_segments``, ``wcss``, ``silhouette``, ``calinski_harabasz``, ``davies_bouldin``
        (outliers left out of each), ``coverage`` (share of customers that the scores speak of),
        ``outlier_share``, ``smallest_share``, ``largest_share``, ``sizes`` and
        ``silhouette_per_segment`` (as text, the largest segment first) and ``absent``, the reason
        why scores are missing ("" when none is).
    silhouettes : list of ndarray of shape (n_samples,)
        Per customer, NaN for outliers and customers outside the sample.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> table, _ = score(X, [np.array([0, 0, 0, 0]), np.array([0, 0, 1, 1])], seed=0)
    >>> table[["n_segments", "wcss", "silhouette", "absent"]].round(3).values.tolist()
    [[1, 101.0, nan, 'one segment: nothing to compare it with'], [2, 1.0, 0.9, '']]
    """
    sample = _sample(len(X), seed)
    parts = silhouette_samples(X[sample], [tidy(labels[sample]) for labels in labelings])
    silhouettes = []
    for part in parts:
        full = np.full(len(X), np.nan)
        full[sample] = part
        silhouettes.append(full)
    rows = [
        _scores_of(X, labels, widths) for labels, widths in zip(labelings, silhouettes, strict=True)
    ]
    return pd.DataFrame(rows), silhouettes


def _sample(n_rows: int, seed: int) -> IntArray:
    if n_rows <= MAX_SILHOUETTE_ROWS:
        return np.arange(n_rows)
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(n_rows, MAX_SILHOUETTE_ROWS, replace=False))


def _scores_of(X: FloatArray, labels: IntArray, widths: FloatArray) -> dict[str, object]:
    inside = labels >= 0
    sizes = np.bincount(labels[inside]) if inside.any() else np.zeros(0, int)
    absent = _why_absent(len(sizes), int(inside.sum()))
    two = not absent
    kept, own = X[inside], labels[inside]
    spread = wcss(X, labels) if len(sizes) else np.nan
    # With no spread inside clusters the ratio is a division by zero, which scikit-learn calls 1.
    flat = two and spread == 0.0
    return {
        "n_segments": len(sizes),
        "wcss": spread,
        "silhouette": float(np.nanmean(widths)) if two and np.isfinite(widths).any() else np.nan,
        "calinski_harabasz": float(calinski_harabasz_score(kept, own))
        if two and not flat
        else np.nan,
        "davies_bouldin": float(davies_bouldin_score(kept, own)) if two else np.nan,
        "coverage": float(inside.mean()),
        "outlier_share": float(1 - inside.mean()),
        "smallest_share": float(sizes.min() / len(labels)) if len(sizes) else np.nan,
        "largest_share": float(sizes.max() / len(labels)) if len(sizes) else np.nan,
        "sizes": ", ".join(map(str, sorted(sizes, reverse=True))),
        "silhouette_per_segment": _per_segment(widths[inside], own, sizes) if two else "",
        "absent": absent,
    }


def _per_segment(widths: FloatArray, labels: IntArray, sizes: IntArray) -> str:
    """Mean silhouette of each cluster, the largest first, as segments are numbered."""
    known = np.isfinite(widths)
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
