"""Which assigner follows an algorithm, and how faithfully, on customers it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering
from sklearn.model_selection import KFold

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.assigners import (
    LinkageAssigner,
    NeighborsAssigner,
    PredictAssigner,
)
from customer_segmentation.segmenter.density_assigners import CoreAssigner, ReachAssigner
from customer_segmentation.segmenter.plain import is_plain

FOLDS = 10
MAX_ROWS = 5_000  # held out in all; more tell the same to a percent
MIN_ROWS_EACH = 50  # of every cluster, however small it is
CLEARLY = 0.01  # more of the customers right: worth leaving the rule that is the algorithm's own


@dataclass(frozen=True)
class Fidelity:
    """Agreement of an assigner with the labels of an algorithm."""

    overall: float  #: Share of the customers who get the label the algorithm gave them, on [0, 1]
    each: dict[int, float]  #: label -> share: of the customers with that label; -1 for the outliers


def _agreement(labels: IntArray, predicted: IntArray, sizes: Mapping[int, int]) -> Fidelity:
    """Agreement of labels with predictions, each label weighted by its size in the whole table."""
    right = predicted == labels
    each = {label: float(right[labels == label].mean()) for label in sizes}
    total = sum(sizes.values())
    return Fidelity(sum(share * sizes[label] for label, share in each.items()) / total, each)


def _sizes_of(labels: IntArray) -> dict[int, int]:
    """Customers of every label."""
    found, counts = np.unique(labels, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def out_of_sample(
    assigner: Any,
    X: FloatArray,
    labels: IntArray,
    *,
    seed: int,
    aligned: Mapping[str, Any] | None = None,
) -> Fidelity:
    """Agreement on customers that were held out: ten times a tenth is assigned by the others.

    Parameters
    ----------
    assigner : classifier, unfitted
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        As the algorithm gave them to everyone.
    seed : int
        Draws the folds and, beyond 5,000 customers, who is held out.
    aligned : mapping, optional
        Further arguments of ``fit`` with a value per customer.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X, labels = np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])
    >>> out_of_sample(KNeighborsClassifier(1), X, labels, seed=0).overall
    1.0
    """
    sizes = _sizes_of(labels)
    if len(X) < 2:
        return Fidelity(1.0, dict.fromkeys(sizes, 1.0))
    held = _held_out(labels, np.random.default_rng(seed))
    predicted = labels.copy()
    folds = KFold(min(FOLDS, len(held)), shuffle=True, random_state=seed % 2**32)
    for _, fold in folds.split(held):
        rows = held[fold]
        kept = np.ones(len(X), dtype=bool)
        kept[rows] = False
        fit_on = {name: values[kept] for name, values in (aligned or {}).items()}
        predicted[rows] = clone(assigner).fit(X[kept], labels[kept], **fit_on).predict(X[rows])
    return _agreement(labels[held], predicted[held], sizes)


def most_faithful(
    assigners: Sequence[Any], X: FloatArray, labels: IntArray, *, seed: int
) -> tuple[Any, Fidelity]:
    """The first assigner than which none is clearly more faithful, fitted on everyone.

    Returns
    -------
    assigner : classifier, fitted
    fidelity : Fidelity
        Out of sample; see :func:`out_of_sample`.
    """
    aligned = [assigner.seen(X, labels) for assigner in assigners]
    measured = [
        out_of_sample(assigner, X, labels, seed=seed, aligned=seen)
        for assigner, seen in zip(assigners, aligned, strict=True)
    ]
    enough = max(found.overall for found in measured) - CLEARLY
    best = next(i for i, found in enumerate(measured) if found.overall >= enough)
    return clone(assigners[best]).fit(X, labels, **aligned[best]), measured[best]


def _held_out(labels: IntArray, rng: np.random.Generator) -> IntArray:
    order = rng.permutation(len(labels))
    if len(labels) <= MAX_ROWS:
        return order
    few = [order[labels[order] == label][:MIN_ROWS_EACH] for label in np.unique(labels)]
    return np.unique(np.concatenate([order[:MAX_ROWS], *few]))


def follow(clusterer: Any, X: FloatArray, labels: IntArray, *, seed: int) -> tuple[Any, Fidelity]:
    """Assigner of an algorithm, fitted, and how faithful it is.

    Parameters
    ----------
    clusterer : estimator or None
        Fitted, or only its settings; None when nothing is known of how the labels were made.
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier.
    seed : int

    Returns
    -------
    assigner : classifier
        The algorithm's own ``predict`` where it has one that can be saved without pickle.
    fidelity : Fidelity
        Out of sample; for an own ``predict`` its agreement with the labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> X = np.array([[0.0], [1.0], [9.0]])
    >>> model = KMeans(2, random_state=0).fit(X)
    >>> follow(model, X, np.array([0, 0, 1]), seed=0)[1]
    Fidelity(overall=1.0, each={0: 1.0, 1: 1.0})
    """
    if hasattr(clusterer, "predict") and is_plain(clusterer):
        own = PredictAssigner(clusterer).fit(X, labels)
        return own, _agreement(labels, own.predict(X), _sizes_of(labels))
    return most_faithful(rules_for(clusterer), X, labels, seed=seed)


@singledispatch
def rules_for(clusterer: Any) -> list[Any]:
    """Assigners that may follow an algorithm, the preferred one first.

    Parameters
    ----------
    clusterer : estimator or None
        Its settings are read; it need not be fitted.

    Examples
    --------
    >>> rules_for(AgglomerativeClustering(linkage="average"))
    [LinkageAssigner(linkage='average'), NeighborsAssigner(), NeighborsAssigner(n_neighbors=1)]
    """
    return _neighbours()


@rules_for.register
def _(clusterer: DBSCAN) -> list[Any]:
    if clusterer.metric != "euclidean":
        return _neighbours()
    return [CoreAssigner(clusterer.eps, clusterer.min_samples)]


@rules_for.register
def _(clusterer: HDBSCAN) -> list[Any]:
    if clusterer.metric != "euclidean":
        return _neighbours()
    neighbourhood = clusterer.min_samples or clusterer.min_cluster_size
    return [ReachAssigner(neighbourhood), *_neighbours()]


@rules_for.register
def _(clusterer: AgglomerativeClustering) -> list[Any]:
    if clusterer.metric != "euclidean":
        return _neighbours()
    return [LinkageAssigner(clusterer.linkage), *_neighbours()]


def _neighbours() -> list[Any]:
    # The nearest alone follows trees best, whose first merges join nearest customers.
    return [NeighborsAssigner(), NeighborsAssigner(n_neighbors=1)]
