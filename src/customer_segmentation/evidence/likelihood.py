"""Likelihood evidence: what a hard partition explains beyond one Gaussian, for any algorithm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import multigammaln

from customer_segmentation.encoding import FEW_LEVELS, categories
from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.paths.mixtures import SMALLEST, halves

# One pseudo-row per cluster with a tenth of the column's variance: no cluster gets volume zero.
PRIOR_SHARE = 0.1
FLOOR = 1e-3  # smallest variance of a standardised column
# How much a cluster's covariance leans on the shared one, in multiples of the d + 1 rows that a
# covariance takes at least: half a decade apart, the best of them is close to the best of all.
LEANINGS = (1, 3, 10, 30)

Known = dict[bytes, float]  # rows of a cluster -> what cutting it gains


@dataclass(frozen=True)
class Table:
    """A standardised matrix split into Gaussian columns and coded multinomial ones.

    Attributes
    ----------
    gaussian : ndarray of shape (n_samples, n_gaussian)
    codes : list of ndarray of shape (n_samples,)
        Level numbers, an array per multinomial column.
    levels : list of int
        Number of levels of each multinomial column.
    variance : ndarray of shape (n_gaussian,)
    floor : ndarray of shape (n_gaussian,)
        Smallest credible variance, from each column's own resolution.
    """

    gaussian: FloatArray
    codes: list[IntArray]
    levels: list[int]
    variance: FloatArray
    floor: FloatArray


def table(X: FloatArray) -> Table:
    """Split a matrix by the number of distinct values of its columns.

    The columns of one category are one multinomial: a split along three or more levels would
    otherwise be paid for once and explained as often as there are columns.

    The variance floor is the column's step squared over twelve (the variance of rounding, Sheppard
    1898) plus 0.001.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised.

    Examples
    --------
    >>> parts = table(np.c_[np.linspace(0, 1, 50), np.arange(50) % 2])
    >>> parts.gaussian.shape, parts.levels
    ((50, 1), [2])
    """
    groups = categories(X)
    others = sorted(set(range(X.shape[1])) - {column for group in groups for column in group})
    values = {column: np.unique(X[:, column]) for column in others}
    graded = [column for column in others if len(values[column]) > FEW_LEVELS]
    steps = np.array([np.median(np.diff(values[column])) for column in graded])
    coded = groups + [[column] for column in others if column not in graded]
    codes = [_codes(X[:, columns]) for columns in coded]
    levels = [int(code.max()) + 1 for code in codes]
    gaussian = X[:, graded]
    return Table(gaussian, codes, levels, gaussian.var(axis=0), steps**2 / 12 + FLOOR)


def _codes(columns: FloatArray) -> IntArray:
    """Level numbers: of one column by its values, of several by which one is on."""
    values = columns[:, 0] if columns.shape[1] == 1 else columns.argmax(axis=1)
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def taken(parts: Table, rows: IntArray) -> Table:
    """The table of some of the rows.

    Examples
    --------
    >>> parts = table(np.c_[np.linspace(0, 1, 50), np.arange(50) % 2])
    >>> taken(parts, np.array([0, 49])).gaussian.ravel().tolist()
    [0.0, 1.0]
    """
    return replace(parts, gaussian=parts.gaussian[rows], codes=[code[rows] for code in parts.codes])


def gain(parts: Table, labels: IntArray) -> float:
    """Log-likelihood per row, less its BIC penalty, minus that of one single cluster.

    Each cluster is a Gaussian times independent multinomials; of four covariance models (one per
    cluster, one shared by all, diagonal per cluster; Fraley and Raftery 2002; one per cluster that
    leans on the shared one) the best counts. It is the classification likelihood (Celeux and
    Govaert 1992), so that a partition is charged for overlap, as in ICL (Biernacki et al. 2000).
    The penalty is Schwarz's (1978); a cluster's own parameters are charged by the log of its own
    rows, which alone inform them (Pauler 1998). Outliers are a uniform box.

    Parameters
    ----------
    parts : Table
    labels : ndarray of shape (n_samples,)
        Clusters 0..k-1, -1 = outlier.

    Returns
    -------
    float
        Nats per row. Zero or below: one Gaussian describes the data as well.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> parts = table(np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 10] / 5)
    >>> gain(parts, np.repeat([0, 1], 200)) > 1
    True
    >>> gain(parts, rng.integers(0, 2, 400)) < 0
    True
    """
    return _best(parts, labels) - _best(parts, np.zeros(len(labels), dtype=np.int64))


def _best(parts: Table, labels: IntArray) -> float:
    n, d = parts.gaussian.shape
    k = int(labels.max()) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=k).astype(float)
    likelihood = _mixing(sizes, n) + _multinomials(parts, labels, k) + _outliers(parts, labels)
    likelihood += _gaussians(parts, sizes, _scatters(parts.gaussian, labels, k))
    own = d + sum(parts.levels) - len(parts.levels)
    common = k - 1 + bool((labels < 0).any())
    return float((likelihood - 0.5 * (own * _log_rows(sizes) + common * np.log(n))) / n)


def _log_rows(sizes: FloatArray) -> float:
    """What a parameter per cluster costs, twice over: the sum of the logs of their rows."""
    return float(np.log(np.maximum(sizes, 2)).sum())


def _scatters(Z: FloatArray, labels: IntArray, k: int) -> FloatArray:
    """Within-cluster sums of squares and products, (k, d, d)."""
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], np.arange(k + 1))
    result = np.zeros((k, Z.shape[1], Z.shape[1]))
    for c in range(k):
        rows = Z[order[ends[c] : ends[c + 1]]]
        centred = rows - rows.mean(axis=0)
        result[c] = centred.T @ centred
    return result


def _gaussians(parts: Table, sizes: FloatArray, scatter: FloatArray) -> float:
    """Log-likelihood of the Gaussian columns less the charge for their covariances.

    The best of four models: full, shared, diagonal, and full but leaning on the shared one.
    """
    n, d = parts.gaussian.shape
    if not d:
        return 0.0
    prior = np.diag(PRIOR_SHARE * parts.variance)
    covariance = (scatter + prior) / (sizes[:, None, None] + 1) + np.diag(parts.floor)
    shared = np.tensordot(sizes, covariance, axes=1) / sizes.sum()
    full = float(sizes @ np.linalg.slogdet(covariance)[1])
    diagonal = float(sizes @ np.log(np.diagonal(covariance, axis1=1, axis2=2)).sum(axis=1))
    pooled = float(sizes.sum() * np.linalg.slogdet(shared)[1])
    own, common, entries = _log_rows(sizes), float(np.log(n)), d * (d + 1) / 2
    cheapest = min(full + own * entries, pooled + common * entries, diagonal + own * d)
    best = -0.5 * (cheapest + sizes.sum() * d * (1 + np.log(2 * np.pi)))
    if len(sizes) > 1:
        leaning = _leaning(covariance, shared, sizes) - 0.5 * common * (entries + 1)
        best = max(best, leaning)
    return float(best)


def _leaning(covariance: FloatArray, shared: FloatArray, sizes: FloatArray) -> float:
    """Log-likelihood when every cluster's covariance is drawn around the shared one.

    The covariances have an inverse Wishart prior whose mean is the shared one (as in Fraley and
    Raftery 2007) and are integrated out exactly, so that nothing is charged for what so few rows
    cannot tell; the best leaning counts. With few rows per column neither model at the ends will
    do: own covariances cost more than they explain, the shared one explains too little.
    """
    d = len(shared)
    volume, found = np.linalg.slogdet(shared)[1], []
    for leaning in LEANINGS:
        weight = leaning * (d + 1)
        before = weight + d + 1  # degrees of freedom: the mean is then shared exactly
        after = before + sizes
        own = np.linalg.slogdet(weight * shared + sizes[:, None, None] * covariance)[1]
        terms = multigammaln(after / 2, d) - multigammaln(before / 2, d) - 0.5 * after * own
        terms += 0.5 * before * (volume + d * np.log(weight)) - 0.5 * sizes * d * np.log(np.pi)
        found.append(float(terms.sum()))
    return max(found)


def _mixing(sizes: FloatArray, n: int) -> float:
    return float((sizes * np.log(np.maximum(sizes, 1) / n)).sum())


def _multinomials(parts: Table, labels: IntArray, k: int) -> float:
    """Log-likelihood of the coded columns, levels smoothed by half a row (Jeffreys 1946)."""
    member = labels >= 0
    total = 0.0
    for code, levels in zip(parts.codes, parts.levels, strict=True):
        cell = labels[member] * levels + code[member]
        counts = np.bincount(cell, minlength=k * levels).reshape(k, levels)
        share = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + 0.5 * levels)
        total += float((counts * np.log(share)).sum())
    return total


def _outliers(parts: Table, labels: IntArray) -> float:
    count = int((labels < 0).sum())
    if not count:
        return 0.0
    ranges = np.ptp(parts.gaussian, axis=0) + 1e-9
    box = float(np.log(ranges).sum() + np.log(np.maximum(parts.levels, 1)).sum())
    return float(count * (np.log(count / len(labels)) - box))


def split_gain(parts: Table, labels: IntArray, known: Known) -> float:
    """Gain of cutting each cluster in two where that pays, summed over the clusters.

    A model that is right has nothing left to explain inside its clusters. One that merges
    segments, or lays Gaussians over a shape that has none, has: each of its clusters falls in two
    with profit, cut by :func:`customer_segmentation.paths.mixtures.halves`. Multinomial columns
    are left out: levels that go together (the answers of one survey) can always be cut further,
    and no segment ends there. A part needs as many rows as a Gaussian has parameters, and a
    twentieth of its cluster.

    Parameters
    ----------
    parts : Table
    labels : ndarray of shape (n_samples,)
        Clusters 0..k-1, -1 = outlier.
    known : dict
        Remembers clusters between calls on the same table: the candidates of a sweep share many.

    Returns
    -------
    float
        Nats per row, 0 or above, as :func:`gain`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> parts = table(np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 10] / 5)
    >>> whole, halves = np.zeros(400, dtype=int), np.repeat([0, 1], 200)
    >>> split_gain(parts, whole, {}) > 1, split_gain(parts, halves, {})
    (True, 0.0)
    """
    if not parts.gaussian.shape[1]:
        return 0.0
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
