"""How new customers join the clusters of DBSCAN and HDBSCAN, or none of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.segmenter.anchors import UNKNOWN, Anchors, by_nearest
from customer_segmentation.segmenter.assigners import BLOCK, SearchingAssigner
from customer_segmentation.segmenter.crowds import Crowds
from customer_segmentation.segmenter.gaps import Gaps
from customer_segmentation.segmenter.neighbours import Index, spread
from customer_segmentation.segmenter.places import Located, Places
from customer_segmentation.segmenter.reachability import (
    completing,
    core_distances,
    own_reachability,
    smallest_reachability,
)

MAX_DENSITY_ROWS = 100_000  # fewer would thin out the density that the algorithm has seen
NEIGHBOURS = 1_000_000  # looked at at once: 16 MB
SLACK = 1 + 1e-12  # distances from two libraries differ in their last digit


@dataclass
class DensityMap:
    """Where it is clear which cluster is nearest, and whether it is near and dense enough.

    Attributes
    ----------
    anchors : Anchors
        Of the cluster.
    gaps : Gaps
        Between the clusters.
    inner : Crowds
        Who makes a neighbourhood dense enough for a cluster.
    inside : ndarray of shape (n_places,)
        Distance from a place up to which they suffice.
    outer : Crowds
        Without whom it never is.
    n : int
        How many of them it takes.
    reach : ndarray of shape (n_clusters,)
        Within which distance.
    """

    anchors: Anchors
    gaps: Gaps
    inner: Crowds
    inside: FloatArray
    outer: Crowds
    n: int
    reach: FloatArray

    def codes_of(self, X: FloatArray) -> IntArray:
        """Code of the cluster of each row, -1 of an outlier, -2 where it takes a search to tell."""
        rows = self.anchors.places.locate(X)
        order = np.argsort(rows.at, kind="stable")
        rows = rows.only(order)
        nearest, codes = self.anchors.codes_at(rows), self.anchors.codes[rows.at]
        vague = np.flatnonzero(nearest == UNKNOWN)
        clear = np.delete(vague, ~self.gaps.apart(X[order[vague]], codes[vague]))
        nearest[clear] = codes[clear]
        nearest[rows.away >= self.inside[rows.at]] = UNKNOWN
        known = np.flatnonzero(nearest != UNKNOWN)
        radii = self.reach[codes[known]]
        dense = known[self.inner.at_least(max(self.n, 1), rows.only(known), radii)]
        rest = np.delete(np.arange(len(X)), dense)
        codes[rest] = self._counted(rows.only(rest), nearest[rest])
        found = np.empty_like(codes)
        found[order] = codes
        return found

    def _counted(self, rows: Located, codes: IntArray) -> IntArray:
        """Codes of rows where few are near: there all who matter are counted."""
        reach = np.where(codes != UNKNOWN, self.reach[codes], self.reach.max())
        least, most = self.outer.bounds(rows, reach)
        joined = np.flatnonzero((codes != UNKNOWN) & (least >= self.n))
        if self.inner is not self.outer:
            joined = joined[self.inner.bounds(rows.only(joined), reach[joined])[0] > 0]
        found = np.where(most < self.n, OUTLIER, UNKNOWN)
        found[joined] = codes[joined]
        return found


class CoreAssigner(SearchingAssigner):
    """DBSCAN's own rule: the cluster of the nearest core customer within eps, else an outlier.

    Parameters
    ----------
    eps : float
    min_samples : int
        Customers within `eps`, itself included, that make a customer a core one.

    Notes
    -----
    Ester et al. (1996). Border customers within eps of two clusters join the nearer one here, and
    the one that was found first in DBSCAN.

    Examples
    --------
    >>> rule = CoreAssigner(eps=1.0, min_samples=2).fit([[0.0], [1.0], [9.0]], [0, 0, -1])
    >>> rule.predict([[1.5], [5.0]])
    array([ 0, -1])
    """

    word: ClassVar[str] = "core"

    def __init__(self, eps: float = 0.5, min_samples: int = 5) -> None:
        self.eps = eps
        self.min_samples = min_samples

    def fit(self, X: Any, y: Any, cores: Any = None) -> CoreAssigner:
        """Remember the core customers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels.
        cores : array-like of bool, shape (n_samples,), optional
            Who is a core customer, where that was seen on more customers than these.
        """
        X, codes = self.read(X, y)
        found = core_customers(X, self.eps, self.min_samples) if cores is None else cores
        rows = np.flatnonzero(np.asarray(found, dtype=bool) & (self.classes_[codes] != OUTLIER))
        rows = rows[spread(codes[rows], MAX_DENSITY_ROWS)]
        self.index_, self.codes_ = Index(X[rows]), codes[rows]
        return self

    def seen(self, X: FloatArray, labels: IntArray) -> dict[str, Any]:
        """Who is a core customer, for fits to some of them."""
        return {"cores": core_customers(X, self.eps, self.min_samples)}

    @cached_property
    def _shortcut(self) -> DensityMap:
        places = Places(self.index_.points)
        anchors = by_nearest(places, self.index_.points, self.codes_)
        reach = np.full(len(self.classes_), self.eps)
        gaps = Gaps(self.index_.points, self.codes_, reach)
        cores, everywhere = Crowds(places, self.index_), np.full(len(places.centres), np.inf)
        return DensityMap(anchors, gaps, cores, everywhere, cores, 1, reach)

    def _searched(self, X: FloatArray) -> IntArray:
        near = self.index_.within(X, self.eps * SLACK)
        return np.where(near >= 0, self.codes_[near], OUTLIER)


class ReachAssigner(SearchingAssigner):
    """HDBSCAN's rule for a new customer, as far as the labels tell its tree.

    A customer joins the cluster to which its mutual reachability distance is smallest, unless that
    is larger than all of the cluster's own members need to reach the others: then it is an outlier.

    Parameters
    ----------
    min_samples : int
        Customers that make a neighbourhood, the customer itself included.

    Notes
    -----
    Mutual reachability: Campello et al. (2013). The largest distance among a cluster's members
    stands for the level at which the cluster was born.

    Examples
    --------
    >>> rule = ReachAssigner(2).fit([[0.0], [1.0], [2.0], [9.0]], [0, 0, 0, -1])
    >>> rule.predict([[2.5], [5.0]])
    array([ 0, -1])
    """

    word: ClassVar[str] = "reach"

    def __init__(self, min_samples: int = 5) -> None:
        self.min_samples = min_samples

    def fit(self, X: Any, y: Any, cores: Any = None, needs: Any = None) -> ReachAssigner:
        """Learn how far the members of each cluster reach.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels.
        cores, needs : array-like of shape (n_samples,), optional
            As of :func:`core_distances` and :func:`own_reachability`, where they were seen on more
            customers than these.
        """
        X, codes = self.read(X, y)
        rows = spread(codes, MAX_DENSITY_ROWS)
        X, codes = X[rows], codes[rows]
        labels, inside = self.classes_[codes], self.classes_[codes] != OUTLIER
        cores = core_distances(X, self.min_samples) if cores is None else np.asarray(cores)[rows]
        if needs is None:
            needs = own_reachability(X, labels, cores, self._k)
        else:
            needs = np.asarray(needs)[rows]
        self.everyone_, self.members_ = Index(X), Index(X[inside])
        self.core_, self.codes_ = cores[inside], codes[inside]
        self.places_ = np.where(inside, inside.cumsum() - 1, -1)  # of everyone among the members
        self.reach_ = np.zeros(len(self.classes_))
        for code in np.unique(codes[np.isfinite(needs)]):
            self.reach_[code] = np.nanmax(needs[codes == code])
        return self

    def seen(self, X: FloatArray, labels: IntArray) -> dict[str, Any]:
        """What tells how near customers are to each other, for fits to some of them."""
        cores = core_distances(X, self.min_samples)
        return {"cores": cores, "needs": own_reachability(X, labels, cores, self._k)}

    @property
    def _k(self) -> int:
        return max(self.min_samples, 2)

    @property
    def _block(self) -> int:
        return min(BLOCK, max(NEIGHBOURS // self._k, 1))

    @cached_property
    def _shortcut(self) -> DensityMap:
        """Where the nearest members are of one cluster, and one of them reaches others itself."""
        places, k = Places(self.everyone_.points), min(self._k, len(self.codes_))
        points = self.members_.points
        tight = self.core_ <= self.reach_[self.codes_]
        anchors = by_nearest(places, points, self.codes_, k)
        reaching = by_nearest(places, points, tight, rivals=k)
        inside = np.where(reaching.codes, reaching.radii, 0)
        n = min(self.min_samples - 1, len(self.everyone_.points))
        inner, outer = Index(points[tight] if tight.any() else points), self.everyone_
        return DensityMap(
            anchors=anchors,
            gaps=Gaps(points, self.codes_, self.reach_),
            inner=Crowds(places, inner),
            inside=inside,
            outer=Crowds(places, outer),
            n=n,
            reach=self.reach_,
        )

    def _searched(self, X: FloatArray) -> IntArray:
        distances, near = self.everyone_.nearest(X, self._k)
        core, k = completing(distances, self.min_samples).copy(), min(self._k, len(self.codes_))
        distances, near = distances[:, :k], self.places_[near[:, :k]]
        # Mostly these are the nearest members. Who is farther from everyone than any cluster
        # reaches is an outlier, whoever they are.
        asked = (near < 0).any(axis=1) & (core <= self.reach_.max() * SLACK)
        distances[asked], near[asked] = self.members_.nearest(X[asked], self._k)
        needs, joined = smallest_reachability(core, distances, near, self.core_)
        codes = self.codes_[joined]
        return np.where(needs > self.reach_[codes] * SLACK, OUTLIER, codes)


def core_customers(X: FloatArray, eps: float, min_samples: int) -> Any:
    """Whether each customer has `min_samples` customers, itself included, within `eps`.

    Examples
    --------
    >>> core_customers(np.array([[0.0], [1.0], [9.0]]), 1.0, 2)
    array([ True,  True, False])
    """
    return (core_distances(X, min_samples) <= eps * SLACK) & (len(X) >= min_samples)
