"""The grid of a path: derived from the data, checked before a fit, rescaled to a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.neighbors import NearestNeighbors

from customer_segmentation.labels import FloatArray

# Shares of the customers that are core points (Ester et al. 1996): from a third to nearly all.
CORE_SHARES = (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98, 0.99)
# Smallest clusters worth a campaign, as shares of the customers and as absolute numbers.
MIN_CLUSTER_SHARES = (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08)
MIN_CLUSTER_ROWS = (5, 10, 15, 25)
COUNT_PARAMETERS = ("n_clusters", "n_components")  # where the grid is k itself


class PathError(ValueError):
    """A grid that the algorithm or the data cannot take."""


def check_grid(
    estimator: Any, X: FloatArray, *, algorithm: str, parameter: str, grid: Sequence[float]
) -> None:
    """Refuse a grid before anything is fitted; see :func:`fit_path` for the errors."""
    where = f"algorithm={algorithm}"
    if parameter not in estimator.get_params():
        raise PathError(
            f"{where}: got parameter {parameter!r}, expected one of "
            f"{sorted(estimator.get_params())}. Change algorithm.parameter."
        )
    if not len(grid):
        raise PathError(
            f"{where}: got an empty grid, expected values of {parameter}. Set algorithm.grid."
        )
    for value in grid:
        try:
            model = clone(estimator).set_params(**{parameter: value})
            # scikit-learn's own check of parameters; other libraries do without.
            if hasattr(model, "_parameter_constraints"):
                model._validate_params()
        except (ValueError, TypeError) as error:
            raise PathError(
                f"{where}: got {parameter}={value}, which {type(estimator).__name__} refuses: "
                f"{error} Change algorithm.grid."
            ) from None
    if parameter in COUNT_PARAMETERS and max(grid) > len(X):
        raise PathError(
            f"{where}: got {len(X)} customers, expected at least {max(grid)}, the largest "
            f"{parameter} of the grid. Use more customers or a shorter grid: "
            f"algorithm.grid=[1,2,3]."
        )


def derive_grid(estimator: Any, X: FloatArray, parameter: str) -> list[float]:
    """Grid of a path when the configuration names none: 1..10, or what suits the algorithm.

    Examples
    --------
    >>> derive_grid(HDBSCAN(copy=True), np.zeros((1000, 2)), "min_cluster_size")
    [5, 10, 15, 20, 25, 30, 50, 80]
    """
    if isinstance(estimator, DBSCAN) and parameter == "eps":
        return _radii(k_distances(X, estimator.min_samples))
    if isinstance(estimator, HDBSCAN) and parameter == "min_cluster_size":
        shares = [max(MIN_CLUSTER_ROWS[0], round(share * len(X))) for share in MIN_CLUSTER_SHARES]
        sizes = sorted({*shares, *MIN_CLUSTER_ROWS})
        return [size for size in sizes if size <= max(len(X) // 2, 2)] or [2]
    return list(range(1, 11))


def _radii(distances: FloatArray) -> list[float]:
    radii = np.quantile(distances, CORE_SHARES)
    if radii[-1] <= 0:
        raise PathError(
            "algorithm=dbscan: got a table in which nearly all customers are identical, expected "
            "distances to choose eps from. Set algorithm.grid=[...] or other features."
        )
    return sorted({float(f"{radius:.6g}") for radius in radii if radius > 0})


def k_distances(X: FloatArray, k: int) -> FloatArray:
    """Distance of every customer to the k-th nearest, itself counted as the first; ascending.

    Examples
    --------
    >>> k_distances(np.array([[0.0], [1.0], [3.0]]), 2)
    array([1., 1., 2.])
    """
    k = min(k, len(X))
    return np.sort(NearestNeighbors(n_neighbors=k).fit(X).kneighbors(X)[0][:, -1])


def rescale(
    estimator: Any, parameter: str, grid: Sequence[float], X: FloatArray, sample: FloatArray
) -> list[float]:
    """Values that mean for a sample of the rows what `grid` means for all of them.

    A number of clusters stays; fewer rows lie farther apart, so eps is taken where it cuts the
    sorted k-distances at the same share; smallest cluster sizes keep their share of the rows.

    Parameters
    ----------
    estimator : scikit-learn-compatible clusterer
    parameter : str
    grid : sequence of numbers
    X, sample : ndarray of shape (n_samples, n_features) and (n_sampled, n_features)

    Examples
    --------
    >>> X = np.arange(100.0)[:, None]
    >>> rescale(DBSCAN(min_samples=2), "eps", [1.0, 3.0], X, X[::2])
    [2.0, 6.0]
    >>> rescale(HDBSCAN(copy=True), "min_cluster_size", [5, 50], X, X[::2])
    [3, 25]
    """
    if isinstance(estimator, DBSCAN) and parameter == "eps":
        full, part = (k_distances(rows, estimator.min_samples) for rows in (X, sample))
        shares = np.searchsorted(full, grid, side="right") / len(full)
        beyond = np.maximum(np.asarray(grid, dtype=float) / max(full[-1], 1e-12), 1.0)
        return [max(float(eps), 1e-12) for eps in np.quantile(part, np.clip(shares, 0, 1)) * beyond]
    if isinstance(estimator, HDBSCAN) and parameter == "min_cluster_size":
        return [max(3, round(size * len(sample) / len(X))) for size in grid]
    return list(grid)
