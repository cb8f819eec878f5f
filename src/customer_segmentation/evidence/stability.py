"""Whether a partition comes back on other rows, and what is found where there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from customer_segmentation import paths, validity
from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.paths.candidates import Path

Refit = Callable[[FloatArray], IntArray]

REPEATS = 5  # the standard error of a mean Jaccard is then about 0.03, half a Hennig band
SHARE = 0.8  # of the rows per repeat, without replacement: duplicates would fake dense spots
ROWS = 700  # at most
DISSOLVED, STABLE = 0.5, 0.75  # Hennig's bands for a cluster's mean Jaccard overlap
NULL_REPEATS = 10  # Tibshirani et al. (2001) find B = 10 enough for the gap's standard error
MAX_NULL_ROWS = 2_000


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
        :func:`instability`), and ``resamples`` (a list of :class:`Resample`). Hennig's bands: up to
        0.5 dissolved, 0.6 to 0.75 a pattern, from 0.75 stable, from 0.85 highly stable.

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
    table = contingency(a + 1, b + 1).astype(float)
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
    both = contingency(a + 1, b + 1, k + 1)
    inside = both[1:, 1:]
    sizes_a, sizes_b = both[1:].sum(axis=1, keepdims=True), both[:, 1:].sum(axis=0, keepdims=True)
    overlap = inside / np.maximum(sizes_a + sizes_b - inside, 1)
    best = overlap.max(axis=1) if overlap.shape[1] else np.zeros(k)
    return np.asarray(np.where(sizes_a[:, 0] > 0, best, np.nan))


def contingency(a: IntArray, b: IntArray, rows: int = 0) -> IntArray:
    """Count how often each two numbers meet in two labellings; `rows` is the least height.

    Examples
    --------
    >>> contingency(np.array([0, 0, 1]), np.array([2, 0, 2])).tolist()
    [[1, 0, 1], [0, 0, 1]]
    """
    height, width = max(rows, int(a.max()) + 1), int(b.max()) + 1
    pairs = a.astype(np.int64) * width + b  # labels may come in fewer bytes than their product has
    return np.asarray(np.bincount(pairs, minlength=height * width).reshape(height, width))


class Experiments:
    """Refits of one path, each made once and only when asked for.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    estimator : scikit-learn-compatible clusterer
    path : Path
        Fitted on `X`.
    assign_outliers : bool
    seed : int
    """

    def __init__(
        self, X: FloatArray, estimator: Any, path: Path, *, assign_outliers: bool, seed: int
    ) -> None:
        self.X, self.estimator, self.path = X, estimator, path
        self.assign_outliers, self.seed = assign_outliers, seed
        self.examined: dict[int, dict[str, Any]] = {}

    def bootstrap(self, position: int) -> dict[str, Any]:
        """Stability of one candidate.

        Returns
        -------
        dict
            As :func:`bootstrap` gives it.
        """
        if position not in self.examined:
            candidate = self.path.candidates[position]
            self.examined[position] = bootstrap(
                lambda sample: self._refit(sample, [candidate.value])[0],
                self.X,
                candidate.labels,
                seed=self.seed,
            )
        return self.examined[position]

    def null_wcss(self) -> FloatArray:
        """WCSS of every grid value on uniform data in the box of the principal axes.

        Returns
        -------
        ndarray of shape (repeats, n_candidates)
            As if for as many rows as `X` has. NaN where a fit found no cluster.
        """
        rng = np.random.default_rng(self.seed)
        centred = self.X - self.X.mean(axis=0)
        axes = np.linalg.svd(centred, full_matrices=False)[2]
        projected = centred @ axes.T
        low, high = projected.min(axis=0), projected.max(axis=0)
        rows = min(len(self.X), MAX_NULL_ROWS)
        values = [candidate.value for candidate in self.path.candidates]
        result = []
        for _ in range(NULL_REPEATS):
            sample = rng.uniform(low, high, size=(rows, len(low))) @ axes
            labelings = self._refit(sample, values)
            result.append([validity.wcss(sample, labels) for labels in labelings])
        return np.asarray(result) * len(self.X) / rows

    def _refit(self, sample: FloatArray, values: Any) -> list[Any]:
        return paths.refit(
            self.estimator, self.path, self.X, sample, values, assign_outliers=self.assign_outliers
        )
