"""How far two distributions are apart, and how far chance alone may put them.

*PSI*, the population stability index: the sum over bins of (found - expected) ln(found /
expected). By convention (Siddiqi 2006, Credit Risk Scorecards) below 0.1 is stable, from 0.25 on a
large shift. It is positive without any drift: about (bins - 1)(1/n + 1/m) for n training and m
scored customers (Yurdakul 2018, Statistical Properties of Population Stability Index), 0.2 for
50 customers in ten bins. So that a small batch does not call for a refresh by chance, a shift
must exceed the convention by that much, and what chance alone gives.

*KS*, the largest difference between the two cumulative shares of a number. A shift of the mean of
a normal distribution that has a PSI of 0.1 (0.25) has a KS of 0.13 (0.20): these are its bands.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import kstwobign, norm

from customer_segmentation.labels import FloatArray, IntArray

MODERATE, LARGE = 0.1, 0.25  # Siddiqi (2006)
# No bin counts as emptier: else one that lost its 3 % of the customers, such as the gaps of a
# column that is complete by now, would be the larger a shift the more customers are scored.
LEAST = 0.001
DRAWS = 4000  # of what chance gives; the seed is fixed, so that a table can be made again


def ks_of(psi_value: float) -> float:
    """KS of the shift of a normal distribution's mean that has this PSI.

    For two normal distributions one standard deviation apart in units d, PSI = d² and
    KS = 2 Φ(d/2) - 1.

    Examples
    --------
    >>> round(ks_of(0.1), 3), round(ks_of(0.25), 3)
    (0.126, 0.197)
    """
    return float(2 * norm.cdf(math.sqrt(psi_value) / 2) - 1)


def psi(expected: FloatArray | IntArray, found: FloatArray | IntArray) -> float:
    """Population stability index of counts in the same bins (Siddiqi 2006).

    Half a customer is added to every bin (Jeffreys' prior), and none counts as less than a
    thousandth of all, so that an empty one is finite. Bins that are empty on both sides do not
    count.

    Parameters
    ----------
    expected, found : array of shape (n_bins,)
        Customers per bin.

    Examples
    --------
    >>> round(psi(np.array([100, 100]), np.array([100, 100])), 3)
    0.0
    >>> round(psi(np.array([5000, 5000]), np.array([7000, 3000])), 3)
    0.169
    """
    used = (expected > 0) | (found > 0)
    return float(_psi(expected[used].astype(float), found[used].astype(float)))


def _psi(expected: FloatArray, found: FloatArray) -> FloatArray:
    result: FloatArray = _parts(expected, found).sum(axis=-1)
    return result


def _parts(expected: FloatArray, found: FloatArray) -> FloatArray:
    p, q = _shares(expected), _shares(found)
    result: FloatArray = (q - p) * np.log(q / p)
    return result


def _shares(counts: FloatArray) -> FloatArray:
    shares: FloatArray = (counts + 0.5) / (counts + 0.5).sum(axis=-1, keepdims=True)
    return np.maximum(shares, LEAST)


def _chance(expected: IntArray, m: int, alpha: float) -> float:
    """PSI that m customers without drift exceed in a share `alpha` of all batches.

    Both samples are drawn anew from the expected shares, since the training customers are a
    sample too; for large counts it tends to (1/n + 1/m) times a chi-squared quantile (Yurdakul
    2018), but small batches have heavier tails.
    """
    rng = np.random.default_rng(0)
    p = (expected + 0.5) / (expected + 0.5).sum()
    draws = _psi(
        rng.multinomial(int(expected.sum()), p, DRAWS).astype(float),
        rng.multinomial(m, p, DRAWS).astype(float),
    )
    return float(np.quantile(draws, 1 - alpha))


def contributions(expected: IntArray, found: IntArray) -> FloatArray:
    """Part of the PSI that each bin brings.

    Examples
    --------
    >>> contributions(np.array([50, 50, 0]), np.array([50, 30, 20])).argmax()
    np.int64(2)
    """
    return _parts(expected.astype(float), found.astype(float))


def psi_limits(expected: IntArray, found: IntArray, alpha: float) -> tuple[float, float]:
    """From where on a PSI is moderate, and large: beyond the convention and beyond chance.

    Examples
    --------
    >>> even = np.full(10, 5000)
    >>> [round(limit, 2) for limit in psi_limits(even, even, 0.01)]
    [0.1, 0.25]
    >>> [round(limit, 1) for limit in psi_limits(even, np.full(10, 5), 0.001)]
    [0.5, 0.5]
    """
    used = (expected > 0) | (found > 0)
    n, m = int(expected.sum()), int(found.sum())
    floor = (int(used.sum()) - 1) * (1 / n + 1 / m)
    by_chance = _chance(expected[used], m, alpha)
    return max(MODERATE + floor, by_chance), max(LARGE + floor, by_chance)


def ks_limits(n: int, m: int, alpha: float, error: float) -> tuple[float, float]:
    """From where on a KS is moderate, and large (asymptotic critical value; Smirnov 1948).

    Parameters
    ----------
    n, m : int
        Customers trained on, and scored.
    alpha : float
        Share of batches without drift that may exceed it.
    error : float
        By how much the KS may be off.

    Examples
    --------
    >>> [round(limit, 3) for limit in ks_limits(100, 100, 0.05, 0.0)]
    [0.192, 0.197]
    """
    if not n or not m:
        return math.inf, math.inf
    by_chance = float(kstwobign.isf(alpha)) * math.sqrt(1 / n + 1 / m) + error
    return max(ks_of(MODERATE), by_chance), max(ks_of(LARGE), by_chance)
