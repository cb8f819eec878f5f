"""Classical RFM scores: quintiles of recency, frequency and monetary value, and named groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray

FIFTHS = (0.2, 0.4, 0.6, 0.8)
# Group -> its recency scores and its value scores, from and to; together they cover all.
GROUPS: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "Champions": ((5, 5), (4, 5)),
    "Loyal customers": ((3, 4), (4, 5)),
    "Potential loyalists": ((4, 5), (2, 3)),
    "New customers": ((5, 5), (1, 1)),
    "Promising": ((4, 4), (1, 1)),
    "Need attention": ((3, 3), (3, 3)),
    "About to sleep": ((3, 3), (1, 2)),
    "Cannot lose them": ((1, 2), (5, 5)),
    "At risk": ((1, 2), (3, 4)),
    "Hibernating": ((1, 2), (1, 2)),
}
_CELLS = np.zeros((6, 6), dtype=np.int64)  # recency score, value score -> group
for _number, ((_r1, _r2), (_v1, _v2)) in enumerate(GROUPS.values()):
    _CELLS[_r1 : _r2 + 1, _v1 : _v2 + 1] = _number


class RFMScores(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Groups customers by their quintiles of recency, frequency and monetary value.

    Each of the three is scored 1 to 5 by the quintiles of the customers it was fitted on, 5 for
    the most recent, most frequent and most spending. Customers with equal values get equal
    scores: the fifth in which the middle of them lies. The value
    score is the rounded mean of those of frequency and money. `GROUPS` says which recency and
    value scores make which group.

    Parameters
    ----------
    monetary_weight : float, default 0.5
        Of the money's score in the value score; the rest is the frequency's.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_columns, 4), n_columns at most 3
        From which value on a customer scores 2, 3, 4 and 5.
    cluster_names_ : list of str
        The groups that any of the customers is in, in the order of `GROUPS`.
    labels_ : ndarray of shape (n_samples,)
        Position of each customer's group among them.

    Notes
    -----
    `X` begins with recency (small is good), frequency and monetary value; more columns are
    ignored. Quintiles are order statistics, so that they are the same customers' values whatever
    increasing transform `X` went through.

    References
    ----------
    Hughes (1994), "Strategic Database Marketing", for the quintiles. The groups are those in
    common use since Putler's guide to RFM, their ranges made to meet without overlap.

    Examples
    --------
    >>> X = [[days, 11 - days, 110 - 10 * days] for days in range(1, 11)]
    >>> model = RFMScores().fit(X)
    >>> [model.cluster_names_[label] for label in model.predict([[2, 9, 90], [9, 2, 20]])]
    ['Champions', 'Hibernating']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "monetary_weight": [Interval(Real, 0, 1, closed="both")]
    }

    def __init__(self, monetary_weight: float = 0.5) -> None:
        self.monetary_weight = monetary_weight

    def fit(self, X: Any, y: Any = None) -> RFMScores:
        """Learn the quintiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        """
        self._validate_params()
        X = validate_data(self, X, dtype=np.float64)
        cuts = [_cuts(column) for column in (X[:, :3] * _direction(X)).T]
        self.thresholds_ = np.array(cuts) * _direction(X).T
        numbers = self._grouped(self._scored(X))
        self.groups_, self.labels_ = np.unique(numbers, return_inverse=True)
        self.cluster_names_ = [list(GROUPS)[number] for number in self.groups_]
        return self

    def scores(self, X: Any) -> IntArray:
        """Score, 1 to 5, of recency, frequency and monetary value.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
        """
        check_is_fitted(self)
        return self._scored(validate_data(self, X, dtype=np.float64, reset=False))

    def predict(self, X: Any) -> IntArray:
        """Position of every customer's group in ``cluster_names_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            -1 for a group that nobody was in when the thresholds were fixed.
        """
        numbers = self._grouped(self.scores(X))
        places = np.full(len(GROUPS), OUTLIER)
        places[self.groups_] = np.arange(len(self.groups_))
        return places[numbers]

    def _scored(self, X: FloatArray) -> IntArray:
        signed, limits = X[:, :3] * _direction(X), self.thresholds_ * _direction(X).T
        beyond: IntArray = (signed[:, :, None] >= limits[None]).sum(axis=2)
        return 1 + beyond

    def _grouped(self, scores: IntArray) -> IntArray:
        frequency, money = scores[:, min(1, scores.shape[1] - 1)], scores[:, -1]
        value = (1 - self.monetary_weight) * frequency + self.monetary_weight * money
        return _CELLS[scores[:, 0], np.floor(value + 0.5).astype(np.int64)]


def _cuts(values: FloatArray) -> FloatArray:
    """Where the fifths begin: the least value whose middle rank is beyond each share."""
    distinct, counts = np.unique(values, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(values)
    beyond = np.nextafter(distinct[-1], np.inf)  # where nobody is, only a higher value counts
    return np.append(distinct, beyond)[np.searchsorted(middle, FIFTHS)]


def _direction(X: FloatArray) -> FloatArray:
    """Recency counts backwards: few days are good."""
    return np.array([[-1.0, 1.0, 1.0]])[:, : X.shape[1]]


def bounds(model: RFMScores, X: FloatArray, table: pd.DataFrame) -> pd.DataFrame:
    """What each score means, in the units of the table.

    Parameters
    ----------
    model : RFMScores
        Fitted.
    X : ndarray of shape (n_samples, n_features)
        What it was fitted on.
    table : DataFrame of shape (n_samples, 3)
        The same customers' recency, frequency and monetary value.

    Returns
    -------
    DataFrame
        Per score: ``from`` and ``to`` of each column, over the customers that have it.

    Examples
    --------
    >>> table = pd.DataFrame({"days": range(1, 11), "orders": range(10, 0, -1),
    ...                       "spend": range(100, 0, -10)})
    >>> bounds(RFMScores().fit(table.to_numpy()), table.to_numpy(), table).iloc[-1].tolist()
    ['5', '1 to 2', '9 to 10', '90 to 100']
    """
    scores = model.scores(X)
    rows = []
    for score in range(1, 6):
        row: dict[str, object] = {"score": str(score)}
        for place, column in enumerate(table.columns[: scores.shape[1]]):
            values = table[column][scores[:, place] == score]
            row[str(column)] = f"{values.min():.6g} to {values.max():.6g}" if len(values) else ""
        rows.append(row)
    return pd.DataFrame(rows)


def groups() -> pd.DataFrame:
    """The named groups and their scores: group, recency score, value score.

    Examples
    --------
    >>> groups().iloc[0].tolist()
    ['Champions', '5', '4 to 5']
    """
    rows = [(name, _span(recency), _span(value)) for name, (recency, value) in GROUPS.items()]
    return pd.DataFrame(rows, columns=["group", "recency score", "value score"])


def _span(ends: Sequence[int]) -> str:
    low, high = ends
    return str(low) if low == high else f"{low} to {high}"
