"""The fitted model: schema check, preparation, assignment, segment numbers and names in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from customer_segmentation.features import Features, as_features
from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.paths import Candidate
from customer_segmentation.validity import cluster_means

N_NEIGHBORS = 10  # confidence in tenths is fine enough for a campaign
MAX_REFERENCE_ROWS = 10_000  # keeps the model below a few megabytes and scoring quick
# Types that skops asks about by name; all are plain data of this class.
TRUSTED_TYPES = ["customer_segmentation.segmenter.Segmenter", "numpy.dtype"]


class SchemaError(ValueError):
    """A table of new customers that the model cannot read."""


def number_segments(X: FloatArray, labels: IntArray) -> IntArray:
    """Segment number of every cluster: 1 for the largest, then by size.

    Equal sizes are ordered by the clusters' means, feature by feature, so that equal partitions
    get equal numbers whatever integers the algorithm used.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier.

    Returns
    -------
    ndarray of shape (n_clusters,)
        Position = cluster, value = segment number.

    Examples
    --------
    >>> number_segments(np.array([[1.0], [5.0], [5.5]]), np.array([0, 1, 1]))
    array([2, 1])
    """
    if labels.max(initial=-1) < 0:
        return np.zeros(0, dtype=np.int64)
    sizes = np.bincount(labels[labels >= 0])
    means = cluster_means(X, labels).round(9)
    order = np.lexsort((*means.T[::-1], -sizes))
    numbers = np.empty(len(sizes), dtype=np.int64)
    numbers[order] = np.arange(1, len(sizes) + 1)
    return numbers


class Segmenter:
    """Assigns customers to segments.

    An algorithm that predicts, and that can be saved without pickle, assigns new customers itself.
    Any other one is represented by the customers it labelled: a new customer joins the segment
    most common among the ten nearest of them.

    Parameters
    ----------
    features : Features
        The fitted feature set.
    candidate : Candidate
        The candidate taken.
    seed : int
        Draws the reference customers where there are more than ``MAX_REFERENCE_ROWS``.

    Attributes
    ----------
    numbers_ : ndarray of shape (n_clusters,)
        Segment number of every cluster of the candidate.
    segments_ : ndarray of shape (n_samples,)
        Segment number of every training customer, -1 = outlier.
    confidence_ : ndarray of shape (n_samples,)
        Share of a customer's ten nearest fellow customers that are in the same segment, on [0, 1].
    fidelity_ : float
        Share of training customers that assigning them anew, each left out of its own
        neighbourhood, puts where the algorithm put them.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.preprocessing import StandardScaler
    >>> from customer_segmentation import features, paths
    >>> table = pd.DataFrame({"spend": [1.0, 2.0, 90.0, 91.0, 92.0]})
    >>> fitted = features.build(table, [{"columns": ["spend"], "transform": StandardScaler()}],
    ...                         name="spend")
    >>> path = paths.fit_path(KMeans(random_state=0), fitted.matrix, algorithm="kmeans",
    ...                       parameter="n_clusters", grid=[2])
    >>> model = Segmenter(fitted, path.candidates[0], seed=0)
    >>> model.predict(pd.DataFrame({"spend": [3, 80]}))["segment"].tolist()
    [2, 1]
    """

    def __init__(self, features: Features, candidate: Candidate, *, seed: int) -> None:
        X = features.matrix
        self.transformer = features.transformer
        self.numeric = [
            column
            for column, numeric in zip(features.columns, _numeric(features), strict=True)
            if numeric
        ]
        self.columns = features.columns
        self.names: dict[str, str] = {}
        self.numbers_ = number_segments(X, candidate.labels)
        self.segments_ = self._as_segments(candidate.labels)
        self.estimator = candidate.estimator if _predicts(candidate.estimator) else None
        self._fit_reference(X, seed)
        self.confidence_, voted = self._cross_examine(X)
        predicted = self.estimator.predict(X) if self.estimator is not None else None
        own = self._as_segments(predicted) if predicted is not None else voted
        self.fidelity_ = float((own == self.segments_).mean())

    @property
    def assigner(self) -> str:
        """How new customers are assigned, in one word: "predict" or "neighbours"."""
        return "predict" if self.estimator is not None else "neighbours"

    def name_segments(self, names: Mapping[int, str]) -> None:
        """Set the names that :meth:`predict` returns; outliers are called "Outliers"."""
        self.names = {str(number): name for number, name in names.items()} | {
            str(OUTLIER): "Outliers"
        }

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Segment of every customer of `table`.

        Parameters
        ----------
        table : DataFrame
            With at least the columns the model was fitted on, in raw units. Further columns are
            ignored; gaps are filled as in training; an unknown category counts as none.

        Returns
        -------
        DataFrame, same index, columns ``segment``, ``segment_name`` and ``confidence``

        Raises
        ------
        SchemaError
            Missing columns, or text where numbers are needed.
        """
        X = self.transformer.transform(self._checked(table))
        shares = self.reference.predict_proba(X)
        if self.estimator is not None:
            segments = self._as_segments(self.estimator.predict(X))
        else:
            segments = self.reference.classes_[shares.argmax(axis=1)]
        confidence = shares[np.arange(len(X)), np.searchsorted(self.reference.classes_, segments)]
        names = [self.names.get(str(number), str(number)) for number in segments]
        return pd.DataFrame(
            {"segment": segments, "segment_name": names, "confidence": confidence.round(3)},
            index=table.index,
        )

    def _checked(self, table: pd.DataFrame) -> pd.DataFrame:
        missing = [column for column in self.columns if column not in table.columns]
        if missing:
            raise SchemaError(
                f"got a table without {missing}, expected the columns {self.columns}. "
                f"It has {list(table.columns)}: add or rename them."
            )
        used = table[self.columns].copy()
        for column in self.numeric:
            used[column] = _to_numbers(used[column])
        return as_features(used)

    def _as_segments(self, labels: Any) -> IntArray:
        array = np.asarray(labels, dtype=np.int64)
        return np.concatenate([self.numbers_, [OUTLIER]])[array]

    def _fit_reference(self, X: FloatArray, seed: int) -> None:
        rows = np.arange(len(X))
        if len(X) > MAX_REFERENCE_ROWS:
            rng = np.random.default_rng(seed)
            rows = np.sort(rng.choice(rows, MAX_REFERENCE_ROWS, replace=False))
            # Every segment keeps a voice, however small it is.
            rows = np.union1d(rows, np.unique(self.segments_, return_index=True)[1])
        # Brute force is the one index that is saved as plain arrays.
        neighbours = KNeighborsClassifier(min(N_NEIGHBORS, len(rows)), algorithm="brute")
        self.reference = neighbours.fit(X[rows], self.segments_[rows])

    def _cross_examine(self, X: FloatArray) -> tuple[FloatArray, IntArray]:
        """Confidence and majority segment from the neighbours of each, itself left out."""
        if len(X) < 3:
            return np.ones(len(X)), self.segments_
        k = min(N_NEIGHBORS, len(X) - 1)
        near = NearestNeighbors(n_neighbors=k).fit(X).kneighbors(return_distance=False)
        classes, codes = np.unique(self.segments_, return_inverse=True)
        votes = np.stack(
            [(codes[near] == code).sum(axis=1) for code in range(len(classes))], axis=1
        )
        confidence = votes[np.arange(len(X)), codes] / k
        return confidence, classes[votes.argmax(axis=1)]

    def __getstate__(self) -> dict[str, Any]:
        # What was learned about the training customers is a result, not part of the model.
        return {k: v for k, v in vars(self).items() if k not in ("segments_", "confidence_")}


def _numeric(features: Features) -> list[bool]:
    """Whether each column went through a median imputer, which only numbers can."""
    numeric = {}
    for _, pipeline, columns in features.transformer.transformers_:
        if hasattr(pipeline, "named_steps"):
            is_number = pipeline.named_steps["impute"].strategy == "median"
            numeric.update(dict.fromkeys(columns, is_number))
    return [numeric[column] for column in features.columns]


def _predicts(estimator: Any) -> bool:
    if not hasattr(estimator, "predict"):
        return False
    try:
        return not skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    except Exception:  # skops raises many types for estimators that it cannot save
        return False


def _to_numbers(values: pd.Series[Any]) -> pd.Series[float]:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    bad = values[numbers.isna() & values.notna() & (values.astype(str).str.strip() != "")]
    if len(bad) or np.isinf(numbers).any():
        example = bad.iloc[0] if len(bad) else "an infinite value"
        raise SchemaError(
            f"got {example!r} in column {values.name!r} of new customers, expected numbers. "
            f"Correct the {max(len(bad), 1)} affected rows."
        )
    return numbers
