"""The fitted model: schema check, preparation, assignment, segment numbers and names in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray, tidy
from customer_segmentation.segmenter import preparation, schema
from customer_segmentation.segmenter.assigners import BLOCK, PredictAssigner
from customer_segmentation.segmenter.fidelity import follow
from customer_segmentation.segmenter.neighbours import Reference
from customer_segmentation.segmenter.numbering import number_segments, renumbering
from customer_segmentation.segmenter.plain import TRUSTED_TYPES, settings_of
from customer_segmentation.segmenter.schema import Cell, SchemaError
from customer_segmentation.style import OUTLIER_NAME

if TYPE_CHECKING:  # where a model is served, what searches for one need not be installed
    from customer_segmentation.features import Features
    from customer_segmentation.paths.candidates import Candidate

__all__ = ["TRUSTED_TYPES", "SchemaError", "Segmenter", "number_segments"]

BECOMES_FINITE = "values that the preparation makes numbers of (neither NaN nor inf)"


class Segmenter(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Assigns customers to segments: raw rows in; segment, name, confidence, outlier out.

    An algorithm that predicts, and that can be saved without pickle, assigns new customers itself.
    Any other one gets an assigner that follows it; see :mod:`.assigners`.
    A customer with the values of a training customer gets that customer's segment.

    Parameters
    ----------
    clusterer : scikit-learn-compatible clusterer
    transformer : scikit-learn transformer, optional
        Makes the matrix. None fills gaps, standardises numbers and encodes text.
    seed : int
        Draws who is held out to measure the fidelity.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Segment number of every training customer, from 1 on; -1 = outlier. Not saved.
    confidence_ : ndarray of shape (n_samples,)
        Share of a customer's ten nearest fellow customers that are in the same segment, on [0, 1];
        beyond 10,000 customers for most the mean over some of the segment nearby. Not saved.
    numbers_ : ndarray of shape (n_clusters,)
        Segment number of every cluster of the algorithm.
    fidelity_ : float
        Share of customers whom the assigner, without having seen them, puts where the algorithm
        put them. Of an algorithm that predicts: agreement of its predictions with its labels.
    fidelity_per_segment_ : dict, segment -> share
        Outliers are -1.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> table = pd.DataFrame({"spend": [1.0, 2.0, 90.0, 91.0, 92.0]})
    >>> model = Segmenter(KMeans(2, random_state=0)).fit(table)
    >>> model.predict(pd.DataFrame({"spend": ["3", 80]}))
    array([2, 1])
    >>> model.assign(pd.DataFrame({"spend": [80]}, index=["anna"]))
          segment segment_name  confidence  outlier
    anna        1    Segment 1         0.5    False
    """

    def __init__(self, clusterer: Any = None, transformer: Any = None, *, seed: int = 0) -> None:
        self.clusterer = clusterer
        self.transformer = transformer
        self.seed = seed

    @classmethod
    def from_candidate(cls, features: Features, candidate: Candidate, *, seed: int) -> Segmenter:
        """Model of a candidate; customers whom the algorithm did not see are assigned."""
        model = cls(candidate.estimator, features.transformer, seed=seed)
        model.transformer_ = features.transformer
        model.schema_ = schema.of_transformer(features.columns, features.transformer)
        model.columns_in_ = list(features.columns)
        model.n_features_in_ = len(features.columns)
        model.feature_names_in_ = np.array(features.columns, dtype=object)
        return model._learn(features.matrix, candidate.labels, candidate.estimator, candidate.rows)

    def fit(self, X: Any, y: Any = None) -> Segmenter:
        """Cluster the customers of a table in raw units, and learn to assign others."""
        if self.clusterer is None:
            raise ValueError(
                "got clusterer=None, expected a clusterer. Use Segmenter(KMeans(3)), for example."
            )
        table = self._as_table(X, reset=True)
        self.columns_in_ = list(table.columns)
        given = schema.of_table(table)
        chosen = (
            self.transformer if self.transformer is not None else preparation.preparation_for(given)
        )
        self.transformer_ = clone(chosen)
        matrix = preparation.dense(self.transformer_.fit_transform(given.read(table)))
        self.schema_ = given.used_by(self.transformer_)
        clusterer = clone(self.clusterer).fit(matrix)
        labels = clusterer.labels_ if hasattr(clusterer, "labels_") else clusterer.predict(matrix)
        return self._learn(matrix, tidy(labels), clusterer)

    def _learn(
        self, X: FloatArray, labels: IntArray, clusterer: Any, rows: IntArray | None = None
    ) -> Segmenter:
        seen, labels = X if rows is None else X[rows], labels.astype(np.int64)
        self.assigner_, found = follow(clusterer, seen, labels, seed=self.seed)
        if rows is not None:
            everyone = np.asarray(self.assigner_.predict(X), dtype=np.int64)
            everyone[rows] = labels
            labels = everyone
        self.numbers_, self.reference_ = number_segments(X, labels), Reference(X, labels)
        self.labels_ = self._as_segments(labels)
        blocks = [slice(start, start + BLOCK) for start in range(0, len(X), BLOCK)]
        twins = self.reference_.index.twins
        self.confidence_ = np.concatenate(
            [self.reference_.confidence(X[s], labels[s], twins(X[s])) for s in blocks]
        )
        self.fidelity_ = found.overall
        self.fidelity_per_segment_ = {
            int(self._as_segments([label])[0]): share for label, share in found.each.items()
        }
        self.name_segments({})
        return self

    @property
    def clusters_(self) -> IntArray:
        """Cluster of every training customer, as the algorithm numbers them; -1 = outlier."""
        clusters = np.full(len(self.numbers_) + 2, OUTLIER)
        clusters[self.numbers_] = np.arange(len(self.numbers_))
        return clusters[self.labels_]

    @property
    def columns(self) -> list[str]:
        """Columns that a table must have."""
        return self.schema_.columns

    @property
    def numeric(self) -> list[str]:
        """Those of them that must be numbers."""
        return self.schema_.numeric

    @property
    def names(self) -> dict[int, str]:
        """Segment number -> name; outliers are no segment."""
        return {int(n): name for n, name in self.names_.items() if int(n) != OUTLIER}

    @property
    def assigner(self) -> str:
        """How new customers are assigned: predict, core, reach, linkage or neighbours."""
        return str(self.assigner_.word)

    def name_segments(self, names: Mapping[int, str]) -> None:
        """Set the names that :meth:`assign` returns; "Segment 1" and so on where there is none."""
        known = {str(number): f"Segment {number}" for number in sorted(self.numbers_)}
        given = {str(number): name for number, name in names.items()}
        self.names_ = {**known, **given, str(OUTLIER): OUTLIER_NAME}

    def renumbered(self, numbers: Mapping[int, int], names: Mapping[int, str]) -> Segmenter:
        """Copy of the model with other segment numbers and names.

        Parameters
        ----------
        numbers : mapping
            Own segment number -> the number it gets, from 1 on, a different one for each.
        names : mapping
            By the numbers that are given.

        Raises
        ------
        ValueError
            A segment without a number, or two with the same one.
        """
        changed = {**renumbering(self.numbers_, numbers), OUTLIER: OUTLIER}
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.numbers_ = np.array([changed[int(n)] for n in self.numbers_], dtype=np.int64)
        if hasattr(self, "labels_"):
            copy.labels_ = np.array([changed[int(n)] for n in self.labels_], dtype=np.int64)
        copy.fidelity_per_segment_ = {changed[n]: s for n, s in self.fidelity_per_segment_.items()}
        copy.name_segments(names)
        return copy

    def predict(self, X: Any) -> IntArray:
        """Segment number of every customer of a table, -1 for outliers; see :meth:`assign`."""
        return self.predict_with_confidence(X)[0]

    def predict_with_confidence(self, X: Any) -> tuple[IntArray, FloatArray]:
        """Segment number and confidence of every customer of a table; see :meth:`assign`."""
        check_is_fitted(self)
        labels, confidence = self._scored(self._as_table(X))
        return self._as_segments(labels), confidence

    def assign(self, table: pd.DataFrame) -> pd.DataFrame:
        """Segment, name and confidence of every customer of `table`.

        Parameters
        ----------
        table : DataFrame
            With at least the columns the model was fitted on, in raw units and any order. Gaps
            are filled as in training; an unknown category counts as none.

        Returns
        -------
        DataFrame, same index
            Columns ``segment`` (-1 = outlier), ``segment_name``, ``confidence`` (on [0, 1]) and
            ``outlier``.

        Raises
        ------
        SchemaError
            Missing columns, values that are no numbers or not allowed, a customer without any.
        """
        segments, confidence = self.predict_with_confidence(table)
        names = {**self.names, OUTLIER: OUTLIER_NAME}
        return pd.DataFrame(
            {
                "segment": segments,
                "segment_name": pd.Series(segments, dtype="int64").map(names).astype("str").array,
                "confidence": confidence,
                "outlier": segments == OUTLIER,
            },
            index=table.index,
        )

    def problems(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows that cannot be scored: one line per cell, columns row, column, got, expected.

        Raises
        ------
        SchemaError
            Missing columns.
        """
        check_is_fitted(self)
        read, cells = self.schema_.examine(table)
        readable = np.setdiff1d(np.arange(len(read)), [cell.position for cell in cells])
        for row in readable[preparation.unprepared(self.transformer_, read.iloc[readable])]:
            wrong = preparation.culprits(self.transformer_, read.iloc[[row]])
            got = ", ".join(str(value) for value in wrong.iloc[0])
            cells.append(Cell(int(row), ", ".join(map(str, wrong)), got, BECOMES_FINITE))
        return schema.listed(table, cells)

    def check_columns(self, columns: Iterable[Any]) -> None:
        """Refuse a table without the columns of the model, before any row is read."""
        self.schema_.check_columns(columns)

    def _as_table(self, X: Any, *, reset: bool = False) -> pd.DataFrame:
        if isinstance(X, pd.DataFrame):
            if reset:
                validate_data(self, X, skip_check_array=True)
            return schema.with_text_columns(X)
        array = validate_data(self, X, dtype=None, ensure_all_finite=False, reset=reset)
        columns = [f"x{i}" for i in range(array.shape[1])] if reset else self.columns_in_
        return pd.DataFrame(array, columns=columns).infer_objects()

    def _scored(self, table: pd.DataFrame) -> tuple[IntArray, FloatArray]:
        """Cluster and confidence of every row, block by block, so that memory is bounded."""
        read = self.schema_.read(table)
        starts = range(0, len(read), BLOCK)
        try:
            blocks = [self._block(read.iloc[start : start + BLOCK]) for start in starts]
        except ValueError as error:
            found = self.problems(table)
            raise (schema.refusal(found) if len(found) else error) from error
        if not blocks:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        labels, confidence = zip(*blocks, strict=True)
        return np.concatenate(labels), np.concatenate(confidence)

    def _block(self, read: pd.DataFrame) -> tuple[IntArray, FloatArray]:
        X = preparation.prepare(self.transformer_, read)
        labels = self.assigner_.predict(X)
        twins = self.reference_.index.twins(X)
        if self.assigner != PredictAssigner.word:
            labels = np.where(twins >= 0, self.reference_.labels[twins], labels)
        return labels, self.reference_.confidence(X, labels, twins)

    def _as_segments(self, labels: Any) -> IntArray:
        return np.concatenate([self.numbers_, [OUTLIER]])[np.asarray(labels, dtype=np.int64)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.transformer is None  # which fills gaps
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # What was learned about the training customers is a result, not part of the model; and
        # loading must not need the library of a clusterer that assigns nobody.
        results = ("labels_", "confidence_", "clusterer")
        kept = {k: v for k, v in super().__getstate__().items() if k not in results}
        return {**kept, "clusterer": settings_of(self.clusterer)}
