"""Bootstrap stability: whether the partition comes back when the algorithm sees other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray

Refit = Callable[[FloatArray], IntArray]

REPEATS = 5  # the standard error of a mean Jaccard is then about 0.03, half a Hennig band
SHARE = 0.8  # of the rows per repeat, without replacement: duplicates would fake dense spots
ROWS = 700  # at most
DISSOLVED, STABLE = 0.5, 0.75  # Hennig's bands for a cluster's mean Jaccard overlap
MIN_RESAMPLES = 2  # once in or once out says nothing about coming back
NOWHERE = -2  # came out in a cluster that is no cluster of the full run


class Resample(NamedTuple):
    """What one resample found: the rows that took part, and the labels they got."""

    rows: IntArray
    labels: IntArray


def bootstrap(refit: Refit, X: FloatArray, labels: IntArray, *, seed: int) -> dict[str, Any]:
    """Refit on subsamples and compare with the full run's labels on the same rows.

    The subsetting scheme of Hennig (2007), *Cluster-wise assessment of cluster stability*.

    Parameters
    ----------
    refit : callable(sample) -> labels
        Fits the run's algorithm to a sample of the rows. A setting that depends on the number of
        rows has to be rescaled, see :func:`customer_segmentation.paths.grids.rescale`. A few starts
        are enough.
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Of the full run, with a cluster at least; -1 = outlier.
    seed : int
        Fixes the subsamples.

    Returns
    -------
    dict
        ``stability`` (mean adjusted Rand index, outliers as one cluster), ``jaccard`` (a list: mean
        over the repeats of each cluster's best Jaccard overlap; 0 for a cluster that no subsample
        met), ``jaccard_mean`` and ``jaccard_min`` (its mean and worst over the clusters),
        ``unstable`` (share of the rows in clusters that do not come back, see
        :func:`instability`), and ``resamples`` (a list of :class:`Resample`, what
        :func:`steadiness` counts). Hennig's bands: up to 0.5 dissolved, 0.6 to 0.75 a pattern,
        from 0.75 stable, from 0.85 highly stable.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + 20]
    >>> split = lambda rows: (rows[:, 0] > 10).astype(int)
    >>> found = bootstrap(split, X, split(X), seed=0)
    >>> found["stability"], found["jaccard"], found["unstable"]
    (1.0, [1.0, 1.0], 0.0)
    """
    drawn, size = np.random.default_rng(seed), max(min(int(SHARE * len(X)), ROWS), 1)
    samples = [drawn.choice(len(X), size, replace=False) for _ in range(REPEATS)]
    resamples = [Resample(rows, np.asarray(refit(X[rows]))) for rows in samples]
    sizes = np.bincount(labels[labels >= 0])
    overlaps = [best_jaccard(labels[rows], found, len(sizes)) for rows, found in resamples]
    jaccard = _mean_of_known(np.array(overlaps))
    return {
        "stability": float(np.mean([rand_index(labels[rows], found) for rows, found in resamples])),
        "jaccard_mean": float(jaccard.mean()),
        "jaccard_min": float(jaccard.min()),
        "unstable": float(sizes / len(labels) @ instability(jaccard)),
        "jaccard": jaccard.tolist(),
        "resamples": resamples,
    }


def instability(jaccard: FloatArray) -> FloatArray:
    """Turn mean Jaccard overlaps into errors: 1 for a dissolved cluster, 0 for a stable one.

    Examples
    --------
    >>> instability(np.array([0.4, 0.6, 0.8])).round(2).tolist()
    [1.0, 0.6, 0.0]
    """
    return np.asarray(((STABLE - jaccard) / (STABLE - DISSOLVED)).clip(0, 1))


def _mean_of_known(overlaps: FloatArray) -> FloatArray:
    """Mean over repeats (rows) of each cluster (column), NaN left out; 0 where nothing is known."""
    known = ~np.isnan(overlaps)
    return np.asarray(np.where(known, overlaps, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def steadiness(labels: IntArray, resamples: Sequence[Resample]) -> pd.DataFrame:
    """How often each customer came back in its own cluster when others were left out.

    The clusters of a resample are matched to those of the full run so that as many customers as
    possible are where they were (Kuhn 1955, the Hungarian method): what is left did move. An
    outlier comes back when it is an outlier again.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Of the full run, -1 = outlier. Segment numbers do as well as clusters.
    resamples : sequence of Resample
        As :func:`bootstrap` returns them.

    Returns
    -------
    DataFrame of shape (n_samples, 3)
        ``resamples`` (how many the customer took part in), ``steadiness`` (share of them in which
        it came back, 0 to 1; NaN below ``MIN_RESAMPLES``) and ``flips_to`` (the other cluster it
        came out in most often, -1 = as an outlier; missing for one that always came back).

    Examples
    --------
    >>> labels = np.array([1, 1, 1, 2, 2])
    >>> same = Resample(np.arange(5), np.array([0, 0, 0, 1, 1]))
    >>> other = Resample(np.arange(4), np.array([7, 7, 3, 3]))
    >>> steadiness(labels, [same, other])
       resamples  steadiness  flips_to
    0          2         1.0      <NA>
    1          2         1.0      <NA>
    2          2         0.5         2
    3          2         1.0      <NA>
    4          1         NaN      <NA>
    """
    none = [np.zeros(0, dtype=np.int64)]
    rows = np.concatenate([r.rows for r in resamples] or none)
    came = np.concatenate([_in_full_run(labels[r.rows], r.labels) for r in resamples] or none)
    back = came == labels[rows]
    gone = ~back & (came != NOWHERE)
    times = np.bincount(rows, minlength=len(labels))
    share = np.bincount(rows, weights=back, minlength=len(labels)) / np.maximum(times, 1)
    return pd.DataFrame(
        {
            "resamples": times,
            "steadiness": np.where(times >= MIN_RESAMPLES, share, np.nan),
            "flips_to": most_frequent(rows[gone], came[gone], len(labels)),
        }
    )


def _in_full_run(full: IntArray, found: IntArray) -> IntArray:
    """The labels of a resample in the words of the full run on the same rows."""
    both = _contingency(full + 1, found + 1)[1:, 1:]  # outliers are no cluster: -1 stays -1
    clusters, partners = linear_sum_assignment(both, maximize=True)
    names = np.full(both.shape[1] + 1, NOWHERE, dtype=np.int64)
    names[-1] = OUTLIER
    met = both[clusters, partners] > 0
    names[partners[met]] = clusters[met]
    return names[found]


def most_frequent(rows: IntArray, values: IntArray, n: int) -> pd.Series[int]:
    """The value that occurs most often in each of `n` rows; on a tie the smallest.

    Parameters
    ----------
    rows, values : ndarray of shape (n_pairs,)
    n : int

    Returns
    -------
    Series of Int64 of shape (n,)
        Missing for a row without a value.

    Examples
    --------
    >>> most_frequent(np.array([0, 0, 0, 2]), np.array([5, 4, 5, -1]), 3).tolist()
    [5, <NA>, -1]
    """
    found, codes = np.unique(values, return_inverse=True)
    pairs, times = np.unique(rows * max(len(found), 1) + codes, return_counts=True)
    row, code = np.divmod(pairs, max(len(found), 1))
    order = np.argsort(-times, kind="stable")
    best = pd.Series(found[code[order]], index=row[order], dtype="Int64")
    return best[~best.index.duplicated()].reindex(range(n))


def rand_index(a: IntArray, b: IntArray) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985) of two labellings with small integers.

    scikit-learn's ``adjusted_rand_score`` gives the same and takes a hundred times as long, most
    of it to find out what kind of labels it got; this is called several times for every candidate.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples,)
        Integers from -1 on.

    Examples
    --------
    >>> rand_index(np.array([0, 0, 1, 1]), np.array([5, 5, -1, -1]))
    1.0
    """
    table = _contingency(a + 1, b + 1).astype(float)
    pairs = [float((t * (t - 1)).sum() / 2) for t in (table, table.sum(axis=1), table.sum(axis=0))]
    expected = pairs[1] * pairs[2] / max(len(a) * (len(a) - 1) / 2, 1)
    ceiling = (pairs[1] + pairs[2]) / 2
    return 1.0 if ceiling == expected else (pairs[0] - expected) / (ceiling - expected)


