"""Gaussian mixtures along a path: where each starts, how one is cut, where the path may end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from customer_segmentation.labels import FloatArray, IntArray

Mask = NDArray[np.bool_]

# Up to so many components k-means finds good starts. There a split is often likelier and worse: a
# spike on customers who are alike. The more there are, the better is a start that keeps most.
FEW = 6
STARTS_BEYOND = 2  # of k-means, next to the split
LINES = 3  # across which a cut starts; the best alone misses a tenth of what they find
TURNS = 3  # of refinement of a cut; one that is there is found by then
SMALLEST = 0.05  # of a cluster's rows: a smaller part is a fringe
RISES, RISE = 4, 10.0  # of BIC; a rise of 10 is very strong evidence (Kass and Raftery 1995)


def best(
    model: Any, X: FloatArray, before: Any = None, start: Mapping[str, FloatArray] | None = None
) -> Any:
    """Fit a mixture from several starts.

    Parameters
    ----------
    model : GaussianMixture, unfitted
        ``n_init`` says how many starts k-means makes.
    X : ndarray of shape (n_samples, n_features)
    before : GaussianMixture, optional
        Fitted, with fewer components. Beyond ``FEW`` components one start is this with those split
        that gain most (Ueda et al. 2000, *SMEM algorithm for mixture models*), and k-means makes
        fewer.
    start : mapping, optional
        Parameters of one more start: ``weights_init``, ``means_init`` and ``precisions_init``.

    Returns
    -------
    GaussianMixture
        The likeliest, with the settings of `model`.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> X = np.random.default_rng(0).normal(size=(500, 2)) + np.repeat([[0], [9]], 250, axis=0)
    >>> np.bincount(best(GaussianMixture(2, random_state=0), X).predict(X)).tolist()
    [250, 250]
    """
    k = model.n_components
    split = _split(before, X, k) if before is not None and k > FEW else {}
    starts = 1 if k == 1 else min(model.n_init, STARTS_BEYOND) if split else model.n_init
    found = clone(model).set_params(n_init=starts).fit(X)
    for further in filter(None, (split, start)):
        other = clone(model).set_params(n_init=1, **further).fit(X)
        found = max(found, other, key=lambda one: one.lower_bound_)
    return found.set_params(**model.get_params())


def go_on(model: Any, X: FloatArray, fitted: Any) -> Any:
    """Fit `model` from the parameters of another; its settings stay as they were.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> X = np.random.default_rng(0).normal(size=(500, 2)) + np.repeat([[0], [9]], 250, axis=0)
    >>> model = GaussianMixture(2, n_init=5, random_state=0)
    >>> all_rows = go_on(model, X, clone(model).fit(X[::5]))
    >>> all_rows.converged_, all_rows.n_init, all_rows.means_init
    (True, 5, None)
    """
    start = {
        "weights_init": fitted.weights_,
        "means_init": fitted.means_,
        "precisions_init": fitted.precisions_,
    }
    found = clone(model).set_params(n_init=1, **start).fit(X)
    return found.set_params(**model.get_params())


def end_of_path(bic: Sequence[float], k: float) -> str:
    """Say why a path need not go on; "" when it has to.

    Parameters
    ----------
    bic : sequence of float
        So far, in the order of the grid.
    k : float
        The last number of components.

    Examples
    --------
    >>> end_of_path([900, 500, 530, 560, 590, 620], 6)
    'the path ends at 6 segments, where BIC had clearly risen 4 times in a row'
    >>> end_of_path([900, 500, 530, 560, 555, 620], 6)
    ''
    """
    if len(bic) <= RISES or not (np.diff(bic[-RISES - 1 :]) > RISE).all():
        return ""
    return f"the path ends at {k:g} segments, where BIC had clearly risen {RISES} times in a row"


class _Cut(NamedTuple):
    """A component cut in two: what that gains, the share of one half, the means of both."""

    gain: float
    share: float
    one: FloatArray
    other: FloatArray


def _split(before: Any, X: FloatArray, k: int) -> dict[str, FloatArray]:
    """A start with `k` components; empty where too few of those before can be cut."""
    labels, more = before.predict(X), k - before.n_components
    cuts = [_cut(X[labels == i], before.reg_covar) for i in range(before.n_components)]
    chosen = np.argsort([-cut.gain for cut in cuts], kind="stable")[:more]
    if not 0 < more <= len(chosen) or np.isinf(cuts[chosen[-1]].gain):
        return {}
    kept = np.setdiff1d(np.arange(before.n_components), chosen)
    _, share, one, other = map(np.array, zip(*(cuts[i] for i in chosen), strict=True))
    parents = np.concatenate([kept, chosen, chosen])
    tied = before.covariance_type == "tied"
    return {
        "weights_init": before.weights_[parents] * np.r_[np.ones(len(kept)), share, 1 - share],
        "means_init": np.concatenate([before.means_[kept], one, other]),
        "precisions_init": before.precisions_ if tied else before.precisions_[parents],
    }


def _cut(Z: FloatArray, floor: float) -> _Cut:
    """Gain minus infinity where a half would be a fringe, or too small for a Gaussian."""
    n, d = Z.shape
    half = halves(Z, floor) if n >= 2 * _fewest(Z) else np.zeros(n, dtype=bool)
    fit = _fit(Z, half, floor)
    if np.isinf(fit):
        return _Cut(-np.inf, 1.0, np.zeros(d), np.zeros(d))
    gain = fit - float(_log_density(Z, np.ones(n, dtype=bool), floor).sum())
    return _Cut(gain, float(half.mean()), Z[half].mean(axis=0), Z[~half].mean(axis=0))


def halves(Z: FloatArray, floor: float) -> Mask:
    """Cut across a line, refined by classification EM (Celeux and Govaert 1992).

    The lines are those of :func:`_across`; of what the few best cuts become the likeliest counts.

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
    cuts = [_refined(Z, cut, floor) for cut in _across(Z, floor)]
    return max(cuts, key=lambda cut: _fit(Z, cut, floor))


