"""A path: one algorithm fitted over the grid of its main parameter, its work shared."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial, singledispatch
from typing import Any

import fastcluster
import numpy as np
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray, cut_tree, join_nearest, tidy
from customer_segmentation.paths import density, grids, mixtures, samples
from customer_segmentation.paths.candidates import Candidate, Path

REFIT_STARTS = 3
SHARED_ROWS = 2_000  # a fit of HDBSCAN to fewer customers takes milliseconds
MOST_AROUND = 200  # nearest customers of 20,000 customers are 64 MB

Progress = Callable[[int, int], None]
Cut = Callable[[Any], IntArray]  # labels under an estimator's settings
Shared = tuple[Cut | None, dict[str, Any]]  # how labels are cut, and what the path keeps


def fit_path(
    estimator: Any,
    X: FloatArray,
    *,
    algorithm: str,
    parameter: str,
    grid: Sequence[float] | None = None,
    assign_outliers: bool = False,
    start_on: FloatArray | None = None,
    may_end: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Fit `estimator` at every value of `grid`.

    Parameters
    ----------
    estimator : scikit-learn-compatible clusterer, unfitted
        Needs ``fit`` and either ``labels_`` or ``predict``. Agglomerative clustering, DBSCAN,
        HDBSCAN with ``min_samples`` and Genie share one tree over the whole grid.
    X : ndarray of shape (n_samples, n_features)
    algorithm : str
        Its name, for messages and the result.
    parameter : str
        The parameter that the grid is about, e.g. ``n_clusters`` or ``eps``.
    grid : sequence of numbers, optional
        None derives it from the data: eps from the k-distance curve (Ester et al. 1996),
        ``min_cluster_size`` from shares of the customers, 1..10 otherwise.
    assign_outliers : bool
        Give every outlier to the cluster of its nearest clustered customer.
    start_on, may_end
        See :class:`Path`.
    progress : callable(done, total), optional
        Called after each candidate.

    Raises
    ------
    PathError
        When a value is refused by the estimator, or there are fewer customers than clusters.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> path = fit_path(KMeans(random_state=0), X, algorithm="kmeans",
    ...                 parameter="n_clusters", grid=[1, 2])
    >>> [int(candidate.labels.max()) + 1 for candidate in path.candidates]
    [1, 2]
    """
    values = grids.derive_grid(estimator, X, parameter) if grid is None else list(grid)
    grids.check_grid(estimator, X, algorithm=algorithm, parameter=parameter, grid=values)
    empty = Path(algorithm, parameter, (), start_on=start_on, may_end=may_end)
    path = _fit(estimator, X, empty, values, progress or _silent)
    if all(candidate.failure for candidate in path.candidates):
        raise grids.PathError(
            f"{algorithm}: every fit failed, the first with: {path.candidates[0].failure}. "
            f"Change its settings or its grid ({parameter} = {_short(values)})."
        )
    if not assign_outliers:
        return path
    return replace(path, candidates=tuple(_without_outliers(X, c) for c in path.candidates))


def extend(path: Path, estimator: Any, X: FloatArray, values: Sequence[float]) -> Path:
    """Add candidates at further values of the grid; a tree that is there is only cut again.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> X = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> path = fit_path(KMeans(random_state=0), X, algorithm="kmeans",
    ...                 parameter="n_clusters", grid=[1, 2])
    >>> [candidate.value for candidate in extend(path, KMeans(), X, [3]).candidates]
    [1, 2, 3]
    """
    if path.linkage is not None:
        cut = partial(_cut_tree, path.linkage)
        more = tuple(_cut_one(estimator, path, value, cut, 0.0) for value in values)
    else:
        # Nobody asked for these values: a path that need not go on stops among them.
        further = _fit(estimator, X, replace(path, may_end=True), list(values), _silent)
        more, path = further.candidates, replace(path, end=further.end)
    return replace(path, candidates=(*path.candidates, *more))


def refit(
    estimator: Any,
    path: Path,
    X: FloatArray,
    sample: FloatArray,
    values: Sequence[float],
    *,
    assign_outliers: bool = False,
) -> list[IntArray]:
    """Labels of a sample of the rows at `values`, fitted anew with a few starts.

    Parameters
    ----------
    estimator : scikit-learn-compatible clusterer
    path : Path
        Whose algorithm this is; only its name and parameter are used.
    X, sample : ndarray of shape (n_samples, n_features) and (n_sampled, n_features)
    values : sequence of numbers
        Of the grid for `X`; they are rescaled to the sample.

    Returns
    -------
    list of ndarray of shape (n_sampled,)
    """
    cheap = clone(estimator)
    if "n_init" in cheap.get_params():
        # A single start often ends elsewhere by itself, which would pass for instability.
        cheap.set_params(n_init=REFIT_STARTS)
    grid = grids.rescale(cheap, path.parameter, values, X, sample)
    empty = Path(path.algorithm, path.parameter, ())
    found = _fit(cheap, sample, empty, grid, _silent).candidates
    if assign_outliers:
        found = tuple(_without_outliers(sample, candidate) for candidate in found)
    return [candidate.labels for candidate in found]