def best_jaccard(a: IntArray, b: IntArray, k: int) -> FloatArray:
    """Best Jaccard overlap of each cluster of one labelling with a cluster of another.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples,)
        Clusters from 0 on, -1 = outlier.
    k : int
        Number of clusters of `a`, met in this sample or not.

    Returns
    -------
    ndarray of shape (k,)
        NaN for a cluster that has no row here.

    Examples
    --------
    >>> best_jaccard(np.array([0, 0, 1, 1]), np.array([0, 0, 0, -1]), 2).round(2).tolist()
    [0.67, 0.25]
    """
    both = _contingency(a + 1, b + 1, k + 1)
    inside = both[1:, 1:]
    sizes_a, sizes_b = both[1:].sum(axis=1, keepdims=True), both[:, 1:].sum(axis=0, keepdims=True)
    overlap = inside / np.maximum(sizes_a + sizes_b - inside, 1)
    best = overlap.max(axis=1) if overlap.shape[1] else np.zeros(k)
    return np.asarray(np.where(sizes_a[:, 0] > 0, best, np.nan))


def _contingency(a: IntArray, b: IntArray, rows: int = 0) -> IntArray:
    height, width = max(rows, int(a.max()) + 1), int(b.max()) + 1
    pairs = a.astype(np.int64) * width + b  # labels may come in fewer bytes than their product has
    return np.asarray(np.bincount(pairs, minlength=height * width).reshape(height, width))
