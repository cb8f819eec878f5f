"""The best cut of one cluster in two, each part a Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from customer_segmentation.labels import FloatArray

TURNS = 3  # of refinement; a cut that is there is found by then
SMALLEST = 0.05  # of a cluster's rows: a smaller part is a fringe

Mask = NDArray[np.bool_]


def halves(Z: FloatArray, floor: float) -> Mask:
    """Cut across the main axis, refined by classification EM (Celeux and Govaert 1992).

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        The rows of one cluster.
    floor : float
        Added to variances.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
        One of the parts; a part may be so small that it is none.

    Examples
    --------
    >>> Z = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [9.0], [9.1], [9.2]])
    >>> halves(Z, 1e-3)
    array([False, False, False, False, False,  True,  True,  True])
    """
    cut = _across(Z)
    for _ in range(TURNS):
        if min(cut.sum(), (~cut).sum()) < Z.shape[1] + 2:
            break
        moved = log_density(Z, cut, floor) > log_density(Z, ~cut, floor)
        if (moved == cut).all():
            break
        cut = moved
    return cut


def _across(Z: FloatArray) -> Mask:
    centred = Z - Z.mean(axis=0)
    along = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return np.asarray(along > np.median(along))


def log_density(Z: FloatArray, part: Mask, floor: float) -> FloatArray:
    """Log of a part's share times its Gaussian density at each row, up to a constant.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
    part : ndarray of bool of shape (n_samples,)
    floor : float
        Added to variances.

    Returns
    -------
    ndarray of shape (n_samples,)

    Examples
    --------
    >>> Z = np.array([[-1.0], [1.0], [8.0]])
    >>> log_density(Z, np.array([True, True, False]), 1e-3).round(1).tolist()
    [-0.9, -0.9, -32.4]
    """
    centred = Z - Z[part].mean(axis=0)
    covariance = centred[part].T @ centred[part] / part.sum() + floor * np.eye(Z.shape[1])
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    scaled = centred @ whiten.T
    log_volume = np.log(np.diagonal(whiten)).sum()
    return np.asarray(np.log(part.mean()) + log_volume - 0.5 * (scaled**2).sum(axis=1))