def _fit(estimator: Any, X: FloatArray, path: Path, grid: list[float], progress: Progress) -> Path:
    start = time.perf_counter()
    cut, kept = _shared(estimator, X, path.parameter)
    if cut is not None:
        each = (time.perf_counter() - start) / len(grid)
        cuts = [_cut_one(estimator, path, value, cut, each) for value in _each(grid, progress)]
        return replace(path, candidates=tuple(cuts), **kept)
    known, end = list(path.candidates), ""
    for value in _each(grid, progress):
        before = known[-1].estimator if known else None
        known.append(_fit_one(estimator, X, path, value, before))
        if path.may_end and path.parameter == "n_components" and value != grid[-1]:
            end = mixtures.end_of_path([c.scores.get("bic", np.nan) for c in known], value)
        if end:
            progress(len(grid), len(grid))
            break
    return replace(path, candidates=tuple(known[len(path.candidates) :]), end=end, **kept)


def _fit_one(estimator: Any, X: Any, path: Path, value: float, before: Any) -> Candidate:
    start = time.perf_counter()
    again = before if samples.keeps_tree(before) else clone(estimator)
    model = copy(again).set_params(**{path.parameter: value})
    try:
        with warnings.catch_warnings():
            # Fewer different customers than clusters: the labels then show it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = samples.fit(model, X, path.start_on, before)
    except (ValueError, ArithmeticError) as error:
        said = str(error).strip().partition("\n")[0]
        nobody = np.full(len(X), OUTLIER, dtype=np.int64)
        seconds = time.perf_counter() - start
        return Candidate(value, nobody, seconds, failure=f"{type(error).__name__}: {said}")
    labels = samples.labels_of(model, X)
    seconds = time.perf_counter() - start
    scores = {"bic": samples.bic_of(model, X)} if hasattr(model, "bic") else {}
    if path.start_on is not None and isinstance(model, KMeans):
        vars(model).pop("labels_", None)  # kept with the candidate: twice is too often here
    return Candidate(value, tidy(labels), seconds, model, scores)


def _cut_one(estimator: Any, path: Path, value: float, cut: Cut, shared: float) -> Candidate:
    """A candidate cut from what the path shares, which took `shared` seconds for each."""
    start = time.perf_counter()
    model = clone(estimator).set_params(**{path.parameter: value})
    labels = cut(model)
    return Candidate(value, labels, shared + time.perf_counter() - start, model)


@singledispatch
def _shared(estimator: Any, X: FloatArray, parameter: str) -> Shared:
    """Work that serves the whole grid, where an algorithm has some."""
    return None, {}


@_shared.register
def _(estimator: AgglomerativeClustering, X: FloatArray, parameter: str) -> Shared:
    plain = estimator.connectivity is None and estimator.metric == "euclidean"
    if not plain or parameter != "n_clusters":
        return None, {}
    if samples.lean(estimator):
        tree = fastcluster.linkage_vector(X, method=estimator.linkage)
    else:
        tree = fastcluster.linkage(pdist(X), method=estimator.linkage, preserve_input=False)
    return partial(_cut_tree, tree), {"linkage": tree}


@_shared.register
def _(estimator: DBSCAN, X: FloatArray, parameter: str) -> Shared:
    plain = estimator.metric == "euclidean" and 1 < estimator.min_samples < len(X)
    if not plain or parameter != "eps":
        return None, {"k_distance": grids.k_distances(X, estimator.min_samples)}
    reach = density.reach(X, estimator.min_samples)
    return partial(density.dbscan, reach), {"k_distance": np.sort(reach.near[:, -1])}


@_shared.register
def _(estimator: HDBSCAN, X: FloatArray, parameter: str) -> Shared:
    plain = estimator.metric == "euclidean" and estimator.alpha == 1
    around = estimator.min_samples or 0  # its default is another one for every size
    one_tree = parameter == "min_cluster_size" and 1 < around <= MOST_AROUND
    if not plain or not one_tree or len(X) < max(SHARED_ROWS, around):
        return None, {}
    return partial(density.hdbscan, density.reach(X, around)), {}


def _cut_tree(tree: FloatArray, model: AgglomerativeClustering) -> IntArray:
    return cut_tree(tree, int(model.n_clusters))


def _each(grid: Sequence[float], progress: Progress) -> Iterator[float]:
    """The values of a grid, saying after each how many are done."""
    for done, value in enumerate(grid, start=1):
        yield value
        progress(done, len(grid))


def _without_outliers(X: FloatArray, candidate: Candidate) -> Candidate:
    if (candidate.labels >= 0).all():
        return candidate
    return replace(candidate, labels=join_nearest(X, candidate.labels), estimator=None)


def _short(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _silent(done: int, total: int) -> None: ...