def _refined(Z: FloatArray, cut: Mask, floor: float) -> Mask:
    for _ in range(TURNS):
        if min(cut.sum(), (~cut).sum()) < Z.shape[1] + 2:
            break
        moved = _log_density(Z, cut, floor) > _log_density(Z, ~cut, floor)
        if (moved == cut).all():
            break
        cut = moved
    return cut


def _fewest(Z: FloatArray) -> int:
    """Rows that a part needs."""
    n, d = Z.shape
    return int(max(np.ceil(SMALLEST * n), d + 2))


def _fit(Z: FloatArray, cut: Mask, floor: float) -> float:
    """Classification log-likelihood of a cut, up to a constant."""
    if min(cut.sum(), (~cut).sum()) < _fewest(Z):
        return -np.inf
    return float(sum(_log_density(Z, part, floor)[part].sum() for part in (cut, ~cut)))


def _across(Z: FloatArray, floor: float) -> list[Mask]:
    """Where two Gaussians along a line fit best, for the few best of all lines."""
    n, along = len(Z), _lines(Z, floor)
    order = along.argsort(axis=0, kind="stable")
    along = np.take_along_axis(along, order, axis=0)
    sums, squares = along.cumsum(axis=0), (along**2).cumsum(axis=0)
    fewest = min(_fewest(Z), n // 2)
    first = np.arange(fewest, n - fewest + 1)  # rows up to a cut
    misfit = _misfit(first, sums[first - 1], squares[first - 1], floor)
    misfit += _misfit(
        n - first, sums[-1] - sums[first - 1], squares[-1] - squares[first - 1], floor
    )
    misfit -= n * np.log(squares[-1] / n + floor)
    best = first[misfit.argmin(axis=0)]
    lines = misfit.min(axis=0).argsort(kind="stable")[:LINES]
    return [np.isin(np.arange(n), order[best[line] :, line]) for line in lines]


def _lines(Z: FloatArray, floor: float) -> FloatArray:
    """Each row's place along lines that segments may lie apart on, (n_samples, 3 n_features).

    The columns, their principal axes, and the axes along which the whitened rows spread most and
    least when each is weighted by its squared distance from the centre: between two Gaussians of
    one shape Fisher's is among these (Tyler et al. 2009, *Invariant co-ordinate selection*).
    """
    centred = Z - Z.mean(axis=0)
    whitened, _ = _whitened(Z, np.ones(len(Z), dtype=bool), floor)
    weighted = whitened * (whitened**2).sum(axis=1, keepdims=True)
    principal, invariant = np.linalg.eigh([centred.T @ centred, weighted.T @ whitened])[1]
    return np.hstack([centred, centred @ principal, whitened @ invariant])


def _misfit(rows: IntArray, sums: FloatArray, squares: FloatArray, floor: float) -> FloatArray:
    """Minus twice the log-likelihood of parts of lines, own Gaussians, up to a constant."""
    count = rows[:, None]
    variance = (squares / count - (sums / count) ** 2).clip(0) + floor
    return np.asarray(count * (np.log(variance) - 2 * np.log(count)))


def _log_density(Z: FloatArray, part: Mask, floor: float) -> FloatArray:
    """Log of a part's share times its Gaussian density at each row, up to a constant."""
    whitened, log_volume = _whitened(Z, part, floor)
    return np.asarray(np.log(part.mean()) + log_volume - 0.5 * (whitened**2).sum(axis=1))


def _whitened(Z: FloatArray, part: Mask, floor: float) -> tuple[FloatArray, float]:
    """All rows in the units of a part's Gaussian, and the log of how much smaller they got."""
    centred = Z - Z[part].mean(axis=0)
    covariance = centred[part].T @ centred[part] / part.sum() + floor * np.eye(Z.shape[1])
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    return np.asarray(centred @ whiten.T), float(np.log(np.diagonal(whiten)).sum())
