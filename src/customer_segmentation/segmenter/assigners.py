"""How new customers join the clusters of an algorithm that cannot predict by itself.

Each assigner is a scikit-learn classifier: ``fit`` takes the customers with the labels that the
algorithm gave them, ``predict`` gives new customers a label, -1 for outliers.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.mixture import GaussianMixture
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.segmenter.anchors import UNKNOWN, Anchors, by_nearest
from customer_segmentation.segmenter.mixtures import Likelihood
from customer_segmentation.segmenter.neighbours import MAX_REFERENCE_ROWS, Index, spread
from customer_segmentation.segmenter.places import Places
from customer_segmentation.segmenter.tangents import Tangents

MAX_MEMBER_ROWS = 2_000  # whose distances to every new customer are computed, all of them
BLOCK = 131_072  # rows handled at once: bounds the memory
MANY_ROWS = 50_000  # from here on, it pays to set up what saves searches
CHUNK = 8_192  # rows that a library's predict is given at once, always as many


class Assigner(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What the assigners share: checks of what comes in, labels as positions in ``classes_``."""

    word: ClassVar[str]

    def read(self, X: Any, labels: Any) -> tuple[FloatArray, IntArray]:
        """Check customers and labels; labels come back as positions in ``classes_``."""
        X, labels = validate_data(self, X, labels, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        return X, codes

    def seen(self, X: FloatArray, labels: IntArray) -> dict[str, Any]:
        """What only all customers together tell of each, as arguments of fits to some of them."""
        return {}

    def predict(self, X: Any) -> Any:
        """Label of every row of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            One of ``classes_``, or -1 for an outlier.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        starts = range(0, len(X), BLOCK)
        return np.concatenate([self._labels(X[start : start + BLOCK]) for start in starts])

    def _labels(self, X: FloatArray) -> Any:
        raise NotImplementedError

    def with_outliers(self, codes: IntArray, outside: Any) -> Any:
        """Labels at positions in ``classes_``, -1 for who is outside."""
        labels = self.classes_[codes]
        return np.where(outside, OUTLIER, labels) if outside.any() else labels


class SearchingAssigner(Assigner):
    """What those share that compare a customer with others: most need not, wherever they are.

    What tells who they are is set up when many customers come for the first time, and not saved.
    """

    def read(self, X: Any, labels: Any) -> tuple[FloatArray, IntArray]:
        """Check customers and labels, and forget what was set up for others."""
        self.__dict__.pop("_shortcut", None)
        return super().read(X, labels)

    @cached_property
    def _shortcut(self) -> Any:
        """What has ``codes_of(X)``: codes as of `_searched`, -2 where that has to tell."""
        raise NotImplementedError

    def _labels(self, X: FloatArray) -> Any:
        if not len(self.codes_):
            return np.full(len(X), OUTLIER, dtype=np.int64)
        many = len(X) >= MANY_ROWS
        codes = self._shortcut.codes_of(X) if many else np.full(len(X), UNKNOWN)
        rows = np.flatnonzero(codes == UNKNOWN)
        for start in range(0, len(rows), self._block):
            some = rows[start : start + self._block]
            codes[some] = self._searched(X[some])
        return self.with_outliers(codes, codes < 0)

    @property
    def _block(self) -> int:
        """Rows searched for at once."""
        return BLOCK

    def _searched(self, X: FloatArray) -> IntArray:
        """Position in ``classes_`` of each row, -1 = outlier."""
        raise NotImplementedError

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_shortcut"}


class NeighborsAssigner(SearchingAssigner):
    """A customer joins the cluster of its nearest customers, near ones counting for more.

    Outliers are a class as any other: who is surrounded by outliers is one.

    Parameters
    ----------
    n_neighbors : int
        Votes are weighted by one over the distance.
    max_rows : int
        Most customers to remember, evenly spread over the table.

    Examples
    --------
    >>> NeighborsAssigner(1).fit([[0.0], [9.0]], [0, 1]).predict([[3.0]])
    array([0])
    """

    word: ClassVar[str] = "neighbours"

    def __init__(self, n_neighbors: int = 5, max_rows: int = MAX_REFERENCE_ROWS) -> None:
        self.n_neighbors = n_neighbors
        self.max_rows = max_rows

    def fit(self, X: Any, y: Any) -> NeighborsAssigner:
        """Remember customers and their labels."""
        X, codes = self.read(X, y)
        rows = spread(codes, self.max_rows)
        self.index_, self.codes_ = Index(X[rows]), codes[rows]
        return self

    @cached_property
    def _shortcut(self) -> Anchors:
        """Where the nearest customers are all in one cluster."""
        points, k = self.index_.points, min(self.n_neighbors, len(self.codes_))
        return by_nearest(Places(points), points, self.codes_, k)

    def _searched(self, X: FloatArray) -> IntArray:
        distances, near = self.index_.nearest(X, self.n_neighbors)
        votes, rows = np.zeros((len(X), len(self.classes_))), np.arange(len(X))
        for distance, neighbour in zip(distances.T, near.T, strict=True):
            votes[rows, self.codes_[neighbour]] += 1 / np.maximum(distance, 1e-9)
        return np.asarray(votes.argmax(axis=1))


class LinkageAssigner(SearchingAssigner):
    """The cluster that a tree would merge a new customer into, by the tree's own linkage.

    Parameters
    ----------
    linkage : {"ward", "average", "complete", "single"}
        Smallest increase of the variance (Ward 1963), smallest mean distance to the members,
        smallest distance to the farthest member, smallest distance to the nearest member.
    max_rows : int
        Most members that distances are computed to, for average and complete.

    Examples
    --------
    >>> X, labels = [[0.0], [1.0], [2.0], [9.0]], [0, 0, 0, 1]
    >>> LinkageAssigner("ward").fit(X, labels).predict([[5.0]])
    array([1])
    >>> LinkageAssigner("single").fit(X, labels).predict([[5.0]])
    array([0])
    """

    word: ClassVar[str] = "linkage"

    def __init__(self, linkage: str = "ward", max_rows: int = MAX_MEMBER_ROWS) -> None:
        self.linkage = linkage
        self.max_rows = max_rows

    def fit(self, X: Any, y: Any) -> LinkageAssigner:
        """Learn the clusters' means and sizes, or remember their members."""
        if self.linkage not in ("ward", "average", "complete", "single"):
            raise ValueError(
                f"got linkage={self.linkage!r}, expected 'ward', 'average', 'complete' or "
                f"'single'. Use NeighborsAssigner for another one."
            )
        X, codes = self.read(X, y)
        sizes = np.bincount(codes)
        if self.linkage == "ward":
            sums = [np.bincount(codes, weights=column) for column in X.T]
            self.means_ = np.column_stack(sums) / sizes[:, None]
            self.weights_ = sizes / (sizes + 1)
            return self
        rows = spread(codes, MAX_REFERENCE_ROWS if self.linkage == "single" else self.max_rows)
        rows = rows[np.argsort(codes[rows], kind="stable")]
        self.members_, self.codes_ = Index(X[rows]), codes[rows]
        return self

    def _labels(self, X: FloatArray) -> Any:
        if self.linkage == "ward":
            return self.classes_[self._increase(X).argmin(axis=1)]
        return super()._labels(X)

    @cached_property
    def _shortcut(self) -> Anchors | Tangents:
        """Where the cluster is clear.

        A largest distance changes by no more than a row moves, the difference of two by twice that.
        """
        places = Places(self.members_.points)
        if self.linkage == "single":
            return by_nearest(places, self.members_.points, self.codes_)
        if self.linkage == "average":
            clusters = range(len(self.classes_))
            return Tangents(places, [self.members_.points[self.codes_ == c] for c in clusters])
        linked = self._linked(places.centres)
        ordered = np.sort(np.column_stack([linked, np.full(len(linked), np.inf)]), axis=1)
        return Anchors(places, linked.argmin(axis=1), (ordered[:, 1] - ordered[:, 0]) / 2)

    def _searched(self, X: FloatArray) -> IntArray:
        if self.linkage == "single":
            return self.codes_[self.members_.nearest(X, 1)[1][:, 0]]
        # The distances to 2,000 members fill 16 kB a row.
        parts = np.array_split(X, max(1, len(X) // 2048))
        return np.concatenate([self._linked(part).argmin(axis=1) for part in parts])

    def _increase(self, X: FloatArray) -> FloatArray:
        return np.asarray(cdist(X, self.means_, "sqeuclidean") * self.weights_)

    def _linked(self, X: FloatArray) -> FloatArray:
        distances = cdist(X, self.members_.points)
        starts = np.searchsorted(self.codes_, np.arange(len(self.classes_)))
        if self.linkage == "complete":
            return np.asarray(np.maximum.reduceat(distances, starts, axis=1))
        return np.asarray(np.add.reduceat(distances, starts, axis=1) / np.bincount(self.codes_))


class PredictAssigner(Assigner):
    """The algorithm's own ``predict``, its numbers translated to the labels of the customers.

    Parameters
    ----------
    clusterer : estimator with ``predict``, fitted
        Never refitted.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> X = [[0.0], [1.0], [9.0]]
    >>> PredictAssigner(KMeans(2, random_state=0).fit(X)).fit(X, [1, 1, 0]).predict([[2.0]])
    array([1])
    """

    word: ClassVar[str] = "predict"

    def __init__(self, clusterer: Any) -> None:
        self.clusterer = clusterer

    def fit(self, X: Any, y: Any) -> PredictAssigner:
        """Learn which label the customers have who get a number from the algorithm."""
        X, codes = self.read(X, y)
        starts = range(0, len(X), BLOCK)
        parts = [self.clusterer.predict(X[start : start + BLOCK]) for start in starts]
        numbers = np.concatenate(parts).astype(np.int64)
        # A mixture may have a component that no customer is in: who joins it fits nowhere.
        self.table_ = np.full(max(numbers.max(), 0) + 2, -1)
        for number in np.unique(numbers):
            self.table_[number] = np.bincount(codes[numbers == number]).argmax()
        return self

    def _labels(self, X: FloatArray) -> Any:
        mixture = type(self.clusterer) is GaussianMixture
        model = Likelihood(self.clusterer) if mixture else self.clusterer
        # Matrix products of other shapes round differently. With equal ones a row gets the same
        # answer alone and in a batch, on a border between clusters too.
        chunks = [X[start : start + CHUNK] for start in range(0, len(X), CHUNK)]
        chunks[-1] = np.concatenate([chunks[-1], np.repeat(X[-1:], -len(X) % CHUNK, axis=0)])
        with config_context(assume_finite=True):  # what was checked when it came in
            found = np.concatenate([model.predict(chunk) for chunk in chunks])
        numbers = found[: len(X)].astype(np.int64)
        codes = self.table_[np.clip(numbers, -1, len(self.table_) - 1)]
        return self.with_outliers(codes, codes < 0)
