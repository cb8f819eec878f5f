"""Which assigner follows an algorithm: its own predict, or the most faithful of some rules."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.assigners import (
    LinkageAssigner,
    NeighborsAssigner,
    PredictAssigner,
)
from customer_segmentation.segmenter.density_assigners import CoreAssigner, ReachAssigner
from customer_segmentation.segmenter.fidelity import Fidelity, agreement, most_faithful, sizes_of
from customer_segmentation.segmenter.plain import is_plain


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
        return own, agreement(labels, own.predict(X), sizes_of(labels))
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
