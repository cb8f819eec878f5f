"""Is a segment different from the other customers, or is it chance: tests for many columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, false_discovery_control, fisher_exact, norm, rankdata

from customer_segmentation.labels import FloatArray

Codes = npt.NDArray[np.intp]
# Below this expected count the chi-squared distribution is a poor approximation (Cochran 1954).
LEAST_EXPECTED = 5


def adjusted(p_values: FloatArray) -> FloatArray:
    """Benjamini and Hochberg's adjusted p-values (q-values); NaN, not tested, stays NaN.

    Parameters
    ----------
    p_values : array of float

    References
    ----------
    Benjamini and Hochberg (1995), "Controlling the false discovery rate: a practical and powerful
    approach to multiple testing", Journal of the Royal Statistical Society B 57.

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.04, np.nan])).tolist()
    [0.02, 0.04, nan]
    """
    result = np.full(len(p_values), np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        result[tested] = false_discovery_control(p_values[tested], method="bh")
    return result


def rank_tests(values: FloatArray, codes: Codes, k: int) -> FloatArray:
    """Mann-Whitney U test of each segment against all other customers, two-sided.

    One ranking serves all segments. The normal approximation with correction for ties and for
    continuity is used.

    Parameters
    ----------
    values : array, shape (n_customers,)
        NaN is left out.
    codes : array of int, shape (n_customers,)
        Segment of each customer, 0..k-1.
    k : int

    Returns
    -------
    array, shape (k,)
        p-values; NaN where a side is empty or all values are equal.

    References
    ----------
    Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically
    larger than the other", Annals of Mathematical Statistics 18.

    Examples
    --------
    >>> rank_tests(np.arange(10.0), np.repeat([0, 1], 5), 2).round(3).tolist()
    [0.012, 0.012]
    """
    known = np.isfinite(values)
    ranks, codes = rankdata(values[known]), codes[known]
    n, sizes = len(ranks), np.bincount(codes, minlength=k).astype(float)
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    u = np.bincount(codes, weights=ranks, minlength=k) - sizes * (sizes + 1) / 2
    product = sizes * (n - sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = product / 12 * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1)))
        z = np.maximum(np.abs(u - product / 2) - 0.5, 0) / np.sqrt(np.maximum(variance, 0))
    return np.where(variance > 0, np.minimum(2 * norm.sf(z), 1), np.nan)


def share_tests(level: npt.NDArray[np.bool_], codes: Codes, k: int) -> FloatArray:
    """Test whether each segment has more or fewer customers of a level than all others.

    Parameters
    ----------
    level : array of bool, shape (n_customers,)
    codes : array of int, shape (n_customers,)
        Segment of each customer, 0..k-1.
    k : int

    Returns
    -------
    array, shape (k,)
        p-values of Pearson's chi-squared test, or of Fisher's exact one where an expected count is
        below 5; NaN where a side is empty or everyone has the level.

    Examples
    --------
    >>> share_tests(np.array([True] * 5 + [False] * 5), np.repeat([0, 1], 5), 2).round(3).tolist()
    [0.008, 0.008]
    """
    inside = np.bincount(codes, weights=level, minlength=k)
    sizes, n = np.bincount(codes, minlength=k).astype(float), float(len(codes))
    having = float(level.sum())
    result = np.full(k, np.nan)
    for s in range(k):
        margins = sizes[s] * (n - sizes[s]), having * (n - having)
        if not all(margins):
            continue
        a, b = inside[s], sizes[s] - inside[s]
        c, d = having - a, n - sizes[s] - (having - a)
        if min(sizes[s], n - sizes[s]) * min(having, n - having) / n < LEAST_EXPECTED:
            result[s] = fisher_exact(np.array([[a, b], [c, d]], dtype=int)).pvalue
        else:
            result[s] = chi2.sf(n * (a * d - b * c) ** 2 / margins[0] / margins[1], 1)
    return result
