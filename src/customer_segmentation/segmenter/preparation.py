"""From a table that was read to a matrix: where nobody has chosen how, and where it fails."""

from __future__ import annotations

import warnings
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.schema import Schema

QUIET = Lock()  # what is said of warnings is said for all threads: one at a time
FARTHEST = 1e30  # beyond it, squares of distances overflow


def preparation_for(schema: Schema) -> ColumnTransformer:
    """Unfitted transformer: gaps filled, numbers standardised, text as one column per level.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [20.0, None, 40.0], "sex": ["f", "m", "f"]})
    >>> preparation_for(Schema(["age", "sex"], ["age"], {})).fit_transform(table).round(1)
    array([[-1.2,  1. ,  0. ],
           [ 0. ,  0. ,  1. ],
           [ 1.2,  1. ,  0. ]])
    """
    text = [column for column in schema.columns if column not in schema.numeric]
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    levels = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    steps = [("numbers", numbers, schema.numeric), ("levels", levels, text)]
    return ColumnTransformer([step for step in steps if step[2]])


def prepare(transformer: Any, read: pd.DataFrame) -> FloatArray:
    """Matrix of a table, by a fitted transformer.

    Parameters
    ----------
    transformer : scikit-learn transformer
    read : DataFrame, shape (n_samples, n_columns)

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Finite; what is beyond 1e30 is put there, where distances can still be told.

    Raises
    ------
    ValueError
        Some value gives no finite number, such as a negative amount in a logarithm.
    """
    with np.errstate(all="ignore"):
        matrix = _transformed(transformer, read)
    if not np.isfinite(matrix).all():
        raise ValueError("got values that the transformer makes no finite numbers of.")
    return np.clip(matrix, -FARTHEST, FARTHEST)


def _transformed(transformer: Any, read: pd.DataFrame) -> FloatArray:
    """What the transformer gives; of columns of text, each different row goes through it once."""
    parts = getattr(transformer, "transformers_", [])
    if not parts or not all(isinstance(columns, list) for _, _, columns in parts):
        return _quietly(transformer, read)
    places = [transformer.output_indices_[name] for name, _, _ in parts]
    X = np.empty((len(read), max(place.stop for place in places)))
    for (_, step, columns), place in zip(parts, places, strict=True):
        if place.start == place.stop:  # dropped
            continue
        if (read[columns].dtypes == "category").any():
            first, which = _different(read[columns])
            X[:, place] = _quietly(step, read[columns].iloc[first])[which]
        else:
            X[:, place] = dense(step.transform(read[columns]))
    return X


def _quietly(transformer: Any, read: pd.DataFrame) -> FloatArray:
    with QUIET, warnings.catch_warnings():
        # A level that was not there in training is none of the known ones, as promised.
        warnings.filterwarnings("ignore", "Found unknown categories")
        return dense(transformer.transform(read))


def _different(table: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """The first of all equal rows, and which of these each row is equal to."""
    which = np.zeros(len(table), dtype=np.int64)
    for _, cells in table.items():
        codes = pd.factorize(cells)[0] if cells.dtype != "category" else cells.cat.codes.to_numpy()
        which = pd.factorize(which * (codes.max(initial=0) + 2) + codes + 1)[0]
    return np.flatnonzero(np.diff(np.maximum.accumulate(which), prepend=-1)), which


def unprepared(transformer: Any, read: pd.DataFrame) -> IntArray:
    """Positions of the rows that :func:`prepare` fails on, found by halving the table.

    Examples
    --------
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> unprepared(FunctionTransformer(np.log), pd.DataFrame({"spend": [1.0, -1.0, 5.0, 0.0]}))
    array([1, 3])
    """
    try:
        prepare(transformer, read)
    except ValueError:
        middle = len(read) // 2
        if middle == 0:
            return np.arange(len(read))
        left, right = read.iloc[:middle], read.iloc[middle:]
        return np.concatenate(
            [unprepared(transformer, left), middle + unprepared(transformer, right)]
        )
    return np.zeros(0, dtype=np.int64)


def culprits(transformer: Any, row: pd.DataFrame) -> pd.DataFrame:
    """Columns of a row that :func:`prepare` fails on: those without which it would not, or all.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [20.0, 30.0], "spend": [1.0, 2.0]})
    >>> fitted = preparation_for(Schema(["age", "spend"], ["age", "spend"], {})).fit(table)
    >>> culprits(fitted, pd.DataFrame({"age": [25.0], "spend": [np.inf]})).columns.tolist()
    ['spend']
    """
    numbers = map(str, row.select_dtypes("number"))
    alone = [c for c in numbers if not len(unprepared(transformer, row.assign(**{c: np.nan})))]
    return row[alone] if alone else row


def dense(matrix: Any) -> FloatArray:
    """The output of a transformer as a plain array."""
    return np.ascontiguousarray(matrix.toarray() if issparse(matrix) else matrix, dtype=float)
